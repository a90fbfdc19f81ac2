#!/usr/bin/env bash
# Sweeps on this machine: which points run and which do not, what is shared, what comes of failures, new plugins and
# damaged folders, how large a sweep may be, and what a terminal shows. Kills are in cli_sweep_kill.sh.
. "$(dirname "$0")/common.sh"
unset FINEGRAIN_PLUGIN_PATH

point() { # FOLDER VERSION FLAGS…: builds tests/plugins/point.c
  local folder="$scratch/$1" version=$2
  shift 2
  mkdir -p "$folder"
  cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include "-DVERSION=$version" "$@" -o "$folder/$(echo "point$*" | tr -d " ").so" tests/plugins/point.c ||
    complain "point.c does not compile"
}
sweep() { "$FINEGRAIN" sweep "$@"; }
attempts() { find "$1" -path '*/attempts/*.log' -path "*/$2/*" | wc -l; } # FOLDER points|shared
expect_attempts() { # FOLDER POINTS [SHARED]
  [ "$(attempts "$1" points)" -eq "$2" ] || complain "$(attempts "$1" points) attempts at points instead of $2 in $(basename "$1")"
  [ -z "${3:-}" ] || [ "$(attempts "$1" shared)" -eq "$3" ] || complain "$(attempts "$1" shared) attempts at shared parts instead of $3"
}
column() { awk -F, -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) c = i; next } { print $c }' "$1"; }

# An sbatch that only notes what is asked of it; cli_slurm.sh has a real one. So a sweep can be planned and not run, too.
mkdir "$scratch/fake"
cat >"$scratch/fake/sbatch" <<'SH'
#!/bin/sh
[ ! -e "$FAKE/broken" ] || { echo "sbatch: error: it is broken" >&2; exit 1; }
echo x >>"$FAKE/count"
printf '[%s]' "$@" >>"$FAKE/calls"
echo >>"$FAKE/calls"
echo "10$(wc -l <"$FAKE/count");cluster"
SH
chmod +x "$scratch/fake/sbatch"
export FAKE=$scratch/fake
submit() { PATH=$scratch/fake:$PATH sweep "$@"; }

# ---- a real sweep: two networks, paired, two replicas

cat >"$scratch/small.yaml" <<'YAML'
finegrain: 1
name: small
seed: 3
stages:
  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 1000}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 4, configurations: 200}}
  thermo: {plugin: estimate.thermo, input: dream}
sweep:
  axes: {net.params.kernel: [3, 5]}
  replicas: 2
  share: [block]
  baseline: {net.params.kernel: 3}
exec: {engine: local, jobs: 2, threads: 1}
YAML
expect_code 0 sweep plan "$scratch/small.yaml" --out "$scratch/small"
expect_text "$scratch/stdout" "net.params.kernel=5, replica 1"
expect_text "$scratch/stdout" "4 points: 4 missing"
[ -e "$scratch/small" ] && complain "plan writes something"
expect_code 0 sweep run "$scratch/small.yaml" --out "$scratch/small"
expect_text "$scratch/stdout" "4 points: 4 done; results in $scratch/small/summary.csv"
[ "$(grep -c ': done in ' "$scratch/stderr")" -eq 4 ] || complain "not every point is told of"
expect_attempts "$scratch/small" 4 2 # sampled once for each replica
[ "$(sort -u <(column "$scratch/small/summary.csv" net.params.kernel) | tr '\n' ' ')" = "3 5 " ] || complain "summary.csv lacks arms"
[ "$(column "$scratch/small/points.csv" state | sort | uniq -c | tr -s ' ')" = " 4 done" ] || complain "points.csv: not 4 done"
head -1 "$scratch/small/summary.csv" | grep -qx 'point,replica,net.params.kernel,stage,size,level,observable,value,error,n,tau_int,exact,unit' ||
  complain "summary.csv has another head"
head -1 "$scratch/small/combined.csv" | grep -qx 'net.params.kernel,stage,size,level,observable,value,error_within,error_between,replicas,n,exact,unit' ||
  complain "combined.csv has another head"
