-- sentence.lua: questions as sentences, for `capengine -e`.
--
--   VERB [FIELD, ...] [by FIELD, ...] [where EXPRESSION] [top N]
--
-- parse: text -> a plan, which says what was asked; answer.lua answers it.
local need, host = ...
local mistake = need "mistake"
local ce = host.ce

-- What each verb takes: fields of its own, and which clauses.
local verbs = {
  count = { by = true, where = true, top = true, example = "count by ip.src top 5" },
  sum = { fields = "number", by = true, where = true, top = true,
    example = "sum frame.len by ip.src" },
  min = { fields = "number", by = true, where = true, top = true,
    example = "min ip.ttl by ip.src" },
  max = { fields = "number", by = true, where = true, top = true,
    example = "max frame.len by ip.src" },
  distinct = { fields = "column", by = true, where = true, top = true,
    example = "distinct ip.dst by ip.src" },
  print = { fields = "any", where = true, limit = true,
    example = "print ip.src, tcp.dstport where tcp.flags.syn == 1 limit 5" },
  rate = { by = true, where = true, top = true, example = "rate by ip.src" },
  histogram = { fields = "number", one = true, where = true, example = "histogram frame.len" },
}

local VERBS = { "count", "sum", "min", "max", "distinct", "print", "rate", "histogram" }
local CLAUSES = { "by", "where", "top", "limit" }

local sentence = { verbs = VERBS }

local function fail(text, at, length, message, ...)
  error({ mistake.point(text, at, length, message:format(...)) })
end

