--- mutate: savefiles that nobody would write, made of some that somebody did.
---
--- usage   capengine run mutate.lua -- FOLDER COUNT SEED LIST
---
--- LIST is a file of NUL-terminated paths. Writes FOLDER/I.NAME, for I up to COUNT,
--- most with one of the changes below, some with up to four. The same files for the same seed.

local folder, count, seed, list = ...
local MOST_BYTES = 60000 -- of a savefile that is changed

local random = math.random

-- Where a reader's decisions turn.
local turns = {
  0, 1, 2, 3, 4, 8, 11, 12, 15, 16, 17, 20, 24, 28, 32, 47, 48, 63, 64, 65, 255, 256,
  65535, 65536, 262143, 262144, 262145, 1048576, 16777216, 16777217, 134217728, 134217729,
  0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xfffffffe, 0xffffffff,
}
local magics = {
  0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0xa1e2cb12, 0x0a0d0d0a, 0x1a2b3c4d, 0x00088b1f,
  0x184d2204, 0xfd2fb528,
}
local blocks = { 0x0a0d0d0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xbad, 0x40000bad, 0x80000001 }

local function pick(values)
  return values[random(#values)]
end

--- The bytes with others in place of those at an offset from 0.
local function put(bytes, offset, new)
  return bytes:sub(1, offset) .. new .. bytes:sub(offset + #new + 1)
end

local function order()
  return random(2) == 1 and "<" or ">"
end

--- The offset of some 32 bits, mostly near the beginning.
local function word_offset(bytes)
  local words = #bytes // 4
  if words == 0 then
    return 0
  end
  return 4 * random(0, random(3) == 1 and words - 1 or math.min(words - 1, 40))
end

local function is_classic(bytes)
  local magic = #bytes >= 24 and ("<I4"):unpack(bytes) or 0
  if magic == 0xa1b2c3d4 or magic == 0xa1b23c4d then
    return "<", ">"
  elseif magic == 0xd4c3b2a1 or magic == 0x4d3cb2a1 then
    return ">", "<"
  end
end

--- The offsets of the records of a classic savefile, as far as they make sense.
local function records(bytes)
  local from, at, offsets = is_classic(bytes), 24, {}
  while from and at + 16 <= #bytes do
    offsets[#offsets + 1] = at
    at = at + 16 + (from .. "I4"):unpack(bytes, at + 9)
  end
  return offsets
end

-- Changes: each gives new bytes.
local changes = {}

function changes.bit(bytes)
  local offset = random(0, #bytes - 1)
  return put(bytes, offset, string.char(bytes:byte(offset + 1) ~ 1 << random(0, 7)))
end

function changes.byte(bytes)
  return put(bytes, random(0, math.min(#bytes - 1, 200)), string.char(random(0, 255)))
end

function changes.turn(bytes)
  return put(bytes, word_offset(bytes), (order() .. "I4"):pack(pick(turns)))
end

function changes.half(bytes)
  return put(bytes, word_offset(bytes) + 2 * random(0, 1),
    (order() .. "I2"):pack(pick(turns) & 0xffff))
end

--- A number a little larger or smaller than it was.
function changes.step(bytes)
  local format, offset = order() .. "I4", word_offset(bytes)
  if offset + 4 > #bytes then
    return bytes
  end
  local value = format:unpack(bytes, offset + 1) + random(-5, 5)
  return put(bytes, offset, format:pack(value & 0xffffffff))
end

function changes.cut(bytes)
  return bytes:sub(1, random(0, #bytes))
end

--- Bytes taken out, or there twice.
function changes.span(bytes)
  local offset = random(2) == 1 and word_offset(bytes) or random(0, #bytes)
  local length = pick({ 1, 2, 3, 4, 8, 12, 16, 32, random(0, 300) })
  if random(2) == 1 then
    return bytes:sub(1, offset) .. bytes:sub(offset + length + 1)
  end
  return bytes:sub(1, offset + length) .. bytes:sub(offset + 1)
end

function changes.magic(bytes)
  return put(bytes, 0, (order() .. "I4"):pack(pick(magics)))
end

function changes.block(bytes)
  return put(bytes, word_offset(bytes), (order() .. "I4"):pack(pick(blocks)))
end

--- Another link type, in the header's place for it.
function changes.linktype(bytes)
  local from = is_classic(bytes)
  local linktype = random(6) == 1 and pick(turns) or random(0, 300)
  if from then
    return put(bytes, 20, (from .. "I4"):pack(linktype))
  end
  return put(bytes, pick({ 36, 40, 44 }), (order() .. "I2"):pack(linktype & 0xffff))
end

function changes.version(bytes)
  local from = is_classic(bytes) or order()
  return put(bytes, is_classic(bytes) and 4 or 12,
    (from .. "I2I2"):pack(pick({ 0, 1, 2, 2, 2, 3, 543 }), random(0, 6)))
end

function changes.snaplen(bytes)
  local from = is_classic(bytes)
  if not from then
    return changes.turn(bytes)
  end
  return put(bytes, 16, (from .. "I4"):pack(random(2) == 1 and pick(turns) or random(0, 2000)))
end

--- One of the four numbers of some record.
function changes.record(bytes)
  local offsets, from = records(bytes), is_classic(bytes)
  if #offsets == 0 then
    return changes.turn(bytes)
  end
  local value = random(2) == 1 and pick(turns) or random(0, 2000)
  return put(bytes, pick(offsets) + 4 * random(0, 3), (from .. "I4"):pack(value))
end

--- A classic savefile in the other byte order.
function changes.swap(bytes)
  local from, to = is_classic(bytes)
  if not from then
    return bytes
  end
  local function swapped(offset, format)
    return (to .. format):pack((from .. format):unpack(bytes, offset + 1))
  end
  local parts = { swapped(0, "I4I2I2I4I4I4I4") }
  local done = 24
  for _, at in ipairs(records(bytes)) do
    parts[#parts + 1] = bytes:sub(done + 1, at) .. swapped(at, "I4I4I4I4")
    done = at + 16
  end
  return table.concat(parts) .. bytes:sub(done + 1)
end

local function read(path, most)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read(most) or ""
  file:close()
  return bytes
end

local seeds = {}
for path in read(list, "a"):gmatch("[^\0]+") do
  seeds[#seeds + 1] = path
end

--- Another savefile, or its records alone, behind this one.
function changes.append(bytes)
  local other = read(pick(seeds), MOST_BYTES)
  return bytes .. (random(2) == 1 and other:sub(25) or other)
end

local names = {}
for name in pairs(changes) do
  names[#names + 1] = name
end
table.sort(names)
math.randomseed(math.tointeger(seed))

for i = 1, math.tointeger(count) do
  local path = pick(seeds)
  local bytes = read(path, MOST_BYTES)
  for _ = 1, random(3) == 1 and random(2, 4) or 1 do
    bytes = #bytes > 0 and changes[pick(names)](bytes) or bytes
  end
  local file = assert(io.open(("%s/%06d.%s"):format(folder, i, path:match("[^/]*$")), "wb"))
  assert(file:write(bytes))
  assert(file:close())
end
