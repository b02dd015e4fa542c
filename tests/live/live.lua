-- live.lua: what the scripts of the live tests share. Tests and scripts tell each
-- other things by files in the test's scratch folder.
local live = {}

local folder = os.getenv "LIVE_SCRATCH"

-- Tell the test.
function live.tell(name)
  assert(io.open(folder .. "/" .. name, "w")):close()
end

-- Has the test told us?
function live.told(name)
  local file = io.open(folder .. "/" .. name)
  return file ~= nil and file:close()
end

function live.sleep(seconds)
  os.execute("sleep " .. seconds)
end

-- Stand still until the test has told us.
function live.await(name)
  while not live.told(name) do live.sleep(0.02) end
end

-- Stand still until a handle has counted that many packets, for five seconds at
-- most: the kernel holds back what it got last.
function live.await_received(handle, packets)
  for _ = 1, 250 do
    local now = handle:counters()
    if now.received + now.interface_drops >= packets then return end
    live.sleep(0.02)
  end
end

-- Seconds since boot, in hundredths: the clock of send_udp's stamps.
function live.uptime()
  local file <close> = assert(io.open("/proc/uptime"))
  return file:read("n")
end

-- What send_udp wrote into an Ethernet packet.
function live.number(packet) return packet:unpack(">I8", 43) end
function live.sent_at(packet) return packet:unpack(">I8", 51) / 1e9 end
function live.port(packet) return packet:u16(34) end

-- One line "name value" for each counter.
function live.print_counters(handle)
  for name, value in pairs(handle:counters()) do print(name, value) end
  io.stdout:flush()
end

return live
