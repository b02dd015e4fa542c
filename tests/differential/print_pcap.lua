--- print_pcap: what capengine makes of savefiles, in the words of print_pcap.c.
---
--- usage   capengine run print_pcap.lua -- HOW JOBS [FOLDER]
---
--- HOW is one of
---   loop                one call; filters are set inside its callback
---   between             a call of loop for each filter, which is set between them
---   next                a call for each packet
---   packets, batches    the iterators; batches takes no filters
---   dispatch:N          calls of dispatch for N packets each, until one gives 0
---   loop_dump           into FOLDER/I.pcap, with a call for each filter
---   dispatch_dump:N     the same, N packets at a time

local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path
local jobs = require "jobs"
local pcap = require "pcap"

local how, list, folder = ...
local mode, step = how:match("^([%a_]+):?(%d*)$")
step = tonumber(step)

local function say(...)
  io.write(string.format(...), "\n")
end

--- A message without the file that it must begin with, and the place in it that
--- it may end with: the words between are libpcap's.
local function words(message, path)
  local name = (path == "-" and "standard input" or path) .. ": "
  if message:sub(1, #name) ~= name then
    return "(no file is named) " .. message
  end
  return (message:sub(#name + 1):gsub(" %(at byte %d+%)$", ""))
end

local function fnv1a(bytes)
  local hash = 0xcbf29ce484222325
  for i = 1, #bytes do
    hash = (hash ~ bytes:byte(i)) * 0x100000001b3
  end
  return hash
end

--- A job that is under way.
local Reading = {}
Reading.__index = Reading

--- Print a packet as a callback gets it; what else is known of it must agree.
function Reading:show(packet, len, sec, usec)
  local bytes, time = tostring(packet), packet:time()
  self.packets = self.packets + 1
  assert(#bytes == #packet and packet:wire_len() == len)
  assert(time // 1000000000 == sec and time % 1000000000 // 1000 == usec)
  say("%d %d %d %d %d %016x", sec, usec, time % 1000000000, #packet, len, fnv1a(bytes))
end

--- The same for a packet alone.
function Reading:show_alone(packet)
  local time = packet:time()
  self:show(packet, packet:wire_len(), time // 1000000000, time % 1000000000 // 1000)
end

--- Set the filters that are due by now.
function Reading:change()
  local change = self.changes[self.changed + 1]
  while change and change.at <= self.packets do
    local bpf, message = self.handle:compile(change.filter)
    if bpf then
      assert(self.handle:setfilter(bpf) == 0)
    else
      say("filter refused %s", message)
    end
    self.changed = self.changed + 1
    change = self.changes[self.changed + 1]
  end
end

--- The number of packets until the next filter; 0: there is none.
function Reading:until_change()
  local change = self.changes[self.changed + 1]
  return change and change.at - self.packets or 0
end

--- A callback that sets filters too.
function Reading:callback()
  return function(...)
    self:show(...)
    self:change()
  end
end

-- Ways to read all packets. Each gives 0 or more at the end, else -1, message; and
-- holds calls to what they promise to return.
local ways = {}

function ways.loop(self)
  local count, message = self.handle:loop(0, self:callback())
  assert(count == -1 or count == self.packets)
  return count, message
end

function ways.between(self)
  local count, message, wanted
  repeat
    local before = self.packets
    wanted = self:until_change()
    count, message = self.handle:loop(wanted, function(...) self:show(...) end)
    assert(count == -1 or count == self.packets - before)
    self:change()
  until wanted == 0 or count < wanted
  return count, message
end

ways["next"] = function(self)
  while true do
    local packet, sec, usec = self.handle:next()
    if not packet then
      return sec and -1 or 0, sec
    end
    self:show(packet, packet:wire_len(), sec, usec)
    self:change()
  end
end

--- Run an iteration, which raises where others return -1, and says where.
local function protected(iterate)
  local fine, message = pcall(iterate)
  return fine and 0 or -1, message and message:gsub("^%S+%.lua:%d+: ", "")
end

function ways.packets(self)
  return protected(function()
    for packet in self.handle:packets() do
      self:show_alone(packet)
      self:change()
    end
  end)
end

function ways.batches(self)
  return protected(function()
    for batch in self.handle:batches() do
      local before = self.packets
      for packet in batch:each() do
        self:show_alone(packet)
      end
      assert(#batch == self.packets - before)
    end
  end)
end

function ways.dispatch(self)
  local count, message
  local last = step
  repeat
    local before = self.packets
    count, message = self.handle:dispatch(step, self:callback())
    assert(count == -1 or count == self.packets - before)
    assert(count <= 0 or last == step, "dispatch gave too few in the midst of a file")
    last = count
  until count <= 0
  return count, message
end

--- Call a reading that dumps, `most` packets at a time, until it gives too few.
local function dump(self, call, most)
  local count, message, wanted
  repeat
    wanted = self:until_change()
    if most and (wanted == 0 or most < wanted) then
      wanted = most
    end
    count, message = self.handle[call](self.handle, wanted)
    self.packets = self.handle:counters().written
    self:change()
  until wanted == 0 or count < wanted
  return count, message
end

function ways.loop_dump(self)
  return dump(self, "loop_dump")
end

function ways.dispatch_dump(self)
  return dump(self, "dispatch_dump", step)
end

--- The handle of a reading, as the first line tells of it.
local function say_open(handle)
  say("open %d %d %d %d %d", handle:datalink(), handle:snapshot(),
    handle:is_swapped() and 1 or 0, handle:major_version(), handle:minor_version())
end

--- Read all packets of a handle, with the job's filters, and print how it ended.
local function read(handle, job)
  local self = setmetatable({
    handle = handle, changes = job.changes, changed = 0, packets = 0,
  }, Reading)
  say_open(handle)
  self:change()
  local rc, message = ways[mode](self)
  if rc < 0 then
    say("error %d %s", self.packets, words(message, job.path))
  else
    say("eof %d", self.packets)
  end
end

--- The same, into a savefile.
local function read_and_dump(handle, job, to)
  local dumper, message = handle:dump_open(to)
  if not dumper then
    return say("dump refused %s", words(message, to))
  end
  read(handle, job)
  assert(pcap.dump_close(dumper))
end

local function run(number, job)
  local handle, message = pcap.open_offline(job.path)
  if not handle then
    say("refused %s", words(message, job.path))
  elseif mode:find("dump") then
    read_and_dump(handle, job, ("%s/%d.pcap"):format(folder, number))
    handle:close()
  else
    read(handle, job)
    handle:close()
  end
end

assert(ways[mode], how .. ": no way to read")
io.stdout:setvbuf("full")
for number, job in ipairs(jobs.read(list)) do
  say("job %d", number)
  run(number, job)
end
