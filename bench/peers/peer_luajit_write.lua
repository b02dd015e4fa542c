-- peer_luajit_write.lua - LuaJIT with its FFI walks a mapped file and writes its records,
-- or those of TCP from or to port 443, to another.
--
--     luajit peer_luajit_write.lua copy|filter FILE OUT
--
-- All records are written from the mapping, in pieces of 256 KiB; those that are chosen
-- are gathered first. Packets behind a VLAN tag are not looked at, as in the filter
-- expression "tcp port 443"; extension headers of IPv6 neither: the captures have none.
local ffi = require "ffi"
local bit = require "bit"

ffi.cdef [[
int open(const char *path, int flags, ...);
int close(int fd);
int64_t lseek(int fd, int64_t offset, int whence);
int64_t write(int fd, const void *data, size_t size);
void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset);
]]

local u16p = ffi.typeof "const uint16_t *"
local u32p = ffi.typeof "const uint32_t *"
local bytep = ffi.typeof "const uint8_t *"
local function u16(p, offset) return ffi.cast(u16p, p + offset)[0] end
local function u32(p, offset) return ffi.cast(u32p, p + offset)[0] end

-- As a little-endian machine reads them.
local IPV4, IPV6, HTTPS, TCP = 0x0008, 0xdd86, 0xbb01, 6
local HEADER, RECORD, PIECE = 24, 16, 256 * 1024

local function map(path)
  local PROT_READ, MAP_SHARED, MAP_POPULATE, SEEK_END = 1, 1, 0x8000, 2
  local fd = ffi.C.open(path, 0)
  local size = tonumber(ffi.C.lseek(fd, 0, SEEK_END))
  assert(size > HEADER, "cannot read it")
  local flags = MAP_SHARED + MAP_POPULATE
  return ffi.cast(bytep, ffi.C.mmap(nil, size, PROT_READ, flags, fd, 0)), size
end

local function create(path)
  local O_WRONLY, O_CREAT, O_TRUNC = 1, 64, 512
  local fd = ffi.C.open(path, O_WRONLY + O_CREAT + O_TRUNC, ffi.cast("int", 438))
  assert(fd >= 0, "cannot write it")
  return fd
end

local function write(fd, from, bytes)
  while bytes > 0 do
    local written = tonumber(ffi.C.write(fd, from, bytes))
    assert(written > 0, "cannot write it")
    from, bytes = from + written, bytes - written
  end
end

local function chosen(p, caplen)
  local type = u16(p, 12)
  if type == IPV4 and caplen >= 34 and p[23] == TCP and bit.band(u16(p, 20), 0xff1f) == 0 then
    local at = 14 + bit.band(p[14], 15) * 4
    return caplen >= at + 4 and (u16(p, at) == HTTPS or u16(p, at + 2) == HTTPS)
  end
  return type == IPV6 and caplen >= 58 and p[20] == TCP
    and (u16(p, 54) == HTTPS or u16(p, 56) == HTTPS)
end

local tasks = {}

function tasks.copy(p, size, fd)
  local from, at, last = 0, HEADER, size - RECORD
  while at <= last do
    at = at + RECORD + u32(p, at + 8)
    if at - from >= PIECE then
      write(fd, p + from, at - from)
      from = at
    end
  end
  write(fd, p + from, at - from)
end

function tasks.filter(p, size, fd)
  local piece = ffi.new("uint8_t[?]", 2 * PIECE + RECORD)
  ffi.copy(piece, p, HEADER)
  local used, at, last = HEADER, HEADER, size - RECORD
  while at <= last do
    local bytes = RECORD + u32(p, at + 8)
    if chosen(p + at + RECORD, bytes - RECORD) then
      ffi.copy(piece + used, p + at, bytes)
      used = used + bytes
      if used >= PIECE then
        write(fd, piece, used)
        used = 0
      end
    end
    at = at + bytes
  end
  write(fd, piece, used)
end

local p, size = map(arg[2])
local fd = create(arg[3])
tasks[arg[1]](p, size, fd)
assert(ffi.C.close(fd) == 0)
