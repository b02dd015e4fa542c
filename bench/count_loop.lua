--- count_loop: count packets with an empty-handed callback; bench/run times it.
---
--- usage   capengine run bench/count_loop.lua FILE
--- output  the number of packets

local pcap = require "pcap"

local handle = assert(pcap.open_offline(arg[1]))
local n = 0
assert(pcap.loop(handle, 0, function(packet, len, sec, usec) n = n + 1 end) == n)
print(n)
