-- progress_spec.lua: --progress, on a terminal and elsewhere.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local COUNT = 40000
local FILE = savefile.write(savefile.numbered(COUNT, 200))
local ERASE = "\r\27[K"
local LINE = "[ %d][ %d]%d %%  %d+%.%d of %d+%.%d MB  %d+ [kMG]?B/s  %d+ s left"

-- A script that reads for most of a second, and prints on the way what `prints` says.
local function slow(prints)
  return command.script(([[
    local script, packets = {}, 0
    local wait = require("capengine.screen").wait
    function script.batch(batch)
      packets = packets + #batch
      wait(0.07)
      %s
    end
    function script.finish() print(packets) end
    return script
  ]]):format(prints or ""))
end

local function has(text, part)
  if not text:find(part) then error(("no %q in:\n%s"):format(part, text), 2) end
end

-- What is left on a terminal that only knows \r, \n and erasing to the end of the line.
local function screen(text)
  local lines = {}
  for line in text:gsub("\r\n", "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line:gsub(".*\r\27%[K", "")
  end
  return table.concat(lines, "\n")
end

local function counters(received)
  return ("capengine: %d received, %d delivered, 0 filtered, 0 undelivered, " ..
    "0 dropped by the kernel, 0 by the interface, 0 written"):format(received, received)
end

test("on a terminal a line tells how far it is, and is gone at the end", function()
  local result = command.terminal("24x100", {}, ("run %s -r %s"):format(slow(), FILE))
  has(result.out, "\r\27%[K" .. LINE)
  test.equal(screen(result.out), COUNT .. "\n" .. counters(COUNT))
  test.equal(result.err, "status 0, cooked\n")
end)

test("^C ends the reading and takes the line away", function()
  local files = (" -r " .. FILE):rep(50)
  local result = command.terminal("24x100", { "see: left", "type:\3" },
    ("run %s %s"):format(slow(), files))
  test.equal(result.err, "status 0, cooked\n")
  local packets = screen(result.out):match("^(%d+)\ncapengine: %d+ received, %1 delivered, ")
  assert(packets and tonumber(packets) < 50 * COUNT, screen(result.out))
end)

test("what the script prints takes the line away, on either stream", function()
  local result = command.terminal("24x100", {}, ("run %s -r %s"):format(
    slow [[if packets % 3 == 0 then print "out" else io.stderr:write "err\n" end]], FILE))
  has(result.out, LINE .. "\r\27%[K")
  for line in screen(result.out):gmatch "[^\n]+" do
    assert(line == "out" or line == "err" or line == tostring(COUNT) or line == counters(COUNT),
      line)
  end
end)

test("the line is not drawn where the script has begun one", function()
  local result = command.terminal("24x100", {}, ("run %s -r %s"):format(
    slow [[io.write(".") io.flush()]], FILE))
  assert(not result.out:find(ERASE, 1, true))
  has(screen(result.out), "^%.+" .. COUNT)
end)

test("it is no wider than the terminal", function()
  local result = command.terminal("24x30", {}, ("run %s -r %s"):format(slow(), FILE))
  local seen = false
  for line in result.out:gmatch "\r\27%[K([^\r\n]* of [^\r\n]*)" do
    seen = true
    assert(#line <= 29, line)
  end
  assert(seen)
end)

test("a script that reads by itself, and one that dumps, are seen as well", function()
  for _, text in ipairs {
    [[local handle = require("pcap").open_offline(arg[1])
      local count = 0
      while handle:next() do
        count = count + 1
        if count % 1000 == 0 then require("capengine.screen").wait(0.02) end
      end]],
    [[local handle = require("pcap").open_offline(arg[1])
      handle:loop(0, function(_, _, _, usec)
        if usec % 1000 == 0 then require("capengine.screen").wait(0.02) end
      end)]],
  } do
    local result = command.terminal("24x100", {}, ("run %s -- %s"):format(
      command.script(text), FILE))
    has(result.out, LINE)
  end
end)

test("elsewhere there is none, unless it is asked for", function()
  local line = ("exec $P run %s -r %s"):format(slow(), FILE)
  test.equal(command.expect(0, command.sh(line)).err, counters(COUNT) .. "\n")
  local result = command.expect(0, command.sh(line .. " --progress=always"))
  has(result.err, "^capengine: " .. LINE .. "\n")
  assert(not result.err:find "[\r\27]")
  test.equal(result.out, COUNT .. "\n")
end)

test("--progress=never is obeyed on a terminal", function()
  local result = command.terminal("24x100", {}, ("run --progress never %s -r %s"):format(
    slow(), FILE))
  assert(not result.out:find "\27")
end)

test("a pipe tells packets, and a compressed file its own bytes", function()
  local result = command.expect(0, command.sh(("cat %s | $P run --progress always %s -r -")
    :format(FILE, slow())))
  has(result.err, "capengine: %d+ packets  %d+ packets/s\n")
  local packed = temporary.name()
  command.expect(0, command.sh(("gzip -1 -c %s >%s"):format(FILE, packed)))
  result = command.expect(0, command.sh(("exec $P run --progress always %s -r %s")
    :format(slow(), packed)))
  has(result.err, "capengine: [ %d]%d[%d ] %%  ")
end)

test("another word than always, auto and never is exit 2", function()
  has(command.expect(2, command.sh "exec $P run --progress=maybe x").err, "auto or never")
end)
