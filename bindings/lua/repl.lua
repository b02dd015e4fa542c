-- repl.lua: what `capengine repl` does with a line: runs it, and shows what it gives; or
-- answers it, where it is a sentence.
--
--   open(handle, answer)  the source, or nil; what drives hooks over it
--   compile(line)   -> a chunk; "more": the statement goes on; "end": leave
--   show(...)       what the chunk gave; fail(problem): what it raised
--   complete(line)  -> how much of it the words replace, and the words
local need, host = ...
local open_table, sentence, answer_of = need "table", need "sentence", need "answer"
local ce = host.ce

local repl = {}

-- The globals of lines: Lua's, and what looks at the capture.
local env = { ce = ce }
local source, advance, current, answer

-- next() goes on to the next batch, which then is b; next(t, k) is Lua's.
function env.next(...)
  if select("#", ...) > 0 then return next(...) end
  if not source then error("there is no source: -r or -i names one", 0) end
  current = advance(source)
  return current
end

setmetatable(env, {
  __index = function(_, name)
    if name ~= "b" then return _G[name] end
    return current or source and env.next()
  end,
})

function repl.open(handle, drive)
  source, env.source, answer = handle, handle, drive
  if handle then advance = handle:batches() end
end

local function class_of(value)
  local class = debug.getmetatable(value)
  return type(class) == "table" and class.__name or type(value)
end

