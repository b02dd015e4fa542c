-- savefile.lua: builds classic savefiles, in either byte order.
--
-- A packet is a string, or { bytes, sec =, frac =, caplen =, len = }. Options:
-- order "<" or ">", nano, linktype, snaplen, major, minor.
local temporary = require "support.temporary"

local savefile = {}

function savefile.header(options)
  return string.pack(options.order .. "I4 I2 I2 i4 I4 I4 I4",
    options.nano and 0xa1b23c4d or 0xa1b2c3d4, options.major or 2, options.minor or 4,
    0, 0, options.snaplen or 262144, options.linktype or 1)
end

function savefile.record(packet, order, number)
  if type(packet) == "string" then packet = { packet } end
  local bytes = packet[1]
  return string.pack(order .. "I4 I4 I4 I4", packet.sec or 1000 + number, packet.frac or number,
    packet.caplen or #bytes, packet.len or #bytes) .. bytes
end

-- The bytes of a savefile.
function savefile.bytes(packets, options)
  options = setmetatable({}, { __index = options })
  options.order = options.order or "<"
  local parts = { savefile.header(options) }
  for number, packet in ipairs(packets) do
    parts[#parts + 1] = savefile.record(packet, options.order, number)
  end
  return table.concat(parts)
end

-- The name of a new savefile.
function savefile.write(packets, options)
  return temporary.file(savefile.bytes(packets, options))
end

-- This many packets, each of which says its number; `bytes` long, 4 or more.
function savefile.numbered(count, bytes)
  local packets, rest = {}, ("."):rep((bytes or 4) - 4)
  for number = 1, count do packets[number] = string.pack(">I4", number) .. rest end
  return packets
end

-- The packets of a savefile in this machine's byte order, as { bytes, sec =, ... }.
function savefile.parse(bytes)
  local packets, at = {}, 25
  while at <= #bytes do
    local sec, frac, caplen, len = string.unpack("<I4 I4 I4 I4", bytes, at)
    local data = bytes:sub(at + 16, at + 15 + caplen)
    assert(#data == caplen, "the last record is not whole")
    packets[#packets + 1] = { data, sec = sec, frac = frac, caplen = caplen, len = len }
    at = at + 16 + caplen
  end
  return packets
end

local function ip(protocol, payload)
  return string.pack(">I2 I2 I4 I1 I1 I2", 0x4500, 20 + #payload, 0, 64, protocol, 0) ..
    "\10\0\0\1\10\0\0\2" .. payload
end

local function ethernet(payload)
  return "\2\0\0\0\0\2\2\0\0\0\0\1\8\0" .. payload
end

-- An Ethernet frame with a UDP datagram to this port.
function savefile.udp(port, payload)
  return ethernet(savefile.raw_udp(port, payload))
end

-- The same without the Ethernet header: link type RAW, 12 on Linux.
function savefile.raw_udp(port, payload)
  payload = payload or ""
  return ip(17, string.pack(">I2 I2 I2 I2", 40000, port, 8 + #payload, 0) .. payload)
end

-- An Ethernet frame with a bare TCP segment to this port.
function savefile.tcp(port)
  return ethernet(ip(6, string.pack(">I2 I2 I4 I4 I2 I2 I4", 40000, port, 1, 0, 0x5002, 512, 0)))
end

return savefile
