#!/usr/bin/env bash
# What can go wrong outside: memory, disks, pipes, folders, clocks, queues of next to nothing, plugins at fault. Each time
# the results are those of an undisturbed run, or the run fails with a message, exit code 1 or 78, and no manifest that
# says otherwise. docs/reliability.md has the table. FAULTS=N makes the two campaigns N times as dense (default 1).
. "$(dirname "$0")/common.sh"
density=${FAULTS:-1}

cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: faults
seed: 5
stages:
  sample: {plugin: sampler.wolff, params: {size: 8, coupling: critical, configurations: 400}, record: {configurations: kept/sample.fgs}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 3, configurations: 100}}
  thermo: {plugin: estimate.thermo, input: dream}
  array: {plugin: sink.file, input: block, params: {path: blocks.npy}}
YAML
run() { "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/run" --threads 1 "$@"; }
expect_code 0 run
cp "$scratch/run/summary.csv" "$scratch/run/array/blocks.npy" "$scratch"

# whole WHAT: the folder has all results, and they are right.
whole() {
  cmp "$scratch/summary.csv" "$scratch/run/summary.csv" && cmp "$scratch/blocks.npy" "$scratch/run/array/blocks.npy" &&
    "$FINEGRAIN" cat "$scratch/run/kept/sample.fgs" >/dev/null && [ -s "$scratch/run/results.h5" ] && [ -s "$scratch/run/manifest.json" ] ||
    complain "$1: the results are not whole"
}

# outcome WHAT CODE: a run that says it is done is whole; one that failed says why (in $scratch/stderr), and has no manifest
# unless it was whole by then.
outcome() {
  if [ "$2" -eq 0 ]; then whole "$1"; return; fi
  [ -s "$scratch/stderr" ] || complain "$1: exit $2 without a message"
  [ "$2" -eq 1 ] || [ "$2" -eq 78 ] || { complain "$1: exit $2"; head -5 "$scratch/stderr"; }
  [ ! -e "$scratch/run/manifest.json" ] || whole "$1"
}

shim() { cc -std=c17 -O1 -fPIC -shared -D_GNU_SOURCE -o "$scratch/$1.so" "tests/plugins/shim_$1.c" || complain "shim_$1.c does not compile"; }

# ---- memory: one allocation fails, one after another. dlopen has no words for it: a plugin is then not loaded; nor has
# HDF5.
shim memory
preload() { env LD_PRELOAD="$scratch/$1.so" "${@:2}"; }
FAULT_COUNT=1 preload memory "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/count" --quiet --threads 1 2>"$scratch/stderr"
count=$(sed -n 's/^allocations: //p' "$scratch/stderr")
[ "${count:-0}" -gt 1000 ] || complain "only '${count}' allocations were counted"
tried=0 refused=0
for ((at = 1; at < count; at += count / (10 * density) + 1)); do
  rm -rf "$scratch/run"
  FAULT_AT=$at preload memory timeout 60 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/run" --quiet --threads 1 2>"$scratch/stderr"
  code=$?
  outcome "allocation $at" $code
  tried=$((tried + 1))
  [ $code -eq 0 ] && continue
  refused=$((refused + 1))
  grep -qE "memory|allocate|was not loaded|HDF5: " "$scratch/stderr" || { complain "allocation $at: memory is not mentioned"; cat "$scratch/stderr"; }
done
echo "memory: $tried allocations failed, the run failed $refused times"
[ $refused -gt 0 ] || complain "no allocation that failed was noticed"

