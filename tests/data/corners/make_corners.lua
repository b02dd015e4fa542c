--- make_corners: the small savefiles in this folder, each a corner of the formats.
---
--- usage   lua5.4 make_corners.lua FOLDER
---         lua5.4 make_corners.lua FOLDER large
---
--- `large` makes those that are too large to keep: around the longest packet that
--- there may be. The same files every time; a test makes them anew and compares.

local folder, size = ...

local MICRO, NANO, MODIFIED = 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34
local ETHERNET, RAW, USER0 = 1, 101, 147
local LONGEST = 262144
local SEC = 1700000000

local function write(name, ...)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  assert(file:write(...))
  assert(file:close())
end

-- Packets.

--- UDP over IPv4 over Ethernet: `bytes` of payload, to a port.
local function frame(port, bytes)
  local payload = ("abcdefghijklmnopqrstuvwxyz"):rep(bytes // 26 + 1):sub(1, bytes)
  local udp = string.pack(">I2I2I2I2", 40000, port, 8 + bytes, 0) .. payload
  local ip = string.pack(">BBI2I2I2BBI2", 0x45, 0, 20 + #udp, 0, 0x4000, 64, 17, 0)
    .. "\10\0\0\1\10\0\0\2"
  return "\2\0\0\0\0\1\2\0\0\0\0\2\8\0" .. ip .. udp
end

local SMALL, MIDDLE = frame(53, 10), frame(443, 100)
local IPV4 = SMALL:sub(15)
local IPV6 = string.pack(">I4I2BB", 6 << 28, 18, 17, 64) .. ("\0"):rep(15) .. "\1"
  .. ("\0"):rep(15) .. "\2" .. IPV4:sub(21)

-- Classic savefiles. `order` is "<" or ">", as of string.pack.

local function classic(order, options)
  return string.pack(order .. "I4I2I2i4I4I4I4", options.magic or MICRO,
    options.major or 2, options.minor or 4, 0, 0,
    options.snaplen or 65535, options.linktype or ETHERNET)
end

--- A record. Its lengths are the packet's own unless they are given.
local function record(order, sec, frac, packet, caplen, len)
  return string.pack(order .. "I4I4I4I4", sec, frac, caplen or #packet, len or #packet)
    .. packet
end

--- Three records in order of time.
local function three(order)
  return record(order, SEC, 1, SMALL) .. record(order, SEC, 999999, MIDDLE)
    .. record(order, SEC + 1, 0, SMALL)
end

-- pcapng blocks. A body is padded to 32 bits.

local function block(order, kind, body)
  body = body .. ("\0"):rep(-#body % 4)
  return string.pack(order .. "I4I4", kind, #body + 12) .. body
    .. string.pack(order .. "I4", #body + 12)
end

local function option(order, code, value)
  return string.pack(order .. "I2I2", code, #value) .. value .. ("\0"):rep(-#value % 4)
end

local function section(order, minor)
  return block(order, 0x0a0d0d0a,
    string.pack(order .. "I4I2I2i8", 0x1a2b3c4d, 1, minor or 0, -1))
end

--- An interface; resolution is a byte, offset in seconds.
local function interface(order, linktype, snaplen, resolution, offset)
  local options = (resolution and option(order, 9, string.char(resolution)) or "")
    .. (offset and option(order, 14, string.pack(order .. "i8", offset)) or "")
  if options ~= "" then
    options = options .. option(order, 0, "")
  end
  return block(order, 1, string.pack(order .. "I2I2I4", linktype, 0, snaplen) .. options)
end

--- An enhanced packet; its stamp counts the interface's units.
local function enhanced(order, id, stamp, packet, caplen, len)
  return block(order, 6, string.pack(order .. "I4I4I4I4I4", id, stamp >> 32,
    stamp & 0xffffffff, caplen or #packet, len or #packet) .. packet)
end

local function simple(order, packet, len)
  return block(order, 3, string.pack(order .. "I4", len or #packet) .. packet)
end

--- A packet in the block that came before enhanced ones.
local function obsolete(order, id, stamp, packet)
  return block(order, 2, string.pack(order .. "I2I2I4I4I4I4", id, 0xffff, stamp >> 32,
    stamp & 0xffffffff, #packet, #packet) .. packet)
end

--- Three packets, the last two within a second, in units of 1/per_second s.
local function three_enhanced(order, per_second)
  return enhanced(order, 0, SEC * per_second, SMALL)
    .. enhanced(order, 0, SEC * per_second + per_second // 3, MIDDLE)
    .. enhanced(order, 0, SEC * per_second + per_second - 1, SMALL)
end

--- What is wrong or odd in a classic savefile, in one byte order.
local function make_classic(order, suffix)
  local function make(name, options, ...)
    write(name .. "-" .. suffix .. ".pcap", classic(order, options), ...)
  end
  local function one(...)
    return record(order, ...)
  end

  make("micro", {}, three(order))
  make("nano", { magic = NANO }, three(order))
  make("no-packets", {})
  make("modified", { magic = MODIFIED },
    string.pack(order .. "I4I4I4I4I4I2BB", SEC, 7, #SMALL, #SMALL, 1, 0x0800, 0, 0), SMALL,
    string.pack(order .. "I4I4I4I4I4I2BB", SEC, 8, #MIDDLE, #MIDDLE, 1, 0x0800, 0, 0), MIDDLE)
  -- Versions 2.1 and 2.2 have the two lengths in some order, 2.3 mixed.
  make("version-2.2", { minor = 2 }, one(SEC, 1, SMALL, #SMALL + 4, #SMALL))
  make("version-2.3", { minor = 3 }, one(SEC, 1, SMALL, #SMALL + 4, #SMALL))
  make("version-3.0", { major = 3, minor = 0 }, three(order))

  make("caplen-0", {}, one(SEC, 1, "", 0, 60), one(SEC, 2, SMALL))
  make("len-0", {}, one(SEC, 1, SMALL, #SMALL, 0), one(SEC, 2, "", 0, 0))
  make("caplen-beyond-len", {}, one(SEC, 1, MIDDLE, #MIDDLE, 60), three(order))
  make("caplen-beyond-snaplen", { snaplen = 96 }, one(SEC, 1, MIDDLE), three(order))
  make("caplen-2-to-the-31", {}, three(order), one(SEC, 1, SMALL, 1 << 31, 60))
  make("len-2-to-the-31", {}, one(SEC, 1, SMALL, #SMALL, 1 << 31), three(order))
  make("snaplen-0", { snaplen = 0 }, three(order))
  make("snaplen-1", { snaplen = 1 }, three(order))
  make("snaplen-2-to-the-31", { snaplen = 1 << 31 }, three(order))

  make("seconds-0", {}, one(0, 0, SMALL), one(0, 1, SMALL))
  make("seconds-2-to-the-31", {}, one((1 << 31) - 1, 999999, SMALL), one(1 << 31, 0, SMALL),
    one(0xffffffff, 999999, SMALL))
  make("fraction-of-a-second-or-more", {}, one(SEC, 1000000, SMALL), one(SEC, 2500000, SMALL),
    one(SEC, (1 << 31) - 1, SMALL))
  make("fraction-2-to-the-31", {}, one(SEC, 1 << 31, SMALL), one(SEC, 0xffffffff, SMALL))
  make("nano-fraction-2-to-the-31", { magic = NANO }, one(SEC, 1000000000, SMALL),
    one(SEC, 1 << 31, SMALL), one(SEC, 0xffffffff, SMALL), one(0xffffffff, 0xffffffff, SMALL))
  make("backwards", {}, one(SEC + 5, 5, SMALL), one(SEC, 0, MIDDLE), one(SEC + 4, 1, SMALL),
    one(1, 1, SMALL))

  -- The upper bits of the link type tell the length of frame check sequences.
  make("fcs", { linktype = 0x24000000 | ETHERNET }, three(order))
  make("fcs-reserved-bits", { linktype = 0x03ff0000 | ETHERNET }, three(order))
  make("linktype-raw", { linktype = RAW }, one(SEC, 1, IPV4), one(SEC, 2, IPV6))
  make("linktype-user", { linktype = USER0 }, three(order))
  make("linktype-unknown", { linktype = 60000 }, three(order))
  -- An address family in the byte order of the machine that captured, or in the
  -- network's; systems number IPv6 differently.
  for name, kind in pairs { null = { 0, order }, loop = { 108, ">" } } do
    local records = { one(SEC, 2, string.pack(kind[2] .. "I4", 2) .. IPV4) }
    for i, family in ipairs { 10, 24, 28, 30 } do
      records[i + 1] = one(SEC + i, 3, string.pack(kind[2] .. "I4", family) .. IPV6)
    end
    make("linktype-" .. name, { linktype = kind[1] }, table.unpack(records))
  end
  -- libpcap rewrites the bytes of these in files of the other byte order.
  make("linktype-usb", { linktype = 220 }, one(SEC, 1, MIDDLE .. MIDDLE))
  make("linktype-pflog", { linktype = 117 }, one(SEC, 1, "\61\2" .. MIDDLE .. MIDDLE))
  make("linktype-sll-can", { linktype = 113 },
    one(SEC, 1, "\0\0\1\24\0\0\0\0\0\0\0\0\0\0\0\12" .. MIDDLE))
  local function cooked(protocol, index, direction)
    return string.pack(">I2I2I4I2BB", protocol, 0, index, 1, direction, 6) .. "\2\0\0\0\0\1\0\0"
  end
  make("linktype-sll2", { linktype = 276 }, one(SEC, 1, cooked(0x0800, 1, 0) .. IPV4),
    one(SEC, 2, cooked(0x86dd, 2, 4) .. IPV6))
  make("linktype-nflog", { linktype = 239 },
    one(SEC, 1, "\2\0\0\0" .. string.pack(order .. "I2I2", 8, 1) .. "abcd" .. MIDDLE))
end

--- What is wrong or odd in a pcapng file, in one byte order.
local function make_pcapng(order, suffix)
  local function make(name, ...)
    write(name .. "-" .. suffix .. ".pcapng", ...)
  end
  local ethernet = interface(order, ETHERNET, 65535)
  local start = section(order) .. ethernet
  local packets = three_enhanced(order, 1000000)

  make("enhanced", start, packets)
  make("no-interface", section(order))
  make("no-packets", start)
  make("simple", start, simple(order, SMALL), simple(order, MIDDLE))
  make("simple-before-interface", section(order), simple(order, SMALL), ethernet)
  make("simple-cut-by-snaplen", section(order), interface(order, ETHERNET, 64),
    simple(order, MIDDLE:sub(1, 64), #MIDDLE), simple(order, SMALL))
  make("obsolete", start, obsolete(order, 0, SEC * 1000000 + 5, SMALL))
  make("minor-2", section(order, 2), ethernet, packets)
  make("minor-1", section(order, 1), ethernet, packets)

  make("resolution-seconds", section(order), interface(order, ETHERNET, 65535, 0),
    three_enhanced(order, 1))
  make("resolution-nano", section(order), interface(order, ETHERNET, 65535, 9),
    three_enhanced(order, 1000000000))
  make("resolution-10-to-the-12", section(order), interface(order, ETHERNET, 65535, 12),
    enhanced(order, 0, 1234567 * 1000000000000 + 999999999999, SMALL))
  make("resolution-10-to-the-30", section(order), interface(order, ETHERNET, 65535, 30), packets)
  make("resolution-2-to-the-20", section(order), interface(order, ETHERNET, 65535, 0x80 | 20),
    three_enhanced(order, 1 << 20))
  make("resolution-2-to-the-32", section(order), interface(order, ETHERNET, 65535, 0x80 | 32),
    three_enhanced(order, 1 << 32))
  make("resolution-2-to-the-63", section(order), interface(order, ETHERNET, 65535, 0x80 | 63),
    enhanced(order, 0, 1 << 62, SMALL))
  make("resolution-2-to-the-64", section(order), interface(order, ETHERNET, 65535, 0x80 | 64),
    packets)
  make("offset", section(order), interface(order, ETHERNET, 65535, nil, 1000), packets)
  make("offset-before-1970", section(order), interface(order, ETHERNET, 65535, 9, -2 * SEC),
    three_enhanced(order, 1000000000))
  make("stamp-of-all-bits", start, enhanced(order, 0, -1, SMALL), packets)
  make("offset-of-all-but-the-sign", section(order),
    interface(order, ETHERNET, 65535, 6, math.maxinteger), packets)

  make("two-interfaces", start, ethernet, packets, enhanced(order, 1, SEC * 1000000, MIDDLE))
  make("two-resolutions", start, interface(order, ETHERNET, 65535, 9),
    enhanced(order, 0, SEC * 1000000 + 1, SMALL), enhanced(order, 1, SEC * 1000000000 + 1, SMALL))
  make("two-linktypes", start, packets, interface(order, RAW, 65535), packets)
  make("two-snaplens", start, packets, interface(order, ETHERNET, 96), packets)
  make("no-such-interface", start, packets, enhanced(order, 7, SEC * 1000000, SMALL))
  make("two-sections", start, packets, start, packets)
  make("unknown-blocks", section(order), block(order, 0x0bad, "what"), ethernet,
    block(order, 0x80000bad, ""), packets, block(order, 4, ("\0"):rep(4)),
    block(order, 5, ("\0"):rep(12)), packets)

  make("caplen-0", start, enhanced(order, 0, SEC * 1000000, "", 0, 60), packets)
  make("len-0", start, enhanced(order, 0, SEC * 1000000, SMALL, #SMALL, 0), packets)
  make("caplen-beyond-snaplen", section(order), interface(order, ETHERNET, 64), packets)
  make("caplen-beyond-block", start, packets,
    enhanced(order, 0, SEC * 1000000, SMALL, #SMALL + 100))
  make("caplen-2-to-the-31", start, packets, enhanced(order, 0, SEC * 1000000, SMALL, 1 << 31))
  make("snaplen-0", section(order), interface(order, ETHERNET, 0), packets)
  make("backwards", start, enhanced(order, 0, SEC * 1000000, SMALL), enhanced(order, 0, 5, SMALL))

  make("option-overruns", section(order),
    block(order, 1, string.pack(order .. "I2I2I4I2I2", ETHERNET, 0, 65535, 9, 400)), packets)
  make("resolution-of-two-bytes", section(order), block(order, 1, string.pack(order .. "I2I2I4",
    ETHERNET, 0, 65535) .. option(order, 9, "\9\9")), packets)
  make("trailer-differs", start, (packets:gsub("....$", "\0\0\0\1")))
  make("block-of-5-bytes", start, packets, string.pack(order .. "I4I4I4", 6, 5, 5))
  make("block-of-16-mib", start, packets, string.pack(order .. "I4I4", 6, (16 << 20) + 4))
  make("interface-too-short", section(order), block(order, 1, ""), packets)
end

--- Around the longest packet, in one byte order.
local function make_large(order, suffix)
  local packet = ("0123456789abcdef"):rep(LONGEST // 16)

  for name, bytes in pairs { exactly = packet, beyond = packet .. "x" } do
    write("longest-" .. name .. "-" .. suffix .. ".pcap", classic(order, { snaplen = LONGEST }),
      record(order, SEC, 1, SMALL), record(order, SEC, 2, bytes), record(order, SEC, 3, SMALL))
    write("longest-" .. name .. "-snaplen-0-" .. suffix .. ".pcap",
      classic(order, { snaplen = 0 }), record(order, SEC, 2, bytes), record(order, SEC, 3, SMALL))
    write("longest-" .. name .. "-" .. suffix .. ".pcapng", section(order),
      interface(order, ETHERNET, LONGEST), enhanced(order, 0, SEC, bytes), simple(order, SMALL))
  end
  -- A few link types may have longer packets.
  write("longest-usb-" .. suffix .. ".pcap", classic(order, { snaplen = 1 << 20, linktype = 249 }),
    record(order, SEC, 2, packet .. packet), record(order, SEC, 3, SMALL))

  local many = {}
  for i = 1, 20000 do
    many[i] = record(order, SEC, i, i % 3 == 0 and MIDDLE or SMALL)
  end
  write("many-" .. suffix .. ".pcap", classic(order, {}), table.concat(many))
end

local make = size == "large" and { make_large } or { make_classic, make_pcapng }
for _, each in ipairs(make) do
  each("<", "le")
  each(">", "be")
end

if size ~= "large" then
  write("micro-then-pcapng.pcap", classic("<", {}), three("<"), section("<"))
  write("mixed-orders.pcapng", section("<"), interface("<", ETHERNET, 65535),
    three_enhanced("<", 1000000), section(">"), interface(">", ETHERNET, 65535),
    three_enhanced(">", 1000000))
  write("empty.pcap", "")
  write("text.pcap", "This is no savefile: it is a text, longer than any header.\n")
  write("one-byte.pcap", "\xa1")
end
