--- task_loop: count packets with an empty-handed callback; bench/run times it.
---
--- usage   capengine run bench/scripts/task_loop.lua -r FILE
--- output  the number of packets

local source = require("capengine").source()
local n = 0
assert(source:loop(0, function(packet, len, sec, usec) n = n + 1 end) == n)
print(n)
