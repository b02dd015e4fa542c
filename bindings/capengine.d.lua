---@meta

--- capengine.d.lua: all that a script can call, for people and for the Lua language
--- server. This is the reference; there is no other.
---
--- Two modules come with one another, and a script may use either or both:
---
---     local ce   = require "capengine"       what `capengine run` adds; ce.pcap is pcap
---     local pcap = require "capengine.pcap"  packet capture, by libpcap's names
---
--- `capengine run` also knows the second as "pcap". A stock Lua 5.4 finds both in the
--- installed module, once "capengine" was required.
---
--- Every function of `pcap` whose first parameter is a handle, a bpf object or a
--- dumper is a method of it too: pcap.setfilter(h, f) is h:setfilter(f). It has one
--- entry here, under `pcap`.
---
--- Failure. What the world does wrong comes back: nil, a text for people, and a code
--- for programs ("ENOENT", "EPERM", "EBADMSG"). What the script does wrong raises: a
--- wrong type, a closed handle, a packet used after its batch. No call crashes.
---
--- Lent and owned. A packet that a call hands out is a view: its bytes stay where the
--- capture put them, and it is *lent until its batch is over*. With a callback, rely on
--- it until the callback returns; in a loop over packets, until the next turn; in a loop
--- over batches, until the next batch. Afterwards every use raises, for ever;
--- packet:keep() gives a copy that stays. Handles, filters and dumpers belong to the
--- script: they are closed by their call, by <close>, or when they are collected.
---
--- Threads and waiting. A Lua state belongs to one thread. A handle that is read has a
--- capture thread of its own from its first reading call on: next, loop, dispatch,
--- loop_dump, dispatch_dump, packets, batches. These wait for packets; close waits at
--- most 100 ms; compile, setfilter, stats and the like wait up to 20 ms for the
--- capture thread's answer. Nothing else waits, but for what the disk does.
---
--- Time is nanoseconds since 1970 in one integer, or seconds and microseconds where
--- libpcap has them.
---
--- What libpcap does and this does not, or not so, is said at each call.
---
---```lua
---local pcap = require "pcap"
---
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local bpf = assert(handle:compile("src host 192.168.100.1"))
---assert(handle:setfilter(bpf) == 0)
---local count = handle:loop(10, function(packet, len, sec, usec)
---  print(sec .. ":" .. usec .. " - " .. len .. " bytes")
---end)
---assert(count == 10)
---```
---
--- The same with hooks: the script returns a table, and `capengine run` drives it.
---
---```lua
----- capengine run sizes.lua -r trace.pcap -- --least 1000
---local large = 0
---
---local script = {
---  filter = "tcp",
---  args = { least = { default = 500, help = "bytes that make a packet large" } },
---}
---
---function script.packet(packet)
---  if packet:wire_len() >= script.args.least then large = large + 1 end
---end
---
---function script.finish()
---  print(large)
---end
---
---return script
---```

-- capengine -----------------------------------------------------------------------

---@class capengine
---@field pcap pcap the module of that name
local capengine = {}

--- What -i or -r name, with -f, -c and -w in force: a handle like any other, opened at
--- the first call; every call gives the same one.
---
--- A savefile or interface that cannot be opened ends the run with its message and exit
--- status 1, a filter that does not compile with 2, and so does a command line without
--- -i and -r. Of capengine.run, it ends the call with nil, a message and a code. Raises
--- in a script that neither of the two runs.
---
---```lua
----- capengine run count.lua -r trace.pcap
---local source = require("capengine").source()
---local count = 0
---for _ in source:packets() do count = count + 1 end
---print(count)
---```
---@return pcap.handle source
function capengine.source() end

---@class capengine.argument
---@field default string|number|boolean the value without the argument; its type is the argument's
---@field help string? what it is for, for whoever reads the script

--- The values of the script's own arguments: those that stand behind `--`, as --NAME
--- VALUE or --NAME=VALUE; a boolean is true as a bare --NAME. The table of hooks does
--- this by itself with its `args`.
---
--- An argument that is not declared, a value that is missing, and one that is not a
--- number where the default is one, end the run with a message and exit status 2.
--- Raises for a declaration that is none, and in a script that neither `capengine run`
--- nor capengine.run runs.
---
---```lua
----- capengine run arguments.lua -- --top 5 --quiet
---local args = require("capengine").args {
---  top = { default = 10, help = "rows to print" },
---  quiet = { default = false },
---  label = { default = "none" },
---}
---assert(args.top == 5 and args.quiet == true and args.label == "none")
---```
---@param declared table<string, capengine.argument> by name, without dashes
---@return table<string, string|number|boolean> values by name
function capengine.args(declared) end

--- End the run with a message and exit status 2, without a traceback: for what whoever
--- runs the script did wrong, and not the script. capengine.run then gives nil, the message
--- and "EINVAL". Does not return; raises in a script that neither runs.
---
---```lua
---local ce = require "capengine"
---local script = { args = { label = { default = "" } } }
---function script.finish()
---  if script.args.label == "" then ce.fail "--label is missing" end
---end
---assert(select(2, ce.run(script, { files = "trace.pcap" })) == "--label is missing")
---```
---@param text string
function capengine.fail(text) end

--- Open a source of packets: a savefile, several as one, or an interface.
---
--- spec is "file:PATH", "live:INTERFACE", a list of paths, whose packets come one file
--- after the other, or a bare name. That is a file if there is one, if it has a slash,
--- or if it is "-", standard input; otherwise it is an interface.
---
---```lua
---local ce = require "capengine"
---local source <close> = assert(ce.open("file:trace.pcap", { filter = "udp", limit = 100 }))
---local bytes = 0
---for batch in source:batches() do bytes = bytes + batch:sum "frame.len" end
---print(bytes)
---assert(select(3, ce.open "file:no-such.pcap") == "ENOENT")
---```
---@param spec string|string[]
---@param options capengine.open_options? an option that does not exist raises
---@return pcap.handle? source
---@return string? message
---@return string? code "ENOENT", "EPERM", "ENODEV", "EBADMSG": no savefile, "EINVAL": the filter ...
function capengine.open(spec, options) end

---@class capengine.open_options
---@field filter string? pcap-filter(7) expression
---@field limit integer? most packets
---@field batch integer? most packets in a batch, 1 to 4096; default 4096
---@field ring_bytes integer? memory for packets on their way, 1 MiB to 16 GiB; default 32 MiB, savefiles 4 MiB
---@field snaplen integer? live: bytes kept of each packet; default 262144
---@field promisc boolean? live: also packets for other stations
---@field rfmon boolean? live: monitor mode
---@field immediate boolean? live: each packet at once
---@field timeout_ms integer? live: longest a packet waits for its batch; default 20
---@field buffer_bytes integer? live: the kernel's ring; default 32 MiB

--- An extractor: a function that gives a field of a packet, or several. Make it once,
--- before the loop. Its first call in a batch decodes the fields for all packets of the
--- batch, so that it costs little for each; one call that gives two values costs less
--- than two calls.
---
--- It gives nil for a field that the packet lacks. A field that stands for several, like
--- tcp.port, gives one value for each of its parts; 16 values are the most. The fields are
--- listed under capengine.field_name. Raises for a name that is none.
---
---```lua
---local ce = require "capengine"
---local query = ce.field("udp.dstport", "flow.src")
---local handle <close> = assert(ce.open "trace.pcap")
---local asked = {}
---for packet in handle:packets() do
---  local port, source = query(packet)
---  if port == 53 then asked[source] = true end
---end
---for address in pairs(asked) do print(address) end
---```
---@param name capengine.field_name
---@param ... capengine.field_name further ones, whose values follow
---@return fun(packet: pcap.packet): capengine.value?, capengine.value? ...
function capengine.field(name, ...) end

