-- savefile_reading_spec.lua: savefiles that change while they are read, or are much larger
-- than the memory they may take. Run by support/on_huge_pages, it has them mapped.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local expect, run = command.expect, command.run

-- Files are mapped from some way behind their beginning on: until there packets are large,
-- since there are not to be many.
local LEAD <const> = os.getenv "ON_HUGE_PAGES" and 176 or 0
local PACKETS <const> = 50000

-- A savefile of PACKETS packets behind those, many times what is read ahead; and where
-- so many of them end.
local numbered = savefile.numbered(LEAD + PACKETS, 300)
for number = 1, LEAD do numbered[number] = numbered[number] .. ("."):rep(262000 - 300) end
local bytes = savefile.bytes(numbered)
local function end_of(count) return 24 + LEAD * 262016 + count * 316 end
local function fresh() return temporary.file(bytes) end

-- Look at every byte of every packet, and run COMMAND after the first that is small.
local PULL <const> = [[
  local pcap = require "pcap"
  local handle, n = assert(pcap.open_offline(arg[1])), 0
  for packet in handle:packets() do
    n = n + 1
    if n == FIRST then assert(os.execute "COMMAND") end
    assert(n < FIRST or #tostring(packet) <= 400)
  end
  print(n)
]]
local PUSH <const> = [[
  local script, n = {}, 0
  function script.packet(packet)
    n = n + 1
    if n == FIRST then assert(os.execute "COMMAND") end
    assert(n < FIRST or #tostring(packet) <= 400)
  end
  function script.finish() print(n) end
  return script
]]

local function has(text, part)
  if not text:find(part, 1, true) then error(("no %q in:\n%s"):format(part, text), 2) end
end

local function filled(text, line) return (text:gsub("COMMAND", line):gsub("FIRST", LEAD + 1)) end

-- Runs the script over the file, with a line of sh in the middle.
local function pull(path, line)
  return command.sh(("exec $P run %s %s"):format(command.script(filled(PULL, line)), path))
end

local function push(path, line, options)
  return run(("-r %s %s"):format(path, options), filled(PUSH, line))
end

-- To nothing, within the first page, to a page, far ahead of the cursor.
local CUTS <const> = { 0, end_of(0) + 1000, end_of(0) + 4096, end_of(200), end_of(3300),
  #bytes - 4096 * 3, #bytes - 1 }

test("a file that is truncated while a script pulls packets raises", function()
  for _, size in ipairs(CUTS) do
    local path = fresh()
    local result = expect(3, pull(path, ("truncate -s %d %s"):format(size, path)))
    has(result.err, "truncated")
    has(result.err, path)
    test.equal(result.out, "")
  end
end)

test("a file that is truncated while hooks run ends the run with 1", function()
  for _, size in ipairs(CUTS) do
    for _, options in ipairs { "", "-f 'len > 0'" } do
      local path = fresh()
      local result = expect(1, push(path, ("truncate -s %d %s"):format(size, path), options))
      has(result.err, "truncated")
    end
  end
end)

-- What was there before the end is seen, and nothing else, by whoever gets so far.
test("of a truncated file all packets before its end are seen", function()
  local path = fresh()
  local result = push(path, ("truncate -s %d %s"):format(end_of(40000) + 100, path), "")
  test.equal(result.status, 1)
  has(result.err, ("%d delivered"):format(LEAD + 40000))
end)

-- Looks at packets of a file that is cut after the first, in one way or other.
local GONE <const> = [[
  local pcap = require "pcap"
  local handle, n, gone = assert(pcap.open_offline(arg[1])), 0, 0
  local function look(packet)
    n = n + 1
    if n == FIRST then assert(os.execute "truncate -s 4096 PATH") end
    if packet:u8(4) == 0 and packet:u8(299) == 0 then gone = gone + 1 end
  end
  local function tell() io.stderr:write(gone, " gone;") end
  WAY
  tell()
]]

local function cut_and(way)
  local path = fresh()
  local text = GONE:gsub("WAY", function() return way end):gsub("PATH", path)
    :gsub("FIRST", LEAD + 1):gsub("LAST", LEAD + 800)
  return command.sh(("exec $P run %s %s"):format(command.script(text), path))
end

-- Not to ask for what comes behind.
local STOPS <const> = {
  "for packet in handle:packets() do look(packet); if n == LAST then break end end",
  "handle:loop(LAST, look)",
  "handle:loop(-1, function(packet) look(packet); if n == LAST then handle:breakloop() end end)",
  "for _ = 1, LAST do look((handle:next())) end",
  "for packet in handle:packets() do look(packet); if n == LAST then tell() os.exit() end end",
  [[for batch in handle:batches() do
    for packet in batch:each() do look(packet) end
    if n >= FIRST then break end
  end]],
}

test("whoever stops in the middle sees no packets that are gone, or is told", function()
  for _, stop in ipairs(STOPS) do
    local result = cut_and(stop)
    if result.status == 0 then has(result.err, "0 gone") else has(result.err, "truncated while") end
  end
end)

-- The first one has about 3,100.
test("of packets that are gone no more than one batch is seen", function()
  local result = cut_and [[
    local ok, why = pcall(function() for packet in handle:packets() do look(packet) end end)
    assert(not ok and why:find "truncated", why)
  ]]
  test.equal(result.status, 0)
  assert(tonumber(result.err:match "(%d+) gone") < 3200, result.err)
end)

-- What was in memory when it was cut may be lost; but nothing else is in the copy.
test("no packet that is gone is written", function()
  local path, copy = fresh(), temporary.name()
  local result = command.sh(("exec $P run %s %s %s"):format(command.script(([[
    local pcap = require "pcap"
    local handle = assert(pcap.open_offline(arg[1]))
    assert(handle:dump_open(arg[2]))
    assert(handle:loop_dump(COUNT))
    assert(os.execute "truncate -s 4096 PATH")
    print(handle:loop_dump(0))
  ]]):gsub("PATH", path):gsub("COUNT", LEAD + 10)), path, copy))
  has(result.out .. result.err, "truncated")
  local packets = savefile.parse(temporary.read(copy))
  assert(#packets >= LEAD + 10, #packets)
  for number, packet in ipairs(packets) do test.equal((string.unpack(">I4", packet[1])), number) end
end)

test("a file that is replaced while it is read is read on", function()
  local path, other = fresh(), fresh()
  test.equal(expect(0, pull(path, ("mv %s %s"):format(other, path))).out,
    LEAD + PACKETS .. "\n")
end)

test("records that are appended while it is read are read too", function()
  local path, more = fresh(), temporary.file(bytes:sub(end_of(0) + 1, end_of(1000)))
  test.equal(expect(0, pull(path, ("cat %s >>%s"):format(more, path))).out,
    LEAD + PACKETS + 1000 .. "\n")
end)

-- Nobody knows what is read then; but it ends, and by itself.
test("a file that is overwritten while it is read crashes nothing", function()
  local path = fresh()
  for _ = 1, 5 do
    temporary.write(path, bytes)
    local result = pull(path,
      ("dd if=/dev/urandom of=%s bs=64k seek=%d count=240 conv=notrunc 2>&- &")
      :format(path, end_of(0) >> 16))
    assert(result.status <= 3, result.err)
  end
end)

-- In one of three tries: to read it instead is no mistake, whatever the system's reason.
if os.getenv "ON_HUGE_PAGES" then
  test("a file in huge pages is mapped", function()
    local most = 0
    for _ = 1, 3 do
      local result = expect(0, command.sh(("exec $P run %s %s"):format(command.script [[
        local most = 0
        for batch in assert(require "pcap".open_offline(arg[1])):batches() do
          local file <close> = io.open "/proc/self/status"
          most = math.max(most, math.tointeger(file:read "a":match "RssShmem:%s*(%d+)"))
        end
        print(most)
      ]], fresh())))
      most = math.max(most, tonumber(result.out))
    end
    assert(most >= 2048, most)
  end)
end

-- The most resident memory until all is read, less what it was at first; in KiB.
local MEMORY <const> = [[
  local pcap = require "pcap"
  local function kib(name)
    local file <close> = io.open "/proc/self/status"
    return math.tointeger(file:read "a":match(name .. ":%s*(%d+)"))
  end
  local first, packets = kib "VmRSS", 0
  for batch in assert(pcap.open_offline(arg[1])):batches() do packets = packets + #batch end
  print(kib "VmHWM" - first, packets)
]]

local SELECT <const> = [[
  local ce = require "capengine"
  local batches, long, bytes = 0, 0, 0
  for batch in assert(ce.open("file:" .. arg[1], { batch = 100 })):batches() do
    batches = batches + 1
    long = long + batch:where("frame.len > 1430 and frame.time_epoch > 0"):count()
    bytes = bytes + batch:sum "frame.cap_len"
  end
  print(batches, long, bytes)
]]

-- Small ones of long packets: parts of the file are read by who waits for them.
test("batches of any size are selected from", function()
  local payloads, long, sum = {}, 0, 0
  for i = 1, 3000 do
    local length = 1350 + i * 31 % 150
    payloads[i] = ("x"):rep(length)
    sum = sum + length
    if length > 1430 then long = long + 1 end
  end
  local path = temporary.file(savefile.bytes(payloads))
  local result = expect(0, command.sh(("exec $P run %s %s"):format(command.script(SELECT), path)))
  local batches, selected, bytes_seen = result.out:match "^(%d+)\t(%d+)\t(%d+)\n$"
  test.equal(tonumber(selected), long)
  test.equal(tonumber(bytes_seen), sum)
  assert(tonumber(batches) >= 30)
end)

-- Ask for the same by other fields every few batches, and for some of few packets.
local FIELDS <const> = [[
  local ce = require "capengine"
  local by_port = ce.group { by = "flow.dstport", sum = { "frame.len", "ip.id" } }
  local ways, batches, tcp, odd, dns = 0, 0, 0, 0, 0
  for batch in ce.source():batches() do
    batches = batches + 1
    if batches % 3 == 0 then ways = (ways + 1) % 4 end
    local web = ways < 2 and "tcp.dstport == 443" or "tcp and flow.dstport == 443"
    tcp = tcp + batch:where(web):count()
    odd = odd + batch:where(ways % 2 == 0 and "ip.id & 1" or "ip[5:1] & 1"):count()
    local few = batch:where "udp.port == 53"
    dns = dns + (ways == 3 and few:sum "flow.dstport" or few:sum "udp.dstport")
    by_port:add(batch)
  end
  print(tcp, odd, dns, by_port:len())
  for row in by_port:rows { order = "flow.dstport" } do
    print(row["flow.dstport"], row["frame.len"], row["ip.id"])
  end
]]

test("fields of a file are those of the same file through a pipe", function()
  local packets = {}
  for i = 1, 60000 do
    local packet = i % 3 == 0 and savefile.tcp(i % 5 == 0 and 443 or 80) or
      savefile.udp(i % 4 == 0 and 53 or i % 100 + 1000, ("x"):rep(i * 7 % 90))
    packets[i] = packet:sub(1, 18) .. string.pack(">I2", i * 31 % 65536) .. packet:sub(21)
  end
  local path, script = savefile.write(packets), command.script(FIELDS)
  for _, options in ipairs { "", "-f 'udp'", "-f 'udp port 53'", "-c 40000" } do
    local read = expect(0, command.sh(("exec $P run %s %s -r %s"):format(options, script, path)))
    local piped = command.sh(("cat %s | $P run %s %s -r -"):format(path, options, script))
    test.equal(read.out, expect(0, piped).out)
    assert(#read.out > 10)
  end
end)

-- A file of this size with holes for its packets: zeros are packets of no bytes.
local function sparse(size, packet_bytes)
  local path = temporary.name()
  local file <close> = assert(io.open(path, "wb"))
  file:write(savefile.header { order = "<" })
  if packet_bytes > 0 then
    for at = 24, size - 1, 16 + packet_bytes do
      file:seek("set", at)
      file:write(string.pack("<I4 I4 I4 I4", 1, 2, packet_bytes, packet_bytes))
    end
  end
  file:close()
  assert(os.execute(("truncate -s %d %s"):format(size, path)))
  if os.getenv "ON_HUGE_PAGES" then -- where holes are not mapped
    local full = path .. ".full"
    assert(os.execute(("cp --sparse=never %s %s && mv %s %s"):format(path, full, full, path)))
  end
  return path
end

-- Sanitizers have memory of their own: for all that was ever mapped, or freed.
if command.sh("grep -qE '__(tsan|asan)_init' $P").status ~= 0 then
  test("memory stays small, however large file and packets are", function()
    local size <const> = 128 << 20
    for _, packet_bytes in ipairs { 0, 64, 1500, 65536, 262144 } do
      local whole = (size - 24) // (16 + packet_bytes)
      local path = sparse(24 + whole * (16 + packet_bytes), packet_bytes)
      local result = expect(0,
        command.sh(("exec $P run %s %s"):format(command.script(MEMORY), path)))
      local kib, packets = result.out:match "^(%d+)\t(%d+)\n$"
      os.remove(path)
      test.equal(math.tointeger(packets), whole)
      if tonumber(kib) > 40 * 1024 then
        error(("packets of %d bytes: %d KiB more in memory"):format(packet_bytes, kib))
      end
    end
  end)
end
