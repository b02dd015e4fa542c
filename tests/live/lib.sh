# shellcheck shell=bash disable=SC2034
# lib.sh - what the live tests share. Each begins with
#
#   . "${0%/*}/lib.sh"      called as: NAME CAPENGINE SEND_UDP
#
# and ends with `finish`. It gets two namespaces, joined by the veth pair va (in
# the first, where the sender is) and vb (in the second, where capengine is).
# Nothing else is sent there: no IPv6, no ARP. At the end, whatever it was, the
# processes and namespaces that the test made are gone.
set -uo pipefail
export LC_ALL=C

skip() {
  echo "skipped: $*"
  exit 77
}

[ $# -eq 2 ] || { echo "usage: $0 CAPENGINE SEND_UDP" >&2; exit 2; }
program=$1 sender=$2
here=$(cd "${0%/*}" && pwd)
ns_a=ce-a-$$ ns_b=ce-b-$$
filter='udp src port 40000'
failures=0
[ "$(id -u)" -eq 0 ] || skip 'only root makes namespaces'
scratch=$(mktemp -d)
export LIVE_SCRATCH=$scratch LUA_PATH="$here/?.lua;;"

clean_up() {
  {
    for pid in $(jobs -pr); do kill -9 "$pid"; done
    wait
    ip netns del "$ns_a"
    ip netns del "$ns_b"
  } 2>/dev/null
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

make_namespaces() {
  local ns
  for ns in "$ns_a" "$ns_b"; do
    ip netns add "$ns" || return
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
      net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
  done
  make_veth
}

make_veth() {
  ip -n "$ns_a" link add va address 02:00:00:00:00:0a type veth \
    peer name vb address 02:00:00:00:00:0b netns "$ns_b" || return
  ip -n "$ns_a" link set va arp off up && ip -n "$ns_b" link set vb arp off up
}
reason=$(make_namespaces 2>&1) || skip "no namespaces with a veth pair: $reason"

# The times that are promised are those of the program as it is installed.
sanitizer=$(grep -aoE -m 1 '__(asan|tsan)_init' "$program" | head -n 1)
slack_ms=$((${#sanitizer} > 0 ? 1500 : 0))

now_ms() {
  echo $((${EPOCHREALTIME/./} / 1000))
}

# check SENTENCE COMMAND...: is it so?
check() {
  if "${@:2}"; then
    echo "ok      $1 (${*:3})"
  else
    echo "FAILED  $1 (${*:2})"
    failures=$((failures + 1))
  fi
}

finish() {
  check 'no sanitizer has anything to say' test -z "$(grep -hm 3 Sanitizer "$scratch"/*.err)"
  [ "$failures" -eq 0 ] || head -n 40 "$scratch"/*.err "$scratch"/*.out
  exit $((failures > 0))
}

in_a() { ip netns exec "$ns_a" "$@"; }
in_b() { ip netns exec "$ns_b" "$@"; }

# send OPTIONS: from va, as send_udp says; flood OPTIONS: the same in the background,
# with its pid in `flood`; sent: how many packets ever left there.
send() { in_a "$sender" va "$@" >/dev/null || exit; }
flood() {
  ip netns exec "$ns_a" "$sender" va "$@" >/dev/null &
  flood=$!
}
sent() { in_a cat /sys/class/net/va/statistics/tx_packets; }

# Write standard input, a script in Lua, to a file and print its name.
script() {
  local name=$scratch/script-$RANDOM$RANDOM.lua
  cat >"$name"
  echo "$name"
}

# start NAME ARGUMENTS of `capengine run`: in the second namespace, in the
# background. Output goes to NAME.out and NAME.err; sets pid.
start() {
  ip netns exec "$ns_b" "$program" run "${@:2}" \
    </dev/null >"$scratch/$1.out" 2>"$scratch/$1.err" &
  pid=$!
}

# ended MS: the program has ended after that at most. Sets status and took_ms.
ended() {
  local begin
  begin=$(now_ms)
  while [ -e "/proc/$pid/status" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
    took_ms=$(($(now_ms) - begin))
    if [ $took_ms -gt "$1" ]; then
      kill -9 "$pid"
      check "it ends within $1 ms" false
      break
    fi
    sleep 0.005
  done
  took_ms=$(($(now_ms) - begin))
  wait "$pid" 2>/dev/null
  status=$?
}

# tell NAME, await NAME: what live.lua awaits and tells; await takes no more
# than 20 seconds.
tell() { : >"$scratch/$1"; }
await() {
  local end=$((SECONDS + 20))
  until [ -e "$scratch/$1" ]; do
    [ $SECONDS -lt $end ] || { check "the script tells of \"$1\"" false; finish; }
    sleep 0.01
  done
}

# A script of hooks opens its source after its last word: it captures once a
# packet socket hears everything (protocol 0003), and has set its filter then.
await_capture() {
  local end=$((SECONDS + 20))
  until awk '$4 == "0003" && $6 == 1 { found = 1 } END { exit !found }' \
      "/proc/$pid/net/packet" 2>/dev/null && [ "$(find "/proc/$pid/task" -maxdepth 1 | wc -l)" -gt 2 ]; do
    [ $SECONDS -lt $end ] || { check 'the capture begins' false; finish; }
    sleep 0.01
  done
  sleep 0.2
}

# final NAME: the counters of the last line of NAME.err, one variable each, and
# their sum without `received` and `written`.
final() {
  read -r received delivered filtered undelivered kernel interface written \
    <<<"$(grep '^capengine: [0-9]* received' "$scratch/$1.err" | tail -n 1 | tr -cs '0-9' ' ')"
  sum=$((delivered + filtered + undelivered + kernel + interface))
}

# counter NAME COUNTER: what live.print_counters printed.
counter() { awk -v name="$2" '$1 == name { print $2 }' "$scratch/$1.out"; }
