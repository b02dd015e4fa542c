-- one_liner_spec.lua: `capengine -e`: sentences, short Lua, and what is said of mistakes.
local command = require "support.command"
local test = require "support.spec"

local OFFICE = "-r data/office.pcap"

local function ask(text, options)
  return command.sh(("exec $P %s -e %s %s"):format(OFFICE, command.quote(text), options or ""))
end

local function answer(text, options)
  return command.expect(0, ask(text, options)).out
end

-- The mistake that is said of a text: status 2, and this at the beginning.
local function mistaken(text, message)
  local result = command.expect(2, ask(text))
  local said = result.err:match "^capengine run: %-e: (.-)\ncapengine:" or
    result.err:match "^capengine run: %-e: (.-)\n$"
  test.equal(said, message)
  test.equal(result.out, "")
end

test("count says how many packets there are", function()
  test.equal(answer "count", "1943\n")
  test.equal(answer "count where tcp.dstport == 443", "677\n")
end)

test("of no packets the count and the sum are zero", function()
  local result = command.sh "$P -e 'count' -r golden/talkers/empty.pcap"
  test.equal(command.expect(0, result).out, "0\n")
  result = command.sh "$P -e 'sum frame.len, ip.len' -r golden/talkers/empty.pcap"
  test.equal(command.expect(0, result).out, "0\t0\n")
end)

test("clauses stand in any order, on any number of lines, with or without commas", function()
  local expected = "10.20.0.23\t443\t142\n"
  test.equal(answer "count by ip.src, tcp.dstport where tcp.dstport == 443 top 1", expected)
  test.equal(answer "count\ntop 1\nwhere tcp.dstport == 443\nby ip.src tcp.dstport", expected)
end)

test("a word in quotes is no clause", function()
  test.equal(answer [[count where udp.payload contains " by " or tcp.dstport == 443]], "677\n")
  test.equal(answer [[count where udp.payload contains "\" top " or tcp.dstport == 443]], "677\n")
end)

test("sum, min and max work with and without a key", function()
  test.equal(answer "sum frame.len, tcp.len where tcp.dstport == 443", "69454\t26644\n")
  test.equal(answer "min ip.ttl, frame.len", "56\t60\n")
  test.equal(answer "max frame.len by ip.proto top 1", "6\t1514\n")
  test.equal(answer "max frame.time_epoch", "2024-03-04T09:00:28.389833000Z\n")
end)

test("a minimum that no packet has is absent", function()
  test.equal(answer "min ip.ttl where arp", "-\n")
  test.equal(answer("min ip.ttl where arp", "--json"), '{"min(ip.ttl)":null}\n')
end)

test("distinct tells how many values there are", function()
  test.equal(answer "distinct flow.src, eth.src", "19\t8\n")
  test.equal(answer "distinct flow.dst by flow.src top 1", "10.20.0.1\t5\n")
end)

test("print gives the fields of packets that have one, up to the limit", function()
  test.equal(answer "print flow.src, udp.srcport where udp.dstport == 53 limit 2",
    "2001:db8:20::13\t39671\n10.20.0.7\t34660\n")
  test.equal(answer "print tcp.port limit 1", "39672,443\n")
  local lines = select(2, answer("print icmp.type"):gsub("\n", "\n"))
  test.equal(answer "count where icmp", lines .. "\n")
end)

test("rate counts packets and bits of each second", function()
  local by_script = command.sh "exec $P run rates -r data/office.pcap"
  test.equal(answer "rate", by_script.out)
  test.equal(answer("rate by vlan.id top 1"):match "^[^\n]+", "2024-03-04T09:00:03Z\t30\t2\t1504")
end)

test("histogram counts values by ranges", function()
  test.equal(answer "histogram ip.ttl", "32\t63\t296\t19.1\n64\t127\t1252\t80.9\n")
end)

test("packets without the key are told on standard error", function()
  local result = ask "count by ip.src where tcp.dstport == 443"
  test.equal(result.err:match "^[^\n]+", "packets without ip.src: 211")
end)

test("short Lua has fields as names, and p", function()
  test.equal(answer "if frame.number == 1 then print(ip.src, p:wire_len(), tcp) end",
    "10.20.0.23\t98\tnil\n")
  test.equal(answer "if frame.number == 5 then print(tcp.port) end", "39672\t443\n")
  test.equal(answer "if frame.number == 5 then print(tcp and #tcp, ('ip.scr --'):len()) end",
    "28\t9\n")
end)

