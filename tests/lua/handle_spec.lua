-- handle_spec.lua: the life of a handle, and what it says of itself: the calls of
-- lua_handle.c and lua_knobs.c.
local pcap = require "pcap"
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

-- Loops that break at once are part of what is tested.
-- luacheck: ignore 512

local TEN = savefile.write(savefile.numbered(10))
local UDP = savefile.write { savefile.udp(53) }

local function open()
  return assert(pcap.open_offline(TEN))
end

-- What pcap has as functions and a handle as methods.
local function handle_calls()
  local handle <close> = open()
  local calls = {}
  for name, call in pairs(pcap) do
    if type(call) == "function" and handle[name] == call then calls[name] = call end
  end
  return calls
end

-- Arguments after the handle that are right for a call.
local arguments = {
  loop = { 1, print }, dispatch = { 1, print }, loop_dump = { 1 }, dispatch_dump = { 1 },
  compile = { "ip" }, set_datalink = { 1 }, inject = { "x" }, dump_open = { temporary.name() },
  set_snaplen = { 100 }, set_promisc = { true }, set_rfmon = { false }, set_timeout = { 10 },
  set_buffer_size = { 4096 }, set_immediate_mode = { true }, set_tstamp_precision = { "nano" },
  set_tstamp_type = { "host" },
}

local function call_on(handle, name)
  return handle[name](handle, table.unpack(arguments[name] or {}))
end

test("open_offline says why it fails: message and code, by file", function()
  local folder = temporary.name()
  os.remove(folder)
  test.fails("ENOENT", pcap.open_offline(folder .. "/none.pcap"))
  test.fails("ENOENT", pcap.open_offline "")
  test.fails("EISDIR", pcap.open_offline "/tmp")
  test.fails("ENOTDIR", pcap.open_offline(TEN .. "/x"))
  test.fails("ENAMETOOLONG", pcap.open_offline(("x"):rep(5000)))
  test.fails("EBADMSG", pcap.open_offline(temporary.file ""))
  test.fails("EBADMSG", pcap.open_offline(temporary.file "no savefile, but long enough for one"))
  test.fails("EBADMSG", pcap.open_offline(temporary.file(savefile.bytes({}, { major = 99 }))))
  test.fails("EBADMSG", pcap.open_offline "/dev/null")
end)

test("open_offline of a header cut at every byte fails and never crashes", function()
  local header = savefile.bytes({}, {})
  for bytes = 0, #header - 1 do
    test.fails("EBADMSG", pcap.open_offline(temporary.file(header:sub(1, bytes))))
  end
  local handle <close> = assert(pcap.open_offline(temporary.file(header)))
  test.equal(handle:loop(0, print), 0)
end)

test("a failed open's message names the file", function()
  local _, message = pcap.open_offline "/tmp/no/such/file.pcap"
  assert(message:find("/tmp/no/such/file.pcap", 1, true), message)
end)

