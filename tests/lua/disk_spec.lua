-- disk_spec.lua: file systems and devices that fail under the writer, in mounts of a
-- namespace of their own, for which one has to be root.
local command = require "support.command"
local savefile = require "support.savefile"
local temporary = require "support.temporary"
local test = require "support.spec"

local COUNT <const> = 9000
local MANY = savefile.write(savefile.numbered(COUNT, 100))

-- Lines of sh, in a namespace where the empty folder $D and everything that is mounted are
-- gone at the end; $S is the script.
local function mounted(script_text, lines)
  if not os.execute "unshare -m true 2>/dev/null" then test.skip "no mount namespaces" end
  local where <close> = temporary.folder()
  local file = temporary.file(("S=%s D=%s MANY=%s; export S D MANY; cd $D; %s"):format(
    temporary.file(script_text), where.name, MANY, lines))
  local result = command.sh("unshare -m sh " .. file)
  if result.status == 77 then test.skip(result.err) end
  return result
end

local TMPFS = "mount -t tmpfs -o size=8m none $D && cd $D || exit 77; "

-- What libpcap reads of each file, "NAME HOW COUNT"; one of no bytes holds nothing. Then
-- the run's status.
local LOOK = [[
  status=$?
  for file in *.pcap*; do
    if [ -s $file ]; then ${P%/*}/print_pcap $file | tail -n 1; else echo eof 0; fi |
      sed "s/^/$file /"
  done
  exit $status
]]

-- Whole files of so many packets each, but for the last; gives the sum.
local function whole(result, each)
  local total, files = 0, {}
  for name, how, count in result.out:gmatch "(%S+) (%l+) (%d+)[^\n]*\n" do
    test.equal(how, "eof")
    files[#files + 1] = { name = name, count = tonumber(count) }
    total = total + tonumber(count)
  end
  for i = 1, each and #files - 1 or 0 do test.equal(files[i].count, each) end
  return total, files
end

local function check_balance(result)
  local line = assert(result.err:match "capengine: (%d+ received[^\n]*)", result.err)
  local n = {}
  for count, name in line:gmatch "(%d+) (%l+)" do n[name] = tonumber(count) end
  test.equal(n.received, n.delivered + n.filtered + n.undelivered + n.dropped)
  return n
end

-- SIGHUP ends the file that is open: without one, a file system can become read-only.
local TURN = [[
  local n = 0
  return { packet = function()
    n = n + 1
    if n == 5000 then os.execute "kill -HUP $PPID" end
    if n == 5001 then assert(os.execute "mount -o remount,ro $D") end
  end }
]]

test("a file system that becomes read-only between two files ends the run with status 2", function()
  local result = mounted(TURN, TMPFS .. "$P run -r $MANY -w a.pcap -C 100m $S;" .. LOOK)
  command.expect(2, result)
  assert(result.err:find("a-00002.pcap.part: Read-only file system", 1, true), result.err)
  local total, files = whole(result)
  test.equal(#files, 1)
  test.equal(files[1].name, "a-00001.pcap")
  local n = check_balance(result)
  test.equal(n.written, total)
  test.equal(n.delivered, total) -- what cannot be written is seen by nobody
  assert(n["not"] > 0 and n.written + n["not"] <= COUNT, result.err)
end)

test("with --on-write-error continue the run goes on, and still ends with status 2", function()
  local result = mounted(TURN, TMPFS ..
    "$P run --on-write-error continue -r $MANY -w a.pcap -C 100m $S;" .. LOOK)
  command.expect(2, result)
  local n = check_balance(result)
  test.equal(n.delivered, COUNT)
  test.equal(n.written + n["not"], COUNT)
  test.equal(n.written, (whole(result)))
end)

test("savefiles of a script are whole until it is read-only, and say why they end", function()
  local result = mounted([[
    local ce = require "capengine"
    local n, file = 0
    return { packet = function(packet)
      n = n + 1
      if n == 5001 then assert(os.execute "mount -o remount,ro $D") end
      if n % 1000 == 1 then
        local message, code
        file, message, code = ce.savefile(n .. ".pcap")
        if not file then io.stderr:write(n, " ", code, " ", message, "\n") end
      end
      if file then assert(file:write(packet)) end
      if file and n % 1000 == 0 then assert(file:close()) end
    end }
  ]], TMPFS .. "$P run -r $MANY $S;" .. LOOK)
  command.expect(0, result) -- it was told, and made something of it
  local _, said = result.err:gsub("EROFS %d+%.pcap: Read%-only file system", "")
  test.equal(said, 4)
  local total, files = whole(result, 1000)
  test.equal(#files, 5)
  test.equal(check_balance(result).written, total)
end)

test("a full file system leaves whole packets in every file of several", function()
  local result = mounted([[
    local ce = require "capengine"
    local files, n = {}, 0
    for i = 1, 7 do files[i] = assert(ce.savefile(("%d.pcap"):format(i))) end
    return { packet = function(packet)
      n = n + 1
      files[n % 7 + 1]:write(packet)
    end }
  ]], "mount -t tmpfs -o size=500k none $D && cd $D || exit 77; $P run -r $MANY $S;" .. LOOK)
  command.expect(2, result)
  local total, files = whole(result)
  test.equal(#files, 7)
  local n = check_balance(result)
  test.equal(n.written, total)
  test.equal(n.written + n["not"], COUNT)
  assert(n.written > 2000 and n["not"] > 2000, result.err)
  for i = 1, 7 do
    local said = ("%d.pcap: No space left on device; it holds %d packets"):format(i, files[i].count)
    test.equal(result.err:find(said, 1, true) ~= nil, files[i].count < COUNT // 7)
  end
end)

-- A file system on a device that has less than it says: it accepts what it cannot keep.
local SHORT = [[
  modprobe loop 2>/dev/null
  mkdir disk file && mount -t tmpfs -o size=2m none disk && truncate -s 64m disk/image || exit 77
  mkfs.ext4 -q -E lazy_itable_init=1 -O ^has_journal disk/image >&2 || exit 77
  device=$(losetup -f --show disk/image) || exit 77
  trap 'cd /; umount $D/file; losetup -d $device' EXIT
  mount $device file || exit 77
  cd file
]]

test("with --sync a device that fails is an error, and what came before is whole", function()
  if not os.execute "command -v mkfs.ext4 losetup >/dev/null" then test.skip "no mkfs.ext4" end
  local result = mounted("return { batch = function() end }", SHORT ..
    "$P run --sync -r $MANY -r $MANY -r $MANY -w a.pcap --rotate-packets 2000 $S;" .. LOOK)
  command.expect(2, result)
  local name, held = result.err:match "(a%-%d+%.pcap%.part): [%w/ ]+; it holds (%d+) packets"
  assert(name, result.err)
  local total, files = whole(result, 2000)
  test.equal(files[#files].name, name)
  test.equal(files[#files].count, tonumber(held))
  test.equal(check_balance(result).written, total)
end)

-- Of 1, root takes no notice, and so nothing of what else runs here.
local DISABLED = [[
  [ "$(id -u)" -eq 0 ] && old=$(sysctl -n kernel.io_uring_disabled 2>/dev/null) || exit 77
  trap 'sysctl -qw kernel.io_uring_disabled=$old; rm -r $out' EXIT
  sysctl -qw kernel.io_uring_disabled=1 2>/dev/null || exit 77
  out=$(mktemp -d) && chmod 777 $out && chmod a+r $MANY $S
  setpriv --reuid 65534 --regid 65534 --clear-groups $P run -r $MANY -w $out/a.pcap $S
  status=$?
  cmp $MANY $out/a.pcap || exit 1
  exit $status
]]

test("io_uring that the administrator has disabled is done without", function()
  local script = command.script "return { batch = function() end }"
  local result = command.sh(("MANY=%s S=%s\n%s"):format(MANY, script, DISABLED))
  if result.status == 77 then test.skip "no kernel.io_uring_disabled, or not root" end
  command.expect(0, result)
  local _, said = result.err:gsub("io_uring is refused here", "")
  test.equal(said, 1)
end)
