-- savefile_spec.lua: savefiles of any packets, lua_savefile.c.
local capengine = require "capengine"
local command = require "support.command"
local pcap = require "pcap"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local TEN = savefile.write(savefile.numbered(10, 60))
local MANY = savefile.write(savefile.numbered(9000, 100))
local RAW = savefile.write(savefile.numbered(3, 40), { linktype = 101 })

local function open(name)
  return assert(pcap.open_offline(name or TEN))
end

-- What a command prints.
local function output(line)
  local pipe <close> = io.popen(line)
  return pipe:read "a"
end

local function numbers_in(name)
  local numbers = {}
  local handle <close> = open(name)
  for packet in handle:packets() do numbers[#numbers + 1] = packet:u32(0) end
  return table.concat(numbers, " ")
end

local function write_all(out, name)
  local handle <close> = open(name)
  for batch in handle:batches() do assert(out:write(batch)) end
end

test("batches are written as they were read, byte for byte", function()
  local name = temporary.name()
  local out <close> = assert(capengine.savefile(name))
  write_all(out, MANY)
  test.equal(out:counters().written, 9000)
  test.equal(out:close(), true)
  assert(temporary.read(name) == temporary.read(MANY))
  test.equal(out:counters().bytes, #temporary.read(MANY))
end)

test("batches go into a compressed file compressed, whatever was flushed before", function()
  for _, ending in ipairs { ".pcap.gz", ".pcap.zst" } do
    local name = temporary.name() .. ending
    local out <close> = assert(capengine.savefile(name))
    local handle <close> = open(MANY)
    for batch in handle:batches() do
      assert(out:write(batch))
      assert(out:flush())
    end
    test.equal(out:close(), true)
    local again <close> = open(name)
    local count = 0
    for _ in again:packets() do count = count + 1 end
    test.equal(count, 9000)
    os.remove(name)
  end
end)

test("of a batch, only packets that are selected are written", function()
  local name = temporary.name()
  local out <close> = assert(capengine.savefile(name))
  local handle <close> = open()
  assert(handle:setfilter(assert(handle:compile "ether[3] & 1 = 0")) == 0)
  for batch in handle:batches() do assert(out:write(batch)) end
  test.equal(out:close(), true)
  test.equal(numbers_in(name), "2 4 6 8 10")
end)

test("of a batch that where has narrowed, only what it has is written", function()
  local name = temporary.name()
  local out <close> = assert(capengine.savefile(name))
  local handle <close> = open()
  for batch in handle:batches() do
    assert(out:write(batch:where "frame.number > 3 and frame.number < 6"))
    assert(out:write(batch:where "frame.number == 9"))
  end
  test.equal(out:close(), true)
  test.equal(numbers_in(name), "4 5 9")
end)

test("packets are written one by one, views and kept ones", function()
  local name = temporary.name()
  local out <close> = assert(capengine.savefile(name))
  local handle <close> = open()
  for packet in handle:packets() do
    assert(out:write(packet:u32(0) % 2 == 0 and packet or packet:keep()))
  end
  test.equal(out:close(), true)
  assert(temporary.read(name) == temporary.read(TEN))
end)

test("the name says format and compression, and options say otherwise", function()
  local where <close> = temporary.folder()
  local kinds = {
    { "a.pcap", nil, "^\xd4\xc3\xb2\xa1" }, { "a.pcapng", nil, "^\x0a\x0d\x0d\x0a" },
    { "a.pcap.gz", nil, "^\x1f\x8b" }, { "a.pcapng.zst", nil, "^%\x28\xb5\x2f\xfd" },
    { "b", { format = "pcapng" }, "^\x0a\x0d\x0d\x0a" },
    { "c.pcapng", { format = "pcap" }, "^\xd4\xc3" },
    { "d", { compression = "gzip" }, "^\x1f\x8b" },
    { "e.gz", { compression = "none" }, "^\xd4\xc3" },
    { "f", { nano = true }, "^\x4d\x3c" },
  }
  for _, kind in ipairs(kinds) do
    local name = where.name .. "/" .. kind[1]
    local out <close> = assert(capengine.savefile(name, kind[2]))
    write_all(out, TEN)
    assert(out:close())
    assert(temporary.read(name):find(kind[3]), kind[1])
  end
end)

test("compressed files hold what plain ones do", function()
  local where <close> = temporary.folder()
  for ending, tool in pairs { gz = "gzip -dc", zst = "zstd -qdc" } do
    local name = where.name .. "/a.pcap." .. ending
    local out <close> = assert(capengine.savefile(name))
    write_all(out, MANY)
    test.equal(out:counters().written, 9000)
    assert(out:close())
    test.equal(out:counters().written, 9000)
    assert(#temporary.read(name) < #temporary.read(MANY))
    if os.execute("command -v " .. tool:match "%w+" .. " >/dev/null") then
      assert(output(tool .. " " .. name) == temporary.read(MANY), ending)
    end
  end
end)

test("a compressed file that was only flushed can be read", function()
  local where <close> = temporary.folder()
  local name = where.name .. "/a.pcap.gz"
  local out <close> = assert(capengine.savefile(name))
  write_all(out, TEN)
  assert(out:flush())
  assert(output("gzip -dc " .. name) == temporary.read(TEN))
  write_all(out, TEN)
  assert(out:close())
  assert(#output("gzip -dc " .. name) == 2 * #temporary.read(TEN) - 24)
end)

test("a pcapng file reads back the same", function()
  local where <close> = temporary.folder()
  local name = where.name .. "/a.pcapng"
  local out <close> = assert(capengine.savefile(name))
  write_all(out, TEN)
  assert(out:close())
  local back <close> = open(name)
  local original <close> = open()
  for packet in original:packets() do
    local same = back:next()
    test.equal(tostring(same), tostring(packet))
    test.equal(same:time(), packet:time())
    test.equal(same:wire_len(), packet:wire_len())
  end
  test.equal(back:next(), nil)
end)

-- Fields of a file, as tshark prints them; nil where there is no tshark.
local function tshark(name, fields)
  if not os.execute "command -v tshark >/dev/null" then test.skip "no tshark" end
  return output(("tshark -r %s -T fields %s 2>&1 | grep -v '^Running as'"):format(name, fields))
end

test("a pcapng file takes several link types and comments, which tshark shows", function()
  local where <close> = temporary.folder()
  local name = where.name .. "/a.pcapng"
  local out <close> = assert(capengine.savefile(name))
  write_all(out, RAW)
  local handle <close> = open()
  assert(out:write(handle:next(), "the first\nof ten"))
  assert(out:write(handle:next()))
  assert(out:close())
  local shown = tshark(name, "-e frame.interface_id -e frame.encap_type -e frame.comment")
  test.equal(shown, ("0\t7\t\n"):rep(3) .. "1\t1\tthe first\\nof ten\n1\t1\t\n")
end)

test("a classic savefile takes one link type, and no comments", function()
  local out <close> = assert(capengine.savefile(temporary.name()))
  local handle <close> = open()
  local raw <close> = open(RAW)
  local packet = handle:next()
  assert(out:write(packet))
  test.raises("pcapng", out.write, out, packet, "comment")
  assert(test.fails("EINVAL", out:write(raw:next())):find("pcapng", 1, true))
  assert(out:write(packet))
  local counters = out:counters()
  test.equal(counters.written, 2)
  test.equal(counters.failed, 1)
  assert(out:close())
end)

test("the link type may be said before; without packets it is Ethernet", function()
  local name = temporary.name()
  local out <close> = assert(capengine.savefile(name, { linktype = 12, snaplen = 99 }))
  assert(out:close())
  local handle <close> = open(name)
  test.equal(handle:datalink(), 12)
  test.equal(handle:snapshot(), 99)
  handle:close()
  local other <close> = assert(capengine.savefile(name))
  assert(other:close())
  local empty <close> = open(name)
  test.equal(empty:datalink(), 1)
end)

test("hundreds of savefiles may be open at once", function()
  local where <close> = temporary.folder()
  local outs = {}
  for i = 1, 600 do outs[i] = assert(capengine.savefile(("%s/%d.pcap"):format(where.name, i))) end
  local handle <close> = open()
  for packet in handle:packets() do
    for i = 1, 600 do assert(outs[i]:write(packet)) end
  end
  for i = 1, 600 do assert(outs[i]:close()) end
  for i = 1, 600, 37 do
    assert(temporary.read(("%s/%d.pcap"):format(where.name, i)) == temporary.read(TEN))
  end
end)

test("with few descriptors they share what there is", function()
  local where <close> = temporary.folder()
  local script = command.script [[
    local capengine = require "capengine"
    local outs = {}
    for i = 1, 100 do outs[i] = assert(capengine.savefile(("%s/%d.pcap"):format(arg[2], i))) end
    local handle = assert(capengine.pcap.open_offline(arg[1]))
    for packet in handle:packets() do
      for i = 1, 100 do assert(outs[i]:write(packet)) end
    end
  ]]
  local result = command.sh(("ulimit -n 24; $P run %s %s %s"):format(script, TEN, where.name))
  command.expect(0, result)
  for i = 1, 100, 9 do
    assert(temporary.read(("%s/%d.pcap"):format(where.name, i)) == temporary.read(TEN))
  end
end)

test("options that are not there raise", function()
  local name = temporary.name()
  test.raises("no option formt", capengine.savefile, name, { formt = "pcap" })
  test.raises("format: there is no `cap`", capengine.savefile, name, { format = "cap" })
  test.raises("on_slow: there is no", capengine.savefile, name, { on_slow = 1 })
  test.raises("table expected", capengine.savefile, name, "pcap")
  test.raises("string expected", capengine.savefile)
end)

test("what cannot be opened says why", function()
  test.fails("ENOENT", capengine.savefile "/no/such/folder/a.pcap")
  test.fails("EINVAL", capengine.savefile(temporary.name(), { linktype = 100000 }))
  local handle <close> = open()
  local message = test.fails("EINVAL", capengine.savefile(TEN))
  assert(message:find("is read", 1, true), message)
  assert(handle:next())
end)

test("a full disk is an error of write, flush and close, and of nothing else", function()
  local out = assert(capengine.savefile "/dev/full")
  local handle <close> = open()
  assert(out:write(handle:next()))
  assert(test.fails("ENOSPC", out:flush()):find("holds 0 packets", 1, true))
  test.fails("ENOSPC", out:write(handle:next()))
  test.fails("ENOSPC", out:close())
  test.equal(out:close(), true)
  local counters = out:counters()
  test.equal(counters.written, 0)
  test.equal(counters.failed, 2)
end)

-- Write all of a file to one that rotates so; gives what `complete` was called with.
local function rotate(path, how, by_packet)
  local told = {}
  how.complete = function(name, packets, bytes)
    told[#told + 1] = { name = name, packets = packets, bytes = bytes }
  end
  local out <close> = assert(capengine.savefile(path, { rotate = how }))
  local handle <close> = open(MANY)
  for batch in handle:batches() do
    if by_packet then
      for packet in batch:each() do assert(out:write(packet:keep())) end
    else
      assert(out:write(batch))
    end
  end
  assert(out:close())
  test.equal(out:counters().written, 9000)
  return told
end

test("files that rotate are told of when they are complete, the last one too", function()
  for _, by_packet in ipairs { false, true } do
    local in_folder <close> = temporary.folder()
    local told = rotate(in_folder.name .. "/x.pcap", { packets = 4000 }, by_packet)
    test.equal(#told, 3)
    for i, file in ipairs(told) do
      test.equal(file.name, ("%s/x-%05d.pcap"):format(in_folder.name, i))
      test.equal(file.packets, i < 3 and 4000 or 1000)
      test.equal(file.bytes, #temporary.read(file.name))
    end
    test.equal(told[1].bytes, 24 + 4000 * 116)
  end
end)

test("files rotate by bytes and by seconds, and the last ones are kept", function()
  local in_folder <close> = temporary.folder()
  local told = rotate(in_folder.name .. "/b.pcap", { bytes = 24 + 116 * 100, files = 2 })
  test.equal(#told, 90)
  test.equal(output("ls " .. in_folder.name), "b-00089.pcap\nb-00090.pcap\n")
  told = rotate(in_folder.name .. "/s.pcap", { seconds = 1000, aligned = true })
  test.equal(told[1].packets, 999) -- the first is of second 1001
  test.equal(told[2].packets, 1000)
end)

test("what `complete` raises is raised, and the rest is told of later", function()
  local in_folder <close> = temporary.folder()
  local told = 0
  local function complete()
    told = told + 1
    if told == 1 then error "enough" end
  end
  local out <close> = assert(capengine.savefile(in_folder.name .. "/x.pcap",
    { rotate = { packets = 1000, complete = complete } }))
  local handle <close> = open(MANY)
  for batch in handle:batches() do
    if told == 0 then test.raises("enough", out.write, out, batch) else assert(out:write(batch)) end
  end
  assert(out:close())
  test.equal(told, 9)
end)

test("a rotation that says nothing useful raises", function()
  local name = temporary.name()
  test.raises("bytes, packets or seconds", capengine.savefile, name, { rotate = {} })
  test.raises("no option size", capengine.savefile, name, { rotate = { size = 1 } })
  test.raises("table", capengine.savefile, name, { rotate = 7 })
  test.raises("function expected", capengine.savefile, name,
    { rotate = { packets = 1, complete = "print" } })
  test.raises("one file", capengine.savefile, "-", { rotate = { packets = 1 } })
end)

test("of files that rotate, each has the comments of its packets", function()
  local in_folder <close> = temporary.folder()
  local out <close> = assert(capengine.savefile(in_folder.name .. "/x.pcapng",
    { rotate = { packets = 2 } }))
  local handle <close> = open()
  for i = 1, 4 do assert(out:write(handle:next(), i % 3 == 0 and "number " .. i or nil)) end
  assert(out:close())
  test.equal(tshark(in_folder.name .. "/x-00001.pcapng", "-e frame.comment"), "\n\n")
  test.equal(tshark(in_folder.name .. "/x-00002.pcapng", "-e frame.comment"), "number 3\n\n")
end)

test("a closed savefile raises, and so does one past its batch", function()
  local out = assert(capengine.savefile(temporary.name()))
  local handle <close> = open()
  local kept
  for batch in handle:batches() do kept = batch end
  test.raises("batch used after", out.write, out, kept)
  test.raises("packet expected", out.write, out, "bytes")
  assert(out:close())
  test.raises("closed", out.write, out, kept)
  test.raises("closed", out.flush, out)
  test.equal(out:counters().written, 0)
end)

local COPY = [[
  local capengine = require "capengine"
  local handle = assert(capengine.pcap.open_offline(arg[1]))
  local out = assert(capengine.savefile(arg[2]))
  for batch in handle:batches() do assert(out:write(batch)) end
]]

test("whatever way a script ends, its savefiles are complete", function()
  for ending, status in pairs { [""] = 0, ["os.exit(5)"] = 5, ["os.exit(6, true)"] = 6,
      ["error 'x'"] = 3, ["out = nil; collectgarbage()"] = 0 } do
    local name = temporary.name()
    local script = command.script(COPY .. ending)
    local result = command.sh(("$P run %s %s %s"):format(script, MANY, name))
    command.expect(status, result)
    assert(temporary.read(name) == temporary.read(MANY), ending)
    assert(result.err:find("9000 written", 1, true), result.err)
  end
end)

test("a file that could not be completed makes the exit status 2", function()
  local result = command.sh(("$P run %s %s /dev/full"):format(command.script(COPY), TEN))
  command.expect(2, result)
  assert(result.err:find("/dev/full: No space left", 1, true), result.err)
  assert(result.err:find("10 not written", 1, true), result.err)
end)
