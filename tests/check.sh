#!/usr/bin/env bash
# Runs every test there is and prints one closing line. Called by 'make check' with BUILD and PYTHON set.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-$PWD/build}
export BUILD FINEGRAIN="$BUILD/finegrain" PYTHON=${PYTHON:-/usr/bin/python3}
logs="$BUILD/test-logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# A test program or script: 0 passed, 77 skipped, anything else failed; its output is shown when it failed.
run() {
  local name=$1 start end
  shift
  start=$(date +%s)
  "$@" >"$logs/$name.log" 2>&1
  local code=$?
  end=$(date +%s)
  case $code in
    0) passed=$((passed + 1)); printf 'ok      %-32s %4d s\n' "$name" $((end - start)) ;;
    77) skipped=$((skipped + 1)); printf 'skipped %-32s %s\n' "$name" "$(tail -n 1 "$logs/$name.log")" ;;
    *) failed=$((failed + 1)); printf 'FAILED  %-32s exit %d\n' "$name" $code; tail -n 60 "$logs/$name.log" | sed 's/^/        /' ;;
  esac
}

for program in "$BUILD"/tests/test_*; do
  [ -x "$program" ] && [ ! -d "$program" ] && case $program in *.d) ;; *) run "$(basename "$program")" "$program" ;; esac
done
for script in tests/cli_*.sh; do run "$(basename "$script" .sh)" bash "$script"; done
echo
if [ $skipped -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ $failed -eq 0 ]
