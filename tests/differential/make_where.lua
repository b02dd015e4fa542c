--- make_where: expressions for `where`, as text, the same ones for the same seed.
---
--- usage   capengine run make_where.lua -- SEED COUNT SAVEFILE...
---
--- Prints COUNT expressions, one in each line, over the fields that `where` and
--- Wireshark share. Their values are mostly those that tshark finds in the savefiles.
--- One in ten has a mistake: a word too much, too few or in the wrong place. Behind
--- them stands the name of every field alone.

local seed, count = math.tointeger((...)), math.tointeger((select(2, ...)))
local files = { select(3, ...) }

-- A generator of our own: Lua's may change from version to version.
local state = seed
local function random(n)
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) % n + 1
end

local function pick(list) return list[random(#list)] end

local fields = {
  number = { "frame.number", "frame.len", "frame.cap_len", "eth.type", "vlan.id", "arp.opcode",
    "ip.version", "ip.hdr_len", "ip.dsfield", "ip.len", "ip.id", "ip.frag_offset", "ip.ttl",
    "ip.proto", "ipv6.nxt", "ipv6.hlim", "ipv6.plen", "ipv6.flow", "ipv6.tclass", "tcp.srcport",
    "tcp.dstport", "tcp.port", "tcp.seq_raw", "tcp.ack_raw", "tcp.hdr_len", "tcp.flags",
    "tcp.window_size_value", "tcp.len", "udp.srcport", "udp.dstport", "udp.port", "udp.length",
    "icmp.type", "icmp.code", "icmp.ident", "icmp.seq", "icmpv6.type", "icmpv6.code",
    "sctp.srcport", "sctp.dstport", "sctp.port" },
  boolean = { "ip.flags.df", "ip.flags.mf", "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin",
    "tcp.flags.reset", "tcp.flags.push", "tcp.flags.urg" },
  time = { "frame.time_epoch" },
  ether = { "eth.src", "eth.dst", "eth.addr" },
  ipv4 = { "ip.src", "ip.dst", "ip.addr" },
  ipv6 = { "ipv6.src", "ipv6.dst", "ipv6.addr" },
  bytes = { "frame", "eth", "ip", "ipv6", "tcp", "udp", "icmp", "arp" },
}
local kinds = { "number", "number", "number", "number", "number", "number", "number", "boolean",
  "boolean", "time", "ether", "ether", "ipv4", "ipv4", "ipv6", "bytes", "bytes", "bytes" }
local signs = { "==", "!=", "<", ">", "<=", ">=", "===", "!==", "~=" }
local relations = { "==", "!=", "<", ">", "<=", ">=", "eq", "ne", "lt", "gt", "le", "ge", "===",
  "!==", "~=", "all_ne", "any_ne", "any_eq", "all_eq" }

-- Values

-- Every value of a field in the savefiles, each once, in order.
local pools = {}
local function values(field)
  if pools[field] then return pools[field] end
  local seen, list = {}, {}
  for _, file in ipairs(files) do
    local tshark = assert(io.popen(("tshark -r '%s' -o ip.defragment:false " ..
      "-o tcp.desegment_tcp_streams:false -T fields -E aggregator=, -e %s 2>/dev/null")
      :format(file, field)))
    for value in tshark:read("a"):gmatch "[^,\n]+" do
      if not seen[value] then list[#list + 1] = value end
      seen[value] = true
    end
    tshark:close()
  end
  table.sort(list)
  pools[field] = list
  return list
end

local function one_of(field, otherwise)
  local list = values(field)
  return #list > 0 and random(12) > 1 and pick(list) or otherwise
end

local literal = {
  number = function(field)
    local text = one_of(field, tostring(random(70)))
    local value = math.tointeger(tonumber(text)) or 0
    return pick { text, ("%d"):format(value), ("0x%x"):format(value), ("0%o"):format(value) }
  end,
  boolean = function() return pick { "0", "1", "True", "FALSE", "2" } end,
  time = function(field)
    return one_of(field, "1000000000"):gsub("0+$", ""):gsub("%.$", ".0"), nil
  end,
  ether = function(field)
    return (one_of(field, "01:02:03:04:05:06"):gsub(":", pick { ":", "-" }))
  end,
  ipv4 = function(field) return one_of(field, "10.0.0.1") end,
  ipv6 = function(field) return one_of(field, "2001:db8::1") end,
}

local function octets(n)
  local list = {}
  for i = 1, n do list[i] = ("%02x"):format(random(3) == 1 and 0 or random(256) - 1) end
  return table.concat(list, ":")
end

local masks = { number = { "1", "2", "0x10", "0x12", "7", "0x80" },
  ipv4 = { "255.0.0.0", "0.0.0.1" }, ether = { "01:00:00:00:00:00", "00:00:00:00:00:03" } }

-- Tests

local function slice()
  local start, length = random(16) - 1, random(4)
  local text = pick {
    { ("[%d:%d]"):format(start, length), length },
    { ("[%d-%d]"):format(start, start + length), length + 1 },
    { ("[%d]"):format(start), 1 },
    { ("[:%d]"):format(length), length },
    { ("[-%d:]"):format(length), length },
    { ("[-%d:1]"):format(length), 1 },
    { ("[%d,%d]"):format(start, start + 3), 2 },
  }
  return text[1], text[2]
end

local function sliced_test(field, kind)
  local most = kind == "ether" and 6 or kind == "ipv4" and 4 or 20
  local text, length = slice()
  local word = random(6)
  if word == 1 then return field .. text end
  if word == 2 then return ("%s%s contains %s"):format(field, text, octets(1)) end
  if word == 3 then return ("%s%s & %s"):format(field, text, octets(length)) end
  if word == 4 then
    return ("%s%s == %s[0:%d]"):format(field, text, field, math.min(length, most))
  end
  return ("%s%s %s %s"):format(field, text, pick(relations), octets(length))
end

local function bytes_test(field)
  local word = random(3)
  if word == 1 then return field end
  if word == 2 then
    return ("%s contains %s"):format(field, pick { octets(1), octets(2), octets(3), '"a"',
      '"www"', '"\\x00\\x01"', '"GET"', "'e'", '"example"', "0x45" })
  end
  return sliced_test(field, "bytes")
end

local function set(field, kind)
  local members = {}
  for i = 1, random(3) == 1 and 6 or random(3) do
    members[i] = literal[kind](field)
    if random(4) == 1 then
      members[i] = members[i] .. pick { "..", " .. " } .. literal[kind](field)
    elseif random(9) == 1 then
      members[i] = field
    end
  end
  return ("%s%s in {%s}"):format(field, random(6) == 1 and " not" or "",
    table.concat(members, pick { ",", ", " }))
end

local function compare(field, kind)
  local value = literal[kind](field)
  if kind == "ipv4" and random(2) == 1 then value = ("%s/%d"):format(value, random(33) - 1) end
  if kind == "ipv6" and random(2) == 1 then value = ("%s/%d"):format(value, random(129) - 1) end
  local quantifier = random(8) == 1 and pick { "any ", "all " } or ""
  local relation = random(3) == 1 and pick(signs) or " " .. pick(relations) .. " "
  return quantifier .. field .. relation .. value
end

local function mask(field, kind)
  local text = ("%s & %s"):format(field, pick(masks[kind]))
  if random(2) == 1 then return text end
  return ("%s %s %s"):format(text, pick(relations), pick(masks[kind]))
end

local function test()
  local kind = pick(kinds)
  local field = pick(fields[kind])
  if kind == "bytes" then return bytes_test(field) end
  local word = random(10)
  if word == 1 then return field end
  if word <= 3 and kind ~= "boolean" then return set(field, kind) end
  if word == 4 and masks[kind] then return mask(field, kind) end
  if word == 5 then
    return ("%s %s %s"):format(field, pick(relations), pick(fields[kind]))
  end
  if word == 6 and (kind == "ether" or kind == "ipv4" or kind == "ipv6") then
    return sliced_test(field, kind)
  end
  return compare(field, kind)
end

local function expression(depth)
  if depth == 0 or random(2) == 1 then return test() end
  local word = random(5)
  if word == 1 then return pick { "not ", "!", "! " } .. "(" .. expression(depth - 1) .. ")" end
  if word == 2 then return "not " .. expression(depth - 1) end
  if word == 3 then return "(" .. expression(depth - 1) .. ")" end
  return expression(depth - 1) .. pick { " and ", " or ", " && ", " || " } ..
    expression(depth - 1)
end

-- Leave a word out, say it twice, or exchange two.
local function spoil(text)
  local words = {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  local at, what = random(#words), random(3)
  if what == 1 then
    table.remove(words, at)
  elseif what == 2 then
    table.insert(words, at, words[at])
  else
    local other = random(#words)
    words[at], words[other] = words[other], words[at]
  end
  return table.concat(words, " ")
end

local function print_names()
  for _, list in ipairs { fields.bytes, fields.number, fields.boolean, fields.time, fields.ether,
    fields.ipv4, fields.ipv6 } do
    for _, name in ipairs(list) do print(name) end
  end
end

for i = 1, count do
  local text = expression(3)
  print(i % 10 == 0 and spoil(text) or text)
end
print_names()
