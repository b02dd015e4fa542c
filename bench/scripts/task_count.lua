--- task_count: packets, and their bytes on the wire; bench/run times it.
---
--- usage   capengine run bench/scripts/task_count.lua -r FILE
--- output  packets, bytes

local packets, bytes = 0, 0
for batch in require("capengine").source():batches() do
  packets = packets + batch:count()
  bytes = bytes + batch:sum("frame.len")
end
print(packets .. " " .. bytes)
