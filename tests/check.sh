#!/usr/bin/env bash
# Runs every test there is and prints one closing line. Called by 'make check' with BUILD and PYTHON set.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-$PWD/build}
export BUILD FINEGRAIN="$BUILD/finegrain" PYTHON=${PYTHON:-/usr/bin/python3}
logs="$BUILD/test-logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0
jobs=${JOBS:-$(nproc)} # tests at a time
started=$(date +%s)
declare -A names=() starts=() # of what is running, by process id

# A test program or script ended: 0 passed, 77 skipped, anything else failed; its output is shown when it failed.
tell() { # PID CODE
  local name=${names[$1]} code=$2 took=$(($(date +%s) - starts[$1]))
  unset "names[$1]" "starts[$1]"
  case $code in
    0) passed=$((passed + 1)); printf 'ok      %-32s %4d s\n' "$name" $took ;;
    77) skipped=$((skipped + 1)); printf 'skipped %-32s %s\n' "$name" "$(tail -n 1 "$logs/$name.log")" ;;
    *) failed=$((failed + 1)); printf 'FAILED  %-32s exit %d\n' "$name" $code; tail -n 60 "$logs/$name.log" | sed 's/^/        /' ;;
  esac
}

await_one() {
  local ended
  wait -n -p ended "${!names[@]}"
  tell "$ended" $?
}

run() {
  local name=$1
  shift
  [ ${#names[@]} -lt "$jobs" ] || await_one
  "$@" >"$logs/$name.log" 2>&1 </dev/null &
  names[$!]=$name starts[$!]=$(date +%s)
}

# The long ones first, so that no core waits for one at the end.
for script in tests/cli_*.sh; do run "$(basename "$script" .sh)" bash "$script"; done
for program in "$BUILD"/tests/test_*; do
  [ -x "$program" ] && [ ! -d "$program" ] && case $program in *.d) ;; *) run "$(basename "$program")" "$program" ;; esac
done
while [ ${#names[@]} -gt 0 ]; do await_one; done
echo
echo "$(($(date +%s) - started)) s"
if [ $skipped -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ $failed -eq 0 ]
