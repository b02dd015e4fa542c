-- table.lua: ce.table, rows in columns for people, and lines for programs.
--
--   rows -> json, tsv: printed as they come, unless they are to be sorted
--        -> table:     kept, and aligned in print; or printed as they come with `stream`
local need, host = ...
local format = need "format"

local BOLD, PLAIN = "\27[1m", "\27[0m"

-- Room for what comes later, where rows are printed as they come.
local WIDTHS = { bits = 10, bytes = 8, count = 9, percent = 7, seconds = 10, time = 26 }
local TEXT_WIDTH = 15

local class = {}
class.__index = class
class.__name = "capengine.table"

local function take_column(column)
  if type(column) == "string" then column = { column } end
  format.check_options("a column", column, {
    [1] = true, unit = true, digits = true, absent = true, width = true,
  })
  local unit = column.unit
  if type(column[1]) ~= "string" then error("a column begins with its name", 4) end
  format.check_unit("column " .. column[1], unit, 4)
  return {
    name = column[1], key = format.json_string(column[1]) .. ":",
    unit = unit, digits = column.digits, absent = column.absent,
    width = column.width, right = format.units[unit] == "right",
  }
end

local function open(options)
  format.check_options("capengine.table", options, {
    columns = true, title = true, sort = true, ascending = true, limit = true, stream = true,
  })
  if type(options.columns) ~= "table" or #options.columns == 0 then
    error("capengine.table: columns are wanted, as { \"name\", ... }", 2)
  end
  local self = setmetatable({ rows = {}, columns = {} }, class)
  for i, column in ipairs(options.columns) do
    self.columns[i] = take_column(column)
    self.columns[self.columns[i].name] = i
  end
  self.title, self.ascending, self.limit = options.title, options.ascending, options.limit
  self.sort = options.sort and self.columns[options.sort]
  if options.sort and not self.sort then
    local names = {}
    for i, column in ipairs(self.columns) do names[i] = column.name end
    error(("capengine.table: sort: there is no column %s%s"):format(tostring(options.sort),
      host.meant(host.near(tostring(options.sort), names))), 2)
  end
  self.format, self.terminal, self.colour = host.output()
  self.stream = options.stream and not self.sort
  if self.stream then io.stdout:setvbuf "line" end -- a line is of use when it is printed
  return self
end

-- The values of columns, in their order.
local function values_of(self, ...)
  local first = ...
  if type(first) ~= "table" then return { ... } end
  local values = {}
  for i, column in ipairs(self.columns) do values[i] = first[column.name] end
  return values
end

local function print_fields(self, values)
  local fields = {}
  for i, column in ipairs(self.columns) do fields[i] = format.field(column, values[i]) end
  local line = table.concat(fields, "\t")
  if fields[#fields] == "" then line = line:gsub("\t+$", "") end
  io.stdout:write(line, "\n")
end

local function print_object(self, values)
  local members = {}
  for i, column in ipairs(self.columns) do
    members[i] = column.key .. format.json(column, values[i])
  end
  io.stdout:write("{", table.concat(members, ","), "}\n")
end

local function print_texts(self, texts, bold)
  local cells = {}
  for i, column in ipairs(self.columns) do
    cells[i] = format.pad(texts[i], column.room, column.right)
  end
  local line = table.concat(cells, "  "):gsub(" +$", "")
  if bold and self.colour then line = BOLD .. line .. PLAIN end
  io.stdout:write(line, "\n")
end

local function print_header(self)
  local names = {}
  for i, column in ipairs(self.columns) do names[i] = column.name end
  if self.title then io.stdout:write(self.title, "\n") end
  print_texts(self, names, true)
end

local function texts_of(self, values)
  local texts = {}
  for i, column in ipairs(self.columns) do texts[i] = format.people(column, values[i]) end
  return texts
end

-- Room for each column, from all texts that are to be printed.
local function align(self, rows)
  for i, column in ipairs(self.columns) do
    column.room = math.max(column.width or 0, format.width(column.name))
    local numbers = #rows > 0
    for _, row in ipairs(rows) do
      column.room = math.max(column.room, format.width(row.texts[i]))
      numbers = numbers and (row[i] == nil or type(row[i]) == "number")
    end
    column.right = column.right or numbers and not column.unit
  end
end

local function stream_texts(self, values)
  if not self.begun then
    self.begun = true
    for i, column in ipairs(self.columns) do
      column.right = column.right or not column.unit and type(values[i]) == "number"
      column.room = math.max(format.width(column.name),
        column.width or WIDTHS[column.unit] or TEXT_WIDTH)
    end
    print_header(self)
  end
  print_texts(self, texts_of(self, values))
end

local function emit(self, values)
  if self.format == "json" then
    print_object(self, values)
  elseif self.format == "tsv" then
    print_fields(self, values)
  else
    stream_texts(self, values)
  end
end

-- table:row{ NAME = value, ... } or table:row(value, ...)
function class:row(...)
  local values = values_of(self, ...)
  if self.sort or self.format == "table" and not self.stream then
    values.at = #self.rows + 1
    self.rows[values.at] = values
  else
    emit(self, values)
  end
end

-- Numbers before texts, what is absent last, equals as they came.
local function sort_rows(self)
  local by, ascending = self.sort, self.ascending
  table.sort(self.rows, function(one, other)
    local x, y = one[by], other[by]
    if x == y then return one.at < other.at end
    if x == nil or y == nil then return y == nil end
    if type(x) ~= type(y) then return type(x) == "number" end
    if type(x) ~= "number" then x, y = tostring(x), tostring(y) end
    if ascending then return x < y end
    return x > y
  end)
end

-- table:print() prints the rows since the last print.
function class:print()
  if self.sort then sort_rows(self) end
  local rows = table.move(self.rows, 1, math.min(#self.rows, self.limit or math.huge), 1, {})
  self.rows = {}
  if self.format ~= "table" then
    for _, row in ipairs(rows) do emit(self, row) end
  elseif #rows > 0 then
    for _, row in ipairs(rows) do row.texts = texts_of(self, row) end
    align(self, rows)
    print_header(self)
    for _, row in ipairs(rows) do print_texts(self, row.texts) end
  end
end

return open
