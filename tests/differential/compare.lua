--- compare: where capengine and libpcap differ over the same jobs.
---
--- usage   capengine run compare.lua -- JOBS EXPECTED GOT DEVIATIONS
---
--- EXPECTED and GOT are folders: `text` is the output of print_pcap and of
--- print_pcap.lua, I.pcap what job I wrote, if it did. DEVIATIONS has rows of what
--- libpcap says, what capengine says, and the reason, with tabs between; in the
--- first two `*` stands for any text and `?` for a character. For each job that
--- differs otherwise the first line that does is printed. Exit status 1 if there is
--- one, or if a job is missing.

local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path
local jobs = require "jobs"

--- A Lua pattern for a text in which `*` stands for any text, `?` for a character.
local function pattern(text)
  return "^" .. text:gsub("%p", "%%%0"):gsub("%%%*", ".*"):gsub("%%%?", ".") .. "$"
end

local function read_deviations(path)
  local list = {}
  for line in io.lines(path) do
    local expected, got, reason = line:match("^([^#\t][^\t]*)\t([^\t]+)\t(.+)$")
    if expected then
      list[#list + 1] = {
        expected = pattern(expected), got = pattern(got), reason = reason, count = 0,
      }
    end
  end
  return list
end

--- The lines of each job in an output: a list of lists.
local function read_output(path)
  local list = {}
  for line in io.lines(path) do
    if line:match("^job %d+$") then
      list[#list + 1] = {}
    elseif list[1] then
      local lines = list[#list]
      lines[#lines + 1] = line
    end
  end
  return list
end

local function excused(deviations, expected, got)
  for _, deviation in ipairs(deviations) do
    if expected:find(deviation.expected) and got:find(deviation.got) then
      deviation.count = deviation.count + 1
      return true
    end
  end
  return false
end

--- The first line in which two jobs differ and which nothing excuses: of each, and
--- its number. nil when there is none.
local function first_difference(expected, got, deviations)
  for i = 1, math.max(#expected, #got) do
    local theirs, ours = expected[i] or "(nothing more)", got[i] or "(nothing more)"
    if theirs ~= ours and not excused(deviations, theirs, ours) then
      return theirs, ours, i
    end
  end
end

local function read_file(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("a")
  if file then
    file:close()
  end
  return bytes
end

--- Add a line about the savefile that a job wrote, if it did: its bytes, or where
--- they begin to differ from another's.
local function add_bytes(lines, bytes, other)
  if not bytes or bytes == other then
    lines[#lines + 1] = bytes and "wrote what it should"
    return
  end
  local at = 1
  while other and bytes:byte(at) == other:byte(at) do
    at = at + 1
  end
  lines[#lines + 1] = ("wrote %d bytes, from offset %d on:%s"):format(#bytes, at - 1,
    bytes:sub(at, at + 15):gsub(".", function(c) return (" %02x"):format(c:byte()) end))
end

--- The filters of a job, as a part of what is said of it.
local function filters_of(job)
  local texts = {}
  for i, change in ipairs(job.changes) do
    texts[i] = ("%d: `%s`"):format(change.at, change.filter)
  end
  return #texts > 0 and "\n  filters:   " .. table.concat(texts, ", ") or ""
end

local list, expected_path, got_path, deviations_path = ...
local all, deviations = jobs.read(list), read_deviations(deviations_path)
local expected, got = read_output(expected_path .. "/text"), read_output(got_path .. "/text")
local differing, packets, ends = 0, 0, {}

for number, job in ipairs(all) do
  local ours = got[number]
  if not ours then
    print(("%s\n  capengine ended before job %d of %d"):format(job.path, number, #all))
    differing = differing + 1
    break
  end
  local theirs = assert(expected[number], "libpcap did not do job " .. number)
  local kind, count = theirs[#theirs]:match("^(%a+) ?(%d*)")
  ends[kind] = (ends[kind] or 0) + 1
  packets = packets + (tonumber(count) or 0)

  local bytes = read_file(("%s/%d.pcap"):format(expected_path, number))
  local our_bytes = read_file(("%s/%d.pcap"):format(got_path, number))
  add_bytes(theirs, bytes, our_bytes)
  add_bytes(ours, our_bytes, bytes)
  local words, our_words, line = first_difference(theirs, ours, deviations)
  if words then
    differing = differing + 1
    print(("%s%s\n  job %d, line %d\n  libpcap:   %s\n  capengine: %s"):format(
      job.path, filters_of(job), number, line, words, our_words))
  end
end
for _, deviation in ipairs(deviations) do
  if deviation.count > 0 then
    print(("%d excused: %s"):format(deviation.count, deviation.reason))
  end
end
print(("%d files, %d packets (%d to the end, %d with an error, %d refused): %d differ"):format(
  #all, packets, ends.eof or 0, ends.error or 0, ends.refused or 0, differing))
os.exit(differing == 0 and #all > 0)
