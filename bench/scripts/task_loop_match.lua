--- task_loop_match: task_match by a function for each packet; bench/run times it.
---
--- usage   capengine run bench/scripts/task_loop_match.lua -r FILE
--- output  the number of packets

local ce = require "capengine"
local dstport, syn = ce.field "tcp.dstport", ce.field "tcp.flags.syn"
local n = 0
ce.source():loop(0, function(packet)
  if dstport(packet) == 443 or syn(packet) then n = n + 1 end
end)
print(n)