--- The names of all fields.
---
---```lua
---local ce = require "capengine"
---local names = {}
---for _, name in ipairs(ce.fields()) do names[name] = true end
---assert(names["ip.src"] and names["flow.key"])
---```
---@return capengine.field_name[] names
function capengine.fields() end

--- A value of a field: what the tables below say.
---@alias capengine.value integer|boolean|string

--- The fields, by Wireshark's names and with Wireshark's meaning. Of stacked headers the
--- outermost is meant: what a tunnel or an ICMP error carries is payload. A packet that
--- ends before a field, or has another protocol, lacks it. Link types: Ethernet, also with
--- 802.2 and PPPoE; raw IP; Linux cooked v1 and v2; BSD null and loop. Of others there are
--- the fields of frame only.
---
--- Numbers are integers, flags are booleans, addresses are strings as inet_ntop(3) makes
--- them; so are the octets of a protocol: `tcp`, say, is its header and what it carries,
--- as far as that is captured, without padding.
---
--- | field | value |
--- |---|---|
--- | `frame` | all octets |
--- | `frame.number` | in its capture, from 1, over all files |
--- | `frame.len` `frame.cap_len` | octets on the wire, and captured |
--- | `frame.time_epoch` | nanoseconds since 1970 |
--- | `eth` | octets |
--- | `eth.dst` `eth.src` `eth.addr` | addresses; addr: both |
--- | `eth.type` `eth.len` | EtherType, or the length of an 802.3 frame |
--- | `vlan` | octets from the first 802.1Q tag on |
--- | `vlan.id` `vlan.id#2` | 802.1Q: the first tag's, 0 to 4095, and the second's |
--- | `vlan.priority` `vlan.dei` `vlan.etype` | of the first: 0 to 7, flag, EtherType behind it |
--- | `ieee8021ad.id` | 802.1ad: the service tag's |
--- | `arp` | octets |
--- | `arp.hw.type` `arp.hw.size` `arp.proto.type` `arp.proto.size` | kinds and lengths of addresses |
--- | `arp.opcode` | 1 request, 2 reply, ...; also of RARP |
--- | `arp.src.hw_mac` `arp.src.proto_ipv4` | the sender's addresses |
--- | `arp.dst.hw_mac` `arp.dst.proto_ipv4` | the target's addresses |
--- | `ip` | octets of IPv4, to the end that its length says |
--- | `ip.version` | 4 or 6: of IPv6 too |
--- | `ip.hdr_len` `ip.len` | octets; a length of 0, before segmentation, is all that follows |
--- | `ip.dsfield` `ip.dsfield.dscp` `ip.dsfield.ecn` | the octet and its two parts |
--- | `ip.id` | identification |
--- | `ip.flags` `ip.flags.rb` `ip.flags.df` `ip.flags.mf` | three bits, and each |
--- | `ip.frag_offset` | in units of eight octets |
--- | `ip.ttl` `ip.proto` `ip.checksum` | as in the header |
--- | `ip.src` `ip.dst` `ip.addr` | addresses; dst: the last of a source route; addr: both |
--- | `ipv6` | octets of IPv6, to the end that its length says |
--- | `ipv6.version` `ipv6.flow` | 6; flow label |
--- | `ipv6.tclass` `ipv6.tclass.dscp` `ipv6.tclass.ecn` | traffic class and its two parts |
--- | `ipv6.plen` `ipv6.nxt` `ipv6.hlim` | octets behind the header; next header; hop limit |
--- | `ipv6.src` `ipv6.dst` `ipv6.addr` | addresses; addr: both |
--- | `tcp` `tcp.payload` | octets with and without the header |
--- | `tcp.srcport` `tcp.dstport` `tcp.port` | ports; port: both |
--- | `tcp.seq_raw` `tcp.ack_raw` | as in the header, not relative |
--- | `tcp.hdr_len` `tcp.len` | octets of the header, and of the payload as IP says |
--- | `tcp.flags` | twelve bits, fin the least |
--- | `tcp.flags.res` `.ae` `.cwr` `.ece` `.urg` `.ack` `.push` `.reset` `.syn` `.fin` | each flag |
--- | `tcp.window_size_value` `tcp.checksum` `tcp.urgent_pointer` | as in the header, unscaled |
--- | `udp` `udp.payload` | octets with and without the header |
--- | `udp.srcport` `udp.dstport` `udp.port` | ports; port: both |
--- | `udp.length` `udp.checksum` | as in the header; length includes it |
--- | `icmp` `icmp.type` `icmp.code` `icmp.checksum` | octets; numbers |
--- | `icmp.ident` `icmp.seq` | of messages that ask and answer |
--- | `icmpv6` `icmpv6.type` `icmpv6.code` `icmpv6.checksum` | octets; numbers |
--- | `sctp` | octets |
--- | `sctp.srcport` `sctp.dstport` `sctp.port` | ports; port: both |
--- | `sctp.verification_tag` `sctp.checksum` | as in the header |
---
--- Of IPv4 and IPv6, and of TCP, UDP and SCTP, alike; Wireshark has none of these:
---
--- | field | value |
--- |---|---|
--- | `flow.src` `flow.dst` `flow.addr` | addresses as the header has them; addr: both |
--- | `flow.srcport` `flow.dstport` `flow.port` | ports; port: both |
--- | `flow.proto` | IP protocol, behind extension headers |
--- | `flow.key` | the five-tuple, one for both directions: "10.0.0.1:443 10.0.0.2:5000 6" |
--- | `flow.hash` | of the five-tuple; seeded, another in each run |
---@alias capengine.field_name string
---@class capengine.run.options
---@field device string? as -i: capture on this interface
---@field files string|string[]? as -r: read these savefiles, one after the other
---@field filter string? as -f: a pcap-filter(7) expression, beside the script's own
---@field limit integer? as -c: end after so many packets
---@field snaplen integer? as -s: bytes kept of each packet of an interface
---@field promisc boolean? false is -p: not in promiscuous mode; default true
---@field ring_bytes integer? as --ring-bytes
---@field format "json"|"table"|"tsv"|nil as --json, --table, --tsv
---@field svg string? as --svg
---@field args table? the script's own arguments: values by name, or the words of a command line

--- Run a script as `capengine run` does, in any Lua: one that is shipped, by its name,
--- one's own by its path, or a table of hooks. Which source it has, the options say.
---
---     lua5.4 -l capengine -e 'capengine.run("talkers", { files = "trace.pcap" })'
---
--- Gives the counters of all handles that the script has closed, its source among them.
--- What would make the command end with 1 or 2 comes back as nil, a message and a code;
--- an error of the script is raised as it is, and so is an option that does not exist.
--- The script has its arguments in `...` and in the global `arg`, which is another one
--- afterwards; what else it does to the globals stays. `require "pcap"` is capengine.pcap
--- in it, unless the program has a module of that name.
---
--- There is no -w here: a script that writes has dump_open. Signals do what the program
--- says: in a stock Lua, ^C raises at the next packet or tick.
---
--- A script that is run may itself run one; `source` and `args` are then the inner one's.
---
---```lua
---local ce = require "capengine"
---
---local bytes = 0
---local script = { args = { least = { default = 0, help = "bytes on the wire" } } }
---function script.packet(packet)
---  local length = packet:wire_len()
---  if length >= script.args.least then bytes = bytes + length end
---end
---
---local counters = assert(ce.run(script, {
---  files = "trace.pcap", filter = "udp", args = { least = 100 },
---}))
---print(counters.received, counters.delivered, bytes)
---assert(select(3, ce.run("talkers", { files = "none.pcap" })) == "ENOENT")
---```
---@param script string|capengine.script
---@param options capengine.run.options?
---@return table<string, integer>? counters as of handle:counters()
---@return string? message
---@return string? code "ENOENT", "EPERM", "EINVAL" ...
function capengine.run(script, options) end

--- The version of capengine: "0.1.0".
---@return string version
function capengine.version() end

-- The table of hooks --------------------------------------------------------------

