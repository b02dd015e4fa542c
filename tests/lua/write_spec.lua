-- write_spec.lua: what -w promises, whatever happens to the file.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local MANY = savefile.write(savefile.numbered(9000, 100))
local RAW = savefile.write(savefile.numbered(3, 40), { linktype = 101 })
local COUNT = [[
  local n = 0
  return { packet = function() n = n + 1 end, finish = function() print(n) end }
]]

-- The whole records of a savefile of 100-byte packets, and whether there is a rest.
local function whole_records(name)
  local size = #temporary.read(name)
  if size == 0 then return 0, true end
  return (size - 24) // 116, (size - 24) % 116 == 0
end

local function holds(result)
  return tonumber(result.err:match "it holds (%d+) packets")
end

-- Run the counting script with a line of sh in which $S is the script.
local function sh(line)
  return command.sh(("S=%s; %s"):format(command.script(COUNT), line))
end

test("-w copies a savefile byte for byte", function()
  local out = temporary.name()
  local result = command.expect(0, sh(("$P run -r %s -w %s $S"):format(MANY, out)))
  test.equal(result.out, "9000\n")
  assert(temporary.read(out) == temporary.read(MANY))
end)

test("-w of pcapng and compressed files is what their names say", function()
  local where <close> = temporary.folder()
  for ending, magic in pairs { pcapng = "^\x0a\x0d\x0d\x0a", ["pcap.gz"] = "^\x1f\x8b",
      ["pcapng.zst"] = "^%\x28\xb5\x2f\xfd" } do
    local out = where.name .. "/a." .. ending
    command.expect(0, sh(("$P run -r %s -w %s $S"):format(MANY, out)))
    assert(temporary.read(out):find(magic), ending)
  end
  local back = command.expect(0, sh(("$P run -r %s/a.pcapng $S"):format(where.name)))
  test.equal(back.out, "9000\n")
end)

test("-w of a pcapng file takes files of several link types, a classic one does not", function()
  local where <close> = temporary.folder()
  local run = "$P run -r %s -r %s -w %s/%s $S"
  local result = sh(run:format(MANY, RAW, where.name, "a.pcap"))
  command.expect(2, result)
  assert(result.err:find("pcapng", 1, true), result.err)
  result = command.expect(0, sh(run:format(MANY, RAW, where.name, "a.pcapng")))
  test.equal(result.out, "9003\n")
end)

test("stamps are nanoseconds in pcapng unless --micro says otherwise", function()
  local where <close> = temporary.folder()
  local nano = savefile.write({ { "abcd", frac = 123456789 } }, { nano = true })
  local run = "$P run %s -r %s -w %s/a.pcapng $S && $P run -r %s/a.pcapng -w - --nano $S"
  for option, frac in pairs { [""] = 123456789, ["--micro"] = 123456000 } do
    local result = command.expect(0, sh(run:format(option, nano, where.name, where.name)))
    test.equal(savefile.parse(result.out:sub(3))[1].frac, frac)
  end
end)

test("a full disk ends the run with status 2, and says what the file holds", function()
  local result = command.expect(2, sh(("$P run -r %s -w /dev/full $S"):format(MANY)))
  assert(result.err:find("/dev/full: No space left on device; it holds 0 packets", 1, true),
    result.err)
  assert(result.err:find("9000 not written", 1, true) or result.err:find "%d+ not written")
end)

test("--on-write-error continue goes on without the file, and still exits with 2", function()
  local out = temporary.name()
  local result = sh(("ulimit -f 200; $P run --on-write-error continue -r %s -w %s $S"):format(
    MANY, out))
  command.expect(2, result)
  test.equal(result.out, "9000\n")
  local count, whole = whole_records(out)
  assert(whole)
  test.equal(holds(result), count)
  local _, said = result.err:gsub("File too large", "")
  test.equal(said, 1)
end)

test("a file size limit leaves whole packets, as many as are said", function()
  for _, blocks in ipairs { 1, 7, 200, 400 } do
    local out = temporary.name()
    local result = sh(("ulimit -f %d; $P run -r %s -w %s $S"):format(blocks, MANY, out))
    command.expect(2, result)
    local count, whole = whole_records(out)
    assert(whole and count > 0, count)
    test.equal(holds(result), count)
    assert(result.err:find(count .. " written", 1, true), result.err)
  end
end)

