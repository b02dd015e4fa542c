--- compare_fields: every field of every packet, as tshark sees it and as we do.
---
--- usage   capengine run compare_fields.lua -- names
---         capengine run compare_fields.lua -- compare CAPTURE TSHARKS
---
--- `names` prints the fields to ask tshark for, one a line. TSHARKS is what
---
---     tshark -r CAPTURE -T fields -E occurrence=f -e frame.protocols -e NAME -e NAME ...
---
--- prints for them. Prints each field of each packet that differs, the rules below that
--- excused any, and in the end how many values were equal; exit status 1 when one
--- differs that no rule excuses.
---
--- The outermost stack is meant: link layer, tags, labels, one IP or ARP header with its
--- extension headers, one transport. What tshark finds inside something else, such as
--- a tunnel or the packet that an ICMP error quotes, is not compared, and neither is
--- anything but frame.* of link types that are not decoded.

local ce = require "capengine"

-- Link types whose packets have more than frame.*.
local DECODED = { [0] = true, [1] = true, [12] = true, [108] = true, [113] = true,
  [228] = true, [229] = true, [276] = true }

-- The protocols of the outermost stack, in the order in which they may stand.
local STAGE = {
  frame = 0, eth = 1, sll = 1, null = 1, raw = 1,
  ethertype = 2, vlan = 2, ieee8021ad = 2, mpls = 2, llc = 2, pppoes = 2, ppp = 2,
  ip = 3, ipv6 = 3,
  ["ipv6.hopopts"] = 4, ["ipv6.routing"] = 4, ["ipv6.dstopts"] = 4, ["ipv6.fraghdr"] = 4,
  ah = 4, ["mipv6"] = 4, ["hip"] = 4, ["shim6"] = 4,
  arp = 5, tcp = 5, udp = 5, icmp = 5, icmpv6 = 5, sctp = 5,
}
local REPEATS = { [2] = true, [4] = true }

-- Fields of which tshark knows less or more: octets, those that it lacks, and those
-- that stand for several.
local function is_comparable(name)
  return name:find(".", 1, true) and not name:find "^flow%." and not name:find "#"
    and not name:find "payload$" and not name:find "%.addr$" and not name:find "%.port$"
end

