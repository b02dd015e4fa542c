--- check_filters: which filter expressions capengine compiles; as check_filters.c.
---
--- usage   capengine run check_filters.lua < ROWS

local pcap = require "pcap"

for linktype, expression in io.read("a"):gmatch("([^\0]*)\0([^\0]*)\0") do
  local number = pcap.datalink_name_to_val(linktype) or -1
  local handle = assert(pcap.open_dead(number, 262144))
  local bpf, message = handle:compile(expression)
  print(bpf and "accept" or "reject " .. message)
  handle:close()
end
