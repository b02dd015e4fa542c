--- make_odd_packets: packets whose headers are cut, contradict themselves or are rare.
---
--- usage   capengine run make_odd_packets.lua -- FOLDER
---
--- Writes FOLDER/LINKTYPE.pcap for some link types: stacks of headers that are legal,
--- each cut at every byte; lengths, versions and numbers that cannot be; tags, labels and
--- encapsulations in each other.

local folder = arg[1]

local function be(format, ...) return string.pack(">" .. format, ...) end

local function ipv4(proto, payload, o)
  o = o or {}
  local options = o.options or ""
  return be("I1 I1 I2 I2 I2 I1 I1 I2 I4 I4",
    (o.version or 4) << 4 | (o.words or 5 + #options // 4), 0x29,
    o.total or 20 + #options + #payload, 7, o.fragment or 0x4000, 64, proto, 0xabcd,
    0x0a000001, 0x0a000002) .. options .. payload
end

local function ipv6(proto, payload, o)
  o = o or {}
  return be("I4 I2 I1 I1 I8 I8 I8 I8", (o.version or 6) << 28 | 0xb512345,
    o.plen or #payload, proto, 63, 0x20010db800000000, 1, 0x20010db800000000, 2) .. payload
end

local function tcp(o)
  o = o or {}
  local options = o.options or ""
  return be("I2 I2 I4 I4 I2 I2 I2 I2", 8080, 443, 1, 2, (o.words or 5 + #options // 4) << 12 |
    (o.flags or 0x18), 4096, 0x1234, 5) .. options .. (o.payload or "")
end

local function udp(payload, length)
  return be("I2 I2 I2 I2", 40001, 40002, length or 8 + #payload, 0xbeef) .. payload
end

local function icmp(kind, code)
  return be("I1 I1 I2 I2 I2", kind, code or 0, 0x4321, 3, 4) .. "ping"
end

local function sctp()
  return be("I2 I2 I4 I4 I1 I1 I2 I4", 2905, 2906, 99, 100, 6, 0, 8, 0)
end

local function arp(o)
  o = o or {}
  local hw, proto = o.hw_size or 6, o.proto_size or 4
  return be("I2 I2 I1 I1 I2", o.hw or 1, o.proto or 0x0800, hw, proto, o.op or 1) ..
    ("\2\0\0\0\0\1\1\1\1\1"):sub(1, hw) .. ("\10\0\0\1\1\1\1\1"):sub(1, proto) ..
    ("\2\0\0\0\0\2\2\2\2\2"):sub(1, hw) .. ("\10\0\0\2\2\2\2\2"):sub(1, proto)
end

local function tag(kind, bits, rest) return be("I2 I2", kind, bits) .. rest end
local function typed(kind, rest) return be("I2", kind) .. rest end
local function ether(rest) return "\2\0\0\0\0\2\2\0\0\0\0\1" .. rest end
local function label(number, bottom) return be("I4", number << 12 | bottom << 8 | 64) end
local function snap(organization, kind, rest)
  return "\xaa\xaa\x03" .. be("I3 I2", organization, kind) .. rest
end
local function with_length(rest) return typed(#rest, rest) end
local function pppoe(rest, length) return be("I1 I1 I2 I2", 0x11, 0, 1, length or #rest) .. rest end

-- An extension header of this many octets in all, but for fragments'.
local function extension(next, octets)
  return be("I1 I1", next, octets // 8 - 1) .. "\1\4\0\0\0\0" ..
    ("\1\6\0\0\0\0\0\0"):rep(octets // 8 - 1)
end

local function fragment(next, bits) return be("I1 I1 I2 I4", next, 0, bits, 77) end
local function ah(next) return be("I1 I1 I2 I4 I4 I4", next, 2, 0, 1, 2, 3) end

local TCP, UDP, ICMP, ICMPV6, SCTP, AH = 6, 17, 1, 58, 132, 51
local NOPS = "\1\1\1\0"
local ROUTE = "\131\11\4\10\9\9\9\10\8\8\8\0"

-- IP packets, by version, that are legal.
local packets4 = {
  ipv4(TCP, tcp { payload = "hello" }),
  ipv4(TCP, tcp { options = NOPS, payload = "hello" }, { options = NOPS }),
  ipv4(UDP, udp "hello"), ipv4(ICMP, icmp(8)), ipv4(ICMP, icmp(3, 1)), ipv4(ICMP, icmp(42)),
  ipv4(SCTP, sctp()), ipv4(AH, ah(TCP) .. tcp {}), ipv4(UDP, udp "routed", { options = ROUTE }),
}
local packets6 = {
  ipv6(TCP, tcp { payload = "hello" }), ipv6(UDP, udp "hello"), ipv6(ICMPV6, icmp(128)),
  ipv6(SCTP, sctp()),
  ipv6(0, extension(60, 8) .. extension(43, 16) .. extension(TCP, 8) .. tcp {}),
  ipv6(44, fragment(UDP, 1) .. udp "first"), ipv6(44, fragment(UDP, 0x100) .. udp "later"),
  ipv6(AH, ah(UDP) .. udp "safe"), ipv6(59, "nothing"),
}

local function odd4(add)
  for words = 0, 15 do
    for _, total in ipairs { 0, 1, 19, 20, 24, 39, 40, 60, 100, 65535 } do
      add(ipv4(TCP, tcp {}, { words = words, total = total }))
    end
    add(ipv4(TCP, tcp { words = words, payload = "12345678" }))
    add(ipv4(words, tcp {}, { version = words }))
  end
  for _, bits in ipairs { 0x4000, 0x2000, 0x2001, 1, 0x8000, 0x1fff } do
    add(ipv4(TCP, tcp {}, { fragment = bits }))
    add(ipv4(UDP, udp "piece", { fragment = bits }))
  end
  for total = 20, 41 do add(ipv4(TCP, tcp {}, { total = total })) end
  for length = 0, 20 do add(ipv4(UDP, udp("hello", length))) end
  for kind = 0, 60 do add(ipv4(ICMP, icmp(kind))) end
  for flags = 0, 11 do add(ipv4(TCP, tcp { flags = 1 << flags })) end
  for _, options in ipairs { "\131\7\4\10\9\9\9\0", "\137\7\4\10\9\9\9\0", "\131\7\8\10\9\9\9\0",
      "\131\3\4\0", "\131\6\4\10\9\9\0\0", "\131\99\4\10\9\9\9\0", "\1\131\7\4\10\9\9\9",
      "\0\131\7\4\10\9\9\9", "\7\7\4\0\0\0\0\0\131\7\4\10\9\9\9\0", "\7\1\131\7\4\10\9\9\9\0\0\0",
      "\1\1\1\131" } do
    add(ipv4(UDP, udp "routed", { options = options }))
  end
end

local function odd6(add)
  for version = 0, 15 do add(ipv6(TCP, tcp {}, { version = version })) end
  for _, plen in ipairs { 0, 1, 4, 8, 19, 20, 21, 100, 65535 } do
    add(ipv6(TCP, tcp {}, { plen = plen }))
    add(ipv6(UDP, udp "", { plen = plen }))
  end
  for length = 0, 14 do add(ipv6(UDP, udp("hello", length))) end
  for _, bits in ipairs { 0, 1, 2, 6, 8, 9, 0xfff8 } do
    add(ipv6(44, fragment(TCP, bits) .. tcp {}))
    add(ipv6(0, extension(44, 8) .. fragment(60, bits) .. extension(UDP, 8) .. udp ""))
  end
  for depth = 1, 50, 7 do
    add(ipv6(60, extension(60, 8):rep(depth) .. extension(UDP, 8) .. udp "deep"))
  end
  for _, number in ipairs { 135, 139, 140, 50, 41, 4, 59, 253 } do
    add(ipv6(number, extension(UDP, 8) .. udp "x"))
  end
end

-- All of the above, cut and not.
local function add_ip(add, before)
  for _, list in ipairs { packets4, packets6 } do
    for _, packet in ipairs(list) do
      for bytes = 0, #packet do add(before(packet, list == packets6), #packet - bytes) end
    end
  end
  odd4(function(packet) add(before(packet, false)) end)
  odd6(function(packet) add(before(packet, true)) end)
end

local function add_arp(add, before)
  for bytes = 0, 28 do add(before(arp()), bytes) end
  for op = 0, 10 do add(before(arp { op = op })) end
  for _, o in ipairs { { hw = 6 }, { hw = 7 }, { hw = 19 }, { hw = 16 }, { hw = 0 },
      { hw_size = 0 }, { hw_size = 8 }, { hw_size = 200 }, { proto_size = 0 },
      { proto_size = 8 }, { proto = 0x86dd }, { proto = 0xcc } } do
    add(before(arp(o)))
  end
end

local function add_ether(add)
  local ip = packets4[1]
  for _, one in ipairs { 0x8100, 0x88a8, 0x9100, 0x9200 } do
    add(ether(tag(one, 0x7005, typed(0x0800, ip))))
    add(ether(tag(one, 0x1006, with_length(snap(0, 0x0800, ip)))))
    for _, two in ipairs { 0x8100, 0x88a8, 0x9100 } do
      add(ether(tag(one, 0xb005, tag(two, 6, typed(0x0800, ip)))))
      for _, three in ipairs { 0x8100, 0x88a8 } do
        add(ether(tag(one, 5, tag(two, 6, tag(three, 7, typed(0x86dd, packets6[1]))))))
      end
    end
  end
  local tags = tag(0x8100, 5, tag(0x8100, 6, typed(0x0800, ip)))
  for bytes = 0, 12 do add(ether(tags), #ip + bytes) end
  for depth = 1, 12 do add(ether((tag(0x8100, depth, "")):rep(depth) .. typed(0x0800, ip))) end
  for _, kind in ipairs { 0x8847, 0x8848 } do
    add(ether(typed(kind, label(16, 1) .. ip)))
    add(ether(typed(kind, label(16, 0) .. label(17, 0) .. label(18, 1) .. packets6[1])))
    add(ether(typed(kind, label(16, 0))))
    add(ether(typed(kind, label(16, 1) .. "\x00\0\0\0" .. ip)))
  end
  for _, length in ipairs { 0, 3, 20, 48, 1500, 1501, 1510, 1535, 1536 } do
    add(ether(typed(length, snap(0, 0x0800, ip))))
  end
  for _, organization in ipairs { 0, 0xf8, 0x0c, 0x080007 } do
    add(ether(with_length(snap(organization, 0x0800, ip))))
    add(ether(with_length(snap(organization, 0x86dd, packets6[1]))))
    add(ether(with_length(snap(organization, 0x0806, arp()))))
    add(ether(with_length(snap(organization, 0x8100, "\0\5" .. typed(0x0800, ip)))))
  end
  for _, control in ipairs { "\x03", "\x13", "\0\0", "\xf3", "\xaf" } do
    add(ether(with_length("\6\6" .. control .. ip)))
    add(ether(with_length("\xaa\xaa" .. control .. be("I3 I2", 0, 0x0800) .. ip)))
  end
  add(ether(with_length("\xff\xff\x03" .. ip)))
  for _, kind in ipairs { "\0\x21", "\x21", "\0\x57", "\x57", "\xc0\x21", "\0\x2d" } do
    local inner = kind:byte(-1) == 0x57 and packets6[1] or ip
    add(ether(typed(0x8864, pppoe(kind .. inner))))
    add(ether(typed(0x8864, pppoe(kind .. inner) .. "padding")))
    add(ether(typed(0x8864, pppoe(kind .. inner, 30))))
    add(ether(tag(0x8100, 7, typed(0x8864, pppoe(kind .. inner)))))
  end
  for _, kind in ipairs { 0x8035, 0x0800, 0x86dd } do add(ether(typed(kind, arp { op = 3 }))) end
  for _, packet in ipairs(packets6) do add(ether(typed(0x0800, packet))) end
  for _, packet in ipairs(packets4) do add(ether(typed(0x86dd, packet))) end
  add(ether(typed(0x0800, ip .. ("\0"):rep(20))))
  for bytes = 0, 14 do add(ether(typed(0x0800, ip)), #ip + bytes) end
end

local function family(number, order) return string.pack(order .. "I4", number) end

-- LINKTYPE -> function(add); add(bytes, how many to cut off the end)
local KINDS = {
  [1] = function(add)
    add_ip(add, function(packet, six) return ether(typed(six and 0x86dd or 0x0800, packet)) end)
    add_arp(add, function(packet) return ether(typed(0x0806, packet)) end)
    add_ether(add)
  end,
  [101] = function(add) add_ip(add, function(packet) return packet end) end,
  [228] = function(add) add_ip(add, function(packet) return packet end) end,
  [229] = function(add) add_ip(add, function(packet) return packet end) end,
  [0] = function(add)
    add_ip(add, function(packet, six) return family(six and 30 or 2, "<") .. packet end)
    for _, number in ipairs { 2, 10, 24, 26, 28, 30, 0x200, 0x1800, 0x1e00, 0x20000, 0x0800,
        0x86dd } do
      for _, order in ipairs { "<", ">" } do
        add(family(number, order) .. packets4[1])
        add(family(number, order) .. packets6[1])
      end
    end
    add("\0\0\x08\0" .. packets4[1])
    add("\0\0\x81\0\0\5" .. typed(0x0800, packets4[1]))
    add("\xff\x03\0\x21" .. packets4[1])
    add("\xff\x03\x57" .. packets6[1])
    for bytes = 0, 4 do add(family(2, "<") .. packets4[1], #packets4[1] + bytes) end
  end,
  [108] = function(add)
    add_ip(add, function(packet, six) return family(six and 24 or 2, ">") .. packet end)
    for _, number in ipairs { 2, 10, 24, 26, 28, 30, 0x0800 } do
      add(family(number, ">") .. packets4[1])
      add(family(number, ">") .. packets6[1])
      add(family(number, "<") .. packets4[1])
    end
  end,
  [113] = function(add)
    local function cooked(kind) return be("I2 I2 I2 I8 I2", 0, 1, 6, 0x0200000000010000, kind) end
    add_ip(add, function(packet, six) return cooked(six and 0x86dd or 0x0800) .. packet end)
    add_arp(add, function(packet) return cooked(0x0806) .. packet end)
    add(cooked(0x8100) .. "\0\5" .. typed(0x0800, packets4[1]))
    add(cooked(4) .. snap(0, 0x0800, packets4[1]))
    add(cooked(1) .. packets4[1])
    for bytes = 0, 16 do add(cooked(0x0800) .. packets4[1], #packets4[1] + bytes) end
  end,
  [276] = function(add)
    local function cooked(kind)
      return be("I2 I2 I4 I2 I1 I1 I8", kind, 0, 2, 1, 0, 6, 0x0200000000010000)
    end
    add_ip(add, function(packet, six) return cooked(six and 0x86dd or 0x0800) .. packet end)
    add_arp(add, function(packet) return cooked(0x0806) .. packet end)
    add(cooked(0x88a8) .. "\0\5" .. typed(0x0800, packets4[1]))
    add(cooked(4) .. snap(0, 0x86dd, packets6[1]))
    for bytes = 0, 20 do add(cooked(0x0800) .. packets4[1], #packets4[1] + bytes) end
  end,
}

for linktype, make in pairs(KINDS) do
  local file <close> = assert(io.open(("%s/%d.pcap"):format(folder, linktype), "wb"))
  file:write(string.pack("<I4 I2 I2 i4 I4 I4 I4", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype))
  local number = 0
  make(function(bytes, cut)
    local caplen = #bytes - (cut or 0)
    file:write(string.pack("<I4 I4 I4 I4", 1700000000 + number, number, caplen, #bytes),
      bytes:sub(1, caplen))
    number = number + 1
  end)
end
