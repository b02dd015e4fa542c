-- distinct_spec.lua: capengine.distinct, as lua_distinct.c gives it.
local ce = require "capengine"
local flows = require "support.flows"
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

-- Add packets of the sources from first to last, each twice.
local function add(distinct, first, last)
  local packets = {}
  for src = first, last do
    packets[#packets + 1] = flows.packet { src = src }
    packets[#packets + 1] = flows.packet { src = src, dst = 1 }
  end
  local handle <close> = assert(pcap.open_offline(savefile.write(packets)))
  for batch in handle:batches() do distinct:add(batch) end
  return distinct
end

local function near(found, expected, part)
  assert(math.type(found) == "integer" and math.abs(found - expected) <= expected * part, found)
end

test("an estimate is near the number of different values", function()
  local distinct = ce.distinct { of = "ip.src" }
  test.equal(distinct:estimate(), 0)
  near(add(distinct, 1, 3000):estimate(), 3000, 0.03)
  distinct:clear()
  test.equal(distinct:estimate(), 0)
end)

test("several fields count together, and precision is a choice", function()
  near(add(ce.distinct { of = { "ip.src", "ip.dst" }, precision = 16 }, 1, 2000):estimate(),
    4000, 0.02)
  near(add(ce.distinct { of = "ip.src", precision = 4, seed = 5 }, 1, 2000):estimate(), 2000, 1)
end)

test("merge is as adding both", function()
  local one = add(ce.distinct { of = "ip.src" }, 1, 2000)
  one:merge(add(ce.distinct { of = "ip.src" }, 1000, 3000))
  test.equal(one:estimate(), add(ce.distinct { of = "ip.src" }, 1, 3000):estimate())
  test.raises("same fields, precision and seed", one.merge, one, ce.distinct { of = "ip.dst" })
  test.raises("same fields", one.merge, one, ce.distinct { of = "ip.src", seed = 1 })
end)

test("packets without the field are skipped", function()
  local distinct = ce.distinct { of = "ip.src" }
  local handle <close> = assert(pcap.open_offline(savefile.write { flows.arp() }))
  for batch in handle:batches() do distinct:add(batch) end
  test.equal(distinct:skipped(), 1)
end)

test("mistakes raise with words", function()
  test.raises("tcp.srcport or tcp.dstport", ce.distinct, { of = "tcp.port" })
  test.raises("option precision", ce.distinct, { of = "ip.src", precision = 19 })
  test.raises("1 to 16 fields", ce.distinct, {})
  test.raises("no option by", ce.distinct, { by = "ip.src" })
  test.raises("table expected", ce.distinct)
end)
