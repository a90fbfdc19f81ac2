#!/usr/bin/env bash
# Sweeps under a real Slurm (tests/slurm/cluster.sh): failures, resuming, warnings before the end, lost nodes, scancel.
# As root it becomes an ordinary user for all of it. POINTS=200 PAUSE=250 makes the measurement of
# what workers cost longer (default 60 points of 50 ms).
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin
for program in slurmctld slurmd sbatch squeue scancel scontrol sinfo munged mungekey setpriv; do
  command -v $program >/dev/null || { echo "no $program: Slurm is not installed"; exit 77; }
done
chmod 755 "$scratch"
mkdir -p "$scratch"/bin/plugins "$scratch/own"
cp "$BUILD/finegrain" tests/slurm/cluster.sh "$scratch/bin"
cp "$BUILD"/plugins/*.so "$scratch/bin/plugins"
cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include -o "$scratch/bin/plugins/point.so" tests/plugins/point.c ||
  complain "point.c does not compile"
user=()
if [ "$(id -u)" -eq 0 ]; then
  user=(setpriv --reuid=nobody "--regid=$(id -gn nobody)" --clear-groups env "HOME=$scratch/own")
  chown nobody "$scratch/own"
fi
export SLURM_CONF=$scratch/own/cluster/slurm.conf
as() { (cd "$scratch/own" && "${user[@]}" "$@"); }
sweep() { as timeout 150 "$scratch/bin/finegrain" sweep "$@"; }
orphans=()
clean_up() {
  as timeout 20 bash "$scratch/bin/cluster.sh" stop "$scratch/own/cluster"
  [ ${#orphans[@]} -eq 0 ] || kill -9 "${orphans[@]}" 2>/dev/null
  rm -rf "$scratch"
}
trap clean_up EXIT
started=$SECONDS
lap() { echo "$((SECONDS - started)) s: $*"; }
# within SECONDS COMMAND…: tries until it succeeds.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $until ] || { complain "not in time: $*"; return 1; }
    sleep 0.2
  done
}
idle() { [ -z "$(as squeue -h 2>&1)" ]; }
job_of() { sed -n "s/^$1.* job \([0-9]*\).*/\1/p" "$scratch/stderr"; }
job_says() { as scontrol show job "$1" | grep -q "$2"; } # JOB TEXT, of the first task of an array
attempts() { find "$1" -path '*/points/*/attempts/*.log' | wc -l; }
saved() { [ "$(find "$1" -path '*/.checkpoint/point.state' 2>/dev/null | wc -l)" -eq "$2" ]; }
went_on() { grep -l "goes on from its checkpoint" "$1"/points/*/run/log.txt | wc -l; }
same() { cmp "$scratch/own/$1/summary.csv" "$scratch/own/$2/summary.csv" || complain "$1 and $2 have other results"; }

as bash "$scratch/bin/cluster.sh" start "$scratch/own/cluster" 4 || { complain "Slurm does not start"; finish; }
lap "started"

# ---- twelve points, one of which fails; then that one alone

cat >"$scratch/own/twelve.yaml" <<'YAML'
finegrain: 1
name: twelve points
seed: 7
stages:
  point: {plugin: test.point, params: {pause: 50 ms, steps: 6}}
sweep:
  axes: {point.params.value: {range: [1, 11, 1]}}
  include: [{point.params.value: 12, point.params.end: maybe}]
exec: {engine: slurm, workers: 4, threads: 1, time: 5, sbatch: [--partition=tests, --comment=it's a test]}
YAML
expect_code 0 sweep run twelve.yaml --out "it's a sweep" --engine local --jobs 4
POINT_FAILS=1 expect_code 0 sweep run twelve.yaml --out twelve
expect_text "$scratch/stderr" "submitted 4 workers as job "
expect_text "$scratch/stderr" "watch with 'finegrain sweep status $scratch/own/twelve'"
job=$(job_of submitted) merge=$(job_of "their results")
within 150 idle
job_says "$job" "JobState=FAILED\|ExitCode=1:0" || job_says "$job" "JobState=COMPLETED" || complain "the array is $(as scontrol show job "$job")"
job_says "$merge" "ExitCode=1:0" || complain "the merge does not fail with a point"
expect_text "$scratch/own/twelve/workers/merge.log" "12 points: 11 done, 1 failed; results in $scratch/own/twelve/summary.csv"
expect_text "$scratch/own/twelve/workers/merge.log" "failed: point.params.value=12, point.params.end=maybe: $scratch/own/twelve/sweep.yaml:5:3: error: point: POINT_FAILS is set"
[ "$(attempts "$scratch/own/twelve")" -eq 12 ] || complain "$(attempts "$scratch/own/twelve") attempts instead of 12"
[ "$(find "$scratch/own/twelve/workers" -name "${job}_*.log" | wc -l)" -eq 4 ] || complain "not four workers"
lap "twelve points, one failed"
expect_code 0 sweep resume twelve
merge=$(job_of "their results")
within 150 idle
job_says "$merge" "ExitCode=0:0" || complain "the merge fails though all is done"
[ "$(attempts "$scratch/own/twelve")" -eq 13 ] || complain "resume ran $(($(attempts "$scratch/own/twelve") - 12)) points instead of 1"
same twelve "it's a sweep"
lap "resumed"

# ---- a warning to the whole array: all save, are queued again, and go on

cat >"$scratch/own/six.yaml" <<'YAML'
finegrain: 1
name: six
seed: 7
stages:
  point: {plugin: test.point, params: {pause: 20 ms, steps: 10, end: wait}}
sweep: {axes: {point.params.value: {range: [1, 6, 1]}}}
exec: {engine: slurm, workers: 4, time: 5}
stream: {checkpoint: 50 ms}
YAML
expect_code 0 sweep run six.yaml --out local --engine local --jobs 6
export POINT_WAITS_FOR=$scratch/own/waits # points do not end before this file is gone
touch "$scratch/own/waits"
expect_code 0 sweep run six.yaml --out warned
job=$(job_of submitted)
within 60 saved "$scratch/own/warned" 4
as scancel --signal=USR1 --batch "$job"
told() { [ "$(grep -l "saved; asking Slurm to queue" "$scratch/own/warned/workers/${job}"_*.log | wc -l)" -eq 4 ]; }
within 60 told
rm "$scratch/own/waits"
within 150 idle
for task in 0 1 2 3; do expect_text "$scratch/own/warned/workers/${job}_$task.log" "saved; asking Slurm to queue ${job}_$task again"; done
expect_text "$scratch/own/warned/workers/merge.log" "6 points: 6 done"
same warned local
[ "$(went_on "$scratch/own/warned")" -eq 4 ] || complain "$(went_on "$scratch/own/warned") runs instead of 4 went on from their checkpoints"
[ "$(attempts "$scratch/own/warned")" -eq 10 ] || complain "$(attempts "$scratch/own/warned") attempts instead of 10"
lap "warned and queued again"

# ---- scancel

touch "$scratch/own/waits"
expect_code 0 sweep run six.yaml --out cancelled
job=$(job_of submitted)
within 60 saved "$scratch/own/cancelled" 4
as scancel "$job" "$(job_of "their results")"
within 150 idle
rm "$scratch/own/waits"
expect_code 0 sweep status cancelled
expect_text "$scratch/stdout" "6 points: 4 interrupted, 2 missing"
[ "$(grep -l "with --resume it goes on from its checkpoints" "$scratch"/own/cancelled/points/*/attempts/1.log | wc -l)" -eq 4 ] || complain "cancelled runs do not save"
expect_code 0 sweep resume cancelled --engine local --jobs 6
same cancelled local
[ "$(went_on "$scratch/own/cancelled")" -eq 4 ] || complain "cancelled runs do not go on where they were"
lap "cancelled and resumed"

