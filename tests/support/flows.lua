-- flows.lua: packets of UDP over IPv4 with the addresses, ports and lengths that a test
-- wants, for savefile.lua.
local flows = {}

-- src, dst: integers, added to 10.0.0.0; sport, dport: ports; len on the wire, at
-- least 60; sec: when.
function flows.packet(fields)
  local ip = string.pack(">I1I1I2I4I1I1I2I4I4", 0x45, 0, 46, 0, 64, 17, 0,
    0x0a000000 + (fields.src or 0), 0x0a000000 + (fields.dst or 0))
  local udp = string.pack(">I2I2I2I2", fields.sport or 0, fields.dport or 0, 26, 0)
  return {
    "\2\0\0\0\0\1\2\0\0\0\0\2\8\0" .. ip .. udp .. ("."):rep(18),
    len = fields.len or 60, sec = fields.sec or 1700000000, frac = fields.frac or 0,
  }
end

-- One that has none of these.
function flows.arp()
  return { "\2\0\0\0\0\1\2\0\0\0\0\2\8\6" .. ("\0"):rep(46), sec = 1700000000, frac = 0 }
end

-- 10.0.0.0 and so much.
function flows.address(number)
  return ("10.%d.%d.%d"):format(number >> 16 & 255, number >> 8 & 255, number & 255)
end

return flows
