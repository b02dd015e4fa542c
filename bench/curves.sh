# curves.sh - bench/run --curves: does the cost of a packet stay what it is?
# shellcheck shell=bash disable=SC2154

# wall_of COMMAND...: the median of its rounds, in ns; it adds to "$work/curve", where all
# that count are then. A first one warms up.
wall_of() {
  local round
  for ((round = 0; round <= rounds; round++)); do
    "$@" "$work/curve"
    [ "$round" -gt 0 ] || rm "$work/curve"
  done
  median "$work/curve" 1
}

# run_ten TASK FILE RESULTS: as run_once, capengine with the file ten times.
run_ten() {
  local files=()
  while [ ${#files[@]} -lt 20 ]; do files+=(-r "$2"); done
  measure -m "$(memory_for "$1" "$2")" "$3" \
    capengine run "bench/scripts/task_$1.lua" "${files[@]}" >/dev/null 2>"$work/stderr" ||
    { cat "$work/stderr" >&2; fail "capengine, $1, ten files: failed"; }
}

# A packet's cost in a million packets, ten millions, and a hundred: the last as one file
# ten times, which not everybody takes. The first hundred thousand are start-up, with
# which memory is used for the first time. Memory is that of the longest.
curve_of_packets() {
  local which task file first million ten start short long longest
  make_file equal 100000 100000
  first=$file
  make_file equal 1000000 100000
  million=$file
  make_file equal 10000000 100000
  ten=$file
  hold "$first" "$million" "$ten"
  printf '\nby number of packets, behind the first 100000; capture: equal, runs: %d\n\n' \
    "$rounds"
  printf '%-8s %-22s %10s %10s %10s %8s\n' '' ns/packet 1000000 10000000 100000000 MiB
  for task in count match sources flows; do
    for which in "${!names[@]}"; do
      [[ ${cans[$which]} == *" $task "* && ${limits[$which]} = all ]] || continue
      start=$(wall_of run_once "$which" "$task" "$first")
      short=$(wall_of run_once "$which" "$task" "$million")
      long=$(wall_of run_once "$which" "$task" "$ten")
      longest=
      [ "${names[$which]}" != capengine ] || longest=$(wall_of run_ten "$task" "$ten")
      awk -v task="$task" -v name="${names[$which]}" -v start="$start" \
        -v short="$short" -v long="$long" -v longest="$longest" \
        -v kib="$(median "$work/curve" 3)" '
        function cost(wall, n) { return sprintf("%.1f", (wall - start) / (n - 1e5)) }
        BEGIN {
          printf "%-8s %-22s %10s %10s %10s %8.1f\n", task, name, cost(short, 1e6),
            cost(long, 1e7), longest ? cost(longest, 1e8) : "-", kib / 1024
        }'
    done
  done
}

# Ten million packets over a thousand to ten million flows.
curve_of_keys() {
  local which keys file wall
  for keys in 1000 10000 100000 1000000 10000000; do make_file keys 10000000 "$keys"; done
  printf '\nflows by number of keys; capture: keys, 10000000 packets, runs: %d\n\n' "$rounds"
  printf '%-22s %9s %9s %9s %9s %9s\n' ns/packet 1000 10000 100000 1000000 10000000
  for which in "${!names[@]}"; do
    [[ ${cans[$which]} == *' flows '* && ${limits[$which]} = all ]] || continue
    printf '%-22s' "${names[$which]}"
    for keys in 1000 10000 100000 1000000 10000000; do
      make_file keys 10000000 "$keys"
      hold "$file"
      wall=$(wall_of run_once "$which" flows "$file")
      awk -v wall="$wall" 'BEGIN { printf " %9.1f", wall / 1e7 }'
    done
    printf '\n'
  done
}
