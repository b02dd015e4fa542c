-- format.lua: a value as people read it, as a field of a line, and as JSON.
--
-- A column says what its values are with `unit`, and how exact with `digits`.
local _, host = ...
local format = {}

local SECOND = 1000000000 -- in nanoseconds

-- Text from packets must neither end a line nor talk to the terminal.
local function escape(character)
  return ("\\x%02x"):format(character:byte())
end

function format.clean(text)
  if not text:find "[\0-\31\127]" then return text end
  return (text:gsub("[\0-\31\127]", escape))
end

-- How wide a text stands on a terminal.
function format.width(text)
  return utf8.len(text) or #text
end

function format.pad(text, width, right)
  local blanks = (" "):rep(width - format.width(text))
  return right and blanks .. text or text .. blanks
end

-- 1943 -> "1,943"
local function thousands(number)
  if not math.tointeger(number) then return ("%.14g"):format(number) end
  local sign, digits = ("%d"):format(number):match("^(-?)(%d+)$")
  local head = #digits % 3
  local groups = digits:sub(head + 1):gsub("%d%d%d", ",%0")
  return sign .. (head > 0 and digits:sub(1, head) .. groups or groups:sub(2))
end

local PREFIXES = { "k", "M", "G", "T", "P", "E" }

-- 135962 -> 135.962, "k"; from `limit` on a number has the next prefix.
function format.scale(number, limit)
  local power = 0
  while math.abs(number) >= limit and power < #PREFIXES do
    number, power = number / 1000, power + 1
  end
  return number, PREFIXES[power] or ""
end

-- 135962 -> "136.0 kB"; the unit's letters stand in a column of their own.
local function scaled(number, unit)
  local short, prefix = format.scale(number, 999.95)
  if prefix == "" then return ("%d  %s"):format(number // 1, unit) end
  return ("%.1f %s%s"):format(short, prefix, unit)
end

-- 0.001488 -> "1.488 ms", 7384 -> "2 h 03 m"
local function duration(seconds)
  local size = math.abs(seconds)
  if size >= 3600 then
    return ("%d h %02d m"):format(seconds // 3600, seconds // 60 % 60)
  end
  if size >= 60 then return ("%d m %02d s"):format(seconds // 60, seconds // 1 % 60) end
  if size >= 1 or size == 0 then return ("%.3f s"):format(seconds) end
  if size >= 1e-3 then return ("%.3f ms"):format(seconds * 1e3) end
  return ("%.3f us"):format(seconds * 1e6)
end

-- Times mostly come in their order: the last second is kept as a text, by what stands
-- between day and hour.
local seconds, texts = {}, {}

local function time(ns, digits, between, zone)
  ns = math.tointeger(ns) or math.floor(ns)
  local second = ns // SECOND
  if seconds[between] ~= second then
    seconds[between] = second
    texts[between] = os.date("!%Y-%m-%d" .. between .. "%H:%M:%S", second)
  end
  local text = texts[between]
  if digits > 0 then
    text = text .. "." .. ("%09d"):format(ns % SECOND):sub(1, digits)
  end
  return text .. zone
end

local function octets(text)
  return (text:gsub(".", function(character) return ("%02x"):format(character:byte()) end))
end

local people = {
  bits = function(number) return scaled(number, "bit") end,
  bytes = function(number) return scaled(number, "B") end,
  count = thousands,
  octets = octets,
  percent = function(number, digits) return ("%." .. (digits or 1) .. "f %%"):format(number) end,
  seconds = duration,
  time = function(ns, digits) return time(ns, digits or 6, " ", "") end,
}

local programs = {
  octets = octets,
  time = function(ns, digits) return time(ns, digits or 9, "T", "Z") end,
}

-- All the units that there are, and which of them stand at the right.
format.units = {
  bits = "right", bytes = "right", count = "right", percent = "right", seconds = "right",
  octets = "left", time = "left",
}

local function number_text(number, digits)
  if digits then return ("%." .. digits .. "f"):format(number) end
  return math.type(number) == "integer" and tostring(number) or ("%.14g"):format(number)
end

local function plain(value, digits)
  if type(value) == "number" then return number_text(value, digits) end
  return format.clean(type(value) == "string" and value or tostring(value))
end

-- Does the unit apply? A number's does to numbers, that of octets to strings.
local function styled(styles, unit, value)
  local style = styles[unit]
  return (type(value) == "number") == (unit ~= "octets") and style or nil
end

local function text_by(styles, column, value)
  if value == nil then return column.absent or "-" end
  local style = column.unit and styled(styles, column.unit, value)
  if style then return style(value, column.digits) end
  return plain(value, column.digits)
end

-- For people: with thousands separated, and units.
function format.people(column, value)
  return text_by(people, column, value)
end

-- For programs: a field of a line.
function format.field(column, value)
  return text_by(programs, column, value)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function json_escape(character)
  return escapes[character] or ("\\u%04x"):format(character:byte())
end

-- Octets that are no UTF-8 are taken as the characters of those numbers.
function format.json_string(text)
  if not text:find '[%c"\\\127-\255]' then return '"' .. text .. '"' end
  if not utf8.len(text) then
    text = text:gsub("[\128-\255]", function(octet) return utf8.char(octet:byte()) end)
  end
  return '"' .. text:gsub('[%c"\\\127]', json_escape) .. '"'
end

function format.json(column, value)
  if value == nil then return "null" end
  if type(value) == "boolean" then return tostring(value) end
  if column.unit and styled(programs, column.unit, value) then
    return format.json_string(format.field(column, value))
  end
  if type(value) ~= "number" then return format.json_string(tostring(value)) end
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  return number_text(value, column.digits)
end

-- "WHAT NAME; did you mean ...?", one of the keys of `known`.
local function unknown(what, name, known)
  local names = {}
  for key in pairs(known) do names[#names + 1] = type(key) == "string" and key or nil end
  table.sort(names)
  return ("%s %s%s"):format(what, tostring(name), host.meant(host.near(tostring(name), names)))
end

-- Raise for an option that a call does not have.
function format.check_options(call, options, known)
  if type(options) ~= "table" then error(call .. " takes a table of options", 4) end
  for name in pairs(options) do
    if not known[name] then error(unknown(call .. " has no option", name, known), 4) end
  end
end

-- Raise for a unit that there is not, `level` calls up.
function format.check_unit(whose, unit, level)
  if unit and not format.units[unit] then
    error(unknown(whose .. ": there is no unit", unit, format.units), level + 1)
  end
end

return format
