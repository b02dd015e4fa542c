-- dump_spec.lua: savefiles that scripts write, lua_dumper.c and the calls of
-- lua_read.c that dump.
local command = require "support.command"
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local TEN = savefile.write(savefile.numbered(10, 60))
local MANY = savefile.write(savefile.numbered(9000, 100))

local function open(name)
  return assert(pcap.open_offline(name or TEN))
end

local function numbers_in(name)
  local numbers = {}
  for i, packet in ipairs(savefile.parse(temporary.read(name))) do
    numbers[i] = string.unpack(">I4", packet[1])
  end
  return table.concat(numbers, " ")
end

for _, call in ipairs { "loop_dump", "dispatch_dump" } do
  test(call .. " copies a savefile byte for byte", function()
    for _, name in ipairs { TEN, MANY } do
      local handle <close> = open(name)
      local out = temporary.name()
      local dumper = assert(handle:dump_open(out))
      local count = name == TEN and 10 or 9000
      test.equal(handle[call](handle, 0), count)
      test.equal(handle:counters().written, count)
      test.equal(dumper:dump_close(), true)
      assert(temporary.read(out) == temporary.read(name))
    end
  end)

  test(call .. " writes exactly as many packets as asked for, for every n", function()
    for n = 1, 12 do
      local handle <close> = open()
      local out = temporary.name()
      local dumper = assert(handle:dump_open(out))
      test.equal(handle[call](handle, n), math.min(n, 10))
      local packet = handle:next()
      test.equal(packet and packet:u32(0), n < 10 and n + 1 or nil)
      test.equal(dumper:dump_close(), true)
      test.equal(#savefile.parse(temporary.read(out)), math.min(n, 10))
    end
  end)

  test(call .. " without an open dumper raises, and consumes nothing", function()
    local handle <close> = open()
    test.raises("dump_open", handle[call], handle, 1)
    local dumper = assert(handle:dump_open "/dev/null")
    dumper:dump_close()
    test.raises("dump_open", handle[call], handle, 1)
    test.equal(handle:next():u32(0), 1)
  end)

  test(call .. " writes to the last opened dumper that is still open", function()
    local handle <close> = open()
    local names, dumpers = {}, {}
    for i = 1, 3 do
      names[i] = temporary.name()
      dumpers[i] = assert(handle:dump_open(names[i]))
    end
    test.equal(handle[call](handle, 1), 1)
    dumpers[2]:dump_close()
    test.equal(handle[call](handle, 1), 1)
    dumpers[3]:dump_close()
    test.equal(handle[call](handle, 1), 1)
    dumpers[1]:dump_close()
    test.raises("dump_open", handle[call], handle, 1)
    test.equal(numbers_in(names[1]), "3")
    test.equal(numbers_in(names[2]), "")
    test.equal(numbers_in(names[3]), "1 2")
  end)

  test(call .. " finds a dumper that the script holds nowhere", function()
    local handle <close> = open()
    local out = temporary.name()
    assert(handle:dump_open(out))
    collectgarbage()
    collectgarbage()
    test.equal(handle[call](handle, 4), 4)
    handle:close()
  end)

  test(call .. " obeys the filter and breakloop, and raises in a callback", function()
    local handle <close> = open()
    local out = temporary.name()
    local dumper = assert(handle:dump_open(out))
    handle:breakloop()
    test.equal(handle[call](handle, 0), pcap.BREAK)
    handle:loop(1, function() test.raises("callback", handle[call], handle, 1) end)
    assert(handle:setfilter(assert(handle:compile "ether[3] > 5")) == 0)
    test.equal(handle[call](handle, 0), 5)
    dumper:dump_close()
    test.equal(numbers_in(out), "6 7 8 9 10")
  end)

  test(call .. " of a cut file writes the packets before the cut, then gives -1", function()
    local bytes = temporary.read(TEN)
    local handle <close> = open(temporary.file(bytes:sub(1, -5)))
    local out = temporary.name()
    local dumper = assert(handle:dump_open(out))
    local count, message, code = handle[call](handle, 0)
    test.equal(count, -1)
    test.equal(code, "EBADMSG")
    assert(message:find "truncated")
    dumper:dump_close()
    test.equal(numbers_in(out), "1 2 3 4 5 6 7 8 9")
  end)

  test(call .. " to a full disk gives -1, message, ENOSPC, and the process goes on", function()
    local handle <close> = open(MANY)
    local dumper = assert(handle:dump_open "/dev/full")
    local count, message, code = handle[call](handle, 0)
    test.equal(count, -1)
    test.equal(code, "ENOSPC")
    assert(message:find("/dev/full", 1, true), message)
    test.equal(handle:geterr(), message)
    count = handle[call](handle, 1)
    test.equal(count, -1)
    assert(handle:next())
    test.fails("ENOSPC", dumper:dump_flush())
    test.fails("ENOSPC", dumper:dump_close())
    test.equal(dumper:dump_close(), true)
  end)
end

test("dump writes views and kept packets, each as its record was", function()
  local handle <close> = open()
  local out = temporary.name()
  local dumper = assert(pcap.dump_open(handle, out))
  local kept
  handle:loop(10, function(packet)
    if packet:u32(0) % 2 == 0 then
      test.equal(dumper:dump(packet), true)
    else
      kept = packet:keep()
      test.equal(pcap.dump(dumper, kept), true)
    end
  end)
  test.equal(pcap.dump_close(dumper), true)
  test.equal(temporary.read(out), temporary.read(TEN))
end)

test("lengths and odd stamps of records are written as they were read", function()
  local packets = {
    { "abcd", sec = 0, frac = 0, len = 0 }, { "", sec = 4294967295, frac = 999999, len = 1500 },
    { "ab", sec = 2147483648, frac = 1000001, len = 1 }, { "a", sec = 5, frac = 4294967295 },
  }
  local name = savefile.write(packets)
  local handle <close> = open(name)
  local out = temporary.name()
  local dumper = assert(handle:dump_open(out))
  handle:loop_dump(0)
  dumper:dump_close()
  assert(temporary.read(out) == temporary.read(name))
end)

test("a file of the other byte order, or of nanoseconds, is written as microseconds", function()
  local packet = { "abcd", sec = 3000000000, frac = 123456, len = 9 }
  local expected = savefile.bytes { packet }
  local nano = { "abcd", sec = 3000000000, frac = 123456789, len = 9 }
  for _, name in ipairs { savefile.write({ packet }, { order = ">" }),
      savefile.write({ nano }, { nano = true }),
      savefile.write({ nano }, { nano = true, order = ">" }) } do
    local handle <close> = open(name)
    local out = temporary.name()
    local dumper = assert(handle:dump_open(out))
    handle:next()
    test.equal(handle:loop_dump(0), 0)
    dumper:dump_close()
    local again <close> = open(name)
    dumper = assert(again:dump_open(out))
    test.equal(again:loop_dump(0), 1)
    dumper:dump_close()
    test.equal(temporary.read(out), expected)
  end
end)

test("dump_ftell says how long the file is, and dump_flush puts it there", function()
  local handle <close> = open()
  local out = temporary.name()
  local dumper = assert(handle:dump_open(out))
  test.equal(dumper:dump_ftell(), 24)
  for number = 1, 10 do
    dumper:dump(handle:next())
    test.equal(dumper:dump_ftell(), 24 + number * 76)
    test.equal(dumper:dump_flush(), 0)
    test.equal(#temporary.read(out), 24 + number * 76)
  end
  dumper:dump_close()
end)

test("dump of a packet with another link type fails and writes nothing of it", function()
  local handle <close> = open()
  local out = temporary.name()
  local dumper = assert(handle:dump_open(out))
  local raw <close> = open(savefile.write({ "abcd" }, { linktype = 101 }))
  local message = test.fails("EINVAL", dumper:dump(raw:next()))
  assert(message:find("pcapng", 1, true), message)
  test.equal(dumper:dump(handle:next()), true)
  test.equal(dumper:dump_close(), true)
  test.equal(numbers_in(out), "1")
end)

test("dump_open says why it fails", function()
  local handle <close> = open()
  test.fails("ENOENT", handle:dump_open "/no/such/folder/x.pcap")
  test.fails("EISDIR", handle:dump_open "/tmp")
  local dead <close> = pcap.open_dead(100000, 100)
  test.fails("EINVAL", dead:dump_open(temporary.name()))
  test.raises("string expected", handle.dump_open, handle)
end)

test("a dumper of open_dead takes packets of its link type", function()
  local dead <close> = pcap.open_dead(1, 500)
  local out = temporary.name()
  local dumper = assert(dead:dump_open(out))
  local handle <close> = open()
  for packet in handle:packets() do test.equal(dumper:dump(packet), true) end
  test.equal(dumper:dump_close(), true)
  test.equal(#savefile.parse(temporary.read(out)), 10)
  local copy <close> = open(out)
  test.equal(copy:snapshot(), 500)
end)

test("a closed dumper raises, and may be closed again", function()
  local handle <close> = open()
  local dumper = assert(handle:dump_open "/dev/null")
  local packet = handle:next()
  for _ = 1, 3 do test.equal(dumper:dump_close(), true) end
  test.raises("closed", dumper.dump, dumper, packet)
  test.raises("closed", dumper.dump_flush, dumper)
  test.raises("closed", dumper.dump_ftell, dumper)
  test.raises("dumper expected", pcap.dump_close, handle)
  test.raises("dumper expected", pcap.dump, 1, packet)
end)

test("dump raises for what is no packet, and for one past its batch", function()
  local handle <close> = open()
  local dumper = assert(handle:dump_open "/dev/null")
  test.raises("packet expected", dumper.dump, dumper, "bytes")
  test.raises("packet expected", dumper.dump, dumper)
  local packet = handle:next()
  handle:close()
  test.raises("used after its batch", dumper.dump, dumper, packet)
  dumper:dump_close()
end)

test("a dumper outlives its handle: it takes packets and closes well", function()
  local handle = open()
  local out = temporary.name()
  local dumper = assert(handle:dump_open(out))
  local packet = handle:next():keep()
  handle:close()
  handle = nil -- luacheck: ignore
  collectgarbage()
  test.equal(dumper:dump(packet), true)
  test.equal(dumper:dump_close(), true)
  test.equal(numbers_in(out), "1")
end)

test("a dumper that is only collected has written everything", function()
  local out = temporary.name()
  do
    local handle <close> = open()
    assert(handle:dump_open(out))
    handle:loop_dump(0)
  end
  collectgarbage()
  collectgarbage()
  test.equal(#savefile.parse(temporary.read(out)), 10)
end)

test("a dumper in a <close> local has written everything at the block's end", function()
  local handle <close> = open()
  local out = temporary.name()
  do
    local dumper <close> = assert(handle:dump_open(out))
    dumper:dump(handle:next())
  end
  test.equal(numbers_in(out), "1")
end)

test("a callback may open, use and close dumpers, also that of the running dump", function()
  local handle <close> = open()
  local names = {}
  handle:loop(0, function(packet)
    local out = temporary.name()
    names[#names + 1] = out
    local dumper = assert(handle:dump_open(out))
    assert(dumper:dump(packet))
    assert(dumper:dump_close())
  end)
  test.equal(#names, 10)
  for number, name in ipairs(names) do test.equal(numbers_in(name), tostring(number)) end
end)

test("dump to a full disk fails once the buffer is full, then always", function()
  local handle <close> = open(MANY)
  local dumper = assert(handle:dump_open "/dev/full")
  local written, code = 0, nil
  for packet in handle:packets() do
    local ok, _, name = dumper:dump(packet)
    if not ok then
      code = name
      break
    end
    written = written + 1
  end
  test.equal(code, "ENOSPC")
  assert(written < 9000)
  test.fails("ENOSPC", dumper:dump(handle:next()))
  test.fails("ENOSPC", dumper:dump_close())
end)

local COPY = [[
  local pcap = require "pcap"
  local handle = assert(pcap.open_offline(arg[1]))
  local dumper = assert(handle:dump_open(arg[2]))
  local count, message, code = handle:loop_dump(0)
  print(count, code)
  io.stderr:write(tostring(message), "\n")
]]

-- The whole records at the beginning of a savefile that may be cut.
local function whole_records(bytes)
  local at, count = 25, 0
  while at + 15 <= #bytes do
    at = at + 16 + string.unpack("<I4", bytes, at + 8)
    if at <= #bytes + 1 then count = count + 1 end
  end
  return count, at == #bytes + 1
end

test("a file size limit gives -1, EFBIG, and no process that dies of SIGXFSZ", function()
  local out = temporary.name()
  local script = command.script(COPY .. "print(dumper:dump_close())")
  local result = command.sh(("ulimit -f 200; $P run %s %s %s"):format(script, MANY, out))
  command.expect(0, result)
  assert(result.out:find "^%-1\tEFBIG\n", result.out)
  assert(result.out:find "\nnil\t.*\tEFBIG\n", result.out)
end)

test("after a failed write the file holds whole records only", function()
  local out = temporary.name()
  local script = command.script(COPY .. "dumper:dump_close()")
  command.sh(("ulimit -f 200; $P run %s %s %s"):format(script, MANY, out))
  local count, whole = whole_records(temporary.read(out))
  assert(count > 100, count)
  assert(whole, "the last record is cut")
end)

test("a dumper that could not write and is only collected makes the exit status 2", function()
  local script = command.script(COPY)
  local result = command.sh(("$P run %s %s /dev/full"):format(script, MANY))
  command.expect(2, result)
  assert(result.err:find "No space left", result.err)
end)

test("dump_open of - is standard output", function()
  local script = command.script [[
    local handle = require "pcap".open_offline(arg[1])
    local dumper = assert(handle:dump_open "-")
    handle:loop_dump(0)
    assert(dumper:dump_close())
  ]]
  local result = command.sh(("$P run %s %s"):format(script, TEN))
  command.expect(0, result)
  test.equal(result.out, temporary.read(TEN))
end)
