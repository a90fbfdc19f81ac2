#!/usr/bin/env bash
# The tests under sanitizers; called by 'make sanitize' with ASAN_BUILD, TSAN_BUILD and PYTHON set. A report makes the
# program fail, and with it the test. Prints one closing line.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0

run() { # NAME COMMAND…
  local name=$1
  shift
  if "$@" >"$BUILD/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    grep -m 1 -A 25 'ERROR: \|WARNING: \|runtime error' "$BUILD/$name.log" || tail -n 30 "$BUILD/$name.log"
  fi
}

export BUILD=$ASAN_BUILD FINEGRAIN=$ASAN_BUILD/finegrain
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
# What is left out repeats one code path for statistics, and takes minutes here.
for program in "$BUILD"/tests/test_*; do
  case $program in *.d | *_exact | */test_samplers | */test_coverage | */test_potts | */test_series) continue ;; esac
  run "address: $(basename "$program")" "$program"
done
run "address: quickstart" "$FINEGRAIN" run pipelines/quickstart.yaml --out "$BUILD/quickstart" --force --quiet \
  --set sample.params.configurations=2000 --set dream.params.levels=6 --set dream.params.configurations=200
run "address: cli_golden" bash tests/cli_golden.sh

export BUILD=$TSAN_BUILD FINEGRAIN=$TSAN_BUILD/finegrain TSAN_OPTIONS=halt_on_error=1
for name in queue pool; do run "thread: test_$name" "$BUILD/tests/test_$name"; done
for threads in 1 4; do
  for buffer in 64MiB 1KiB; do
    run "thread: quickstart, $threads threads, $buffer" "$FINEGRAIN" run pipelines/quickstart.yaml --out "$BUILD/quickstart" \
      --force --quiet --threads $threads --set stream.buffer=$buffer --set sample.params.configurations=2000 \
      --set dream.params.levels=6 --set dream.params.configurations=200 --set stream.checkpoint=0.05
  done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
