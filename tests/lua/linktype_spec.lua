-- linktype_spec.lua: libpcap's tables of names, lua_linktype.c.
local pcap = require "pcap"
local test = require "support.spec"

test("link types have names and descriptions, and names are found in either case", function()
  test.equal(pcap.datalink_val_to_name(1), "EN10MB")
  test.equal(pcap.datalink_val_to_description(1), "Ethernet")
  test.equal(pcap.datalink_name_to_val "EN10MB", 1)
  test.equal(pcap.datalink_name_to_val "en10mb", 1)
  test.equal(pcap.datalink_name_to_val "LINUX_SLL2", 276)
end)

test("every name that a link type has leads back to it", function()
  local count = 0
  for linktype = 0, 400 do
    local name = pcap.datalink_val_to_name(linktype)
    if name then
      test.equal(pcap.datalink_name_to_val(name), linktype)
      assert(pcap.datalink_val_to_description(linktype))
      count = count + 1
    end
  end
  assert(count > 100, count)
end)

test("numbers and names that there are not give nil", function()
  for _, number in ipairs { -1, 100000, math.maxinteger, math.mininteger, (1 << 32) + 1 } do
    test.equal(pcap.datalink_val_to_name(number), nil)
    test.equal(pcap.datalink_val_to_description(number), nil)
    test.equal(pcap.tstamp_type_val_to_name(number), nil)
    test.equal(pcap.tstamp_type_val_to_description(number), nil)
  end
  test.equal(pcap.datalink_name_to_val "no such", nil)
  test.equal(pcap.datalink_name_to_val "", nil)
  test.equal(pcap.tstamp_type_name_to_val "sundial", nil)
end)

test("time stamp types have names that lead back to them", function()
  test.equal(pcap.tstamp_type_val_to_name(0), "host")
  for number = 0, 5 do
    local name = pcap.tstamp_type_val_to_name(number)
    test.equal(pcap.tstamp_type_name_to_val(name), number)
    assert(pcap.tstamp_type_val_to_description(number))
  end
end)

test("a wrong argument raises", function()
  test.raises("number expected", pcap.datalink_val_to_name, "EN10MB")
  test.raises("string expected", pcap.datalink_name_to_val, {})
  test.raises("no integer", pcap.datalink_val_to_name, 1.5)
end)

test("lib_version says libpcap and its version", function()
  assert(pcap.lib_version():find "^libpcap version %d")
end)
