-- rotate_spec.lua: -w with one file after the other, and the signals to it.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local MANY = savefile.write(savefile.numbered(9000, 100)) -- a second apart
local COUNT = "return { batch = function() end }"

-- The names in a folder, sorted.
local function names_in(where)
  local names = {}
  local pipe <close> = io.popen("ls " .. where.name)
  for name in pipe:lines() do names[#names + 1] = name end
  return names
end

local function sh(line)
  return command.sh(("S=%s; %s"):format(command.script(COUNT), line))
end

-- The packets of the files in a folder one after the other; none is cut, and the numbers
-- go on from one to the next.
local function count_packets(where)
  local count
  for _, name in ipairs(names_in(where)) do
    for _, packet in ipairs(savefile.parse(temporary.read(where.name .. "/" .. name))) do
      local number = string.unpack(">I4", packet[1])
      assert(not count or number == count % 9000 + 1, number)
      count = number
    end
  end
  return count
end

test("-C begins a file before one becomes larger than that", function()
  local where <close> = temporary.folder()
  command.expect(0, sh(("$P run -r %s -w %s/a.pcap -C 256k $S"):format(MANY, where.name)))
  local names = names_in(where)
  test.equal(#names, 4)
  test.equal(names[1], "a-00001.pcap")
  for _, name in ipairs(names) do
    assert(#temporary.read(where.name .. "/" .. name) <= 256 * 1024)
  end
  test.equal(count_packets(where), 9000)
end)

test("where a compressed file ends does not depend on how quick that is", function()
  local packets = {}
  for i = 1, 16000 do -- in several batches
    local words = {}
    for k = 1, 32 do words[k] = string.pack("I8", math.random(0)) end -- does not compress
    packets[i] = table.concat(words)
  end
  local input = savefile.write(packets)
  local sizes = {}
  for run = 1, 3 do
    local where <close> = temporary.folder()
    command.expect(0, sh(("$P run -r %s -w %s/a.pcap.gz -C 600k $S"):format(input, where.name)))
    local found = {}
    for _, name in ipairs(names_in(where)) do
      local size = #temporary.read(where.name .. "/" .. name)
      assert(size <= 601 * 1024, size)
      found[#found + 1] = size
    end
    sizes[run] = table.concat(found, " ")
    assert(#found >= 4, sizes[run])
    test.equal(sizes[run], sizes[1])
  end
end)

test("-C without a unit counts in millions of bytes", function()
  local where <close> = temporary.folder()
  command.expect(0, sh(("$P run -r %s -w %s/a.pcap -C 1 $S"):format(MANY, where.name)))
  test.equal(#names_in(where), 2)
end)

test("-G and --rotate-aligned go by the packets' time", function()
  local where <close> = temporary.folder()
  local run = "TZ=UTC; export TZ; $P run -r %s -w %s/%%H%%M.pcap -G 3600 %s $S"
  command.expect(0, sh(run:format(MANY, where.name, "")))
  test.equal(table.concat(names_in(where), " "), "0016.pcap 0116.pcap 0216.pcap")
  os.execute("rm " .. where.name .. "/*")
  command.expect(0, sh(run:format(MANY, where.name, "--rotate-aligned")))
  test.equal(table.concat(names_in(where), " "), "0016.pcap 0100.pcap 0200.pcap")
  test.equal(count_packets(where), 9000)
end)

test("--rotate-packets and -W keep the last files", function()
  local where <close> = temporary.folder()
  command.expect(0, sh(("$P run -r %s -w %s/a.pcap --rotate-packets 1000 -W 2 $S"):format(
    MANY, where.name)))
  test.equal(table.concat(names_in(where), " "), "a-00008.pcap a-00009.pcap")
  test.equal(count_packets(where), 9000)
end)

test("--post-rotate gets every file, the last included, and is waited for", function()
  local where <close> = temporary.folder()
  local result = sh(("$P run -r %s -w '%s/a b.pcap' --rotate-packets 4000 " ..
    "--post-rotate 'sleep 0.1; gzip' $S"):format(MANY, where.name))
  command.expect(0, result)
  test.equal(table.concat(names_in(where), ","),
    "a b-00001.pcap.gz,a b-00002.pcap.gz,a b-00003.pcap.gz")
  result = sh(("$P run -r %s -w %s/one.pcap --post-rotate gzip $S"):format(MANY, where.name))
  command.expect(0, result)
  test.equal(names_in(where)[4], "one.pcap.gz")
end)

test("--post-rotate does not read the packets that come by standard input", function()
  local where <close> = temporary.folder()
  local feed = "{ head -c 500000 %s; sleep 1; tail -c +500001 %s; }"
  local result = sh((feed .. " | $P run -r - -w %s/a.pcap --rotate-packets 1000 " ..
    "--post-rotate 'cat >>%s/read; true' $S"):format(MANY, MANY, where.name, where.name))
  command.expect(0, result)
  test.equal(temporary.read(where.name .. "/read"), "")
  os.remove(where.name .. "/read")
  test.equal(count_packets(where), 9000)
end)

test("no file that is read is replaced by one of those that are written", function()
  local where <close> = temporary.folder()
  local parts = "$P run -r %s -w %s/a.pcap --rotate-packets 3000 $S; cd %s"
  local again = parts .. "; " ..
    "$P run -r a-00002.pcap -r a-00003.pcap -w a.pcap --rotate-packets 1000 $S"
  command.expect(0, sh(parts:format(MANY, where.name, where.name)))
  local before = temporary.read(where.name .. "/a-00002.pcap")
  local result = command.expect(2, sh(again:format(MANY, where.name, where.name)))
  assert(result.err:find("a-00002.pcap: it is a file that is read", 1, true), result.err)
  assert(result.err:find("1000 written", 1, true), result.err)
  test.equal(temporary.read(where.name .. "/a-00002.pcap"), before)
end)

test("nor by one of a script's savefile", function()
  local where <close> = temporary.folder()
  local result = sh(("cp %s %s/b-00001.pcap; $P run -r %s/b-00001.pcap %s"):format(MANY,
    where.name, where.name, command.script(([[
    local ce = require "capengine"
    local handle = ce.source()
    print(ce.savefile("%s/b.pcap", { rotate = { packets = 10 } }))
  ]]):format(where.name))))
  assert(result.out:find("it is a file that is read", 1, true), result.out)
end)

test("a --post-rotate that fails is said, and makes the exit status 1", function()
  local where <close> = temporary.folder()
  local result = sh(("$P run -r %s -w %s/a.pcap --rotate-packets 5000 --post-rotate false $S")
    :format(MANY, where.name))
  command.expect(1, result)
  local _, said = result.err:gsub("%-%-post%-rotate false: failed", "")
  test.equal(said, 2)
  test.equal(#names_in(where), 2)
end)

test("options that need others say so", function()
  for _, options in ipairs { "-C 1", "-w a.pcap -W 3", "-w a.pcap -C 1 --rotate-aligned",
      "-w - -C 1", "--post-rotate ls", "-w a.pcap -C 0", "-w a.pcap -G 0" } do
    command.expect(2, sh(("$P run -r %s %s $S"):format(MANY, options)))
  end
end)

test("a folder that goes away ends the run with status 2, and the name of the file", function()
  local where <close> = temporary.folder()
  local out = where.name .. "/in"
  os.execute("mkdir " .. out)
  local script = command.script(([[
    local n = 0
    return { packet = function()
      n = n + 1
      if n == 10 then os.execute "rm -r %s" end
    end }
  ]]):format(out))
  local result = command.sh(("$P run -r %s -w %s/a.pcap --rotate-packets 100 %s"):format(
    MANY, out, script))
  command.expect(2, result)
  assert(result.err:find(out .. "/a-00", 1, true), result.err)
  assert(result.err:find "%d+ not written", result.err)
end)

-- A script that sends a signal to its own program at packets 2000 and 6000.
local function signalling(name)
  return command.script(([[
    local n = 0
    local function tell()
      os.execute "kill -%s $PPID"
    end
    return { packet = function()
      n = n + 1
      if n == 2000 or n == 6000 then tell() end
    end }
  ]]):format(name))
end

test("SIGHUP begins another file where files are rotated", function()
  local where <close> = temporary.folder()
  local result = command.sh(("$P run -r %s -w %s/a.pcap -C 100m %s"):format(
    MANY, where.name, signalling "HUP"))
  command.expect(0, result)
  test.equal(#names_in(where), 3)
  test.equal(count_packets(where), 9000)
end)

test("SIGHUP ends a run that rotates nothing in good order", function()
  local out = temporary.name()
  local result = command.sh(("$P run -r %s -w %s %s"):format(MANY, out, signalling "HUP"))
  command.expect(0, result)
  assert(savefile.parse(temporary.read(out))[2000])
end)

-- Of a file so short that nothing is written before its end, if nobody asks for it.
local SHORT = savefile.write(savefile.numbered(400, 100))

test("SIGUSR2 hands what was written to the kernel", function()
  local script = command.script [[
    local n = 0
    local function look() os.execute "wc -c <$OUT" end
    return { packet = function()
      n = n + 1
      if n == 100 then look() os.execute "kill -USR2 $PPID" end
      if n == 200 then look() end
    end }
  ]]
  local out = temporary.name()
  local result = command.sh(("OUT=%s; export OUT; $P run -r %s -w $OUT %s"):format(
    out, SHORT, script))
  command.expect(0, result)
  test.equal(result.out, ("0\n%d\n"):format(24 + 400 * 116))
end)

test("killed at any moment, every file can be read to its last whole packet", function()
  local where <close> = temporary.folder()
  local script = command.script "return { batch = function() os.execute 'sleep 0.002' end }"
  local files = 0
  local function check()
    local last = 0
    for _, name in ipairs(names_in(where)) do
      local bytes = temporary.read(where.name .. "/" .. name)
      assert((#bytes - 24) % 116 == 0 or name:find "%.part$", name)
      for number = 0, (#bytes - 24) // 116 - 1 do
        local packet = string.unpack(">I4", bytes, 25 + number * 116 + 16)
        test.equal(packet, last % 9000 + 1)
        last = packet
      end
      files = files + 1
    end
    os.execute(("rm -f %s/*"):format(where.name))
  end
  command.kill(tonumber(os.getenv "CAPENGINE_KILLS") or 15, check,
    ("$P run -U -r %s -r %s -w %s/a.pcap -C 64k %s"):format(MANY, MANY, where.name, script))
  assert(files > 10, files)
end)
