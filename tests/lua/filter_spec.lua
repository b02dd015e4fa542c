-- filter_spec.lua: filters of scripts, lua_bpf.c. They select, they do not delete.
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

local RAW = pcap.datalink_name_to_val "RAW"

-- 12,000 datagrams in several batches: the nth to port n % 3, and says n.
local function datagrams(count)
  local packets = {}
  for number = 1, count do
    packets[number] = savefile.udp(number % 3, string.pack(">I4", number))
  end
  return packets
end

local COUNT = 12000
local MANY = savefile.write(datagrams(COUNT))

local function open(name)
  return assert(pcap.open_offline(name or MANY))
end

local function number_of(packet)
  return packet:u32(42)
end

local function set(handle, expression)
  test.equal(handle:setfilter(assert(handle:compile(expression))), 0)
end

-- received = filtered + delivered + undelivered, when all is read.
local function check_balance(handle, delivered)
  local counters = handle:counters()
  test.equal(counters.received, COUNT)
  test.equal(counters.captured, COUNT)
  test.equal(counters.delivered, delivered)
  test.equal(counters.filtered, COUNT - delivered)
  test.equal(counters.undelivered, 0)
end

test("compile gives nil, message, code for what is no filter", function()
  local handle <close> = open()
  for _, expression in ipairs { "prot tcp", "tcp and", "((tcp)", "port 99999999", "ether", "))",
      "ip host 1.2.3.4.5", "tcp[", "vlan foo", "\1\2\3", "len > ", "'", "src", "0 = = 0" } do
    local message = test.fails("EINVAL", handle:compile(expression))
    test.equal(handle:geterr(), message)
  end
end)

test("compile refuses a NUL, and says where it is", function()
  local handle <close> = open()
  local message = test.fails("EINVAL", handle:compile "tcp\0 or udp")
  assert(message:find("byte 4", 1, true), message)
  test.fails("EINVAL", handle:compile "\0")
end)

-- The value, or nil with message and code; in a time that a person would wait.
local function in_time(handle, expression)
  local start = os.time()
  local bpf, message, code = handle:compile(expression)
  assert(os.time() - start < 30, "too slow")
  if not bpf then test.fails(code, bpf, message, code) end
  return bpf
end

test("an expression of 1 MB is refused or taken, in bounded time", function()
  local handle <close> = open()
  in_time(handle, ("x"):rep(1 << 20))
  in_time(handle, (" "):rep(1 << 20) .. "udp")
  in_time(handle, ("9"):rep(1 << 20))
  in_time(handle, ("not "):rep(1 << 18) .. "udp")
  in_time(handle, ("udp and "):rep(1 << 17))
end)

test("parentheses of any depth are refused or taken, and never a crash", function()
  local handle <close> = open()
  for _, depth in ipairs { 1, 10, 100, 1000, 10000, 100000, 500000 } do
    local bpf = in_time(handle, ("("):rep(depth) .. "udp" .. (")"):rep(depth))
    if depth <= 10 then assert(bpf) end
  end
  in_time(handle, ("("):rep(500000))
  in_time(handle, ("len > " .. ("("):rep(100000) .. "1" .. (")"):rep(100000)))
end)

test("compile raises for a wrong argument", function()
  local handle <close> = open()
  test.raises("string expected", handle.compile, handle)
  test.raises("string expected", handle.compile, handle, {})
  test.raises("number expected", handle.compile, handle, "ip", "mask")
  test.raises("32 bits", handle.compile, handle, "ip", 1 << 32)
  test.raises("bpf expected", handle.setfilter, handle, "udp")
  test.raises("bpf expected", handle.setfilter, handle)
end)

test("a bpf object prints its expression, and none of it is a script's to change", function()
  local handle <close> = open()
  local bpf = handle:compile "udp port 2"
  test.equal(tostring(bpf), "bpf: udp port 2")
  test.equal(getmetatable(bpf), false)
end)

