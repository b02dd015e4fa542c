-- picture.lua: what histograms and time series look like: in SVG, and in blocks.
local need, host = ...
local format = need "format"

local picture = {}

local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" }
local LEVELS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

-- A bar that lies, `share` of `width` columns long; what is not nothing shows.
function picture.bar(share, width)
  local eighths = math.floor(share * width * 8 + 0.5)
  if eighths == 0 then return share > 0 and EIGHTHS[1] or "" end
  return EIGHTHS[8]:rep(eighths // 8) .. (EIGHTHS[eighths % 8] or "")
end

-- Lines of columns that stand, the topmost first.
function picture.columns(values, height)
  local most, lines = math.max(table.unpack(values)), {}
  for line = height, 1, -1 do
    local cells = {}
    for i, value in ipairs(values) do
      local eighths = most > 0 and math.ceil(value / most * height * 8) - (line - 1) * 8 or 0
      cells[i] = eighths <= 0 and " " or LEVELS[math.min(eighths, 8)]
    end
    lines[#lines + 1] = table.concat(cells)
  end
  return lines
end

local WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 420, 90, 50, 20, 50

local LETTER = 6.6 -- width of a letter of 12, about; titles have letters of 16
local WIDEST = 140 -- of bars

-- 4194304 -> "4.19M": what a label has room for.
function picture.short(number)
  if math.abs(number) < 1e5 then return ("%d"):format(number) end
  return ("%.3g%s"):format(format.scale(number, 999.5))
end

local function fitting(text, letters)
  if format.width(text) <= letters then return text end
  return text:sub(1, (utf8.offset(text, letters) or letters) - 1) .. "…"
end

local function xml(text)
  return (format.clean(text):gsub("[&<>\"]", {
    ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  }))
end

local function text_at(x, y, anchor, text)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'):format(x, y, anchor, xml(text))
end

local function title(text)
  local letters = math.floor((WIDTH - LEFT - RIGHT) / LETTER * 12 / 16)
  return ('<g font-size="16">%s<title>%s</title></g>'):format(
    text_at(LEFT, 28, "start", fitting(text, letters)), xml(text))
end

-- Labels below the values: so many of them that they do not touch, and within the picture.
local function labels(drawing, x_of)
  local count, widest = #drawing.values, 0
  for i = 1, count do widest = math.max(widest, format.width(drawing.label(i)) * LETTER) end
  local every = math.ceil((widest + 12) * count / (WIDTH - LEFT - RIGHT))
  local texts = {}
  for i = 1, count, math.max(1, every) do
    local text = drawing.label(i)
    local half = format.width(text) * LETTER / 2
    local x = math.min((x_of(i) + x_of(i + 1)) / 2, WIDTH - half - 4)
    texts[#texts + 1] = text_at(x, HEIGHT - BOTTOM + 20, "middle", text)
  end
  return table.concat(texts, "\n")
end

-- 1, 2 or 5 times a power of ten, so that five of it or fewer reach `most`.
local function step_for(most)
  local step = 10.0 ^ math.floor(math.log(math.max(most / 5, 1), 10))
  for _, factor in ipairs { 1, 2, 5, 10 } do
    if step * factor * 5 >= most then return step * factor end
  end
end

local function grid(most, y_of, unit)
  local step, lines = step_for(most), {}
  for value = 0, most, step do
    lines[#lines + 1] = ('<path class="grid" d="M%d %.1fH%d"/>'):format(
      LEFT, y_of(value), WIDTH - RIGHT)
    local scaled = unit == "bits" or unit == "bytes" or unit == "seconds"
    lines[#lines + 1] = text_at(LEFT - 8, y_of(value) + 4, "end",
      scaled and format.people({ unit = unit }, math.floor(value)) or picture.short(value))
  end
  return table.concat(lines, "\n")
end

-- A rectangle for each value, which says what it is when it is pointed at.
local function bars(drawing, x_of, y_of)
  local shapes = {}
  for i, value in ipairs(drawing.values) do
    local width = math.min(x_of(i + 1) - x_of(i) - drawing.gap, WIDEST)
    shapes[i] = ('<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>')
      :format((x_of(i) + x_of(i + 1) - width) / 2, y_of(value), width, y_of(0) - y_of(value),
        xml(drawing.tells(i)))
  end
  return '<g class="bar">' .. table.concat(shapes, "\n") .. "</g>"
end

-- One outline for all of them, where there are too many for rectangles.
local function outline(drawing, x_of, y_of)
  local steps = {}
  for i, value in ipairs(drawing.values) do
    steps[i] = ("V%.2fH%.2f"):format(y_of(value), x_of(i + 1))
  end
  return ('<path class="bar" d="M%.2f %.2f%sV%.2fZ"/>'):format(
    x_of(1), y_of(0), table.concat(steps), y_of(0))
end

local MOST_BARS = 200

-- As dark as the browser's own pages are.
local STYLE = [[
<style>
.paper { fill: #ffffff } text { fill: #1a202c } .grid { stroke: #d8dde3 } .bar { fill: #2b6cb0 }
@media (prefers-color-scheme: dark) {
.paper { fill: #14181d } text { fill: #e2e8f0 } .grid { stroke: #3a424d } .bar { fill: #63a4e8 }
}
</style>]]

--[[
  The text of an SVG file. drawing: `title`; `values`, numbers that are not negative, and
  their `unit`; `label(i)`, the text below a value; `gap` between bars; `tells(i)`, what is
  said of one.
]]
function picture.svg(drawing)
  local values = drawing.values
  local most = 0
  for _, value in ipairs(values) do most = math.max(most, value) end
  local nothing = most == 0
  most = math.max(1, most)
  local function x_of(i) return LEFT + (i - 1) * (WIDTH - LEFT - RIGHT) / #values end
  local function y_of(value) return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / most end
  return table.concat({
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
      .. 'font-family="sans-serif" font-size="12">'):format(WIDTH, HEIGHT, WIDTH, HEIGHT),
    STYLE,
    '<rect class="paper" width="100%" height="100%"/>',
    title(drawing.title),
    grid(most, y_of, drawing.unit),
    nothing and text_at((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2, "middle",
      "nothing was counted") or (#values > MOST_BARS and outline or bars)(drawing, x_of, y_of),
    labels(drawing, x_of),
    "</svg>\n",
  }, "\n")
end

-- "rates.svg", 2 -> "rates-2.svg"
local function numbered(file, number)
  if number == 1 then return file end
  local stem, ending = file:match "^(.*[^/])(%.[^./]*)$"
  return ("%s-%d%s"):format(stem or file, number, ending or "")
end

-- Write the picture where --svg wants it, if it does; `draw` gives its text.
function picture.write(draw)
  local name, number = host.picture()
  if not name then return end
  name = numbered(name, number)
  local file, message = io.open(name, "w")
  if not file then host.ce.fail(message) end
  local done, problem = file:write(draw())
  local closed, at_close = file:close()
  if not (done and closed) then host.ce.fail(name .. ": " .. (problem or at_close)) end
end

return picture