local function text_of(value)
  local class = class_of(value)
  if class == "capengine.batch" then return ("a batch of %d packets"):format(#value) end
  if class == "capengine.packet" then return ("a packet of %d bytes"):format(#value) end
  if class == "table" and next(value) == nil then return "{}" end
  if class == "table" and (#value == 0 or #value > 8) then return "{ ... }" end
  if class == "table" then
    local texts = {}
    for i, one in ipairs(value) do texts[i] = tostring(one) end
    return "{ " .. table.concat(texts, ", ") .. " }"
  end
  return tostring(value)
end

local function sorted_keys(value)
  local keys = {}
  for key in next, value do keys[#keys + 1] = key end
  table.sort(keys, function(one, other)
    if type(one) == type(other) and type(one) ~= "boolean" and type(one) ~= "table" and
      type(one) ~= "function" and type(one) ~= "userdata" then
      return one < other
    end
    return tostring(one) < tostring(other)
  end)
  return keys
end

local function all_tables(list)
  for i = 1, #list do
    if type(list[i]) ~= "table" then return false end
  end
  return #list > 0
end

-- Rows that have names: a column for each name.
local function show_rows(list)
  local names, columns = {}, {}
  for _, row in ipairs(list) do
    for _, name in ipairs(sorted_keys(row)) do
      name = tostring(name)
      if not names[name] then
        names[name] = true
        columns[#columns + 1] = name
      end
    end
  end
  if #columns == 0 then return print "{}" end
  local rows = open_table { columns = columns }
  for _, row in ipairs(list) do
    local cells = {}
    for i, name in ipairs(columns) do
      local value = row[name]
      if value == nil then value = row[math.tointeger(name)] end
      if value ~= nil then cells[i] = type(value) == "number" and value or text_of(value) end
    end
    rows:row(table.unpack(cells, 1, #columns))
  end
  rows:print()
end

local function show_table(value)
  if next(value) == nil then return print "{}" end
  if all_tables(value) then return show_rows(value) end
  local rows = open_table { columns = { "key", "value" } }
  for _, key in ipairs(sorted_keys(value)) do
    local one = value[key]
    rows:row(tostring(key), type(one) == "number" and one or text_of(one))
  end
  rows:print()
end

-- show(value): tables as tables, and what an iterator gives as rows.
function env.show(value, ...)
  if type(value) == "function" then
    local rows = {}
    for row in value, ... do rows[#rows + 1] = type(row) == "table" and row or { value = row } end
    return show_rows(rows)
  end
  if type(value) == "table" and class_of(value) == "table" then return show_table(value) end
  print(text_of(value))
end

function repl.show(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "function" then print(value) else env.show(value) end
  end
end

function repl.fail(problem)
  io.stderr:write(tostring(problem), "\n")
end

-- An expression, or statements; or nil, what is wrong.
local function load_text(text)
  local chunk = load("return " .. text, "=repl", "t", env)
  if chunk then return chunk end
  return load(text, "=repl", "t", env)
end

-- Is it a sentence? A verb alone is not where something has that name.
local function is_sentence(text)
  local name = text:match "^%s*(%a+)%s*$"
  return sentence.is(text) and not (name and rawget(env, name) ~= nil)
end

-- A chunk that answers the sentence; or what is wrong with it is said.
local function load_sentence(text)
  local plan, message = sentence.parse(text)
  if not plan then return repl.fail(message) end
  return function()
    if not source then error("there is no source: -r or -i names one", 0) end
    answer(answer_of(plan))
  end
end

local pending -- lines of a statement that goes on

function repl.compile(line)
  local word = line:match "^%s*(%a+)%s*$"
  if not pending and (word == "exit" or word == "quit") then return "end" end
  local text = pending and pending .. "\n" .. line or line
  pending = nil
  if text:find "^%s*$" then return end
  if is_sentence(text) then return load_sentence(text) end
  local chunk, message = load_text(text)
  if chunk then return chunk end
  if message:find "<eof>$" then
    pending = text
    return "more"
  end
  if sentence.may_be(text) and host.near(text:match "%a+", sentence.verbs) then
    return load_sentence(text) -- says which verb was meant
  end
  repl.fail(message)
end

-- Forget the lines of a statement.
function repl.cancel()
  pending = nil
end

-- Names that stand behind the dot or colon of a value.
local function members(value, method)
  local names = {}
  local class = debug.getmetatable(value)
  local places = { value, type(class) == "table" and class.__index }
  for _, place in pairs(places) do
    if type(place) == "table" then
      for name, one in next, place do
        local callable = type(one) == "function"
        if type(name) == "string" and (callable or not method) then names[name] = true end
      end
    end
  end
  return names
end

local function globals()
  local names = { b = true }
  for _, place in ipairs { env, _G } do
    for name in next, place do
      if type(name) == "string" then names[name] = true end
    end
  end
  for word in ("and break do else elseif end false for function goto if in local nil not or "
    .. "repeat return then true until while"):gmatch "%a+" do
    names[word] = true
  end
  return names
end

-- The value of "a.b.c", without calling anything of the script's.
local function value_at(path)
  local value = env
  for name in path:gmatch "[^.]+" do
    if value == env then
      value = name == "b" and current or rawget(env, name)
      if value == nil then value = _G[name] end
    elseif type(value) == "table" then
      value = rawget(value, name)
    else
      return nil
    end
  end
  return value
end

local function matching(names, part)
  local words = {}
  for name in pairs(names) do
    if name:sub(1, #part) == part then words[#words + 1] = name end
  end
  table.sort(words)
  return #part, words
end

local function set(list)
  local names = {}
  for _, name in ipairs(list) do names[name] = true end
  return names
end

-- In a sentence, what it may go on with; in a string, a field; behind a dot or colon, a
-- member; else a global, or where the line begins a verb.
function repl.complete(line)
  local words = not pending and sentence.expects((line:gsub("[%w_.#]*$", "")))
  if words then return matching(set(words), line:match "[%w_.#]*$") end
  local _, quotes = line:gsub("[\"']", "")
  if quotes % 2 == 1 then return matching(set(ce.fields()), line:match "[%w_.#]*$") end
  local path, mark, part = line:match "([%a_][%w_.]*)([.:])([%w_]*)$"
  if path then return matching(members(value_at(path), mark == ":"), part) end
  local names = globals()
  if not pending and line:find "^%s*%a*$" then
    for _, verb in ipairs(sentence.verbs) do names[verb] = true end
  end
  return matching(names, line:match "[%a_]?[%w_]*$")
end

return repl