# ---- disks: one system call fails, one after another. strace makes it fail, in the thread that comes to it.
if strace -f -qq -o /dev/null true 2>/dev/null; then
  tried=0 refused=0
  for fault in write:ENOSPC write:EIO pwrite64:EIO fsync:EIO rename:EIO openat:EMFILE mkdir:EACCES ftruncate:EIO; do
    for ((at = 1; at < 30; at += 1 + 13 / density)); do
      rm -rf "$scratch/run"
      timeout 60 strace -f -qq -o "$scratch/trace" -e "trace=${fault%:*}" -e "inject=${fault%:*}:error=${fault#*:}:when=$at" \
        "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/run" --quiet --threads 1 2>"$scratch/stderr"
      code=$?
      grep -q INJECTED "$scratch/trace" || break
      outcome "$fault, call $at" $code
      tried=$((tried + 1))
      [ $code -eq 0 ] || refused=$((refused + 1))
    done
  done
  echo "system calls: $tried failed, the run failed $refused times"
  [ $refused -gt 0 ] || complain "no system call that failed was noticed"
else
  echo "strace is not there, or may not trace: no system call was made to fail"
fi

# A disk that is full from the start, or soon: root can make one.
small="$scratch/small"
mkdir "$small"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=64k tmpfs "$small" 2>/dev/null; then
  for kept in 0 40 60; do
    rm -rf "${small:?}"/*
    head -c ${kept}K /dev/zero >"$small/filler"
    expect_code 1 "$FINEGRAIN" run "$scratch/p.yaml" --out "$small/run" --quiet --set sample.params.configurations=20000
    expect_text "$scratch/stderr" "No space left on device"
    [ -e "$small/run/manifest.json" ] && complain "a full disk leaves a manifest"
  done
  umount "$small"
else
  echo "no small disk could be made"
fi

# ---- standard streams: full, closed by who looks on, closed from the start. The run goes on; what was only to be printed
# is an error.
rm -rf "$scratch/run"
run 2>"$scratch/stderr" >/dev/full || complain "a run fails because its table was not printed"
expect_text "$scratch/stderr" "warning: standard output: No space left on device"
whole "standard output full"
rm -rf "$scratch/run"
{ run 2>&1; echo $? >"$scratch/code"; } | head -c 1 >/dev/null
[ "$(cat "$scratch/code")" -eq 0 ] || complain "a run ends with $(cat "$scratch/code") when nobody looks on"
whole "a closed pipe"
rm -rf "$scratch/run"
run >&- 2>&- <&- || complain "a run fails without standard streams"
whole "no standard streams"
for words in schema "plugins sampler.wolff" "check $scratch/p.yaml" "graph $scratch/p.yaml" "cat $scratch/run/kept/sample.fgs" --help --version; do
  # shellcheck disable=SC2086
  "$FINEGRAIN" $words >/dev/full 2>"$scratch/stderr"
  [ $? -eq 1 ] || complain "finegrain $words passes over a full standard output"
  expect_text "$scratch/stderr" "standard output cannot be written: No space left on device"
done

# ---- folders one may not write to. Root may write anywhere: then as nobody.
mkdir "$scratch/locked"
chmod 555 "$scratch/locked"
chmod 755 "$scratch"
user=()
[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${user[@]}" test -x "$FINEGRAIN" 2>/dev/null; then
  expect_code 1 "${user[@]}" "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/locked/run" --quiet
  expect_text "$scratch/stderr" "cannot make the folder $scratch/locked/run: Permission denied; choose a place you may write to"
  expect_code 1 "${user[@]}" "$FINEGRAIN" new-plugin mine --out "$scratch/locked/mine"
  expect_text "$scratch/stderr" "Permission denied"
else
  echo "nobody cannot run $FINEGRAIN"
fi

# ---- queues of next to nothing, and clocks that jump: slower, odd durations, the same results.
rm -rf "$scratch/run"
expect_code 0 run --quiet --set stream.buffer=1KiB
whole "queues of 1 KiB"
shim clock
rm -rf "$scratch/run"
expect_code 0 preload clock timeout 60 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/run" --quiet --threads 2 --set stream.checkpoint=0.01
whole "clocks that jump"

# ---- plugins at fault: named with file, stage and cause, by run as by check-plugin (cli_author.sh). Beside the victim a
# stage reads the same batches: what a plugin does to them must not reach it.
cat >"$scratch/broken.yaml" <<'YAML'
finegrain: 1
name: broken
stages:
  sample: {plugin: sampler.wolff, params: {size: 9, coupling: critical, configurations: 500}}
  victim: {plugin: test.broken, input: sample}
  thermo: {plugin: estimate.thermo, input: victim}
  other: {plugin: estimate.thermo, input: sample}
YAML
broken() {
  mkdir -p "$scratch/$1"
  cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include "-DFAULT=$1" -o "$scratch/$1/plugin.so" tests/plugins/broken.c || complain "broken.c with $1 does not compile"
}
try() { "$FINEGRAIN" run "$scratch/broken.yaml" --plugin-path "$scratch/$1" --out "$scratch/broken" --force --set "stream.compression=$2" "${@:3}"; }
broken NONE
expect_code 0 try NONE none --quiet
while IFS='|' read -r fault code compressions text; do
  broken "$fault"
  for compression in $compressions; do
    rm -rf "$scratch/broken"
    expect_code "$code" try "$fault" $compression
    grep -E "victim: |unknown plugin|^note: " "$scratch/stderr" | tr '\n' ' ' | grep -qF -- "$text" || { complain "$fault, $compression: '$text' is not told:"; cat "$scratch/stderr"; }
    [ -e "$scratch/broken/manifest.json" ] && complain "$fault, $compression: there is a manifest"
  done
done <<FAULTS
ABI|78|zstd:1|note: plugin $scratch/ABI/plugin.so was not loaded: was built for ABI 8
CRASH_CREATE|1|zstd:1|victim: plugin $scratch/CRASH_CREATE/plugin.so was stopped by a wrong memory access (SIGSEGV); this is a fault of the plugin
EARLY_EMIT|78|zstd:1|victim: emits before the pipeline runs; this is a fault of the plugin
CRASH_PROCESS|1|zstd:1|victim: plugin $scratch/CRASH_PROCESS/plugin.so was stopped by a wrong memory access (SIGSEGV) in batch 1 of input 'configurations', configurations 0 to 124;
CRASH_HELPER|1|zstd:1|victim: plugin $scratch/CRASH_HELPER/plugin.so was stopped by a wrong memory access (SIGSEGV) in batch 1 of input 'configurations'
ABORTS|1|zstd:1|was stopped by a call of abort (SIGABRT) in batch 1 of input
EXITS|1|zstd:1|was stopped by a call of exit in batch 1 of input
SILENT|1|zstd:1|victim: the plugin failed without a reason; this is a fault of the plugin
STATUS|1|zstd:1|victim: plugin $scratch/STATUS/plugin.so returns 42, which is none of the results there are
DOUBLE_EMIT|1|zstd:1 none|victim: plugin test.broken ($scratch/DOUBLE_EMIT/plugin.so) emits a batch it has no reference to, perhaps twice
WRONG_SHAPE|1|zstd:1|victim: plugin test.broken emits on output 'flipped' a lattice or element it did not announce
PADDING|1|zstd:1 none|victim: plugin test.broken emits on output 'flipped' a batch with bits set beyond the end of a row
WRITES_INPUT|1|zstd:1 none|victim: plugin $scratch/WRITES_INPUT/plugin.so writes to its input 'configurations'
FAULTS

# One that never returns: the first signal asks, the second ends the process.
broken ENDLESS
rm -rf "$scratch/broken"
"$FINEGRAIN" run "$scratch/broken.yaml" --plugin-path "$scratch/ENDLESS" --out "$scratch/broken" --quiet 2>"$scratch/stderr" &
pid=$!
for _ in $(seq 200); do [ -e "$scratch/broken/status.json" ] && break; sleep 0.05; done
kill -INT $pid
sleep 0.3
kill -0 $pid 2>/dev/null || complain "an endless plugin ended at the first signal"
kill -INT $pid
wait $pid
[ $? -eq 130 ] || complain "an endless plugin outlives two SIGINT, or ends otherwise"
[ -e "$scratch/broken/manifest.json" ] && complain "an endless plugin leaves a manifest"
finish
