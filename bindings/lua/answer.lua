-- answer.lua: the hooks that answer a sentence; a plan is what sentence.lua makes.
local need, host = ...
local open_table, open_histogram, open_series = need "table", need "histogram", need "series"
local ce = host.ce

local SECOND = 1000000000 -- in nanoseconds

-- Fields that count octets: their sums have that unit.
local LENGTHS = {
  ["frame.len"] = true, ["frame.cap_len"] = true, ["ip.len"] = true, ["ipv6.plen"] = true,
  ["tcp.len"] = true, ["udp.length"] = true,
}

-- A column of a field's values as they are; of what they are together.
local function own_column(field, name)
  local kind = host.kind(field)
  local unit = (kind == "time" or kind == "octets") and kind or nil
  return { name or field, unit = unit }
end

local function sum_column(field, name)
  return { name or field, unit = LENGTHS[field] and "bytes" or "count" }
end

local function key_columns(fields)
  local columns = {}
  for i, field in ipairs(fields or {}) do columns[i] = own_column(field) end
  return columns
end

local function say_skipped(plan, skipped)
  if skipped > 0 then
    io.stderr:write("packets without ", table.concat(plan.by or plan.fields, ", "), ": ", skipped,
      "\n")
  end
end

-- One row for each key: `values` names what stands in rows of the group.
local function grouped(plan, options, columns, values)
  options.by = plan.by
  local group = ce.group(options)
  local all = key_columns(plan.by)
  table.move(columns, 1, #columns, #all + 1, all)
  local rows = open_table { columns = all }
  local names = { table.unpack(plan.by) }
  table.move(values, 1, #values, #names + 1, names)
  local function finish()
    for row in group:rows { order = values[1], limit = plan.top } do
      local cells = {}
      for i, name in ipairs(names) do cells[i] = row[name] end
      rows:row(table.unpack(cells, 1, #names))
    end
    rows:print()
    say_skipped(plan, group:skipped())
  end
  return { batch = function(batch) group:add(batch) end, finish = finish }
end

-- One row in all: `add` is given a batch and each field, and gives the value so far;
-- `before` is that of no packets.
local function total(plan, columns, add, before)
  local rows = open_table { columns = columns }
  local values, fields = {}, plan.fields or { "frame" }
  for i = 1, #fields do values[i] = before end
  return {
    batch = function(batch)
      for i, field in ipairs(fields) do values[i] = add(values[i], batch, field) end
    end,
    finish = function()
      rows:row(table.unpack(values, 1, #columns))
      rows:print()
    end,
  }
end

local answers = {}

function answers.count(plan)
  local columns = { { "count", unit = "count" } }
  if plan.by then return grouped(plan, { count = true }, columns, { "count" }) end
  return total(plan, columns, function(sum, batch) return sum + #batch end, 0)
end

function answers.sum(plan)
  local columns = {}
  for i, field in ipairs(plan.fields) do columns[i] = sum_column(field, "sum(" .. field .. ")") end
  if plan.by then return grouped(plan, { sum = plan.fields }, columns, plan.fields) end
  return total(plan, columns, function(sum, batch, field)
    return sum + batch:sum(field)
  end, 0)
end

-- min and max: `better` of two values.
local function extreme(plan, better)
  local columns, names = {}, {}
  for i, field in ipairs(plan.fields) do
    names[i] = ("%s(%s)"):format(plan.verb, field)
    columns[i] = own_column(field, names[i])
  end
  if plan.by then return grouped(plan, { [plan.verb] = plan.fields }, columns, names) end
  return total(plan, columns, function(best, batch, field)
    local value = batch[plan.verb](batch, field)
    return best and value and better(best, value) or best or value
  end)
end

function answers.min(plan) return extreme(plan, math.min) end

function answers.max(plan) return extreme(plan, math.max) end

function answers.distinct(plan)
  local columns, names = {}, {}
  for i, field in ipairs(plan.fields) do
    names[i] = ("distinct(%s)"):format(field)
    columns[i] = { names[i], unit = "count" }
  end
  if plan.by then return grouped(plan, { distinct = plan.fields }, columns, names) end
  local rows = open_table { columns = columns }
  local counters = {}
  for i, field in ipairs(plan.fields) do counters[i] = ce.distinct { of = field } end
  return {
    batch = function(batch)
      for _, counter in ipairs(counters) do counter:add(batch) end
    end,
    finish = function()
      local cells = {}
      for i, counter in ipairs(counters) do cells[i] = counter:estimate() end
      rows:row(table.unpack(cells))
      rows:print()
    end,
  }
end

-- What an extractor gives, as one value: the parts of tcp.port with a comma between.
local function joined(value, ...)
  for i = 1, select("#", ...) do
    local other = select(i, ...)
    if other ~= nil then
      value = value == nil and other or ("%s,%s"):format(value, other)
    end
  end
  return value
end

function answers.print(plan)
  local rows = open_table { columns = key_columns(plan.fields), stream = true }
  local extractors, left = {}, plan.limit or math.huge
  for i, field in ipairs(plan.fields) do extractors[i] = ce.field(field) end
  local function print_packet(packet)
    local cells, some = {}, false
    for i, extract in ipairs(extractors) do
      cells[i] = joined(extract(packet))
      some = some or cells[i] ~= nil
    end
    if not some then return end
    rows:row(table.unpack(cells, 1, #extractors))
    left = left - 1
    if left == 0 then ce.source():breakloop() end
  end
  local function batch(packets)
    for packet in packets:each() do
      if left == 0 then return end
      print_packet(packet)
    end
  end
  return { batch = batch }
end

-- The hooks that print the second that ran, at each tick; and what prints the last one.
local function each_second(add, print_second)
  local second
  local hooks = {
    every = 1,
    batch = function(batch)
      if #batch == 0 then return end
      second = second or batch:min "frame.time_epoch" // SECOND
      add(batch)
    end,
    tick = function(now_ns, elapsed_ns)
      if second then print_second((now_ns - elapsed_ns) // SECOND * SECOND) end
      second = now_ns // SECOND
    end,
  }
  return hooks, function()
    if second then print_second(second * SECOND) end
  end
end

local function rate_columns(keys)
  table.insert(keys, 1, { "time", unit = "time", digits = 0, width = 19 })
  table.insert(keys, { "packets", unit = "count" })
  table.insert(keys, { "bits", unit = "bits" })
  return keys
end

local function rate_by(plan)
  local group = ce.group { by = plan.by, sum = "frame.len" }
  local rows = open_table { columns = rate_columns(key_columns(plan.by)), stream = true }
  local skipped = 0
  local hooks, last = each_second(function(batch) group:add(batch) end, function(at)
    for row in group:rows { order = "frame.len", limit = plan.top } do
      local cells = { at }
      for i, name in ipairs(plan.by) do cells[i + 1] = row[name] end
      cells[#plan.by + 2], cells[#plan.by + 3] = row.count, row["frame.len"] * 8
      rows:row(table.unpack(cells, 1, #plan.by + 3))
    end
    skipped = skipped + group:skipped()
    group:clear()
  end)
  function hooks.finish()
    last()
    say_skipped(plan, skipped)
  end
  return hooks
end

function answers.rate(plan)
  if plan.by then return rate_by(plan) end
  local packets, bits = 0, 0
  local rows = open_table { columns = rate_columns {}, stream = true }
  local drawing = open_series { name = "bits", title = "bits per second", unit = "bits" }
  local hooks, last = each_second(function(batch)
    packets, bits = packets + #batch, bits + 8 * batch:sum "frame.len"
  end, function(at)
    if packets > 0 then rows:row(at, packets, bits) end
    drawing:add(at, bits)
    packets, bits = 0, 0
  end)
  function hooks.finish()
    last()
    drawing:draw()
  end
  return hooks
end

function answers.histogram(plan)
  local field = plan.fields[1]
  local group = ce.group { by = field }
  local histogram = open_histogram { title = field, count = "packets" }
  return {
    batch = function(batch) group:add(batch) end,
    finish = function()
      for row in group:rows() do histogram:add(row[field], row.count) end
      histogram:print()
      say_skipped(plan, group:skipped())
    end,
  }
end

-- plan -> hooks
return function(plan)
  local hooks = answers[plan.verb](plan)
  local batch, where = hooks.batch, plan.where
  if where then
    function hooks.batch(packets) batch(packets:where(where)) end
  end
  return hooks
end
