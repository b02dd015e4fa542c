-- one_liner.lua: what `capengine -e TEXT` runs: a sentence, or short Lua.
local need = ...
local sentence, answer, short = need "sentence", need "answer", need "short"

local function plan_hooks(text)
  local plan, message = sentence.parse(text)
  if not plan then return nil, message end
  return answer(plan)
end

local function hooks_of(text)
  if sentence.is(text) or text:find "^%s*$" then return plan_hooks(text) end
  local hooks, message, sure = short(text)
  if hooks or sure or not sentence.may_be(text) then return hooks, message end
  return plan_hooks(text)
end

-- text -> a chunk, as of a script; or nil, what is wrong
return function(text)
  local hooks, message = hooks_of(text)
  if not hooks then return nil, message end
  return function() return hooks end
end
