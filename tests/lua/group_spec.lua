-- group_spec.lua: capengine.group, as lua_group.c and lua_group_rows.c give it.
local ce = require "capengine"
local flows = require "support.flows"
local pcap = require "pcap"
local savefile = require "support.savefile"
local test = require "support.spec"

-- Call look(batch) with each batch of these packets.
local function with_batches(packets, look)
  local handle <close> = assert(pcap.open_offline(savefile.write(packets)))
  for batch in handle:batches() do look(batch) end
end

local function add(group, packets)
  with_batches(packets, function(batch) group:add(batch) end)
  return group
end

-- Fields of packets, and what they are to give: rows by source and port.
local function random_packets(count)
  local packets, rows = {}, {}
  for i = 1, count do
    local fields = {
      src = math.random(0, 40), dst = math.random(0, 9), sport = math.random(1, 3),
      dport = math.random(0, 65535), len = math.random(60, 1500), sec = 1700000000 + i // 100,
    }
    local key = flows.address(fields.src) .. " " .. fields.sport
    local row = rows[key] or { count = 0, sum = 0, min = fields.len, max = 0, first = fields.dst }
    rows[key] = row
    row.count = row.count + 1
    row.sum = row.sum + fields.len
    row.min = math.min(row.min, fields.len)
    row.max = math.max(row.max, fields.len)
    row.last = fields.dport
    packets[i] = flows.packet(fields)
  end
  return packets, rows
end

