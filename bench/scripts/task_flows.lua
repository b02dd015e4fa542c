--- task_flows: bytes by flow of TCP and UDP, each direction one; bench/run times it.
---
--- usage   capengine run bench/scripts/task_flows.lua -r FILE
--- output  the number of flows; then source, destination, their ports, protocol, bytes
---         of the ten with most, largest first; tabs between

local ce = require "capengine"
local key = { "flow.src", "flow.dst", "flow.srcport", "flow.dstport", "flow.proto" }
local flows = ce.group { by = key, sum = { "frame.len" }, capacity = 1 << 24 }
for batch in ce.source():batches() do flows:add(batch:where("flow.proto in {6, 17}")) end
print(#flows .. " flows")
for row in flows:rows { order = "frame.len", limit = 10 } do
  print(row["flow.src"], row["flow.dst"], row["flow.srcport"], row["flow.dstport"],
    row["flow.proto"], row["frame.len"])
end
