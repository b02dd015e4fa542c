-- run_spec.lua: the command `capengine run`, in child processes.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local expect, run, sh = command.expect, command.run, command.sh

local function datagrams(count, first, ports)
  local packets = {}
  for i = 1, count do
    packets[i] = savefile.udp(i % (ports or 3), string.pack(">I4", first + i - 1))
  end
  return packets
end

local NINE = savefile.write(datagrams(9, 1))
local MORE = savefile.write(datagrams(6, 10))
local MANY = savefile.write(datagrams(9000, 1))
local RAW = savefile.write({ savefile.raw_udp(1) }, { linktype = 101 })

local COUNT = [[
  local script, count = {}, 0
  function script.packet(packet) count = count + 1 end
  function script.finish() print(count) end
  return script
]]
local NUMBERS = [[
  local script = {}
  function script.packet(packet) print(packet:u32(42)) end
  return script
]]

local function lines(first, last, step)
  local text = {}
  for number = first, last, step or 1 do text[#text + 1] = number .. "\n" end
  return table.concat(text)
end

local function has(text, part)
  if not text:find(part, 1, true) then error(("no %q in:\n%s"):format(part, text), 2) end
end

test("-r reads a savefile, and the last line on stderr says where packets went", function()
  local result = expect(0, run("-r " .. NINE, COUNT))
  test.equal(result.out, "9\n")
  has(result.err, "9 received, 9 delivered, 0 filtered, 0 undelivered")
end)

test("-r several times reads one file after the other", function()
  local result = expect(0, run(("-r %s -r %s"):format(NINE, MORE), NUMBERS))
  test.equal(result.out, lines(1, 15))
end)

test("-r - reads standard input, also among files", function()
  test.equal(expect(0, sh(("exec $P run -r - %s <%s"):format(command.script(NUMBERS), NINE))).out,
    lines(1, 9))
  test.equal(expect(0, sh(("cat %s | $P run -r - -r %s %s"):format(NINE, MORE,
    command.script(NUMBERS)))).out, lines(1, 15))
end)

test("-c ends after so many packets, after filters and over all files", function()
  test.equal(expect(0, run(("-c 11 -r %s -r %s"):format(NINE, MORE), NUMBERS)).out, lines(1, 11))
  test.equal(expect(0, run(("-c 4 -f 'udp port 1' -r %s -r %s"):format(NINE, MORE), NUMBERS)).out,
    lines(1, 10, 3))
  test.equal(expect(0, run(("-c 100 -r %s"):format(NINE), NUMBERS)).out, lines(1, 9))
  test.equal(expect(0, run(("-c 5000 -r %s"):format(MANY), COUNT)).out, "5000\n")
end)

test("-f and script.filter both hold", function()
  test.equal(expect(0, run("-f 'udp port 1' -r " .. NINE, NUMBERS)).out, lines(1, 9, 3))
  local filtered = 'local s = { filter = "udp port 1 or udp port 2" } ' ..
    "function s.packet(p) print(p:u32(42)) end return s"
  test.equal(expect(0, run("-f 'udp port 1 or udp port 0' -r " .. NINE, filtered)).out,
    lines(1, 9, 3))
  local result = expect(0, run("-f tcp -r " .. NINE, COUNT))
  test.equal(result.out, "0\n")
  has(result.err, "9 received, 0 delivered, 9 filtered")
end)

test("options may stand before and after the script, and -- ends them", function()
  local script = command.script(COUNT)
  test.equal(expect(0, sh(("$P run %s -r %s -c 3"):format(script, NINE))).out, "3\n")
  test.equal(expect(0, sh(("$P run -c 3 %s -r %s"):format(script, NINE))).out, "3\n")
  expect(2, sh(("$P run -r %s %s -- -c 3"):format(NINE, script)))
end)

test("-w writes the file that tcpdump -w writes for the same filter", function()
  if not os.execute "command -v tcpdump >/dev/null" then test.skip "no tcpdump" end
  local nano = savefile.write({ { savefile.udp(1), sec = 7, frac = 123456789 },
    { savefile.udp(2), sec = 8, frac = 1 } }, { nano = true })
  local swapped = savefile.write(datagrams(9, 1), { order = ">", snaplen = 1234 })
  local ours, theirs = temporary.name(), temporary.name()
  for _, input in ipairs { NINE, MANY, nano, swapped, RAW } do
    for _, filter in ipairs { "udp", "udp port 1", "tcp", "" } do
      for option, theirs_option in pairs { ["--micro"] = "--micro", ["--nano"] = "--nano" } do
        expect(0, run(("-r %s -f '%s' -w %s %s"):format(input, filter, ours, option), COUNT))
        expect(0, sh(("tcpdump -Z root %s -r %s -w %s '%s'"):format(theirs_option, input, theirs,
          filter)))
        assert(temporary.read(ours) == temporary.read(theirs), input .. " " .. filter .. option)
      end
    end
  end
end)

test("-w writes microseconds by default", function()
  local out = temporary.name()
  local nano = savefile.write({ { "abcd", sec = 7, frac = 123456789 } }, { nano = true })
  expect(0, run(("-r %s -w %s"):format(nano, out), COUNT))
  test.equal(temporary.read(out), savefile.bytes { { "abcd", sec = 7, frac = 123456 } })
end)

test("-w - is standard output, and -w holds what -c and all files let pass", function()
  local silent = "return { packet = function() end }"
  local result = expect(0, run(("-r %s -r %s -c 12 -w -"):format(NINE, MORE), silent))
  test.equal(#savefile.parse(result.out), 12)
end)

test("-w writes what passed, whatever the script does with it", function()
  local out = temporary.name()
  for _, script in ipairs {
    "local ce = require 'capengine' ce.source():loop(0, function() end)",
    [[local h = require 'capengine'.source()
      h:setfilter(h:compile "tcp")
      h:loop(0, error)]],
    "for batch in require 'capengine'.source():batches() do end",
    "return { batch = function() end }",
  } do
    expect(0, run(("-r %s -w %s"):format(MANY, out), script))
    assert(temporary.read(out) == temporary.read(MANY), script)
  end
end)

test("-w of files with different link types is exit 2 at once, naming pcapng", function()
  local out = temporary.name()
  os.remove(out)
  local result = expect(2, run(("-r %s -r %s -w %s"):format(NINE, RAW, out), COUNT))
  has(result.err, "pcapng")
  test.equal(result.out, "")
  test.equal(io.open(out), nil)
  test.equal(expect(0, run(("-r %s -r %s"):format(NINE, RAW), COUNT)).out, "10\n")
end)

test("-w to a full disk, or to no folder, is exit 2 with a message", function()
  has(expect(2, run(("-r %s -w /dev/full"):format(MANY), COUNT)).err, "No space left")
  has(expect(2, run(("-r %s -w /dev/full"):format(NINE), COUNT)).err, "No space left")
  has(expect(2, run(("-r %s -w /no/such/x.pcap"):format(NINE), COUNT)).err, "No such file")
end)

test("a command line that names a source which the script never used is exit 2", function()
  local result = expect(2, run("-r " .. NINE, "print 'nothing read'"))
  test.equal(result.out, "nothing read\n")
  has(result.err, "-r")
  expect(2, run("-w " .. temporary.name(), "local x = 1"))
  expect(2, run("-i lo", "local x = 1"))
  for _, option in ipairs { "-f tcp", "-c 1", "-s 100", "-p" } do
    has(expect(2, run(option, "local x = 1")).err, option:sub(1, 2) .. " had no effect")
  end
  expect(0, run("", "local x = 1"))
end)

test("a wrong command line is exit 2, and says what is wrong", function()
  local script = command.script(COUNT)
  for line, part in pairs {
    ["run"] = "which script", ["run no-such-script"] = "no such script", ["walk"] = "no command",
    ["run -z " .. script] = "capengine run: ",
    ["run --no-such " .. script] = "capengine run: ", ["run -c"] = "",
    ["run -c 0 " .. script] = "-c", ["run -c -1 " .. script] = "-c",
    ["run -c 1x " .. script] = "-c", ["run -c '' " .. script] = "-c",
    ["run -s -1 " .. script] = "-s", ["run --ring-bytes 1 " .. script] = "--ring-bytes",
    ["run -i lo -r x " .. script] = "-i", ["run -i lo -i lo " .. script] = "-i",
    ["run " .. script] = "-r", [""] = "usage",
    ["run -f 'no filter' -r " .. NINE .. " " .. script] = "syntax error",
  } do
    local result = expect(2, sh("exec $P " .. line))
    has(result.err, part)
    test.equal(result.out, "")
  end
end)

test("input that cannot be read is exit 1, after the packets before the error", function()
  has(expect(1, run("-r /no/such.pcap", COUNT)).err, "/no/such.pcap")
  expect(1, run("-r " .. temporary.file "no savefile", COUNT))
  local cut = temporary.file(temporary.read(NINE):sub(1, -5))
  local result = expect(1, run("-r " .. cut, NUMBERS))
  test.equal(result.out, lines(1, 8))
  has(result.err, "truncated")
  test.equal(expect(1, run(("-r %s -r /no/such.pcap"):format(NINE), NUMBERS)).out, lines(1, 9))
end)

test("finish runs also after a read error, and sees all that was delivered", function()
  local cut = temporary.file(temporary.read(NINE):sub(1, -5))
  test.equal(expect(1, run("-r " .. cut, COUNT)).out, "8\n")
end)

test("a script's error is exit 3, with a traceback that has the callback's line", function()
  local out = temporary.name()
  local result = expect(3, run(("-r %s -w %s"):format(NINE, out), [[
    local script = {}
    local function deep(packet)
      error "deep down"                                                -- line 3
    end
    function script.packet(packet)
      if packet:u32(42) == 4 then deep(packet) end                     -- line 6
      print(packet:u32(42))
    end
    return script
  ]]))
  test.equal(result.out, lines(1, 3))
  for _, part in ipairs { ":3: deep down", "stack traceback", ":6: in" } do
    has(result.err, part)
  end
  test.equal(temporary.read(out), temporary.read(NINE))
end)

test("an error in a callback of loop has the callback's line in its traceback", function()
  local result = expect(3, run("-r " .. NINE, [[
    local source = require "capengine".source()
    source:loop(0, function(packet)
      error "in loop"                                                  -- line 3
    end)                                                               -- line 4
  ]]))
  for _, part in ipairs { ":3: in loop", "stack traceback", ":3: in", ":2: in" } do
    has(result.err, part)
  end
end)

test("an error of an earlier, caught loop does not lend its traceback to another", function()
  local result = expect(3, run("-r " .. NINE, [[
    local source = require "capengine".source()
    pcall(source.loop, source, 1, function() error("same", 0) end)     -- line 2
    local function later()
      error("same", 0)                                                 -- line 4
    end
    later()                                                            -- line 6
  ]]))
  has(result.err, ":4: in")
end)

test("error objects of every kind are exit 3, said in words, and no crash", function()
  for object, part in pairs {
    ['"text"'] = "text", ["{}"] = "table", ["nil"] = "nil", ["17"] = "17", ["true"] = "true",
    ["setmetatable({}, { __tostring = function() return 'spoken' end })"] = "spoken",
    ["setmetatable({}, { __tostring = function() error 'mute' end })"] = "__tostring",
    ["setmetatable({}, { __tostring = function() return {} end })"] = "__tostring",
    ["print"] = "function", ["coroutine.create(print)"] = "thread", ["io.stdout"] = "file",
  } do
    for _, form in ipairs {
      "return { packet = function() error(%s, 0) end }",
      "return { finish = function() error(%s, 0) end }",
      "require 'capengine'.source():loop(0, function() error(%s, 0) end)", "error(%s, 0)",
    } do
      has(expect(3, run("-r " .. NINE, form:format(object))).err, part)
    end
  end
end)

test("a script that does not compile, or is bytecode, is exit 3", function()
  has(expect(3, run("-r " .. NINE, "local = 1")).err, ":1:")
  local bytecode = temporary.file(string.dump(function() print "bytecode ran" end))
  local result = expect(3, sh("$P run " .. bytecode))
  test.equal(result.out, "")
  expect(3, sh("$P run " .. temporary.file("\27Lua" .. ("x"):rep(100))))
end)

test("a script without end of memory or stack is exit 3", function()
  has(expect(3, run("", "local function f() return f() + 1 end f()")).err, "stack overflow")
  has(expect(3, run("", "local t = ('x'):rep(1 << 40)")).err, "")
end)

test("os.exit in a callback ends the run with its status, -w completed", function()
  for _, form in ipairs {
    "return { packet = function(p) if p:u32(42) == 9000 then os.exit(%s) end end }",
    [[require "capengine".source():loop(0, function(p)
        if p:u32(42) == 9000 then os.exit(%s) end
      end)]],
  } do
    for code, status in pairs { ["5"] = 5, ["true"] = 0, ["false"] = 1, [""] = 0, ["0"] = 0 } do
      local out = temporary.name()
      local result = expect(status, run(("-r %s -w %s"):format(MANY, out), form:format(code)))
      assert(temporary.read(out) == temporary.read(MANY))
      has(result.err, "9000 received, 9000 delivered")
    end
  end
end)

test("os.exit completes the script's own savefiles, and says if it could not", function()
  local out = temporary.name()
  expect(0, run("-r " .. NINE, ([[
    local source = require "capengine".source()
    local dumper = source:dump_open "%s"
    source:loop(0, function(packet)
      dumper:dump(packet)
      if packet:u32(42) == 9 then os.exit(0) end
    end)]]):format(out)))
  test.equal(temporary.read(out), temporary.read(NINE))
  expect(2, run(("-r %s -w /dev/full"):format(NINE),
    "return { packet = function() os.exit(0) end }"))
end)

-- A hook for each name, which prints its calls.
local LOG = [[
  local script = { %s }
  function script.packet(packet) print("packet", packet:u32(42)) end
  function script.batch(batch) print("batch", #batch) end
  function script.tick(now, elapsed) print("tick", now // 1000000, elapsed // 1000000) end
  function script.gap() print "gap" end
  function script.finish() print "finish" end
  return script
]]

local function stamped(stamps)
  local packets = {}
  for i, ms in ipairs(stamps) do
    local frame = savefile.udp(1, string.pack(">I4", i))
    packets[i] = { frame, sec = ms // 1000, frac = ms % 1000 * 1000 }
  end
  return savefile.write(packets)
end

test("hooks are called in the order of packets: batch, its packets, ticks between", function()
  local name = stamped { 100100, 100900, 101200, 101100, 105500 }
  local result = expect(0, run("-r " .. name, LOG:format ""))
  test.equal(result.out:gsub("\t", " "), table.concat({
    "batch 2", "packet 1", "packet 2", "tick 101000 1000", "batch 2", "packet 3", "packet 4",
    "tick 105000 4000", "batch 1", "packet 5", "finish", "" }, "\n"))
end)

test("script.every is the time between ticks, in seconds and fractions", function()
  local name = stamped { 100000, 100200, 100300, 100600 }
  local result = expect(0, run("-r " .. name, LOG:format "every = 0.25"))
  test.equal(result.out:gsub("\t", " "), table.concat({
    "batch 2", "packet 1", "packet 2", "tick 100250 250", "batch 1", "packet 3",
    "tick 100500 250", "batch 1", "packet 4", "finish", "" }, "\n"))
  for _, every in ipairs { "0", "-1", "1e9", "0/0", "'often'", "{}" } do
    expect(3, run("-r " .. name, LOG:format("every = " .. every)))
  end
end)

test("ticks fall at the same packets whatever the batches are", function()
  local packets = {}
  for i = 1, 9000 do
    packets[i] = { savefile.udp(1, string.pack(">I4", i)), sec = 100 + i // 1000, frac = i % 1000 }
  end
  local parts = { {}, {} }
  for i, packet in ipairs(packets) do table.insert(parts[i <= 4500 and 1 or 2], packet) end
  local two = ("-r %s -r %s"):format(savefile.write(parts[1]), savefile.write(parts[2]))
  local script = [[
    local script, seen = {}, 0
    function script.packet() seen = seen + 1 end
    function script.tick(now, elapsed) print(now, elapsed, seen) end
    return script
  ]]
  local all = expect(0, run("-r " .. savefile.write(packets), script)).out
  test.equal(select(2, all:gsub("\n", "")), 9)
  test.equal(expect(0, run(two, script)).out, all)
end)

test("finish runs once, also without packets, and gap never on a savefile", function()
  local empty = savefile.write {}
  test.equal(expect(0, run("-r " .. empty, LOG:format "")).out, "finish\n")
end)

test("a table with a hook that does not exist, or is no function, is exit 3", function()
  has(expect(3, run("-r " .. NINE, "return { pakcet = function() end }")).err, "pakcet")
  has(expect(3, run("-r " .. NINE, "return { packet = 1 }")).err, "packet")
  has(expect(3, run("-r " .. NINE, "return { function() end }")).err, "no hook")
  expect(3, run("-r " .. NINE, "return { filter = {} , packet = print }"))
end)

test("script.filter that does not compile is exit 2", function()
  has(expect(2, run("-r " .. NINE, "return { filter = 'no filter' }")).err, "syntax error")
end)

test("a hook's own handle cannot be read in it, and may be broken off or closed", function()
  local result = expect(3, run("-r " .. NINE, [[
    local ce = require "capengine"
    return { packet = function(packet) ce.source():next() end }
  ]]))
  has(result.err, "callback")
  test.equal(expect(0, run("-r " .. MANY, [[
    local ce, count = require "capengine", 0
    return {
      packet = function() count = count + 1 ce.source():close() end,
      finish = function() print(count >= 1 and count <= 4096) end,
    }
  ]])).out, "true\n")
end)

local ARGS = [[
  local script = { args = {
    top = { default = 10, help = "rows" }, name = { default = "x", help = "name" },
    all = { default = false, help = "all" },
  } }
  function script.finish()
    local a = script.args
    print(a.top, math.type(a.top), a.name, a.all)
  end
  return script
]]

test("args have their defaults' types; --NAME VALUE and --NAME=VALUE set them", function()
  local script = command.script(ARGS)
  for line, expected in pairs {
    [""] = "10\tinteger\tx\tfalse", ["--top 5"] = "5\tinteger\tx\tfalse",
    ["--top=5 --all"] = "5\tinteger\tx\ttrue",
    ["--name 'a b' --top 0x10"] = "16\tinteger\ta b\tfalse",
    ["--name= --top 1.5"] = "1.5\tfloat\t\tfalse", ["--top -3"] = "-3\tinteger\tx\tfalse",
    ["--top 1 --top 2"] = "2\tinteger\tx\tfalse",
  } do
    test.equal(expect(0, sh(("$P run -r %s %s -- %s"):format(NINE, script, line))).out,
      expected .. "\n")
  end
end)

test("args that the script does not have, or of a wrong kind, are exit 2 and say so", function()
  local script = command.script(ARGS)
  for line, part in pairs {
    ["--bottom 5"] = "--top", ["--top five"] = "not a number", ["--top"] = "missing",
    ["top 5"] = "--NAME",
  } do
    has(expect(2, sh(("$P run -r %s %s -- %s"):format(NINE, script, line))).err, part)
  end
  has(expect(2, sh(("$P run -r %s %s -- --x"):format(NINE, command.script(COUNT)))).err,
    "takes no arguments")
end)

test("a script without hooks gets its arguments as ... and arg, and as capengine.args", function()
  local script = command.script [[
    print(select("#", ...), ...)
    print(arg[1], arg[2], #arg, arg[0])
    local values = require "capengine".args { top = { default = 1 } }
    print(values.top)
  ]]
  local result = expect(0, sh(("$P run %s -- --top 7"):format(script)))
  test.equal(result.out, ("2\t--top\t7\n--top\t7\t2\t%s\n7\n"):format(script))
end)

test("help NAME prints a script's first comment, and is no run of it", function()
  local script = command.script "--- name: what it does.\n---\n--- usage  x\nprint 'ran'\n"
  test.equal(expect(0, sh("$P help " .. script)).out, "name: what it does.\n\nusage  x\n")
  expect(1, sh("$P help " .. command.script "print 'ran'"))
  expect(2, sh("$P help no-such-script"))
  has(expect(0, sh "$P help").out, "usage")
  has(expect(0, sh "$P --help").out, "usage")
  assert(expect(0, sh "$P version").out:find "^capengine %d+%.%d+%.%d+\n$")
end)

-- More than a pipe holds: what fits into one may all be written before it is closed.
local WIDE = NUMBERS:gsub("print%((.-)%) end", 'print(%1, ("x"):rep(100)) end')

test("standard output that is closed ends a run of hooks soon, with exit 2", function()
  local status, pipe = temporary.name(), temporary.name()
  os.remove(pipe)
  local start = os.time()
  local result = sh(([[
    mkfifo %s
    (cat %s; exec sleep 30) >%s & writer=$!
    { $P run -r %s %s; echo $? >%s; } | head -c 2
    kill $writer
  ]]):format(pipe, MANY, pipe, pipe, command.script(WIDE), status))
  test.equal(result.out, "1\t")
  test.equal(temporary.read(status), "2\n")
  assert(os.time() - start < 20)
end)

test("standard output that is closed, or full, is exit 2 for any script", function()
  local status = temporary.name()
  local script = command.script [[
    require "capengine".source():loop(0, function(packet)
      print(packet:u32(42), ("x"):rep(100))
    end)
  ]]
  local result = sh(("{ $P run -r %s %s; echo $? >%s; } | head -c 2"):format(MANY, script, status))
  test.equal(result.out, "1\t")
  test.equal(temporary.read(status), "2\n")
  expect(2, sh(("$P run -r %s %s >/dev/full"):format(MANY, script)))
  expect(2, sh(("$P run -r %s %s >/dev/full"):format(NINE, command.script(COUNT))))
end)

-- Run a script on a pipe that stays open; when it has said "ready" run `then_do`
-- with its process id in $pid. Gives the run, whose last line of output is the
-- program's exit status.
local function on_pipe(script_text, options, then_do)
  local pipe, ready = temporary.name(), temporary.name()
  os.remove(pipe)
  local script = command.script(script_text:gsub("READY", ready))
  return sh(([[
    mkfifo %s
    (cat %s; exec sleep 30) >%s & writer=$!
    $P run -r %s %s %s & pid=$!
    until [ -s %s ]; do sleep 0.02; done
    %s
    wait $pid; echo "exit $?"
    kill $writer
  ]]):format(pipe, NINE, pipe, pipe, options, script, ready, then_do))
end

local WAITING = [[
  local script, count = {}, 0
  function script.packet()
    count = count + 1
    if count == 9 then io.open("READY", "w"):write("x"):close() end
  end
  function script.finish() print("finish", count) end
  return script
]]

for _, signal in ipairs { "INT", "TERM", "HUP" } do
  test(("SIG%s while a run waits ends it in good order: finish, -w, exit 0"):format(signal),
    function()
      local out = temporary.name()
      local start = os.time()
      local result = on_pipe(WAITING, "-w " .. out, "kill -" .. signal .. " $pid")
      test.equal(result.out, "finish\t9\nexit 0\n")
      has(result.err, "9 received, 9 delivered")
      test.equal(temporary.read(out), temporary.read(NINE))
      assert(os.time() - start < 20)
    end)
end

test("SIGINT ends a loop that waits, and the script goes on", function()
  local result = on_pipe([[
    local source, count = require "capengine".source(), 0
    print(source:loop(0, function()
      count = count + 1
      if count == 9 then io.open("READY", "w"):write("x"):close() end
    end))
    print "after"
  ]], "", "kill -INT $pid")
  test.equal(result.out, "9\nafter\nexit 0\n")
end)

-- Scripts for ever in a loop. ThreadSanitizer holds signals back until a call of
-- the C library, so that one which makes none cannot be tested with it.
local endless = { [[while true do pcall(function() while true do local _ = {} end end) end]] }
local holds_signals = sh("grep -q __tsan_init $P").status == 0
if not holds_signals then
  endless[2] = [[while true do pcall(function() while true do end end) end]]
end

test("a second SIGINT ends a script that would run for ever, though it catches errors", function()
  for _, loop in ipairs(endless) do
    local result = on_pipe([[
      local source = require "capengine".source()
      source:next()
      io.open("READY", "w"):write("x"):close()
    ]] .. loop, "", "kill -INT $pid; sleep 0.3; kill -INT $pid")
    assert(result.out:find "^exit [1-9]", result.out)
  end
end)

test("SIGUSR1 prints counters and ends nothing", function()
  local result = on_pipe(WAITING, "",
    "kill -USR1 $pid; sleep 0.5; kill -0 $pid && echo runs; kill -INT $pid")
  test.equal(result.out:gsub("finish\t9\n", ""), "runs\nexit 0\n")
  test.equal(select(2, result.err:gsub("9 received", "")), 2)
end)

test("a signal does not break a write that a slow reader holds up", function()
  local pipe, out = temporary.name(), temporary.name()
  os.remove(pipe)
  local result = sh(([[
    mkfifo %s
    (sleep 1.5; cat >%s) <%s & reader=$!
    $P run -r %s -w - %s >%s & pid=$!
    sleep 0.7; kill -USR1 $pid; sleep 0.2; kill -INT $pid
    wait $pid; status=$?
    wait $reader; exit $status
  ]]):format(pipe, out, pipe, MANY, command.script(COUNT), pipe))
  expect(0, result)
  has(result.err, "9000 delivered")
  test.equal(temporary.read(out), temporary.read(MANY))
end)

test("a second SIGINT ends a write that nobody takes", function()
  if holds_signals then test.skip "ThreadSanitizer holds signals back" end
  local pipe, start = temporary.name(), os.time()
  os.remove(pipe)
  local result = sh(([[
    mkfifo %s
    sleep 30 <%s & reader=$!
    $P run -r %s -w - %s >%s & pid=$!
    sleep 0.7; kill -INT $pid; sleep 0.3; kill -0 $pid && echo waits; kill -INT $pid
    wait $pid; status=$?
    kill $reader; exit $status
  ]]):format(pipe, pipe, MANY, command.script(COUNT), pipe))
  test.equal(result.out, "waits\n")
  assert(result.status ~= 0 and os.time() - start < 10)
end)

test("an input that stalls in the middle of its header still obeys SIGINT", function()
  local pipe = temporary.name()
  os.remove(pipe)
  local start = os.time()
  local result = sh(([[
    mkfifo %s
    (printf '\324\303\262'; exec sleep 30) >%s & writer=$!
    $P run -r %s %s & pid=$!
    sleep 1
    kill -INT $pid
    wait $pid; echo "exit $?"
    kill $writer
  ]]):format(pipe, pipe, pipe, command.script(COUNT)))
  assert(result.out:find "^exit %d%d?\n", result.out)
  assert(os.time() - start < 20)
end)

test("--strict is exit 4 when packets were lost, and 0 when none were", function()
  expect(0, run("--strict -r " .. NINE, COUNT))
  local result = run("--strict --ring-bytes 1m", [[
    local pcap = require "pcap"
    local handle = pcap.create "lo"
    handle:set_snaplen(2000)
    handle:set_buffer_size(65536)
    local ok, message, code = handle:activate()
    if code == "EPERM" or code == "EACCES" then print(message) os.exit(77) end
    assert(ok == 0, message)
    assert(handle:setfilter(handle:compile "ether proto 0x88b5") == 0)
    handle:dispatch(1, print)
    local frame = ("\255"):rep(12) .. "\x88\xb5" .. ("x"):rep(1400)
    for _ = 1, 6000 do assert(handle:inject(frame)) end
    local received, dropped = handle:stats()
    assert(dropped > 0 and received >= dropped, dropped)
  ]])
  if result.status == 77 then test.skip(result.out) end
  expect(4, result)
end)

test("a child that a callback starts inherits no descriptor of ours", function()
  local result = expect(0, run("-r " .. NINE, ([[
    local pcap = require "pcap"
    local handle = pcap.open_offline "%s"
    handle:next()
    local dumper = handle:dump_open "%s"
    require "capengine".source():loop(1, function()
      io.stdout:flush()
      local list <close> = io.popen "ls -l /proc/self/fd"
      for line in list:lines() do
        if line:find "anon_inode" or line:find "lua_" then print(line) end
      end
    end)
  ]]):format(MANY, temporary.name())))
  -- Its standard error is a file of this spec.
  for line in result.out:gmatch "[^\n]+" do assert(line:find " [012] %->", line) end
  has(result.out, " 2 -> ")
end)

test("a closed standard input is an empty one, and no descriptor takes its number", function()
  local result = expect(1, sh(("exec $P run -r - %s <&-"):format(command.script(COUNT))))
  has(result.err, "standard input: it is empty")
end)

test("a closed standard output takes nothing, which is said", function()
  for line, text in pairs {
    ["exec $P run -r %s %s >&-"] = "print(1)",
    ["exec $P run -r %s -w - %s >&-"] = COUNT,
  } do
    local result = expect(2, sh(line:format(NINE, command.script(text))))
    has(result.err, "standard output: Bad file descriptor")
  end
  local silent = command.script "return { batch = function() end }"
  expect(0, sh(("exec $P run -r %s %s >&-"):format(NINE, silent)))
end)

test("what standard output does not take is said after os.exit, too", function()
  local line = "exec $P run -r %s %s >/dev/full"
  local result = expect(2, sh(line:format(NINE, command.script "print(1) os.exit()")))
  has(result.err, "No space left on device")
  result = expect(7, sh(line:format(NINE, command.script "print(1) os.exit(7)")))
  has(result.err, "No space left on device")
end)

test("what ended the reading is said, whatever finish does", function()
  local whole = temporary.read(NINE)
  local cut = temporary.file(whole:sub(1, #whole - 1))
  for text, status in pairs {
    ["os.exit()"] = 1,
    ["os.exit(7)"] = 7,
    ["error 'of its own'"] = 3,
    ["require 'capengine'.source():stats()"] = 1,
  } do
    local result = expect(status, run("-r " .. cut,
      ("return { packet = function() end, finish = function() %s end }"):format(text)))
    local _, said = result.err:gsub("truncated", "")
    test.equal(said, 1, result.err)
    assert(not text:find "error" or result.err:find "of its own", result.err)
    assert(not result.err:find "Statistics", result.err)
  end
end)

test("a dumper that nobody closed is completed, counted, and its failure exits with 2", function()
  local script = [[
    local handle = require "capengine".source()
    local dumper = assert(handle:dump_open "%s")
    handle:loop(5, function(packet) dumper:dump(packet) end)
  ]]
  local name = temporary.name()
  has(expect(0, run("-r " .. NINE, script:format(name))).err, " 5 written\n")
  test.equal(#savefile.parse(temporary.read(name)), 5)
  local result = expect(2, run("-r " .. NINE, script:format "/dev/full"))
  has(result.err, "/dev/full: No space left on device; it holds 0 packets\n")
  has(result.err, " 0 written, 5 not written\n")
end)

test("a filter of hooks whose source is open already is an error, not ignored", function()
  local result = expect(3, run("-r " .. NINE, [[
    require "capengine".source()
    return { filter = "tcp", packet = print }
  ]]))
  has(result.err, "comes too late")
end)

test("-w of a file that is read is refused, and the file stays", function()
  local copy = savefile.write(datagrams(9, 1))
  local before = temporary.read(copy)
  has(expect(2, run(("-r %s -w %s"):format(copy, copy), COUNT)).err, "it is a file that is read")
  test.equal(temporary.read(copy), before)
  expect(0, run("-r " .. copy, [[
    local source = require "capengine".source()
    local dumper, message, code = source:dump_open(arg[0] and "]] .. copy .. [[")
    assert(dumper == nil and code == "EINVAL", message)
  ]]))
  test.equal(temporary.read(copy), before)
end)

test("-w - writes packets to standard output, and what is printed to standard error", function()
  local result = expect(0, run(("-r %s -w -"):format(NINE), COUNT))
  test.equal(#savefile.parse(result.out), 9)
  has(result.err, "9\n")
end)

test("an error after one of the run that the script caught is printed too", function()
  local result = expect(3, run("", [[pcall(require "capengine".source) error "another"]]))
  has(result.err, "name an interface with -i")
  has(result.err, "another")
end)

test("an argument that is true or false takes no other value", function()
  local script = [[print(require "capengine".args({ loud = { default = true } }).loud)]]
  local name = command.script(script)
  test.equal(expect(0, sh(("exec $P run %s -- --loud=false"):format(name))).out, "false\n")
  test.equal(expect(0, sh(("exec $P run %s -- --loud"):format(name))).out, "true\n")
  has(expect(2, sh(("exec $P run %s -- --loud=maybe"):format(name))).err, "neither true nor false")
end)

test("what a subcommand cannot print makes it exit with 2", function()
  has(expect(2, sh "exec $P help >/dev/full").err, "No space left on device")
end)

test("the example of the manual of scripts is ten lines that run", function()
  local manual = temporary.read "../bindings/capengine-scripts.7"
  local example = manual:match "%.Sh EXAMPLES.-%.Bd[^\n]*\n(.-)%.Ed"
  test.equal(select(2, example:gsub("\n", "")), 11) -- and one that says how to run it
  local result = expect(0, run("-r data/office.pcap", example))
  has(result.out, "10.20.0.23\t10.20.0.1\t9\n")
end)
