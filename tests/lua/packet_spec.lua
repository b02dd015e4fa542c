-- packet_spec.lua: the packet that lua_packet.c gives to scripts.
--
-- With CAPENGINE_EXPIRE_EACH=1 a packet is over when its callback has returned,
-- else when its batch is.
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

local EXPIRED = "packet used after its batch"
local expire_each = os.getenv "CAPENGINE_EXPIRE_EACH" ~= nil
local many = savefile.write(savefile.numbered(10000, 40))

-- Call look(packet) on a packet of these bytes, and on a kept copy of it.
local function with_packet(packet, look, options)
  local handle <close> = assert(pcap.open_offline(savefile.write({ packet }, options)))
  local kept
  assert(handle:loop(0, function(view)
    kept = view:keep()
    look(view)
  end) == 1)
  look(kept)
end

local function check_expired(packet)
  for name in pairs { byte = 1, keep = 1, len = 1, sub = 1, time = 1, u8 = 1, u16 = 1, u32 = 1,
      unpack = 1, wire_len = 1 } do
    test.raises(EXPIRED, packet[name], packet, 0)
  end
  test.raises(EXPIRED, tostring, packet)
  test.raises(EXPIRED, function() return #packet end)
end

test("readers give big-endian integers at byte offsets", function()
  with_packet("\x12\x34\x56\xff\xfe", function(packet)
    test.equal(packet:u8(0), 0x12)
    test.equal(packet:u16(0), 0x1234)
    test.equal(packet:u16(1), 0x3456)
    test.equal(packet:u32(0), 0x123456ff)
    test.equal(packet:u32(1), 0x3456fffe)
    test.equal(packet:u8(4), 0xfe)
  end)
end)

test("readers give nil when the packet ends before the field, and at negative offsets", function()
  with_packet("abcde", function(packet)
    test.equal(packet:u8(5), nil)
    test.equal(packet:u16(4), nil)
    test.equal(packet:u32(2), nil)
    for _, offset in ipairs { -1, -2, -5, math.mininteger, math.maxinteger,
        math.maxinteger - 3, 1 << 32, (1 << 32) + 1, -(1 << 32) } do
      test.equal(packet:u8(offset), nil)
      test.equal(packet:u16(offset), nil)
      test.equal(packet:u32(offset), nil)
    end
    test.equal(packet:u16(3), 0x6465)
    test.equal(packet:u32(1), 0x62636465)
  end)
end)

test("an empty packet is legal", function()
  with_packet({ "", len = 60 }, function(packet)
    test.equal(#packet, 0)
    test.equal(tostring(packet), "")
    test.equal(packet:wire_len(), 60)
    test.equal(packet:u8(0), nil)
    test.equal(packet:sub(1), "")
    test.equal(packet:byte(), nil)
    test.equal(select("#", packet:byte(1, -1)), 0)
    test.equal(#packet:keep(), 0)
  end)
end)

test("a wrong argument raises", function()
  with_packet("abc", function(packet)
    test.raises("number expected", packet.u16, packet)
    test.raises("number expected", packet.u16, packet, {})
    test.raises("no integer representation", packet.u16, packet, 1.5)
    test.raises("number expected", packet.sub, packet)
    test.raises("packet expected", packet.len, "abc")
    test.raises("packet expected", packet.len, io.stdout)
    test.raises("packet expected", packet.len)
  end)
end)

test("byte and sub are string.byte and string.sub for every i and j", function()
  test.seed()
  local odd = { 0, 1, -1, math.mininteger, math.maxinteger, math.mininteger + 1 }
  local function position(len)
    if math.random(8) == 1 then return odd[math.random(#odd)] end
    return math.random(-len - 3, len + 3)
  end
  for _ = 1, 12 do
    local bytes = {}
    for i = 1, math.random(0, 40) do bytes[i] = string.char(math.random(0, 255)) end
    with_packet(table.concat(bytes), function(packet)
      local text = tostring(packet)
      test.equal(text, table.concat(bytes))
      test.equal(packet:len(), #text)
      test.equal(#packet, #text)
      test.equal(packet:byte(), text:byte())
      for _ = 1, 200 do
        local i, j = position(#text), position(#text)
        test.equal(packet:sub(i), text:sub(i))
        test.equal(packet:sub(i, j), text:sub(i, j))
        test.equal((packet:byte(i)), (text:byte(i)))
        test.equal(table.concat({ packet:byte(i, j) }, " "), table.concat({ text:byte(i, j) }, " "))
      end
    end)
  end
end)

test("unpack is string.unpack, from any position and with its errors", function()
  with_packet("\1\2\3\4hello\0rest", function(packet)
    local text = tostring(packet)
    for _, format in ipairs { ">I2 I2", "<I4 z", "B B s1", "", ">I4 z c4" } do
      for _, at in ipairs { 1, 2, -4, 5 } do
        local mine = table.pack(pcall(packet.unpack, packet, format, at))
        local lua = table.pack(pcall(string.unpack, format, text, at))
        test.equal(mine[1], lua[1])
        if lua[1] then
          test.equal(mine.n, lua.n)
          test.equal(table.concat(mine, ",", 2, mine.n), table.concat(lua, ",", 2, lua.n))
        end
      end
    end
    test.equal(packet:unpack(">I4"), 0x01020304)
    test.raises("data string too short", packet.unpack, packet, ">I8 I8")
    test.raises("out of string", packet.unpack, packet, "B", 100)
    test.raises("invalid format", packet.unpack, packet, "?")
  end)
end)

test("the largest packet there is gives all its bytes at once", function()
  local largest = string.char(1):rep(262143) .. "\255"
  with_packet(largest, function(packet)
    test.equal(#packet, 262144)
    test.equal(tostring(packet), largest)
    test.equal(packet:u8(262143), 255)
    test.equal(packet:u8(262144), nil)
    test.equal(packet:u32(262140), 0x010101ff)
    test.equal(select("#", packet:byte(1, -1)), 262144)
  end)
end)

test("wire_len, time and the callback's arguments say what the savefile says", function()
  for _, order in ipairs { "<", ">" } do
    for _, nano in ipairs { false, true } do
      local frac = nano and 123456789 or 123456
      local packet = { "abcd", sec = 3000000000, frac = frac, len = 1500 }
      local expected = 3000000000 * 1000000000 + (nano and 123456789 or 123456000)
      with_packet(packet, function(view)
        test.equal(view:time(), expected)
        test.equal(view:wire_len(), 1500)
        test.equal(view:len(), 4)
      end, { order = order, nano = nano })
      local handle <close> = assert(pcap.open_offline(savefile.write({ packet },
        { order = order, nano = nano })))
      handle:loop(1, function(view, len, sec, usec)
        test.equal(#view, 4)
        test.equal(len, 1500)
        test.equal(sec, 3000000000)
        test.equal(usec, 123456)
      end)
    end
  end
end)

test("a packet is a light userdata: none of its fields can be set", function()
  with_packet("ab", function(packet)
    test.equal(type(packet), "userdata")
    test.equal(getmetatable(packet), false)
    test.raises("index", function() packet.note = 1 end)
  end)
end)

test("a member that packets do not have raises, and names the one that was meant", function()
  with_packet("ab", function(packet)
    test.raises("a packet has no member wire_length; did you mean wire_len?", function()
      return packet:wire_length()
    end)
    test.raises("a packet has no member src; ce.field reads its fields", function()
      return packet.src
    end)
  end)
end)

-- How much Lua's heap grows, in bytes, while something is done to a new handle.
local function growth(done)
  local handle <close> = assert(pcap.open_offline(many))
  handle:next() -- the first read starts the thread
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  done(handle)
  local after = collectgarbage "count"
  collectgarbage "restart"
  return (after - before) * 1024
end

test("nothing is allocated for a packet, whatever hands it out", function()
  local count, sum = 0, 0
  local function look(packet)
    count = count + 1
    sum = sum + packet:u32(0) + packet:byte(1) + packet:time() + packet:wire_len() + #packet
  end
  for what, done in pairs {
    loop = function(handle) handle:loop(0, look) end,
    dispatch = function(handle) while handle:dispatch(4999, look) > 0 do end end,
    next = function(handle)
      local packet = handle:next()
      while packet do look(packet) packet = handle:next() end
    end,
    packets = function(handle) for packet in handle:packets() do look(packet) end end,
    batches = function(handle)
      for batch in handle:batches() do for packet in batch:each() do look(packet) end end
    end,
  } do
    count = 0
    local bytes = growth(done)
    test.equal(count, 9999)
    -- A batch is an object of half a KiB, whatever the number of its packets.
    if bytes > 5000 then error(("%s: %d bytes for 9999 packets"):format(what, bytes)) end
  end
end)

test("keep gives a copy that outlives its batch, its handle and collections", function()
  local handle = assert(pcap.open_offline(many))
  local kept = {}
  handle:loop(9000, function(packet)
    if #kept < 50 then kept[#kept + 1] = packet:keep() end
  end)
  handle:close()
  handle = nil -- luacheck: ignore
  collectgarbage()
  for number, packet in ipairs(kept) do
    test.equal(packet:u32(0), number)
    test.equal(#packet, 40)
    test.equal(packet:wire_len(), 40)
    test.equal(packet:time(), (1000 + number) * 1000000000 + number * 1000)
    test.equal(packet:keep(), packet)
    test.equal(packet:unpack(">I4"), number)
    test.equal(tostring(packet), packet:sub(1, -1))
  end
end)

test("two packets of one batch are two values, equal only to themselves", function()
  local handle <close> = assert(pcap.open_offline(savefile.write(savefile.numbered(100))))
  local seen, count = {}, 0
  for batch in handle:batches() do
    local first
    for packet in batch:each() do
      assert(not seen[packet])
      seen[packet] = true
      count = count + 1
      first = first or packet
      test.equal(first:u32(0), 1)
      test.equal(packet:u32(0), count)
      test.equal(packet == first, count == 1)
    end
  end
  test.equal(count, 100)
end)

-- Read on while packets of before are held by `hold`, and check that each
-- gives its own bytes or raises, and that all have expired in the end.
local function check_expiry(hold)
  local handle <close> = assert(pcap.open_offline(many))
  local held, number, expired = {}, 0, 0
  handle:loop(0, function(packet)
    number = number + 1
    if number % 100 == 1 then held[#held + 1] = { get = hold(packet), number = number } end
    if number % 1000 ~= 0 then return end
    for _, one in ipairs(held) do
      local ok, found = pcall(function() return one.get():u32(0) end)
      if ok then
        test.equal(found, one.number)
      else
        assert(tostring(found):find(EXPIRED, 1, true), found)
        expired = expired + 1
      end
    end
  end)
  test.equal(number, 10000)
  assert(expired > 100, "no batch ended: too few packets for this test")
  handle:close()
  for _, one in ipairs(held) do check_expired(one.get()) end
end

test("a packet kept in a table past its batch raises, and never shows another's bytes", function()
  check_expiry(function(packet)
    local box = { packet }
    return function() return box[1] end
  end)
end)

test("a packet kept in an upvalue past its batch raises", function()
  check_expiry(function(packet)
    return function() return packet end
  end)
end)

test("a packet kept in a coroutine past its batch raises", function()
  check_expiry(function(packet)
    local thread = coroutine.wrap(function()
      while true do coroutine.yield(packet) end
    end)
    thread()
    return thread
  end)
end)

test("a packet used by a finalizer past its batch raises there", function()
  local found = {}
  local handle <close> = assert(pcap.open_offline(many))
  handle:loop(20, function(packet)
    setmetatable({}, { __gc = function() found[#found + 1] = { pcall(packet.u32, packet, 0) } end })
  end)
  handle:loop(9000, function() end)
  collectgarbage()
  collectgarbage()
  test.equal(#found, 20)
  for _, result in ipairs(found) do
    assert(result[1] and result[2] <= 20 or tostring(result[2]):find(EXPIRED, 1, true), result[2])
  end
end)

test("a packet expires with close, also with one in its own callback", function()
  local handle = assert(pcap.open_offline(many))
  local first = handle:next()
  test.equal(first:u32(0), 1)
  handle:close()
  check_expired(first)
  local kept
  local other = assert(pcap.open_offline(many))
  other:loop(0, function(packet)
    kept = packet
    other:close()
    test.equal(packet:u32(0), 1)
  end)
  check_expired(kept)
end)

test("a packet expires when its handle is collected", function()
  local packet
  do
    local handle = assert(pcap.open_offline(many))
    packet = handle:next()
  end
  collectgarbage()
  collectgarbage()
  check_expired(packet)
end)

test("packets of two handles that are read in turn stay apart", function()
  local one <close> = assert(pcap.open_offline(many))
  local other <close> = assert(pcap.open_offline(savefile.write(
    { "\255\0\0\1", "\255\0\0\2", "\255\0\0\3" })))
  for number = 1, 3 do
    local here, there = one:next(), other:next()
    test.equal(here:u32(0), number)
    test.equal(there:u32(0), 0xff000000 + number)
    assert(here ~= there)
  end
end)

test("handles made one after the other never make an expired packet valid again", function()
  local old = {}
  for _ = 1, 60 do
    local handle <close> = assert(pcap.open_offline(many))
    local packet = handle:next()
    for _, one in ipairs(old) do
      assert(one ~= packet)
      test.raises(EXPIRED, one.u32, one, 0)
    end
    old[#old + 1] = packet
  end
end)

-- debug.upvalueid is where pure Lua gets a light userdata that is no packet.
test("light userdata of others print and compare as ever, and raise on a method", function()
  local up, down = 1, 2
  local function closure() return up, down end
  local one, other = debug.upvalueid(closure, 1), debug.upvalueid(closure, 2)
  assert(tostring(one):find "^userdata: 0x%x+$", tostring(one))
  test.equal(type(one), "userdata")
  test.equal(one == other, false)
  test.equal(one == debug.upvalueid(closure, 1), true)
  test.raises("packet expected", function() return one:len() end)
  test.raises("packet expected", function() return #one end)
  test.raises("packet expected", function() return one:keep() end)
end)

if expire_each then
  test("a packet expires with its callback, though its batch goes on", function()
    local handle <close> = assert(pcap.open_offline(many))
    local before
    handle:loop(100, function(packet)
      test.equal(packet:u8(0), 0)
      if before then check_expired(before) end
      before = packet
    end)
    check_expired(before)
    local first = handle:next()
    test.equal(first:u32(0), 101)
    handle:next()
    check_expired(first)
  end)
else
  test("a packet is good until the loop moves on to the next batch", function()
    local handle <close> = assert(pcap.open_offline(savefile.write(savefile.numbered(50))))
    local seen = {}
    handle:loop(50, function(packet)
      seen[#seen + 1] = packet
      for number, one in ipairs(seen) do test.equal(one:u32(0), number) end
    end)
    test.equal(seen[1]:u32(0), 1)
  end)
end
