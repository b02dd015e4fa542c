--- jobs: what the programs here are told to read; see print_pcap.c for the format.

local jobs = {}

--- The jobs in a file: tables { path =, changes = { { at =, filter = }, ... } }.
function jobs.read(path)
  local file = assert(io.open(path, "rb"))
  local list = {}
  for text in file:read("a"):gmatch("([^\0]*)\0") do
    local at, filter = text:match("^(%d+) ?(.*)$")
    if text:sub(1, 1) == "=" then
      list[#list + 1] = { path = text:sub(2), changes = {} }
    else
      local changes = list[#list].changes
      changes[#changes + 1] = { at = tonumber(at), filter = filter }
    end
  end
  file:close()
  return list
end

return jobs
