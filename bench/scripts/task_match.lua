--- task_match: packets that are TCP to port 443, or TCP with SYN; bench/run times it.
---
--- usage   capengine run bench/scripts/task_match.lua -r FILE
--- output  the number of packets

local n = 0
for batch in require("capengine").source():batches() do
  n = n + batch:where("tcp.dstport == 443 or tcp.flags.syn == 1"):count()
end
print(n)
