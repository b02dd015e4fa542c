--- slice: what lies in a range of time, in a file of its own.
---
--- usage   capengine run slice -r trace.pcap -f 'tcp port 443' -- --out part.pcap
---           --from 2024-03-04T09:00:10 --to 2024-03-04T09:00:20
---           --where 'tcp.flags.syn == 1'
--- args    --out FILE       whose ending says what it is: .pcap, .pcapng, .pcap.gz ...
---         --from TIME      the first to keep; default all from the first packet on
---         --to TIME        the first no longer to keep; default all to the end
---         --where TEXT     a display filter, as of batch:where; default all
---         --slack SECONDS  how far behind the range packets in it may stand (default 60);
---                          below 0: anywhere
---         --nano           stamps of a pcap file in nanoseconds
--- output  file, packets kept, bytes of the file, the first packet's time and the last's
---         (UTC); tabs between, "-" for a time where nothing was kept
--- memory  none to speak of
---
--- A TIME is seconds since 1970, 1709542810.5; or UTC, 2024-03-04T09:00:10.5, with or
--- without its seconds and a Z at the end; or seconds after the first packet that -f
--- lets pass, +10.5.
---
--- Packets are taken wherever in the file they stand, but for this: once one is more than
--- --slack seconds past the range, the run ends, and standard error says so. In a file that
--- is in order, nothing is missed then, even with --slack 0.

local ce = require "capengine"

local script = {
  args = {
    out = { default = "", help = "the file to write" },
    from = { default = "", help = "first time to keep" },
    to = { default = "", help = "first time no longer to keep" },
    where = { default = "", help = "display filter" },
    slack = { default = 60.0, help = "seconds past the range until the run ends" },
    nano = { default = false, help = "stamps in nanoseconds" },
  },
}

local SECOND = 1000000000

local function check(done, message)
  if not done then ce.fail("slice: " .. message) end
  return done
end

-- "10.5" -> 10500000000; nil for what is no such number
local function decimal_ns(text)
  local whole, fraction = text:match "^(%d+)%.?(%d*)$"
  if not whole or #whole > 10 then return nil end
  return tonumber(whole) * SECOND + tonumber((fraction .. "000000000"):sub(1, 9))
end

-- Days from 1970 to a day of the Gregorian calendar. Years begin with March here, so
-- that the odd day is the last.
local function days(year, month, day)
  if month < 3 then year, month = year - 1, month + 12 end
  local leaps = year // 4 - year // 100 + year // 400
  return 365 * year + leaps + (153 * month - 457) // 5 + day - 719469
end

-- "2024-03-04T09:00:10.5Z" -> 1709542810500000000
local function utc_ns(text)
  local year, month, day, hour, minute, rest =
    text:match "^(%d%d%d%d)-(%d%d)-(%d%d)[T ](%d%d):(%d%d):?([%d.]*)Z?$"
  local seconds = year and decimal_ns(rest == "" and "0" or rest)
  if not seconds then return nil end
  local day_number = days(tonumber(year), tonumber(month), tonumber(day))
  return (day_number * 86400 + hour * 3600 + minute * 60) * SECOND + seconds
end

local function time_ns(text, first_ns)
  local after = text:match "^%+(.*)$"
  local ns = after and decimal_ns(after) or not after and (decimal_ns(text) or utc_ns(text))
  check(ns, text .. ": no time; see: capengine help slice")
  return after and first_ns + ns or ns
end

local from, to, past -- nanoseconds; since the first batch
local output, first_kept, last_kept

local function begin(batch)
  local args, first_ns = script.args, 0
  check(args.out ~= "", "--out says which file to write")
  if batch then
    batch:where(args.where) -- raises for what is no expression, before a file is emptied
    first_ns = batch:column "frame.time_epoch"[1]
  end
  from = args.from == "" and math.mininteger or time_ns(args.from, first_ns)
  to = args.to == "" and math.maxinteger or time_ns(args.to, first_ns)
  past = math.maxinteger
  if args.slack >= 0 and args.to ~= "" then past = to + math.floor(args.slack * SECOND) end
  output = check(ce.savefile(args.out, { nano = args.nano or nil }))
end

local function keep(what, first_ns, last_ns)
  check(output:write(what))
  first_kept, last_kept = first_kept or first_ns, last_ns
end

-- Some of the batch is in the range, some is not.
local function keep_some(batch)
  for packet in batch:each() do
    local now = packet:time()
    if now >= from and now < to then keep(packet, now, now) end
  end
end

local function keep_all(batch)
  local times = batch:column "frame.time_epoch"
  if #times > 0 then keep(batch, times[1], times[#times]) end
end

function script.batch(batch)
  if not output then begin(batch) end
  local least, most = batch:min "frame.time_epoch", batch:max "frame.time_epoch"
  if least < to and most >= from then
    local wanted = batch:where(script.args.where)
    if least >= from and most < to then keep_all(wanted) else keep_some(wanted) end
  end
  if most > past then
    io.stderr:write("slice: ended ", script.args.slack, " s past the range\n")
    ce.source():breakloop()
  end
end

local function time_text(ns)
  if not ns then return "-" end
  return os.date("!%Y-%m-%dT%H:%M:%S", ns // SECOND) .. (".%09dZ"):format(ns % SECOND)
end

function script.finish()
  if not output then begin() end -- there was no packet
  check(output:close())
  local counters = output:counters()
  print(script.args.out, counters.written, counters.bytes,
    time_text(first_kept), time_text(last_kept))
end

return script