test("a field with parts and a value of its own is a key", function()
  local tags = ce.group { by = "vlan.id" }
  for batch in ce.open("data/office.pcap"):batches() do tags:add(batch) end
  test.equal(tags:get(30).count, 46)
  test.equal(#tags, 1)
  test.raises("tcp.srcport or tcp.dstport", ce.group, { by = "tcp.port" })
end)

local function open_full(options)
  local all = {
    by = { "ip.src", "udp.srcport" }, count = true, sum = "frame.len", min = { "frame.len" },
    max = { "frame.len" }, first = "ip.dst", last = "udp.dstport",
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ce.group(all)
end

local function check_row(row, expected)
  test.equal(row.count, expected.count)
  test.equal(row["frame.len"], expected.sum)
  test.equal(row["min(frame.len)"], expected.min)
  test.equal(row["max(frame.len)"], expected.max)
  test.equal(row["first(ip.dst)"], flows.address(expected.first))
  test.equal(row["last(udp.dstport)"], expected.last)
end

test("rows have what counting in Lua gives", function()
  test.seed()
  local packets, rows = random_packets(5000)
  local group = add(open_full(), packets)
  local count = 0
  for row in group:rows() do
    check_row(row, rows[row["ip.src"] .. " " .. row["udp.srcport"]])
    count = count + 1
  end
  test.equal(#group, count)
  test.equal(group:len(), count)
  for key, expected in pairs(rows) do
    local src, sport = key:match "(%S+) (%d+)"
    check_row(group:get(src, math.tointeger(sport)), expected)
  end
  test.equal(group:get("10.9.9.9", 1), nil)
  assert(group:memory() > 10000)
end)

test("rows come in the order that is asked for, equals by key", function()
  local packets = {}
  for i = 1, 30 do packets[i] = flows.packet { src = i, len = 60 + i % 7 } end
  local group = add(ce.group { by = "ip.src", sum = "frame.len" }, packets)
  local function lengths(options)
    local found = {}
    for row in group:rows(options) do
      found[#found + 1] = row["frame.len"] .. "/" .. row["ip.src"]:match "%d+$"
    end
    return table.concat(found, " ")
  end
  test.equal(lengths { order = "frame.len", limit = 5 }, "66/6 66/13 66/20 66/27 65/5")
  test.equal(lengths { order = "frame.len", limit = 3, ascending = true }, "60/7 60/14 60/21")
  test.equal(lengths { order = "ip.src", limit = 2 }, "62/30 61/29")
  test.equal(lengths { order = "ip.src", limit = 2, ascending = true }, "61/1 62/2")
  test.equal(lengths { order = "count", limit = 2 }, "61/1 62/2")
  test.equal(lengths { limit = 2 }, "61/1 62/2")
  test.equal(lengths { limit = 0 }, "")
  test.equal(select(2, lengths():gsub("/", "")), 30)
end)

test("a row may be kept, and is the script's own", function()
  local group = add(ce.group { by = "ip.src" }, { flows.packet { src = 1 } })
  local one, two = group:get("10.0.0.1"), group:get("10.0.0.1")
  one.count = 99
  test.equal(two.count, 1)
  group:clear()
  test.equal(two["ip.src"], "10.0.0.1")
  test.equal(#group, 0)
  test.equal(group:get("10.0.0.1"), nil)
end)

test("keys of every type are found by what rows say", function()
  local names = {
    "eth.src", "ip.src", "flow.src", "flow.key", "udp.srcport", "ip.flags.df",
    "frame.time_epoch", "frame.len", "flow.proto",
  }
  local packet = flows.packet { src = 7, dst = 5, sport = 50, dport = 60, len = 77 }
  for _, name in ipairs(names) do
    local group = add(ce.group { by = name }, { packet })
    local row = group:rows()()
    assert(row[name] ~= nil, name)
    test.equal(group:get(row[name]).count, 1)
  end
end)

test("a flow is found by either end first, and only by what is one", function()
  local group = add(ce.group { by = "flow.key" }, {
    flows.packet { src = 7, dst = 5, sport = 50, dport = 60 },
  })
  test.equal(group:get("10.0.0.7:50 10.0.0.5:60 17").count, 1)
  test.equal(group:get("10.0.0.5:60 10.0.0.7:50 17").count, 1)
  test.equal(group:get("10.0.0.5:50 10.0.0.7:60 17"), nil)
  test.equal(group:get("[2001:db8::1]:1 [::]:2 6"), nil)
  for _, wrong in ipairs {
    "", "10.0.0.7:50 10.0.0.5:60", "10.0.0.7:50 10.0.0.5:60 256", "10.0.0.7:-1 10.0.0.5:60 6",
    "10.0.0.7:65536 10.0.0.5:60 6", "10.0.0.7 10.0.0.5:60 6", "10.0.0.7:50 10.0.0.5:60 17 x",
    "]:1 10.0.0.5:60 6", "[:1 10.0.0.5:60 6",
  } do
    test.raises("is a flow like", group.get, group, wrong)
  end
end)

test("a sum whose name is a key's gets its own", function()
  local group = add(ce.group { by = "frame.len", sum = "frame.len" }, {
    flows.packet { len = 100 }, flows.packet { len = 100 },
  })
  test.equal(group:get(100)["sum(frame.len)"], 200)
end)

test("packets without a field of the key are skipped and counted", function()
  local group = add(ce.group { by = "ip.src" }, { flows.arp(), flows.packet {}, flows.arp() })
  test.equal(group:skipped(), 2)
  test.equal(group:rows()().count, 1)
end)

test("a value that no packet of the row has is absent", function()
  local group = add(ce.group { by = "frame.len", max = "udp.dstport", sum = "udp.dstport" },
    { flows.arp() })
  local row = group:get(60)
  test.equal(row["max(udp.dstport)"], nil)
  test.equal(row["udp.dstport"], 0)
  test.equal(row.count, 1)
end)

test("of a batch that was narrowed only what is selected counts", function()
  local packets = {}
  for i = 1, 300 do packets[i] = flows.packet { src = i % 3, sport = i % 5 } end
  local group, top = ce.group { by = "ip.src" }, ce.top { by = "ip.src" }
  local distinct = ce.distinct { of = { "ip.src", "udp.srcport" } }
  with_batches(packets, function(batch)
    local some = batch:where "udp.srcport == 4 and ip.src != 10.0.0.1"
    group:add(some)
    top:add(some)
    distinct:add(some)
  end)
  test.equal(#group, 2)
  test.equal(group:get("10.0.0.0").count, 20)
  test.equal(group:get("10.0.0.2").count, 20)
  test.equal(top:total(), 40)
  test.equal(distinct:estimate(), 2)
end)

test("at the capacity further keys count in the other row", function()
  local packets = {}
  for i = 1, 100 do packets[i] = flows.packet { src = i, len = 100 } end
  local group = ce.group { by = "ip.src", sum = "frame.len", capacity = 30 }
  test.equal(group:other(), nil)
  add(group, packets)
  test.equal(#group, 30)
  local other = group:other()
  test.equal(other.count, 70)
  test.equal(other["frame.len"], 7000)
  test.equal(other["ip.src"], nil)
  test.equal(group:evicted(), 0)
end)

test("policy evict hands out rows that make room, and loses none", function()
  test.seed()
  local total = 0
  local group
  group = open_full {
    capacity = 16, policy = "evict", expired = function(row) total = total + row.count end,
  }
  local packets = random_packets(6000)
  add(group, packets)
  test.equal(#group, 16)
  test.equal(group:other(), nil)
  assert(group:evicted() > 100)
  group:flush()
  test.equal(total, 6000)
  test.equal(#group, 0)
  test.equal(group:expired(), 16)
end)

test("idle rows are over, exactly where the silence is long enough", function()
  local packets = {}
  for sec = 0, 20 do packets[#packets + 1] = flows.packet { src = 1, sec = 1700000000 + sec } end
  for _, sec in ipairs { 21, 31, 42, 43, 60 } do
    packets[#packets + 1] = flows.packet { src = 2, sec = 1700000000 + sec }
  end
  local over = {}
  local group = ce.group {
    by = "ip.src", idle = 10, last = "frame.time_epoch",
    expired = function(row)
      over[#over + 1] = row["ip.src"]:match "%d+$" .. ":" .. row.count
    end,
  }
  add(group, packets)
  group:flush()
  table.sort(over)
  test.equal(table.concat(over, " "), "1:21 2:1 2:2 2:2")
  test.equal(group:expired(), 4)
end)

test("expire ends idle rows without packets", function()
  local over = 0
  local group = ce.group { by = "ip.src", idle = 0.5, expired = function() over = over + 1 end }
  add(group, { flows.packet { src = 1 } })
  group:expire(1700000000 * 1000000000 + 400000000)
  test.equal(over, 0)
  group:expire(1700000002 * 1000000000)
  test.equal(over, 1)
  test.equal(#group, 0)
end)

test("flush without a function only counts", function()
  local group = add(ce.group { by = "ip.src" }, { flows.packet { src = 1 } })
  group:flush()
  test.equal(#group, 0)
  test.equal(group:expired(), 1)
end)

local function many(count)
  local packets = {}
  for i = 1, count do packets[i] = flows.packet { src = i } end
  return packets
end

test("expired may use its group", function()
  local group, seen = nil, 0
  group = ce.group {
    by = "ip.src", capacity = 8, policy = "evict",
    expired = function(row)
      seen = seen + 1
      assert(#group <= 8 and group:get(row["ip.src"]) == nil)
      for _ in group:rows { order = "count", limit = 2 } do end
      if seen == 20 then group:clear() end
      if seen == 10 then group:flush() end
    end,
  }
  add(group, many(60))
  group:flush()
  assert(seen >= 20)
  test.equal(#group, 0)
end)

test("expired may add to its own group", function()
  local handle <close> = assert(pcap.open_offline(savefile.write(many(50))))
  local group, count, current = nil, 0, nil
  group = ce.group {
    by = "ip.src", capacity = 10, policy = "evict",
    expired = function(row)
      count = count + row.count
      if current then
        local batch = current
        current = nil
        group:add(batch)
      end
    end,
  }
  for batch in handle:batches() do
    current = batch
    group:add(batch)
  end
  group:flush()
  test.equal(count, 100)
end)

test("an error in expired comes out of add, and nothing is lost", function()
  local calls, count = 0, 0
  local group = ce.group {
    by = "ip.src", capacity = 10, policy = "evict",
    expired = function(row)
      calls = calls + 1
      count = count + row.count
      if calls == 5 then error "enough" end
    end,
  }
  local packets = many(100)
  with_batches(packets, function(batch) test.raises("enough", group.add, group, batch) end)
  test.equal(calls, 5)
  test.equal(#group, 10)
  group:flush()
  test.equal(count, 100)
end)

test("what is added after an error in flush begins new rows", function()
  local calls, count = 0, 0
  local group = ce.group {
    by = "ip.src",
    expired = function(row)
      calls = calls + 1
      count = count + row.count
      assert(row.count == 1)
      if calls == 5 then error "enough" end
    end,
  }
  local packets = many(100)
  add(group, packets)
  test.raises("enough", group.flush, group)
  add(group, packets)
  test.equal(calls, 100)
  test.equal(#group, 100)
  group:flush()
  test.equal(count, 200)
end)

test("a yield in expired is a clear error", function()
  local group = ce.group {
    by = "ip.src", capacity = 1, policy = "evict", expired = function() coroutine.yield() end,
  }
  local packets = many(3)
  local ok, message = coroutine.resume(coroutine.create(function() add(group, packets) end))
  assert(not ok and message:find("attempt to yield", 1, true), message)
end)

test("rows of a group that changes meanwhile raise", function()
  local group = add(ce.group { by = "ip.src" }, many(10))
  local step = group:rows()
  step()
  group:clear()
  test.raises("changed while its rows", step)
end)

test("an iterator keeps its group", function()
  local step = add(ce.group { by = "ip.src" }, many(10)):rows()
  collectgarbage()
  test.equal(step()["ip.src"], "10.0.0.1")
end)

test("an iterator that a finalizer calls after it was collected is at its end", function()
  local called, row = false, nil
  local function drop()
    local holder = setmetatable({}, { __gc = function(self) called, row = true, self.step() end })
    holder.step = add(ce.group { by = "ip.src" }, many(10)):rows()
  end
  drop()
  collectgarbage()
  assert(called)
  test.equal(row, nil)
end)

test("a finalizer that clears the group while a row is made does no harm", function()
  local packets = many(200)
  local group = ce.group { by = { "ip.src", "flow.key", "eth.src" }, first = "ip.dst" }
  local armed = true
  local function arm()
    setmetatable({}, {
      __gc = function()
        if not armed then return end
        group:clear()
        arm()
      end,
    })
  end
  arm()
  collectgarbage("generational")
  local rows = 0
  for _ = 1, 50 do
    add(group, packets)
    for i = 1, 200 do
      local row = group:get(flows.address(i), "10.0.0.0:0 " .. flows.address(i) .. ":0 17",
        "02:00:00:00:00:02")
      if row then
        rows = rows + 1
        test.equal(row["ip.src"], flows.address(i))
        test.equal(row["first(ip.dst)"], "10.0.0.0")
      end
    end
  end
  armed = false
  collectgarbage("incremental")
  assert(rows > 50, rows)
end)

test("merge is as adding both", function()
  test.seed()
  local packets, rows = random_packets(2000)
  local one = add(open_full(), table.move(packets, 1, 1000, 1, {}))
  local two = add(open_full(), table.move(packets, 1001, 2000, 1, {}))
  one:merge(two)
  for row in one:rows() do
    check_row(row, rows[row["ip.src"] .. " " .. row["udp.srcport"]])
  end
  test.raises("cannot be merged with itself", one.merge, one, one)
  test.raises("same keys and values", one.merge, one, ce.group { by = "ip.src" })
end)

test("distinct is about how many there are", function()
  local packets = {}
  for i = 1, 3000 do packets[i] = flows.packet { src = i % 2, dst = i } end
  local group = add(ce.group { by = "ip.src", distinct = "ip.dst" }, packets)
  local found = group:get("10.0.0.1")["distinct(ip.dst)"]
  assert(found > 1200 and found < 1800, found)
end)

test("mistakes raise with words", function()
  test.raises("tcp.srcport or tcp.dstport", ce.group, { by = "tcp.port" })
  test.raises("did you mean ip.src?", ce.group, { by = { "ip.scr" } })
  test.raises("not a number", ce.group, { by = "ip.src", sum = "ip.dst" })
  test.raises("no option sums; did you mean sum?", ce.group, { by = "ip.src", sums = "frame.len" })
  test.raises("1 to 16 fields", ce.group, {})
  test.raises("\"other\" or \"evict\"", ce.group, { by = "ip.src", capacity = 1, policy = "no" })
  test.raises("there is none", ce.group, { by = "ip.src", policy = "evict" })
  test.raises("option capacity", ce.group, { by = "ip.src", capacity = 0 })
  test.raises("option idle", ce.group, { by = "ip.src", idle = 0 })
  test.raises("option expired", ce.group, { by = "ip.src", expired = 1 })
  test.raises("option count", ce.group, { by = "ip.src", count = 1 })
  test.raises("a field's name or a list", ce.group, { by = 1 })
  test.raises("table expected", ce.group)
  local group = ce.group { by = { "ip.src", "udp.srcport" } }
  test.raises("have no frame.len", group.rows, group, { order = "frame.len" })
  test.raises("no option limits", group.rows, group, { limits = 1 })
  test.raises("an IPv4 address", group.get, group, "10.0.0", 1)
  test.raises("16 bits", group.get, group, "10.0.0.1", 65536)
  test.raises("no value", group.get, group, "10.0.0.1")
  test.raises("no more values", group.get, group, "10.0.0.1", 1, 2)
  test.raises("capengine.batch expected", group.add, group, 1)
  test.raises("capengine.group expected", group.add, 1)
end)

test("a batch that is over raises", function()
  local kept
  with_batches(many(1), function(batch) kept = batch end)
  local group = ce.group { by = "ip.src" }
  test.raises("batch used after", group.add, group, kept)
end)
