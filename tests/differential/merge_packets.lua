--- merge_packets: the packets of many captures in one savefile for each link type.
---
--- usage   capengine run merge_packets.lua -- FOLDER
---
--- Reads paths from standard input, with a NUL behind each. Writes FOLDER/LINKTYPE.pcap,
--- with whole microseconds, as many packets of a file as can be read. Files that cannot
--- be opened are left out: other tests compare those.

local pcap = require "pcap"
local folder = arg[1]

local dumpers, dead = {}, {}

local function dumper_for(linktype)
  if not dumpers[linktype] then
    dead[linktype] = assert(pcap.open_dead(linktype, 262144))
    dumpers[linktype] = dead[linktype]:dump_open(("%s/%d.pcap"):format(folder, linktype))
  end
  return dumpers[linktype]
end

for path in io.read("a"):gmatch "(%Z+)%z" do
  local handle <close> = pcap.open_offline(path)
  local dumper = handle and dumper_for(handle:datalink())
  if dumper then
    handle:loop(0, function(packet) assert(dumper:dump(packet)) end)
  end
end

for _, dumper in pairs(dumpers) do assert(dumper:dump_close()) end
