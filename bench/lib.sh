# lib.sh - the steps of bench/run, which sets rounds, quick, build, out, peers.
# shellcheck shell=bash disable=SC2154

work=$(mktemp -d)
trap 'let_go; rm -rf "$work" "$written"' EXIT
written=

fail() {
  echo "bench: $*" >&2
  exit 1
}

build_all() {
  build=$(realpath -m "$build")
  # A tree of somebody else's, such as the tests', keeps its configuration.
  [ -f "$build/CMakeCache.txt" ] ||
    cmake -S . -B "$build" -G Ninja --log-level=WARNING \
      -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF
  cmake --build "$build" --target capengine_cmd peers >"$work/build" ||
    { cat "$work/build"; fail 'does not build'; }
  mkdir -p "$build/captures"
  PATH=$build/bin:$PWD/bench/peers:$PATH
  export LUA_CPATH="$build/lib/?.so;;"
}

# packets_of KIND -> sets packets and flows. Of the sizes, also those in the table,
# none makes two of the ten largest equal, so that their order is not a matter of taste.
packets_of() {
  case $1 in
    equal) packets=${quick:+9000} packets=${packets:-10000000} flows=100000 ;;
    mixed) packets=${quick:+9000} packets=${packets:-4000000} flows=200000 ;;
    *) fail "no capture is called $1" ;;
  esac
}

# make_file KIND PACKETS FLOWS -> sets file, and makes it where it is not there.
make_file() {
  file=$build/captures/$1-$2-$3.pcap
  if ! [ "$file" -nt bench/make_capture.c ]; then
    echo "making $file" >&2
    make_capture "$1" "$2" "$3" >"$file.part"
    mv "$file.part" "$file"
  fi
  read_anew "$file"
}

# read_anew FILE: have the page cache forget the file and read it from the disk, so that it
# lies there as any file does that was read, however it was written, and whoever may have
# read pieces of it again, that were gone, while the table before was made.
read_anew() {
  sync "$1"
  dd if="$1" iflag=nocache count=0 status=none
  cat "$1" >/dev/null
}

# hold FILE...: keep the page cache from forgetting them in the middle of a table, as some
# virtual machines have it do with what nobody has mapped for a minute. Until let_go.
holder=
hold() {
  local files kib
  let_go
  mapfile -t files < <(printf '%s\n' "$@" | sort -u)
  kib=$(stat -c %s "${files[@]}" | awk '{ sum += int($1 / 1024) } END { print sum }')
  vmtouch -q -l "${files[@]}" 2>"$work/vmtouch" &
  holder=$!
  until [ "$(awk '/^VmLck/ { print $2 }' "/proc/$holder/status")" -ge "$kib" ]; do
    kill -0 "$holder" || break
    sleep 0.05
  done 2>/dev/null
  kill -0 "$holder" 2>/dev/null || {
    [ -f "$work/unheld" ] ||
      echo "the page cache may forget the captures: $(cat "$work/vmtouch")" >&2
    : >"$work/unheld"
  }
}

let_go() {
  [ -z "$holder" ] || { kill "$holder" && wait "$holder"; } 2>/dev/null || true
  holder=
}

# The columns of bench/competitors, by number; those that cannot run are left out.
read_competitors() {
  local name limit can needs command
  names=() limits=() cans=() commands=()
  while IFS='|' read -r name limit can needs command; do
    read -r name <<<"$name"
    read -r limit <<<"$limit"
    read -r needs <<<"$needs"
    read -r command <<<"$command"
    [ "$name" = "${names[0]-$name}" ] || grep -qiE -- "$peers" <<<"$name" || continue
    if ! command -v "${command%% *}" >/dev/null ||
      { [ "$needs" != - ] && ! eval "$needs" >/dev/null 2>&1; }; then
      echo "left out, since it is not installed: $name ($can)" >&2
      continue
    fi
    names+=("$name") limits+=("$limit") cans+=(" $can ") commands+=("$command")
  done < <(grep -v '^#' bench/competitors)
}

# answer_to TASK FILE -> sets answer: the file that is written, new each time, or what
# is printed; and right, what it must be: what C on libpcap says.
answer_to() {
  answer=$work/answer right=$work/right-$1-$(basename "$2")
  case $1 in
    filter | copy) written=$out/capengine-bench-$$.pcap ;;
    copy_sync) written=$build/captures/written-$$.pcap ;;
    *) written= ;;
  esac
  [ -z "$written" ] || { rm -f "$written"; answer=$written; }
  case $1 in
    copy | copy_sync) right=$2 ;;
    filter) [ -f "$right" ] || peer_pcap_write "$2" "$right" "$expression" ;;
    *) [ -f "$right" ] || peer_pcap "$1" "$2" >"$right" ;;
  esac
}

# The answer of a competitor is right. Two have a snapshot length of their own, in the
# four bytes behind the first 16.
agrees() {
  case $1 in
    tracesplit | netsniff-ng)
      cmp -s -n 16 "$answer" "$right" && cmp -s -i 20 "$answer" "$right"
      ;;
    *) cmp -s "$answer" "$right" ;;
  esac
}