test("a full file system leaves whole packets, as many as are said", function()
  if not os.execute "unshare -m true 2>/dev/null" then test.skip "no mount namespaces" end
  local where <close> = temporary.folder()
  local out = temporary.name()
  local result = sh(([[unshare -m sh -c 'mount -t tmpfs -o size=%dk none %s && {
    $P run -r %s -w %s/a.pcap '$S'; status=$?; cp %s/a.pcap %s; exit $status; }']]):format(
    200, where.name, MANY, where.name, where.name, out))
  command.expect(2, result)
  local count, whole = whole_records(out)
  assert(whole and count > 1000, count)
  test.equal(holds(result), count)
  assert(result.err:find("No space left", 1, true), result.err)
end)

test("a folder that cannot be written, or is not there, is said before anything is read", function()
  local result = sh(("$P run -r %s -w /no/such/folder/a.pcap $S"):format(MANY))
  command.expect(2, result)
  assert(result.err:find("/no/such/folder/a.pcap: No such file", 1, true), result.err)
  test.equal(result.out, "")
end)

test("a file that is removed while it is written is no success", function()
  local where <close> = temporary.folder()
  local script = command.script [[
    local n = 0
    return { packet = function()
      n = n + 1
      if n == 10 then os.execute "rm -r $OUT" end
    end }
  ]]
  local out = where.name .. "/gone"
  local line = "OUT=%s; export OUT; mkdir $OUT; $P run -r %s -w $OUT/a.pcap %s"
  local result = command.sh(line:format(out, MANY, script))
  command.expect(2, result)
  local said = out .. "/a.pcap: No such file or directory; it holds 0 packets"
  assert(result.err:find(said, 1, true), result.err)
  assert(result.err:find(" 0 written, 9000 not written", 1, true), result.err)
end)

test("a reader of -w - that goes away ends the run with status 2", function()
  local result = sh(("{ $P run -r %s -w - $S; echo $? >&2; } | head -c 1000 | wc -c"):format(MANY))
  test.equal(result.out, "1000\n")
  assert(result.err:find("standard output: Broken pipe", 1, true), result.err)
  assert(result.err:find "\n2\n$", result.err)
end)

-- `-w -` into a pipe whose reader runs these lines of sh; once the program heeds SIGINT, the
-- signals, after so many seconds each; and finally, kill the reader or wait for it. Prints
-- the status, and how many tenths of a second that took.
local function into_pipe(input, reader, signals, finally, program)
  local kills = {}
  for i, seconds in ipairs(signals) do
    kills[i] = ("sleep %s; kill -INT $pid"):format(seconds)
  end
  return sh(([[
    pipe=%s; rm $pipe; mkfifo $pipe
    { %s; } <$pipe & reader=$!
    %s $P run -r %s -w - $S >$pipe & pid=$!
    until grep -q 'SigCgt:.*[2367abef]$' /proc/$pid/status; do sleep 0.01; done
    began=$(date +%%s%%N)
    %s
    wait $pid
    echo $? $((($(date +%%s%%N) - began) / 100000000))
    %s $reader
  ]]):format(temporary.name(), reader, program or "", input, table.concat(kills, ";"), finally))
end

test("where nobody reads the pipe, a signal ends the run two seconds later", function()
  for _, program in ipairs { "", "$(dirname $P)/no_uring" } do
    local result = into_pipe(MANY, "exec sleep 20", { 0.3 }, "kill", program)
    local status, tenths = result.out:match "^(%d+) (%d+)\n"
    if status == "77" then test.skip "no seccomp filters" end
    test.equal(status, "2")
    assert(tonumber(tenths) >= 20 and tonumber(tenths) < 80, tenths)
    assert(result.err:find "standard output: its reader takes no more; it holds %d+ packets",
      result.err)
    local written, lost = result.err:match "(%d+) written, (%d+) not written"
    assert(tonumber(written) > 100 and tonumber(lost) > 1000, result.err)
  end
end)

test("the second signal ends it at once", function()
  local result = into_pipe(MANY, "exec sleep 20", { 0.3, 0.3 }, "kill")
  local status, tenths = result.out:match "^(%d+) (%d+)\n"
  assert(status == "2" or status == "3", status)
  assert(tonumber(tenths) < 20, tenths)
  assert(result.err:find(" not written", 1, true), result.err)
end)

test("a slow reader gets all, though that takes longer", function()
  local input = savefile.write(savefile.numbered(2500, 100))
  local out = temporary.name()
  local result = into_pipe(input, ("for i in 1 2 3 4 5 6; do head -c 50000; sleep 0.5; done >%s")
    :format(out), { 0.2 }, "wait")
  test.equal(result.out:match "^%d+", "0")
  test.equal(result.err:match "(%d+) written", "2500")
  assert(temporary.read(out) == temporary.read(input))
end)

test("what -w - writes behind other output stands there, and nothing is cut", function()
  local out = temporary.name()
  local result = sh(("{ printf 12345678; $P run -r %s -w - $S; printf end; } >%s"):format(RAW, out))
  command.expect(0, result)
  assert(temporary.read(out) == "12345678" .. temporary.read(RAW) .. "end")
end)

test("a second signal leaves what was written until then", function()
  local out = temporary.name()
  local script = command.script [[
    local n = 0
    return { packet = function()
      n = n + 1
      if n == 5000 then
        os.execute "(kill -TERM $PPID; sleep 0.3; kill -TERM $PPID) &"
        while true do pcall(string.rep, "x") end
      end
    end }
  ]]
  local result = command.sh(("$P run -r %s -w %s %s"):format(MANY, out, script))
  command.expect(3, result)
  local count, whole = whole_records(out)
  assert(whole and count >= 5000, count)
  assert(result.err:find(count .. " written", 1, true), result.err)
end)

-- What is in the file while the script has a batch so short that a piece holds it.
local function in_time(option)
  local out = temporary.name()
  local script = command.script [[
    return { batch = function() os.execute("wc -c <" .. os.getenv "OUT") end }
  ]]
  local result = command.sh(("OUT=%s $P run %s -r %s -w %s %s"):format(out, option,
    savefile.write(savefile.numbered(400, 100)), out, script))
  return tonumber(command.expect(0, result).out)
end

test("-U hands every batch to the kernel before the script sees it", function()
  test.equal(in_time "-U", 24 + 400 * 116)
  test.equal(in_time "", 0)
end)

-- Ten files, more than 64 MiB, into a pipe that stands still: for a second, or, where
-- nothing waits for it, until the script has seen all packets.
local function into_slow_pipe(options)
  local input = temporary.file(savefile.bytes(savefile.numbered(9000, 1000)))
  local out, seen = temporary.name(), temporary.name()
  local finish = ("return { finish = function() os.execute '>%s' end }"):format(seen)
  local still = options:find "drop" and ("until [ -e %s ]; do sleep 0.05; done"):format(seen)
    or "sleep 1"
  os.remove(seen)
  local result = sh(([[{ $P run %s -r %s %s -w - %s; echo $? >&2; } |
    { %s; cat >%s; }]]):format(options, input, (" -r " .. input):rep(9),
    command.script(finish), still, out))
  local packets = savefile.parse(temporary.read(out))
  local written = tonumber(result.err:match "(%d+) written")
  local lost = tonumber(result.err:match "(%d+) not written" or 0)
  test.equal(#packets, written)
  test.equal(written + lost, 90000)
  return lost, result.err:match "(%d+)\n$"
end

test("--on-slow says whether packets wait for the disk, or are dropped and counted", function()
  local lost, status = into_slow_pipe "--on-slow drop"
  assert(lost > 1000, lost)
  test.equal(status, "0")
  lost, status = into_slow_pipe "--on-slow drop --strict"
  assert(lost > 1000, lost)
  test.equal(status, "4")
  lost, status = into_slow_pipe "--strict"
  test.equal(lost, 0)
  test.equal(status, "0")
end)

test("without io_uring the file is the same, and that is said once", function()
  local out = temporary.name()
  local result = sh(("$(dirname $P)/no_uring $P run -r %s -w %s $S"):format(MANY, out))
  if result.status == 77 then test.skip "no seccomp filters" end
  command.expect(0, result)
  assert(temporary.read(out) == temporary.read(MANY))
  local _, said = result.err:gsub("io_uring is refused here %(Operation not permitted%)", "")
  test.equal(said, 1)
end)

test("without io_uring errors are found all the same", function()
  local out = temporary.name()
  local result = sh(("ulimit -f 200; $(dirname $P)/no_uring $P run -r %s -w %s $S"):format(
    MANY, out))
  if result.status == 77 then test.skip "no seccomp filters" end
  command.expect(2, result)
  local count, whole = whole_records(out)
  assert(whole and count > 0)
  test.equal(holds(result), count)
end)

test("killed at any moment, it leaves a file that can be read to its last whole packet", function()
  local out = temporary.name()
  local script = command.script "return { batch = function() os.execute 'sleep 0.002' end }"
  local longest = 0
  local function check()
    local bytes = temporary.read(out)
    longest = math.max(longest, #bytes)
    for number = 1, (#bytes - 24) // 116 do
      local at = 25 + (number - 1) * 116
      test.equal(string.unpack("<I4", bytes, at + 8), 100)
      test.equal(string.unpack(">I4", bytes, at + 16), (number - 1) % 9000 + 1)
    end
  end
  command.kill(20, check, ("$P run -r %s -r %s -w %s %s"):format(MANY, MANY, out, script))
  assert(longest > 10000, longest)
end)
