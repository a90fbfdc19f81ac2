#!/usr/bin/env bash
# Interruptions: kill -9 at random instants, SIGTERM and SIGINT, damaged checkpoints, live and changed folders, crashing
# plugins. A resumed run has the results of an uninterrupted one. KILLS=50 makes the campaign longer (default 5), SCALE=6
# the run that is killed (default 1: about 2 s).
. "$(dirname "$0")/common.sh"
RANDOM=20260604
scale=${SCALE:-1}

cat >"$scratch/p.yaml" <<YAML
finegrain: 1
name: interrupted
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 64, coupling: critical, configurations: $((15000 * scale)), chains: 3}, record: {configurations: kept/sample.fgs}}
  local: {plugin: sampler.metropolis, params: {size: 16, coupling: 0.42, configurations: $((4000 * scale))}}
  block: {plugin: coarsen.majority, input: sample, record: {blocks: kept/block.fgs}}
  net: {plugin: network.symmetric, params: {kernel: 5}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  short: {plugin: generate.dream, inputs: {model: train}, params: {levels: 4, configurations: 500}}
  slow: {plugin: network.symmetric, params: {kernel: 9, weights: [0.55, 0.63, 1.39, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}}
  dream: {plugin: generate.dream, inputs: {model: slow}, params: {levels: 6, configurations: $((4000 * scale))}}
  thermo: {plugin: estimate.thermo, input: dream}
  thermo-short: {plugin: estimate.thermo, input: short}
  sampled: {plugin: estimate.thermo, input: [sample, block, local]}
stream: {checkpoint: 100 ms}
YAML
run() { "$FINEGRAIN" run "$scratch/p.yaml" --quiet --threads 2 "$@"; }
begin() { exec "$FINEGRAIN" run "$scratch/p.yaml" --quiet --threads 2 "$@"; } # in the background: $! is the program

start=$(date +%s%N)
expect_code 0 run --out "$scratch/whole"
seconds=$(awk -v a="$start" -v b="$(date +%s%N)" 'BEGIN { print (b - a) / 1e9 }')
echo "an uninterrupted run takes $seconds s"
[ -e "$scratch/whole/.checkpoint" ] && complain "a finished run keeps its checkpoints"

same() { # FOLDER WHAT
  cmp "$scratch/whole/summary.csv" "$1/summary.csv" || complain "$2: summary.csv differs"
  "$PYTHON" tests/same_tables.py "$scratch/whole/results.h5" "$1/results.h5" || complain "$2: tables differ"
  for stream in sample block; do
    [ "$("$FINEGRAIN" cat --digest "$scratch/whole/kept/$stream.fgs")" = "$("$FINEGRAIN" cat --digest "$1/kept/$stream.fgs")" ] ||
      complain "$2: the recorded $stream differs"
  done
  [ -e "$1/.checkpoint" ] && complain "$2: checkpoints are left"
}

# await FILE PID: until the file is there, or the process has ended.
await() { while [ ! -e "$1" ] && kill -0 "$2" 2>/dev/null; do sleep 0.02; done; }

# kill -9 at any instant.
went_on=0
for kill in $(seq "${KILLS:-5}"); do
  rm -rf "$scratch/killed"
  begin --out "$scratch/killed" 2>/dev/null &
  pid=$!
  sleep "$(awk -v r=$RANDOM -v t="$seconds" 'BEGIN { print 0.02 + 0.95 * t * r / 32768 }')"
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  [ -e "$scratch/killed/manifest.json" ] && { echo "kill $kill came too late"; continue; }
  expect_code 0 run --out "$scratch/killed" --resume
  same "$scratch/killed" "kill $kill"
  went_on=$((went_on + $(grep -c "goes on from its checkpoint\|had ended" "$scratch/killed/log.txt")))
done
echo "$went_on stages went on from a checkpoint after kill -9"

# SIGTERM while a sampler is at work, SIGINT while a dream is: saved at once, and taken up.
for case in "TERM sample 143" "INT dream 130"; do
  read -r signal stage code <<<"$case"
  rm -rf "$scratch/stopped"
  begin --out "$scratch/stopped" 2>"$scratch/stderr" &
  pid=$!
  await "$scratch/stopped/.checkpoint/$stage.state" $pid
  # The second time the sampler has come to its end.
  [ $signal = TERM ] || for _ in $(seq 500); do grep -A 1 '"sample"' "$scratch/stopped/status.json" | grep -q '"done"' && break; sleep 0.02; done
  kill -$signal $pid
  wait $pid
  [ $? -eq "$code" ] || complain "SIG$signal does not end in $code"
  expect_text "$scratch/stderr" "with --resume it goes on from its checkpoints"
  expect_text "$scratch/stopped/status.json" interrupted
  [ -e "$scratch/stopped/manifest.json" ] && complain "an interrupted run has a manifest"
  [ -e "$scratch/stopped/kept/sample.fgs" ] && complain "an interrupted run has a half-written recording in place"
  expect_code 0 run --out "$scratch/stopped" --resume
  expect_text "$scratch/stopped/log.txt" "$stage: goes on from its checkpoint, after"
  same "$scratch/stopped" "SIG$signal"
done
expect_text "$scratch/stopped/log.txt" "sample: had ended; its $((15000 * scale)) configurations are read back"

# A damaged state, a damaged recording, one cut off: computed again, with a word in the log.
stop_early() {
  rm -rf "$scratch/stopped"
  begin --out "$scratch/stopped" 2>/dev/null &
  pid=$!
  await "$scratch/stopped/.checkpoint/sample.state" $pid
  kill -TERM $pid
  wait $pid
}
for damage in state recording cut; do
  stop_early
  folder="$scratch/stopped/.checkpoint"
  case $damage in
    state) printf 'x' | dd of="$folder/sample.state" bs=1 seek=100 conv=notrunc status=none ;;
    recording) printf 'xxxx' | dd of="$folder/sample.configurations.fgs" bs=1 seek=16 conv=notrunc status=none ;;
    cut) truncate -s 1000 "$folder/sample.configurations.fgs" ;;
  esac
  expect_code 0 run --out "$scratch/stopped" --resume
  expect_text "$scratch/stopped/log.txt" "it is computed from the start"
  same "$scratch/stopped" "damaged $damage"
