#!/usr/bin/env bash
# The memory bound that `check` prints is kept: configurations that travel as slabs through three stages, joined again;
# and it does not grow with the number of configurations. LEVELS=15 makes the lattices 32768² (default 13: 8192²).
. "$(dirname "$0")/common.sh"
levels=${LEVELS:-13}
cat >"$scratch/p.yaml" <<YAML
finegrain: 1
name: large
stages:
  net: {plugin: network.symmetric, params: {weights: [0.5491937, 0.6278734, 1.393981]}}
  dream: {plugin: generate.dream, inputs: {model: net}, params: {levels: $levels, configurations: 1, keep: last}}
  block: {plugin: coarsen.majority, input: dream}
  thermo: {plugin: estimate.thermo, input: [dream, block]}
YAML

# peak CONFIGURATIONS BUFFER: runs it; bytes of the largest resident set, and of the bound.
peak() {
  "$PYTHON" - "$FINEGRAIN" "$scratch" "$1" "$2" <<'PY'
import re, resource, subprocess, sys

finegrain, scratch, configurations, buffer = sys.argv[1:]
sets = ["--set", "dream.params.configurations=" + configurations, "--set", "stream.buffer=" + buffer]
check = subprocess.run([finegrain, "check", scratch + "/p.yaml", *sets], check=True, capture_output=True, text=True)
number, unit = re.search(r"memory: at most ([\d.]+) (\w+)", check.stdout).groups()
bound = float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]
subprocess.run([finegrain, "run", scratch + "/p.yaml", "--out", scratch + "/run", "--force", "--quiet", "--threads", "2", *sets], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(int(used), int(bound))
PY
}

for case in "1 64MiB" "4 64MiB" "2 1MiB"; do
  read -r configurations buffer <<<"$case"
  read -r used bound < <(peak "$configurations" "$buffer")
  echo "$configurations configurations of $((1 << levels))², buffer $buffer: used $((used >> 20)) MiB of at most $((bound >> 20)) MiB"
  [ -n "$used" ] && [ "$used" -le "$bound" ] || complain "the bound is not kept"
  [ "$buffer" = 64MiB ] || continue
  [ "${first:=$bound}" = "$bound" ] || complain "the bound grows with the number of configurations"
done
finish
