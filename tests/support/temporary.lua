-- temporary.lua: files that a spec makes; spec.lua removes them at its end.
local temporary = {}

local names = {}

-- The name of a new, empty file, in TMPDIR if that is set.
function temporary.name()
  local name, folder = os.tmpname(), os.getenv "TMPDIR"
  if folder then
    os.remove(name)
    name = folder .. name:match "/[^/]*$"
    assert(io.open(name, "wb")):close()
  end
  names[#names + 1] = name
  return name
end

function temporary.write(name, bytes)
  local file = assert(io.open(name, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return name
end

-- The name of a new file with these bytes.
function temporary.file(bytes)
  return temporary.write(temporary.name(), bytes)
end

function temporary.read(name)
  local file <close> = assert(io.open(name, "rb"))
  return file:read "a"
end

-- A new folder, `name`, that is gone at the end of the block of a to-be-closed local.
function temporary.folder()
  local name = temporary.name()
  os.remove(name)
  assert(os.execute("mkdir " .. name))
  return setmetatable({ name = name }, {
    __close = function() os.execute("rm -r " .. name) end,
  })
end

function temporary.remove()
  for _, name in ipairs(names) do os.remove(name) end
  names = {}
end

return temporary
