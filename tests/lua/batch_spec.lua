-- batch_spec.lua: the batches that lua_batch.c gives to scripts.
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

-- Loops that break at once are part of what is tested.
-- luacheck: ignore 512

local COUNT = 10000
local MANY = savefile.write(savefile.numbered(COUNT, 40))

local function open(name)
  return assert(pcap.open_offline(name or MANY))
end

test("batches hand out every packet once, in order", function()
  local handle <close> = open()
  local number, batches = 0, 0
  for batch in handle:batches() do
    batches = batches + 1
    local first = number
    for packet in batch:each() do
      number = number + 1
      test.equal(packet:u32(0), number)
    end
    test.equal(#batch, number - first)
    test.equal(batch:count(), number - first)
    assert(#batch >= 1 and #batch <= 4096)
  end
  test.equal(number, COUNT)
  assert(batches >= 3)
  test.equal(handle:counters().delivered, COUNT)
end)

test("each may be run any number of times, also one inside the other", function()
  local handle <close> = open(savefile.write(savefile.numbered(20)))
  for batch in handle:batches() do
    for _ = 1, 3 do
      local pairs_seen = 0
      for one in batch:each() do
        for other in batch:each() do
          if one == other then pairs_seen = pairs_seen + 1 end
        end
      end
      test.equal(pairs_seen, #batch)
    end
  end
end)

test("break out of each leaves the batch as it is", function()
  local handle <close> = open()
  for batch in handle:batches() do
    local first
    for packet in batch:each() do first = packet:u32(0) break end
    for packet in batch:each() do
      test.equal(packet:u32(0), first)
      break
    end
  end
end)

test("a handed out batch counts as read: the next call goes on behind it", function()
  local handle <close> = open()
  local size
  for batch in handle:batches() do
    size = #batch
    break
  end
  test.equal(handle:next():u32(0), size + 1)
end)

test("batches hand out the rest of the current batch first", function()
  local handle <close> = open()
  handle:loop(100, function() end)
  local seen = 100
  for batch in handle:batches() do
    for packet in batch:each() do
      seen = seen + 1
      test.equal(packet:u32(0), seen)
    end
  end
  test.equal(seen, COUNT)
end)

test("a batch and its packets are good until the next is read, also after break", function()
  local handle <close> = open()
  local kept
  for batch in handle:batches() do
    kept = batch
    break
  end
  for packet in kept:each() do assert(packet:u32(0) <= #kept) end
  handle:next()
  test.raises("batch used after", kept.count, kept)
end)

test("a batch used after the next was read raises in every call", function()
  local handle <close> = open()
  local before, packet_before, uses = nil, nil, 0
  for batch in handle:batches() do
    if before then
      test.raises("batch used after", before.count, before)
      test.raises("batch used after", before.each, before)
      test.raises("batch used after", function() return #before end)
      test.raises("packet used after", packet_before.len, packet_before)
      uses = uses + 1
    end
    before = batch
    for packet in batch:each() do packet_before = packet end
  end
  assert(uses >= 2)
end)

test("an iterator of a batch that is over raises", function()
  local handle <close> = open()
  local step, state, start
  for batch in handle:batches() do
    step, state, start = batch:each()
    break
  end
  local packet = step(state, start)
  test.equal(packet:u32(0), 1)
  handle:loop(5000, function() end)
  test.raises("batch used after", step, state, packet)
  test.raises("batch used after", step, state, nil)
end)

test("a batch used after close or collection of its handle raises", function()
  local kept
  do
    local handle <close> = open()
    for batch in handle:batches() do
      kept = batch
      break
    end
    collectgarbage()
    assert(#kept > 0)
  end
  test.raises("batch used after", kept.count, kept)
  for batch in open():batches() do
    kept = batch
    break
  end
  collectgarbage()
  assert(#kept > 0, "a batch keeps its handle")
end)

test("each with a control value of another kind or batch raises", function()
  local handle <close> = open(savefile.write(savefile.numbered(10)))
  local other <close> = open()
  local far = nil
  for packet in other:packets() do
    far = packet
    if packet:u32(0) == 4000 then break end
  end
  for batch in handle:batches() do
    local step, state = batch:each()
    test.raises("not a packet of this batch", step, state, far)
    test.raises("expected", step, state, 1)
    test.raises("expected", step, state, "text")
    test.raises("expected", step, {}, nil)
  end
end)

test("each with a packet that is in the ring's batch but not in this one raises", function()
  local handle <close> = open()
  local before = handle:next()
  handle:setfilter(assert(handle:compile "ether[3] & 1 = 0"))
  for batch in handle:batches() do
    local step, state = batch:each()
    test.equal(step(state, nil):u32(0), 2)
    test.raises("not a packet of this batch", step, state, before)
    test.equal(before:u32(0), 1)
    break
  end
end)

test("a batch of which a filter rejects packets counts and hands out the others", function()
  local handle <close> = open()
  handle:setfilter(assert(handle:compile "ether[3] & 1 = 0"))
  local number = 0
  for batch in handle:batches() do
    local first = number
    for packet in batch:each() do
      number = number + 2
      test.equal(packet:u32(0), number)
    end
    test.equal(#batch, (number - first) // 2)
    for packet in batch:each() do
      test.equal(packet:u32(0), first + 2)
      break
    end
  end
  test.equal(number, COUNT)
end)

test("a filter chooses what a batch holds", function()
  local handle <close> = open()
  handle:setfilter(assert(handle:compile "ether[3] < 16"))
  local count = 0
  for batch in handle:batches() do
    count = count + #batch
    for packet in batch:each() do assert(packet:u8(3) < 16) end
  end
  local expected = 0
  for number = 1, COUNT do if number % 256 < 16 then expected = expected + 1 end end
  test.equal(count, expected)
end)

test("a filter set while a batch is handed out holds from the next batch", function()
  local handle <close> = open()
  local count, first = 0, nil
  for batch in handle:batches() do
    if not first then
      first = #batch
      handle:setfilter(assert(handle:compile "ether[0] = 1")) -- matches nothing
      local seen = 0
      for _ in batch:each() do seen = seen + 1 end
      test.equal(seen, first)
    end
    count = count + #batch
  end
  test.equal(count, first)
  local counters = handle:counters()
  test.equal(counters.delivered, first)
  test.equal(counters.filtered, COUNT - first)
end)

test("batches raise on a read error, after the packets before it", function()
  local bytes = temporary.read(MANY)
  local handle <close> = open(temporary.file(bytes:sub(1, -11)))
  local count = 0
  test.raises("truncated", function()
    for batch in handle:batches() do count = count + #batch end
  end)
  test.equal(count, COUNT - 1)
end)

test("batches and each can be used in coroutines that yield", function()
  local handle <close> = open()
  local numbers = coroutine.wrap(function()
    for batch in handle:batches() do
      for packet in batch:each() do coroutine.yield(packet:u32(0)) end
    end
  end)
  for number = 1, COUNT do test.equal(numbers(), number) end
  test.equal(numbers(), nil)
end)

test("break with a closure over the packet runs on Lua 5.4.4 as it should", function()
  local handle <close> = open()
  local get
  for batch in handle:batches() do
    for packet in batch:each() do
      get = function() return packet:u32(0) end
      break
    end
    break
  end
  test.equal(get(), 1)
end)
