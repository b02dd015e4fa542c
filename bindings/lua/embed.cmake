# Writes OUT, a C file with the texts of the Lua files FILES, which stand in the program
# and in the module so: cmake -D OUT=... -D FILES=a.lua;b.lua -P embed.cmake
set(code "/* Made of bindings/lua/ by embed.cmake. */\n#include \"lua_parts.h\"\n")
set(rows "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} octets HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${octets}")
  string(APPEND code "static const unsigned char ${name}_text[] = {${octets}};\n")
  string(APPEND rows "\t{\"${name}\", ${name}_text, sizeof(${name}_text)},\n")
endforeach()
file(WRITE ${OUT} "${code}
const struct ce_lua_part ce_lua_parts[] = {
${rows}\t{0},
};
")
