--- make_where_seeds: seeds for fuzz_where, out of the expressions that are compared with tshark.
---
--- usage   capengine run make_where_seeds.lua -- EXPRESSIONS FOLDER
---
--- Writes every twelfth line of EXPRESSIONS to a file of its own in FOLDER, and the
--- keywords that they do not have.

local from, folder = ...

local seeds = { "tcp matches \"a\"", "frame[0:2,4-6,-1] == \"\\x01\\\"\"", "ip.ttl == '\\n'",
  "frame contains r\"a\\b\"", "tcp.flags bitwise_and 2", "flow.src == ::ffff:10.0.0.0/104",
  "any tcp.port in {1..2, 3} && all udp.port >= 4", "not(not(!(flow.key)))" }
local number = 0
for line in io.lines(from) do
  number = number + 1
  if number % 12 == 0 then seeds[#seeds + 1] = line end
end
for i, seed in ipairs(seeds) do
  local file = assert(io.open(("%s/%02d"):format(folder, i), "w"))
  assert(file:write(seed))
  assert(file:close())
end
