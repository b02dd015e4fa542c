-- compressed_spec.lua: savefiles that gzip, zstd and lz4 made.
local pcap = require "pcap"
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local COUNT <const> = 20000
local PLAIN <const> = savefile.write(savefile.numbered(COUNT, 40))
local PROGRAMS <const> = { "gzip -c", "zstd -qc", "lz4 -c", "zstd -19qc", "lz4 -B4 -BD -c" }

-- Runs a line of sh with $IN and $OUT; gives the name of OUT.
local function made(line, input)
  local out = temporary.name()
  assert(os.execute(("IN=%s OUT=%s; %s"):format(input, out, line)))
  return out
end

local function compressed(program, input)
  return made(program .. " <$IN >$OUT 2>/dev/null", input)
end

-- Checks the packets of a savefile; gives how many came, and the error.
local function read(path)
  local handle <close> = assert(pcap.open_offline(path))
  local n = 0
  local rc, message = pcap.loop(handle, 0, function(packet)
    n = n + 1
    assert(packet:u32(0) == n and #packet == 40)
  end)
  return n, rc < 0 and message or nil
end

test("a compressed savefile has the packets of the plain one", function()
  for _, program in ipairs(PROGRAMS) do
    test.equal(read(compressed(program, PLAIN)), COUNT)
  end
end)

test("it may come through a pipe", function()
  local script = command.script [[
    local handle, n = assert(require "pcap".open_offline "-"), 0
    for packet in handle:packets() do n = n + 1 end
    print(n)
  ]]
  for _, program in ipairs(PROGRAMS) do
    local result = command.sh(("%s <%s 2>/dev/null | $P run %s"):format(program, PLAIN, script))
    test.equal(command.expect(0, result).out, COUNT .. "\n")
  end
end)

-- The writer ends when the reader has made MARK, or after ten seconds in vain.
test("what is at hand is read although the stream goes on later", function()
  local packets = temporary.file(savefile.bytes(savefile.numbered(3)))
  local mark = temporary.name()
  os.remove(mark)
  local script = command.script [[
    local handle = assert(require "pcap".open_offline "-")
    for i = 1, 3 do assert(handle:next()) end
    assert(io.open(arg[1], "w")):close()
  ]]
  local wait = "i=0; while [ $i -lt 100 ] && ! [ -e %s ]; do sleep 0.1; i=$((i + 1)); done"
  for _, program in ipairs(PROGRAMS) do
    local writer = ("%s <%s 2>/dev/null; %s; [ $i -lt 100 ] || echo late >&2"):format(program,
      packets, wait:format(mark))
    local result = command.sh(("(%s) | $P run %s %s"):format(writer, script, mark))
    command.expect(0, result)
    assert(not result.err:find "late", program)
    os.remove(mark)
  end
end)

test("members and frames that follow each other are one stream", function()
  local half = COUNT // 2
  local all = temporary.read(PLAIN)
  local first = temporary.file(all:sub(1, 24 + half * 56 + 7))
  local rest = temporary.file(all:sub(24 + half * 56 + 8))
  for _, program in ipairs(PROGRAMS) do
    local bytes = temporary.read(compressed(program, first)) ..
      temporary.read(compressed(program, rest))
    test.equal(read(temporary.file(bytes)), COUNT)
  end
end)

test("a cut one gives what is whole, and then an error", function()
  for _, program in ipairs(PROGRAMS) do
    local bytes = temporary.read(compressed(program, PLAIN))
    for part = 1, 9 do
      local path = temporary.file(bytes:sub(1, #bytes * part // 10))
      local handle, message = pcap.open_offline(path)
      local n = 0
      if handle then
        handle:close()
        n, message = read(path)
      end
      assert(n < COUNT)
      assert(message:find(path, 1, true) and message:find("compressed", 1, true), message)
    end
    local _, message = read(temporary.file(bytes:sub(1, -2)))
    assert(message and message:find("truncated", 1, true), message)
  end
end)

test("one that is cut within the header says so", function()
  local header = temporary.file(savefile.header { order = "<" })
  for _, program in ipairs(PROGRAMS) do
    local bytes = temporary.read(compressed(program, header))
    local handle, message, code = pcap.open_offline(temporary.file(bytes:sub(1, -10)))
    test.equal(handle, nil)
    test.equal(code, "EBADMSG")
    assert(message:find("compressed", 1, true), message)
  end
end)

-- Much more than is read ahead, in ten pieces; what is left are eight.
test("one that is truncated while it is read is an error, also where a piece ends", function()
  local all, bytes, left = temporary.read(PLAIN), {}, 0
  for piece = 1, 10 do
    local part = temporary.file(piece == 1 and all or all:sub(25))
    bytes[piece] = temporary.read(compressed("gzip -c", part))
    if piece <= 8 then left = left + #bytes[piece] end
  end
  local path = temporary.file(table.concat(bytes))
  local handle <close> = assert(pcap.open_offline(path))
  local n = 0
  local rc, message = pcap.loop(handle, 0, function()
    n = n + 1
    if n == 1 then assert(os.execute(("truncate -s %d %s"):format(left, path))) end
  end)
  test.equal(rc, -1)
  assert(message:find("truncated while it was read", 1, true), message)
  test.equal(n, 8 * COUNT)
end)

test("a damaged one is an error and no crash", function()
  local bytes = temporary.read(compressed("gzip -c", PLAIN))
  local _, message = read(temporary.file(bytes:sub(1, -9) .. "\0\1\2\3" .. bytes:sub(-4)))
  assert(message:find("incorrect data check", 1, true), message)
  local garbage = temporary.file "\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff"
  local handle, text, code = pcap.open_offline(garbage)
  test.equal(handle, nil)
  test.equal(code, "EBADMSG")
  assert(text:find("compressed", 1, true), text)
end)

test("one that is empty is an empty savefile", function()
  local empty = temporary.file ""
  local _, plain = pcap.open_offline(empty)
  for _, program in ipairs(PROGRAMS) do
    local path = compressed(program, empty)
    local handle, message = pcap.open_offline(path)
    test.equal(handle, nil)
    test.equal(message:sub(#path + 1), plain:sub(#empty + 1))
  end
end)

test("memory is that of the decompressor, whatever comes out", function()
  local header = temporary.file(savefile.header { order = "<" })
  local script = command.script [[
    local n = 0
    for batch in assert(require "pcap".open_offline(arg[1])):batches() do n = n + #batch end
    for line in io.lines "/proc/self/status" do
      if line:match "RssAnon" then print(n, line:match "%d+") end
    end
  ]]
  for _, program in ipairs { "gzip -c", "zstd -qc" } do
    local bomb = made(("(cat $IN; head -c 100M /dev/zero) | %s >$OUT"):format(program), header)
    local result = command.expect(0, command.sh(("$P run %s %s"):format(script, bomb)))
    local n, kib = result.out:match "^(%d+)\t(%d+)\n$"
    test.equal(tonumber(n), (100 << 20) // 16)
    assert(tonumber(kib) < 30 * 1024 or os.getenv "ASAN_OPTIONS" or os.getenv "TSAN_OPTIONS",
      kib .. " KiB")
  end
end)
