-- anonymizer_spec.lua: copies of packets with other addresses, lua_anonymizer.c. What
-- becomes of which packet is tests/unit/test_anonymize.c's.
local capengine = require "capengine"
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local KEY = ("k"):rep(32)
local NAME = savefile.write({ savefile.udp(53, "payload") })

-- The first packet of NAME, and its handle.
local function first()
  local handle = assert(pcap.open_offline(NAME))
  return assert(handle:next()), handle
end

test("a copy has other addresses, and the packet what it had", function()
  local packet, _ <close> = first()
  local before = tostring(packet)
  local other = capengine.anonymizer { key = KEY, payload = "keep" }:packet(packet)
  test.equal(tostring(packet), before)
  test.equal(#other, #before)
  test.equal(other:time(), packet:time())
  test.equal(other:sub(43), "payload")
  assert(other:u32(26) ~= packet:u32(26))
end)

test("a copy is owned, has fields, and can be written", function()
  local packet, handle = first()
  local anonymizer = capengine.anonymizer { key = KEY }
  local other = anonymizer:packet(packet)
  handle:close()
  test.equal(capengine.field "ip.src"(other), anonymizer:address "10.0.0.1")
  test.equal(#other, 42) -- the payload is cut
  test.equal(other:wire_len(), 49)
  local name = temporary.name()
  local file <close> = assert(capengine.savefile(name))
  assert(file:write(other))
  assert(file:close())
  local again <close> = assert(pcap.open_offline(name))
  test.equal(tostring(again:next()), tostring(other))
end)

test("a copy can be made of a kept packet", function()
  local packet, handle = first()
  local anonymizer = capengine.anonymizer { key = KEY, payload = "zero" }
  local kept, direct = packet:keep(), tostring(anonymizer:packet(packet))
  handle:close()
  test.equal(tostring(anonymizer:packet(kept)), direct)
  assert(tostring(kept) ~= direct)
end)

test("MAC addresses change when that is asked for", function()
  local packet, _ <close> = first()
  local without = capengine.anonymizer { key = KEY }:packet(packet)
  local with = capengine.anonymizer { key = KEY, mac = true }:packet(packet)
  test.equal(without:sub(1, 14), packet:sub(1, 14))
  assert(with:sub(1, 6) ~= packet:sub(1, 6) and with:sub(7, 12) ~= packet:sub(7, 12))
end)

test("an address becomes the same with the same key, and another with another", function()
  local function becomes(key, address)
    return capengine.anonymizer { key = key }:address(address)
  end
  for _, address in ipairs { "10.0.0.1", "2001:db8::1" } do
    test.equal(becomes(KEY, address), becomes(KEY, address))
    assert(becomes(KEY, address) ~= becomes(("l"):rep(32), address))
  end
end)

test("misuse raises", function()
  local anonymizer = capengine.anonymizer { key = KEY }
  test.raises("32 bytes", capengine.anonymizer, {})
  test.raises("32 bytes", capengine.anonymizer, { key = "short" })
  test.raises("keep, cut or zero", capengine.anonymizer, { key = KEY, payload = "all" })
  test.raises("keep, cut or zero", capengine.anonymizer, { key = KEY, payload = {} })
  test.raises("no option keys", capengine.anonymizer, { key = KEY, keys = 1 })
  test.raises("table", capengine.anonymizer)
  test.raises("no address", anonymizer.address, anonymizer, "10.0.0")
  test.raises("packet", anonymizer.packet, anonymizer, "bytes")
  local packet, handle = first()
  handle:close()
  test.raises("after its batch", anonymizer.packet, anonymizer, packet)
end)
