--- anonymize: a copy with other addresses, to give away.
---
--- Addresses with a common prefix keep one, and with the same key the same address becomes
--- the same other one, in every file (Crypto-PAn): subnets and flows stay what they were.
---
--- usage   capengine run anonymize -r trace.pcap -- --out public.pcap --key secret.key
--- args    --out FILE      whose ending says what it is: .pcap, .pcapng, .pcap.gz ...
---         --key FILE      32 bytes, or 64 hexadecimal digits; without it a key is made,
---                         and said on standard error
---         --payload WHAT  cut (default), zero, or keep
---         --mac           other MAC addresses too; without a common prefix
---         --nano          stamps of a pcap file in nanoseconds
--- output  file, packets, bytes of the file; tabs between
--- memory  none to speak of
---
--- Changed are the addresses of IPv4, IPv6 and ARP, in options and routing headers, in
--- neighbor discovery, in what ICMP quotes, and in what IP and GRE carry. Checksums follow:
--- one that was wrong stays wrong. Those of packets whose payload is cut are what they
--- were with it; where it is zeroed, those of fragments and of SCTP are wrong.
---
--- What else a packet holds is payload, other tunnels too, and may tell more: with --payload
--- keep it is your decision. Headers that are broken or not whole are zeroed from there
--- on, and so are packets of link types that capengine does not know. Times, lengths and
--- ports stay. Who has the key can tell which address became which; who knows some of the
--- traffic may find it again.

local ce = require "capengine"

local script = {
  args = {
    out = { default = "", help = "the file to write" },
    key = { default = "", help = "file with the key" },
    payload = { default = "cut", help = "cut, zero or keep" },
    mac = { default = false, help = "other MAC addresses too" },
    nano = { default = false, help = "stamps in nanoseconds" },
  },
}

local KEY = 32 -- bytes

local function check(done, message)
  if not done then ce.fail("anonymize: " .. message) end
  return done
end

local function read(path, format)
  local file <close> = check(io.open(path, "rb"))
  return file:read(format) or ""
end

local function from_hex(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function key_from(path)
  local text = read(path, "a")
  local digits = text:match "^%s*(%x+)%s*$"
  local key = digits and #digits == 2 * KEY and from_hex(digits) or text
  check(#key == KEY, path .. ": neither 32 bytes nor 64 hexadecimal digits")
  return key
end

local function make_key()
  local key = read("/dev/urandom", KEY)
  io.stderr:write("anonymize: made the key ", to_hex(key), "\n")
  return key
end

local anonymizer, output -- since the first packet: then the arguments are known

local function begin()
  local args = script.args
  check(args.out ~= "", "--out says which file to write")
  anonymizer = ce.anonymizer {
    key = args.key == "" and make_key() or key_from(args.key),
    payload = args.payload, mac = args.mac,
  }
  output = check(ce.savefile(args.out, { nano = args.nano or nil }))
end

function script.packet(packet)
  if not output then begin() end
  check(output:write(anonymizer:packet(packet)))
end

function script.finish()
  if not output then begin() end -- there was no packet
  check(output:close())
  local counters = output:counters()
  print(script.args.out, counters.written, counters.bytes)
end

return script
