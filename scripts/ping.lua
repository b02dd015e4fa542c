--- ping: when packets of one host came, and how long they were.
---
--- The example of the documented calls as a plain program, without hooks: a filter,
--- a loop, and what the capture counted.
---
--- usage   capengine run ping -i eth0 -- --host 192.168.100.1 --count 10
--- args    --host ADDRESS  whose packets (default 192.168.100.1); a name is asked for in DNS
---         --count N       how many; 0: all until the end (default 10)
--- output  seconds:microseconds - length on the wire; then what was received and dropped
--- memory  none
---
--- "received" counts what the kernel's filter let pass, and what was there before it
--- was set. On a savefile it counts what was read, which is more than was asked for.

local ce = require "capengine"
local pcap = require "pcap"

local args = ce.args {
  host = { default = "192.168.100.1", help = "whose packets" },
  count = { default = 10, help = "how many; 0: all until the end" },
}

local function fail(message)
  io.stderr:write("ping: ", message, "\n")
  os.exit(1)
end

-- What -i or -r names. With a name of one's own it would be, as documented:
--   pcap.open_live(pcap.lookupdev(), 1024, false, -1)
local handle = ce.source()

-- No netmask: "src host" does not look at one. "ip broadcast" would, and
-- pcap.lookupnet(device) gives it as its second result.
local bpf, message = pcap.compile(handle, "src host " .. args.host)
if not bpf then fail(message) end
assert(pcap.setfilter(handle, bpf) == 0)

local count, why = pcap.loop(handle, args.count, function(packet, len, sec, usec)
  print(("%d:%06d - %d bytes"):format(sec, usec, len))
end)

-- A savefile has no statistics, but every handle has counters.
local received, dropped = pcap.stats(handle)
if not received then
  local counters = pcap.counters(handle)
  received, dropped = counters.received, counters.kernel_drops + counters.interface_drops
end
print(("%d packets received, %d packets dropped."):format(received, dropped))
pcap.close(handle)
if count == -1 then fail(why) end
