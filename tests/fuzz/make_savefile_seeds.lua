--- make_savefile_seeds: seeds for fuzz_savefile, out of those in tests/data/corners.
---
--- usage   capengine run make_savefile_seeds.lua -- FOLDER SAVEFILE ...
---
--- Copies to FOLDER the classic savefiles of the other byte order, and every fifth of all.
--- Of some of these also: without the last byte, without the second half of the last
--- record's header, and as gzip, zstd and lz4 make them (which must be installed), whole
--- and without the last byte.

local folder = arg[1]

local LAST = 52 -- bytes of most savefiles' last packet
local TOOLS = { gz = "gzip -nc", zst = "zstd -qc", lz4 = "lz4 -qc" }

local function write(name, bytes)
  local file <close> = assert(io.open(folder .. "/" .. name, "wb"))
  assert(file:write(bytes))
end

local function read_all(file)
  local from <close> = assert(file)
  return from:read "a"
end

for i = 2, #arg do
  local path = arg[i]
  local name = path:match "[^/]*$"
  local bytes = read_all(io.open(path, "rb"))
  if i % 5 == 4 or name:find "be%.pcap$" then write(name, bytes) end
  if i % 20 == 4 then
    write(name .. ".1", bytes:sub(1, -2))
    write(name .. ".2", bytes:sub(1, -LAST - 8 - 1))
    for ending, tool in pairs(TOOLS) do
      local less = read_all(io.popen(("%s '%s'"):format(tool, path)))
      write(name .. "." .. ending, less)
      write(name .. "." .. ending .. ".1", less:sub(1, -2))
    end
  end
end
