-- make.lua: writes the captures that golden cases have of their own. Run in tests/:
--
--   capengine run golden/make.lua -- FOLDER     makes FOLDER/SCRIPT/CASE.pcap
--
-- The folders are there already. The files are the same, byte for byte, every time.
local savefile = require "support.savefile"

local folder = assert(arg[1], "usage: make.lua FOLDER")

-- name: "SCRIPT/CASE"; packets and options as savefile.bytes takes them.
local function write(name, packets, options)
  local file = assert(io.open(("%s/%s.pcap"):format(folder, name), "wb"))
  assert(file:write(savefile.bytes(packets, options)))
  assert(file:close())
end

-- A bare IPv4 or IPv6 header with this source address, and room behind it.
local function ipv4(a, b, c, d)
  return "\x45\0\0\x18\0\0\0\0\x40\x11\0\0" .. string.char(a, b, c, d) .. "\10\0\0\99" .. "data"
end

local function ipv6(...)
  return "\x60\0\0\0\0\4\x11\x40" .. string.pack(">I2I2I2I2I2I2I2I2", ...) ..
    string.pack(">I2I2I2I2I2I2I2I2", 0xfe80, 0, 0, 0, 0, 0, 0, 0x99) .. "data"
end

local function ethernet(ethertype, payload)
  return "\2\0\0\0\0\2\2\0\0\0\0\1" .. string.pack(">I2", ethertype) .. payload
end

local function tag(vlan, ethertype, payload)
  return string.pack(">I2 I2", vlan, ethertype) .. payload
end

-- What Linux puts before a packet of the interface `any`, in both versions.
local function cooked(protocol, payload)
  return string.pack(">I2 I2 I2", 0, 1, 6) .. "\2\0\0\0\0\1\0\0" ..
    string.pack(">I2", protocol) .. payload
end

local function cooked2(protocol, payload)
  return string.pack(">I2 I2 I4 I2 B B", protocol, 0, 2, 1, 0, 6) .. "\2\0\0\0\0\1\0\0" .. payload
end

-- talkers: link types, under the numbers that savefiles have for them

write("talkers/empty", {})
write("talkers/unknown", { "mine", "mine", "mine" }, { linktype = 147 })
write("talkers/cooked", {
  cooked(0x0800, ipv4(10, 0, 0, 1)),
  cooked(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
  cooked(0x8100, tag(30, 0x0800, ipv4(10, 0, 0, 2))),
  cooked(0x0806, "ARP"),
}, { linktype = 113 })
write("talkers/cooked2", {
  cooked2(0x0800, ipv4(10, 0, 0, 1)),
  cooked2(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
  cooked2(0x8100, tag(30, 0x0800, ipv4(10, 0, 0, 2))),
  cooked2(0x0806, "ARP"),
}, { linktype = 276 })
write("talkers/raw", {
  ipv4(10, 0, 0, 1), ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), "\x55neither",
}, { linktype = 101 })
write("talkers/raw4", { ipv4(10, 0, 0, 1) }, { linktype = 228 })
write("talkers/raw6", { ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1) }, { linktype = 229 })
write("talkers/null", {
  "\2\0\0\0" .. ipv4(10, 0, 0, 1), "\0\0\0\2" .. ipv4(10, 0, 0, 1),
  "\x1e\0\0\0" .. ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
  "\7\0\0\0\x45not of IP, though it looks so, and long enough", "\2\0",
}, { linktype = 0 })
write("talkers/loop", {
  "\0\0\0\2" .. ipv4(10, 0, 0, 1),
  "\0\0\0\x18" .. ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
}, { linktype = 108 })

-- talkers: tags, cut packets, and equals in their order

write("talkers/tags", {
  ethernet(0x8100, tag(1, 0x0800, ipv4(10, 0, 0, 1))),
  ethernet(0x88a8, tag(2, 0x8100, tag(3, 0x0800, ipv4(10, 0, 0, 2)))),
  ethernet(0x8100, tag(1, 0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
  ethernet(0x8100, ("\x81\0"):rep(40)),
})
write("talkers/cut", {
  "", "\2\0\0\0", ethernet(0x0800, ""),
  ethernet(0x0800, ipv4(10, 0, 0, 1):sub(1, 19)),
  { ethernet(0x0800, ipv4(10, 0, 0, 1):sub(1, 20)), len = 1500 },
  ethernet(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1):sub(1, 39)),
  { ethernet(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1):sub(1, 40)), len = 1500 },
  ethernet(0x0806, "ARP"),
})
write("talkers/equals", {
  ethernet(0x0800, ipv4(200, 0, 0, 1)),
  ethernet(0x0800, ipv4(10, 0, 0, 10)),
  ethernet(0x0800, ipv4(10, 0, 0, 9)),
  { ethernet(0x86dd, ipv6(0, 0, 0, 0, 0, 0, 0, 1)), len = 38 },
  { ethernet(0x86dd, ipv6(0, 0, 0, 0, 0, 0, 0, 0)), len = 38 },
  { ethernet(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 0)), len = 38 },
  { ethernet(0x86dd, ipv6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1)), len = 38 },
  { ethernet(0x86dd, ipv6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1)), len = 38 },
  { ethernet(0x86dd, ipv6(0x2001, 0xdb8, 1, 2, 3, 4, 5, 0xffff)), len = 38 },
  { ethernet(0x86dd, ipv6(0xfe80, 0, 0, 0, 0, 0, 0, 0)), len = 38 },
})

-- rates: silences, stamps that go back, one that is absurd

local function at(sec, frac, len)
  return { "data", sec = sec, frac = frac, len = len }
end

write("rates/empty", {})
write("rates/one", { at(1700000000, 999999, 125) })
write("rates/quiet", {
  at(1700000000, 500000, 100), at(1700000000, 999999, 25),
  at(1700000001, 0, 1000),
  at(1700000004, 0, 60), -- two quiet seconds
  at(1700000065, 0, 60), -- sixty
  at(1700000127, 0, 60), -- sixty-one
})
write("rates/backwards", {
  at(1700000010, 0, 100), at(1700000011, 0, 100), at(1700000009, 0, 1000), at(1700000012, 0, 1),
})
write("rates/absurd", {
  at(1700000010, 0, 100), at(4000000000, 0, 1000), at(1700000011, 0, 10), at(1700000012, 0, 1),
})
