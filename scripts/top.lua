--- top: who and what is busiest, live.
---
--- Packets and bits per second of senders, flows, ports or protocols, in each interval
--- of packet time, beside all of them and what was dropped. On a terminal it is a screen
--- that keys steer; elsewhere a table of lines is printed for each interval.
---
--- usage   capengine top -i eth0
---         capengine top -r trace.pcap --by flows --pace 10x
--- args    --by VIEW        senders, flows, ports or protocols (default senders)
---         --every SECONDS  length of an interval (default 1)
---         --pace SPEED     a savefile's: 1x as it was captured, 10x ten times as fast,
---                          asap at once (default 1x on a terminal, asap elsewhere)
--- keys    s f p o, 1 2 3 4: senders, flows, ports, protocols
---         b n: order by bits or by number of packets; space: pause; q: quit
--- output  start of the interval (UTC), view, name, packets a second, bits a second; tabs
---         between, the most bits first, 20 at most. The first line of a table has the
---         view "all", and what was dropped so far for a name.
--- memory  an entry for each name in an interval, 65536 at most for each view
---
--- A sender is an IP address; a flow is both directions; a port is the lower one of a
--- packet's two, which is mostly the service's. What lacks these is in no row. Bits are
--- those on the wire. The first interval and the last are counted as whole ones; on
--- lines, intervals without packets are left out.

local ce = require "capengine"
local has_screen, screen = pcall(require, "capengine.screen")

local SECOND = 1000000000 -- in nanoseconds
local LINES = 20          -- of a table that is printed
local FRAME = 0.04        -- seconds between frames, at least

-- In another program than capengine there is none, and no waiting.
if not has_screen then
  screen = {
    open = function() return false end,
    now = os.clock,
    wait = function() return "", false end,
    close = function() end,
  }
end

local args = ce.args {
  by = { default = "senders", help = "senders, flows, ports or protocols" },
  every = { default = 1, help = "length of an interval, in seconds" },
  pace = { default = "", help = "of a savefile: 1x, 10x ... or asap" },
}

-- Views ---------------------------------------------------------------------------

local PROTOCOLS = {
  [1] = "icmp", [2] = "igmp", [6] = "tcp", [17] = "udp", [47] = "gre", [50] = "esp",
  [58] = "icmpv6", [89] = "ospf", [132] = "sctp",
}
local ETHERTYPES = {
  [0x0806] = "arp", [0x8100] = "vlan", [0x8847] = "mpls", [0x8863] = "pppoe",
  [0x8864] = "pppoe", [0x88cc] = "lldp", [0x888e] = "eapol",
}

local function protocol_name(row)
  local number = row["flow.proto"]
  return PROTOCOLS[number] or "ip " .. number
end

local function flow_name(row)
  local one, other, number = row["flow.key"]:match "^(%S+) (%S+) (%d+)$"
  return ("%s %s %s"):format(PROTOCOLS[tonumber(number)] or number, one, other)
end

local function port_name(row)
  return protocol_name(row) .. " " .. math.min(row["flow.srcport"], row["flow.dstport"])
end

local function ethertype_name(row)
  local number = row["eth.type"]
  return ETHERTYPES[number] or ("eth 0x%04x"):format(number)
end

-- Parts are counted on their own and shown as one table. `folds`: several rows may have
-- one name.
local VIEWS = {
  { name = "senders", key = "s", parts = {
    { by = "flow.src", name = function(row) return row["flow.src"] end } } },
  { name = "flows", key = "f", parts = { { by = "flow.key", name = flow_name } } },
  { name = "ports", key = "p", folds = true, parts = {
    { by = { "flow.proto", "flow.srcport", "flow.dstport" }, name = port_name } } },
  { name = "protocols", key = "o", folds = true, parts = {
    { by = "flow.proto", name = protocol_name },
    { by = "eth.type", where = "!flow.proto", name = ethertype_name } } },
}

local function find_view(name)
  for _, view in ipairs(VIEWS) do
    if view.name == name then return view end
  end
  ce.fail(("--by %s: senders, flows, ports or protocols is wanted"):format(name))
end

-- The speed of a savefile as a number; math.huge: at once; nil: none was named.
local function find_pace(text)
  if text == "" then return nil end
  local times = text == "asap" and math.huge or tonumber(text:match "^([%d.]+)x$")
  if times and times > 0 then return times end
  ce.fail(("--pace %s: 1x, 10x or the like, or asap is wanted"):format(text))
