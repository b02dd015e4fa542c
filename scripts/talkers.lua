--- talkers: who sends the most.
---
--- Counts packets and bytes for each source address, IPv4 and IPv6, and prints the
--- largest senders when the capture ends.
---
--- usage   capengine run talkers -r trace.pcap -- --top 5
--- args    --top N   rows to print (default 10)
--- output  address, packets, bytes on the wire; largest first
--- memory  one entry for each address, a million at most; the rest counts as "other"
---
--- Ethernet, raw IP, Linux cooked, null and loop captures, behind VLAN tags and MPLS
--- labels where there are any. Of IP in IP, the outermost header counts. Packets
--- without an IP header, or with less than all of it, are counted on standard error.
---
--- There is no filter: libpcap's "ip or ip6" would lose what carries a VLAN tag.

local ce = require "capengine"

local senders = ce.group {
  by = "flow.src", count = true, sum = "frame.len", capacity = 1000000,
}

local rows = ce.table {
  columns = { "address", { "packets", unit = "count" }, { "bytes", unit = "bytes" } },
}

local script = { args = { top = { default = 10, help = "rows to print" } } }

function script.batch(batch)
  senders:add(batch)
end

function script.finish()
  for row in senders:rows { order = "frame.len", limit = script.args.top } do
    rows:row(row["flow.src"], row.count, row["frame.len"])
  end
  local other, without = senders:other(), senders:skipped()
  if other then rows:row("other", other.count, other["frame.len"]) end
  rows:print()
  if without > 0 then
    io.stderr:write("talkers: packets without an IP source address: ", without, "\n")
  end
end

return script