done

# Without checkpoints a resumed run computes everything again.
stop_early
expect_code 0 run --out "$scratch/stopped" --resume --set stream.checkpoint=none
same "$scratch/stopped" "checkpoint: none"
grep -q "goes on" "$scratch/stopped/log.txt" && complain "checkpoint: none goes on from a checkpoint"

# Refused: another pipeline, a folder in use.
stop_early
expect_code 1 run --out "$scratch/stopped" --resume --seed 8
expect_text "$scratch/stderr" "holds a run of another pipeline"
expect_code 1 run --out "$scratch/stopped" --resume --set local.params.coupling=0.43
expect_text "$scratch/stderr" "holds a run of another pipeline"
begin --out "$scratch/stopped" --resume 2>/dev/null &
pid=$!
for _ in $(seq 100); do grep -q "owner $pid " "$scratch/stopped/.lock" && break; sleep 0.02; done
for mode in "" --resume --force; do
  # shellcheck disable=SC2086
  expect_code 1 run --out "$scratch/stopped" $mode
  expect_text "$scratch/stderr" "$pid"
done
wait $pid
same "$scratch/stopped" "the run that was disturbed"

# Two signals: stop now.
rm -rf "$scratch/stopped"
begin --out "$scratch/stopped" --set sample.params.size=2048 2>/dev/null &
pid=$!
await "$scratch/stopped/log.txt" $pid
kill -INT $pid
sleep 0.2
kill -INT $pid
wait $pid
[ $? -eq 130 ] || complain "two SIGINT do not end in 130"

# A plugin that crashes is named.
cat >"$scratch/crash.yaml" <<'YAML'
finegrain: 1
name: crash
stages:
  victim: {plugin: test.crash, record: {configurations: out.fgs}}
YAML
for where in CREATE PRODUCE HELPERS STACK; do
  mkdir -p "$scratch/$where"
  cc -std=c17 -O0 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -DWHERE=$where -Icore/include -o "$scratch/$where/crash.so" tests/plugins/crash.c ||
    complain "crash.c does not compile"
  expect_code 1 "$FINEGRAIN" run "$scratch/crash.yaml" --plugin-path "$scratch/$where" --out "$scratch/crashed" --force --threads 4
  batch=" while it made batch 1"
  [ $where != CREATE ] || batch=
  expect_text "$scratch/stderr" "error: victim: plugin $scratch/$where/crash.so was stopped by a wrong memory access (SIGSEGV)$batch; this is a fault of the plugin"
  [ -e "$scratch/crashed/manifest.json" ] && complain "a crash in $where leaves a manifest"
done
finish
