--- rates: packets and bits per second, each second.
---
--- Prints a line for each second of packet time, as soon as it is over: live also
--- when no packet comes, once a first one has.
---
--- usage   capengine run rates -r trace.pcap
--- output  time (UTC), packets, bits on the wire in this second; on a terminal, and as the
---         picture of --svg, the bits as a time series in the end
--- memory  of 4096 seconds; of a longer time series, neighbours become one
---
--- Seconds without packets are lines with zeros. A silence of more than a minute is
--- one such line, with "quiet for N s" behind it. A packet that is stamped earlier
--- than one before it counts in the second that runs. The first second and the last
--- hold what the capture has of them; the last is printed when the capture ends.

local ce = require "capengine"

local SECOND = 1000000000 -- in nanoseconds
local MOST_ZEROS = 60

local second -- the one that runs, since 1970; nil before the first packet
local packets, bytes = 0, 0

local rows = ce.table {
  stream = true,
  columns = {
    { "time", unit = "time", digits = 0, width = 19 }, { "packets", unit = "count" },
    { "bits", unit = "bits" }, { "note", absent = "" },
  },
}
local bits = ce.series { name = "bits", title = "bits on the wire per second", unit = "bits" }

-- The line for what was counted; `quiet`: the seconds that it stands for, if not one.
local function print_second(at, quiet)
  local note = quiet and ("quiet for %d s"):format(quiet)
  rows:row(at * SECOND, packets, bytes * 8, note)
  bits:add(at * SECOND, bytes * 8)
  packets, bytes = 0, 0
end

local function print_quiet(from, seconds)
  if seconds > MOST_ZEROS then return print_second(from, seconds) end
  for at = from, from + seconds - 1 do print_second(at) end
end

local script = { every = 1 }

function script.batch(batch)
  second = second or batch:column("frame.time_epoch")[1] // SECOND
  packets = packets + #batch
  bytes = bytes + batch:sum "frame.len"
end

-- One tick may pass several borders: what was counted belongs before the first.
function script.tick(now_ns, elapsed_ns)
  local from = (now_ns - elapsed_ns) // SECOND
  second = now_ns // SECOND
  print_second(from)
  print_quiet(from + 1, second - from - 1)
end

function script.finish()
  if packets > 0 then print_second(second) end
  bits:draw()
end

return script
