#!/usr/bin/env bash
# generate.upscale and a dream with two models in pipelines: the same at any number of threads, from memory or from a file,
# interrupted or not; chains are still known above; what check refuses.
. "$(dirname "$0")/common.sh"

cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: up
seed: 3
stages:
  sample: {plugin: sampler.metropolis, params: {size: 16, coupling: critical, configurations: 4000, spacing: 4}}
  block: {plugin: coarsen.majority, input: sample}
  three: {plugin: network.symmetric, params: {weights: [0.5491937, 0.6278734, 1.393981]}}
  six: {plugin: network.symmetric, params: {kernel: 5, weights: [0.5532841, 0.695583, 1.376823, -0.1412271, -0.1493804, 0.1054978]}}
  dream: {plugin: generate.dream, inputs: {model: six, first: three}, params: {levels: 4, configurations: 1000}, record: {configurations: dream.fgs}}
  up: {plugin: generate.upscale, inputs: {model: six, configurations: [sample, block, dream]}, params: {steps: 2, keep: last}}
  same: {plugin: generate.upscale, inputs: {model: six, configurations: dream}, record: {configurations: same.fgs}}
  thermo: {plugin: estimate.thermo, input: [sample, up]}
  dreamt: {plugin: estimate.thermo, input: [dream, same]}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/one" --quiet --threads 1
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/two" --quiet --threads 2 --set stream.compression=none
cmp "$scratch/one/summary.csv" "$scratch/two/summary.csv" || complain "threads change the results"

digest() { "$FINEGRAIN" cat --digest "$1"; }
cat >"$scratch/file.yaml" <<YAML
finegrain: 1
name: file
seed: 3
stages:
  dreams: {plugin: source.file, params: {path: $scratch/one/dream.fgs}}
  six: {plugin: network.symmetric, params: {kernel: 5, weights: [0.5532841, 0.695583, 1.376823, -0.1412271, -0.1493804, 0.1054978]}}
  same: {plugin: generate.upscale, inputs: {model: six, configurations: dreams}, record: {configurations: same.fgs}}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/file.yaml" --out "$scratch/file" --quiet
[ "$(digest "$scratch/one/same.fgs")" = "$(digest "$scratch/file/same.fgs")" ] ||
  complain "a recorded dream goes up to other spins"

# τ of m², which Metropolis makes long, and which inverse steps cannot shorten.
tau() { awk -F, -v size="$1" -v level="$2" '$1 == "thermo" && $2 == size && $3 == level && $4 == "m2" { print $8 }' "$scratch/one/summary.csv"; }
near "$(tau 16 0)" 5.0 2.4 "tau_int of m2 as sampled"
near "$(tau 64 2)" "$(tau 16 0)" 0.3 "tau_int of m2 two levels up"

# SIGTERM while configurations go up: saved at once, and taken up.
cat >"$scratch/long.yaml" <<'YAML'
finegrain: 1
name: long
seed: 4
stages:
  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 20000}}
  three: {plugin: network.symmetric, params: {weights: [0.5491937, 0.6278734, 1.393981]}}
  up: {plugin: generate.upscale, inputs: {model: three, configurations: sample}, params: {steps: 3}}
  thermo: {plugin: estimate.thermo, input: up}
stream: {checkpoint: 100 ms}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/long.yaml" --out "$scratch/whole" --quiet
"$FINEGRAIN" run "$scratch/long.yaml" --out "$scratch/stopped" --quiet 2>/dev/null &
pid=$!
while [ ! -e "$scratch/stopped/.checkpoint/up.state" ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -TERM $pid
wait $pid
[ $? -eq 143 ] || complain "SIGTERM does not end in 143"
expect_code 0 "$FINEGRAIN" run "$scratch/long.yaml" --out "$scratch/stopped" --quiet --resume
expect_text "$scratch/stopped/log.txt" "up: goes on from its checkpoint, after"
cmp "$scratch/whole/summary.csv" "$scratch/stopped/summary.csv" || complain "a resumed run differs"

refused() { # TEXT SET…
  local text=$1 sets=()
  shift
  for set in "$@"; do sets+=(--set "$set"); done
  expect_code 78 "$FINEGRAIN" check "$scratch/p.yaml" "${sets[@]}"
  expect_text "$scratch/stderr" "$text"
}
refused "error: up: keep: all would mix lattices of size 32 made from 8 in 2 steps and from 16 in one; choose keep: last, or give each size a stage of its own" up.params.keep=all
refused "error: dream: first_steps: 5 steps with the first model, but the dream has 4 in all" dream.params.first_steps=5
refused "error: up: steps: 28 doublings of 16 give a lattice of more than 2^31 sites a side; at most 27 are possible" up.params.steps=28
refused "error: dream: first model 'network.symmetric' has no weights" "three.params.weights=[]"
sed -i 's/model: six, first: three/model: six/' "$scratch/p.yaml"
refused "error: dream: first_steps: 3 is of no effect without a second model" dream.params.first_steps=3
finish
