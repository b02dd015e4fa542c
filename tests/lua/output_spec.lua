-- output_spec.lua: ce.table, ce.histogram and ce.series, on a terminal and elsewhere.
local ce = require "capengine"
local command = require "support.command"
local temporary = require "support.temporary"
local test = require "support.spec"

-- What a script prints in a format; `text` makes tables.
local function printed(format, text)
  local result = command.run(format, 'local ce = require "capengine"\n' .. text)
  return command.expect(0, result).out
end

-- The same on a terminal of so many columns.
local function on_terminal(columns, environment, options, text)
  local script = command.script('local ce = require "capengine"\n' .. text)
  local line = ("stty cols %d; %s $P run %s %s"):format(columns, environment, options, script)
  return command.expect(0, command.sh("unset NO_COLOR; export TERM=xterm; script -qec "
    .. command.quote(line) .. " /dev/null </dev/null")).out:gsub("\r", "")
end

local TABLE = [[
  local rows = ce.table {
    title = "a title",
    columns = {
      "name", { "packets", unit = "count" }, { "bytes", unit = "bytes" },
      { "took", unit = "seconds", digits = 3 }, { "at", unit = "time", digits = 0 },
    },
  }
  rows:row("one", 1234567, 999, 0.0015, 1709542800500000000)
  rows:row { name = "other", bytes = 136000, took = 7384.25 }
  rows:print()
]]

test("--tsv has the values as they are, and no header", function()
  test.equal(printed("--tsv", TABLE), "one\t1234567\t999\t0.002\t2024-03-04T09:00:00Z\n"
    .. "other\t-\t136000\t7384.250\t-\n")
end)

test("elsewhere than on a terminal, tsv is what is printed", function()
  test.equal(printed("", TABLE), printed("--tsv", TABLE))
end)

test("--json is an object a line", function()
  test.equal(printed("--json", TABLE),
    '{"name":"one","packets":1234567,"bytes":999,"took":0.002,"at":"2024-03-04T09:00:00Z"}\n'
    .. '{"name":"other","packets":null,"bytes":136000,"took":7384.250,"at":null}\n')
end)

test("--table has a header, units, and numbers at the right", function()
  test.equal(printed("--table", TABLE), [[
a title
name     packets     bytes      took  at
one    1,234,567    999  B  1.500 ms  2024-03-04 09:00:00
other          -  136.0 kB  2 h 03 m  -
]])
end)

test("the header is bold on a terminal, and not with NO_COLOR", function()
  local bold = "\27[1mname     packets     bytes      took  at\27[0m\n"
  assert(on_terminal(80, "", "", TABLE):find(bold, 1, true))
  local plain = on_terminal(80, "NO_COLOR=1", "", TABLE)
  test.equal(plain, printed("--table", TABLE))
  test.equal(on_terminal(80, "TERM=dumb", "", TABLE), plain)
end)

test("--tsv and --json hold on a terminal too", function()
  test.equal(on_terminal(80, "", "--tsv", TABLE), printed("--tsv", TABLE))
  test.equal(on_terminal(80, "", "--json", TABLE), printed("--json", TABLE))
end)

local STREAM = [[
  local rows = ce.table { stream = true, columns = { "a", { "n", unit = "count" } } }
  rows:row("x", 1)
  io.stdout:write "between\n"
  rows:row("a rather long text", 2)
  rows:print()
]]

test("with stream, rows are printed as they come", function()
  test.equal(printed("--table", STREAM), "a                        n\nx                        1\n"
    .. "between\na rather long text          2\n")
  test.equal(printed("--tsv", STREAM), "x\t1\nbetween\na rather long text\t2\n")
end)

local SORTED = [[
  local rows = ce.table { sort = "n", limit = 3, columns = { "a", "n" } }
  for _, n in ipairs { 3, "text", 9, 4, 9 } do rows:row(tostring(n), n) end
  rows:row("nil")
  rows:print()
]]

test("sort puts the largest first, and limit ends it", function()
  test.equal(printed("--tsv", SORTED), "9\t9\n9\t9\n4\t4\n")
  test.equal(printed("--tsv", (SORTED:gsub('sort = "n", limit = 3',
    'sort = "n", ascending = true'))), "3\t3\n4\t4\n9\t9\n9\t9\ntext\ttext\nnil\t-\n")
end)

test("empty fields at the end of a line are left out", function()
  local text = [[
    local rows = ce.table { columns = { "a", { "note", absent = "" } } }
    rows:row(1)
    rows:row(2, "seen")
    rows:print()
  ]]
  test.equal(printed("--tsv", text), "1\n2\tseen\n")
  test.equal(printed("--json", text), '{"a":1,"note":null}\n{"a":2,"note":"seen"}\n')
end)

