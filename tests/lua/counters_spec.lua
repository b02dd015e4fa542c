-- counters_spec.lua: handle:counters() says where every packet went.
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local NAMES = { "received", "captured", "kernel_drops", "interface_drops", "filtered",
  "delivered", "undelivered", "written" }

local packets = {}
for number = 1, 5000 do packets[number] = savefile.udp(number % 2) end
local MANY = savefile.write(packets)

local function open(name)
  return assert(pcap.open_offline(name or MANY))
end

local function check(handle, expected)
  local counters = handle:counters()
  for _, name in ipairs(NAMES) do
    if counters[name] ~= (expected[name] or 0) then
      error(("%s is %s; expected %d"):format(name, counters[name], expected[name] or 0), 2)
    end
  end
end

local function set(handle, expression)
  test.equal(handle:setfilter(assert(handle:compile(expression))), 0)
end

test("counters are eight integers, all 0 before the first read", function()
  local handle <close> = open()
  local count = 0
  for name, value in pairs(handle:counters()) do
    test.equal(math.type(value), "integer")
    assert(table.concat(NAMES, " "):find(name, 1, true), name)
    count = count + 1
  end
  test.equal(count, #NAMES)
  check(handle, {})
end)

test("each call gives a new table, which a script may change", function()
  local handle <close> = open()
  handle:counters().received = 99
  check(handle, {})
end)

test("counters balance when all has been read, whatever read it", function()
  local ways = {
    function(handle) handle:loop(0, function() end) end,
    function(handle) handle:dispatch(0, function() end) end,
    function(handle) while handle:next() do end end,
    function(handle) for _ in handle:packets() do end end,
    function(handle) for _ in handle:batches() do end end,
  }
  for _, read in ipairs(ways) do
    local handle <close> = open()
    read(handle)
    check(handle, { received = 5000, captured = 5000, delivered = 5000 })
    local filtered <close> = open()
    set(filtered, "udp port 1")
    read(filtered)
    check(filtered, { received = 5000, captured = 5000, delivered = 2500, filtered = 2500 })
    local none <close> = open()
    set(none, "tcp")
    read(none)
    check(none, { received = 5000, captured = 5000, filtered = 5000 })
  end
end)

test("a packet is delivered once it was handed out, also when its callback raised", function()
  local handle <close> = open()
  handle:loop(3, function() end)
  pcall(handle.loop, handle, 5, function() error "out" end)
  handle:next()
  test.equal(handle:counters().delivered, 5)
end)

test("what two filters reject in turn is counted once", function()
  local handle <close> = open()
  for i = 1, 100 do
    set(handle, i % 2 == 0 and "udp port 0" or "udp port 1")
    handle:next()
  end
  set(handle, "tcp")
  test.equal(handle:next(), nil)
  check(handle, { received = 5000, captured = 5000, delivered = 100, filtered = 4900 })
end)

test("counters balance after random calls and filters", function()
  test.seed()
  for _ = 1, 20 do
    local handle <close> = open()
    local delivered = 0
    for _ = 1, math.random(40) do
      if math.random(3) == 1 then set(handle, ({ "udp port 0", "tcp", "" })[math.random(3)]) end
      if math.random(2) == 1 then
        delivered = delivered + handle:loop(math.random(200), function() end)
      elseif handle:next() then
        delivered = delivered + 1
      end
    end
    delivered = delivered + handle:loop(0, function() end)
    check(handle, { received = 5000, captured = 5000, delivered = delivered,
      filtered = 5000 - delivered })
  end
end)

test("a cut file's whole packets are counted, the cut one is not", function()
  local bytes = temporary.read(MANY)
  local handle <close> = open(temporary.file(bytes:sub(1, -3)))
  test.equal(handle:loop(0, function() end), -1)
  check(handle, { received = 4999, captured = 4999, delivered = 4999 })
end)

test("written counts what dumpers wrote, open and closed ones", function()
  local handle <close> = open()
  local one = assert(handle:dump_open "/dev/null")
  handle:loop_dump(10)
  one:dump_close()
  local other = assert(handle:dump_open "/dev/null")
  handle:loop_dump(5)
  other:dump(handle:next())
  test.equal(handle:counters().written, 16)
  other:dump_close()
  test.equal(handle:counters().written, 16)
  test.equal(handle:counters().delivered, 16)
end)

test("written does not count what a full disk refused", function()
  local handle <close> = open()
  local dumper = assert(handle:dump_open "/dev/full")
  test.equal(handle:loop_dump(0), -1)
  dumper:dump_close()
  test.equal(handle:counters().written, 0)
end)
