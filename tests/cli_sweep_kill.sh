#!/usr/bin/env bash
# Sweeps that are cut off: kill -9 of all their processes at random instants, or of the first one alone; Ctrl-C, SIGTERM,
# twice. Resumed, they have the results of a sweep that was left alone. KILLS=50 makes the campaign longer (default 5).
. "$(dirname "$0")/common.sh"
RANDOM=20260604
export FINEGRAIN_PLUGIN_PATH=$scratch/plugins
mkdir "$scratch/plugins"
cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include -o "$scratch/plugins/point.so" tests/plugins/point.c ||
  complain "point.c does not compile"

cat >"$scratch/s.yaml" <<'YAML'
finegrain: 1
name: interrupted
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 64, coupling: critical, configurations: 3000}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 6, configurations: 500}}
  thermo: {plugin: estimate.thermo, input: [dream, block]}
sweep:
  axes: {net.params.kernel: [3, 5]}
  replicas: 2
  share: [block]
exec: {jobs: 2, threads: 1}
stream: {checkpoint: 50 ms}
YAML
# Each command is the leader of a process group of its own: $! is its number too.
begin() { exec setsid "$FINEGRAIN" sweep "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null; }
await() {
  local until=$((SECONDS + 120))
  until eval "$1"; do
    [ $SECONDS -lt $until ] || { complain "$1 does not come true"; return; }
    sleep 0.02
  done
}
same() { # FOLDER WHAT
  local count
  count=$(tail -n +2 "$scratch/whole/points.csv" | wc -l)
  cmp "$scratch/whole/summary.csv" "$1/summary.csv" && cmp "$scratch/whole/combined.csv" "$1/combined.csv" || complain "$2: results differ"
  [ "$(find "$1/points" -name manifest.json | wc -l)" -eq "$count" ] || complain "$2: not every point has one result"
}

start=$(date +%s%N)
expect_code 0 "$FINEGRAIN" sweep run "$scratch/s.yaml" --out "$scratch/whole"
seconds=$(awk -v a="$start" -v b="$(date +%s%N)" 'BEGIN { print (b - a) / 1e9 }')
echo "left alone it takes $seconds s"

# kill -9 of everything, at any instant since there is a plan: some time after so many of the six runs are done (four
# points, two shared parts). Every third time the resumed sweep is killed too.
runs_done() { find "$scratch/killed" -name manifest.json 2>/dev/null | wc -l; }
kill_all() { # AFTER: when so many runs are done
  after=$1
  await '[ -e "$scratch/killed/plan.json" ] && [ $(runs_done) -ge $after ]'
  sleep "$(awk -v r=$RANDOM -v t="$seconds" 'BEGIN { print t * r / 32768 / 8 }')"
  kill -9 -- -$pid 2>/dev/null
  wait $pid 2>/dev/null
}
early=0 late=0
for kill in $(seq "${KILLS:-5}"); do
  rm -rf "$scratch/killed"
  begin run "$scratch/s.yaml" --out "$scratch/killed" &
  pid=$!
  kill_all $((RANDOM % 5))
  if [ $((kill % 3)) -eq 0 ] && [ "$(runs_done)" -lt 6 ]; then
    begin resume "$scratch/killed" &
    pid=$!
    kill_all "$(runs_done)"
  fi
  case $(runs_done) in 0) early=$((early + 1)) ;; 6) late=$((late + 1)) ;; esac
  expect_code 0 "$FINEGRAIN" sweep resume "$scratch/killed"
  same "$scratch/killed" "kill $kill"
done
echo "${KILLS:-5} kills, $early before the first run was done, $late after the last"

# kill -9 of the first process alone: the others save and go. A resume at once waits for what is left of them.
cat >"$scratch/t.yaml" <<'YAML'
finegrain: 1
name: stopped
seed: 7
stages:
  point: {plugin: test.point, params: {pause: 10 ms, steps: 10, end: wait}}
sweep: {axes: {point.params.value: [1, 2, 3]}}
exec: {jobs: 2}
stream: {checkpoint: 50 ms}
YAML
rm -rf "$scratch/whole"
expect_code 0 "$FINEGRAIN" sweep run "$scratch/t.yaml" --out "$scratch/whole" --jobs 3
stopped=$scratch/stopped
saved() { [ "$(find "$stopped" -path '*/.checkpoint/point.state' 2>/dev/null | wc -l)" -eq "$1" ]; }
export POINT_WAITS_FOR=$scratch/waits
halfway() { # starts a sweep; it is $pid; two points are under way, and end when `waits` is gone
  rm -rf "$stopped"
  touch "$scratch/waits"
  begin run "$scratch/t.yaml" --out "$stopped" &
  pid=$!
  await 'saved 2'
}
resumes() { # WHAT
  rm -f "$scratch/waits"
  expect_code 0 "$FINEGRAIN" sweep resume "$stopped" --jobs 3
  same "$stopped" "$1"
}
went_on() { grep -ls "goes on from its checkpoint" "$stopped"/points/*/run/log.txt | wc -l; }
halfway
kill -9 $pid
wait $pid 2>/dev/null
begin resume "$stopped" --jobs 3 &
pid=$!
await '[ "$(went_on)" -eq 2 ]'
rm "$scratch/waits"
wait $pid || complain "a sweep whose first process was killed is not resumed"
same "$stopped" "kill of the first process"

# Told to stop: by Ctrl-C, which all processes get, or by a signal to the first one. Runs save, nothing is a failure.
for case in "INT - 130" "INT + 130" "TERM + 143"; do
  read -r signal whom code <<<"$case"
  halfway
  kill -s "$signal" -- "$((${whom}pid))"
  wait $pid
  got=$?
  [ $got -eq $code ] || complain "SIG$signal ends in $got instead of $code"
  expect_text "$scratch/stderr" "interrupted; 'finegrain sweep resume $stopped' goes on"
  expect_text "$scratch/stdout" "3 points: 2 interrupted, 1 missing"
  [ "$(cat "$stopped"/points/*/attempts/1.json | grep -c '"failed": false')" -eq 2 ] || complain "SIG$signal makes points fail"
  [ "$(grep -l "with --resume it goes on from its checkpoints" "$stopped"/points/*/attempts/1.log | wc -l)" -eq 2 ] || complain "SIG$signal: runs do not save"
  resumes "SIG$signal"
  [ "$(went_on)" -eq 2 ] || complain "SIG$signal: runs did not go on where they were"
  [ "$(find "$stopped" -name '[0-9].log' -path '*/attempts/*' | wc -l)" -eq 5 ] || complain "SIG$signal: a point ran too often"
done

# Twice: at once. No more is lost than since the last checkpoint.
halfway
kill -INT $pid
sleep 0.05
kill -INT $pid 2>/dev/null
wait $pid
[ $? -eq 130 ] || complain "two SIGINT do not end in 130"
resumes "two SIGINT"

# A worker by hand is told the same way. The sweep waits for it, and takes up what it leaves.
halfway
begin work "$stopped" &
worker=$!
await 'saved 3'
kill -TERM $worker
wait $worker
[ $? -eq 143 ] || complain "a worker does not end in 143 on SIGTERM"
rm "$scratch/waits"
wait $pid || complain "a sweep does not take up what another worker left"
same "$stopped" "SIGTERM to a worker"
finish
