--- rotate: one file after the other, of so many bytes, packets or seconds.
---
--- usage   capengine run rotate -i eth0 -- --out trace.pcap --seconds 60 --files 10
--- args    --out NAME     of the files; a number goes before its endings, and strftime(3)
---                        fills in what begins with %, in local time: %Y%m%d-%H%M%S.pcap
---         --bytes N      most bytes of a file, before compression
---         --packets N    most packets of a file
---         --seconds N    a file ends when so many seconds of packet time are over
---         --first        count seconds from the first packet, not by the clock
---         --files N      keep the last so many; default all
---         --where TEXT   write only what this display filter selects, as of batch:where
---         --nano         stamps of pcap files in nanoseconds
--- output  file, packets, bytes, as soon as it is complete; tabs between
--- memory  the names of the files that are kept, where --files says how many
---
--- The first limit that a packet would pass ends a file; without any, --seconds is 60. By
--- the clock means that 60 seconds are a minute, and 3600 an hour, of UTC. A file is called
--- NAME.part until it is complete. Its endings say what it is: .pcap, .pcapng, .pcap.gz,
--- .pcap.zst ... Where no packet comes, there is none.
---
--- Without a display filter, `capengine run -w` with -C, -G and -W writes the same; it
--- also starts a command for each file, and a script of your own can run beside it.

local ce = require "capengine"

local script = {
  args = {
    out = { default = "", help = "name of the files" },
    bytes = { default = 0, help = "most bytes of a file" },
    packets = { default = 0, help = "most packets of a file" },
    seconds = { default = 0, help = "most seconds of a file" },
    first = { default = false, help = "count seconds from the first packet" },
    files = { default = 0, help = "how many are kept" },
    where = { default = "", help = "display filter" },
    nano = { default = false, help = "stamps in nanoseconds" },
  },
}

local function check(done, message)
  if not done then ce.fail("rotate: " .. message) end
  return done
end

-- nil for 0, which stands for an argument that was not given
local function given(number)
  return number ~= 0 and number or nil
end

io.stdout:setvbuf "line" -- a line is of use when it is printed

local function open()
  local args = script.args
  check(args.out ~= "", "--out says how the files are called")
  local unlimited = args.bytes == 0 and args.packets == 0 and args.seconds == 0
  return check(ce.savefile(args.out, {
    nano = args.nano or nil,
    rotate = {
      bytes = given(args.bytes), packets = given(args.packets), files = given(args.files),
      seconds = unlimited and 60 or given(args.seconds), aligned = not args.first,
      complete = print,
    },
  }))
end

local output -- since the first packet: then the arguments are known

function script.batch(batch)
  local wanted = batch:where(script.args.where) -- raises for what is no expression
  output = output or open()
  check(output:write(wanted))
end

function script.finish()
  if output then check(output:close()) end
end

return script