test("text from packets neither ends a line nor talks to the terminal", function()
  local text = [[
    local rows = ce.table { columns = { "a", "b" } }
    rows:row("line\none\ttab", "\27[31mred\255")
    rows:print()
  ]]
  test.equal(printed("--tsv", text), "line\\x0aone\\x09tab\t\\x1b[31mred\255\n")
  test.equal(printed("--json", text), '{"a":"line\\u000aone\\u0009tab","b":"\\u001b[31mredÿ"}\n')
end)

test("numbers that JSON lacks are null, and booleans are its own", function()
  test.equal(printed("--json", [[
    local rows = ce.table { columns = { "a", "b", "c", "d" } }
    rows:row(1/0, 0/0, true, math.mininteger)
    rows:print()
  ]]), '{"a":null,"b":null,"c":true,"d":-9223372036854775808}\n')
end)

test("units go up by thousands", function()
  test.equal(printed("--table", [[
    local rows = ce.table { columns = { { "b", unit = "bits" }, { "c", unit = "count" } } }
    for _, n in ipairs { 0, 999, 1000, 999949, 999950, 1e9 // 1, -1234 } do rows:row(n, n) end
    rows:print()
  ]]), [[
         b              c
    0  bit              0
  999  bit            999
  1.0 kbit          1,000
999.9 kbit        999,949
  1.0 Mbit        999,950
  1.0 Gbit  1,000,000,000
 -1.2 kbit         -1,234
]])
end)

test("what a table, a column or a histogram lacks raises", function()
  test.raises("capengine.table has no option sorted", ce.table, { columns = { "a" }, sorted = 1 })
  test.raises("columns are wanted", ce.table, {})
  test.raises("there is no unit miles", ce.table, { columns = { { "a", unit = "miles" } } })
  test.raises("sort: there is no column b", ce.table, { columns = { "a" }, sort = "b" })
  test.raises("capengine.histogram has no option bins", ce.histogram, { bins = 1 })
  test.raises("an integer of at least 1", ce.histogram, { width = 0 })
  test.raises("not negative", function() ce.histogram({}):add(-1) end)
  test.raises("not negative", function() ce.histogram({}):add "1" end)
  test.raises("interval", ce.series, { interval = 0 })
end)

local HISTOGRAM = [[
  local histogram = ce.histogram { title = "sizes", count = "n", sum = "bytes", unit = "bytes" }
  for _, value in ipairs { 0, 1, 64, 100, 127, 127 } do histogram:add(value) end
  histogram:add(300, 6)
  histogram:print()
]]

test("a histogram has a line for each range, from the first to the last", function()
  test.equal(printed("--tsv", HISTOGRAM), "0\t0\t1\t8.3\t0\n1\t1\t1\t8.3\t1\n2\t3\t0\t0.0\t0\n"
    .. "4\t7\t0\t0.0\t0\n8\t15\t0\t0.0\t0\n16\t31\t0\t0.0\t0\n32\t63\t0\t0.0\t0\n"
    .. "64\t127\t4\t33.3\t418\n128\t255\t0\t0.0\t0\n256\t511\t6\t50.0\t1800\n")
end)

test("ranges may have a width, and empty lines end somewhere", function()
  test.equal(printed("--tsv", [[
    local histogram = ce.histogram { width = 100 }
    histogram:add(99)
    histogram:add(100)
    histogram:add(250.5)
    histogram:print()
  ]]), "0\t99\t1\t33.3\n100\t199\t1\t33.3\n200\t299\t1\t33.3\n")
  test.equal(printed("--tsv", [[
    local histogram = ce.histogram { width = 1 }
    histogram:add(5)
    histogram:add(5000000)
    histogram:print()
  ]]), "5\t5\t1\t50.0\n5000000\t5000000\t1\t50.0\n")
end)

test("bars are as long as the terminal lets them be", function()
  local narrow = on_terminal(70, "NO_COLOR=1", "", HISTOGRAM)
  local wide = on_terminal(100, "NO_COLOR=1", "", HISTOGRAM)
  assert(narrow:find("64   127  4   33.3 %  418  B  ████████\n", 1, true), narrow)
  assert(narrow:find("256   511  6   50.0 %  1.8 kB  ████████████\n", 1, true), narrow)
  assert(wide:find("1.8 kB  " .. ("█"):rep(42) .. "\n", 1, true), wide)
end)

local SERIES = [[
  local series = ce.series { name = "n", title = "some" }
  for second, value in ipairs { 8, 4, 0, 1 } do
    series:add(1709542800000000000 + second * 1000000000, value)
    series:add(1709542800000000000, value)
  end
  series:print()
]]

test("a series has a value for each interval; the past counts in the latest", function()
  test.equal(printed("--tsv", SERIES), "2024-03-04T09:00:01Z\t16\n2024-03-04T09:00:02Z\t8\n"
    .. "2024-03-04T09:00:03Z\t0\n2024-03-04T09:00:04Z\t2\n")
end)

test("on a terminal it is drawn", function()
  test.equal(printed("--table", SERIES), [[
some
         16 │█
            │█
            │█
            │█
            │██
            │██
            │██
          0 │██ █
             09:00:01 09:00:05
]])
end)

test("a long series is bounded, and its peak stays", function()
  local out = printed("--json", [[
    local series = ce.series { name = "n" }
    for second = 0, 99999 do series:add(second * 1000000000, second == 777 and 50 or 1) end
    series:print()
  ]])
  local lines, peaks = 0, 0
  for value in out:gmatch '"n":(%d+)' do
    lines = lines + 1
    if value == "50" then peaks = peaks + 1 else test.equal(value, "1") end
  end
  test.equal(peaks, 1)
  assert(lines > 2048 and lines <= 4096, lines)
end)

test("one absurd time does not take for ever", function()
  local series = ce.series {}
  series:add(0, 1)
  series:add(math.maxinteger, 1)
  assert(#series:svg() > 100)
end)

-- Texts of a picture are within it and do not touch, as wide as letters of 12 mostly are.
local function check_texts(svg)
  local last_x, last_y = 0, 0
  local pattern = '<text x="([%d.]+)" y="([%d.]+)" text%-anchor="(%a+)">([^<]*)<'
  for x, y, anchor, text in svg:gmatch(pattern) do
    local width = 6 * utf8.len(text)
    local from = anchor == "start" and x or anchor == "end" and x - width or x - width / 2
    assert(from + 0 >= 0 and from + width <= 900, text)
    assert(y ~= last_y or from > last_x, text .. " touches what is before it")
    last_x, last_y = from + width, y
  end
end

test("texts of pictures find room, however long they are and however many", function()
  local histogram = ce.histogram { title = ("long "):rep(100) }
  for i = 0, 62 do histogram:add(1 << i, 10^15 // (i + 1) | 0) end
  check_texts(histogram:svg())
  assert(histogram:svg():find("<title>" .. ("long "):rep(100), 1, true))
  for _, count in ipairs { 1, 2, 7, 60, 61, 500 } do
    local narrow = ce.histogram { width = 1000 }
    local series = ce.series { interval = 3600 }
    for i = 1, count do
      narrow:add(i * 1000, i)
      series:add(i * 3600 * 1000000000, i)
    end
    check_texts(narrow:svg())
    check_texts(series:svg())
  end
end)

test("a picture of nothing says so", function()
  assert(ce.histogram({}):svg():find(">nothing was counted<", 1, true))
  assert(ce.series({}):svg():find(">nothing was counted<", 1, true))
end)

test("--svg writes a picture, and a second one beside it", function()
  local name = temporary.name() .. ".svg"
  printed("--svg " .. name, HISTOGRAM .. SERIES)
  local first, second = temporary.read(name), temporary.read((name:gsub("%.svg$", "-2.svg")))
  os.remove(name)
  os.remove((name:gsub("%.svg$", "-2.svg")))
  assert(first:find "^<svg xmlns" and first:find "</svg>\n$" and first:find ">sizes<", first)
  test.equal(select(2, first:gsub("<rect x=", "")), 10)
  assert(first:find("256–511: 6 n, 50.0 %", 1, true), first)
  assert(second:find(">some<", 1, true) and second:find("09:00:01: 16", 1, true), second)
end)

test("titles cannot break the picture", function()
  local svg = ce.histogram({ title = "<a & \"b\">" }):svg()
  assert(svg:find("&lt;a &amp; &quot;b&quot;&gt;", 1, true), svg)
end)

test("a picture that cannot be written ends with 2 and a message", function()
  local function said(name)
    local text = 'local ce = require "capengine"\n' .. HISTOGRAM
    return command.expect(2, command.run("--svg " .. name, text)).err
  end
  local name = temporary.file "" .. "/x.svg"
  test.equal(said(name), ("capengine run: %s: Not a directory\n"):format(name))
  test.equal(said "/dev/full", "capengine run: /dev/full: No space left on device\n")
end)

test("a format or a picture that a script does not have is a mistake", function()
  local result = command.expect(2, command.run("--json", "print(1)"))
  assert(result.err:find "makes no table, so %-%-json had no effect", result.err)
  result = command.expect(2, command.run("--svg x.svg", "print(1)"))
  assert(result.err:find "draws nothing, so %-%-svg had no effect", result.err)
end)

test("capengine.run has the format as an option", function()
  test.raises("json, table or tsv is wanted", ce.run, "talkers", { format = "xml" })
  local result, why = command.stock_lua [[-l capengine -e 'assert(capengine.run("talkers",
    { files = "data/office.pcap", format = "json", args = { top = 1 } }))']]
  if not result then test.skip(why) end
  test.equal(command.expect(0, result).out,
    '{"address":"10.20.0.7","packets":117,"bytes":135962}\n')
end)
