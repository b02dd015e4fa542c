-- mistake.lua: what is wrong with a text that somebody typed: a caret below it.
local mistake = {}

-- "MESSAGE\nTEXT\n   ^~~": the caret stands below `length` octets from `at` on.
function mistake.point(text, at, length, message)
  local shown = text:gsub("%c", " ")
  local blanks = utf8.len(text:sub(1, at - 1)) or at - 1
  local tail = utf8.len(text:sub(at, at + length - 1)) or length
  return ("%s\n%s\n%s^%s"):format(message, shown, (" "):rep(blanks),
    ("~"):rep(math.max(0, tail - 1)))
end

return mistake
