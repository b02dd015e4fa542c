-- peer_luajit.lua - LuaJIT with its FFI, written for its tracing compiler: structures
-- of C, no table and no string for a packet, no loop inside the loop over packets.
--
--     luajit peer_luajit.lua mmap|pcap count|match|sources|flows|loop|callback|callback_match FILE
--
-- mmap walks a mapped file; pcap calls pcap_next_ex. Two VLAN tags at most, and no
-- extension headers of IPv6: the captures have none.
local ffi = require "ffi"
local bit = require "bit"
local band, bor, bxor, rshift, bswap = bit.band, bit.bor, bit.bxor, bit.rshift, bit.bswap

ffi.cdef [[
int open(const char *path, int flags, ...);
int64_t lseek(int fd, int64_t offset, int whence);
void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset);
void *calloc(size_t count, size_t size);
void free(void *memory);
const char *inet_ntop(int family, const void *from, char *to, uint32_t size);

struct pcap_pkthdr { long sec, usec; uint32_t caplen, len; };
typedef struct pcap pcap_t;
pcap_t *pcap_open_offline(const char *path, char *message);
int pcap_next_ex(pcap_t *pcap, struct pcap_pkthdr **header, const uint8_t **data);

struct source4 { uint32_t src, unused; double bytes; };
struct source6 { uint64_t src, src_low; double bytes; };
struct flow4 { uint64_t pair; uint32_t ports, proto; double bytes; };
struct flow6 { uint64_t src, src_low, dst, dst_low; uint32_t ports, proto; double bytes; };
]]

local u16p = ffi.typeof "const uint16_t *"
local u32p = ffi.typeof "const uint32_t *"
local u64p = ffi.typeof "const uint64_t *"
local bytep = ffi.typeof "const uint8_t *"
local function u16(p, offset) return ffi.cast(u16p, p + offset)[0] end
local function u32(p, offset) return ffi.cast(u32p, p + offset)[0] end
local function u64(p, offset) return ffi.cast(u64p, p + offset)[0] end

-- As a little-endian machine reads them.
local IPV4, IPV6, VLAN, QINQ, HTTPS = 0x0008, 0xdd86, 0x0081, 0xa888, 0xbb01
local TCP, UDP, SYN = 6, 17, 2

-- The outermost IP packet: where it begins, and its version; or 0, 0.
local function find_ip(p, caplen)
  if caplen < 34 then return 0, 0 end
  local type, at = u16(p, 12), 14
  if type == VLAN or type == QINQ then
    type, at = u16(p, 16), 18
    if type == VLAN or type == QINQ then type, at = u16(p, 20), 22 end
  end
  if type == IPV4 and caplen >= at + 20 then return at, 4 end
  if type == IPV6 and caplen >= at + 40 then return at, 6 end
  return 0, 0
end

-- Its protocol, and where that begins: at the end in a later fragment.
local function find_transport(p, caplen, at, version)
  if version == 6 then return p[at + 6], at + 40 end
  if band(u16(p, at + 6), 0xff1f) ~= 0 then return p[at + 9], caplen end
  return p[at + 9], at + band(p[at], 15) * 4
end

-- 1 for 0, and 0 for what is positive: no branch, and so no trace of its own.
local function is_zero(x) return rshift(x - 1, 31) end

-- Hash tables: open addressing, linear probing, at most half full; bytes is 0 in an
-- empty slot. The first probe stands where it is called, so that a trace has no loop.
local ONE, TWO = 0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL

local function open_table(name, hash_of, same)
  local pointer = ffi.typeof("struct " .. name .. " *")
  local element = ffi.sizeof("struct " .. name)
  local self = { count = 0, shift = 48, hash_of = hash_of, same = same }
  function self.allocate()
    self.size = 2 ^ (64 - self.shift)
    self.mask = self.size - 1
    self.slots = ffi.cast(pointer, ffi.C.calloc(self.size, element))
    assert(self.slots ~= nil, "out of memory")
  end
  self.allocate()
  return self
end

local function first_slot(self, hash)
  return self.slots + rshift(hash, self.shift)
end

