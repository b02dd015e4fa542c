--- sizes: how long the packets are.
---
--- A histogram of lengths on the wire, printed when the capture ends: each line has the
--- lengths from one power of two to the next.
---
--- usage   capengine run sizes -r trace.pcap
--- output  least length, largest length, packets, percent of all packets, bytes; tabs
---         between, smallest first; lengths that no packet has are left out at both ends
--- memory  one entry for each length that occurs

local ce = require "capengine"

local lengths = ce.group { by = "frame.len", count = true }

local script = {}

function script.batch(batch)
  lengths:add(batch)
end

-- The number of the line: 0 for none, k for lengths from 2^(k-1) on.
local function line_of(length)
  local line = 0
  while length > 0 do
    line, length = line + 1, length // 2
  end
  return line
end

-- Packets and bytes by line, and the first and last line that has any.
local function sum_up()
  local packets, bytes, first, last = {}, {}, math.huge, -1
  for row in lengths:rows() do
    local length = row["frame.len"]
    local line = line_of(length)
    packets[line] = (packets[line] or 0) + row.count
    bytes[line] = (bytes[line] or 0) + row.count * length
    first, last = math.min(first, line), math.max(last, line)
  end
  return packets, bytes, first, last
end

function script.finish()
  local packets, bytes, first, last = sum_up()
  local all = 0
  for _, count in pairs(packets) do all = all + count end
  for line = first, last do
    local count = packets[line] or 0
    print(1 << line >> 1, (1 << line) - 1, count, ("%.1f"):format(100 * count / all),
      bytes[line] or 0)
  end
end

return script
