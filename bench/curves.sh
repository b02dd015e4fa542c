# curves.sh - bench/run --curves: does the cost of a packet stay what it is?
# shellcheck shell=bash disable=SC2154

# rounds_of RESULTS COMMAND...: measure it; a first round warms the page cache.
rounds_of() {
  local round
  for ((round = 0; round <= rounds; round++)); do
    measure "$@" >"$work/answer" 2>"$work/stderr" || { cat "$work/stderr" >&2; fail "${*:2}"; }
    [ "$round" -gt 0 ] || : >"$1"
  done
}

# A million packets to a hundred million, the last as one file ten times; less what a
# file of one packet takes, which is start-up.
curve_of_packets() {
  local task one million ten files size
  make_file equal 1 100000
  one=$file
  make_file equal 1000000 100000
  million=$file
  make_file equal 10000000 100000
  ten=$file
  hold "$one" "$million" "$ten"
  printf '\ncapengine by number of packets; capture: equal, runs: %d; start-up apart\n\n' "$rounds"
  printf '%-10s %12s %12s %12s %10s\n' ns/packet 1000000 10000000 100000000 'most MiB'
  for task in count match sources flows; do
    rounds_of "$work/start" capengine run "bench/scripts/task_$task.lua" -r "$one"
    printf '%-10s' "$task"
    for size in 1000000 10000000 100000000; do
      case $size in
        1000000) files=(-r "$million") ;;
        10000000) files=(-r "$ten") ;;
        *) files=() && while [ ${#files[@]} -lt 20 ]; do files+=(-r "$ten"); done ;;
      esac
      rounds_of "$work/curve" capengine run "bench/scripts/task_$task.lua" "${files[@]}"
      awk -v wall="$(median "$work/curve" 1)" -v start="$(median "$work/start" 1)" \
        -v n="$size" 'BEGIN { printf " %12.1f", (wall - start) / n }'
    done
    awk -v kib="$(median "$work/curve" 3)" 'BEGIN { printf " %10.1f\n", kib / 1024 }'
  done
}

# Ten million packets over a thousand to ten million flows.
curve_of_keys() {
  local which keys round
  for keys in 1000 10000 100000 1000000 10000000; do make_file keys 10000000 "$keys"; done
  printf '\nflows by number of keys; capture: keys, 10000000 packets, runs: %d\n\n' "$rounds"
  printf '%-22s %9s %9s %9s %9s %9s\n' ns/packet 1000 10000 100000 1000000 10000000
  for which in "${!names[@]}"; do
    [[ ${cans[$which]} == *' flows '* && ${limits[$which]} = all ]] || continue
    printf '%-22s' "${names[$which]}"
    for keys in 1000 10000 100000 1000000 10000000; do
      make_file keys 10000000 "$keys"
      hold "$file"
      for ((round = 0; round <= rounds; round++)); do
        run_once "$which" flows "$file" "$work/curve"
        [ "$round" -gt 0 ] || rm "$work/curve"
      done
      awk -v wall="$(median "$work/curve" 1)" 'BEGIN { printf " %9.1f", wall / 1e7 }'
      rm "$work/curve"
    done
    printf '\n'
  done
}
