-- one_liner.lua: what `capengine -e TEXT` runs: a sentence, or short Lua.
local need = ...
local sentence, answer, short = need "sentence", need "answer", need "short"

local KEYWORDS = {}
for word in ("break do for function goto if local repeat return while"):gmatch "%a+" do
  KEYWORDS[word] = true
end

-- It is no Lua; was a sentence meant? Its first words are no Lua either.
local function looks_like_words(text)
  local first, rest = text:match "^%s*([%a_][%w_.]*)(.*)$"
  return first and not KEYWORDS[first] and (rest:find "^%s*$" or rest:find "^%s+[%a_]")
end

local function plan_hooks(text)
  local plan, message = sentence.parse(text)
  if not plan then return nil, message end
  return answer(plan)
end

local function hooks_of(text)
  if sentence.is(text) or text:find "^%s*$" then return plan_hooks(text) end
  local hooks, message, sure = short(text)
  if hooks or sure or not looks_like_words(text) then return hooks, message end
  return plan_hooks(text)
end

-- text -> a chunk, as of a script; or nil, what is wrong
return function(text)
  local hooks, message = hooks_of(text)
  if not hooks then return nil, message end
  return function() return hooks end
end
