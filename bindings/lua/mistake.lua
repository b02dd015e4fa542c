-- mistake.lua: what is wrong with a text that somebody typed: a caret, and near names.
local mistake = {}

-- Letters to change, add, leave out or swap, until one word is the other.
local function distance(one, other)
  local before, row = nil, {}
  for j = 0, #other do row[j] = j end
  for i = 1, #one do
    local last = row
    row = { [0] = i }
    for j = 1, #other do
      local same = one:byte(i) == other:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and one:byte(i) == other:byte(j - 1) and
        one:byte(i - 1) == other:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before = last
  end
  return row[#other]
end

-- The one of the words that is meant, as far as one can tell.
function mistake.near(word, words)
  local best, least = nil, math.max(1, #word // 3) + 1
  for _, candidate in ipairs(words) do
    local away = distance(word:lower(), candidate)
    if away < least then best, least = candidate, away end
  end
  return best
end

-- "MESSAGE\nTEXT\n   ^~~": the caret stands below `length` octets from `at` on.
function mistake.point(text, at, length, message)
  local shown = text:gsub("%c", " ")
  local blanks = utf8.len(text:sub(1, at - 1)) or at - 1
  local tail = utf8.len(text:sub(at, at + length - 1)) or length
  return ("%s\n%s\n%s^%s"):format(message, shown, (" "):rep(blanks),
    ("~"):rep(math.max(0, tail - 1)))
end

return mistake