--- What a script may return; `capengine run` then reads the source and calls the hooks.
--- All fields are optional, a hook that is absent costs nothing, and a field that is not
--- listed here raises, since a misspelt hook would never be called.
---
--- Hooks see packets in their order and packet time alone, so that a script gives the
--- same answer live and from a file. In a hook, ce.source() may be asked anything but to
--- read; its breakloop ends the run in good order.
---@class capengine.script
---@field filter string? pcap-filter(7) expression; together with -f: both must match
---@field args table<string, capengine.argument>? as in ce.args; becomes the table of values
---@field every number? seconds between ticks, a microsecond to 366 days; default 1
---@field batch fun(batch: pcap.batch)? for packets that came together, before `packet`
---@field packet fun(packet: pcap.packet)? for each packet
---@field tick fun(now_ns: integer, elapsed_ns: integer)? see below
---@field gap fun(gap: capengine.gap)? packets were lost before the next one
---@field idle fun()? no packet has come for 50 ms of the clock: for screens, not for counting
---@field finish fun()? once, at the end: of the file, of -c packets, by a signal or a read error
---
--- tick: packet time, which is the latest stamp so far, passed a border, a multiple of
--- `every` since 1970. now_ns is that border, elapsed_ns the time since the border before.
--- It comes before the packet that passed it. Several borders at once are one tick, so
--- one may stand for any number of quiet intervals. The stamp of one packet that lies
--- more than an hour ahead is believed when a second one agrees. Live, ticks also come
--- without packets, once a first one has; not from files. The interval that runs at
--- the end gets no tick: `finish` sees to it.

--- What was lost between two packets; live only. The kernel is asked ten times a second:
--- under lasting loss a gap may come behind the packets of a tenth of a second too many.
---@class capengine.gap
---@field kernel_drops integer for want of room in the kernel's ring
---@field interface_drops integer by the interface or its driver

-- A screen -------------------------------------------------------------------------

--- The terminal as a screen, for live views: require "capengine.screen", which only
--- `capengine run` has. It is another screen than the one with the shell, and that one
--- comes back however the run ends, and before anything else is printed.
---
--- A frame that begins with "\27[H" and clears each line to its end ("\27[K") does not
--- flicker. ^C stops the run as ever; wait tells.
---
---```lua
----- capengine run screen.lua -r trace.pcap
---local screen = require "capengine.screen"
---local is_screen, packets, stopped = screen.open(), 0, false
---return {
---  packet = function() packets = packets + 1 end,
---  tick = function()
---    local rows, columns = screen.size()
---    local text = ("%d packets, %d x %d"):format(packets, rows, columns)
---    if is_screen then screen.draw("\27[H" .. text:sub(1, columns) .. "\27[K") end
---    local keys = screen.wait(0)
---    if keys == "q" then require("capengine").source():breakloop() end
---  end,
---}
---```
---@class capengine.screen
local screen = {}

--- From now on keys come one by one, and are not echoed.
---@return boolean screen false: standard output is no terminal, and nothing has happened
function screen.open() end

---@return integer rows
---@return integer columns
function screen.size() end

--- Send text and sequences to the terminal, in one piece.
---@param text string
function screen.draw(text) end

--- Wait until a key is pressed, the size changes, a signal stops the run, or the time is
--- over. Where there is no screen, for the last two.
---@param seconds number math.huge: as long as it takes
---@return string keys all that were pressed; without those that are no character
---@return boolean stopped by a signal, or because the terminal is gone
function screen.wait(seconds) end

--- Seconds of a clock that only goes on, for pace; packets have times of their own.
---@return number seconds
function screen.now() end

--- Take the screen away. Again: nothing happens.
function screen.close() end

-- pcap ----------------------------------------------------------------------------

---@class pcap
---@field BREAK integer -2: what loop gives after breakloop, when it processed nothing
---@field NETMASK_UNKNOWN integer the netmask for compile when there is none to tell
local pcap = {}

--- A source of packets: an interface, or savefiles. It has one cursor, which every
--- reading call moves, and one current batch.
---@class pcap.handle: pcap

--- A compiled filter. It keeps its expression and serves handles of any link type.
---@class pcap.bpf: pcap

--- A savefile that is written.
---@class pcap.dumper: pcap

-- Interfaces

---@class pcap.address
---@field addr string in numbers, IPv4 or IPv6
---@field netmask string?
---@field broadaddr string?
---@field dstaddr string?

---@class pcap.device
---@field name string
---@field description string?
---@field loopback boolean
---@field up boolean
---@field running boolean
---@field wireless boolean
---@field addresses pcap.address[] of IPv4 and IPv6; others are left out

--- All that can be captured on. An unprivileged user may get an empty list.
---
---```lua
---local pcap = require "pcap"
---for _, device in ipairs(assert(pcap.findalldevs())) do
---  assert(device.name ~= "" and type(device.addresses) == "table")
---end
---```
---@return pcap.device[]? devices
---@return string? message
---@return string? code
function pcap.findalldevs() end

--- The name of the first interface that is up, and neither the loopback nor "any".
---@return string? name
---@return string? message
---@return string? code "ENODEV": there is none
function pcap.lookupdev() end

--- The IPv4 network and mask of an interface: 32-bit integers, the first octet most
--- significant, as compile takes them.
---@param device string
---@return integer? net
---@return integer|string mask or the message
---@return string? code "ENODEV"; "EADDRNOTAVAIL": it has no IPv4 address; "EMFILE"
function pcap.lookupnet(device) end

-- Opening

---@alias capengine.tstamp_type
---| "host"
---| "host_lowprec"
---| "host_hiprec"
---| "adapter"
---| "adapter_unsynced"
---| "host_hiprec_unsynced"

--- Capture on an interface; from now on the kernel collects packets.
---
--- Unlike libpcap: stamps are in nanoseconds where the kernel has them; the kernel's
--- ring is 32 MiB; and the kernel hands packets over after 100 ms at the latest: a longer
--- timeout_ms is how long dispatch waits and how long a packet may wait for its batch.
---@param device string "any": all interfaces
---@param snaplen integer bytes kept of each packet, clamped as libpcap does; 0: 262144
---@param promisc boolean|integer also packets for other stations; 0 is false
---@param timeout_ms integer milliseconds; 0 or less: 20
---@param errbuf table|false|nil its field `message` is set to what went wrong
---@return pcap.handle? handle
---@return string? message
---@return string? code "EPERM", "ENODEV", "ENETDOWN", ...
function pcap.open_live(device, snaplen, promisc, timeout_ms, errbuf) end

--- Open a savefile, pcap or pcapng. A FIFO and standard input are read as they come.
---@param filename string "-": standard input
---@param errbuf table|false|nil its field `message` is set to what went wrong
---@return pcap.handle? handle
---@return string? message
---@return string? code "ENOENT", "EACCES", "EBADMSG": no savefile, ...
function pcap.open_offline(filename, errbuf) end

--- A handle without packets: to compile filters and to open dumpers.
---
---```lua
---local pcap = require "pcap"
---local dead <close> = pcap.open_dead(pcap.datalink_name_to_val "EN10MB", 65535)
---local bpf, message, code = dead:compile "port of call"
---assert(bpf == nil and message ~= "" and code == "EINVAL")
---```
---@param linktype integer DLT_ number
---@param snaplen integer
---@return pcap.handle handle
function pcap.open_dead(linktype, snaplen) end

--- A handle for an interface that is opened by activate, after its knobs were set. Until
--- then every other call on it but close and geterr raises.
---@param device string
---@return pcap.handle handle
function pcap.create(device) end

--- Open what create and the knobs say. After a failure it may be called again.
---@param handle pcap.handle
---@return 0|nil done
---@return string? message
---@return string? code as open_live's
function pcap.activate(handle) end

--- Knobs: between create and activate only, else they raise. Each gives 0.
---@param handle pcap.handle
---@param snaplen integer bytes kept of each packet; 0, the default: 262144
---@return 0
function pcap.set_snaplen(handle, snaplen) end

