-- screen_spec.lua: `capengine top` and capengine.screen, on a terminal.
local command = require "support.command"
local test = require "support.spec"

local OFFICE = "data/office.pcap"
local ENTER, LEAVE = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l"

local function has(text, part)
  if not text:find(part, 1, true) then error(("no %q in:\n%s"):format(part, text), 2) end
end

local function top(size, steps, words)
  return command.terminal(size, steps, "top -r " .. OFFICE .. " " .. words)
end

-- The screen is entered once and left once, and then comes the line of counters.
local function check_left(result, status)
  test.equal(select(2, result.out:gsub("\27%[%?1049h", "")), 1)
  test.equal(select(2, result.out:gsub("\27%[%?1049l", "")), 1)
  has(result.out, ENTER)
  local rest = result.out:match("\27%[%?25h\27%[%?1049l(.*)$")
  has(rest, "capengine: 1943 received")
  test.equal(result.err, status .. ", cooked\n")
  return rest
end

test("top plays a savefile and stays until q", function()
  local result = top("24x80", { "see:09:00:28", "see:q quit", "type:q" }, "--pace asap")
  check_left(result, "status 0")
  has(result.out, "senders by bits")
  has(result.out, "dropped: 0 by the kernel, 0 by the interface")
  has(result.out, "10.30.0.5 ")
end)

test("keys switch views, order and pause", function()
  local result = top("24x80", {
    "see:senders by bits", "type:f", "see:flows by bits", "see:tcp 10.20.0.2:8730",
    "type:3", "see:ports by bits", "see:tcp 443", "type:o", "see:protocols by bits", "see:arp",
    "type:n", "see:protocols by packets", "type: ", "see:PAUSED", "type:1b",
    "see:senders by bits  PAUSED", "type:q",
  }, "--pace 2x")
  check_left(result, "status 0")
end)

test("a terminal that changes its size gets frames of that size", function()
  local result = top("24x80", {
    "see:senders", "size:7x50", "see:\27[H", "see:OF ALL", "see:q quit", "type:q",
  }, "--pace asap")
  check_left(result, "status 0")
  local last = result.out:match(".*\27%[H(.-)\27%[%?25h")
  test.equal(select(2, last:gsub("\n", "")), 6)
  for line in (last .. "\n"):gmatch "(.-)\r*\n" do
    assert(#line:gsub("\27%[%d*%a", "") <= 50, line)
  end
end)

test("a frame clears no more than the end of each line, and begins at home", function()
  local result = top("24x80", { "see:09:00:03", "type:q" }, "--pace 10x")
  local shown = result.out:match("\27%[%?25l(.*)\27%[%?25h")
  for sequence in shown:gmatch "\27%[[%d;?]*%a" do
    assert(sequence:match "^\27%[[HK]$" or sequence:match "^\27%[[07]m$", sequence)
  end
end)

test("--pace 10x plays five seconds of packet time in half a second", function()
  local result = command.expect(0, command.sh(
    "date +%s%N; $P top -r data/office.pcap -c 350 --pace 10x >/dev/null; date +%s%N"))
  local from, to = result.out:match "(%d+)\n(%d+)"
  local seconds = (to - from) / 1e9
  assert(seconds >= 0.35 and seconds < 3, seconds) -- for 5 s of packets
end)

test("^C, SIGTERM and SIGHUP leave the screen in good order", function()
  for _, step in ipairs { "type:\3", "signal:15", "signal:1" } do
    check_left(top("24x80", { "see:senders", step }, "--pace 1x"), "status 0")
  end
end)

test("SIGUSR1 prints counters, and the screen is over", function()
  local result = top("24x80", { "see:09:00:0", "signal:10", "see:capengine: ", "type:\3" },
    "--pace 1x")
  test.equal(result.err, "status 0, cooked\n")
end)

local BROKEN = command.script [[
  local screen = require "capengine.screen"
  assert(screen.open())
  screen.draw "\27[Hhere\27[K"
  return { packet = function() error "broken" end }
]]
local HANGING = command.script [[
  assert(require("capengine.screen").open())
  local count = 0
  while true do count = count + 1 end
]]
local HANGING_IN_C = command.script [[
  assert(require("capengine.screen").open())
  string.find(("a"):rep(60), ("a?"):rep(60) .. ("a"):rep(61))
]]
local EXITING = command.script [[
  assert(require("capengine.screen").open())
  os.exit(7)
]]

test("an error of the script leaves the screen before it is told", function()
  local result = command.terminal("24x80", {}, "run -r " .. OFFICE .. " " .. BROKEN)
  has(check_left(result, "status 3"), "broken")
end)

test("a script that hangs leaves the screen at the second ^C, or when that is no help", function()
  if command.sh("grep -q __tsan_init $P").status == 0 then
    test.skip "ThreadSanitizer holds signals back while a script computes"
  end
  local steps = { "see:" .. ENTER, "type:\3", "sleep:200", "type:\3" }
  local result = command.terminal("24x80", steps, "run " .. HANGING)
  has(result.out:match("\27%[%?1049l(.*)"), "interrupted")
  test.equal(result.err, "status 3, cooked\n")
  result = command.terminal("24x80", steps, "run " .. HANGING_IN_C)
  has(result.out:match("\27%[%?1049l(.*)"), "ended at once")
  test.equal(result.err, "status 142, cooked\n")
end)

test("os.exit leaves the screen", function()
  local result = command.terminal("24x80", {}, "run " .. EXITING)
  has(result.out, LEAVE)
  test.equal(result.err, "status 7, cooked\n")
end)

test("without a terminal there is no screen, and top prints lines", function()
  local result = command.expect(0, command.sh("exec $P top -r data/office.pcap --every=60"))
  assert(not result.out:find "\27")
  has(result.out, "2024-03-04T09:00:00Z\tall\tdropped 0\t")
end)

test("wrong arguments of top are told", function()
  has(command.expect(2, command.sh "exec $P top -r data/office.pcap --by x").err,
    "senders, flows, ports or protocols is wanted")
  has(command.expect(2, command.sh "exec $P top -r data/office.pcap --pace x").err,
    "1x, 10x or the like")
end)