[ "$(column "$scratch/small/combined.csv" replicas | sort -u)" = 2 ] || complain "combined.csv does not have both replicas"

"$PYTHON" - "$scratch/small" <<'PY' || complain "combined.csv is not what its definition says"
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/summary.csv")))
def key(row): return tuple(row[name] for name in ("net.params.kernel", "stage", "size", "level", "observable"))
groups = {}
for row in rows:
    if row["value"]: groups.setdefault(key(row), []).append(row)
together = list(csv.DictReader(open(sys.argv[1] + "/combined.csv")))
assert [key(row) for row in together] == list(groups) and len(together) > 50
close = lambda text, number: math.isclose(float(text), number, rel_tol=1e-9, abs_tol=1e-12)
for row in together:
    values = [float(one["value"]) for one in groups[key(row)]]
    errors = [one["error"] for one in groups[key(row)]]
    mean = sum(values) / 2
    assert len(values) == 2 and row["replicas"] == "2", row
    assert close(row["value"], mean) and close(row["error_between"], abs(values[0] - values[1]) / 2), row
    assert close(row["error_within"], math.hypot(*map(float, errors)) / 2) if all(errors) else row["error_within"] == "", row
    assert int(row["n"]) == sum(int(one["n"]) for one in groups[key(row)]), row
PY

# Without sharing, each point samples for itself: the same numbers, and the same stream as the arms read.
sed 's/  share:.*//; s/configurations: 1000}/&, record: {configurations: kept.fgs}/' "$scratch/small.yaml" >"$scratch/alone.yaml"
expect_code 0 sweep run "$scratch/alone.yaml" --out "$scratch/alone" --jobs 1 --threads 2
cmp "$scratch/small/summary.csv" "$scratch/alone/summary.csv" || complain "sharing changes results"
cmp "$scratch/small/combined.csv" "$scratch/alone/combined.csv" || complain "sharing changes combined results"
digests() { for file in "$@"; do "$FINEGRAIN" cat --digest "$file" | tail -n 1; done | sort | uniq -c | tr -s ' '; }
recorded=$(digests "$scratch"/alone/points/*/run/kept.fgs) shared=$(digests "$scratch"/small/shared/*/run/sample.fgs)
[ "$(wc -l <<<"$recorded")" -eq 2 ] || complain "the arms of a replica sample different streams: $recorded"
[ "$(sed 's/^ 2 //' <<<"$recorded")" = "$(sed 's/^ 1 //' <<<"$shared")" ] || complain "what is shared is not what is sampled"
for file in "$scratch"/small/points/*/run/pipeline.yaml; do grep -o "$scratch/small/shared/[0-9a-f]*/run/sample.fgs" "$file"; done | sort | uniq -c |
  awk '$1 != 2 { exit 1 } END { exit NR != 2 }' || complain "arms of a replica do not read one recorded stream"

# The run of a point is the run of the pipeline.
expect_code 0 "$FINEGRAIN" run "$scratch/small.yaml" --out "$scratch/plain" --quiet
grep -h "^[0-9a-f]*,0,3," "$scratch/small/summary.csv" | cut -d, -f4- | diff - <(tail -n +2 "$scratch/plain/summary.csv") ||
  complain "a point is not the run of its pipeline"

# Sharing may come later: what is done stays done.
cp "$scratch/small.yaml" "$scratch/later.yaml"
expect_code 0 sweep run "$scratch/later.yaml" --out "$scratch/alone"
expect_attempts "$scratch/alone" 4 0

# ---- which points run: those that are new, no others