---@param handle pcap.handle
---@param promisc boolean|integer also packets for other stations; default false
---@return 0
function pcap.set_promisc(handle, promisc) end

---@param handle pcap.handle
---@param rfmon boolean|integer monitor mode; default false; activate says if it cannot be
---@return 0
function pcap.set_rfmon(handle, rfmon) end

---@param handle pcap.handle
---@param timeout_ms integer as open_live's
---@return 0
function pcap.set_timeout(handle, timeout_ms) end

--- The size of the kernel's ring. It is what a capture lives on while the script is slow.
---@param handle pcap.handle
---@param bytes integer at least 1; default 33554432
---@return 0
function pcap.set_buffer_size(handle, bytes) end

--- Each packet at once. It costs throughput: the kernel then has no ring of blocks.
---@param handle pcap.handle
---@param immediate boolean|integer default false
---@return 0
function pcap.set_immediate_mode(handle, immediate) end

--- The precision that the kernel is asked for. Times are in nanoseconds either way.
---@param handle pcap.handle
---@param precision "micro"|"nano" default "nano"
---@return 0
function pcap.set_tstamp_precision(handle, precision) end

--- Whose clock stamps packets; see pcap-tstamp(7). Raises for another name; activate
--- says if the interface has no such clock.
---@param handle pcap.handle
---@param name capengine.tstamp_type
---@return 0
function pcap.set_tstamp_type(handle, name) end

--- Stop the capture and free what it holds; its packets and batches are over. What was
--- read and not handed out is counted as undelivered. Again: nothing happens. In a
--- callback of the handle it is done when the callback has returned.
---
--- Dumpers of the handle stay open; they have a close of their own.
---@param handle pcap.handle
function pcap.close(handle) end

-- Reading

--- The next packet and its time. Waits for one, as long as it takes.
---
--- A plain nil means the end of the file, a stop by a signal, or breakloop.
---@param handle pcap.handle
---@return pcap.packet? packet lent until its batch is over
---@return integer|string|nil sec seconds since 1970; or the message of a read error
---@return integer|string|nil usec microseconds beyond; or its code
function pcap.next(handle) end

--- Call fn for n packets, or until the end of the file or an error where n <= 0.
---
--- Exactly as many packets are consumed as were processed: the next call goes on with
--- the next one. An error in fn propagates; its packet is consumed, and the handle stays
--- usable. Other reading calls on the handle raise in fn; close waits until it returns.
--- fn must not yield.
---
--- Unlike libpcap, which gives 0 at the end of a file: the number of packets that this
--- call processed, also then; so 0 means that there was none left.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local bytes = 0
---local count, message = handle:loop(0, function(packet, len, sec, usec)
---  bytes = bytes + len
---  if bytes > 10000 then handle:breakloop() end
---end)
---assert(count > 0, message)
---assert(handle:loop(5, print) == 5) -- goes on where it stopped
---```
---@param handle pcap.handle
---@param n integer
---@param fn fun(packet: pcap.packet, len: integer, sec: integer, usec: integer) len: on the wire
---@return integer count processed; -1: an error; pcap.BREAK: stopped before the first
---@return string? message with -1; packets before the error were processed
---@return string? code with -1
function pcap.loop(handle, n, fn) end

--- As loop, but live it waits for the handle's timeout_ms at most, and then takes what is
--- there, n packets at most: 0 when nothing came. From a file it is loop.
---@param handle pcap.handle
---@param n integer 0 or less: all that is there
---@param fn fun(packet: pcap.packet, len: integer, sec: integer, usec: integer)
---@return integer count as loop's
---@return string? message
---@return string? code
function pcap.dispatch(handle, n, fn) end

--- As loop, but the packets go to the dumper of the handle that was opened last and is
--- still open. No Lua runs for them. Raises when there is no such dumper; when a function
--- that a wait runs closes it, that is the error EBADF.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local dumper = assert(handle:dump_open "first.pcap")
---assert(handle:loop_dump(100) == 100)
---assert(dumper:dump_close())
---```
---@param handle pcap.handle
---@param n integer
---@return integer count as loop's; -1 also when writing fails
---@return string? message
---@return string? code
function pcap.loop_dump(handle, n) end

--- As dispatch, to the dumper that loop_dump writes to.
---@param handle pcap.handle
---@param n integer
---@return integer count
---@return string? message
---@return string? code
function pcap.dispatch_dump(handle, n) end

--- End the running loop, dispatch or next after the packet that it is at; when none runs,
--- the next one. The capture goes on: queued packets wait for the next call.
---@param handle pcap.handle
function pcap.breakloop(handle) end

--- An iterator over packets, as next gives them, without their times. After a `break` the
--- next reading call goes on behind the last packet. Raises on a read error.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local longest
---for packet in handle:packets() do
---  if not longest or packet:wire_len() > longest:wire_len() then longest = packet:keep() end
---end
---print(longest:wire_len(), longest:time())
---```
---@param handle pcap.handle
---@return fun(): pcap.packet?
---@return pcap.handle
function pcap.packets(handle) end

--- An iterator over batches. The rest of the current batch comes first. Handing one out
--- counts all its packets as delivered. Raises on a read error.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local packets, bytes = 0, 0
---for batch in handle:batches() do
---  packets = packets + batch:count()
---  for packet in batch:each() do bytes = bytes + packet:wire_len() end
---end
---print(packets, bytes)
---```
---@param handle pcap.handle
---@return fun(): pcap.batch?
---@return pcap.handle
function pcap.batches(handle) end

-- Filters

--- Compile an expression of pcap-filter(7) for the handle. One that names a host asks the
--- resolver and waits for it.
---@param handle pcap.handle
---@param filterspec string
---@param netmask integer? as lookupnet's, for "ip broadcast"; default pcap.NETMASK_UNKNOWN
---@return pcap.bpf? bpf may be set on any handle whose link type it fits
---@return string? message libpcap's
---@return string? code "EINVAL"
function pcap.compile(handle, filterspec, netmask) end

--- From the very next packet on, only those that match are handed out; also in the midst
--- of a loop. -f and a script's own `filter` stay in force beside it.
---
--- Filters select, they do not delete: from a file, what an earlier filter rejected
--- behind the current packet is looked at anew. On an interface the kernel selects too,
--- and what it rejected does not come back and is not counted. A filter on what only
--- the kernel knows, such as "inbound", rejects packets that were queued before it.
---@param handle pcap.handle
---@param bpf pcap.bpf
---@return 0|-1 result
---@return string? message with -1
---@return string? code with -1
function pcap.setfilter(handle, bpf) end