local names, place = {}, {}
for _, name in ipairs(ce.fields()) do
  if is_comparable(name) then
    names[#names + 1] = { name = name, get = ce.field(name), protocol = name:match "^[^.]+" }
    place[name] = #names + 1 -- behind frame.protocols
  end
end

if arg[1] == "names" then
  for _, field in ipairs(names) do print(field.name) end
  return
end

-- The protocols of the outermost stack as a set.
local function outermost(theirs)
  local set, last = { frame = true }, 0
  for protocol in theirs[1]:gmatch "[^:]+" do
    local stage = STAGE[protocol]
    -- IPv6 that was announced as IPv4 is handed on; it is no tunnel.
    local handed_on = protocol == "ipv6" and last == 3 and theirs[place["ip.version"]] == "6"
    -- Its extension headers are none of IPv4.
    if protocol:find "^ipv6%." and not set.ipv6 then break end
    if not handed_on and
      (not stage or stage < last or (stage == last and not REPEATS[stage])) then break end
    set[protocol] = true
    last = stage
  end
  return set
end

-- Is an ARP packet shorter than the lengths that it gives itself?
local HEADER = { [1] = 14, [113] = 16, [276] = 20 }
local hw_size, proto_size = ce.field "arp.hw.size", ce.field "arp.proto.size"
local function is_cut_arp(packet, seen)
  local _, tags = seen.theirs[1]:gsub(":vlan", "%0")
  local _, services = seen.theirs[1]:gsub(":ieee8021ad", "%0")
  local at = (HEADER[seen.linktype] or 0) + 4 * (tags + services)
  return #packet < at + 8 + 2 * ((hw_size(packet) or 0) + (proto_size(packet) or 0))
end

-- What differs and is right. Each has its reason, and says whether it excuses a
-- difference: `seen` has the packet's values and field, and what both sides say.
local rules = {
  {
    why = "the outermost header has no such field; tshark's is of one further inside",
    excuses = function(seen)
      local protocols = ":" .. seen.theirs[1] .. ":"
      local _, count = protocols:gsub(":" .. seen.field.protocol .. "%f[:]", "")
      return seen.ours == "" and count > 1
    end,
  },
  {
    why = "three bits of TCP are one field for tshark, tcp.flags.ace, once both ends agreed",
    excuses = function(seen)
      return seen.expected == "" and seen.theirs[place["tcp.flags.syn"]] ~= "" and
        (seen.field.name == "tcp.flags.ae" or seen.field.name == "tcp.flags.cwr" or
          seen.field.name == "tcp.flags.ece")
    end,
  },
  {
    why = "Cisco's ISL and FabricPath, which tshark takes off the frame, are not decoded",
    excuses = function(seen)
      local to = seen.packet:sub(1, 5)
      local is_isl = to == "\1\0\x0c\0\0" or to == "\x0c\0\x0c\0\0"
      return seen.theirs[1]:find "^eth:cfp" or (seen.linktype == 1 and is_isl)
    end,
  },
  {
    why = "a raw IP packet of less than ten bytes, which tshark does not look at",
    excuses = function(seen)
      return seen.linktype == 12 and #seen.packet < 10 and seen.expected == ""
    end,
  },
  {
    why = "raw IP with ff 03 in its seventh byte and eighth is PPP to tshark",
    excuses = function(seen)
      return seen.linktype == 12 and seen.packet:sub(7, 8) == "\xff\3" and seen.expected == ""
    end,
  },
  {
    why = "ARP of ATM (RFC 2225), which has another form, is not decoded",
    excuses = function(seen)
      return seen.theirs[1]:find ":atmarp" and seen.field.protocol == "arp" and seen.ours == ""
    end,
  },
  {
    why = "2^31 bytes or more on the wire are one less than 2^31 for tshark",
    excuses = function(seen)
      return seen.field.name == "frame.len" and seen.expected == "2147483647" and
        seen.packet:wire_len() > 2147483647
    end,
  },
  {
    why = "tshark reads no third tag of 802.1ad in a row",
    excuses = function(seen)
      return seen.expected == "" and seen.theirs[1]:find ":ieee8021ad:ethertype:data"
    end,
  },
  {
    why = "behind BSD's null header tshark shows no IP of a version that is neither 4 nor 6",
    excuses = function(seen)
      return seen.field.name == "ip.version" and seen.theirs[1] == "null:data"
    end,
  },
  {
    why = "of ARP that is cut tshark shows more or less, as its operation is",
    excuses = function(seen)
      return seen.field.protocol == "arp" and is_cut_arp(seen.packet, seen)
    end,
  },
  {
    why = "the target's address of a DRARP error is an error's number for tshark",
    excuses = function(seen)
      return seen.field.name == "arp.dst.proto_ipv4" and
        seen.theirs[place["arp.opcode"]] == "7" and seen.expected == ""
    end,
  },
  {
    why = "behind IPv4 options that are malformed tshark does not look",
    excuses = function(seen)
      return seen.expected == "" and STAGE[seen.field.protocol] == 5 and
        seen.theirs[1]:find "%f[%a]ip$" and seen.theirs[place["ip.hdr_len"]] ~= "20"
    end,
  },
  {
    why = "behind an extension header whose options are malformed tshark does not look",
    excuses = function(seen)
      return seen.expected == "" and seen.theirs[1]:find ":ipv6%.%a+$"
    end,
  },
  {
    why = "tags behind IEEE 802.2 are not looked for",
    excuses = function(seen)
      local protocols = seen.theirs[1]
      return seen.ours == "" and
        (protocols:find ":llc:vlan" or protocols:find ":llc:ieee8021ad")
    end,
  },
  {
    why = "the length of 802.3 or PPPoE ends within IP's header; its fields behind are read",
    excuses = function(seen)
      local protocols = seen.theirs[1]
      return (protocols:find ":llc:ip" or protocols:find ":ppp:ip") and
        STAGE[seen.field.protocol] == 3 and seen.expected == ""
    end,
  },
  {
    why = "a record whose fraction is a second or more; tshark keeps nanoseconds in 32 bits",
    excuses = function(seen)
      local sign, seconds, fraction = seen.expected:match "^(%-?)(%d+)%.(%-?%d+)$"
      if seen.field.name ~= "frame.time_epoch" or not seconds then return false end
      local ns = seen.packet:time() - math.tointeger(seconds) * 1000000000
      fraction = math.tointeger(fraction)
      return (ns - fraction) % 0x100000000 == 0 or
        (sign == "-" and (ns + fraction) % 0x100000000 == 0)
    end,
  },
  {
    why = "a pseudo-header, which tshark takes off the packet, is captured like the rest",
    excuses = function(seen)
      local off = #seen.packet - math.tointeger(seen.theirs[place["frame.cap_len"]])
      return not DECODED[seen.linktype] and off > 0 and
        (seen.field.name == "frame.cap_len" or
          seen.packet:wire_len() - math.tointeger(seen.theirs[place["frame.len"]]) == off)
    end,
  },
  {
    why = "IPv6 of length 0, which is to be cut into segments: its payload is what follows",
    excuses = function(seen)
      return seen.theirs[place["ipv6.plen"]] == "0" and STAGE[seen.field.protocol] == 5 and
        seen.expected == ""
    end,
  },
}

local function excused(seen)
  for _, rule in ipairs(rules) do
    if rule.excuses(seen) then
      rule.count = (rule.count or 0) + 1
      return true
    end
  end
  return false
end

-- A value as tshark prints it: booleans as numbers, and all numbers in decimal.
local function normal(value)
  if value == nil then return "" end
  if type(value) == "boolean" then return value and "1" or "0" end
  if type(value) == "string" and value:find "^0x" then value = math.tointeger(value) end
  return tostring(value)
end

local function seconds(ns)
  return ("%d.%09d"):format(ns // 1000000000, ns % 1000000000)
end

local function split(line)
  local list = {}
  for text in (line .. "\t"):gmatch "([^\t]*)\t" do list[#list + 1] = text end
  return list
end

local function ours(field, packet)
  local value = field.get(packet)
  return field.name == "frame.time_epoch" and seconds(value) or normal(value)
end

-- What tshark says of the outermost stack. The version of IPv6 is ip.version too.
local function tsharks(field, theirs, outer)
  local ipv6 = field.name == "ip.version" and outer.ipv6
  return (outer[field.protocol] or ipv6) and normal(theirs[place[field.name]]) or ""
end

local path = arg[2]
local equal, different = 0, 0
local lines = assert(io.open(arg[3])):lines()
local source <close> = assert(ce.open("file:" .. path))

local function compare(packet, theirs)
  local outer, linktype = outermost(theirs), source:datalink()
  for _, field in ipairs(names) do
    if field.protocol == "frame" or DECODED[linktype] then
      local seen = { packet = packet, theirs = theirs, field = field, linktype = linktype,
        ours = ours(field, packet), expected = tsharks(field, theirs, outer) }
      if seen.ours == seen.expected then
        equal = equal + 1
      elseif not excused(seen) then
        different = different + 1
        print(("%s: packet %s: %s: tshark %s, capengine %s (%s)"):format(path, theirs[2],
          field.name, seen.expected, seen.ours, theirs[1]))
      end
    end
  end
end

local seen = 0
for packet in source:packets() do
  local line = lines()
  if not line and seen == 0 and not DECODED[source:datalink()] then
    print(("%s: link type %d is unknown to tshark"):format(path, source:datalink()))
    return
  end
  compare(packet, split(assert(line, "tshark has less packets")))
  seen = seen + 1
end
assert(not lines(), "tshark has more packets")
for _, rule in ipairs(rules) do
  if rule.count then print(("%s: %6d excused: %s"):format(path, rule.count, rule.why)) end
end
print(("%s: %d values equal, %d different"):format(path, equal, different))
os.exit(different == 0)
