--- cut: savefiles cut at every byte offset.
---
--- usage   capengine run cut.lua -- FOLDER SAVEFILE...
---
--- Writes FOLDER/NAME.N, the first N bytes, for every N less than the file's size.

local folder = ...

for i = 2, select("#", ...) do
  local path = select(i, ...)
  local name = path:match("[^/]*$")
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  for size = 0, #bytes - 1 do
    local cut = assert(io.open(("%s/%s.%04d"):format(folder, name, size), "wb"))
    assert(cut:write(bytes:sub(1, size)))
    assert(cut:close())
  end
end