--- Does a packet match? Conditions on what only the kernel knows do not.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local dns, count = assert(handle:compile "udp port 53"), 0
---for packet in handle:packets() do
---  if dns:offline_filter(packet) then count = count + 1 end
---end
---print(count)
---```
---@param bpf pcap.bpf
---@param packet pcap.packet
---@return boolean? matches
---@return string? message the expression does not compile for the packet's link type
---@return string? code
function pcap.offline_filter(bpf, packet) end

-- What a handle says of itself

--- The link type of the current batch, or of the source before the first one: the DLT_
--- number. In a run over several files it may change from one batch to the next.
---@param handle pcap.handle
---@return integer linktype
function pcap.datalink(handle) end

--- The link types that set_datalink would take.
---@param handle pcap.handle
---@return integer[]? linktypes
---@return string? message
---@return string? code
function pcap.list_datalinks(handle) end

--- Choose another link type for the packets to come.
---@param handle pcap.handle
---@param linktype integer
---@return 0|nil done
---@return string? message
---@return string? code "EBUSY": packets are queued; "EINVAL": it has no such link type
function pcap.set_datalink(handle, linktype) end

--- Most bytes that are kept of a packet.
---@param handle pcap.handle
---@return integer bytes
function pcap.snapshot(handle) end

--- Has the savefile the byte order that this machine has not? False on an interface.
---@param handle pcap.handle
---@return boolean swapped
function pcap.is_swapped(handle) end

--- The major version of the savefile's format; on an interface libpcap's own.
---@param handle pcap.handle
---@return integer version
function pcap.major_version(handle) end

--- The minor version, as major_version.
---@param handle pcap.handle
---@return integer version
function pcap.minor_version(handle) end

--- What the last failure of a call on this handle said; "" before one. May be asked of a
--- closed handle.
---@param handle pcap.handle
---@return string message
function pcap.geterr(handle) end

--- What the capture received and what was lost before the script. Unlike libpcap's, the
--- counts have 64 bits, and `received` is what came in plus what the kernel dropped.
---
--- A savefile has none, as in libpcap: nil, message, "EOPNOTSUPP"; see counters.
---@param handle pcap.handle
---@return integer? received
---@return integer|string dropped by kernel and interface; or the message
---@return string? code
function pcap.stats(handle) end

--- Where packets went, stage by stage; 64 bits each, and never going back. Once all that
--- was read has been handed out:
---
---     received = captured + kernel_drops
---     captured = filtered + delivered + undelivered
---
--- What a filter in the kernel rejects is counted by nobody.
---@class pcap.counters
---@field received integer captured + kernel_drops
---@field captured integer what the source has given; the capture reads ahead of the script
---@field kernel_drops integer no room in the kernel's ring
---@field interface_drops integer dropped by the interface or its driver
---@field filtered integer rejected here, by a filter; counted batch by batch
---@field delivered integer handed to the script, or to loop_dump
---@field undelivered integer passed the filters, and given up: by close, a limit or an error
---@field written integer to savefiles, by the handle's dumpers

--- Works on every open handle, also on a savefile's.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---assert(handle:loop(0, function() end) > 0)
---local counters = handle:counters()
---assert(counters.captured == counters.delivered)
---assert(handle:stats() == nil)
---```
---@param handle pcap.handle
---@return pcap.counters counters a new table
function pcap.counters(handle) end

-- Sending

--- Send a packet on the handle's interface, link-layer header included. It has a socket
--- of its own, so that it does not disturb the capture; waits while the interface's queue
--- is full.
---@param handle pcap.handle a live one
---@param bytes string|pcap.packet
---@return integer? sent bytes
---@return string? message
---@return string? code "EOPNOTSUPP" on a savefile; "EMSGSIZE", "ENETDOWN", ...
function pcap.inject(handle, bytes) end

-- Writing savefiles

--- Create a classic savefile, or empty one that is there, for packets of the handle's
--- link type. Stamps have microseconds; what is finer is cut off.
---
--- Unlike libpcap, which cannot say so: a write that fails is an error of the call that
--- finds it, and the last thing that happens to the file.
---@param handle pcap.handle stays alive as long as the dumper does
---@param filename string "-": standard output
---@return pcap.dumper? dumper
---@return string? message
---@return string? code "EACCES"; "EINVAL": savefiles have no such link type, or it is the
---file that the handle reads; ...
function pcap.dump_open(handle, filename) end

--- Write one packet. What is written may wait in memory until dump_flush or dump_close.
---
---```lua
---local pcap = require "pcap"
---local handle <close> = assert(pcap.open_offline "trace.pcap")
---local dumper = assert(handle:dump_open "large.pcap")
---for packet in handle:packets() do
---  if packet:wire_len() > 1000 then assert(dumper:dump(packet)) end
---end
---assert(dumper:dump_close())
---```
---@param dumper pcap.dumper
---@param packet pcap.packet a view or a kept one, of the dumper's link type
---@return true|nil written
---@return string? message
---@return string? code "ENOSPC", "EINVAL": another link type, ...
function pcap.dump(dumper, packet) end

--- Hand everything that was written to the kernel.
---@param dumper pcap.dumper
---@return 0|nil done
---@return string? message
---@return string? code
function pcap.dump_flush(dumper) end

--- The size of the file so far, in bytes, what waits in memory included.
---@param dumper pcap.dumper
---@return integer? bytes
---@return string? message
---@return string? code "ESPIPE": it is a pipe
function pcap.dump_ftell(dumper) end

--- Flush and close; again: true again. A dumper that is collected open is closed so too;
--- then a failure is said on standard error, and makes the exit status of a run 2.
---@param dumper pcap.dumper
---@return true|nil done
---@return string? message the file is closed, and not whole
---@return string? code
function pcap.dump_close(dumper) end

-- Names and numbers

--- A link type's name, without DLT_: "EN10MB" for 1; nil when libpcap has none.
---@param linktype integer
---@return string? name
function pcap.datalink_val_to_name(linktype) end

--- A link type in words: "Ethernet" for 1; nil when libpcap has none.
---@param linktype integer
---@return string? description
function pcap.datalink_val_to_description(linktype) end

--- A link type's number by its name, in capitals or not.
---@param name string
---@return integer? linktype
function pcap.datalink_name_to_val(name) end

--- The name of a kind of time stamp, as pcap-tstamp(7) has it.
---@param number integer
---@return string? name
function pcap.tstamp_type_val_to_name(number) end

--- A kind of time stamp in words.
---@param number integer
---@return string? description
function pcap.tstamp_type_val_to_description(number) end

--- The number of a kind of time stamp by its name.
---@param name string
---@return integer? number
function pcap.tstamp_type_name_to_val(name) end

--- The libpcap that is in use, in its own words.
---@return string version
function pcap.lib_version() end

-- Savefiles of any packets ----------------------------------------------------------

---@class capengine.savefile_options
---@field format? "pcap"|"pcapng" by the name: pcapng for .pcapng, else pcap
---@field compression? "none"|"gzip"|"zstd" by the name: gzip for .gz, zstd for .zst
---@field linktype? integer of a pcap file; that of its first packet, or Ethernet for none
---@field nano? boolean stamps in nanoseconds; true for pcapng, else false: cut off to
---microseconds
---@field snaplen? integer for the header of a pcap file; 262144
---@field sync? boolean close waits until the disk has it; false
---@field rotate? capengine.rotation write several files, one after the other
---@field on_slow? "wait"|"drop" when the disk is slower than the script: wait for it, or
---drop packets and count them, once 64 MiB of all savefiles wait for it, or 64 MiB of one
---file to be compressed; "wait"

--- A new file begins before a packet with which the file would have more than so many
--- `bytes` or `packets`, or when so many `seconds` of packet time are over; at least one
--- of them is to be said. A file is called NAME.part until it is complete. NAME is the
--- path with a number before its endings, trace-00001.pcap; or, where it has conversions
--- of strftime(3), with the local time of the file's first packet in them, and a number
--- only where that would be the name of the file before. A file that is read is not
--- replaced: that is the error EINVAL.
---@class capengine.rotation
---@field bytes? integer before compression: with it, files are smaller
---@field packets? integer
---@field seconds? integer of packet time, from the first packet on
---@field aligned? boolean count seconds from full ones since 1970, in UTC; false
---@field files? integer keep the last so many; one that replaces another counts once
---@field complete? fun(path: string, packets: integer, bytes: integer) gets each file that
---is complete, at the end of the call that found it so: of write, or of close for the last.
---Where all handles that are open are interfaces, the clock ends a file of `seconds`, too:
---then it is told of while the script waits for packets. A savefile that is not closed by its
---call has nobody to tell

--- A savefile that takes packets of any handle. It is written in the background: within
--- half a second, as long as the script asks for packets, or at flush. What the disk said of
--- it is said by the next call. After an error it ends with its last
--- whole packet, and every further call fails in the same way.
---@class capengine.savefile
local savefile = {}

