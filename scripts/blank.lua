--- blank: copy this one, and say here in a line what yours tells.
---
--- As it stands it counts packets and bytes.
---
--- usage   capengine run blank -r trace.pcap -- --label office
--- args    --label TEXT  what the line begins with (default total)
--- output  label, packets, bytes on the wire; tabs between
--- memory  none

local packets, bytes = 0, 0

-- Beside args: `filter`, a pcap-filter(7) expression, and `every`, seconds between ticks.
local script = {
  args = { label = { default = "total", help = "what the line begins with" } },
}

-- For each packet. It is lent until its batch is over: packet:keep() owns a copy.
function script.packet(packet)
  packets = packets + 1
  bytes = bytes + packet:wire_len()
end

-- Other hooks, each costs nothing when it is absent:
--   script.batch(batch)             for packets that came together, before `packet`
--   script.tick(now_ns, elapsed_ns) every `every` seconds of packet time
--   script.gap(gap)                 packets were lost before the next one

-- Once, at the end: of the file, after -c packets, or after ^C.
function script.finish()
  print(script.args.label, packets, bytes)
end

return script
