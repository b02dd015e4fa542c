-- script_spec.lua: capengine.run, which runs a script inside another Lua program.
local ce = require "capengine"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local function datagrams(count)
  local packets = {}
  for i = 1, count do packets[i] = savefile.udp(i % 3, string.pack(">I4", i)) end
  return packets
end

local NINE = savefile.write(datagrams(9))
local FOUR = savefile.write(datagrams(4))

-- A file with this script.
local function script(text)
  return temporary.file(text)
end

-- What run gives, and all that was printed meanwhile.
local function printed(name, options)
  local lines, print_before = {}, print
  _G.print = function(...) lines[#lines + 1] = table.concat({ ... }, "\t") .. "\n" end
  local results = table.pack(pcall(ce.run, name, options))
  _G.print = print_before
  return table.concat(lines), table.unpack(results, 1, results.n)
end

local function counting()
  local hooks = { count = 0 }
  return {
    packet = function() hooks.count = hooks.count + 1 end,
    finish = function() hooks.finished = true end,
  }, hooks
end

test("a table of hooks sees the packets of the files, and run gives the counters", function()
  local hooks, seen = counting()
  local counters = assert(ce.run(hooks, { files = { NINE, FOUR } }))
  test.equal(seen.count, 13)
  assert(seen.finished)
  test.equal(counters.received, 13)
  test.equal(counters.delivered, 13)
end)

test("filter and limit are those of the command", function()
  local hooks, seen = counting()
  local counters = assert(ce.run(hooks, { files = NINE, filter = "udp port 1", limit = 2 }))
  test.equal(seen.count, 2)
  test.equal(counters.delivered, 2)
end)

test("a script that is shipped is found by its name", function()
  local out, ok, counters = printed("blank", { files = NINE, args = { label = "all" } })
  assert(ok, counters)
  test.equal(counters.delivered, 9)
  assert(out:find "^all\t9\t%d+\n$", out)
end)

test("arguments are values by name, or words", function()
  local name = script [[
    local args = require "capengine".args { top = { default = 1 }, loud = { default = false } }
    print(args.top, tostring(args.loud), #arg, ...)
  ]]
  test.equal(printed(name, { args = { top = 5, loud = true } }):sub(1, 7), "5\ttrue\t")
  test.equal(printed(name, { args = { "--top", "7" } }), "7\tfalse\t2\t--top\t7\n")
end)

test("a plain script asks for its source, and `arg` comes back", function()
  local name = script [[
    local count = 0
    for _ in require "capengine".source():packets() do count = count + 1 end
    print(count, arg[1], arg[0]:sub(1, 1))
  ]]
  local before = arg
  test.equal(printed(name, { files = FOUR, args = { "word" } }), "4\tword\t/\n")
  assert(arg == before)
end)

test("hooks run twice declare the same arguments", function()
  local sum = 0
  local hooks = { args = { add = { default = 1 } } }
  function hooks.finish() sum = sum + hooks.args.add end
  assert(ce.run(hooks, { files = FOUR }))
  assert(ce.run(hooks, { files = FOUR, args = { add = 41 } }))
  test.equal(sum, 42)
  test.equal(hooks.args.add.default, 1)
end)

test("a run inside a run has a source and arguments of its own", function()
  local inner, seen = counting()
  local outer = script(([[
    local ce = require "capengine"
    assert(ce.run(INNER, { files = "%s" }))
    print(#ce.source():next(), ce.source():counters().received)
  ]]):format(FOUR))
  rawset(_G, "INNER", inner)
  local out, ok, counters = printed(outer, { files = NINE })
  rawset(_G, "INNER", nil)
  assert(ok, counters)
  test.equal(out, "46\t9\n")
  test.equal(seen.count, 4)
end)

-- run gives nil, a message that has this in it, and this code.
local function fails(code, part, name, options)
  local result, message, found = ce.run(name, options)
  test.equal(result, nil)
  test.equal(found, code)
  assert(message:find(part, 1, true), message)
end

test("fail ends the run with its message, and nothing behind it happens", function()
  local hooks = { packet = function() ce.fail "not so" end, finish = error }
  local results = table.pack(ce.run(hooks, { files = NINE }))
  test.equal(table.concat({ tostring(results[1]), results[2], results[3] }, " "),
    "nil not so EINVAL")
end)

test("what the world refuses is nil, a message and a code", function()
  local hooks = counting()
  fails("ENOENT", "/no/such.pcap", hooks, { files = "/no/such.pcap" })
  fails("ENODEV", "no-such-if", hooks, { device = "no-such-if" })
  fails("ENOENT", "no such script", "no-such-script", { files = NINE })
  fails("EINVAL", "syntax error", hooks, { files = NINE, filter = "no filter" })
  fails("EINVAL", "no such argument", "blank", { files = NINE, args = { lable = 1 } })
  fails("EINVAL", "as `device`", hooks, {})
  fails("EINVAL", "its options had no effect", script "", { files = NINE })
  local cut = temporary.file(temporary.read(NINE):sub(1, -3))
  fails("EBADMSG", "truncated", hooks, { files = cut })
end)

test("an error of the script is raised as it is, and its source is closed", function()
  local object, kept = {}, nil
  local ok, raised = pcall(ce.run, {
    packet = function() kept = ce.source() error(object) end,
  }, { files = NINE })
  assert(not ok and raised == object)
  assert(not pcall(kept.next, kept))
end)

test("an option that does not exist, or has another type, raises", function()
  local hooks = counting()
  for _, options in ipairs {
    { file = NINE }, { files = 7 }, { files = NINE, limit = 0 }, { files = NINE, limit = "x" },
    { files = NINE, snaplen = -1 }, { files = NINE, device = "lo" }, { filter = true }, 7,
    { files = NINE, args = "x" },
  } do
    assert(not pcall(ce.run, hooks, options))
  end
  assert(not pcall(ce.run, 7.5 > 7, {}))
end)