-- The clauses that a verb takes.
local function clauses_of(verb)
  local names = {}
  for _, name in ipairs(CLAUSES) do
    if verbs[verb][name] then names[#names + 1] = name end
  end
  return names
end

-- "by, where or top"
local function expected(verb)
  local names = clauses_of(verb)
  local last = table.remove(names)
  return #names > 0 and table.concat(names, ", ") .. " or " .. last or last
end

-- Clauses, in their order: { name =, at =, from =, to = }, where the first has no name.
local function split(text, from)
  local clauses, at = { { from = from } }, from
  while at <= #text do
    local first, last = text:match("^()[%a_][%w_.#]*()", at)
    local quote = text:match("^['\"]", at)
    if quote then
      local closing = text:find(quote, at + 1, true)
      while closing and text:sub(closing - 1, closing - 1) == "\\" do
        closing = text:find(quote, closing + 1, true)
      end
      at = (closing or #text) + 1
    elseif first then
      local word = text:sub(first, last - 1)
      if word == "by" or word == "where" or word == "top" or word == "limit" then
        clauses[#clauses].to = first - 1
        clauses[#clauses + 1] = { name = word, at = first, from = last }
      end
      at = last
    else
      at = at + 1
    end
  end
  clauses[#clauses].to = #text
  return clauses
end

local function check_field(text, verb, at, name, wanted)
  local kind, parts = host.kind(name)
  if not kind then
    local near = host.near(name, clauses_of(verb)) or host.near(name)
    fail(text, at, #name, "there is no field %s%s", name, host.meant(near))
  end
  if wanted == "any" then return end
  if parts then fail(text, at, #name, "%s has several values: choose %s", name, parts) end
  if kind == "octets" or wanted == "number" and kind ~= "number" and
    not (kind == "time" and (verb == "min" or verb == "max")) then
    fail(text, at, #name, "%s is no number, and %s wants one", name, verb)
  end
end

local function take_fields(text, verb, clause, wanted)
  local fields = {}
  local part = text:sub(clause.from, clause.to)
  for at, name in part:gmatch "()([^,%s]+)" do
    check_field(text, verb, clause.from + at - 1, name, wanted)
    fields[#fields + 1] = name
  end
  return fields
end

local function take_number(text, clause)
  local at, digits, rest = text:sub(clause.from, clause.to):match "^%s*()(%d*)%s*(.*)$"
  local number = math.tointeger(digits)
  if not number or number < 1 or rest ~= "" then
    fail(text, clause.from + at - 1, math.max(1, #digits + #rest),
      "`%s` wants a number of at least 1", clause.name)
  end
  return number
end

local function take_where(text, clause)
  local expression = text:sub(clause.from, clause.to):match "^%s*(.-)%s*$"
  if expression == "" then
    fail(text, clause.at, 5, "where what? As in `where tcp.dstport == 443`")
  end
  local message = host.check(expression)
  if message then error({ message }) end
  return expression
end

local function take_clause(plan, text, clause)
  local name = clause.name
  if not verbs[plan.verb][name] then
    fail(text, clause.at, #name, "`%s` has no `%s`: it takes %s", plan.verb, name,
      expected(plan.verb))
  end
  if plan[name] then fail(text, clause.at, #name, "there is a `%s` already", name) end
  if name == "by" then
    plan.by = take_fields(text, plan.verb, clause, "column")
    if #plan.by == 0 then
      fail(text, clause.at, 2, "by which field? As in `%s`", verbs[plan.verb].example)
    end
  elseif name == "where" then
    plan.where = take_where(text, clause)
  else
    plan[name] = take_number(text, clause)
  end
end

-- Fields of the verb itself, and no words that are none.
local function take_own(plan, text, clause)
  local verb = verbs[plan.verb]
  if not verb.fields then
    local at, word = text:sub(clause.from, clause.to):match "^%s*()(%S+)"
    if word then
      fail(text, clause.from + at - 1, #word, "`%s` goes on with %s, as in `%s`", plan.verb,
        expected(plan.verb), verb.example)
    end
    return
  end
  plan.fields = take_fields(text, plan.verb, clause, verb.fields)
  if #plan.fields == 0 then
    fail(text, plan.at, #plan.verb, "%s of which field? As in `%s`", plan.verb, verb.example)
  elseif verb.one and #plan.fields > 1 then
    fail(text, clause.from, clause.to - clause.from + 1, "%s takes one field", plan.verb)
  end
end

local function parse(text)
  local at, verb, from = text:match "^%s*()([%w_.]+)()"
  if not verbs[verb] then
    local near = host.near(verb or "", VERBS)
    fail(text, at or 1, #(verb or " "), "this is neither Lua nor a sentence%s",
      near and host.meant(near) or "; one begins with " .. table.concat(VERBS, ", "))
  end
  local plan = { verb = verb, at = at }
  local clauses = split(text, from)
  take_own(plan, text, clauses[1])
  for i = 2, #clauses do take_clause(plan, text, clauses[i]) end
  return plan
end

-- Is it a sentence? No Lua begins so: a verb, and then a word or nothing.
function sentence.is(text)
  local verb, rest = text:match "^%s*(%a+)(.*)$"
  return verbs[verb] and (rest:find "^%s*$" or rest:find "^%s+[%a_]") and true or false
end

local KEYWORDS = {}
for word in ("break do for function goto if local repeat return while"):gmatch "%a+" do
  KEYWORDS[word] = true
end

-- It is no Lua; was a sentence meant? Its first words are no Lua either.
function sentence.may_be(text)
  local first, rest = text:match "^%s*([%a_][%w_.]*)(.*)$"
  return first and not KEYWORDS[first] and (rest:find "^%s*$" or rest:find "^%s+[%w_]")
end

--[[
  What may stand where a sentence goes on: fields, and clauses that it has not; `text` is
  all before that word. nil: it is no sentence.
]]
function sentence.expects(text)
  local verb, from = text:match "^%s*(%a+)%s()"
  if not verbs[verb] or text:find("^%s*[^%s%a_]", from) then return end
  local clauses, taken, words = split(text, from), {}, {}
  for _, clause in ipairs(clauses) do taken[clause.name or verb] = true end
  local last = clauses[#clauses]
  local body = text:sub(last.from, last.to)
  local wants = not last.name and verbs[verb].fields or last.name == "by" or last.name == "where"
  if not wants or body:find "[^,%s]%s*$" then
    for _, name in ipairs(clauses_of(verb)) do
      if not taken[name] then words[#words + 1] = name end
    end
  end
  if wants then table.move(ce.fields(), 1, #ce.fields(), #words + 1, words) end
  return words
end

-- The plan; or nil, what is wrong.
function sentence.parse(text)
  local ok, result = pcall(parse, text)
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  return nil, result[1]
end

return sentence
