-- peer_dnsjit.lua - dnsjit: its reader over mmap, its decoder of layers, LuaJIT.
--
--     dnsjit peer_dnsjit.lua count|match|sources|flows FILE
--
-- A layer's addresses become strings, as keys of tables: LuaJIT has no other.
local ffi = require "ffi"
local bit = require "bit"
local object = require "dnsjit.core.objects"

local task, path = arg[2], arg[3]
local input = require("dnsjit.input.mmpcap").new()
assert(input:open(path) == 0)

-- Call do_packet(packet, layers) for each; layers is a table by type, or nil.
local function produce(from)
  local producer, context = from:produce()
  return function()
    local packet = producer(context)
    if packet ~= nil then return packet end
  end
end

local function decoded()
  local layer = require("dnsjit.filter.layer").new()
  layer:producer(input)
  return produce(layer)
end

-- From the innermost layer down to the frame: the frame, the IP packet with its
-- version, and what TCP or UDP it carries.
local function layers_of(at)
  local ip, version, transport, proto
  while at ~= nil and at.obj_type ~= object.PCAP do
    local type = at.obj_type
    if type == object.IP then
      ip, version = ffi.cast("core_object_ip_t *", at), 4
    elseif type == object.IP6 then
      ip, version = ffi.cast("core_object_ip6_t *", at), 6
    elseif type == object.TCP then
      transport, proto = ffi.cast("core_object_tcp_t *", at), 6
    elseif type == object.UDP then
      transport, proto = ffi.cast("core_object_udp_t *", at), 17
    end
    at = at.obj_prev
  end
  return ffi.cast("core_object_pcap_t *", at), ip, version, transport, proto
end

local function width(version) return version == 4 and 4 or 16 end

ffi.cdef "const char *inet_ntop(int family, const void *from, char *to, uint32_t size);"
local text = ffi.new "char[64]"
local function address(raw)
  return ffi.string(ffi.C.inet_ntop(#raw == 4 and 2 or 10, raw, text, 64))
end

local function print_top(sums, to_text)
  local keys = {}
  for key in pairs(sums) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return sums[a] > sums[b] end)
  for i = 1, math.min(10, #keys) do print(("%s\t%d"):format(to_text(keys[i]), sums[keys[i]])) end
end

local tasks = {}

function tasks.count()
  local packets, bytes = 0, 0
  for packet in produce(input) do
    packets = packets + 1
    bytes = bytes + ffi.cast("core_object_pcap_t *", packet).len
  end
  print(("%d %d"):format(packets, bytes))
end

function tasks.match()
  local n = 0
  for packet in decoded() do
    local _, _, _, tcp, proto = layers_of(packet)
    if proto == 6 and (tcp.dport == 443 or bit.band(tcp.flags, 2) ~= 0) then n = n + 1 end
  end
  print(n)
end

function tasks.sources()
  local sums = {}
  for packet in decoded() do
    local frame, ip, version = layers_of(packet)
    if ip then
      local src = ffi.string(ip.src, width(version))
      sums[src] = (sums[src] or 0) + frame.len
    end
  end
  print_top(sums, address)
end

local function flow_text(key)
  local size = (#key - 5) / 2
  local a, b, c, d, proto = key:byte(2 * size + 1, 2 * size + 5)
  return ("%s\t%s\t%d\t%d\t%d"):format(address(key:sub(1, size)),
    address(key:sub(size + 1, 2 * size)), a * 256 + b, c * 256 + d, proto)
end

function tasks.flows()
  local sums, count, key = {}, 0, ffi.new "uint8_t[37]"
  for packet in decoded() do
    local frame, ip, version, transport, proto = layers_of(packet)
    if transport then
      local size = width(version)
      ffi.copy(key, ip.src, size)
      ffi.copy(key + size, ip.dst, size)
      local at, sport, dport = key + 2 * size, transport.sport, transport.dport
      at[0], at[1], at[2], at[3], at[4] =
        bit.rshift(sport, 8), sport, bit.rshift(dport, 8), dport, proto
      local flow = ffi.string(key, 2 * size + 5)
      local sum = sums[flow]
      if not sum then sum, count = 0, count + 1 end
      sums[flow] = sum + frame.len
    end
  end
  print(count .. " flows")
  print_top(sums, flow_text)
end

tasks[task]()