-- The slot of the key, or the empty one where it belongs; some probes on.
local function find_slot(self, key)
  local i = tonumber(rshift(self.hash_of(key), self.shift))
  while self.slots[i].bytes ~= 0 and not self.same(self.slots[i], key) do
    i = band(i + 1, self.mask)
  end
  return self.slots + i
end

local function grow(self)
  local old, size = self.slots, self.size
  self.shift = self.shift - 1
  self.allocate()
  for i = 0, size - 1 do
    if old[i].bytes ~= 0 then find_slot(self, old[i])[0] = old[i] end
  end
  ffi.C.free(old)
end

-- Add to a key that is not in the slot of its hash.
local function add_slowly(self, key, bytes)
  local slot = find_slot(self, key)
  local sum = slot.bytes + bytes
  local new = slot.bytes == 0
  slot[0] = key
  slot.bytes = sum
  if new then
    self.count = self.count + 1
    if self.count * 2 > self.size then grow(self) end
  end
end

local function hash_source4(key) return (key.src + 0ULL) * ONE end
local function hash_source6(key) return (key.src * TWO + key.src_low) * ONE end
local function hash_flow4(key) return (key.pair * TWO + key.ports) * ONE end
local function hash_flow6(key)
  return ((((key.src * TWO + key.src_low) * TWO + key.dst) * TWO + key.dst_low) * TWO
    + key.ports) * ONE
end
local function same_source4(a, b) return a.src == b.src end
local function same_source6(a, b) return a.src == b.src and a.src_low == b.src_low end
local function same_flow4(a, b)
  return a.pair == b.pair and a.ports == b.ports and a.proto == b.proto
end
local function same_flow6(a, b)
  return a.src == b.src and a.src_low == b.src_low and a.dst == b.dst
    and a.dst_low == b.dst_low and a.ports == b.ports and a.proto == b.proto
end

local text = ffi.new "char[64]"
local function address(family, from)
  return ffi.string(ffi.C.inet_ntop(family, from, text, 64))
end
local AF_INET, AF_INET6 = 2, 10

local function source4_text(slot) return address(AF_INET, ffi.cast(bytep, slot)) end
local function source6_text(slot) return address(AF_INET6, ffi.cast(bytep, slot)) end
local function flow_text(family, width)
  return function(slot)
    local p = ffi.cast(bytep, slot)
    return ("%s\t%s\t%d\t%d\t%d"):format(address(family, p), address(family, p + width),
      rshift(bswap(slot.ports), 16), band(bswap(slot.ports), 0xffff), slot.proto)
  end
end