test("globals stay, and finish is called in the end", function()
  test.equal(answer "n = (n or 0) + 1 function finish() print(n) end", "1943\n")
  test.equal(answer [[n = (n or 0) + b:sum "tcp.len" function finish() print(n) end]], "220937\n")
end)

test("what looks like a field in a string or a comment is none", function()
  test.equal(answer [==[
    -- ip.scr
    --[[ ip.scr ]]
    if frame.number == 1 then print("ip.scr", [[ip.scr]], 'it\'s ip.scr', ("x"):rep(2)) end
  ]==], "ip.scr\tip.scr\tit's ip.scr\txx\n")
end)

test("-e may stand behind run, and the source may be standard input", function()
  local result = command.sh "exec $P run -e count -r - <data/office.pcap"
  test.equal(command.expect(0, result).out, "1943\n")
end)

test("an unknown word is shown, with what was expected", function()
  mistaken("cuont by ip.src", "this is neither Lua nor a sentence; did you mean count?\n"
    .. "cuont by ip.src\n^~~~~")
  mistaken("frames by ip.src", "this is neither Lua nor a sentence; one begins with count, sum, "
    .. "min, max, distinct, print, rate, histogram\nframes by ip.src\n^~~~~~")
  mistaken("count ip.src", "`count` goes on with by, where or top, as in `count by ip.src top 5`\n"
    .. "count ip.src\n      ^~~~~~")
  mistaken("print ip.src top 3", "`print` has no `top`: it takes where or limit\n"
    .. "print ip.src top 3\n             ^~~")
end)

test("an unknown field is shown, with the nearest", function()
  mistaken("count by ip.scr", "there is no field ip.scr; did you mean ip.src?\n"
    .. "count by ip.scr\n         ^~~~~~")
  mistaken("print(ip.scr)", "there is no field ip.scr; did you mean ip.src?\n"
    .. "print(ip.scr)\n      ^~~~~~")
  mistaken("count by ip.src were tcp", "there is no field were; did you mean where?\n"
    .. "count by ip.src were tcp\n                ^~~~")
  mistaken("count by qqqqq", "there is no field qqqqq\ncount by qqqqq\n         ^~~~~")
end)

test("a field that is no number, or several, is shown", function()
  mistaken("sum ip.src", "ip.src is no number, and sum wants one\nsum ip.src\n    ^~~~~~")
  mistaken("count by tcp.port", "tcp.port has several values: choose tcp.srcport or tcp.dstport\n"
    .. "count by tcp.port\n         ^~~~~~~~")
end)

test("what is missing is said", function()
  mistaken("sum by ip.src", "sum of which field? As in `sum frame.len by ip.src`\n"
    .. "sum by ip.src\n^~~")
  mistaken("count by", "by which field? As in `count by ip.src top 5`\ncount by\n      ^~")
  mistaken("count where", "where what? As in `where tcp.dstport == 443`\n"
    .. "count where\n      ^~~~~")
  mistaken("count top x", "`top` wants a number of at least 1\ncount top x\n          ^")
  mistaken("count top 1 top 2", "there is a `top` already\ncount top 1 top 2\n            ^~~")
end)

test("a mistake in an expression is shown there", function()
  mistaken("count where tcp.dstport = = 443", '"=" is not expected here\n'
    .. "tcp.dstport = = 443\n            ^")
end)

test("with b, a field needs a packet", function()
  local said = command.expect(2, ask "b:sum(tcp.len)").err
  assert(said:find("b:sum, b:column and the like take its name", 1, true), said)
end)

test("a syntax error of Lua is Lua's", function()
  local said = command.expect(2, ask "if tcp.dstport == 443 the print(ip.src) end").err
  test.equal(said, "capengine run: -e:1: 'then' expected near 'the'\n")
  said = command.expect(2, ask "print(ip.src").err
  test.equal(said, "capengine run: -e:1: ')' expected (to close '(' at line 1) near its end\n")
end)

test("an error while Lua runs ends with 3 and the line", function()
  local result = command.expect(3, ask "print(tcp.dstport + 1)")
  test.equal(result.err:match "^[^\n]+",
    "capengine run: -e:1: attempt to perform arithmetic on a nil value")
end)

test("-e stands once, and not beside a script", function()
  assert(command.expect(2, command.sh "exec $P -e count -e count").err:find "there is one already")
  assert(command.expect(2, command.sh "exec $P -e count talkers").err:find "not both")
end)