sed 's/kernel: \[3, 5\]/kernel: [7, 5, 3]/' "$scratch/small.yaml" >"$scratch/more.yaml"
expect_code 0 sweep run "$scratch/more.yaml" --out "$scratch/small"
[ "$(grep -c 'kernel=7.*: done in ' "$scratch/stderr")" -eq 2 ] || complain "the new points did not run"
expect_attempts "$scratch/small" 6 2
mkdir "$scratch/elsewhere"
cat >"$scratch/elsewhere/otherwise.yaml" <<'YAML'
sweep: {replicas: 2, axes: {net.params.kernel: [5, 3, 7]}, on_error: stop}
exec: {jobs: 1, threads: 2}
stream: {compression: none, buffer: 1 MiB}
stages:
  thermo: {input: dream, plugin: estimate.thermo}
  dream: {params: {configurations: 200, levels: 4}, input: train, plugin: generate.dream}
  train: {inputs: {coarse: block, fine: sample, model: net.model}, plugin: train.newton}
  sample: {params: {configurations: 1e3, coupling: critical, size: 16.0, chains: 4}, plugin: sampler.wolff}
  block: {plugin: coarsen.majority, input: sample, params: {ties: random}}
  net: {plugin: network.symmetric}
name: otherwise
seed: 3
finegrain: 1
YAML
expect_code 0 sweep run "$scratch/elsewhere/otherwise.yaml" --out "$scratch/small"
grep -q ": done in" "$scratch/stderr" && complain "another order, name, place, number of threads or stream made a point run"
expect_attempts "$scratch/small" 6 2
expect_code 0 sweep run "$scratch/small.yaml" --out "$scratch/small" --seed 4 --set dream.params.levels=3
expect_attempts "$scratch/small" 10 4
expect_code 0 sweep run "$scratch/small.yaml" --out "$scratch/small" # what was there is still there
expect_attempts "$scratch/small" 10 4
cmp "$scratch/small/summary.csv" "$scratch/alone/summary.csv" || complain "going back does not give the same results"

# Input files count by content; a sweep whose files changed after it was planned says so.
cp "$scratch"/small/shared/*/run/sample.fgs "$scratch/elsewhere/" 2>/dev/null
mkdir "$scratch/here"
set -- "$scratch"/small/shared/*/run/sample.fgs
cp "$1" "$scratch/here/in.fgs"
cp "$1" "$scratch/elsewhere/copy.fgs"
cat >"$scratch/here/read.yaml" <<'YAML'
finegrain: 1
name: read
stages:
  read: {plugin: source.file, params: {path: in.fgs}}
  block: {plugin: coarsen.majority, input: read}
  thermo: {plugin: estimate.thermo, input: block}
