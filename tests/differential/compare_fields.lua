--- compare_fields: every field of every packet, as tshark sees it and as we do.
---
--- usage   capengine run compare_fields.lua -- names
---         capengine run compare_fields.lua -- compare CAPTURE TSHARKS
---
--- `names` prints the fields to ask tshark for, one a line. TSHARKS is what
---
---     tshark -r CAPTURE -T fields -E occurrence=f -e frame.protocols -e NAME -e NAME ...
---
--- prints for them. Prints each field of each packet that differs, and in the end how
--- many values were equal; exit status 1 when one differs.
---
--- The outermost stack is meant: link layer, tags, MPLS, one IP or ARP header with its
--- extension headers, one transport. What tshark finds inside something else, such as
--- a tunnel or the packet that an ICMP error quotes, is not compared, and neither is
--- anything but frame.* of link types that are not decoded.

local ce = require "capengine"

-- Ours alone, or not printed by tshark: octets, flow.*, and names for further layers.
local function is_comparable(name)
  return name:find(".", 1, true) and not name:find "^flow%." and not name:find "#"
    and not name:find "payload$"
end

local names = {}
for _, name in ipairs(ce.fields()) do
  local ok, extractor = pcall(ce.field, name)
  if ok and is_comparable(name) and not ({ ["eth.addr"] = 1, ["ip.addr"] = 1,
      ["ipv6.addr"] = 1, ["tcp.port"] = 1, ["udp.port"] = 1, ["sctp.port"] = 1 })[name] then
    names[#names + 1] = { name = name, get = extractor, protocol = name:match "^[^.]+" }
  end
end

if arg[1] == "names" then
  for _, field in ipairs(names) do print(field.name) end
  return
end

-- The protocols of the outermost stack, in the order in which they may stand.
local STAGE = {
  frame = 0, eth = 1, sll = 1, null = 1, raw = 1, ethertype = 2, vlan = 2, ieee8021ad = 2,
  mpls = 2, arp = 4, ip = 3, ipv6 = 3, ["ipv6.hopopts"] = 3.5, ["ipv6.routing"] = 3.5,
  ["ipv6.dstopts"] = 3.5, ["ipv6.fraghdr"] = 3.5, ah = 3.5,
  tcp = 4, udp = 4, icmp = 4, icmpv6 = 4, sctp = 4,
}
local REPEATS = { [2] = true, [3.5] = true }

local function outermost(protocols)
  local set, last = { frame = true }, 0
  for protocol in protocols:gmatch "[^:]+" do
    local stage = STAGE[protocol]
    if not stage or stage < last or (stage == last and not REPEATS[stage]) then break end
    set[protocol] = true
    last = stage
  end
  return set
end

local function normal(value)
  if value == nil then return "" end
  if value == true then return "1" end
  if value == false then return "0" end
  if type(value) == "string" and value:find "^0x" then return tostring(math.tointeger(value)) end
  return tostring(value)
end

local function time(ns)
  return ("%d.%09d"):format(ns // 1000000000, ns % 1000000000)
end

local function split(line)
  local list = {}
  for text in (line .. "\t"):gmatch "([^\t]*)\t" do list[#list + 1] = text end
  return list
end

local equal, different = 0, 0
local lines = io.lines(arg[3])
local decoded = { [0] = true, true, [12] = true, [108] = true, [113] = true, [276] = true,
  [228] = true, [229] = true }
local source = assert(ce.open(arg[2]))

for packet in source:packets() do
  local theirs = split(lines())
  local outer = outermost(theirs[1])
  local all = decoded[source:datalink()]
  for i, field in ipairs(names) do
    local got = field.get(packet)
    if field.name == "frame.time_epoch" then got = time(got) end
    local expected = theirs[i + 1]
    -- The version that IPv6 has goes by this name too.
    local protocol = field.name == "ip.version" and outer.ipv6 and "ipv6" or field.protocol
    if not outer[protocol] then expected = "" end
    if field.protocol == "frame" or all then
      if normal(got) == normal(expected) then
        equal = equal + 1
      else
        different = different + 1
        print(("%s: packet %s: %s: tshark %s, capengine %s (%s)"):format(arg[2],
          theirs[3], field.name, expected, normal(got), theirs[1]))
      end
    end
  end
end
assert(not lines(), "tshark has more packets")
print(("%s: %d values equal, %d different"):format(arg[2], equal, different))
os.exit(different == 0)
