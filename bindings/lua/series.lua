-- series.lua: ce.series, how much came in each interval of time.
--
-- Bounded: at CAPACITY intervals each two neighbours become one, which is as high as the
-- higher of them: it stays what came in one of the intervals that were asked for.
local need, host = ...
local format, picture = need "format", need "picture"
local open_table = need "table"

local SECOND = 1000000000 -- in nanoseconds
local CAPACITY = 4096
local HEIGHT = 8
local BESIDE = 14 -- columns at the left of the drawing

local class = {}
class.__index = class
class.__name = "capengine.series"

local function open(options)
  format.check_options("capengine.series", options, {
    title = true, unit = true, name = true, interval = true,
  })
  local interval = options.interval or 1
  if type(interval) ~= "number" or interval < 1e-6 or interval > 366 * 86400 then
    error("capengine.series: interval: seconds are wanted, a microsecond to a year", 2)
  end
  format.check_unit("capengine.series", options.unit, 2)
  local self = setmetatable({ peaks = {}, factor = 1, sum = 0 }, class)
  self.interval = math.floor(interval * SECOND + 0.5)
  self.name, self.unit = options.name or "value", options.unit
  self.title = options.title or self.name
  self.format, self.terminal = host.output()
  return self
end

local function halve(self)
  local peaks = {}
  for place, value in pairs(self.peaks) do
    peaks[place // 2] = math.max(peaks[place // 2] or 0, value)
  end
  self.peaks, self.factor = peaks, self.factor * 2
end

-- The interval that runs is over.
local function settle(self)
  if not self.first then return end
  while (self.now - self.first) // self.factor >= CAPACITY do halve(self) end
  local place = (self.now - self.first) // self.factor
  self.peaks[place] = math.max(self.peaks[place] or 0, self.sum)
end

-- series:add(time_ns, value); what is earlier than the interval that runs counts in it.
function class:add(time_ns, value)
  local at = time_ns // self.interval
  if not self.first then
    self.first, self.now = at, at
  elseif at > self.now then
    settle(self)
    self.now, self.sum = at, 0
  end
  self.sum = self.sum + value
end

-- Values of all intervals, and the time at which one begins.
local function values_of(self)
  local values = {}
  if not self.first then return values end
  settle(self)
  for place = 0, (self.now - self.first) // self.factor do
    values[place + 1] = self.peaks[place] or 0
  end
  return values, function(i)
    return (self.first + (i - 1) * self.factor) * self.interval
  end
end

-- No more values than there are columns: of neighbours the highest.
local function fitted(values, width)
  local group, fit = math.ceil(#values / width), {}
  for i, value in ipairs(values) do
    local place = (i - 1) // group + 1
    fit[place] = math.max(fit[place] or 0, value)
  end
  return fit
end

local function clock(ns)
  return os.date("!%H:%M:%S", ns // SECOND)
end

local function print_drawing(self, values, begins)
  local fit = fitted(values, math.max(10, self.terminal - BESIDE))
  local most = format.people(self, math.max(table.unpack(fit)))
  io.stdout:write(self.title, "\n")
  for i, line in ipairs(picture.columns(fit, HEIGHT)) do
    local label = i == 1 and most or i == HEIGHT and "0" or ""
    io.stdout:write(format.pad(label, BESIDE - 3, true), " │", (line:gsub(" +$", "")), "\n")
  end
  local from, to = clock(begins(1)), clock(begins(#values + 1))
  io.stdout:write((" "):rep(BESIDE - 1), from,
    (" "):rep(math.max(1, #fit - #from - #to)), to, "\n")
end

local function draw(self, values, begins)
  local drawing = {
    title = self.title, values = values, unit = self.unit, gap = #values > 60 and 0 or 2,
  }
  local days = #values > 0 and (begins(#values) - begins(1)) // (86400 * SECOND) > 0
  function drawing.label(i)
    return days and os.date("!%m-%d %H:%M", begins(i) // SECOND) or clock(begins(i))
  end
  function drawing.tells(i)
    return clock(begins(i)) .. ": " .. format.people(self, values[i])
  end
  return picture.svg(drawing)
end

-- series:svg() -> text of an SVG file
function class:svg()
  return draw(self, values_of(self))
end

-- series:draw() draws it on a terminal, and writes the picture that --svg wants.
function class:draw()
  local values, begins = values_of(self)
  if self.format == "table" and #values > 1 then print_drawing(self, values, begins) end
  picture.write(function() return draw(self, values, begins) end)
end

-- series:print() does so too, and elsewhere prints a line for each interval.
function class:print()
  if self.format ~= "table" then
    local digits = self.interval % SECOND == 0 and 0 or 6
    local rows = open_table {
      columns = { { "time", unit = "time", digits = digits }, { self.name, unit = self.unit } },
    }
    local values, begins = values_of(self)
    for i, value in ipairs(values) do rows:row(begins(i), value) end
  end
  self:draw()
end

return open