-- Opens what there is to open until something cannot be had, then all the rest.
local GREEDY = [[
  local pcap, path = require "pcap", ...
  local kept = {}
  local function try(what, ...)
    if ... == nil then print(what, (select(3, ...))) end
    return ...
  end
  for _ = 1, 100 do
    local handle = try("open_offline", pcap.open_offline(path))
    if not handle then break end
    kept[#kept + 1] = { handle, try("dump_open", handle:dump_open "/dev/null") }
    assert(handle:loop(1, function() end) == 1)
    if not kept[#kept][2] then break end
  end
  try("findalldevs", pcap.findalldevs())
  try("lookupnet", pcap.lookupnet "lo")
  for _, one in ipairs(kept) do one[1]:close() end
  assert(pcap.open_offline(path)):close()
]]

test("where descriptors run out, what needs one says EMFILE, and later works again", function()
  local script, failures = command.script(GREEDY), 0
  for limit = 9, 30 do
    local result = command.expect(0, command.sh(("ulimit -n %d; exec $P run %s -- %s"):format(
      limit, script, TEN)))
    for what, code in result.out:gmatch "(%l+_?%l+)\t(%S+)\n" do
      assert(code == "EMFILE", what .. " says " .. code)
      failures = failures + 1
    end
  end
  assert(failures >= 22)
end)

test("an errbuf table gets the message; nil and false are fine; others raise", function()
  local errbuf = {}
  local _, message = pcap.open_offline("/tmp/no/such.pcap", errbuf)
  test.equal(errbuf.message, message)
  test.fails("ENOENT", pcap.open_offline("/tmp/no/such.pcap", nil))
  test.fails("ENOENT", pcap.open_offline("/tmp/no/such.pcap", false))
  test.raises("table expected", pcap.open_offline, "/tmp/no/such.pcap", "text")
  local _, live = pcap.open_live("no-such-if", 100, false, 10, errbuf)
  test.equal(errbuf.message, live)
  errbuf = {}
  local handle = assert(pcap.open_offline(TEN, errbuf))
  handle:close()
  test.equal(errbuf.message, nil)
end)

test("open_live of names that are no interface fails with ENODEV", function()
  for _, name in ipairs { "no-such-if", "", ("x"):rep(100), "lo\nlo", "../lo", "%s%n" } do
    local handle, message, code = pcap.open_live(name, 100, false, 10)
    test.equal(handle, nil)
    test.equal(type(message), "string")
    test.equal(code, "ENODEV")
  end
  local _, message = pcap.open_live("no-such-if", 100, false, 10)
  test.equal(message, "no-such-if: No such device exists")
end)

test("a name with a NUL raises, and is not cut there", function()
  local handle <close> = open()
  for call, arguments_of_it in pairs {
    open_offline = {}, open_live = { 100, false, 10 }, create = {}, lookupnet = {},
  } do
    test.raises("NUL", pcap[call], TEN .. "\0.txt", table.unpack(arguments_of_it))
  end
  test.raises("NUL", handle.dump_open, handle, temporary.name() .. "\0")
end)

test("open calls raise for arguments of a wrong type", function()
  test.raises("string expected", pcap.open_offline)
  test.raises("string expected", pcap.open_offline, {})
  test.raises("number expected", pcap.open_live, "lo", "much", false, 10)
  test.raises("number expected", pcap.open_live, "lo", 100, "yes", 10)
  test.raises("number expected", pcap.open_live, "lo", 100, false)
  test.raises("table expected", pcap.open_live, "lo", 100, false, 10, 1)
  test.raises("number expected", pcap.open_dead, "ethernet", 100)
end)

test("a savefile's header is what the handle says, in both byte orders", function()
  for _, order in ipairs { "<", ">" } do
    local handle <close> = assert(pcap.open_offline(savefile.write({ "ab" },
      { order = order, linktype = 113, snaplen = 1234 })))
    test.equal(handle:datalink(), 113)
    test.equal(pcap.datalink(handle), 113)
    test.equal(handle:snapshot(), 1234)
    test.equal(handle:major_version(), 2)
    test.equal(handle:minor_version(), 4)
    test.equal(handle:is_swapped(), order == ">")
    test.equal(table.concat(handle:list_datalinks(), " "), "113")
    test.equal(handle:geterr(), "")
    assert(tostring(handle):find "^capengine.handle %(/tmp/")
  end
end)

test("a snapshot length of 0 or less in a savefile is the largest, as libpcap has it", function()
  for _, snaplen in ipairs { 0, 0x80000000, 0xffffffff } do
    local handle <close> = assert(pcap.open_offline(savefile.write({}, { snaplen = snaplen })))
    test.equal(handle:snapshot(), 262144)
  end
end)

test("stats of a savefile fail as libpcap's do, and geterr repeats it", function()
  local handle <close> = open()
  local message = test.fails("EOPNOTSUPP", handle:stats())
  test.equal(message, "Statistics aren't available from savefiles")
  test.equal(handle:geterr(), message)
end)

test("inject on a savefile fails, and takes what tostring makes of its argument", function()
  local handle <close> = open()
  test.fails("EOPNOTSUPP", handle:inject "bytes")
end)

test("set_datalink takes a savefile's own link type alone", function()
  local handle <close> = open()
  test.equal(handle:set_datalink(1), 0)
  test.fails("EINVAL", handle:set_datalink(101))
  test.equal(handle:datalink(), 1)
end)

test("set_datalink with packets queued is EBUSY", function()
  local handle <close> = open()
  handle:next()
  test.fails("EBUSY", handle:set_datalink(1))
end)

test("after close every call raises, as method and as function", function()
  local checked = 0
  for name, call in pairs(handle_calls()) do
    if name ~= "close" and name ~= "geterr" then
      local handle = open()
      handle:close()
      test.raises("closed", call_on, handle, name)
      test.raises("closed", call, handle, table.unpack(arguments[name] or {}))
      checked = checked + 1
    end
  end
  assert(checked >= 30, checked)
end)

test("every call raises for what is no handle", function()
  for name, call in pairs(handle_calls()) do
    for _, wrong in ipairs { 1, "text", {}, io.stdout, print } do
      test.raises("capengine.handle expected", call, wrong, table.unpack(arguments[name] or {}))
    end
    test.raises("bad argument", call)
  end
end)

test("close may be called any number of times, and gives nothing", function()
  local handle = open()
  for _ = 1, 3 do test.equal(select("#", handle:close()), 0) end
  pcap.close(handle)
end)

test("a handle in a <close> local is closed at the block's end, whatever ends it", function()
  local kept
  do
    local handle <close> = open()
    kept = handle
    handle:next()
  end
  test.raises("closed", kept.next, kept)
  pcall(function()
    local handle <close> = open()
    kept = handle
    error "out"
  end)
  test.raises("closed", kept.next, kept)
  do
    local handle <close> = open()
    handle:close()
  end
end)

test("a closed handle may be collected, and one that was never read", function()
  for _ = 1, 200 do
    open():close()
    open()
  end
end)

test("scripts cannot get at a handle's metatable", function()
  local handle <close> = open()
  test.equal(getmetatable(handle), false)
  test.equal(handle.__gc, nil)
  test.raises("index", function() handle.next = print end)
end)

-- What a step of a random life does; each may fail, none may crash.
local steps = {
  function(lives) lives[#lives + 1] = { handle = open() } end,
  function(lives) lives[#lives + 1] = { handle = assert(pcap.open_offline(UDP)) } end,
  function(_, one) one.handle:next() end,
  function(_, one) one.packet = one.handle:next() end,
  function(_, one) return one.packet and one.packet:u8(0) end,
  function(_, one) one.kept = one.packet and one.packet:keep() end,
  function(_, one) one.handle:loop(math.random(4), function() end) end,
  function(_, one) one.handle:close() end,
  function(_, one) one.dumper = one.handle:dump_open "/dev/null" end,
  function(_, one) return one.dumper and one.kept and one.dumper:dump(one.kept) end,
  function(_, one) return one.dumper and one.handle:loop_dump(2) end,
  function(_, one) return one.dumper and one.dumper:dump_close() end,
  function(_, one) one.dumper = nil end,
  function(_, one) one.handle:setfilter(one.handle:compile "udp") end,
  function(_, one) for batch in one.handle:batches() do one.batch = batch break end end,
  function(_, one) return one.batch and #one.batch end,
  function(lives, one)
    lives[math.random(#lives)].handle:loop(1, function() one.handle:close() end)
  end,
  function(lives) table.remove(lives, math.random(#lives)) end,
  function() collectgarbage() end,
}

test("handles, dumpers, packets and batches may live and die in any order", function()
  test.seed()
  local lives, calls, raised = {}, 0, 0
  for _ = 1, 20000 do
    if #lives == 0 or #lives < 8 and math.random(4) == 1 then steps[1](lives) end
    local ok, problem = pcall(steps[math.random(#steps)], lives, lives[math.random(#lives)])
    calls = calls + 1
    if not ok then
      raised = raised + 1
      problem = tostring(problem)
      assert(problem:find "closed" or problem:find "used after" or problem:find "no open dumper"
        or problem:find "nil value", problem)
    end
    while #lives > 12 do table.remove(lives, 1) end
  end
  assert(raised > 100 and raised < calls, raised)
end)

test("a created handle has knobs, each of which gives 0, and cannot be read yet", function()
  local handle <close> = pcap.create "lo"
  for name in pairs(arguments) do
    if name:find "^set_" and name ~= "set_datalink" then test.equal(call_on(handle, name), 0) end
  end
  for _, name in ipairs { "next", "loop", "datalink", "stats", "counters", "snapshot", "compile",
      "dump_open", "batches", "breakloop" } do
    test.raises("not activated", call_on, handle, name)
  end
end)

test("knobs raise for arguments that make no sense", function()
  local handle <close> = pcap.create "lo"
  test.raises("invalid option", handle.set_tstamp_precision, handle, "pico")
  test.raises("invalid option", handle.set_tstamp_type, handle, "sundial")
  test.raises("number expected", handle.set_snaplen, handle, "all")
  test.raises("number expected", handle.set_promisc, handle, "yes")
  test.raises("at least one byte", handle.set_buffer_size, handle, 0)
  test.raises("string expected", pcap.create)
end)

test("knobs and activate raise on a handle that is active already", function()
  local handle <close> = open()
  for name in pairs(arguments) do
    if name:find "^set_" and name ~= "set_datalink" then
      test.raises("activated already", call_on, handle, name)
    end
  end
  test.raises("activated already", handle.activate, handle)
end)

test("activate of no interface fails with ENODEV, and may be tried again", function()
  local handle <close> = pcap.create "no-such-if"
  for _ = 1, 3 do
    local message = test.fails("ENODEV", handle:activate())
    test.equal(handle:geterr(), message)
  end
  test.raises("not activated", handle.next, handle)
end)

-- A handle on the loopback interface, or skip.
local function live(...)
  local handle, message, code = pcap.open_live("lo", ...)
  if not handle and (code == "EPERM" or code == "EACCES") then
    test.skip("no permission to capture: " .. message)
  end
  return assert(handle, message)
end

test("a live handle says what libpcap says of an interface", function()
  local handle <close> = live(100, 0, 10)
  test.equal(handle:snapshot(), 100)
  test.equal(handle:datalink(), pcap.datalink_name_to_val "EN10MB")
  test.equal(handle:is_swapped(), false)
  test.equal(handle:major_version(), 0) -- an interface has none
  test.equal(handle:minor_version(), 0)
  local received, dropped = handle:stats()
  test.equal(math.type(received), "integer")
  test.equal(math.type(dropped), "integer")
end)

test("open_live clamps snapshot lengths as libpcap does", function()
  for given, expected in pairs { [0] = 262144, [-1] = 262144, [1] = 1, [14] = 14,
      [262144] = 262144, [2147483647] = 262144 } do
    local handle <close> = live(given, false, 10)
    test.equal(handle:snapshot(), expected)
  end
end)

test("a live dispatch without packets gives 0 after its time-out", function()
  local handle <close> = live(100, false, 50)
  assert(handle:setfilter(assert(handle:compile "ether proto 0x88b6")) == 0)
  test.equal(handle:dispatch(0, error), 0)
end)

test("what is injected is captured", function()
  local frame = "\255\255\255\255\255\255\2\0\0\0\0\1\x88\xb5 a frame of our own"
  local handle <close> = live(262144, false, 10)
  assert(handle:setfilter(assert(handle:compile "ether proto 0x88b5")) == 0)
  handle:dispatch(1, error) -- the capture runs
  test.equal(handle:inject(frame), #frame)
  local packet, sec = handle:next()
  test.equal(tostring(packet), frame)
  assert(math.abs(sec - os.time()) < 60, sec)
end)