--- Create a savefile, or empty one that is there. Any number of them may be open: the
--- last 256 that were written have a descriptor, and the others are opened again for
--- their next packet.
---
--- A pcap file has packets of one link type. A pcapng file takes all, has an interface
--- for each interface that they were captured on, with its name, the handle's filter and, at
--- the end, what it has counted; and for each link type and snap length. In a comment it says
--- where packets were lost.
--- Compressed files consist of frames that can be read one by one: one that ends in the
--- middle is good to its last whole frame.
---
---```lua
----- capengine run hosts.lua -r trace.pcap
---local capengine = require "capengine"
---local files = {}
---
---return {
---  filter = "ip",
---  packet = function(packet)
---    local source = ("%d.%d.%d.%d"):format(packet:byte(27, 30))
---    files[source] = files[source] or assert(capengine.savefile(source .. ".pcap"))
---    assert(files[source]:write(packet))
---  end,
---  finish = function()
---    for _, file in pairs(files) do assert(file:close()) end
---  end,
---}
---```
---
---```lua
---local ce = require "capengine"
---local file = assert(ce.savefile("part.pcap", {
---  rotate = { packets = 1000, complete = function(path, packets) print(path, packets) end },
---}))
---for batch in ce.open("trace.pcap"):batches() do assert(file:write(batch)) end
---assert(file:close())
---```
---```output
---part-00001.pcap	1000
---part-00002.pcap	943
---```
---@param path string "-": standard output
---@param options? capengine.savefile_options an unknown field raises
---@return capengine.savefile? savefile
---@return string? message
---@return string? code "EACCES"; "EINVAL": savefiles have no such link type, or an open
---handle reads the file; ...
function capengine.savefile(path, options) end

--- Write a packet, or those of a batch that are selected.
---@param what pcap.packet|pcap.batch
---@param comment? string for one packet of a pcapng file; numbers are ignored
---@return true|nil written
---@return string? message
---@return string? code "ENOSPC"; "EINVAL": another link type; ...
function savefile:write(what, comment) end

--- Hand everything that was written to the kernel.
---@return true|nil done
---@return string? message
---@return string? code
function savefile:flush() end

--- Flush and close; again: true again. A savefile that is collected open, or when the
--- script ends, is closed so too; then a failure is said on standard error, and makes the
--- exit status of a run 2.
---@return true|nil done
---@return string? message the file is closed, and not whole
---@return string? code
function savefile:close() end

---@class capengine.savefile_counters
---@field written integer packets in the file; until flush or close, as far as is known
---@field dropped integer packets for which the disk was too slow
---@field failed integer packets lost to an error, or of another link type
---@field bytes integer the size of the file so far

--- Where the packets went; also once it is closed.
---@return capengine.savefile_counters counters
function savefile:counters() end

-- Other addresses ---------------------------------------------------------------

---@class capengine.anonymizer_options
---@field key string 32 bytes: who has them can tell which address became which
---@field payload? "keep"|"cut"|"zero" what becomes of what is no header; "cut"
---@field mac? boolean also MAC addresses, where a header has them; false

--- Makes copies of packets with other addresses, by Crypto-PAn: addresses with a common
--- prefix keep one, and with the same key the same becomes the same. Addresses of IPv4,
--- IPv6 and ARP are changed, in their options and routing headers, in neighbor discovery,
--- in what ICMP quotes, and in what IP and GRE carry. Checksums follow: one that was wrong
--- stays wrong.
---
--- What else a packet holds is payload, and may tell more: names and addresses in DNS and
--- DHCP, IGMP, routing protocols, other tunnels, options of TCP. Headers that are broken
--- or not whole are zeroed from there on, and so are packets of link types that have no
--- fields. Times, lengths and ports stay; who knows some of the traffic may find it again.
---
---```lua
---local ce = require "capengine"
---local anonymizer = ce.anonymizer { key = ("my secret key of 32 characters. "), mac = true }
---local file = assert(ce.savefile "public.pcap")
---for packet in ce.open("trace.pcap"):packets() do
---  assert(file:write(anonymizer:packet(packet)))
---end
---assert(file:close())
---print(anonymizer:address "10.20.0.7", anonymizer:address "10.20.0.8")
---```
---@param options capengine.anonymizer_options an unknown field raises
---@return capengine.anonymizer
function capengine.anonymizer(options) end

---@class capengine.anonymizer
local anonymizer = {}

--- A copy with other addresses; of as many bytes, unless the payload is cut.
---@param packet pcap.packet
---@return pcap.packet owned
function anonymizer:packet(packet) end

--- What an address becomes, of IPv4 or IPv6. Raises for what is none.
---@param text string
---@return string text
function anonymizer:address(text) end

-- Packets -------------------------------------------------------------------------

--- A packet. What a call hands out is a view, see "Lent and owned" above; what keep gives
--- is owned, with the same methods. It can be used like a string of its captured bytes:
--- #packet, tostring(packet) and the methods of strings below. No two packets are equal,
--- whatever their bytes.
---
--- Readers take a byte offset, 0 for the first byte, and are big-endian, as the network
--- is. Where the packet ends before the field they give nil: a short packet is data.
---
---```lua
----- capengine run syns.lua -r trace.pcap
---local syns = 0
---return {
---  filter = "tcp[tcpflags] & tcp-syn != 0",
---  packet = function(packet)
---    local header = 14 + ((packet:u8(14) or 0) & 15) * 4
---    assert(packet:u8(header + 13) & 2 == 2)
---    syns = syns + 1
---  end,
---  finish = function() print(syns) end,
---}
---```
---
--- A member that it does not have raises, and is not nil.
---@class pcap.packet
---@operator len: integer
local packet = {}

--- Bytes captured; as #packet.
---@return integer bytes
function packet:len() end

--- Bytes that were on the wire. A savefile may say less than len.
---@return integer bytes
function packet:wire_len() end

--- When it was captured: nanoseconds since 1970. Times before 1827 and after 2112, which
--- only pcapng can tell, are brought to the nearest of these.
---@return integer ts_ns
function packet:time() end

--- The byte at an offset.
---@param offset integer
---@return integer? value 0 to 255
function packet:u8(offset) end

--- The two bytes at an offset.
---@param offset integer
---@return integer? value 0 to 65535
function packet:u16(offset) end

--- The four bytes at an offset.
---@param offset integer
---@return integer? value 0 to 4294967295
function packet:u32(offset) end

--- As string.byte: positions count from 1, negative ones from the end.
---@param i integer? default 1
---@param j integer? default i
---@return integer ...
function packet:byte(i, j) end

--- As string.sub. Makes a string of these bytes; see u8, u16 and u32, which do not.
---@param i integer
---@param j integer? default -1
---@return string bytes
function packet:sub(i, j) end

--- As string.unpack. Makes a string of the whole packet first.
---@param format string
---@param position integer? default 1
---@return any ...
function packet:unpack(format, position) end

--- A copy that stays as long as it is used; a kept packet gives itself.
---@return pcap.packet owned
function packet:keep() end

--- Packets that came together, 4096 at most. It is over, and every use raises, when the
--- handle goes on to the next one.
---@class pcap.batch
---@operator len: integer
local batch = {}

--- How many packets it has; as #batch.
---@return integer packets
function batch:count() end

--- An iterator over its packets, in their order; may be used several times.
---@return fun(batch: pcap.batch, previous: pcap.packet?): pcap.packet?
---@return pcap.batch
function batch:each() end

--- Those of its packets that match, as a batch of the same life: it has all methods, where
--- among them.
---
--- The expression is in Wireshark's display-filter language (wireshark-filter(4)), over
--- the fields of capengine.field_name, and means what it means there: a comparison is
--- false where a packet lacks the field, a field with parts matches with any of them, and
--- `!=` wants all of them to differ. flow.* are fields like any other. It is compiled at
--- its first use. Raises for one that does not compile, with a caret below the mistake.
---
---```lua
---local ce = require "capengine"
---local resets = 0
---for batch in assert(ce.open "trace.pcap"):batches() do
---  local tcp = batch:where "tcp and ip.src == 10.0.0.0/8"
---  resets = resets + tcp:where("tcp.flags.reset == 1 or tcp.dstport in {1..1023}"):count()
---end
---print(resets)
---```
---@param expression string
---@return pcap.batch
function batch:where(expression) end

