--- sizes: how long the packets are.
---
--- A histogram of lengths on the wire, printed when the capture ends: each line has the
--- lengths from one power of two to the next.
---
--- usage   capengine run sizes -r trace.pcap
--- output  least length, largest length, packets, percent of all packets, bytes; smallest
---         first; lengths that no packet has are left out at both ends
--- memory  one entry for each length that occurs

local ce = require "capengine"

local lengths = ce.group { by = "frame.len", count = true }

local script = {}

function script.batch(batch)
  lengths:add(batch)
end

function script.finish()
  local histogram = ce.histogram {
    title = "lengths on the wire", unit = "bytes", count = "packets", sum = "bytes",
  }
  for row in lengths:rows() do histogram:add(row["frame.len"], row.count) end
  histogram:print()
end

return script
