--- talkers: who sends the most.
---
--- Counts packets and bytes for each source address, IPv4 and IPv6, and prints the
--- largest senders when the capture ends.
---
--- usage   capengine run talkers -r trace.pcap -- --top 5
--- args    --top N   rows to print (default 10)
--- output  address, packets, bytes on the wire; tabs between, largest first
--- memory  one entry for each address, a million at most; the rest counts as "other"
---
--- Ethernet, raw IP, Linux cooked, null and loop captures, with VLAN tags where there
--- are any. Of IP in IP, the outermost header counts. IP behind PPPoE, MPLS or LLC is
--- not looked for. What was not counted is said on standard error.
---
--- There is no filter: libpcap's "ip or ip6" would lose what carries a VLAN tag.

local ce = require "capengine"

local CAPACITY = 1000000

-- IPv4 addresses are keys as integers, IPv6 addresses as strings of 16 bytes: the one
-- thing that is made here for a packet, and Lua keeps one copy of each.
local packets, bytes = {}, {}
local addresses = 0
local other_packets, other_bytes = 0, 0
local without = 0 -- packets without a source address
local unknown = {} -- packets by link type that has no entry in `links`

-- Where the header behind an EtherType begins, if that says IP; VLAN tags are skipped.
local function behind(packet, ethertype, at)
  while ethertype == 0x8100 or ethertype == 0x88a8 or ethertype == 0x9100 do
    ethertype = packet:u16(at + 2)
    at = at + 4
  end
  if ethertype == 0x0800 or ethertype == 0x86dd then return at end
end

local function ethernet(packet)
  return behind(packet, packet:u16(12), 14)
end

local function cooked(packet)
  return behind(packet, packet:u16(14), 16)
end

local function cooked2(packet)
  return behind(packet, packet:u16(0), 20)
end

local function raw()
  return 0
end

-- The address family, in the byte order of whoever captured: that of IPv4 is 2
-- everywhere, that of IPv6 differs between systems.
local families = { [2] = 4, [10] = 4, [24] = 4, [28] = 4, [30] = 4 }

local function null(packet)
  local family = packet:u32(0)
  return family and families[family > 0xffff and family >> 24 or family]
end

-- By DLT_ number: where a packet's IP header begins, or nil.
local links = {
  [0] = null, [108] = null, -- NULL, LOOP
  [1] = ethernet,
  [12] = raw, [228] = raw, [229] = raw, -- RAW, IPV4, IPV6
  [113] = cooked, [276] = cooked2, -- LINUX_SLL, LINUX_SLL2
}

-- The source address as a key, or nil.
local function source_of(packet, at)
  local first = at and packet:u8(at)
  local version = first and first >> 4
  if version == 4 then return packet:u32(at + 12) end
  if version ~= 6 or not packet:u8(at + 23) then return nil end
  return packet:sub(at + 9, at + 24)
end

local script = { args = { top = { default = 10, help = "rows to print" } } }

local linktype, find

-- The link type may change from file to file, never within a batch.
function script.batch()
  linktype = ce.source():datalink()
  find = links[linktype]
end

function script.packet(packet)
  if not find then
    unknown[linktype] = (unknown[linktype] or 0) + 1
    return
  end
  local key = source_of(packet, find(packet))
  if not key then
    without = without + 1
    return
  end
  local length, count = packet:wire_len(), packets[key]
  if count then
    packets[key] = count + 1
    bytes[key] = bytes[key] + length
  elseif addresses < CAPACITY then
    addresses = addresses + 1
    packets[key] = 1
    bytes[key] = length
  else
    other_packets = other_packets + 1
    other_bytes = other_bytes + length
  end
end

-- An IPv6 address as RFC 5952 writes it: "::" for the first longest run of zeros.
local function ipv6_text(key)
  local groups = { string.unpack(">I2I2I2I2I2I2I2I2", key) }
  local first, longest, run = 0, 1, 0
  for i = 1, 8 do
    run = groups[i] == 0 and run + 1 or 0
    if run > longest then
      first, longest = i - run + 1, run
    end
    groups[i] = ("%x"):format(groups[i])
  end
  if first == 0 then return table.concat(groups, ":", 1, 8) end
  return table.concat(groups, ":", 1, first - 1) .. "::" ..
    table.concat(groups, ":", first + longest, 8)
end

local function address_text(key)
  if math.type(key) then
    return ("%d.%d.%d.%d"):format(key >> 24, key >> 16 & 255, key >> 8 & 255, key & 255)
  end
  return ipv6_text(key)
end

-- Most bytes first; equals by address, IPv4 first, so that the order is always the same.
local function comes_before(a, b)
  if bytes[a] ~= bytes[b] then return bytes[a] > bytes[b] end
  if type(a) == type(b) then return a < b end
  return math.type(a) ~= nil
end

local function say_what_is_missing()
  if without > 0 then
    io.stderr:write("talkers: packets without an IP source address: ", without, "\n")
  end
  for number, count in pairs(unknown) do
    io.stderr:write(("talkers: packets of link type %d (%s), which is not known here: %d\n")
      :format(number, ce.pcap.datalink_val_to_name(number) or "?", count))
  end
end

function script.finish()
  local order = {}
  for key in pairs(packets) do order[#order + 1] = key end
  table.sort(order, comes_before)
  for i = 1, math.min(script.args.top, #order) do
    print(address_text(order[i]), packets[order[i]], bytes[order[i]])
  end
  if other_packets > 0 then print("other", other_packets, other_bytes) end
  say_what_is_missing()
end

return script
