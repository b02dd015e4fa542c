-- peer_tap.lua - a tap for tshark: the tasks in Wireshark's Lua; peer_tshark runs it.
-- luacheck: globals Field Listener
local task = ...

local frame_len = Field.new "frame.len"
local ip_src, ipv6_src = Field.new "ip.src", Field.new "ipv6.src"
local ip_dst, ipv6_dst = Field.new "ip.dst", Field.new "ipv6.dst"
local tcp_srcport, tcp_dstport = Field.new "tcp.srcport", Field.new "tcp.dstport"
local udp_srcport, udp_dstport = Field.new "udp.srcport", Field.new "udp.dstport"
local syn = Field.new "tcp.flags.syn"

local packets, bytes, sums, keys = 0, 0, {}, 0

-- A field call gives all its values; the first is the outermost.
local function address(four, six)
  local value = four() or six()
  return value and tostring(value)
end

local function add(key)
  if not sums[key] then sums[key], keys = 0, keys + 1 end
  sums[key] = sums[key] + frame_len().value
end

local tasks = {}

function tasks.count()
  packets = packets + 1
  bytes = bytes + frame_len().value
end

function tasks.match()
  local port, flag = tcp_dstport(), syn()
  if port and (port.value == 443 or flag.value) then packets = packets + 1 end
end

function tasks.sources()
  local src = address(ip_src, ipv6_src)
  if src then add(src) end
end

function tasks.flows()
  local srcport, dstport, proto = tcp_srcport(), tcp_dstport(), 6
  if not srcport then srcport, dstport, proto = udp_srcport(), udp_dstport(), 17 end
  if not srcport then return end
  add(table.concat({ address(ip_src, ipv6_src), address(ip_dst, ipv6_dst),
    srcport.value, dstport.value, proto }, "\t"))
end

local function print_top()
  local order = {}
  for key in pairs(sums) do order[#order + 1] = key end
  table.sort(order, function(a, b) return sums[a] > sums[b] end)
  for i = 1, math.min(10, #order) do print(order[i] .. "\t" .. sums[order[i]]) end
end

local tap = Listener.new "frame"
tap.packet = tasks[task]

function tap.draw()
  if task == "count" then
    print(packets .. " " .. bytes)
  elseif task == "match" then
    print(packets)
  else
    if task == "flows" then print(keys .. " flows") end
    print_top()
  end
end
