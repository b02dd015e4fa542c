-- closing_spec.lua: what finalizers meet in a Lua state that closes, which is stock Lua's own.
local command = require "support.command"
local savefile = require "support.savefile"
local test = require "support.spec"

local MANY <const> = savefile.write(savefile.numbered(100))

test("where in a finalizer of a state that closes raises", function()
  local script_file = command.script(([[
    local handle = assert(require "capengine".open(%q))
    for batch in handle:batches() do
      kept = { handle, batch }
      setmetatable(kept, { __gc = function()
        print(pcall(batch.where, batch, "udp"))
      end })
      kept.some = batch:where "udp"
      break
    end]]):format(MANY))
  local result, why = command.stock_lua(script_file)
  if not result then test.skip(why) end
  test.equal(command.expect(0, result).out,
    "false\tbad argument #2 to '?' (the expression was collected)\n")
end)
