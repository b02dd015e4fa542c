-- peer_strings.lua - plain Lua 5.4 on a classic binding: packets are strings, taken
-- apart with string.byte and string.unpack, and summed up in tables.
--
--     lua5.4 peer_strings.lua count|match|sources|flows|loop|callback|callback_match FILE
local task, path = arg[1], arg[2]
local handle = require("peer_strings").open_offline(path)
local byte, unpack, sub = string.byte, string.unpack, string.sub

-- The outermost IP packet: version, protocol, where its addresses and its transport
-- begin; nil without one. Positions count from 1.
local function find_ip(data)
  local type, at = unpack(">I2", data, 13), 15
  while type == 0x8100 or type == 0x88a8 do type, at = unpack(">I2", data, at + 2), at + 4 end
  if type == 0x0800 then
    local later = unpack(">I2", data, at + 6) & 0x1fff ~= 0
    return 4, byte(data, at + 9), at + 12, later and #data + 1 or at + (byte(data, at) & 15) * 4
  elseif type == 0x86dd then
    return 6, byte(data, at + 6), at + 8, at + 40
  end
end

local function is_match(data)
  local version, proto, _, transport = find_ip(data)
  return version and proto == 6 and transport + 13 <= #data
    and (unpack(">I2", data, transport + 2) == 443 or byte(data, transport + 13) & 2 ~= 0)
end

local function address(bytes)
  if #bytes == 4 then return ("%d.%d.%d.%d"):format(byte(bytes, 1, 4)) end
  local text = {}
  for i = 1, 8 do text[i] = ("%x"):format(unpack(">I2", bytes, i * 2 - 1)) end
  text = ":" .. table.concat(text, ":") .. ":"
  for zeros = 8, 2, -1 do -- the longest row of zeros becomes ::
    local from, to = text:find((":0"):rep(zeros) .. ":", 1, true)
    if from then
      text = text:sub(1, from) .. ":" .. text:sub(to + 1)
      break
    end
  end
  return (text:gsub("^:([^:])", "%1"):gsub("([^:]):$", "%1"))
end

local function print_top(sums, to_text)
  local keys = {}
  for key in pairs(sums) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return sums[a] > sums[b] end)
  for i = 1, math.min(10, #keys) do print(to_text(keys[i]) .. "\t" .. sums[keys[i]]) end
end

-- A flow's key: both addresses as they stand in the packet, ports, protocol.
local function flow_text(key)
  local width = (#key - 5) // 2
  local srcport, dstport, proto = unpack(">I2I2B", key, 2 * width + 1)
  return ("%s\t%s\t%d\t%d\t%d"):format(address(sub(key, 1, width)),
    address(sub(key, width + 1, 2 * width)), srcport, dstport, proto)
end

local tasks = {}

function tasks.count()
  local packets, bytes = 0, 0
  for _, len in handle.next, handle do
    packets = packets + 1
    bytes = bytes + len
  end
  print(packets .. " " .. bytes)
end

function tasks.match()
  local n = 0
  for data in handle.next, handle do
    if is_match(data) then n = n + 1 end
  end
  print(n)
end

function tasks.sources()
  local sums = {}
  for data, len in handle.next, handle do
    local version, _, at = find_ip(data)
    if version then
      local src = sub(data, at, at + (version == 4 and 3 or 15))
      sums[src] = (sums[src] or 0) + len
    end
  end
  print_top(sums, address)
end

function tasks.flows()
  local sums, count = {}, 0
  for data, len in handle.next, handle do
    local version, proto, at, transport = find_ip(data)
    if version and (proto == 6 or proto == 17) and transport + 3 <= #data then
      local key = sub(data, at, at + (version == 4 and 7 or 31))
        .. sub(data, transport, transport + 3) .. string.char(proto)
      local sum = sums[key]
      if not sum then sum, count = 0, count + 1 end
      sums[key] = sum + len
    end
  end
  print(count .. " flows")
  print_top(sums, flow_text)
end

function tasks.loop()
  local n = 0
  handle:loop(function(data, len) n = n + 1 end)
  print(n)
end

function tasks.callback()
  print(handle:loop(function(data, len) end))
end

function tasks.callback_match()
  local n = 0
  handle:loop(function(data)
    if is_match(data) then n = n + 1 end
  end)
  print(n)
end

tasks[task]()