# memory_for TASK FILE: MiB that a competitor may need besides the capture, which is there.
memory_for() {
  case $1 in
    filter | copy | copy_sync) echo $(($(stat -c %s "$2") / 1048576 + 128)) ;;
    flows) echo $(($(stat -c %s "$2") / 524288)) ;;
    *) echo 128 ;;
  esac
}

# run_once COMPETITOR TASK FILE RESULTS: its answer must be that of C on libpcap.
run_once() {
  local words answer right expression='tcp port 443'
  answer_to "$2" "$3"
  read -ra words <<<"${commands[$1]}"
  words=("${words[@]//TASK/$2}")
  words=("${words[@]//FILE/$3}")
  words=("${words[@]//OUT/$written}")
  words=("${words[@]//FILTER/$expression}")
  measure -m "$(memory_for "$2" "$3")" "$4" "${words[@]}" >"$work/answer" 2>"$work/stderr" ||
    { cat "$work/stderr" >&2; fail "${names[$1]}, $2: failed"; }
  agrees "${names[$1]}" || {
    [ -n "$written" ] || diff "$right" "$answer" | head -n 20 >&2
    fail "${names[$1]}, $2: a wrong answer"
  }
}

# compare TASK CAPTURE: all rounds, and the table.
compare() {
  local which round first=0 base='' packets flows file count
  local -A counts=() files=()
  packets_of "$2"
  [ -z "$quick" ] || first=1
  for which in "${!names[@]}"; do
    [[ ${cans[$which]} == *" $1 "* ]] || continue
    base=${base:-$which} count=${limits[$which]}
    if [ "$count" = all ] || [ "$count" -gt "$packets" ]; then count=$packets; fi
    make_file "$2" "$count" "$flows"
    counts[$which]=$count files[$which]=$file
  done
  hold "${files[@]}"
  for ((round = first; round <= rounds; round++)); do
    for which in "${!names[@]}"; do
      [ -n "${files[$which]-}" ] || continue
      run_once "$which" "$1" "${files[$which]}" "$work/$which"
      [ "$round" -gt 0 ] || rm "$work/$which"
    done
  done
  print_head "$1" "$2"
  for which in "${!names[@]}"; do
    [ -n "${files[$which]-}" ] || continue
    print_row "${names[$which]}" "${counts[$which]}" "$work/$which" "$work/$base" "$packets"
    [ "$which" -eq "$base" ] || rm "$work/$which"
  done
  rm "$work/$base"
  let_go
  [ -z "$written" ] || rm -f "$written"
}

median() { # median FILE COLUMN
  cut -d ' ' -f "$2" "$1" | sort -n | sed -n "$(((rounds + 1) / 2))p"
}

print_head() {
  local title
  case $1 in
    count) title='T1 count: packets and their bytes' ;;
    match) title='T2 match: packets that are TCP to port 443, or TCP with SYN' ;;
    sources) title='T3 sources: bytes by source address, the top 10' ;;
    flows) title='T4 flows: TCP and UDP flows, how many, and the top 10 by bytes' ;;
    loop) title='P0 loop: the documented loop, with a callback that counts' ;;
    callback) title='P1 callback: an empty callback for each packet' ;;
    callback_match) title='P2 callback_match: T2 by a callback for each packet' ;;
    filter) title='T5 filter: the packets that "tcp port 443" matches, to a new file' ;;
    copy) title='T6 copy: all packets, to a new file' ;;
    copy_sync) title='T6 copy_sync: the same on a disk, until that has it' ;;
  esac
  printf '\n%s; capture: %s, runs: %d\n\n' "$title" "$2" "$rounds"
  printf '%-22s %10s %10s %10s %8s %12s\n' \
    '' 'ns/packet' 'CPU ns' 'x as fast' 'MiB' 'packets'
}

# print_row NAME PACKETS RESULTS RESULTS-OF-C PACKETS-OF-C
print_row() {
  awk -v name="$1" -v n="$2" -v wall="$(median "$3" 1)" -v cpu="$(median "$3" 2)" \
    -v kib="$(median "$3" 3)" -v base="$(median "$4" 1)" -v base_n="$5" 'BEGIN {
      printf "%-22s %10.1f %10.1f %10.2f %8.1f %12d\n",
        name, wall / n, cpu / n, base / base_n / (wall / n), kib / 1024, n
    }'
}

print_versions() {
  printf '\n'
  capengine version
  grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'
  uname -sr
  dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' gcc libpcap0.8 \
    libxxhash-dev luajit lua5.4 golang-github-google-gopacket-dev golang-go \
    libtrace3-dev dnsjit tcpdump python3 python3-dpkt python3-pcapy tshark coreutils \
    libtrace-tools netsniff-ng wireshark-common \
    2>/dev/null | sed -n 's/^installed //p' || true
}
