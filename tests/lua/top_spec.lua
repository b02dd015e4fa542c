-- top_spec.lua: capengine.top, as lua_top.c gives it.
local ce = require "capengine"
local flows = require "support.flows"
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

local function add(top, packets)
  local handle <close> = assert(pcap.open_offline(savefile.write(packets)))
  for batch in handle:batches() do top:add(batch) end
  return top
end

-- Packets with a few heavy sources, and what each source weighs.
local function random_packets(count)
  local packets, weights = {}, {}
  for i = 1, count do
    local src = math.random(3) > 1 and math.random(10) or math.random(1000)
    local len = math.random(60, 1500)
    local name = flows.address(src)
    weights[name] = (weights[name] or 0) + len
    packets[i] = flows.packet { src = src, len = len }
  end
  return packets, weights
end

test("rows are within the bound, the heaviest first", function()
  test.seed()
  local packets, weights = random_packets(6000)
  local top = add(ce.top { by = "ip.src", weight = "frame.len", capacity = 50 }, packets)
  local before, seen = math.maxinteger, {}
  for row in top:rows() do
    local weight = weights[row["ip.src"]]
    seen[row["ip.src"]] = true
    assert(row.count <= before)
    before = row.count
    assert(row.count >= weight and row.count - row.error <= weight)
    assert(row.error <= top:total() // 50)
  end
  for name, weight in pairs(weights) do assert(seen[name] or weight <= top:total() // 50) end
  test.equal(#top, 50)
  test.equal(top:len(), 50)
  assert(top:memory() > 1000)
end)

test("without a weight packets are counted", function()
  local top = add(ce.top { by = { "ip.src", "ip.dst" } }, {
    flows.packet { src = 1, dst = 2 }, flows.packet { src = 1, dst = 2 }, flows.arp(),
    flows.packet { src = 2, dst = 1 },
  })
  local row = top:rows { limit = 1 }()
  test.equal(row["ip.src"], "10.0.0.1")
  test.equal(row["ip.dst"], "10.0.0.2")
  test.equal(row.count, 2)
  test.equal(row.error, 0)
  test.equal(top:total(), 3)
  test.equal(top:skipped(), 1)
  test.equal(top:rows { limit = 0 }(), nil)
  top:clear()
  test.equal(#top, 0)
  test.equal(top:rows()(), nil)
end)

test("merge adds another, and refuses what has another shape", function()
  local one = add(ce.top { by = "ip.src", capacity = 5 }, { flows.packet { src = 1 } })
  local two = add(ce.top { by = "ip.src", capacity = 5 }, {
    flows.packet { src = 1 }, flows.packet { src = 2 },
  })
  one:merge(two)
  test.equal(one:total(), 3)
  test.equal(one:rows()().count, 2)
  test.raises("cannot be merged with itself", one.merge, one, one)
  test.raises("same key, weight and capacity", one.merge, one, ce.top { by = "ip.src" })
end)

test("rows of a top that changes meanwhile raise", function()
  local top = add(ce.top { by = "ip.src" }, { flows.packet {}, flows.packet { src = 1 } })
  local step = top:rows()
  step()
  top:clear()
  test.raises("changed while its rows", step)
end)

test("an iterator that a finalizer calls after it was collected is at its end", function()
  local called, row = false, nil
  local function drop()
    local holder = setmetatable({}, { __gc = function(self) called, row = true, self.step() end })
    holder.step = add(ce.top { by = "ip.src" }, { flows.packet {} }):rows()
  end
  drop()
  collectgarbage()
  assert(called)
  test.equal(row, nil)
end)

test("mistakes raise with words", function()
  test.raises("tcp.srcport or tcp.dstport", ce.top, { by = "tcp.port" })
  test.raises("not a number", ce.top, { by = "ip.src", weight = "ip.dst" })
  test.raises("at most 1 fields", ce.top, { by = "ip.src", weight = { "ip.len", "ip.id" } })
  test.raises("option capacity", ce.top, { by = "ip.src", capacity = 0 })
  test.raises("no option limit", ce.top, { by = "ip.src", limit = 1 })
  test.raises("table expected", ce.top)
end)