-- Tables and pictures -------------------------------------------------------------

--- What the values of a column are. For people, tables then have: counts as 1,943; bytes
--- as 136.0 kB; bits as 1.1 Mbit; seconds as 1.488 ms or 2 h 03 m; percent as 40.5 %. A
--- time is nanoseconds since 1970, and octets are a string: both are text elsewhere too,
--- as 2024-03-04T09:00:01.060506000Z and in hexadecimal.
---@alias capengine.unit "count"|"bytes"|"bits"|"seconds"|"percent"|"time"|"octets"

---@class capengine.table.column
---@field [1] string its name
---@field unit capengine.unit?
---@field digits integer? behind the point, 0 to 9
---@field absent string? what stands for nil; default "-"
---@field width integer? the least, in columns of a terminal

---@class capengine.table.options
---@field columns (string|capengine.table.column)[]
---@field title string? a line above it, for people
---@field sort string? a column: rows are sorted by it, the largest first
---@field ascending boolean? the least first
---@field limit integer? most rows that a print prints, of those that it sorts or aligns
---@field stream boolean? rows are printed as they come, also on a terminal

--- Rows in columns for people, and lines for programs, as whoever runs the script wants
--- them: --json is an object a line, with null for nil; --tsv fields with a tab between,
--- without those at the end that are empty; --table columns with units. Without any, it
--- is --table on a terminal and --tsv elsewhere. NO_COLOR is heeded.
---
--- Control characters are shown as \x0a: text from packets neither ends a line nor talks
--- to the terminal.
---
---```lua
----- capengine run ports.lua -r trace.pcap --table
---local ce = require "capengine"
---local ports = ce.group { by = "tcp.dstport", sum = "frame.len" }
---local rows = ce.table {
---  columns = {
---    "tcp.dstport", { "count", unit = "count" }, { "frame.len", unit = "bytes" },
---  },
---}
---return {
---  batch = function(batch) ports:add(batch) end,
---  finish = function()
---    for row in ports:rows { order = "frame.len", limit = 3 } do rows:row(row) end
---    rows:print()
---  end,
---}
---```
---```output
---tcp.dstport  count  frame.len
---       8730     92   133.5 kB
---        443    677    69.5 kB
---         22    380    28.5 kB
---```
---@param options capengine.table.options an option that does not exist raises
---@return capengine.table
function capengine.table(options) end

---@class capengine.table
local rows = {}

--- A row: values in the order of the columns, or a table of them by the columns' names,
--- as groups have it; what else that has is left out.
---@param ... any
function rows:row(...) end

--- Print the rows since the last print; those of --json, --tsv and `stream` are printed
--- already, unless they are to be sorted.
function rows:print() end

---@class capengine.histogram.options
---@field title string?
---@field unit capengine.unit? of what `sum` sums
---@field count string? what is counted; default "count"
---@field sum string? what values are together: a column that sums them
---@field width integer? of a range; default: each range ends at a power of two

--- How often values occur, by ranges: for people as bars, elsewhere as lines of least,
--- most, count, percent and, if wanted, the sum. --svg makes a picture of it.
---
---```lua
----- capengine run ttl.lua -r trace.pcap --table
---local ce = require "capengine"
---local ttl = ce.field "ip.ttl"
---local histogram = ce.histogram { title = "time to live", count = "packets" }
---return {
---  packet = function(packet)
---    local value = ttl(packet)
---    if value then histogram:add(value) end
---  end,
---  finish = function() histogram:print() end,
---}
---```
---@param options capengine.histogram.options
---@return capengine.histogram
function capengine.histogram(options) end

---@class capengine.histogram
local histogram = {}

---@param value number not negative
---@param times integer? default 1
function histogram:add(value, times) end

--- Print it, and write the picture that --svg wants.
function histogram:print() end

--- The picture, as the text of an SVG file.
---@return string
function histogram:svg() end

---@class capengine.series.options
---@field name string? of the values; default "value"
---@field title string? default: the name
---@field unit capengine.unit?
---@field interval number? seconds, a microsecond to a year; default 1

--- How much came in each interval of time. It has 4096 intervals: of a longer time, each
--- two neighbours become one, as high as the higher of them, again and again.
---
---```lua
----- capengine run queries.lua -r trace.pcap -f "udp dst port 53" --table
---local ce = require "capengine"
---local queries = ce.series { name = "queries", title = "DNS queries per second" }
---return {
---  packet = function(packet) queries:add(packet:time(), 1) end,
---  finish = function() queries:print() end,
---}
---```
---@param options capengine.series.options
---@return capengine.series
function capengine.series(options) end

---@class capengine.series
local series = {}

--- What is earlier than the latest interval counts in that.
---@param time_ns integer nanoseconds since 1970
---@param value number not negative
function series:add(time_ns, value) end

--- Print it: for people a drawing, elsewhere lines of time and value. Writes the picture
--- that --svg wants.
function series:print() end

--- The same without the lines.
function series:draw() end

--- The picture, as the text of an SVG file.
---@return string
function series:svg() end

-- Counting ------------------------------------------------------------------------

---@class capengine.group.options
---@field by string|string[] the fields of the key, up to 16
---@field count boolean? may be said; every row has `count`
---@field sum string|string[]? sums of numbers, in the row under the field's own name
---@field min string|string[]? least number or time, in the row as "min(FIELD)"
---@field max string|string[]? largest number or time, "max(FIELD)"
---@field first string|string[]? value in the first packet that has the field, "first(FIELD)"
---@field last string|string[]? the same of the last, "last(FIELD)"
---@field distinct string|string[]? about how many different values, "distinct(FIELD)": 256 bytes a row, a standard error of 6.5 %
---@field capacity integer? most rows, up to 2^30, which is the default
---@field policy "other"|"evict"|nil what happens to a new key at the capacity; default "other"
---@field idle number? seconds of packet time after which a row is over; default never
---@field expired fun(row: capengine.row)? gets each row that is over or evicted
---@field seed integer? of the hash of keys; default a random one

--- A row: the values of its key under the fields' names, `count`, and the others.
--- Numbers are integers, booleans booleans, times nanoseconds, addresses text. What no
--- packet of the row has is absent. It is the script's, and may be kept.
---@alias capengine.row table<string, integer|boolean|string>

--- Packets counted by the values of some of their fields: a hash table that is out of
--- Lua's heap, and reads whole batches without a Lua call per packet. Packets that lack
--- a field of the key are skipped.
---
--- Bounded: at `capacity` rows, with policy "other", packets of further keys count in
--- one row, group:other(). With "evict" a new key takes the place of the row that was
--- idle longest of eight.
---
--- With `idle`, a row is over when no packet of its key came for longer than that, in
--- packet time; a later one begins a new row. So the rows do not depend on when the
--- script looks, nor on how packets are cut into batches: at `capacity`, rows that are
--- over make room first. Only with "evict" and `idle` together it can depend on batches
--- which eight rows are looked at, and which of equally idle ones goes.
---
--- `expired` gets rows that are over, and evicted ones, at the end of the call that found
--- them, at the latest half of `idle` late; it may call anything, also of this group, but
--- not yield. When it raises, add does, with everything counted; the next call hands out
--- the rest.
---
--- Raises for an unknown option or field, a field that stands for several (tcp.port), a
--- sum of what is no number; add also when memory runs out, with some packets counted.
---
---```lua
---local ce = require "capengine"
---local top = ce.group { by = { "ip.src", "ip.dst" }, sum = "frame.len", max = "frame.len" }
---for batch in ce.open("trace.pcap"):batches() do top:add(batch) end
---for row in top:rows { order = "frame.len", limit = 2 } do
---  print(row["ip.src"], row["ip.dst"], row.count, row["frame.len"], row["max(frame.len)"])
---end
---```
---```output
---10.20.0.7	10.20.0.2	92	133474	1514
---10.20.0.11	10.20.0.2	260	19500	90
---```
---
--- Flows that end, with both directions in one row:
---
---```lua
----- capengine run ended.lua -r trace.pcap -f "tcp port 8730"
---local ce = require "capengine"
---local flows = ce.group {
---  by = "flow.key", sum = "frame.len", first = "frame.time_epoch", idle = 30,
---  expired = function(row)
---    print(row["flow.key"], row.count, row["frame.len"])
---  end,
---}
---return {
---  batch = function(batch) flows:add(batch) end,
---  finish = function() flows:flush() end,
---}
---```
---```output
---10.20.0.2:8730 10.20.0.7:34653 6	138	136236
---```
---@param options capengine.group.options
---@return capengine.group
function capengine.group(options) end