end

-- Counting ------------------------------------------------------------------------

local function open_group(part)
  return ce.group { by = part.by, sum = "frame.len", capacity = 65536 }
end

-- Two groups of a part take turns: one is filled, one is shown.
local function open_view(view)
  for _, part in ipairs(view.parts) do
    part.filling, part.shown = open_group(part), open_group(part)
  end
end

local function count(view, batch)
  for _, part in ipairs(view.parts) do
    part.filling:add(part.where and batch:where(part.where) or batch)
  end
end

-- The interval is over: show it, unless an older one is to stay.
local function turn(view, stay)
  for _, part in ipairs(view.parts) do
    if not stay then part.filling, part.shown = part.shown, part.filling end
    part.filling:clear()
  end
end

local function before(a, b, order)
  if a[order] ~= b[order] then return a[order] > b[order] end
  return a.name < b.name
end

-- The busiest of a view: { name =, packets =, bytes = } each.
local function busiest(view, order, most)
  local list, by_name = {}, {}
  local limit = not view.folds and most or nil
  for _, part in ipairs(view.parts) do
    for row in part.shown:rows { order = order == "bytes" and "frame.len" or "count",
      limit = limit } do
      local name = part.name(row)
      local entry = by_name[name]
      if not entry then
        entry = { name = name, packets = 0, bytes = 0 }
        by_name[name], list[#list + 1] = entry, entry
      end
      entry.packets = entry.packets + row.count
      entry.bytes = entry.bytes + row["frame.len"]
    end
  end
  table.sort(list, function(a, b) return before(a, b, order) end)
  return { table.unpack(list, 1, most) }
end

-- The run -------------------------------------------------------------------------

local view, pace = find_view(args.by), find_pace(args.pace)
if args.every < 1e-6 then ce.fail "--every is in seconds, and more than none" end
local is_screen = screen.open()
pace = pace or is_screen and 1 or math.huge
local counted = is_screen and VIEWS or { view } -- a key may ask for any
for _, each in ipairs(counted) do open_view(each) end

local order = "bytes"
local paused, quitting = false, false
local filling = { packets = 0, bytes = 0 }            -- all packets of the interval
local shown = { packets = 0, bytes = 0 }              -- of the one that is shown
local first_ns, last_ns                               -- stamps; nil before the first packet
local started                                         -- when the first packet came, in seconds

local function drops()
  local counters = ce.source():counters()
  return counters.kernel_drops, counters.interface_drops
end

-- Make what was counted what is shown. `at`: the start of its interval.
local function close_interval(at)
  for _, each in ipairs(counted) do turn(each, paused) end
  if not paused then
    shown = { at = at, packets = filling.packets, bytes = filling.bytes }
  end
  filling = { packets = 0, bytes = 0 }
end

local function interval_start(ns)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", ns // SECOND)
end

-- Lines ---------------------------------------------------------------------------

-- A second's share: 71, 0.5
local function rate(amount)
  return (("%.1f"):format(amount / args.every):gsub("%.0$", ""))
end

local function print_table()
  local start = interval_start(shown.at)
  local function line(kind, name, packets, bytes)
    print(table.concat({ start, kind, name, rate(packets), rate(bytes * 8) }, "\t"))
  end
  local kernel, interface = drops()
  line("all", ("dropped %d"):format(kernel + interface), shown.packets, shown.bytes)
  for _, entry in ipairs(busiest(view, order, LINES)) do
    line(view.name, entry.name, entry.packets, entry.bytes)
  end
  io.stdout:flush()
end

-- Screen --------------------------------------------------------------------------

local drawn_at, drawn_size = 0, ""

-- 1234567 -> "1.23 M"
local function short(number)
  local units, unit = { "", " k", " M", " G", " T" }, 1
  while number >= 999.5 and unit < #units do number, unit = number / 1000, unit + 1 end
  local digits = (unit == 1 and number % 1 == 0 or number >= 99.95) and 0
    or number >= 9.995 and 1 or 2
  return ("%." .. digits .. "f%s"):format(number, units[unit])
end

local function head()
  local kernel, interface = drops()
  local when = shown.at and os.date("!%Y-%m-%d %H:%M:%S", shown.at // SECOND)
    or "waiting for packets"
  return {
    ("%s  %s packets/s  %sbit/s  %s by %s%s"):format(when,
      short(shown.packets / args.every),
      short(shown.bytes * 8 / args.every):gsub("[%d.]$", "%0 "), view.name,
      order == "bytes" and "bits" or "packets", paused and "  PAUSED" or ""),
    ("dropped: %d by the kernel, %d by the interface"):format(kernel, interface),
    "",
  }
end

local function row_text(columns, name, packets, bits, share)
  local room = math.max(columns - 37, 8)
  if #name > room then name = name:sub(1, room - 1) .. "~" end
  return ("%-" .. room .. "s %12s %12s %9s"):format(name, packets, bits, share)
end

local KEYS = "q quit  s senders  f flows  p ports  o protocols  b bits  n packets  space pause"

local function frame(rows, columns)
  local lines = head()
  lines[4] = row_text(columns, view.name:upper():gsub("S$", ""), "PACKETS/S", "BITS/S", "OF ALL")
  for _, entry in ipairs(busiest(view, order, math.max(rows - 5, 0))) do
    local amount, all = entry[order], shown[order]
    lines[#lines + 1] = row_text(columns, entry.name, short(entry.packets / args.every),
      short(entry.bytes * 8 / args.every), ("%.1f %%"):format(100 * amount / all))
  end
  for k = #lines + 1, rows - 1 do lines[k] = "" end
  lines[rows] = KEYS
  for k = rows + 1, #lines do lines[k] = nil end
  for k, text in ipairs(lines) do lines[k] = text:sub(1, columns) .. "\27[K" end
  lines[4] = lines[4] and "\27[7m" .. lines[4] .. "\27[0m"
  return "\27[H" .. table.concat(lines, "\r\n")
end

local function draw()
  local rows, columns = screen.size()
  drawn_at, drawn_size = screen.now(), rows .. "x" .. columns
  screen.draw(frame(rows, columns))
end

-- What each key changes.
local ACTIONS = {
  b = function() order = "bytes" end,
  n = function() order = "packets" end,
  q = function() quitting = true end,
  [" "] = function() paused = not paused end,
}
for number, each in ipairs(VIEWS) do
  local function choose() view = each end
  ACTIONS[each.key], ACTIONS[tostring(number)] = choose, choose
end

-- Look after keys, size and signals for so long, at least once.
local function attend(seconds)
  local deadline = screen.now() + seconds
  repeat
    local keys, stopped = screen.wait(math.max(deadline - screen.now(), 0))
    for key in keys:gmatch "." do
      if ACTIONS[key] then ACTIONS[key]() end
    end
    quitting = quitting or stopped
    if is_screen and (keys ~= "" or drawn_size ~= table.concat({ screen.size() }, "x")) then
      draw()
    end
  until quitting or screen.now() >= deadline
  if quitting then ce.source():breakloop() end
end

-- Wait until packet time may be this late.
local function keep_pace(now_ns)
  if not started or pace == math.huge then return attend(0) end
  attend(started + (now_ns - first_ns) / 1e9 / pace - screen.now())
end

-- Hooks ---------------------------------------------------------------------------

local script = { every = args.every }

local function show()
  if not is_screen then
    if shown.packets > 0 then print_table() end
  elseif screen.now() - drawn_at >= FRAME then
    draw()
  end
end

function script.batch(batch)
  if not first_ns then
    first_ns, started = batch:min "frame.time_epoch", screen.now()
    if ce.source():stats() then pace = math.huge end -- which a savefile does not have
  end
  last_ns = math.max(last_ns or first_ns, batch:max "frame.time_epoch")
  filling.packets = filling.packets + #batch
  filling.bytes = filling.bytes + batch:sum "frame.len"
  for _, each in ipairs(counted) do count(each, batch) end
  if is_screen then attend(0) end
end

function script.tick(now_ns, elapsed_ns)
  keep_pace(now_ns)
  if quitting then return end
  close_interval(now_ns - elapsed_ns)
  show()
end

function script.idle()
  if is_screen and drawn_at == 0 then draw() end
  attend(0)
end

-- The last interval stays on the screen until a key says otherwise.
function script.finish()
  if last_ns and not quitting then
    keep_pace(last_ns)
    local every_ns = math.floor(args.every * SECOND + 0.5)
    close_interval(last_ns // every_ns * every_ns)
    drawn_at = -1
    show()
  end
  while is_screen and not quitting do attend(math.huge) end
  screen.close()
end

return script
