#!/usr/bin/env bash
# The tests under sanitizers, as many at a time as there are cores; called by 'make sanitize' with ASAN_BUILD, TSAN_BUILD and
# PYTHON set. A report makes the program fail, and with it the test. Prints one closing line.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0
jobs=${JOBS:-$(nproc)}
declare -A names=() logs=() starts=() # of what is running, by process id

await_one() {
  local ended code log
  wait -n -p ended "${!names[@]}"
  code=$? log=${logs[$ended]}
  if [ $code -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %-44s %4d s\n' "${names[$ended]}" $(($(date +%s) - starts[$ended]))
  else
    failed=$((failed + 1))
    echo "FAILED  ${names[$ended]}"
    grep -m 1 -A 25 'ERROR: \|WARNING: \|runtime error' "$log" || tail -n 30 "$log"
  fi
  unset "names[$ended]" "logs[$ended]" "starts[$ended]"
}

run() { # NAME COMMAND…
  local name=$1 log="$BUILD/$1.log"
  shift
  [ ${#names[@]} -lt "$jobs" ] || await_one
  "$@" >"$log" 2>&1 </dev/null &
  names[$!]=$name logs[$!]=$log starts[$!]=$(date +%s)
}

export BUILD=$ASAN_BUILD FINEGRAIN=$ASAN_BUILD/finegrain
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
run "address: cli_golden" bash tests/cli_golden.sh
# What is left out repeats one code path for statistics, and takes minutes here.
for program in "$BUILD"/tests/test_*; do
  case $program in
    *.d | *_exact | */test_samplers | */test_coverage | */test_potts | */test_series | */test_lattices | */test_match) continue ;;
  esac
  run "address: $(basename "$program")" "$program"
done
run "address: quickstart" "$FINEGRAIN" run pipelines/quickstart.yaml --out "$BUILD/quickstart" --force --quiet \
  --set sample.params.configurations=2000 --set dream.params.levels=6 --set dream.params.configurations=200
# Every lattice and sampler that the statistics above are about, briefly.
run "address: lattices" "$FINEGRAIN" run pipelines/lattices.yaml --out "$BUILD/lattices" --force --quiet \
  --set chain.params.configurations=500 --set parents.params.configurations=500 \
  --set triangular.params.configurations=100 --set cubic.params.configurations=100

export BUILD=$TSAN_BUILD FINEGRAIN=$TSAN_BUILD/finegrain TSAN_OPTIONS=halt_on_error=1
for name in queue pool; do run "thread: test_$name" "$BUILD/tests/test_$name"; done
for threads in 1 4; do
  for buffer in 64MiB 1KiB; do
    run "thread: quickstart, $threads threads, $buffer" "$FINEGRAIN" run pipelines/quickstart.yaml \
      --out "$BUILD/quickstart-$threads-$buffer" --force --quiet --threads $threads --set stream.buffer=$buffer \
      --set sample.params.configurations=2000 --set dream.params.levels=6 --set dream.params.configurations=200 \
      --set stream.checkpoint=0.05
  done
done
while [ ${#names[@]} -gt 0 ]; do await_one; done
echo
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
