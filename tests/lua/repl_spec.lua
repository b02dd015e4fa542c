-- repl_spec.lua: `capengine repl` with lines from a pipe; terminal/repl types them.
local command = require "support.command"
local test = require "support.spec"

-- So few that they come in one batch.
local THOUSAND <const> = "-r data/office.pcap -c 1000"

-- What lines give, on standard output and standard error.
local function say(lines, options)
  local line = ("printf '%%s\\n' %s | $P repl %s"):format(command.quote(lines),
    options or "-r data/office.pcap")
  return command.expect(0, command.sh(line))
end

local function shows(lines, expected, options)
  local result = say(lines, options)
  test.equal(result.out, expected)
end

test("what an expression gives is printed, and nothing for nothing", function()
  shows("1 + 1\n'text'\n1, nil, true\nx = 5\nx\nlocal y = 1\n\nreturn",
    "2\ntext\n1\nnil\ntrue\n5\n")
end)

test("b is the current batch, and next goes on", function()
  shows("b\n#b\nb\nnext()\nb\nnext({ 5 })", "a batch of 1000 packets\n1000\n"
    .. "a batch of 1000 packets\nnil\nnil\n1\n5\n", THOUSAND)
end)

test("a batch that is over raises, and the lines go on", function()
  local result = say "old = b\nlocal more = next()\nold:count()\n'on'"
  assert(result.err:find("batch used after the next was read", 1, true), result.err)
  test.equal(result.out, "on\n")
end)

test("packets are shown as such", function()
  shows("for p in b:each() do first = p break end\nfirst", "a packet of 98 bytes\n")
end)

test("a statement may go on over lines", function()
  shows("for i = 1, 2 do\nprint(i)\nend", "1\n2\n")
end)

test("tables are printed as tables", function()
  shows("{}\n{ 5, x = 'y', t = {}, u = { a = 1 } }\n{ { a = 1 }, { a = 2, b = { 1, 2 } } }",
    "{}\n1\t5\nt\t{}\nu\t{ ... }\nx\ty\n1\t-\n2\t{ 1, 2 }\n")
  local result = command.sh [[echo '{ { a = 1234, b = "x" } }' | $P repl --table]]
  test.equal(result.out, "   a  b\n1234  x\n")
end)

test("show prints what an iterator gives", function()
  shows("g = ce.group { by = 'tcp.dstport' } g:add(b)\nshow(g:rows { order = 'count', limit = 2 })",
    "342\t443\n180\t22\n", THOUSAND)
end)

test("sentences are answered, and say what is wrong with them", function()
  shows("count by ip.src where tcp.dstport == 443 top 2\ncount", "10.20.0.23\t142\n"
    .. "10.20.0.12\t117\n1943\n")
  local result = say "cuont by ip.src\nsum ip.scr\ncount\n"
  test.equal(result.out, "1943\n")
  assert(result.err:find("did you mean count?\ncuont by ip.src\n^", 1, true), result.err)
  assert(result.err:find("did you mean ip.src?\nsum ip.scr\n    ^", 1, true), result.err)
end)

test("each sentence is about the whole savefile, and b stays where it was", function()
  local result = say("#b\ncount\nprint ip.proto limit 2\ncount\n#b",
    "-r data/office.pcap -f tcp -c 100")
  test.equal(result.out, "100\n100\n6\n6\n100\n100\n")
end)

test("of a pipe, sentences are about what comes next", function()
  local result = command.sh([[exec 3<data/office.pcap; printf 'count\ncount\n' |
    $P repl -r /dev/fd/3]])
  test.equal(result.out, "1943\n1943\n") -- a file behind a descriptor can be read again
  result = command.sh([[mkfifo fifo.$$; cat data/office.pcap >fifo.$$ &
    printf 'count\ncount\n' | $P repl -r fifo.$$; rm fifo.$$]])
  test.equal(result.out, "1943\n0\n")
end)

test("a verb is a name where something has that name", function()
  shows("count = 5\ncount\ncount where udp", "5\n96\n")
end)

test("a sentence without a source says so", function()
  assert(say("count", "").err:find("there is no source: -r or -i names one", 1, true))
end)

test("what is wrong is said, and the lines go on", function()
  local result = say "x y\nerror 'no'\nerror(nil)\nce.field 'ip.scr'\n'on'"
  test.equal(result.out, "on\n")
  assert(result.err:find("repl:1: syntax error near 'y'\nrepl:1: no\nnil\n"
    .. "repl:1: there is no field ip.scr; did you mean ip.src?\n", 1, true), result.err)
end)

test("exit and quit end it", function()
  shows("1\nexit\n2", "1\n")
  shows("1\n quit \n2", "1\n")
end)

test("without a source there is still ce", function()
  local result = say("source\nce.open('data/office.pcap'):next() ~= nil\nb\nnext()", "")
  test.equal(result.out, "nil\ntrue\nnil\n")
  assert(result.err:find("there is no source: -r or -i names one", 1, true), result.err)
end)

test("the filter and the count of the command line hold", function()
  local result = say("#b", "-r data/office.pcap -f 'tcp port 443' -c 100")
  test.equal(result.out, "100\n")
end)

test("a source that cannot be opened, and a script, end it at once", function()
  command.expect(1, command.sh "$P repl -r none.pcap </dev/null")
  assert(command.expect(2, command.sh "$P repl talkers </dev/null").err:find "takes no script")
  assert(command.expect(2, command.sh "$P repl -e count </dev/null").err:find "takes no script")
end)

test("os.exit ends it with a status", function()
  command.expect(7, command.sh "echo 'os.exit(7)' | $P repl -r data/office.pcap")
end)

test("lines from a pipe are not kept", function()
  local result = command.sh [[HOME=$(mktemp -d); export HOME; unset XDG_STATE_HOME
    echo 1 | $P repl; find "$HOME" -type f; rm -r "$HOME"]]
  test.equal(result.out, "1\n")
end)
