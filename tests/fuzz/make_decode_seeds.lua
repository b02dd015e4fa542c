--- make_decode_seeds: seeds for fuzz_decode, from savefiles.
---
--- usage   capengine run make_decode_seeds.lua -- FOLDER SAVEFILE ...
---
--- Writes FOLDER/LINKTYPE-NUMBER, with some of each savefile's packets in the form that
--- fuzz_decode.c reads. What make_odd_packets.lua in tests/differential makes, is best.

local pcap = require "pcap"

local EACH, MOST, LINKTYPES = 60, 4, { 0, 1, 12, 108, 113, 228, 229, 276 }
local place = {}
for i, linktype in ipairs(LINKTYPES) do place[linktype] = i - 1 end

for i = 2, #arg do
  local handle <close> = assert(pcap.open_offline(arg[i]))
  local linktype, packets = handle:datalink(), {}
  for packet in handle:packets() do
    if #packet < 256 then packets[#packets + 1] = tostring(packet) end
  end
  local step = math.max(1, #packets // (EACH * MOST))
  for number = 1, MOST do
    local seed = { string.char(place[linktype]) }
    for at = number, #packets, step * MOST do
      seed[#seed + 1] = string.pack("B B", #packets[at], 0) .. packets[at]
    end
    local file <close> = assert(io.open(("%s/%d-%d"):format(arg[1], linktype, number), "wb"))
    file:write(table.concat(seed))
  end
end