sweep: {axes: {block.params.ties: [up, down]}, share: [read]}
YAML
sed 's/in.fgs/copy.fgs/' "$scratch/here/read.yaml" >"$scratch/elsewhere/read.yaml"
expect_code 0 sweep run "$scratch/here/read.yaml" --out "$scratch/read"
expect_code 0 sweep run "$scratch/elsewhere/read.yaml" --out "$scratch/read"
expect_attempts "$scratch/read" 2 1
cp "$2" "$scratch/elsewhere/copy.fgs"
rm -r "$scratch"/read/points/*/run "$scratch/read/shared"
expect_code 1 sweep resume "$scratch/read"
expect_text "$scratch/stderr" "this point is not what it was when the sweep was planned: a plugin or an input file has changed; plan again with 'finegrain sweep run $scratch/elsewhere/read.yaml --out $scratch/read'"
expect_code 0 sweep run "$scratch/elsewhere/read.yaml" --out "$scratch/read"

# ---- failures

point v1 1
point v1 1 -DSPINS
cat >"$scratch/ends.yaml" <<'YAML'
finegrain: 1
name: ends
seed: 5
stages:
  point: {plugin: test.point, params: {value: 1}}
sweep:
  axes: {point.params.value: [1, 2], point.params.end: [done, fail, crash, kill, exit]}
YAML
ends() { sweep "$@" --jobs 2; }
expect_code 1 ends run "$scratch/ends.yaml" --out "$scratch/ends" --plugin-path "$scratch/v1"
expect_text "$scratch/stdout" "10 points: 2 done, 8 failed"
expect_text "$scratch/stderr" "point 2 of 10 (point.params.value=1, point.params.end=fail): failed: $scratch/ends/sweep.yaml:5:3: error: point: it was told to"
expect_text "$scratch/stderr" "point.params.end=crash): failed: finegrain: error: point: plugin $scratch/v1/point.so was stopped by a wrong memory access (SIGSEGV)"
expect_text "$scratch/stderr" "point.params.end=kill): failed: was killed by signal 9 (Killed)"
expect_text "$scratch/stderr" "point.params.end=exit): failed: finegrain: error: point: plugin $scratch/v1/point.so was stopped by a call of exit while it made batch 1; this is a fault of the plugin"
expect_attempts "$scratch/ends" 10
[ "$(column "$scratch/ends/points.csv" error | grep -c .)" -eq 8 ] || complain "points.csv does not say why points failed"
[ "$(find "$scratch/ends/points" -name manifest.json | wc -l)" -eq 2 ] || complain "a failed point has a result"
expect_code 0 sweep status "$scratch/ends"
[ "$(grep -c ' failed .*\(error\|killed\|ended\)' "$scratch/stdout")" -eq 8 ] || complain "status does not list the failures"
expect_code 0 sweep plan "$scratch/ends.yaml" --out "$scratch/ends" --plugin-path "$scratch/v1"
expect_text "$scratch/stdout" "10 points: 2 done, 8 failed"
expect_code 1 sweep merge "$scratch/ends"
expect_text "$scratch/stderr" "failed: point.params.value=2, point.params.end=fail: "
expect_code 1 ends resume "$scratch/ends" --quiet # runs what failed, and nothing else
expect_text "$scratch/stderr" "failed: point.params.value=2, point.params.end=fail: "
expect_attempts "$scratch/ends" 18
expect_code 1 ends run "$scratch/ends.yaml" --out "$scratch/ends" --plugin-path "$scratch/v1" --set point.params.end=done
expect_attempts "$scratch/ends" 26 # an axis goes over --set

# on_error: stop leaves the rest alone; resume tries again.
sed 's/^sweep:/&\n  on_error: stop/; s/value: \[1, 2\]/value: [1, 2, 3, 4]/; s/end: \[.*\]/end: [done, fail]/' "$scratch/ends.yaml" >"$scratch/stop.yaml"
expect_code 1 sweep run "$scratch/stop.yaml" --out "$scratch/stop" --plugin-path "$scratch/v1" --jobs 1
expect_text "$scratch/stdout" "8 points: 1 done, 1 failed, 6 missing"
expect_code 1 sweep resume "$scratch/stop" --jobs 1
expect_text "$scratch/stdout" "8 points: 1 done, 1 failed, 6 missing"
expect_attempts "$scratch/stop" 3

# A failure of what is shared is one of each point that shares it, and happens once.
cat >"$scratch/common.yaml" <<'YAML'
finegrain: 1
name: common
seed: 5
stages:
  spins: {plugin: test.spins}
  point: {plugin: test.point, input: spins}
sweep: {axes: {point.params.value: [1, 2]}, share: [spins]}
YAML
point bad 1
point bad 1 -DSPINS -DBAD
expect_code 1 sweep run "$scratch/common.yaml" --out "$scratch/common" --plugin-path "$scratch/bad"
expect_text "$scratch/stdout" "2 points: 2 failed"
[ "$(grep -c "failed: what this point shares with others failed: error: $scratch/common/sweep.yaml:5:3: error: spins: it is a bad one" "$scratch/stderr")" -eq 2 ] ||
  complain "a shared failure is not told of"
expect_attempts "$scratch/common" 2 1

# ---- new versions of plugins

cp -r "$scratch/v1" "$scratch/plugins"
answers() { column "$1/summary.csv" value | cut -d. -f1 | tr '\n' ' '; }
expect_code 0 sweep run "$scratch/common.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
[ "$(answers "$scratch/stale")" = "5 6 " ] || complain "value + spins + version is not $(answers "$scratch/stale")"
point plugins 2
expect_code 0 sweep status "$scratch/stale"
expect_text "$scratch/stdout" "2 points: 2 stale"
expect_code 1 sweep merge "$scratch/stale"
[ "$(wc -l <"$scratch/stale/summary.csv")" -eq 1 ] || complain "stale results are merged"
expect_code 0 sweep resume "$scratch/stale"
expect_attempts "$scratch/stale" 4 1
[ "$(answers "$scratch/stale")" = "6 7 " ] || complain "the new version was not used: $(answers "$scratch/stale")"
# A new version of what is shared makes all stale that was made of it, even once it has been made again for one of them.
point plugins 2 -DSPINS
expect_code 0 sweep status "$scratch/stale"
expect_text "$scratch/stdout" "2 points: 2 stale"
sed 's/\[1, 2\]/[1]/' "$scratch/common.yaml" >"$scratch/one.yaml"
expect_code 0 sweep run "$scratch/one.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
expect_attempts "$scratch/stale" 5 2
expect_code 0 sweep plan "$scratch/common.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
expect_text "$scratch/stdout" "2 points: 1 done, 1 stale"
expect_code 0 sweep run "$scratch/common.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
expect_attempts "$scratch/stale" 6 2
[ "$(answers "$scratch/stale")" = "9 10 " ] || complain "the new version was not shared: $(answers "$scratch/stale")"
# What is shared may be thrown away when all is done, and is made again when it is needed.
rm -r "$scratch/stale/shared"
expect_code 0 sweep resume "$scratch/stale"
expect_attempts "$scratch/stale" 6 0
sed 's/\[1, 2\]/[1, 2, 3]/' "$scratch/common.yaml" >"$scratch/three.yaml"
expect_code 0 sweep run "$scratch/three.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
rm "$scratch"/stale/shared/*/run/spins.fgs
sed 's/\[1, 2\]/[1, 2, 3, 4]/' "$scratch/common.yaml" >"$scratch/four.yaml"
expect_code 0 sweep run "$scratch/four.yaml" --out "$scratch/stale" --plugin-path "$scratch/plugins"
expect_attempts "$scratch/stale" 8 2

