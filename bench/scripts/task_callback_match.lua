--- task_callback_match: task_match by a function for each packet; bench/run times it.
---
--- usage   capengine run bench/scripts/task_callback_match.lua -r FILE
--- output  the number of packets

local fields = require("capengine").field("tcp.dstport", "tcp.flags.syn")
local n = 0
local script = {}

function script.packet(packet)
  local port, syn = fields(packet)
  if port == 443 or syn then n = n + 1 end
end

function script.finish() print(n) end

return script
