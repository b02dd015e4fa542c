--- mutate_packets: packets with some bytes changed and their ends cut off.
---
--- usage   capengine run mutate_packets.lua -- SEED COUNT FROM TO
---
--- Writes COUNT packets to the savefile TO: those of the savefile FROM, over and over,
--- each with up to three bytes of its first 100 changed, and every fourth one cut. One
--- seed always gives the same. Wireshark takes longest for long packets, so of those
--- the first 400 bytes are used.

local pcap = require "pcap"
local seed, count, from, to = math.tointeger(arg[1]), math.tointeger(arg[2]), arg[3], arg[4]

local MOST_BYTES, CHANGED = 400, 100

math.randomseed(seed)

-- A byte that a parser may trip over is likelier than another.
local ODD = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x11, 0x29, 0x2c, 0x3c, 0x40, 0x45, 0x46, 0x4f,
  0x60, 0x65, 0x80, 0x81, 0x83, 0x84, 0x86, 0x88, 0x89, 0xaa, 0xff }
local function odd_byte()
  return math.random(3) > 1 and ODD[math.random(#ODD)] or math.random(0, 255)
end

local function mutate(bytes)
  for _ = 1, math.random(0, 3) do
    local at = math.random(math.min(#bytes, CHANGED))
    bytes = bytes:sub(1, at - 1) .. string.char(odd_byte()) .. bytes:sub(at + 1)
  end
  return bytes
end

local packets = {}
local source <close> = assert(pcap.open_offline(from))
for packet in source:packets() do
  if #packet > 0 then packets[#packets + 1] = packet:sub(1, MOST_BYTES) end
end

local linktype = source:datalink()
if linktype == 12 then linktype = 101 end -- what files call raw IP
local file <close> = assert(io.open(to, "wb"))
file:write(string.pack("<I4 I2 I2 i4 I4 I4 I4", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype))
for number = 1, #packets > 0 and count or 0 do
  local bytes = mutate(packets[(number - 1) % #packets + 1])
  local len = #bytes
  if math.random(4) == 1 then bytes = bytes:sub(1, math.random(0, #bytes)) end
  file:write(string.pack("<I4 I4 I4 I4", 1700000000 + number, 0, #bytes, len), bytes)
end
