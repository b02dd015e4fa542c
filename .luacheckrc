-- How `luacheck .` reads our Lua; a file of annotations runs nothing.
std = "lua54"
max_line_length = 100

-- A hook shows all that it is given, also what it does not use.
unused_args = false

exclude_files = { "build*/**", "bindings/*.d.lua" }

-- Run by tshark's Lua.
files["tests/differential/select_tshark.lua"].globals = { "Listener" }
