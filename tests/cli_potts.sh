#!/usr/bin/env bash
# Potts states through networks, trainers and generators: weights that made fine states come back from them; dreams and
# scores that no number of threads changes; spins and states that do not go together. What is drawn: test_network_potts.c.
. "$(dirname "$0")/common.sh"

cat >"$scratch/known.yaml" <<'YAML'
finegrain: 1
name: known weights
seed: 11
stages:
  sample: {plugin: sampler.potts, params: {states: 4, size: 16, coupling: 0.9, configurations: 600}}
  known:  {plugin: network.potts, params: {states: 4, weights: [0.5, 0.7, 1.1]}}
  fine:   {plugin: generate.upscale, inputs: {model: known, configurations: sample}, params: {steps: 1}}
  net:    {plugin: network.potts, params: {states: 4}}
  train:  {plugin: train.adam, params: {epochs: 20, batch: 20, rate: 0.05}, inputs: {model: net, fine: fine, coarse: sample}, record: {model: learned.json}}
  dream:  {plugin: generate.dream, inputs: {model: train}, params: {levels: 4, configurations: 40}, record: {configurations: dream.fgs}}
  score:  {plugin: estimate.likelihood, inputs: {model: train, baseline: known, fine: fine, coarse: sample}}
YAML
for threads in 1 2; do
  expect_code 0 "$FINEGRAIN" run "$scratch/known.yaml" --out "$scratch/$threads" --threads $threads --quiet
done
for file in summary.csv learned.json dream.fgs; do cmp "$scratch/1/$file" "$scratch/2/$file" || complain "$file depends on threads"; done
# What a fine state weighs are its parent, a + 2b + c, its two next coarse states, a + b, and the one between them, a.
"$PYTHON" - "$scratch/1/learned.json" <<'PY' || complain "the weights do not come back"
import json, sys
weights = json.load(open(sys.argv[1]))["weights"]
values = [w["value"] if isinstance(w, dict) else w for w in (weights if isinstance(weights, list) else weights.values())]
print(values)
a, b, c = values
assert abs(a + 2 * b + c - 3) < 0.05 and abs(a + b - 1.2) < 0.03 and abs(a - 0.5) < 0.03, values
PY
grep '^score' "$scratch/1/summary.csv"
expect_code 0 "$FINEGRAIN" cat "$scratch/1/dream.fgs"
grep -q "state" "$scratch/stdout" || complain "the dream is not of states: $(cat "$scratch/stdout")"
sed 's/network.potts, params: {states: 4}/network.symmetric/' "$scratch/known.yaml" >"$scratch/mixed.yaml"
expect_code 78 "$FINEGRAIN" check "$scratch/mixed.yaml"
expect_text "$scratch/stderr" "train: fine brings Potts states, but a model of 'network.symmetric' is of spins; use network.potts for states"
sed 's/network.potts, params: {states: 4}/network.potts, params: {states: 3}/' "$scratch/known.yaml" >"$scratch/fewer.yaml"
expect_code 1 "$FINEGRAIN" run "$scratch/fewer.yaml" --out "$scratch/fewer" --quiet
expect_text "$scratch/stderr" "this model has 3, 0 to 2; give the sampler and the network the same states"
finish
