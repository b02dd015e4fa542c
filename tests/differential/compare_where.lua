--- compare_where: what two programs select, expression by expression.
---
--- usage   capengine run compare_where.lua -- EXPRESSIONS TSHARK CAPENGINE
---
--- EXPRESSIONS has one in each line; the others an answer in each, as select_where
--- prints them. Where a name alone stands in a line, the answer says which packets
--- have that field: a packet that has it for one only is left out everywhere.

local names = { ... }

local function lines(name)
  local list = {}
  for line in io.lines(name) do list[#list + 1] = line end
  return list
end

local expressions, theirs, ours = lines(names[1]), lines(names[2]), lines(names[3])
assert(#theirs == #expressions and #ours == #expressions, "answers are missing")

-- The numbers in an answer, as a set; nil: refused.
local function set(answer)
  if answer:sub(1, 2) ~= "ok" then return nil end
  local numbers = {}
  for number in answer:gmatch "%d+" do numbers[tonumber(number)] = true end
  return numbers
end

-- The numbers in one set only, in order, but for those in `except`.
local function differ(a, b, except)
  local list = {}
  for number in pairs(a) do
    if not b[number] and not except[number] then list[#list + 1] = number end
  end
  table.sort(list)
  return list
end

local function some(list) return table.concat(list, " ", 1, math.min(9, #list)) end

local left_out, count = {}, 0
for i, expression in ipairs(expressions) do
  local a, b = set(theirs[i]), set(ours[i])
  if expression:find "^[%w_.]+$" and a and b then
    for _, list in ipairs { differ(a, b, left_out), differ(b, a, left_out) } do
      for _, number in ipairs(list) do
        left_out[number] = true
        count = count + 1
      end
    end
  end
end

local selecting, refused, failed = 0, 0, 0
local function wrong(i, words)
  failed = failed + 1
  print(expressions[i] .. ": " .. words)
end

for i in ipairs(expressions) do
  local a, b = set(theirs[i]), set(ours[i])
  if not a and not b then
    refused = refused + 1
  elseif not a then
    wrong(i, "refused by tshark, and not by us")
  elseif not b then
    wrong(i, ours[i])
  else
    if next(a) then selecting = selecting + 1 end
    local only_theirs, only_ours = differ(a, b, left_out), differ(b, a, left_out)
    if #only_theirs > 0 then wrong(i, "only tshark selects " .. some(only_theirs)) end
    if #only_ours > 0 then wrong(i, "only we select " .. some(only_ours)) end
  end
end
print(("%d expressions: %d select something, %d are refused by both, %d differ; " ..
  "%d packets left out"):format(#expressions, selecting, refused, failed, count))
if failed > 0 then error("expressions differ", 0) end
