-- histogram.lua: ce.histogram, how often values occur, by ranges.
local need, host = ...
local format, picture = need "format", need "picture"
local open_table = need "table"

local MOST_EMPTY = 1000 -- more lines than these: empty ones are left out
local BESIDE_BAR = 46   -- columns that stand beside a bar

local class = {}
class.__index = class
class.__name = "capengine.histogram"

local function open(options)
  format.check_options("capengine.histogram", options, {
    title = true, unit = true, count = true, sum = true, width = true,
  })
  local width = options.width
  if width and (math.type(width) ~= "integer" or width < 1) then
    error("capengine.histogram: width: an integer of at least 1 is wanted", 2)
  end
  format.check_unit("capengine.histogram", options.unit, 2)
  local self = setmetatable({ counts = {}, sums = {}, width = width }, class)
  self.title, self.unit = options.title or "histogram", options.unit
  self.count, self.sum = options.count or "count", options.sum
  self.format, self.terminal = host.output()
  return self
end

-- The number of the line: 0 for none, k for values from 2^(k-1) on.
local function power_of(value)
  local line = 0
  while value > 0 do
    line, value = line + 1, value // 2
  end
  return line
end

local function range_of(self, line)
  if self.width then return line * self.width, (line + 1) * self.width - 1 end
  return 1 << line >> 1, (1 << line) - 1
end

-- histogram:add(value [, times])
function class:add(value, times)
  local whole = math.type(value) and value >= 0 and value < 2^63 and math.floor(value)
  if not whole then error("a number that is not negative is wanted", 2) end
  local line = self.width and whole // self.width or power_of(whole)
  times = times or 1
  self.counts[line] = (self.counts[line] or 0) + times
  self.sums[line] = (self.sums[line] or 0) + times * value
end

-- Lines from the first that has any to the last: { least, most, count, percent, sum }.
local function lines_of(self)
  local first, last, all, lines = math.huge, -1, 0, {}
  for line, count in pairs(self.counts) do
    first, last, all = math.min(first, line), math.max(last, line), all + count
  end
  local function push(line)
    local least, most = range_of(self, line)
    local count = self.counts[line] or 0
    lines[#lines + 1] = { least, most, count, 100 * count / all, self.sums[line] or 0 }
  end
  if last - first <= MOST_EMPTY then
    for line = first, last do push(line) end
  else
    local numbers = {}
    for line in pairs(self.counts) do numbers[#numbers + 1] = line end
    table.sort(numbers)
    for _, line in ipairs(numbers) do push(line) end
  end
  return lines
end

local function columns_of(self)
  local columns = {
    "least", "most", { self.count, unit = "count" }, { "percent", unit = "percent", digits = 1 },
  }
  if self.sum then columns[5] = { self.sum, unit = self.unit } end
  return columns
end

local function print_bars(self, lines)
  local columns, most = columns_of(self), 0
  for _, line in ipairs(lines) do most = math.max(most, line[3]) end
  columns[#columns + 1] = { "", absent = "" }
  local bars = open_table { title = self.title, columns = columns }
  local room = math.max(10, self.terminal - BESIDE_BAR - (self.sum and 12 or 0))
  for _, line in ipairs(lines) do
    line[#columns] = picture.bar(line[3] / most, room)
    bars:row(table.unpack(line, 1, #columns))
  end
  bars:print()
end

local function draw(self, lines)
  local drawing = { title = self.title, values = {}, unit = "count" }
  for i, line in ipairs(lines) do drawing.values[i] = line[3] end
  drawing.gap = #lines > 60 and 1 or 6
  function drawing.label(i)
    local least, most = picture.short(lines[i][1]), picture.short(lines[i][2])
    return least == most and least or least .. "–" .. most
  end
  function drawing.tells(i)
    return ("%d–%d: %d %s, %.1f %%"):format(lines[i][1], lines[i][2], lines[i][3], self.count,
      lines[i][4])
  end
  return picture.svg(drawing)
end

-- histogram:svg() -> text of an SVG file
function class:svg()
  return draw(self, lines_of(self))
end

-- histogram:print() prints it, and writes the picture that --svg wants.
function class:print()
  local lines = lines_of(self)
  if self.format == "table" then
    print_bars(self, lines)
  else
    local rows = open_table { columns = columns_of(self) }
    for _, line in ipairs(lines) do rows:row(table.unpack(line, 1, self.sum and 5 or 4)) end
  end
  picture.write(function() return draw(self, lines) end)
end

return open
