--- flows: who talked with whom, when, and how much.
---
--- A line for each flow, as soon as it is over: no packet of it came for a while, or the
--- capture ended. Both directions are one flow; who sent its first packet stands first.
---
--- usage   capengine run flows -r trace.pcap -- --idle 30
--- args    --idle SECONDS  silence that ends a flow (default 60)
---         --most N        flows at a time (default 1000000); of more, idle ones end early
--- output  start (UTC), seconds, protocol, address, port, address, port, packets, bytes on
---         the wire; "-" for a port where the protocol has none
--- memory  one entry for each flow that is not over
---
--- Packets of IPv4 and IPv6 have flows, of TCP, UDP and SCTP with ports. Fragments that
--- show no ports are flows of their own. Packets without an IP header are counted on
--- standard error.

local ce = require "capengine"

local script = {
  every = 1,
  args = {
    idle = { default = 60, help = "silence that ends a flow, in seconds" },
    most = { default = 1000000, help = "flows at a time" },
  },
}

local PROTOCOLS = { [1] = "icmp", [6] = "tcp", [17] = "udp", [58] = "icmpv6", [132] = "sctp" }

local rows = ce.table {
  stream = true,
  columns = {
    { "start", unit = "time", digits = 6 }, { "duration", unit = "seconds", digits = 6 },
    { "proto", width = 6 }, "source", { "srcport", width = 7 }, "destination",
    { "dstport", width = 7 }, { "packets", unit = "count" }, { "bytes", unit = "bytes" },
  },
}

local function print_flow(row)
  local start, stop = row["first(frame.time_epoch)"], row["last(frame.time_epoch)"]
  local proto = row["first(flow.proto)"]
  rows:row(start, (stop - start) / 1e9, PROTOCOLS[proto] or proto,
    row["first(flow.src)"], row["first(flow.srcport)"],
    row["first(flow.dst)"], row["first(flow.dstport)"], row.count, row["frame.len"])
end

local function open_flows()
  return ce.group {
    by = "flow.key", sum = "frame.len", last = "frame.time_epoch",
    first = {
      "frame.time_epoch", "flow.proto", "flow.src", "flow.srcport", "flow.dst", "flow.dstport",
    },
    idle = script.args.idle, capacity = script.args.most, policy = "evict",
    expired = print_flow,
  }
end

local flows -- since the first packet: then the arguments are known

function script.batch(batch)
  flows = flows or open_flows()
  flows:add(batch)
end

-- Live, a flow may be over though nothing comes.
function script.tick(now_ns)
  if flows then flows:expire(now_ns) end
end

function script.finish()
  if not flows then return end
  flows:flush()
  local without = flows:skipped()
  if without > 0 then
    io.stderr:write("flows: packets without an IP header: ", without, "\n")
  end
end

return script