# ---- what short points cost beside their own time: measured, not judged

cat >"$scratch/own/short.yaml" <<YAML
finegrain: 1
name: short
stages:
  point: {plugin: test.point, params: {pause: ${PAUSE:-50} ms}}
sweep: {axes: {point.params.value: {range: [1, ${POINTS:-60}, 1]}}}
exec: {engine: slurm, workers: 4}
YAML
expect_code 0 sweep run short.yaml --out short
within 150 idle
expect_text "$scratch/own/short/workers/merge.log" "${POINTS:-60} points: ${POINTS:-60} done"
"$PYTHON" - "$scratch/own/short" <<'PY'
import glob, json, os, sys
names = glob.glob(sys.argv[1] + "/points/*/attempts/1.json")
own = [json.load(open(name))["seconds"] for name in names]
ends = [os.stat(name).st_mtime for name in names]
first = min(end - seconds for end, seconds in zip(ends, own))
submitted = os.stat(sys.argv[1] + "/worker.sh").st_mtime
for since, begin in ("their first start", first), ("their submission", submitted):
    wall = max(ends) - begin
    print(f"{len(own)} points: {sum(own):.1f} s of their own, {wall:.1f} s on 4 workers since {since}: {100 * (4 * wall / sum(own) - 1):.1f} % more")
