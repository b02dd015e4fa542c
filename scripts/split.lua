--- split: a savefile for each flow, host or VLAN.
---
--- usage   capengine run split -r trace.pcap -- --by host --dir .
--- args    --by WHAT      flow (default), host or vlan
---         --dir FOLDER   one that is there; default the current one
---         --ending TEXT  of the files' names, which says what they are: pcap (default),
---                        pcapng, pcap.gz, pcap.zst ...
---         --nano         stamps of pcap files in nanoseconds
--- output  file, packets in it, its bytes; tabs between, in the order of their first
---         packets
--- memory  one entry for each file; 256 files at most are open at a time
---
--- A flow is both directions of a five-tuple; fragments that show no ports are flows of
--- their own. A packet between two hosts is in the files of both. Of stacked VLAN tags
--- all count, the outermost first. What has no flow, host or VLAN goes to a file "none".
---
--- Names have letters, digits, ".", "-" and "_" alone, and begin with flow, host or vlan:
--- flow_10.0.0.1-443_10.0.0.2-5000_6.pcap, host_2001-db8--1.pcap, vlan_100-30.pcap. Files
--- that have these names already are emptied.
---
--- A pcap file holds packets of one link type; where one would need two, choose pcapng.

local ce = require "capengine"

local script = {
  args = {
    by = { default = "flow", help = "flow, host or vlan" },
    dir = { default = ".", help = "folder of the files" },
    ending = { default = "pcap", help = "of their names" },
    nano = { default = false, help = "stamps in nanoseconds" },
  },
}

local function check(done, message)
  if not done then ce.fail("split: " .. message) end
  return done
end

-- "[fe80::1]:443 10.0.0.2:5000 6" -> "fe80--1-443_10.0.0.2-5000_6"
local SAFE = { [":"] = "-", [" "] = "_", ["["] = "", ["]"] = "" }

local outputs, order = {}, {} -- by key, and one after the other

local function open(key)
  local args = script.args
  local options = { nano = args.nano or nil } -- pcapng has them without being asked
  local name = key == "none" and key or ("%s_%s"):format(args.by, key:gsub("[^%w.-]", SAFE))
  local path = ("%s/%s.%s"):format(args.dir, name, args.ending)
  local output = { path = path, file = check(ce.savefile(path, options)) }
  outputs[key], order[#order + 1] = output, output
  return output
end

local function write(packet, key)
  local output = outputs[key] or open(key)
  check(output.file:write(packet))
end

-- The files of a packet, by what --by says.
local ways = {}

local flow = ce.field "flow.key"
function ways.flow(packet)
  write(packet, flow(packet) or "none")
end

local addresses = ce.field("flow.src", "flow.dst")
function ways.host(packet)
  local from, to = addresses(packet)
  write(packet, from or "none")
  if to and to ~= from then write(packet, to) end
end

local tags = { ce.field "ieee8021ad.id", ce.field "vlan.id", ce.field "vlan.id#2" }
function ways.vlan(packet)
  local key
  for _, tag in ipairs(tags) do
    local id = tag(packet)
    if id then key = key and key .. "-" .. id or tostring(id) end
  end
  write(packet, key or "none")
end

local way -- since the first packet: then the arguments are known

function script.packet(packet)
  way = way or check(ways[script.args.by], "--by is flow, host or vlan")
  way(packet)
end

function script.finish()
  for i = #order, 1, -1 do -- the latest first, where the list of open files begins
    check(order[i].file:close())
  end
  for _, output in ipairs(order) do
    local counters = output.file:counters()
    print(output.path, counters.written, counters.bytes)
  end
end

return script
