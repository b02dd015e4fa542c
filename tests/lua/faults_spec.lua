-- faults_spec.lua: what the command does when the nth of its system calls for savefiles
-- fails or does less than it was asked for, for n = 1, 2, ... until none fails any more.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local COUNT <const> = 9000
local MANY = savefile.write(savefile.numbered(COUNT, 100))
local FILTER = "'ether[3] & 1 = 0'" -- half of them

local REASONS = {
  [5] = "Input/output error", [22] = "Invalid argument", [24] = "Too many open files",
  [28] = "No space left on device", [30] = "Read-only file system", [122] = "Disk quota exceeded",
}

-- A way of writing: options, or a script that writes by itself; the folder is $D.
local HOOKS = "return { packet = function() end }"
local WAYS = {
  { name = "pcap", options = "--sync -w $D/o.pcap" },
  { name = "pcapng", options = "--sync -w $D/o.pcapng" },
  { name = "gzip", options = "--sync -w $D/o.pcap.gz" },
  { name = "zstd", options = "--sync -w $D/o.pcapng.zst" },
  { name = "rotated", options = "--sync -w $D/o.pcap --rotate-packets 2000 -U" },
  { name = "rotated pcapng.gz", options = "--sync -w $D/o.pcapng.gz --rotate-packets 2000 -W 9" },
  -- Twelve descriptors for fourteen files: each is opened again and again.
  { name = "savefiles", options = "", limit = "ulimit -n 24;", script = [[
    local ce = require "capengine"
    local files, n = {}, 0
    for i = 1, 14 do
      local file, message = ce.savefile(("%s/%d.pcap"):format(os.getenv "D", i))
      if not file then io.stderr:write("capengine: ", message, "\n") os.exit(2) end
      files[i] = file
    end
    return { packet = function(packet)
      n = n + 1
      files[n // 300 % 14 + 1]:write(packet)
    end }
  ]] },
  { name = "dumper", options = "", script = [[
    local source = require "capengine".source()
    local dumper, message = source:dump_open(os.getenv "D" .. "/o.pcap")
    if not dumper then io.stderr:write("capengine: ", message, "\n") os.exit(2) end
    source:loop_dump(0)
  ]] },
}

local FAULTS = {
  { call = "open", errno = 30 }, { call = "open", errno = 24, only = "savefiles", maybe = true },
  { call = "write", errno = 28 }, { call = "write", errno = 122 }, { call = "write", errno = 5 },
  { call = "write", errno = 0, harmless = true }, { call = "write", errno = 4, harmless = true },
  { call = "write", errno = 11, harmless = true },
  { call = "sync", errno = 5 }, { call = "close", errno = 5 },
  { call = "close", errno = 4, harmless = true }, { call = "rename", errno = 5 },
  { call = "submit", errno = 11, harmless = true },
  { call = "submit", errno = 12, harmless = true },
}

local function sum(counts)
  local total = 0
  for _, count in pairs(counts) do total = total + count end
  return total
end

-- The packets that libpcap reads of each file in a folder, by name. Compressed ones must
-- be made of whole frames; one of no bytes holds nothing.
local function count_packets(where)
  local jobs, paths = {}, {}
  local pipe <close> = io.popen(([[cd %s && for f in *; do
    [ -s $f ] || continue
    case $f in
      *.gz | *.gz.part) gzip -dc <$f >plain && mv plain $f ;;
      *.zst | *.zst.part) zstd -qdc <$f >plain && mv plain $f ;;
    esac || echo "broken: $f"
    echo $f
  done 2>&1]]):format(where.name))
  for line in pipe:lines() do
    assert(not line:find "broken", line)
    paths[#paths + 1] = line
    jobs[#jobs + 1] = ("=%s/%s\0"):format(where.name, line)
  end
  local list = temporary.file(table.concat(jobs))
  local counts = {}
  if #jobs == 0 then return counts end
  local printed <close> = io.popen(("%s/print_pcap -j %s"):format(
    command.program:match "^(.*)/", list))
  for line in printed:lines() do
    local how, count = line:match "^(%l+) ?(%d*)"
    if how == "error" or how == "refused" then error(paths[#counts + 1] .. ": " .. line) end
    if how == "eof" then counts[#counts + 1] = tonumber(count) end
  end
  assert(#counts == #paths)
  local by_name = {}
  for i, path in ipairs(paths) do by_name[path] = counts[i] end
  return by_name
end

-- The counters of a run, by name, and how many calls of the kind that fails there were.
local function read_counters(err)
  local counters = { ["not written"] = 0 }
  local line = assert(err:match "\n?capengine: (%d+ received[^\n]*)", err)
  for count, name in line:gmatch "(%d+) ([%l ]+)" do counters[name] = tonumber(count) end
  return counters, tonumber(err:match "faulty: (%d+) calls")
end

-- What was said names the file, the reason, and, of a file that is there, what it holds.
local function check_message(err, fault, counts, where)
  local path, held
  for line in err:gmatch "[^\n]+" do
    if line:find(REASONS[fault.errno], 1, true) then
      path = path or line:match "^capengine[%l ]*: ([^:]+): "
      held = held or line:match "it holds (%d+) packets"
    end
  end
  assert(path and path:sub(1, #where.name) == where.name, err)
  local count = counts[path:match "[^/]*$"]
  if held then
    test.equal(tonumber(held), count or 0)
  else
    assert(fault.call == "open" and not count, err)
  end
end

local function run(way, fault, nth, where, policy)
  local script = temporary.file(way.script or HOOKS)
  local result = command.sh(("%s D=%s; export D; exec env FAULT=%s:%d:%d%s " ..
    "${P%%/*}/faulty_capengine run %s -f %s -r %s %s %s"):format(
    way.limit or "", where.name, fault.call, nth, fault.errno, fault.plain and ":plain" or "",
    policy, FILTER, MANY, way.options, script))
  os.remove(script)
  return result
end

-- Let the nth call fail. False: there is no nth.
local function let_fail(way, fault, nth, policy)
  local where <close> = temporary.folder()
  local result = run(way, fault, nth, where, policy)
  local counts = count_packets(where)
  local ok, message = pcall(function()
    if result.err:find "received" == nil then -- -w could not even be opened
      command.expect(2, result)
      check_message(result.err, fault, counts, where)
      return true
    end
    local counters, calls = read_counters(result.err)
    local struck = calls >= nth
    local noticed = struck and not fault.harmless and not (fault.maybe and result.status == 0)
    command.expect(noticed and 2 or 0, result)
    if noticed then check_message(result.err, fault, counts, where) end
    local written, unwritten = counters.written, counters["not written"]
    test.equal(sum(counts), written)
    test.equal(counters.received, counters.delivered + counters.filtered +
      counters.undelivered + counters["dropped by the kernel"])
    local passed = counters.received - counters.filtered
    if not noticed then
      test.equal(written, COUNT // 2)
    elseif policy:find "continue" or way.script then
      test.equal(written + unwritten, passed - counters.undelivered)
    else
      assert(written + unwritten <= passed) -- of the others, -w was never asked
    end
    return struck
  end)
  if not ok then
    error(("%s %s, %s %d of errno %d%s: %s\n%s"):format(way.name, policy, fault.call, nth,
      fault.errno, fault.plain and " without io_uring" or "", message, result.err), 0)
  end
  return message
end

-- Which faults and policies a way is tried with: some also without io_uring.
local function each_case(way, fault)
  local cases = {}
  local function add(policy, plain)
    cases[#cases + 1] = { policy, setmetatable({ plain = plain }, { __index = fault }) }
  end
  if fault.only and fault.only ~= way.name then return cases end
  add ""
  if fault.harmless then return cases end
  if not way.script then add "--on-write-error continue" end
  if fault.call == "write" and fault.errno == 28 then add("", true) end
  return cases
end

for _, way in ipairs(WAYS) do
  test(way.name .. ": whatever fails, what is written can be read, and all is counted", function()
    local struck = 0
    for _, fault in ipairs(FAULTS) do
      for _, case in ipairs(each_case(way, fault)) do
        local nth = 1
        while nth < 100 and let_fail(way, case[2], nth, case[1]) do nth = nth + 1 end
        struck = struck + nth - 1
      end
    end
    assert(struck > 20, struck)
  end)
end