test("compile takes lookupnet's netmask, nil and pcap.NETMASK_UNKNOWN", function()
  local handle <close> = open()
  assert(handle:compile("udp", 0xffffff00))
  assert(handle:compile("udp", nil))
  assert(handle:compile("udp", pcap.NETMASK_UNKNOWN))
  test.fails("EINVAL", handle:compile "ip broadcast") -- which needs a netmask
  local broadcast = assert(handle:compile("ip broadcast", 0xffffff00))
  local function matches(address)
    local frame = savefile.udp(1)
    local name = savefile.write { frame:sub(1, 30) .. address .. frame:sub(35) }
    local other <close> = open(name)
    local packet = other:next()
    return broadcast:offline_filter(packet)
  end
  test.equal(matches "\10\0\0\255", true)
  test.equal(matches "\10\0\0\254", false)
  test.equal(matches "\10\0\255\0", true)
end)

test("a filter set before reading chooses what is handed out", function()
  local handle <close> = open()
  set(handle, "udp port 1")
  local expected = 1
  test.equal(handle:loop(0, function(packet)
    test.equal(number_of(packet), expected)
    expected = expected + 3
  end), COUNT // 3)
  check_balance(handle, COUNT // 3)
end)

test("a filter that rejects all gives 0 packets, and all are counted as filtered", function()
  local handle <close> = open()
  set(handle, "tcp")
  test.equal(handle:loop(0, error), 0)
  test.equal(handle:next(), nil)
  check_balance(handle, 0)
end)

test("the empty filter takes everything", function()
  local handle <close> = open()
  set(handle, "tcp")
  set(handle, "")
  test.equal(handle:loop(0, function() end), COUNT)
  check_balance(handle, COUNT)
end)

-- A plan of { after packet number, port or nil for all }: what must be seen.
local function expected_numbers(changes)
  local numbers, port, at = {}, nil, 1
  for number = 1, COUNT do
    if not port or number % 3 == port then numbers[#numbers + 1] = number end
    while changes[at] and changes[at][1] == #numbers do
      port = changes[at][2]
      at = at + 1
    end
  end
  return numbers
end

local function expression_of(port)
  return port and "udp port " .. port or ""
end

local function random_changes()
  local changes, after = {}, 0
  for i = 1, math.random(6) do
    after = after + math.random(1200)
    changes[i] = { after, math.random(0, 3) }
    if changes[i][2] == 3 then changes[i][2] = nil end
  end
  return changes
end

local function check_seen(seen, changes)
  local expected = expected_numbers(changes)
  test.equal(#seen, #expected)
  for i = 1, #seen do test.equal(seen[i], expected[i]) end
end

test("a filter set in a callback holds from the very next packet, and loses none", function()
  test.seed()
  for _ = 1, 20 do
    local handle <close> = open()
    local changes, seen, at = random_changes(), {}, 1
    handle:loop(0, function(packet)
      seen[#seen + 1] = number_of(packet)
      while changes[at] and changes[at][1] == #seen do
        set(handle, expression_of(changes[at][2]))
        at = at + 1
      end
    end)
    check_seen(seen, changes)
    check_balance(handle, #seen)
  end
end)

test("a filter set between calls holds from the very next packet, and loses none", function()
  test.seed()
  for _ = 1, 20 do
    local handle <close> = open()
    local changes, seen, at = random_changes(), {}, 1
    local function note(packet) seen[#seen + 1] = number_of(packet) end
    while changes[at] do
      local wanted = changes[at][1] - #seen
      if wanted == 1 then note(handle:next()) elseif wanted > 1 then handle:loop(wanted, note) end
      set(handle, expression_of(changes[at][2]))
      at = at + 1
    end
    handle:dispatch(0, note)
    check_seen(seen, changes)
    check_balance(handle, #seen)
  end
end)

test("a filter set while packets iterates holds from the very next packet", function()
  local handle <close> = open()
  local seen = 0
  for packet in handle:packets() do
    seen = seen + 1
    if seen == 10 then set(handle, "udp port 0") end
    if seen > 10 then test.equal(number_of(packet) % 3, 0) end
  end
  test.equal(seen, 10 + (COUNT - 9) // 3)
  check_balance(handle, seen)
end)

test("what one filter rejected and nobody went past, the next may still want", function()
  local handle <close> = open()
  test.equal(number_of(handle:next()), 1)
  set(handle, "udp port 0")
  set(handle, "udp port 2")
  test.equal(number_of(handle:next()), 2)
  set(handle, "tcp")
  set(handle, "")
  test.equal(number_of(handle:next()), 3)
end)

test("a filter that cannot be set leaves the one before in force", function()
  local handle <close> = open()
  set(handle, "udp port 1")
  local other <close> = pcap.open_dead(pcap.datalink_name_to_val "IEEE802_11", 1000)
  local wlan = assert(other:compile "type mgt")
  local rc, message, code = handle:setfilter(wlan)
  test.equal(rc, -1)
  test.equal(code, "EINVAL")
  test.equal(handle:geterr(), message)
  test.equal(handle:loop(0, function(packet) test.equal(number_of(packet) % 3, 1) end), COUNT // 3)
end)

test("a bpf object of one handle works on another with another link type", function()
  local ethernet <close> = open()
  local bpf = assert(ethernet:compile "udp port 2")
  local raw <close> = open(savefile.write({ savefile.raw_udp(1), savefile.raw_udp(2) },
    { linktype = 101 }))
  test.equal(raw:datalink(), RAW)
  test.equal(raw:setfilter(bpf), 0)
  local count = 0
  raw:loop(0, function(packet)
    test.equal(packet:u16(22), 2)
    count = count + 1
  end)
  test.equal(count, 1)
  test.equal(ethernet:setfilter(bpf), 0)
  test.equal(ethernet:loop(0, function() end), COUNT // 3)
end)

test("a bpf object outlives its handle", function()
  local bpf
  do
    local handle <close> = open()
    bpf = assert(handle:compile "udp port 2")
  end
  collectgarbage()
  local handle <close> = open()
  test.equal(handle:setfilter(bpf), 0)
  bpf = nil -- luacheck: ignore
  collectgarbage()
  test.equal(number_of(handle:next()), 2)
end)

test("a filter compiled and set inside a callback may be collected there", function()
  local handle <close> = open()
  local count = 0
  handle:loop(200, function()
    count = count + 1
    set(handle, count % 2 == 0 and "udp" or "udp port 1 or udp port 2")
    collectgarbage()
  end)
  test.equal(count, 200)
end)

test("offline_filter says whether a packet matches, a view or a kept one", function()
  local handle <close> = open()
  local bpf = assert(handle:compile "udp port 1")
  local count = 0
  handle:loop(30, function(packet)
    local expected = number_of(packet) % 3 == 1
    test.equal(bpf:offline_filter(packet), expected)
    test.equal(pcap.offline_filter(bpf, packet:keep()), expected)
    count = count + 1
  end)
  test.equal(count, 30)
  test.raises("packet expected", bpf.offline_filter, bpf, "bytes")
end)

test("packets that filters touch are cut short at any length without harm", function()
  local frame, packets = savefile.tcp(80), {}
  for bytes = 0, #frame do packets[bytes + 1] = { frame:sub(1, bytes), len = #frame } end
  local handle <close> = open(savefile.write(packets))
  set(handle, "tcp dst port 80 and tcp[tcpflags] & tcp-syn != 0")
  test.equal(handle:loop(0, function(packet) assert(#packet >= 48) end), 7)
end)

test("open_dead compiles for any link type and has no packets", function()
  local handle <close> = pcap.open_dead(RAW, 1000)
  test.equal(handle:datalink(), RAW)
  test.equal(handle:snapshot(), 1000)
  assert(handle:compile "tcp")
  test.fails("EINVAL", handle:compile "ether src 1:2:3:4:5:6")
  test.equal(handle:loop(0, error), 0)
end)
