--- task_callback: an empty callback for each packet; bench/run times it.
---
--- usage   capengine run bench/scripts/task_callback.lua -r FILE
--- output  the number of packets

local script = {}

function script.packet(packet) end

function script.finish()
  print(require("capengine").source():counters().delivered)
end

return script
