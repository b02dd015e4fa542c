-- open_spec.lua: sources by name and options, as lua_open.c opens them.
local ce = require "capengine"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local FEW = savefile.write { savefile.udp(1), savefile.udp(2), savefile.tcp(3), savefile.udp(4) }
local MORE = savefile.write { savefile.udp(5), savefile.tcp(6) }

-- The ports of a source's packets, as "1 2 3".
local function ports(source)
  local port, list = ce.field "flow.dstport", {}
  for packet in source:packets() do list[#list + 1] = port(packet) end
  return table.concat(list, " ")
end

test("a file is opened by file:PATH and by its path", function()
  local one <close> = assert(ce.open("file:" .. FEW))
  local two <close> = assert(ce.open(FEW))
  test.equal(ports(one), "1 2 3 4")
  test.equal(ports(two), "1 2 3 4")
end)

test("a list of files is one source, whose packets are numbered through", function()
  local source <close> = assert(ce.open { FEW, MORE, FEW })
  local number, count = ce.field "frame.number", 0
  for packet in source:packets() do
    count = count + 1
    test.equal(number(packet), count)
  end
  test.equal(count, 10)
end)

test("filter and limit choose packets", function()
  local source <close> = assert(ce.open(FEW, { filter = "udp" }))
  test.equal(ports(source), "1 2 4")
  local limited <close> = assert(ce.open(FEW, { limit = 2 }))
  test.equal(ports(limited), "1 2")
end)

test("batch is the most that a batch has", function()
  local source <close> = assert(ce.open(FEW, { batch = 3 }))
  local sizes = {}
  for batch in source:batches() do sizes[#sizes + 1] = #batch end
  test.equal(table.concat(sizes, " "), "3 1")
end)

test("what cannot be opened fails with what the system says", function()
  test.fails("ENOENT", ce.open "file:/no/such/file")
  test.fails("ENOENT", ce.open "/no/such/file")
  test.fails("EBADMSG", ce.open(temporary.file "this is no savefile, and longer than a header"))
  test.fails("EINVAL", ce.open(FEW, { filter = "no filter" }))
  local source, message, code = ce.open "no-such-interface"
  assert(source == nil and type(message) == "string")
  assert(code == "ENODEV" or code == "EPERM", code)
  source, message, code = ce.open("live:" .. FEW)
  assert(source == nil and type(message) == "string" and code ~= "ENOENT", code)
end)

test("options that do not exist, or cannot be, raise", function()
  test.raises("no option snap_len", ce.open, FEW, { snap_len = 1 })
  test.raises("no option ?", ce.open, FEW, { 1 })
  test.raises("option snaplen", ce.open, FEW, { snaplen = 0 })
  test.raises("option snaplen", ce.open, FEW, { snaplen = "many" })
  test.raises("option batch", ce.open, FEW, { batch = 4097 })
  test.raises("option limit", ce.open, FEW, { limit = -1 })
  test.raises("option ring_bytes", ce.open, FEW, { ring_bytes = 1 })
  test.raises("option promisc", ce.open, FEW, { promisc = 1 })
  test.raises("option filter", ce.open, FEW, { filter = {} })
  test.raises("table expected", ce.open, FEW, "udp")
  test.raises("string expected", ce.open)
  test.raises("no files", ce.open, {})
  test.raises("strings", ce.open, { FEW, {} })
end)

test("a source is a handle like any other", function()
  local source <close> = assert(ce.open(FEW))
  test.equal(source:datalink(), 1)
  test.equal(source:loop(0, function() end), 4)
  test.equal(source:counters().delivered, 4)
end)

test("what open was given may change afterwards", function()
  local files = { FEW, MORE }
  local options = { filter = "udp" }
  local source <close> = assert(ce.open(files, options))
  files[1], files[2], options.filter = nil, nil, "tcp"
  collectgarbage()
  test.equal(ports(source), "1 2 4 5")
end)
