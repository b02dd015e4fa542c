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

local function xml(text)
  return (format.clean(text):gsub("[&<>\"]", {
    ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  }))
end

local function text_at(x, y, anchor, text)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'):format(x, y, anchor, xml(text))
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
    lines[#lines + 1] = ('<path d="M%d %.1fH%d" stroke="#ddd"/>'):format(
      LEFT, y_of(value), WIDTH - RIGHT)
    lines[#lines + 1] = text_at(LEFT - 8, y_of(value) + 4, "end",
      format.people({ unit = unit }, math.floor(value)))
  end
  return table.concat(lines, "\n")
end

-- A rectangle for each value, which says what it is when it is pointed at.
local function bars(drawing, x_of, y_of)
  local shapes = {}
  for i, value in ipairs(drawing.values) do
    shapes[i] = ('<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>')
      :format(x_of(i) + drawing.gap / 2, y_of(value), x_of(i + 1) - x_of(i) - drawing.gap,
        y_of(0) - y_of(value), xml(drawing.tells(i)))
  end
  return '<g fill="#2b6cb0">' .. table.concat(shapes, "\n") .. "</g>"
end

-- One outline for all of them, where there are too many for rectangles.
local function outline(drawing, x_of, y_of)
  local steps = {}
  for i, value in ipairs(drawing.values) do
    steps[i] = ("V%.2fH%.2f"):format(y_of(value), x_of(i + 1))
  end
  return ('<path fill="#2b6cb0" d="M%.2f %.2f%sV%.2fZ"/>'):format(
    x_of(1), y_of(0), table.concat(steps), y_of(0))
end

local MOST_BARS = 200

--[[
  The text of an SVG file. drawing: `title`; `values`, numbers that are not negative, and
  their `unit`; `labels`, texts below, by the number of the value; `gap` between bars;
  `tells(i)`, what is said of one.
]]
function picture.svg(drawing)
  local values = drawing.values
  local most = math.max(1, table.unpack(values))
  local function x_of(i) return LEFT + (i - 1) * (WIDTH - LEFT - RIGHT) / #values end
  local function y_of(value) return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / most end
  local labels = {}
  for i = 1, #values do
    if drawing.labels[i] then
      labels[#labels + 1] = text_at((x_of(i) + x_of(i + 1)) / 2, HEIGHT - BOTTOM + 20, "middle",
        drawing.labels[i])
    end
  end
  return table.concat({
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
      .. 'font-family="sans-serif" font-size="12">'):format(WIDTH, HEIGHT, WIDTH, HEIGHT),
    '<rect width="100%" height="100%" fill="white"/>',
    '<g font-size="16">' .. text_at(LEFT, 28, "start", drawing.title) .. "</g>",
    grid(most, y_of, drawing.unit),
    (#values > MOST_BARS and outline or bars)(drawing, x_of, y_of),
    table.concat(labels, "\n"),
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
  if not file then host.fail(message) end
  local done, problem = file:write(draw())
  local closed, at_close = file:close()
  if not (done and closed) then host.fail(name .. ": " .. (problem or at_close)) end
end

return picture