---@class capengine.group
---@operator len: integer
local group = {}

--- Count the packets of a batch.
---@param batch pcap.batch
function group:add(batch) end

---@class capengine.rows.options
---@field order string? a name in the rows; default: as the keys first came
---@field ascending boolean? default false: the largest first
---@field limit integer? most rows; default all

--- An iterator over rows. Equals stand in the order of their keys, IPv4 before IPv6; rows
--- that lack the value they are ordered by come last. With an order and a limit, no more
--- than `limit` rows are kept. Raises when the group was changed meanwhile.
---@param options capengine.rows.options?
---@return fun(): capengine.row?
function group:rows(options) end

--- The row of a key, whose values are written as rows have them; nil: there is none.
---
---```lua
---local ce = require "capengine"
---local ports = ce.group { by = { "ip.dst", "tcp.dstport" } }
---for batch in ce.open("trace.pcap"):batches() do ports:add(batch) end
---assert(ports:get("10.20.0.2", 22).count > 100)
---assert(ports:get("10.20.0.2", 23) == nil)
---```
---@param ... integer|boolean|string a value for each field of the key
---@return capengine.row?
function group:get(...) end

--- What was counted when there was no row for it; nil: nothing. It has no key.
---@return capengine.row?
function group:other() end

--- How many rows there are, `other` apart; as #group.
---@return integer
function group:len() end

--- Packets that lacked a field of the key.
---@return integer
function group:skipped() end

--- How many rows were over so far: idle, or flushed.
---@return integer
function group:expired() end

--- How many rows made room for others.
---@return integer
function group:evicted() end

--- Bytes of memory that the group has, out of Lua's heap: from 256 KiB on it has pieces of
--- 2 MiB, of which the last may not be used yet. Rows with several addresses
--- (flow.src and flow.dst, or flow.key) take less as long as no packet of IPv6 was added;
--- with the first one all are copied, once, which takes its time where there are millions.
---@return integer
function group:memory() end

--- Add the rows of another, as if its packets had come after this one's. Raises when
--- that has other keys or values.
---@param other capengine.group
function group:merge(other) end

--- It is now this late, though no packet came: in a `tick` hook, live, where `idle` rows
--- would wait for the next packet.
---@param now_ns integer
function group:expire(now_ns) end

--- All rows are over: `expired`, where there is one, gets them, in the order in which
--- they began as long as none had gone; then in no particular one.
function group:flush() end

--- Forget all rows and counts.
function group:clear() end

---@class capengine.top.options
---@field by string|string[] the fields of the key, up to 16
---@field weight string? a number that packets count; default: each counts 1
---@field capacity integer? keys that are kept, up to 2^24; default 1024
---@field seed integer? of the hash of keys; default a random one

--- The heaviest keys of any number, in the memory of `capacity` keys ("space-saving").
--- A row has the values of its key, `count` and `error`: what its key truly weighs is at
--- most `count`, and at least `count` - `error`; no error is larger than total/capacity,
--- and every key that weighs more than that has a row. Merging keeps all of this.
---
---```lua
---local ce = require "capengine"
---local heavy = ce.top { by = "flow.src", weight = "frame.len", capacity = 100 }
---for batch in ce.open("trace.pcap"):batches() do heavy:add(batch) end
---for row in heavy:rows { limit = 2 } do
---  print(row["flow.src"], row.count, row.error)
---end
---```
---```output
---10.20.0.7	135962	0
---10.20.0.11	26154	0
---```
---@param options capengine.top.options
---@return capengine.top
function capengine.top(options) end

---@class capengine.top
---@operator len: integer
local top = {}

---@param batch pcap.batch
function top:add(batch) end

--- An iterator over rows, the largest count first. Raises when the top was changed
--- meanwhile.
---@param options { limit: integer? }? default: all
---@return fun(): capengine.row?
function top:rows(options) end

--- How many rows there are; as #top.
---@return integer
function top:len() end

--- What all packets that were added weigh together.
---@return integer
function top:total() end

--- Packets that lacked a field of the key.
---@return integer
function top:skipped() end

--- Bytes of memory that it has, out of Lua's heap; see group:memory.
---@return integer
function top:memory() end

--- Add another of the same key, weight and capacity; raises for any other.
---@param other capengine.top
function top:merge(other) end

function top:clear() end

---@class capengine.distinct.options
---@field of string|string[] the fields whose combinations are counted, up to 16
---@field precision integer? 4 to 18; default 14: 16 KiB and a standard error of 0.8 %
---@field seed integer? default 0, so that the same packets give the same estimate

--- About how many different values a field has, or combinations of several fields, in
--- 2^precision bytes (HyperLogLog): the standard error is 1.04 / sqrt(2^precision).
---
---```lua
---local ce = require "capengine"
---local sources = ce.distinct { of = "flow.src" }
---for batch in ce.open("trace.pcap"):batches() do sources:add(batch) end
---assert(sources:estimate() == 19)
---```
---@param options capengine.distinct.options
---@return capengine.distinct
function capengine.distinct(options) end

---@class capengine.distinct
local distinct = {}

---@param batch pcap.batch
function distinct:add(batch) end

---@return integer different
function distinct:estimate() end

--- Packets that lacked a field.
---@return integer
function distinct:skipped() end

--- Add another of the same fields, precision and seed; raises for any other. What both
--- had counts once.
---@param other capengine.distinct
function distinct:merge(other) end

function distinct:clear() end
--- A field of all its packets; see capengine.field_name.
---
---```lua
---local ce = require "capengine"
---local handle <close> = assert(ce.open "trace.pcap")
---for batch in handle:batches() do
---  local ports, lengths = batch:column "tcp.dstport", batch:column "frame.len"
---  for k = 1, #batch do
---    if ports[k] == 443 then print(lengths[k]) end
---  end
---end
---```
---@param field capengine.field_name one that has no parts
---@return capengine.column column good until the batch is over
function batch:column(field) end

--- The sum of a field over its packets; those that lack it count nothing. Wraps around at
--- 64 bits. Raises for a field that is no number; flags count as 0 and 1.
---
---```lua
---local ce = require "capengine"
---local handle <close> = assert(ce.open "trace.pcap")
---local syns = 0
---for batch in handle:batches() do syns = syns + batch:sum "tcp.flags.syn" end
---print(syns)
---```
---@param field capengine.field_name
---@return integer sum
function batch:sum(field) end

--- The least value of a field among its packets; see sum.
---@param field capengine.field_name
---@return integer? value nil: no packet has the field
function batch:min(field) end

--- The greatest value of a field among its packets; see sum.
---@param field capengine.field_name
---@return integer? value nil: no packet has the field
function batch:max(field) end

--- A field of all packets of a batch: column[k] is the k-th packet's, in the order of
--- each, or nil where it lacks the field; #column says how many packets there are. It is
--- over with its batch, and then every use raises.
---@class capengine.column
---@operator len: integer
---@field [integer] capengine.value?

return capengine
