-- read_spec.lua: the reading calls of lua_read.c, all of which move one cursor.
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

-- Loops that break at once are part of what is tested.
-- luacheck: ignore 512

local TEN = savefile.write(savefile.numbered(10))
local MANY = savefile.write(savefile.numbered(9000))

-- Ten packets and half an eleventh.
local function truncated()
  local bytes = savefile.bytes(savefile.numbered(11, 40))
  return temporary.file(bytes:sub(1, -21))
end

local function open(name)
  return assert(pcap.open_offline(name or TEN))
end

local function number_of(packet)
  return packet:u32(0)
end

-- A callback that notes the numbers of its packets in the list that comes first.
local function noting()
  local seen = {}
  return seen, function(packet) seen[#seen + 1] = number_of(packet) end
end

local function check_numbers(seen, first, last)
  test.equal(#seen, last - first + 1)
  for i, number in ipairs(seen) do test.equal(number, first + i - 1) end
end

local both = { "loop", "dispatch" }

for _, call in ipairs(both) do
  test(call .. " consumes exactly as many packets as asked for, for every n", function()
    for n = 1, 12 do
      local handle <close> = open()
      local seen, note = noting()
      test.equal(handle[call](handle, n, note), math.min(n, 10))
      check_numbers(seen, 1, math.min(n, 10))
      local packet = handle:next()
      test.equal(packet and number_of(packet), n < 10 and n + 1 or nil)
    end
  end)

  test(call .. " with n of 0 or less reads to the end", function()
    for _, n in ipairs { 0, -1, -2, math.mininteger } do
      local handle <close> = open(MANY)
      local seen, note = noting()
      test.equal(handle[call](handle, n, note), 9000)
      check_numbers(seen, 1, 9000)
      test.equal(handle[call](handle, n, note), 0)
      test.equal(#seen, 9000)
    end
  end)

  test(call .. " gives 0 at the end of the file, again and again", function()
    local handle <close> = open()
    handle[call](handle, 10, function() end)
    for _ = 1, 3 do
      test.equal(select("#", handle[call](handle, 1, error)), 1)
      test.equal(handle[call](handle, 1, error), 0)
      test.equal(handle[call](handle, 0, error), 0)
    end
  end)

  test(call .. " gives -1, message, code after a cut file, packets before it delivered", function()
    local handle <close> = open(truncated())
    local seen, note = noting()
    local count, message, code = handle[call](handle, 0, note)
    check_numbers(seen, 1, 10)
    test.equal(count, -1)
    test.equal(code, "EBADMSG")
    assert(message:find("truncated", 1, true), message)
    test.equal(handle:geterr(), message)
    test.equal(handle[call](handle, 0, note), -1)
    test.equal(#seen, 10)
  end)

  test(call .. " of the packets before a cut gives their number, then the error comes", function()
    local handle <close> = open(truncated())
    local seen, note = noting()
    test.equal(handle[call](handle, 10, note), 10)
    check_numbers(seen, 1, 10)
    test.equal(handle[call](handle, 1, note), -1)
  end)

  test(call .. " gives what it processed when breakloop ends it, and goes on after", function()
    local handle <close> = open()
    local seen = {}
    test.equal(handle[call](handle, 0, function(packet)
      seen[#seen + 1] = number_of(packet)
      if #seen == 3 then handle:breakloop() end
    end), 3)
    check_numbers(seen, 1, 3)
    local rest, note = noting()
    test.equal(handle[call](handle, 0, note), 7)
    check_numbers(rest, 4, 10)
  end)

  test(call .. " gives BREAK when breakloop came before it, once, and loses nothing", function()
    local handle <close> = open()
    test.equal(pcap.BREAK, -2)
    handle:breakloop()
    test.equal(handle[call](handle, 0, error), pcap.BREAK)
    local seen, note = noting()
    test.equal(handle[call](handle, 0, note), 10)
    check_numbers(seen, 1, 10)
  end)

  test(call .. " that n and breakloop end at one packet leaves no break behind", function()
    local handle <close> = open()
    test.equal(handle[call](handle, 2, function(packet)
      if number_of(packet) == 2 then handle:breakloop() end
    end), 2)
    test.equal(handle[call](handle, 2, function() end), 2)
  end)

  test(call .. " raises for a wrong argument, and consumes nothing", function()
    local handle <close> = open()
    test.raises("number expected", handle[call], handle)
    test.raises("number expected", handle[call], handle, "many", print)
    test.raises("function expected", handle[call], handle, 1)
    test.raises("function expected", handle[call], handle, 1, {})
    test.raises("handle expected", pcap[call], {}, 1, print)
    test.raises("handle expected", pcap[call])
    test.equal(number_of(handle:next()), 1)
  end)

  test(call .. " passes on the very error object that its callback raised", function()
    local handle <close> = open(MANY)
    local objects = {
      "text", {}, setmetatable({}, { __tostring = function() error "in __tostring" end }), false,
      17, print, n = 7, -- and nil
    }
    for i = 1, objects.n do
      local ok, problem = pcall(handle[call], handle, 0, function() error(objects[i], 0) end)
      test.equal(ok, false)
      assert(rawequal(problem, objects[i]))
      test.equal(number_of(handle:next()), 2 * i)
    end
    local seen, note = noting()
    test.equal(handle[call](handle, 0, note), 9000 - 2 * objects.n)
    check_numbers(seen, 2 * objects.n + 1, 9000)
  end)

  test(call .. " whose callback raised after breakloop leaves no break behind", function()
    local handle <close> = open()
    pcall(handle[call], handle, 0, function()
      handle:breakloop()
      error "again"
    end)
    test.equal(handle[call](handle, 0, function() end), 9)
  end)
end

test("loop and dispatch are functions too", function()
  local handle <close> = open()
  test.equal(pcap.loop(handle, 4, function() end), 4)
  test.equal(pcap.dispatch(handle, 4, function() end), 4)
  test.equal(number_of(pcap.next(handle)), 9)
end)

test("next gives packet, seconds, microseconds, and plain nil at the end", function()
  local handle <close> = open()
  for number = 1, 10 do
    local packet, sec, usec = handle:next()
    test.equal(number_of(packet), number)
    test.equal(sec, 1000 + number)
    test.equal(usec, number)
  end
  for _ = 1, 3 do
    test.equal(select("#", handle:next()), 1)
    test.equal(handle:next(), nil)
  end
end)

test("next gives plain nil after breakloop, once", function()
  local handle <close> = open()
  handle:breakloop()
  test.equal(select("#", handle:next()), 1)
  test.equal(number_of(handle:next()), 1)
  handle:breakloop()
  test.equal(handle:next(), nil)
  test.equal(number_of(handle:next()), 2)
end)

test("next gives nil, message, code on a read error, again and again", function()
  local handle <close> = open(truncated())
  for number = 1, 10 do test.equal(number_of(handle:next()), number) end
  for _ = 1, 3 do test.fails("EBADMSG", handle:next()) end
end)

test("calls of every kind in any order share one cursor", function()
  test.seed()
  for _ = 1, 10 do
    local handle <close> = open(MANY)
    local at, bad = 0, nil
    local function note(packet)
      at = at + 1
      if number_of(packet) ~= at then bad = bad or at end
    end
    local ways = {
      function(n) test.equal(handle:loop(n, note), n) end,
      function(n) test.equal(handle:dispatch(n, note), n) end,
      function() note(handle:next()) end,
      function(n)
        for packet in handle:packets() do
          note(packet)
          n = n - 1
          if n <= 0 then break end
        end
      end,
      function()
        for batch in handle:batches() do
          for packet in batch:each() do note(packet) end
          break
        end
      end,
    }
    while at < 8000 do ways[math.random(at < 4500 and #ways or 4)](math.random(1000)) end
    handle:loop(0, note)
    test.equal(at, 9000)
    test.equal(bad, nil)
    test.equal(handle:counters().delivered, 9000)
  end
end)

test("packets hands out every packet, and break leaves the cursor after the last", function()
  local handle <close> = open()
  for packet in handle:packets() do
    if number_of(packet) == 4 then break end
  end
  local rest = {}
  for packet in handle:packets() do rest[#rest + 1] = number_of(packet) end
  check_numbers(rest, 5, 10)
end)

test("packets raises on a read error, after the packets before it", function()
  local handle <close> = open(truncated())
  local count = 0
  test.raises("truncated", function()
    for _ in handle:packets() do count = count + 1 end
  end)
  test.equal(count, 10)
end)

test("packets ends at breakloop and can be begun again", function()
  local handle <close> = open()
  local seen = {}
  for _ = 1, 2 do
    for packet in handle:packets() do
      seen[#seen + 1] = number_of(packet)
      if #seen == 5 then handle:breakloop() end
    end
    if #seen == 5 then test.equal(number_of(handle:next()), 6) end
  end
  test.equal(#seen, 9)
end)

test("a reading call of a handle in its own callback raises, and harms nothing", function()
  local handle <close> = open()
  local seen = {}
  test.equal(handle:loop(0, function(packet)
    seen[#seen + 1] = number_of(packet)
    test.raises("loop", handle.loop, handle, 1, print)
    test.raises("dispatch", handle.dispatch, handle, 1, print)
    test.raises("next", handle.next, handle)
    test.raises("packets", handle.packets, handle)
    test.raises("callback", function() for _ in handle:batches() do break end end)
    test.equal(number_of(packet), #seen)
  end), 10)
  check_numbers(seen, 1, 10)
end)

test("an iterator begun before cannot be used in a callback of its handle", function()
  local handle <close> = open()
  local step, state = handle:packets()
  handle:loop(1, function() test.raises("callback", step, state) end)
  test.equal(number_of(step(state)), 2)
end)

test("a callback may read another handle", function()
  local handle <close> = open()
  local total = 0
  test.equal(handle:loop(0, function(packet)
    local other <close> = open()
    local seen, note = noting()
    test.equal(other:loop(0, note), 10)
    check_numbers(seen, 1, 10)
    total = total + number_of(packet)
  end), 10)
  test.equal(total, 55)
end)

test("close in a callback of the handle happens at the callback's end", function()
  local handle = open()
  local after
  test.equal(handle:loop(0, function(packet)
    if number_of(packet) < 3 then return end
    handle:close()
    handle:close()
    after = number_of(packet)
    test.raises("closed", handle.datalink, handle)
    test.raises("closed", handle.loop, handle, 1, print)
  end), 3)
  test.equal(after, 3)
  test.raises("closed", handle.next, handle)
  test.equal(tostring(handle), "capengine.handle (closed)")
end)

test("close in a callback that then raises still closes", function()
  local handle = open()
  test.raises("afterwards", handle.loop, handle, 0, function()
    handle:close()
    error "afterwards"
  end)
  test.raises("closed", handle.next, handle)
end)

test("a callback may close another handle, also one whose callback called it", function()
  local other = open()
  local handle <close> = open()
  test.equal(handle:loop(2, function() other:close() end), 2)
  test.raises("closed", other.next, other)
  local outer = open()
  test.equal(outer:loop(0, function()
    local inner <close> = open()
    inner:loop(2, function() outer:close() end)
    test.raises("closed", outer.datalink, outer)
  end), 1)
  test.raises("closed", outer.next, outer)
end)

test("a yield in a callback is a clear error and leaves the handle usable", function()
  local handle <close> = open()
  local thread = coroutine.create(function()
    return handle:loop(0, function() coroutine.yield "no" end)
  end)
  local ok, message = coroutine.resume(thread)
  test.equal(ok, false)
  assert(tostring(message):find("yield", 1, true), message)
  test.equal(number_of(handle:next()), 2)
end)

test("iterators can yield: packets and batches in coroutines", function()
  local handle <close> = open()
  local next_number = coroutine.wrap(function()
    for packet in handle:packets() do
      coroutine.yield(number_of(packet))
      if number_of(packet) == 5 then break end
    end
    for batch in handle:batches() do
      for packet in batch:each() do coroutine.yield(number_of(packet)) end
    end
  end)
  for number = 1, 10 do test.equal(next_number(), number) end
  test.equal(next_number(), nil)
end)

test("a loop may run in a coroutine, and its handle be read on from another", function()
  local handle <close> = open()
  local seen, note = noting()
  for _ = 1, 5 do
    assert(coroutine.wrap(function() return handle:loop(2, note) end)() == 2)
  end
  check_numbers(seen, 1, 10)
end)

test("a callback may collect garbage, set a filter, break and read counters", function()
  local handle <close> = open()
  local seen = {}
  local filter = assert(handle:compile "greater 0")
  test.equal(handle:loop(0, function(packet)
    seen[#seen + 1] = number_of(packet)
    collectgarbage()
    test.equal(handle:setfilter(filter), 0)
    test.equal(handle:counters().delivered, #seen)
    test.equal(number_of(packet), #seen)
  end), 10)
  check_numbers(seen, 1, 10)
end)

test("a handle that only its running loop holds is not collected", function()
  local count = open():loop(0, function() collectgarbage() end)
  test.equal(count, 10)
end)

test("loops in callbacks of loops without end raise", function()
  local deepest = 0
  local function descend(depth)
    local handle <close> = open()
    deepest = math.max(deepest, depth)
    handle:loop(1, function() descend(depth + 1) end)
  end
  local ok, message = pcall(descend, 1)
  test.equal(ok, false)
  assert(deepest > 10, deepest)
  assert(tostring(message):find "overflow" or tostring(message):find "open files", message)
end)
