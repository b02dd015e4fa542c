--- make_office: writes office.pcap, half a minute in a small office.
---
--- usage   capengine run tests/data/make_office.lua -- FILE     or with lua5.4, without --
--- output  nothing; FILE is the same, byte for byte, every time
---
--- What it holds: name look-ups, TLS to three servers in and out over IPv4 and IPv6,
--- SSH in the house, a host that pings 192.168.100.1, ARP and neighbor discovery,
--- a telephone in VLAN 30 that asks for the time, and one desk, 10.20.0.7, whose backup
--- sends far more than everybody else. Checksums are right, so that tools which check
--- them have nothing to say. What looks random comes from one generator with a fixed
--- start.

local START = 1709542800 -- 2024-03-04T09:00:00Z
local LENGTH = 30        -- seconds

local pack = string.pack

-- A linear congruential generator; its high bits are the good ones.
local state = 20240304

local function random(below)
  state = state * 1103515245 + 12345 & 0x7fffffff
  return (state >> 8) % below
end

local function random_bytes(count)
  local bytes = {}
  for i = 1, count do bytes[i] = string.char(random(256)) end
  return table.concat(bytes)
end

-- The frames so far, each with its microsecond and its turn among equals.
local frames = {}

local function add(us, frame)
  frames[#frames + 1] = { us = us, turn = #frames, bytes = frame .. ("\0"):rep(60 - #frame) }
end

-- Headers

local function checksum(bytes)
  local sum = 0
  for at = 1, #bytes - 1, 2 do sum = sum + string.unpack(">I2", bytes, at) end
  if #bytes % 2 == 1 then sum = sum + bytes:byte(-1) * 256 end
  while sum > 0xffff do sum = (sum & 0xffff) + (sum >> 16) end
  return ~sum & 0xffff
end

local function mac(number) return "\2\0\0\0\0" .. string.char(number) end

local function ipv4_address(text)
  local a, b, c, d = text:match "(%d+)%.(%d+)%.(%d+)%.(%d+)"
  return string.char(a, b, c, d)
end

-- "2001:db8:20::7": the groups before "::" and those behind it.
local function ipv6_address(text)
  local front, back = text:match "^(.*)::(.*)$"
  local function groups(list)
    local bytes = ""
    for group in list:gmatch "%x+" do bytes = bytes .. pack(">I2", tonumber(group, 16)) end
    return bytes
  end
  front, back = groups(front), groups(back)
  return front .. ("\0"):rep(16 - #front - #back) .. back
end

-- A host: its addresses, and the VLAN that it stands in. What is not in the house
-- comes through the router, and so with the router's MAC.
local function host(number, address, address6, vlan)
  return { mac = mac(number), ip = ipv4_address(address),
    ip6 = address6 and ipv6_address(address6), vlan = vlan, ttl = number == 1 and 56 or 64,
    id = random(65536), port = 32768 + random(20000) }
end

local function next_port(a)
  a.port = a.port + 1 + random(7)
  return a.port
end

local function ethernet(to, from, ethertype, payload, vlan)
  local tag = vlan and pack(">I2 I2", 0x8100, vlan) or ""
  return to .. from .. tag .. pack(">I2", ethertype) .. payload
end

-- IPv4, or IPv6 where `six`; `segment` has its checksum already.
local function ip_frame(a, b, protocol, segment, six)
  if six then
    local header = pack(">I4 I2 B B", 6 << 28, #segment, protocol, a.ttl)
    return ethernet(b.mac, a.mac, 0x86dd, header .. a.ip6 .. b.ip6 .. segment)
  end
  a.id = a.id + 1 & 0xffff
  local front = pack(">I2 I2 I2 I2 B B", 0x4500, 20 + #segment, a.id, 0x4000, a.ttl, protocol)
  local sum = checksum(front .. "\0\0" .. a.ip .. b.ip)
  return ethernet(b.mac, a.mac, 0x0800, front .. pack(">I2", sum) .. a.ip .. b.ip .. segment,
    a.vlan or b.vlan)
end

-- What TCP, UDP and ICMPv6 add to their checksum.
local function pseudo(a, b, protocol, length, six)
  if six then return a.ip6 .. b.ip6 .. pack(">I4 I4", length, protocol) end
  return a.ip .. b.ip .. pack(">I2 I2", protocol, length)
end

local function udp(us, a, b, from, to, payload, six)
  local length = 8 + #payload
  local ports = pack(">I2 I2 I2", from, to, length)
  local sum = checksum(pseudo(a, b, 17, length, six) .. ports .. "\0\0" .. payload)
  if sum == 0 then sum = 0xffff end
  add(us, ip_frame(a, b, 17, ports .. pack(">I2", sum) .. payload, six))
end

-- TCP

local FIN, SYN, PSH, ACK = 1, 2, 8, 16

local function connection(a, b, port, six)
  return { [a] = { peer = b, port = next_port(a), seq = random(1 << 31) },
    [b] = { peer = a, port = port, seq = random(1 << 31) }, six = six }
end

-- Send a segment from `a`; its peer's bytes so far are acknowledged.
local function tcp(us, link, a, flags, payload)
  local mine = link[a]
  local theirs = link[mine.peer]
  local syn = flags & SYN ~= 0
  local options = syn and pack(">B B I2 B B B B", 2, 4, link.six and 1440 or 1460, 1, 3, 3, 7) or ""
  local header = pack(">I2 I2 I4 I4 B B I2", mine.port, theirs.port, mine.seq,
    flags & ACK ~= 0 and theirs.seq or 0, (20 + #options) // 4 << 4, flags, syn and 64240 or 501)
  local length = 20 + #options + #payload
  local sum = checksum(pseudo(a, mine.peer, 6, length, link.six) .. header .. "\0\0\0\0" ..
    options .. payload)
  add(us, ip_frame(a, mine.peer, 6, header .. pack(">I2 I2", sum, 0) .. options .. payload,
    link.six))
  mine.seq = mine.seq + #payload + (flags & (SYN | FIN) ~= 0 and 1 or 0) & 0xffffffff
end

local function open(us, link, a, b)
  tcp(us, link, a, SYN, "")
  tcp(us + 9000 + random(900), link, b, SYN | ACK, "")
  tcp(us + 10100, link, a, ACK, "")
  return us + 10400
end

local function close(us, link, a, b)
  tcp(us, link, a, FIN | ACK, "")
  tcp(us + 9000 + random(900), link, b, FIN | ACK, "")
  tcp(us + 10100, link, a, ACK, "")
end

-- TLS 1.3: hellos that can be read, and records that cannot.

local function tls_record(kind, payload, version)
  return pack(">B I2 s2", kind, version or 0x0303, payload)
end

local function handshake(kind, body)
  return pack(">B s3", kind, body)
end

local function client_hello(name)
  local sni = pack(">I2 s2", 0, pack(">s2", pack(">B s2", 0, name)))
  local versions = pack(">I2 s2", 43, pack(">s1", "\3\4"))
  local key = pack(">I2 s2", 51, pack(">s2", pack(">I2 s2", 29, random_bytes(32))))
  return tls_record(22, handshake(1, pack(">I2", 0x0303) .. random_bytes(32) ..
    pack(">s1 s2 s1 s2", "", "\x13\1\x13\2", "\0", sni .. versions .. key)), 0x0301)
end

local function server_hello()
  local versions = pack(">I2 s2", 43, "\3\4")
  local key = pack(">I2 s2", 51, pack(">I2 s2", 29, random_bytes(32)))
  return tls_record(22, handshake(2, pack(">I2", 0x0303) .. random_bytes(32) ..
    pack(">s1 I2 B s2", "", 0x1301, 0, versions .. key)))
end

local function sealed(length) return tls_record(23, random_bytes(length)) end

-- A page: handshake, then requests with an answer of a few segments each.
local function browse(us, a, b, name, requests, six)
  local link = connection(a, b, 443, six)
  us = open(us, link, a, b)
  tcp(us, link, a, PSH | ACK, client_hello(name))
  tcp(us + 9500, link, b, PSH | ACK, server_hello() .. sealed(60 + random(60)))
  tcp(us + 10200, link, a, PSH | ACK, sealed(53))
  us = us + 11000
  for _ = 1, requests do
    tcp(us, link, a, PSH | ACK, sealed(40 + random(160)))
    us = us + 9500 + random(3000)
    for _ = 1, 1 + random(3) do
      tcp(us, link, b, PSH | ACK, sealed(20 + random(260)))
      us = us + 150 + random(200)
      tcp(us, link, a, ACK, "")
      us = us + 50
    end
    us = us + 60000 + random(200000)
  end
  close(us, link, a, b)
end

-- Names

local function dns_name(name)
  local labels = name:gsub("([^.]+)%.?", function(label) return pack("s1", label) end)
  return labels .. "\0"
end

local function look_up(us, a, server, name, answer, six)
  local id, port = random(65536), next_port(a)
  local question = dns_name(name) .. pack(">I2 I2", #answer == 4 and 1 or 28, 1)
  local record = pack(">I2 I2 I2 I4 s2", 0xc00c, #answer == 4 and 1 or 28, 1, 300, answer)
  udp(us, a, server, port, 53, pack(">I2 I2 I2 I2 I2 I2", id, 0x0100, 1, 0, 0, 0) .. question, six)
  udp(us + 700 + random(9000), server, a, 53, port,
    pack(">I2 I2 I2 I2 I2 I2", id, 0x8180, 1, 1, 0, 0) .. question .. record, six)
end

-- Neighbors

local BROADCAST = ("\xff"):rep(6)

local function arp(us, a, b)
  local front = pack(">I2 I2 B B", 1, 0x0800, 6, 4)
  add(us, ethernet(BROADCAST, a.mac, 0x0806,
    front .. "\0\1" .. a.mac .. a.ip .. ("\0"):rep(6) .. b.ip))
  add(us + 200, ethernet(a.mac, b.mac, 0x0806, front .. "\0\2" .. b.mac .. b.ip .. a.mac .. a.ip))
end

local function icmp6(us, a, b, kind, body)
  local front, length = pack(">B B", kind, 0), 4 + #body
  local sum = checksum(pseudo(a, b, 58, length, true) .. front .. "\0\0" .. body)
  add(us, ip_frame(setmetatable({ ttl = 255 }, { __index = a }), b, 58,
    front .. pack(">I2", sum) .. body, true))
end

local function solicit(us, a, b)
  local group = { mac = "\x33\x33\xff" .. b.ip6:sub(14),
    ip6 = ipv6_address "ff02::1:ff00:0":sub(1, 13) .. b.ip6:sub(14) }
  icmp6(us, a, group, 135, "\0\0\0\0" .. b.ip6 .. "\1\1" .. a.mac)
  icmp6(us + 300, b, a, 136, "\x60\0\0\0" .. b.ip6 .. "\2\1" .. b.mac)
end

local function ping(us, a, b, number)
  local body = pack(">I2 I2 I8", 0x1d07, number, START + us // 1000000) .. random_bytes(48)
  local function message(kind)
    local front = pack(">B B", kind, 0)
    return front .. pack(">I2", checksum(front .. "\0\0" .. body)) .. body
  end
  add(us, ip_frame(a, b, 1, message(8)))
  add(us + 4200 + random(800), ip_frame(b, a, 1, message(0)))
end

-- The time, from a telephone: NTP.
local function ask_time(us, a, b)
  local now = pack(">I4 I4", START + 2208988800 + us // 1000000, us % 1000000 * 4294)
  local port = next_port(a)
  udp(us, a, b, port, 123, "\x23\0\6\xec" .. ("\0"):rep(36) .. now)
  udp(us + 600, b, a, 123, port, "\x24\2\6\xec" .. ("\0"):rep(4) .. "\0\0\1\0" ..
    ipv4_address "192.0.2.123" .. now .. now .. now .. now)
end

-- SSH, which was open before the capture began: keystrokes and their echo.
local function type_away(us, a, b, keys)
  local link = connection(a, b, 22)
  for _ = 1, keys do
    tcp(us, link, a, PSH | ACK, random_bytes(36))
    tcp(us + 300 + random(300), link, b, PSH | ACK, random_bytes(36 + 8 * random(4)))
    tcp(us + 900, link, a, ACK, "")
    us = us + 90000 + random(160000)
  end
end

-- A backup: full segments in bursts, an acknowledgment for each two.
local function back_up(us, a, b, bursts)
  local link = connection(a, b, 8730)
  us = open(us, link, a, b)
  for _ = 1, bursts do
    for segment = 1, 4 do
      tcp(us, link, a, segment == 4 and PSH | ACK or ACK, random_bytes(1460))
      us = us + 130
      if segment % 2 == 0 then
        tcp(us, link, b, ACK, "")
        us = us + 40
      end
    end
    us = us + 700000 + random(300000)
  end
  close(us, link, a, b)
end

-- The office

local router = host(1, "10.20.0.1", "2001:db8:20::1")
router.ttl = 64
local server = host(2, "10.20.0.2")
local desks = {
  host(7, "10.20.0.7", "2001:db8:20::7"),
  host(11, "10.20.0.11", "2001:db8:20::11"),
  host(12, "10.20.0.12"),
  host(13, "10.20.0.13", "2001:db8:20::13"),
  host(23, "10.20.0.23"),
}
local phone = host(30, "10.30.0.5", nil, 30)
local sites = {
  { name = "www.example.com", host = host(1, "198.51.100.10", "2001:db8:aaaa::10") },
  { name = "mail.example.org", host = host(1, "203.0.113.25") },
  { name = "files.example.net", host = host(1, "192.0.2.80", "2001:db8:bbbb::80") },
}
local clock = host(1, "192.0.2.123")
local pinged = host(1, "192.168.100.1")

-- Half a second from the start, and something more.
local function moment(seconds) return 500000 + seconds * 1000000 + random(900000) end

for number = 0, 13 do
  ping(250000 + number * 1000000 + random(2000), desks[5], pinged, number + 1)
end
back_up(1300000, desks[1], server, 22)
type_away(2100000, desks[2], server, 130)
type_away(9400000, desks[4], server, 60)
for seconds = 0, LENGTH - 3, 3 do arp(moment(seconds), desks[1 + random(#desks)], router) end
for seconds = 1, LENGTH - 3, 6 do solicit(moment(seconds), desks[1], router) end
for seconds = 2, LENGTH - 3, 5 do ask_time(moment(seconds), phone, clock) end
browse(6400000, phone, sites[3].host, "files.example.net", 5)
for visit = 0, 41 do
  local us = moment(visit * 5 // 8)
  local a, site = desks[1 + random(#desks)], sites[1 + random(#sites)]
  local six = a.ip6 ~= nil and site.host.ip6 ~= nil and random(3) > 0
  look_up(us, a, router, site.name, six and site.host.ip6 or site.host.ip, six)
  browse(us + 15000, a, site.host, site.name, 2 + random(4), six)
end

-- The file

table.sort(frames, function(a, b)
  if a.us ~= b.us then return a.us < b.us end
  return a.turn < b.turn
end)

local out = { pack("<I4 I2 I2 i4 I4 I4 I4", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1) }
for _, frame in ipairs(frames) do
  out[#out + 1] = pack("<I4 I4 I4 I4", START + frame.us // 1000000, frame.us % 1000000,
    #frame.bytes, #frame.bytes) .. frame.bytes
end

local file = assert(io.open(assert(arg[1], "usage: make_office.lua FILE"), "wb"))
assert(file:write(table.concat(out)))
assert(file:close())