# ---- partial data, other workers, damaged folders

cat >"$scratch/slow.yaml" <<'YAML'
finegrain: 1
name: slow
seed: 5
stages:
  point: {plugin: test.point, params: {pause: 20 ms, end: wait}}
sweep: {axes: {point.params.value: {range: [1, 8, 1]}}}
exec: {jobs: 2}
YAML
slow() { "$FINEGRAIN" sweep "$@" >/dev/null 2>&1; }
sed 's/1, 8, 1/1, 3, 1/' "$scratch/slow.yaml" >"$scratch/few.yaml"
expect_code 0 sweep run "$scratch/few.yaml" --out "$scratch/slow" --plugin-path "$scratch/v1"
slow work "$scratch/slow" || complain "a worker fails where nothing is left"
expect_code 0 submit run "$scratch/slow.yaml" --out "$scratch/slow" --plugin-path "$scratch/v1" --engine slurm
expect_code 1 sweep merge "$scratch/slow"
expect_text "$scratch/stdout" "8 points: 3 done, 5 missing"
[ "$(answers "$scratch/slow")" = "2 3 4 " ] || complain "merge does not have what is done"
export POINT_WAITS_FOR=$scratch/waits
touch "$scratch/waits"
(slow run "$scratch/slow.yaml" --out "$scratch/slow" --plugin-path "$scratch/v1" --jobs 1) &
first=$!
running() { expect_code 0 sweep status "$scratch/slow"; [ "$(grep -c ' running ' "$scratch/stdout")" -eq "$1" ]; }
until running 1; do [ -e "/proc/$first" ] || { complain "the sweep has ended"; break; }; done
(slow work "$scratch/slow") & # by hand, while others are at work
second=$!
until running 2; do [ -e "/proc/$second" ] || { complain "the worker has ended"; break; }; done
rm "$scratch/waits"
(slow work "$scratch/slow" --for 100ms) &
third=$!
wait $first || complain "the sweep failed that others helped with"
wait $second || complain "the worker failed that helped"
wait $third || complain "the worker failed that had little time"
expect_attempts "$scratch/slow" 8 # nothing ran twice
[ "$(answers "$scratch/slow")" = "2 3 4 5 6 7 8 9 " ] || complain "several workers make other results"
rm "$scratch/slow/summary.csv" "$scratch/slow/points.csv"
expect_code 0 sweep merge "$scratch/slow"
[ "$(wc -l <"$scratch/slow/summary.csv")" -eq 9 ] || complain "merge does not bring back summary.csv"
# A run whose results are damaged is told; what the others found is there.
torn=$(ls -d "$scratch"/slow/points/* | head -n 1)
cp "$torn/run/summary.csv" "$scratch/whole.csv"
head -c 90 "$scratch/whole.csv" >"$torn/run/summary.csv"
expect_code 1 sweep merge "$scratch/slow"
expect_text "$scratch/stderr" "$torn/run/summary.csv:2: the file ends within a row; move this point's folder away and run it again with 'finegrain sweep resume'"
[ "$(wc -l <"$scratch/slow/summary.csv")" -eq 8 ] || complain "merge loses more than what is damaged"
cp "$scratch/whole.csv" "$torn/run/summary.csv"

for damage in "" '{"finegrain_sweep": 1' '{"finegrain_sweep": 1, "name": "x", "file": "y", "points": [{"id": "../x"}]}'; do
  echo "$damage" >"$scratch/slow/plan.json"
  for verb in status resume merge work; do
    expect_code 1 sweep $verb "$scratch/slow"
    expect_text "$scratch/stderr" "finegrain: $scratch/slow/plan.json is no plan of a sweep"
    expect_text "$scratch/stderr" "plan it again with 'finegrain sweep run FILE --out $scratch/slow'"
  done
done
expect_code 0 sweep run "$scratch/slow.yaml" --out "$scratch/slow" --plugin-path "$scratch/v1" # as it says
expect_attempts "$scratch/slow" 8
echo "# changed" >>"$scratch/slow/sweep.yaml"
for verb in resume work; do
  expect_code 78 sweep $verb "$scratch/slow"
  expect_text "$scratch/stderr" "sweep.yaml: error: this is not the file that plan.json was made of; plan again with 'finegrain sweep run $scratch/slow.yaml --out $scratch/slow'"
done
expect_code 0 sweep run "$scratch/slow.yaml" --out "$scratch/slow" --plugin-path "$scratch/v1"
expect_attempts "$scratch/slow" 8
# A worker that can write nothing says so, and does not try for ever.
cp -r "$scratch/slow" "$scratch/shut"
for id in "$scratch"/shut/points/*; do rm -r "$id/run" "$id/attempts"; touch "$id/attempts"; done
expect_code 1 timeout 60 "$FINEGRAIN" sweep work "$scratch/shut"
expect_text "$scratch/stderr" "cannot make the folder $scratch/shut/points/"
expect_code 1 timeout 60 "$FINEGRAIN" sweep resume "$scratch/shut" --quiet
expect_text "$scratch/stderr" "not every point was tried; what the workers said is in $scratch/shut/workers"
mkdir "$scratch/none" "$scratch/theirs" "$scratch/plans"
echo "{}" >"$scratch/plans/plan.json"
echo mine >"$scratch/theirs/sweep.yaml"
for verb in status resume merge work; do
  expect_code 1 sweep $verb "$scratch/none"
  expect_text "$scratch/stderr" "finegrain: $scratch/none has no plan.json"
  expect_code 1 sweep $verb "$scratch/nowhere"
  expect_text "$scratch/stderr" "cannot open the sweep's folder $scratch/nowhere"
done
expect_code 1 sweep run "$scratch/few.yaml" --out "$scratch/theirs" --plugin-path "$scratch/v1"
expect_text "$scratch/stderr" "$scratch/theirs is not empty and holds no sweep; choose another --out"
[ "$(cat "$scratch/theirs/sweep.yaml")" = mine ] || complain "a stranger's file was written over"
expect_code 1 sweep run "$scratch/few.yaml" --out "$scratch/plans" --plugin-path "$scratch/v1"
[ "$(cat "$scratch/plans/plan.json")" = "{}" ] || complain "a stranger's plan.json was written over"
# What is left when planning is cut off is no stranger.
cp "$scratch/few.yaml" "$scratch/none/sweep.yaml"
echo half >"$scratch/none/plan.json.17.tmp"
expect_code 0 sweep run "$scratch/few.yaml" --out "$scratch/none" --plugin-path "$scratch/v1"

# Usage.
expect_code 2 sweep go "$scratch/slow"
expect_text "$scratch/stderr" "unknown subcommand 'go'"
expect_code 2 sweep run
expect_code 2 sweep run "$scratch/few.yaml" --engine pbs
expect_text "$scratch/stderr" "--engine: 'pbs' is neither local nor slurm"
expect_code 2 sweep work "$scratch/slow" --for soon
expect_text "$scratch/stderr" "--for: 'soon' is no time; write 50 min"
expect_code 78 sweep run "$scratch/plain/pipeline.yaml" --out "$scratch/nothing"
expect_text "$scratch/stderr" "there is no sweep in this file"
[ -e "$scratch/nothing" ] && complain "a refused sweep leaves a folder"

# ---- 10,000 points

cat >"$scratch/large.yaml" <<'YAML'
finegrain: 1
name: large
stages:
  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 1000}}
  block: {plugin: coarsen.majority, input: sample}
  thermo: {plugin: estimate.thermo, input: block}
  sampled: {plugin: estimate.thermo, input: sample}
sweep:
  axes: {sample.params.coupling: {linspace: [0.4, 0.5, 500]}, block.params.ties: [up, down]}
  replicas: 10
  share: [sample]
YAML
"$PYTHON" - "$FINEGRAIN" "$scratch" <<'PY' || complain "10,000 points are too many"
import json, os, resource, signal, subprocess, sys, time
program, scratch = sys.argv[1:]
def run(*words):
    start = time.time()
    done = subprocess.run([program, "sweep", *words], capture_output=True, text=True)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"sweep {words[0]}: {time.time() - start:.2f} s, {most:.0f} MiB so far")
    return done, most
done, most = run("plan", scratch + "/large.yaml", "--out", scratch + "/large")
assert done.returncode == 0 and "10000 points: 10000 missing" in done.stdout, done.stderr
assert len(done.stdout.splitlines()) == 10001
worker = subprocess.Popen([program, "sweep", "run", scratch + "/large.yaml", "--out", scratch + "/large", "--jobs", "1"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
until = time.time() + 60
while time.time() < until and not any(os.path.exists(f"{scratch}/large/points/{id}/run/manifest.json")
                                      for id in (os.listdir(scratch + "/large/points") if os.path.isdir(scratch + "/large/points") else [])):
    time.sleep(0.05)
worker.send_signal(signal.SIGTERM)
assert worker.wait() == 143
assert len(json.load(open(scratch + "/large/plan.json"))["points"]) == 10000
done, most = run("status", scratch + "/large")
assert done.returncode == 0 and "10000 points: " in done.stdout and "more that are not done" in done.stdout, done.stdout + done.stderr
done, most = run("merge", scratch + "/large")
assert done.returncode == 1 and len(open(scratch + "/large/points.csv").readlines()) == 10001
assert most < 200, f"{most} MiB"
PY

# ---- what is asked of Slurm

rm -f "$FAKE"/c*

expect_code 0 submit run "$scratch/large.yaml" --out "$scratch/large" --engine slurm --jobs 2500
expect_text "$scratch/stderr" "submitted 500 workers as job 103"
head=$(printf '[%s]' --parsable --job-name=large "--chdir=$scratch/large" --open-mode=append)
[ "$(cut -d']' -f1-4 "$FAKE/calls" | sort | uniq -c | tr -s ' ')" = " 1 $(sed 's/=large\]/=large-merge]/; s/.$//' <<<"$head")
 3 $(sed 's/.$//' <<<"$head")" ] || complain "jobs do not begin alike"
[ "$(grep -o 'array=[0-9-]*' "$FAKE/calls" | tr '\n' ' ')" = "array=0-999 array=0-999 array=0-499 " ] || complain "the array is not cut into those a cluster takes"
grep -q "\[--requeue\]\[--signal=B:USR1@60\]\[--array=0-499\]\[$scratch/large/worker.sh\]$" "$FAKE/calls" || complain "a worker is submitted otherwise"
grep -q "\[--dependency=afterany:101:102:103\]\[$scratch/large/merge.sh\]$" "$FAKE/calls" || complain "the merge does not come after all workers"
cat >"$scratch/own.yaml" <<'YAML'
finegrain: 1
name: own
stages:
  point: {plugin: test.point}
sweep: {axes: {point.params.value: [1, 2]}}
exec: {engine: slurm, workers: 3, threads: 2, time: "01:00:00", sbatch: [--signal=B:USR1@300, "--comment=a b"]}
YAML
rm "$FAKE/calls"
expect_code 0 submit run "$scratch/own.yaml" --out "$scratch/it's own" --plugin-path "$scratch/v1"
grep -qF "[--time=01:00:00][--cpus-per-task=2][--requeue][--signal=B:USR1@60][--signal=B:USR1@300][--comment=a b][--array=0-1]" "$FAKE/calls" ||
  complain "one's own options are not after ours: $(cat "$FAKE/calls")"
grep -q "own-merge.*\[--signal=B:USR1@300\]\[--comment=a b\]\[--dependency" "$FAKE/calls" || complain "the merge lacks one's own options"
expect_code 0 "$scratch/it's own/worker.sh" # what Slurm would run
expect_code 0 "$scratch/it's own/merge.sh"
expect_text "$scratch/stdout" "2 points: 2 done"
touch "$FAKE/broken"
expect_code 1 submit resume "$scratch/it's own"
expect_text "$scratch/stderr" "sbatch: error: it is broken"
expect_code 1 env PATH=/nowhere "$FINEGRAIN" sweep resume "$scratch/it's own"
expect_text "$scratch/stderr" "cannot start sbatch: No such file or directory; is Slurm installed here?"

# ---- what a terminal shows

cat >"$scratch/shown.yaml" <<'YAML'
finegrain: 1
name: shown
stages:
  point: {plugin: test.point}
sweep:
  axes: {point: [{plugin: test.point, params: {pause: 100 ms, value: 123456}}], point.params.value: [1, 2, 3]}
  zip: [{point.params.end: [done, fail], point.params.steps: [25, 3]}]
exec: {jobs: 6}
YAML
"$PYTHON" - "$FINEGRAIN" "$scratch" <<'PY' || complain "the terminal is drawn on wrongly"
import fcntl, os, pty, re, shutil, struct, sys, termios, time
program, scratch = sys.argv[1:]
def show(columns, lines):
    shutil.rmtree(scratch + "/shown", ignore_errors=True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.execv(program, [program, "sweep", "run", scratch + "/shown.yaml", "--out", scratch + "/shown", "--plugin-path", scratch + "/v1"])
    text = b""
    while True:
        try: piece = os.read(terminal, 65536)
        except OSError: break
        if not piece: break
        text += piece
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    return text.decode()
def check(columns, lines):
    text = show(columns, lines)
    # An emulation of what is used: lines, cursor up and erase below. Lines that are erased again must not have wrapped.
    screen, ups, said = [], 0, []
    for part in re.split(r"(\x1b\[\d+A\x1b\[J)", text):
        up = re.match(r"\x1b\[(\d+)A", part)
        if up:
            ups += 1
            gone = screen[-int(up[1]):]
            del screen[-int(up[1]):]
            assert all(len(line) < columns for line in gone), gone
            assert int(up[1]) <= lines - 1, up[1]
            assert gone[0].startswith("6 points:"), gone
            said += [line for line in screen if "failed:" in line and line not in said]
        else:
            screen += [re.sub(r"\x1b\[\d*m", "", line) for line in part.replace("\r", "").split("\n")[:-1]]
    print("\n".join(screen))
    assert ups > 3 and len(said) >= 1, (ups, said) # redrawn, and failures told before the end
    assert sum("failed:" in line for line in screen) == 3, screen
    assert screen[-1].startswith("6 points: 3 done, 3 failed; results in"), screen
    assert not any("█" in line or "·" in line for line in screen), screen # no running point is left standing
    return text
text = check(80, 24)
assert "█" in text and " left: " in text
check(30, 4)
PY
finish
