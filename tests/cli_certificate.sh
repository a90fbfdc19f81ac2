#!/usr/bin/env bash
# Certificates on the command line: pipelines/certificate/quick.yaml with fewer configurations, at one thread and at two, and
# from a recorded dream; and what cannot be certified, said before anything runs.
. "$(dirname "$0")/common.sh"

quick() { # DIR THREADS
  expect_code 0 "$FINEGRAIN" run pipelines/certificate/quick.yaml --out "$scratch/$1" --quiet --threads "$2" \
    --set sample.params.configurations=5000 --set dream.params.configurations=1500
}

quick one 1
quick two 2
cmp "$scratch/one/summary.csv" "$scratch/two/summary.csv" || complain "results depend on the number of threads"

# The bound is one, and close; the estimate of ln Z is within its error, about ln Z's last digits.
near "$(estimate "$scratch/one" cert 32 lnZ_gap value)" 0.0008 0.0008 "gap at 32, nats per site"
near "$(estimate "$scratch/one" cert 32 ess value)" 0.55 0.4 "effective sample size at 32"
near "$(estimate "$scratch/one" cert 32 lnZ value)" 952.64808 0.2 "lnZ at 32"
near "$(estimate "$scratch/one" cert 32 lnZ exact)" 952.64807954854 1e-9 "exact lnZ at 32"
near "$(estimate "$scratch/one" cert 32 e value)" -1.43366 0.02 "reweighted e at 32"
[ -z "$(estimate "$scratch/one" cert 16 lnZ value)" ] || complain "a lattice below the last was weighed"
[ -n "$(estimate "$scratch/one" cert 16 nll value)" ] || complain "no nll at 16"

# The models and the dreams from files give the same rows.
cat >"$scratch/make.yaml" <<'YAML'
finegrain: 1
name: make
seed: 3
stages:
  a: {plugin: network.symmetric, params: {kernel: 3, weights: [0.55, 0.63, 1.39]}, record: {model: a.json}}
  b: {plugin: network.table, params: {window: 2, weights: [3, 1, 2, 1, 0.5, -1]}, record: {model: b.json}}
  dream: {plugin: generate.dream, inputs: {model: [a, b]}, params: {levels: 3, configurations: 1500}, record: {configurations: d.fgs}}
  cert: {plugin: estimate.likelihood, inputs: {model: [a, b], fine: dream}, params: {kernel: soft, strength: 0.8}}
YAML
cat >"$scratch/read.yaml" <<YAML
finegrain: 1
name: read
seed: 4
stages:
  a: {plugin: source.model, params: {file: made/a.json}}
  b: {plugin: source.model, params: {file: made/b.json}}
  dream: {plugin: source.file, params: {path: made/d.fgs}}
  cert: {plugin: estimate.likelihood, inputs: {model: [a, b], fine: dream}, params: {kernel: soft, strength: 0.8}}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/make.yaml" --out "$scratch/made" --quiet
expect_code 0 "$FINEGRAIN" run "$scratch/read.yaml" --out "$scratch/read" --quiet
cmp "$scratch/made/summary.csv" "$scratch/read/summary.csv" || complain "a recorded dream has another certificate"

refused() { # TEXT --set…
  local text=$1
  shift
  expect_code 78 "$FINEGRAIN" check "$scratch/make.yaml" "$@"
  expect_text "$scratch/stderr" "$text"
}
refused "cert: dreams are weighed from one spin on, at all their levels" --set dream.params.keep=last
refused "cert: dreams are weighed from one spin on, at all their levels" --set dream.params.start=2
refused "dream: 2 models in the list, but there are 1 steps for them" --set dream.params.levels=1
finish