-- The ten largest of the tables: { table, the text of a slot }, ...
local function print_top(tables)
  local top = {}
  for _, entry in ipairs(tables) do
    local self, to_text = entry[1], entry[2]
    for i = 0, self.size - 1 do
      local bytes = self.slots[i].bytes
      if bytes ~= 0 and (#top < 10 or bytes > top[10].bytes) then
        top[math.min(#top + 1, 10)] = { bytes = bytes, text = to_text(self.slots[i]) }
        table.sort(top, function(a, b) return a.bytes > b.bytes end)
      end
    end
  end
  for _, row in ipairs(top) do print(("%s\t%.0f"):format(row.text, row.bytes)) end
end

-- Each task is what to do with a packet, and what to print in the end.
local tasks = {}

function tasks.count()
  local packets, bytes = 0, 0
  return function(_, _, len)
    packets = packets + 1
    bytes = bytes + len
  end, function() print(("%.0f %.0f"):format(packets, bytes)) end
end

function tasks.loop()
  local n = 0
  return function() n = n + 1 end, function() print(n) end
end

tasks.callback = tasks.loop

function tasks.match()
  local n = 0
  return function(p, caplen)
    local at, version = find_ip(p, caplen)
    if version == 0 then return end
    local proto, transport = find_transport(p, caplen, at, version)
    if transport + 14 > caplen then return end
    local https = is_zero(bxor(u16(p, transport + 2), HTTPS))
    local syn = rshift(band(p[transport + 13], SYN), 1)
    n = n + band(is_zero(bxor(proto, TCP)), bor(https, syn))
  end, function() print(n) end
end
tasks.callback_match = tasks.match

function tasks.sources()
  local four = open_table("source4", hash_source4, same_source4)
  local six = open_table("source6", hash_source6, same_source6)
  local key4, key6 = ffi.new "struct source4", ffi.new "struct source6"
  return function(p, caplen, len)
    local at, version = find_ip(p, caplen)
    if version == 4 then
      local src = u32(p, at + 12)
      local slot = first_slot(four, (src + 0ULL) * ONE)
      if slot.src == src and slot.bytes ~= 0 then
        slot.bytes = slot.bytes + len
      else
        key4.src = src
        add_slowly(four, key4, len)
      end
    elseif version == 6 then
      local src, src_low = u64(p, at + 8), u64(p, at + 16)
      local slot = first_slot(six, (src * TWO + src_low) * ONE)
      if slot.src == src and slot.src_low == src_low and slot.bytes ~= 0 then
        slot.bytes = slot.bytes + len
      else
        key6.src, key6.src_low = src, src_low
        add_slowly(six, key6, len)
      end
    end
  end, function() print_top { { four, source4_text }, { six, source6_text } } end
end

function tasks.flows()
  local four = open_table("flow4", hash_flow4, same_flow4)
  local six = open_table("flow6", hash_flow6, same_flow6)
  local key4, key6 = ffi.new "struct flow4", ffi.new "struct flow6"
  return function(p, caplen, len)
    local at, version = find_ip(p, caplen)
    if version == 0 then return end
    local proto, transport = find_transport(p, caplen, at, version)
    if (proto ~= TCP and proto ~= UDP) or transport + 4 > caplen then return end
    local ports = u32(p, transport)
    if version == 4 then
      local pair = u64(p, at + 12)
      local slot = first_slot(four, (pair * TWO + ports) * ONE)
      if slot.pair == pair and slot.ports == ports and slot.proto == proto then
        slot.bytes = slot.bytes + len
      else
        key4.pair, key4.ports, key4.proto = pair, ports, proto
        add_slowly(four, key4, len)
      end
    else
      local src, src_low = u64(p, at + 8), u64(p, at + 16)
      local dst, dst_low = u64(p, at + 24), u64(p, at + 32)
      local slot = first_slot(six,
        ((((src * TWO + src_low) * TWO + dst) * TWO + dst_low) * TWO + ports) * ONE)
      if slot.dst_low == dst_low and slot.ports == ports and slot.src_low == src_low
        and slot.dst == dst and slot.src == src and slot.proto == proto then
        slot.bytes = slot.bytes + len
      else
        key6.src, key6.src_low, key6.dst, key6.dst_low = src, src_low, dst, dst_low
        key6.ports, key6.proto = ports, proto
        add_slowly(six, key6, len)
      end
    end
  end, function()
    print(four.count + six.count .. " flows")
    print_top { { four, flow_text(AF_INET, 4) }, { six, flow_text(AF_INET6, 16) } }
  end
end

local readers = {}

function readers.mmap(path, on_packet)
  local PROT_READ, MAP_SHARED, MAP_POPULATE, SEEK_END = 1, 1, 0x8000, 2
  local fd = ffi.C.open(path, 0)
  local size = ffi.C.lseek(fd, 0, SEEK_END)
  assert(size > 24, "cannot read it")
  local map = ffi.C.mmap(nil, size, PROT_READ, MAP_SHARED + MAP_POPULATE, fd, 0)
  local p = ffi.cast(bytep, map)
  local stop = p + size - 16
  p = p + 24
  while p <= stop do
    local caplen = u32(p, 8)
    on_packet(p + 16, caplen, u32(p, 12))
    p = p + 16 + caplen
  end
end

function readers.pcap(path, on_packet)
  local lib = ffi.load "libpcap.so.0.8"
  local pcap = lib.pcap_open_offline(path, ffi.new "char[256]")
  assert(pcap ~= nil, "cannot read it")
  local header, data = ffi.new "struct pcap_pkthdr *[1]", ffi.new "const uint8_t *[1]"
  while lib.pcap_next_ex(pcap, header, data) == 1 do
    on_packet(data[0], header[0].caplen, header[0].len)
  end
end

local reader, task, path = arg[1], arg[2], arg[3]
local on_packet, finish = tasks[task]()
readers[reader](path, on_packet)
finish()
