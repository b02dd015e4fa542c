-- column_spec.lua: fields of whole batches, as lua_column.c gives them to scripts.
local ce = require "capengine"
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

-- Loops that break at once are part of what is tested.
-- luacheck: ignore 512

local COUNT = 9000
local packets = {}
for number = 1, COUNT do
  packets[number] = number % 3 == 0 and savefile.tcp(number) or
    savefile.udp(number, ("x"):rep(number % 7))
end
local MANY = savefile.write(packets)
local FEW = savefile.write { savefile.udp(5, "12"), savefile.tcp(7), savefile.udp(9), "short" }

local function open(name) return assert(pcap.open_offline(name or MANY)) end

-- The one batch of a short file.
local function batch_of(handle)
  for batch in handle:batches() do return batch end
end

test("entry k of a column is the value of packet k, or nil", function()
  local handle <close> = open()
  local number = 0
  for batch in handle:batches() do
    local tcp, udp = batch:column "tcp.dstport", batch:column "udp.dstport"
    test.equal(#tcp, #batch)
    for k = 1, #batch do
      number = number + 1
      test.equal(tcp[k], number % 3 == 0 and number or nil)
      test.equal(udp[k], number % 3 ~= 0 and number or nil)
    end
  end
  test.equal(number, COUNT)
end)

test("columns have all kinds of values", function()
  local handle <close> = open(FEW)
  local batch = batch_of(handle)
  test.equal(batch:column "ip.src"[1], "10.0.0.1")
  test.equal(batch:column "tcp.flags.syn"[2], true)
  test.equal(batch:column "udp.payload"[1], "12")
  test.equal(batch:column "frame"[4], "short")
  test.equal(batch:column "flow.key"[2], "10.0.0.1:40000 10.0.0.2:7 6")
  test.equal(batch:column "ip.src"[4], nil)
end)

test("a column has no entry before 1 and after its last", function()
  local handle <close> = open(FEW)
  local column = batch_of(handle):column "frame.len"
  test.equal(column[0], nil)
  test.equal(column[-1], nil)
  test.equal(column[5], nil)
  test.equal(column[math.maxinteger], nil)
  test.equal(column[math.mininteger], nil)
  assert(column[4])
  test.raises("number expected", function() return column.name end)
  test.raises("", function() column[1] = 1 end)
end)

test("sum, min and max are over the packets that have the field", function()
  local handle <close> = open(FEW)
  local batch = batch_of(handle)
  test.equal(batch:sum "udp.dstport", 14)
  test.equal(batch:min "udp.dstport", 5)
  test.equal(batch:max "udp.dstport", 9)
  test.equal(batch:sum "frame.len", batch:column "frame.len"[1] + 54 + 42 + 5)
  test.equal(batch:sum "tcp.flags.syn", 1)
  test.equal(batch:max "frame.time_epoch", batch:column "frame.time_epoch"[4])
  test.equal(batch:sum "sctp.srcport", 0)
  test.equal(batch:min "sctp.srcport", nil)
  test.equal(batch:max "sctp.srcport", nil)
end)

test("sums over batches are sums over packets, of every width", function()
  for _, name in ipairs { "frame.len", "udp.length", "flow.proto", "flow.hash", "ip.flags.df",
      "frame.number" } do
    local field, by_packet, by_batch, least, most = ce.field(name), 0, 0, nil, nil
    local one <close> = open()
    local two <close> = open()
    for packet in one:packets() do by_packet = by_packet + (tonumber(field(packet)) or 0) end
    for batch in two:batches() do
      by_batch = by_batch + batch:sum(name)
      least = math.min(least or math.maxinteger, batch:min(name))
      most = math.max(most or math.mininteger, batch:max(name))
    end
    test.equal(by_batch, by_packet)
    assert(least <= most)
  end
end)

test("what has no number, no column or no name raises", function()
  local handle <close> = open(FEW)
  local batch = batch_of(handle)
  test.raises("ip.src: not a number", batch.sum, batch, "ip.src")
  test.raises("flow.key: not a number", batch.min, batch, "flow.key")
  test.raises("frame: not a number", batch.max, batch, "frame")
  test.raises("choose tcp.srcport or tcp.dstport", batch.sum, batch, "tcp.port")
  test.raises("choose ip.src or ip.dst", batch.column, batch, "ip.addr")
  test.raises("did you mean udp.length?", batch.sum, batch, "udp.lenght")
  test.raises("expected", batch.column, batch)
  test.raises("expected", batch.column, handle, "frame.len")
end)

test("a column used after its batch raises", function()
  local handle <close> = open()
  local before
  for batch in handle:batches() do
    if before then
      test.raises("batch used after", function() return before[1] end)
      break
    end
    before = batch:column "udp.dstport"
    test.equal(before[1], 1)
  end
  assert(before)
  handle:close()
  test.raises("batch used after", function() return before[1] end)
end)

test("a column keeps its batch and handle alive", function()
  local column = batch_of(open(FEW)):column "udp.dstport"
  collectgarbage()
  collectgarbage()
  test.equal(column[1], 5)
end)

test("a column is of its batch's packets, not of what a filter left out", function()
  local handle <close> = open()
  handle:setfilter(assert(handle:compile "tcp"))
  local number = 0
  for batch in handle:batches() do
    local ports = batch:column "tcp.dstport"
    for k = 1, #ports do
      number = number + 3
      test.equal(ports[k], number)
    end
    test.equal(batch:sum "udp.dstport", 0)
  end
  test.equal(number, COUNT)
end)

test("the rest of a batch has the rest of the columns", function()
  local handle <close> = open()
  handle:loop(100, function() end)
  local batch = batch_of(handle)
  test.equal(batch:min "flow.dstport", 101)
  test.equal(batch:column "flow.dstport"[1], 101)
end)

test("a filter that is set between two looks at a batch does not change it", function()
  local handle <close> = open(FEW)
  handle:setfilter(assert(handle:compile "udp"))
  local batch = batch_of(handle)
  local before = batch:sum "frame.len"
  handle:setfilter(assert(handle:compile "tcp"))
  test.equal(batch:sum "frame.len", before)
  test.equal(batch:column "udp.dstport"[1], 5)
end)

test("columns of two handles stand side by side", function()
  local one <close> = open()
  local two <close> = open()
  two:loop(4000, function() end)
  local first, second = batch_of(one):column "flow.dstport", batch_of(two):column "flow.dstport"
  for k = 1, #second do test.equal(first[k] + 4000, second[k]) end
end)
