--- to_pcapng: write what savefiles hold to pcapng files.
---
--- usage   capengine run to_pcapng.lua -- JOBS FOLDER
---
--- Job I becomes FOLDER/I.pcapng, with the packets that come before an error, if
--- there is one. What cannot be opened becomes nothing, nor what has a link type
--- that savefiles do not know.

local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path
local capengine = require "capengine"
local jobs = require "jobs"

local list, folder = ...

for number, job in ipairs(jobs.read(list)) do
  local handle = capengine.pcap.open_offline(job.path)
  if handle then
    local name = ("%s/%d.pcapng"):format(folder, number)
    local out = assert(capengine.savefile(name))
    local refused
    pcall(function()
      for batch in handle:batches() do
        local _, message = out:write(batch)
        refused = refused or message
      end
    end)
    assert(not refused or refused:find "isn't supported in savefiles", refused)
    assert(out:close())
    if refused then os.remove(name) end
    handle:close()
  end
end
