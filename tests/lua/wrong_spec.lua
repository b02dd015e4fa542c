-- wrong_spec.lua: what is answered to those who ask for something wrong.
--
-- lua/wrong.txt has commands as typed in a folder with the files below, each with all
-- that it prints and its exit status. To see what is answered now:
--
--     capengine run lua/wrong_spec.lua -- print
local command = require "support.command"
local temporary = require "support.temporary"
local test = require "support.spec"

local SCRIPTS = {
  ["good.lua"] = "return {}",
  ["hook.lua"] = "return { pakcet = print }",
  ["error.lua"] = [[
local function first(packet)
  return packet:u8(0) + nil
end
return { packet = function(packet) first(packet) end }]],
  ["syntax.lua"] = "return { packet = function(p) p:u8(0 end }",
  ["field.lua"] = [[local port = require("capengine").field "tcp.dsport"]],
  ["option.lua"] = [[require("capengine").open("office.pcap", { fliter = "tcp" })]],
  ["group.lua"] = [[require("capengine").group { by = "ip.src", sun = "frame.len" }]],
  ["where.lua"] = [[return { batch = function(batch) batch:where "tcp.dstport = 443" end }]],
  ["helper.lua"] = "return { look = function(packet)\n  return packet:wire_length()\nend }",
  ["broken.lua"] = "local x = = 5",
  ["module.lua"] = [[
local helper = require "helper"
return { packet = function(packet) helper.look(packet) end }]],
  ["required.lua"] = [[require "broken"]],
  ["missing.lua"] = [[require "no-such-module"]],
  ["filter.lua"] = [[return { filter = "tcp prot 80", packet = print }]],
  ["column.lua"] = [[require("capengine").table { columns = { { "a", unit = "byte" } } }]],
  ["method.lua"] = "return { batch = function(batch) batch:filter 'tcp' end }",
  ["late.lua"] = [[
local kept
return { packet = function(packet) kept = kept or packet end,
  finish = function() print(#kept) end }]],
}

-- Its first thousand packets, in one batch: so counters are always the same.
local MAKE = [[
head -c 213868 "$FROM/office.pcap" >office.pcap
gzip -c office.pcap >office.pcap.gz && : >empty.pcap
cp "$FROM/corners/two-linktypes-le.pcapng" two.pcapng
echo 'some text, and no packets' >text.pcap
printf '\177ELF' >binary.pcap
head -c 5000 office.pcap >cut.pcap
head -c 10 office.pcap >header.pcap
head -c 3000 office.pcap.gz >cut.pcap.gz
(head -c 3000 office.pcap.gz; head -c 200 /dev/zero; tail -c +3201 office.pcap.gz) >bad.pcap.gz
mkdir folder
cp office.pcap secret.pcap && chmod 000 secret.pcap
LUA_PATH='./?.lua' LUA_CPATH='./?.so'
export LUA_PATH LUA_CPATH
capengine() { "$P" "$@"; }
# Whoever is root is asked to be nobody, who needs a program that may be seen.
nobody() {
  [ "$(id -u)" -eq 0 ] || { "$P" "$@"; return; }
  cp "$P" nobodys; chmod 755 . folder nobodys
  setpriv --reuid 65534 --regid 65534 --clear-groups ./nobodys "$@"
}
]]

-- A line of sh that makes the folder, does the command in it and removes it.
local function in_folder(line)
  local parts = { "FROM=$PWD/data; folder=$(mktemp -d); cd $folder\n", MAKE }
  for name, text in pairs(SCRIPTS) do
    parts[#parts + 1] = ("printf '%%s\\n' %s >%s\n"):format(command.quote(text), name)
  end
  parts[#parts + 1] = line .. "\nstatus=$?\ncd /\nrm -r $folder\nexit $status"
  return table.concat(parts)
end

local function answer(line)
  local result = command.sh(in_folder(line .. " 2>&1"))
  return ("%s[%s]\n"):format(result.out .. result.err, result.status or result.signal)
end

local function cases()
  local text = temporary.read "lua/wrong.txt"
  return text:gmatch "%$ ([^\n]+)\n(.-%[%d+%]\n)"
end

if arg[1] == "print" then
  for line in cases() do io.write("$ ", line, "\n", answer(line), "\n") end
else
  local count = 0
  for line, expected in cases() do
    count = count + 1
    test(line, function() test.equal(answer(line), expected) end)
  end
  test("these are eighty or so", function() assert(count >= 80, count) end)
end
