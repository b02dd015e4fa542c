--- task_sources: bytes by source address; bench/run times it.
---
--- usage   capengine run bench/scripts/task_sources.lua -r FILE
--- output  address, bytes: the ten with most, largest first; tabs between

local ce = require "capengine"
local sources = ce.group { by = { "flow.src" }, sum = { "frame.len" } }
for batch in ce.source():batches() do sources:add(batch) end
for row in sources:rows { order = "frame.len", limit = 10 } do
  print(row["flow.src"], row["frame.len"])
end