PY
lap "short points"

# ---- a node is lost, but for the worker: its lock holds

ancestor() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f2; }
# The first of four points waits; the others are done when its worker's task starts again.
touch "$scratch/own/waits"
cat >"$scratch/own/lost.yaml" <<'YAML'
finegrain: 1
name: lost
seed: 7
stages:
  point: {plugin: test.point, params: {pause: 20 ms, steps: 10}}
sweep: {zip: [{point.params.value: [1, 2, 3, 4], point.params.end: [wait, done, done, done]}]}
exec: {engine: slurm, workers: 4, time: 5}
stream: {checkpoint: 50 ms}
YAML
expect_code 0 sweep run lost.yaml --out lost
job=$(job_of submitted)
first=$(sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' "$scratch/own/lost/plan.json" | head -n 1)
point=$scratch/own/lost/points/$first
within 60 test -e "$point/run/.checkpoint/point.state"
run=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$point/run/status.json")
worker=$(ancestor "$run") step=$(ancestor "$(ancestor "$run")")
orphans+=("$run" "$worker")
node=$(tr '\0' '\n' <"/proc/$worker/environ" | sed -n 's/^SLURMD_NODENAME=//p')
case $(cat "/proc/$step/comm") in slurmstepd) ;; *) complain "process $step is $(cat "/proc/$step/comm"), not slurmstepd" ;; esac
kill -9 "$step" "$(cat "$scratch/own/cluster/slurmd.$node.pid")"
as scontrol update "nodename=$node" state=down reason=lost
task=$(tr '\0' '\n' <"/proc/$worker/environ" | sed -n 's/^SLURM_ARRAY_TASK_ID=//p')
within 60 job_says "${job}_$task" "Restarts=1"
within 150 idle # the array has ended, and the merge after it
[ -e "/proc/$run" ] || complain "the run did not outlive its node"
expect_text "$scratch/own/lost/workers/merge.log" "4 points: 3 done, 1 running"
expect_code 0 sweep work lost # one more worker, which finds nothing to do
rm "$scratch/own/waits"
[ "$(find "$point/attempts" -name '*.log' | wc -l)" -eq 1 ] || complain "a point ran twice at once"
within 60 test -e "$point/run/manifest.json"
within 60 test -e "$point/attempts/1.json"
expect_code 0 sweep merge lost
[ "$(attempts "$scratch/own/lost")" -eq 4 ] || complain "$(attempts "$scratch/own/lost") attempts instead of 4"
[ "$(tail -n +2 "$scratch/own/lost/summary.csv" | cut -d, -f1 | sort -u | wc -l)" -eq 4 ] || complain "not every point has one result"
lap "a node lost"

# ---- without Slurm: status and merge need none

controller=$(cat "$scratch/own/cluster/slurmctld.pid")
kill "$controller"
gone() { [ ! -e "$scratch/own/cluster/slurmctld.pid" ] || [ ! -e "/proc/$controller" ]; }
within 60 gone
expect_code 0 sweep status short
expect_text "$scratch/stdout" "${POINTS:-60} points: ${POINTS:-60} done"
expect_code 0 sweep merge twelve
same twelve "it's a sweep"
lap "all"
finish
