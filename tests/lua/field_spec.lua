-- field_spec.lua: fields of packets, as lua_field.c gives them to scripts.
local ce = require "capengine"
local command = require "support.command"
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

local COUNT = 9000

-- Packets to one port after the other, of TCP and UDP in turn.
local function packet(number)
  return number % 2 == 0 and savefile.tcp(number) or savefile.udp(number, "payload")
end

local packets = {}
for number = 1, COUNT do packets[number] = packet(number) end
local MANY = savefile.write(packets)
local FEW = savefile.write { savefile.udp(53, "hello"), savefile.tcp(443), "short" }

local function first_of(name)
  local handle = assert(pcap.open_offline(name))
  return handle:next(), handle
end

test("an extractor gives the value of its field, or nil", function()
  local port, number = ce.field "udp.dstport", ce.field "frame.number"
  local wire_len = ce.field "frame.len"
  local ports = {}
  local handle <close> = assert(pcap.open_offline(FEW))
  for one in handle:packets() do
    ports[#ports + 1] = port(one) or "none"
    test.equal(wire_len(one), one:wire_len())
    test.equal(number(one), #ports)
  end
  test.equal(table.concat(ports, " "), "53 none none")
end)

test("values are integers, booleans and strings as their field says", function()
  local one, _ <close> = first_of(FEW)
  test.equal(ce.field "ip.src" (one), "10.0.0.1")
  test.equal(ce.field "eth.src" (one), "02:00:00:00:00:01")
  test.equal(ce.field "ip.ttl" (one), 64)
  test.equal(ce.field "ip.flags.df" (one), false)
  test.equal(ce.field "udp.payload" (one), "hello")
  test.equal(ce.field "frame" (one), tostring(one))
  test.equal(ce.field "frame.time_epoch" (one), one:time())
  test.equal(ce.field "flow.key" (one), "10.0.0.1:40000 10.0.0.2:53 17")
  test.equal(math.type(ce.field "flow.hash" (one)), "integer")
end)

test("a field with parts gives one value for each", function()
  local one, _ <close> = first_of(FEW)
  local src, dst = ce.field "udp.port" (one)
  test.equal(src, 40000)
  test.equal(dst, 53)
  test.equal(select("#", ce.field "tcp.port" (one)), 2)
  test.equal((ce.field "tcp.port" (one)), nil)
  src, dst = ce.field "ip.addr" (one)
  test.equal(src .. " " .. dst, "10.0.0.1 10.0.0.2")
end)

test("an extractor of several fields gives their values in this order", function()
  local get = ce.field("udp.dstport", "tcp.dstport", "ip.addr", "frame.len", "ip.flags.df")
  local handle <close> = assert(pcap.open_offline(FEW))
  local seen = {}
  for one in handle:packets() do
    local udp, tcp, src, dst, len, df = get(one)
    seen[#seen + 1] = table.concat({ tostring(udp), tostring(tcp), tostring(src),
      tostring(dst), tostring(len == one:wire_len()), tostring(df) }, " ")
    test.equal(table.concat({ select("#", get(one)), select("#", get(one:keep())) }, " "), "6 6")
    test.equal((select(5, get(one:keep()))), one:wire_len())
  end
  test.equal(table.concat(seen, "\n"), "53 nil 10.0.0.1 10.0.0.2 true false\n"
    .. "nil 443 10.0.0.1 10.0.0.2 true false\nnil nil nil nil true nil")
end)

test("an extractor of several fields sees through a batch that was decoded anew", function()
  local get, late = ce.field("tcp.dstport", "udp.dstport"), ce.field "frame.number"
  local handle <close> = assert(pcap.open_offline(MANY))
  for one in handle:packets() do
    local tcp, udp = get(one)
    local number = late(one)
    test.equal(tcp, number % 2 == 0 and number or nil)
    test.equal(udp, number % 2 == 1 and number or nil)
  end
end)

test("an extractor has a name at least, and sixteen values at most", function()
  test.raises("string expected", ce.field)
  test.raises("16 values are the most", ce.field, table.unpack((function()
    local names = {}
    for i = 1, 17 do names[i] = "ip.ttl" end
    return names
  end)()))
  test.raises("there is no field ip.tl", ce.field, "ip.ttl", "ip.tl")
end)

test("all fields have extractors, and fields names them", function()
  local one, _ <close> = first_of(FEW)
  local names, known = ce.fields(), {}
  for _, name in ipairs(names) do
    known[name] = true
    ce.field(name)(one)
  end
  assert(#names > 100 and known["tcp.srcport"] and known["flow.key"])
end)

test("a name that no field has raises, with one that looks like it", function()
  test.raises("there is no field ip.scr; did you mean ip.src?", ce.field, "ip.scr")
  test.raises("there is no field http.host", ce.field, "http.host")
  test.raises("expected", ce.field, nil)
  test.raises("expected", ce.field, {})
end)

test("an extractor takes packets alone", function()
  local port = ce.field "udp.dstport"
  for _, value in ipairs { 1, "text", {}, true } do test.raises("packet", port, value) end
  test.raises("packet", port)
end)

-- In a state of its own: nothing was read in it before.
test("an extractor that has seen nothing takes packets alone", function()
  local result = command.run("", [[
    local get = require("capengine").field("ip.src", "ip.dst")
    for _, value in ipairs { 1, "text", {}, true } do assert(not pcall(get, value)) end
    print(pcall(get))
  ]])
  test.equal(result.out:match "^false.-packet" and result.status, 0)
end)

-- The first value is a string long enough to be new each time, and the collector has been
-- told that the next one is one too many: it runs its finalizers there.
test("an extractor among whose values a finalizer closes the handle raises", function()
  local get = ce.field("frame", "ip.src", "ip.dst")
  local one, handle = first_of(MANY)
  collectgarbage "stop"
  setmetatable({}, { __gc = function() handle:close() end })
  collectgarbage("incremental", 100, 1000, 30)
  collectgarbage "restart"
  local ok, message = pcall(get, one)
  collectgarbage("incremental", 200, 100, 13) -- as it is by default
  assert(not ok and message:find("after its batch", 1, true), message)
end)

test("extractors see every packet of every batch, and each only its own", function()
  local handle <close> = assert(pcap.open_offline(MANY))
  local tcp, udp, number = ce.field "tcp.dstport", ce.field "udp.dstport", ce.field "frame.number"
  local count = 0
  assert(handle:loop(0, function(one)
    count = count + 1
    test.equal(number(one), count)
    test.equal(tcp(one), count % 2 == 0 and count or nil)
    test.equal(udp(one), count % 2 == 1 and count or nil)
  end) == COUNT)
end)

test("an extractor given a packet after its batch raises", function()
  local handle <close> = assert(pcap.open_offline(MANY))
  local port = ce.field "tcp.dstport"
  local before = handle:next()
  port(before)
  handle:loop(5000, function() end)
  test.raises("after", port, before)
  handle:close()
  test.raises("after", port, before)
end)

test("a kept packet has its fields for ever, its number too", function()
  local kept = {}
  do
    local handle <close> = assert(pcap.open_offline(MANY))
    handle:loop(6000, function(one)
      if #kept < 3 or one:time() % 5000 == 0 then kept[#kept + 1] = one:keep() end
    end)
  end
  collectgarbage()
  local number, src, port = ce.field "frame.number", ce.field "ip.src", ce.field "flow.dstport"
  for i, one in ipairs(kept) do
    if i <= 3 then test.equal(number(one), i) end
    test.equal(port(one), number(one))
    test.equal(src(one), "10.0.0.1")
  end
  assert(#kept >= 3)
end)

test("a kept packet has the link type that it was captured with", function()
  local raw = savefile.write({ savefile.raw_udp(99) }, { linktype = 101 })
  local one = first_of(raw):keep()
  local other, _ <close> = first_of(FEW)
  local port = ce.field "udp.dstport"
  test.equal(port(other), 53)
  test.equal(port(one), 99)
  test.equal(port(other), 53)
end)

test("several handles are decoded at once", function()
  local one <close> = assert(pcap.open_offline(MANY))
  local two <close> = assert(pcap.open_offline(MANY))
  local port = ce.field "flow.dstport"
  two:loop(1000, function() end)
  for number = 1, 3000 do
    local first, second = one:next(), two:next()
    test.equal(port(first), number)
    test.equal(port(second), number + 1000)
    test.equal(port(first), number)
  end
end)

test("a filter that is set in a callback brings packets with fields", function()
  local handle <close> = assert(pcap.open_offline(MANY))
  local port, seen = ce.field "flow.dstport", {}
  handle:setfilter(assert(handle:compile "tcp"))
  handle:loop(20, function(one)
    seen[#seen + 1] = port(one)
    if #seen == 5 then handle:setfilter(assert(handle:compile "udp")) end
  end)
  test.equal(table.concat(seen, " ", 1, 8), "2 4 6 8 10 11 13 15")
end)

test("an extractor outlives the handle whose packets it saw", function()
  local port = ce.field "udp.dstport"
  for _ = 1, 3 do
    local one, _ <close> = first_of(FEW)
    test.equal(port(one), 53)
  end
  collectgarbage()
  local one, _ <close> = first_of(FEW)
  test.equal(port(one), 53)
end)
