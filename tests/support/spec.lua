-- spec.lua: runs the tests of a spec, in their order.
--
--   local test = require "support.spec"
--   test("a sentence that states a promise", function() ... end)
--
-- Run in tests/: `capengine run lua/packet_spec.lua`. A spec that requires this
-- is loaded once more from here, so that its end is seen: `require` does not
-- return to its first load. A test fails when it raises, and when afterwards,
-- with all garbage collected, a thread or a descriptor is open that was not
-- before. Exit status: 0; 1 when a test failed or there was none; 77 when one
-- lacked what it needs.
--
-- CAPENGINE_HARSH_GC=1 collects garbage all the time.
local pcap = require "pcap"
local temporary = require "support.temporary"

local passed, failed, skipped = 0, 0, 0
local skip_mark = {}

-- Full collections every so many instructions, and steps between them.
local function collect_harshly()
  collectgarbage("incremental", 1, 1000, 1)
  debug.sethook(function() collectgarbage() end, "", 997)
end

local function status_field(name)
  for line in io.lines "/proc/self/status" do
    local value = line:match("^" .. name .. ":%s*(%d+)")
    if value then return tonumber(value) end
  end
  error("/proc/self/status has no " .. name)
end

-- The open descriptors, as "0 1 2 5".
local function descriptors()
  local open = {}
  for number = 0, status_field "FDSize" - 1 do
    local info = io.open("/proc/self/fdinfo/" .. number)
    if info then
      info:close()
      open[#open + 1] = number
    end
  end
  return table.concat(open, " ")
end

-- The threads of this process, but for those that the kernel runs for io_uring:
-- they go some seconds after their last write.
local function threads()
  local names <close> = io.popen "cat /proc/$PPID/task/*/comm 2>/dev/null"
  local count = 0
  for name in names:lines() do
    if not name:find "^iou%-" then count = count + 1 end
  end
  return count
end

-- What is open when nothing that could be collected is.
local function held()
  collectgarbage()
  collectgarbage()
  return { threads = threads(), descriptors = descriptors() }
end

-- A joined thread is gone a moment later.
local function threads_beyond(count)
  local deadline = os.time() + 3
  while threads() > count and os.time() < deadline do end
  return threads() - count
end

local function check_leaks(before)
  local after = held()
  if after.threads > before.threads and threads_beyond(before.threads) > 0 then
    error("a thread was left running: a handle is open", 0)
  end
  if after.descriptors ~= before.descriptors then
    error(("descriptors were left open: %s before, %s after")
      :format(before.descriptors, after.descriptors), 0)
  end
end

-- Keeps skips as they are; everything else becomes text with a traceback.
local function explain(problem)
  if type(problem) == "table" and problem[1] == skip_mark then return problem end
  return debug.traceback(tostring(problem), 2)
end

local function run(_, name, body)
  local before = held()
  local ok, problem = xpcall(body, explain)
  if ok then ok, problem = pcall(check_leaks, before) end
  if ok then
    passed = passed + 1
    print("ok - " .. name)
  elseif type(problem) == "table" then
    skipped = skipped + 1
    print(("ok - %s # skipped: %s"):format(name, problem[2]))
  else
    failed = failed + 1
    print(("not ok - %s\n%s"):format(name, problem))
  end
end

local test = setmetatable({}, { __call = run })

-- End the running test: it lacks what it needs.
function test.skip(reason)
  error({ skip_mark, reason }, 0)
end

-- Call f, which must raise a message with this text in it; gives the message.
function test.raises(text, f, ...)
  local ok, message = pcall(f, ...)
  if ok then error(("nothing was raised; expected %q"):format(text), 2) end
  if not tostring(message):find(text, 1, true) then
    error(("raised %q; expected %q"):format(tostring(message), text), 2)
  end
  return message
end

function test.equal(found, expected)
  if found ~= expected then
    error(("found %q; expected %q"):format(tostring(found), tostring(expected)), 2)
  end
end

-- The documented failure of the world: nil, message, code.
function test.fails(code, ...)
  local value, message, found = ...
  if value ~= nil or found ~= code or type(message) ~= "string" or message == "" then
    error(("found %s, %s, %s; expected nil, a message, %s")
      :format(tostring(value), tostring(message), tostring(found), code), 2)
  end
  return message
end

-- A number to start random tests from, which is printed; SEED sets it.
function test.seed()
  local seed = math.tointeger(os.getenv "SEED") or os.time()
  print("# SEED=" .. seed)
  math.randomseed(seed)
  return seed
end

-- A sanitizer starts a thread of its own beside the first capture.
local function warm_up()
  local handle <close> = pcap.open_dead(1, 1000)
  assert(handle:next() == nil)
end

package.loaded["support.spec"] = test
warm_up()
if os.getenv "CAPENGINE_HARSH_GC" then collect_harshly() end
local ok, problem = xpcall(dofile, debug.traceback, arg[0])
if not ok then print("not ok - " .. arg[0] .. " loads\n" .. problem) end
temporary.remove()
print(("# %s: %d passed, %d failed, %d skipped"):format(arg[0], passed, failed, skipped))
if not ok or failed > 0 or passed + skipped == 0 then os.exit(1) end
os.exit(skipped > 0 and 77 or 0)
