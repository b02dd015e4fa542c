-- select_tshark: which packets of a savefile tshark's display filters select.
--
--     EXPRESSIONS=FILE ANSWERS=FILE tshark -r SAVEFILE -T fields -e frame.number \
--         -X lua_script:select_tshark.lua >/dev/null
--
-- Run by tshark's own Lua. EXPRESSIONS has one in each line; each is a tap's filter, so
-- that one run of tshark answers all of them. ANSWERS becomes what select_where prints,
-- without the reasons why an expression is refused:
--
--     ok NUMBER NUMBER ...
--     no

-- With -T fields, the octets of "tcp" are its header; without, its payload too.

local answers = {}

for expression in io.lines(os.getenv "EXPRESSIONS") do
  local numbers = { "ok" }
  local known, tap = pcall(Listener.new, "frame", expression ~= "" and expression or nil)
  answers[#answers + 1] = known and numbers or { "no" }
  if known then
    function tap.packet(pinfo) numbers[#numbers + 1] = tostring(pinfo.number) end
  end
end

local last = Listener.new "frame"

function last.draw()
  local file = assert(io.open(os.getenv "ANSWERS", "w"))
  for _, numbers in ipairs(answers) do file:write(table.concat(numbers, " "), "\n") end
  file:close()
end
