-- command.lua: runs the program under test as a child, with scripts given as text.
local temporary = require "support.temporary"

local command = {}

-- The path of the program that runs this.
local function program()
  local shell <close> = io.popen "readlink /proc/$PPID/exe"
  return shell:read "l"
end

command.program = program()

function command.quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

-- The name of a new file with a script.
function command.script(text)
  return temporary.file(text)
end

-- Run a line of sh, in which $P is the program: { status =, signal =, out =, err = }.
-- It ends within a minute, also when it heeds no signal.
function command.sh(line)
  line = "ulimit -t 50; " .. line
  local out, err = temporary.name(), temporary.name()
  local _, how, status = os.execute(("P=%s; export P; timeout -k 5 60 sh -c %s >%s 2>%s"):format(
    command.quote(command.program), command.quote(line), out, err))
  return {
    status = how == "exit" and status or nil,
    signal = how == "signal" and status or nil,
    out = temporary.read(out),
    err = temporary.read(err),
  }
end

local function now_ns()
  local clock <close> = io.popen "date +%s%N"
  return tonumber(clock:read "l")
end

-- Kill a line of sh `rounds` times, at moments that are spread over the time that it
-- takes when it is left alone; call `each` after that time and after every other.
function command.kill(rounds, each, line)
  local began = now_ns()
  command.sh(line)
  local takes = (now_ns() - began) / 1e9
  each()
  for round = 1, rounds do
    command.sh(("timeout -s KILL %.3f sh -c %s"):format(takes * round / rounds + 0.001,
      command.quote("exec " .. line)))
    each()
  end
end

-- `capengine run OPTIONS SCRIPT`, where the options are text as of sh.
function command.run(options, script_text)
  return command.sh(("exec $P run %s %s"):format(options, command.script(script_text)))
end

-- `lua5.4 WORDS` with the module, where the words are text as of sh; nil and why, if there is
-- no lua5.4 that loads it.
function command.stock_lua(words)
  local result = command.sh([[LUA_CPATH="$(dirname $P)/../lib/?.so" lua5.4 ]] .. words)
  if result.err:find "not found" then return nil, "there is no lua5.4" end
  if result.err:find "San runtime" or result.err:find "cannot allocate memory in static TLS" or
    result.err:find "undefined symbol" then
    return nil, "a sanitized module loads into no stock Lua"
  end
  return result
end

-- Raise unless the run ended with this status.
function command.expect(status, result)
  if result.status ~= status then
    error(("exit status %s; expected %d\nstdout: %s\nstderr: %s"):format(
      tostring(result.status or ("signal " .. tostring(result.signal))), status,
      result.out, result.err), 2)
  end
  return result
end

-- The program with these words, on a terminal of this size where the steps are done that
-- support/terminal.c describes: { out =, err = }, where err is "status 0, cooked".
function command.terminal(size, steps, words)
  local quoted = {}
  for k, step in ipairs(steps) do quoted[k] = command.quote(step) end
  return command.expect(0, command.sh(("exec ${P%%/*}/terminal %s %s -- $P %s"):format(
    size, table.concat(quoted, " "), words)))
end

return command
