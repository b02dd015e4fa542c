-- device_spec.lua: what interfaces there are, lua_device.c.
local pcap = require "pcap"
local test = require "support.spec"

-- The devices by name, or skip.
local function devices()
  local list = assert(pcap.findalldevs())
  local by_name = {}
  for _, device in ipairs(list) do by_name[device.name] = device end
  if not by_name.lo then test.skip "no interface lo that may be used" end
  return by_name, list
end

test("findalldevs lists the loopback with its flags and address", function()
  local lo = devices().lo
  test.equal(lo.loopback, true)
  test.equal(lo.wireless, false)
  test.equal(type(lo.up), "boolean")
  test.equal(type(lo.running), "boolean")
  for _, address in ipairs(lo.addresses) do
    if address.addr == "127.0.0.1" then
      test.equal(address.netmask, "255.0.0.0")
      return
    end
  end
  test.skip "lo has no address 127.0.0.1"
end)

test("findalldevs lists each device once, every one with a name and addresses", function()
  local by_name, list = devices()
  local count = 0
  for _ in pairs(by_name) do count = count + 1 end
  test.equal(count, #list)
  for _, device in ipairs(list) do
    test.equal(type(device.name), "string")
    for _, address in ipairs(device.addresses) do assert(address.addr:find "[.:]") end
  end
end)

test("lookupdev is the first that is up, and neither the loopback nor any", function()
  local _, list = devices()
  for _, device in ipairs(list) do
    if device.up and not device.loopback and device.name ~= "any" then
      test.equal(pcap.lookupdev(), device.name)
      return
    end
  end
  test.fails("ENODEV", pcap.lookupdev())
end)

test("lookupnet gives integers whose first octet is the most significant", function()
  local lo = devices().lo
  if not lo.up then test.skip "lo is down" end
  local net, mask = pcap.lookupnet "lo"
  test.equal(net, 127 << 24)
  test.equal(mask, 255 << 24)
end)

test("compile takes what lookupnet gives", function()
  devices()
  local _, mask = pcap.lookupnet "lo"
  local handle <close> = pcap.open_dead(1, 1000)
  assert(handle:compile("ip broadcast", mask))
end)

test("lookupnet of no interface fails with ENODEV, of one without address otherwise", function()
  test.fails("ENODEV", pcap.lookupnet "no-such-if")
  test.fails("ENODEV", pcap.lookupnet(("x"):rep(300)))
  for name, device in pairs((devices())) do
    local has = false
    for _, address in ipairs(device.addresses) do has = has or address.addr:find(".", 1, true) end
    if not has and device.up and name ~= "any" then
      test.fails("EADDRNOTAVAIL", pcap.lookupnet(name))
    end
  end
  test.raises("string expected", pcap.lookupnet)
end)
