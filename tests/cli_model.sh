#!/usr/bin/env bash
# Models in files: a run that trains records its model; runs that read it, from the model file or from results.h5, dream
# the same lattices. What is wrong with a file is found before anything runs. Published weights become model files.
. "$(dirname "$0")/common.sh"

# The run that trains, with two trained models in it, and stages that must have the same names wherever they dream.
dreams='  dream: {plugin: generate.dream, inputs: {model: MODEL}, params: {levels: 5, configurations: 600}}
  thermo: {plugin: estimate.thermo, input: dream}'
pipeline() { # NAME MODEL STAGES
  printf 'finegrain: 1\nname: %s\nseed: 11\nstages:\n%s\n%s\n' "$1" "$3" "${dreams/MODEL/$2}" >"$scratch/$1.yaml"
}
pipeline train train '  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 2000}, record: {configurations: kept/sample.fgs}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 5}, record: {model: net.json}}
  other: {plugin: network.symmetric, params: {weights: [0.5, 0.6, 1.4]}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}, record: {model: kept/five.json}}
  other-dream: {plugin: generate.dream, inputs: {model: other}, params: {levels: 1, configurations: 1, keep: last}, record: {configurations: other.fgs}}'
expect_code 0 "$FINEGRAIN" check "$scratch/train.yaml"
expect_text "$scratch/stdout" "model network.symmetric; recorded in kept/five.json"
expect_code 0 "$FINEGRAIN" run "$scratch/train.yaml" --out "$scratch/train" --quiet --threads 2

# The files are whole, in the manifest, and the model in them is that of results.h5 to the last bit.
"$PYTHON" - "$scratch/train" <<'PY' || complain "the recorded model is not what it should be"
import json
import struct
import sys

import h5py

run = sys.argv[1]
manifest = json.load(open(run + "/manifest.json"))
assert {"kept/five.json", "net.json", "kept/sample.fgs"} <= set(manifest["files"]), manifest["files"]
model = json.load(open(run + "/kept/five.json"))
assert list(model) == ["finegrain_model", "network", "hyperparameters", "source", "parameters", "weights"], list(model)
assert model["finegrain_model"] == 1 and model["network"] == "network.symmetric" and model["hyperparameters"] == {"kernel": 5}
assert model["source"].startswith("stage train of run train, seed 11, finegrain "), model["source"]
with h5py.File(run + "/results.h5") as file:
    stored = file["models/train/weights"][()]
bits = lambda numbers: struct.pack(f"<{len(numbers)}d", *numbers)
assert model["parameters"] == 6 and bits(model["weights"]) == bits(stored), (model["weights"], stored)
untrained = json.load(open(run + "/net.json"))
assert untrained["parameters"] == 0 and untrained["weights"] == []
PY
find "$scratch/train" -name '*.tmp' | grep -q . && complain "a temporary file was left"

# read NAME PARAMS: dreams of that model are those of the run that trained it.
read_model() {
  pipeline "$1" trained "  trained: {plugin: source.model, params: {$2}}"
  for threads in 1 2; do
    expect_code 0 "$FINEGRAIN" run "$scratch/$1.yaml" --out "$scratch/$1" --force --quiet --threads $threads
    cmp "$scratch/train/summary.csv" "$scratch/$1/summary.csv" || complain "$1 dreams something else at $threads threads"
  done
}
grep -q '^thermo,32,5,m2,' "$scratch/train/summary.csv" || complain "the run that trains has no estimates"
read_model json "file: train/kept/five.json"
read_model results "file: train/results.h5, model: train"
read_model again "file: json/results.h5" # its only trained model

# Recorded again it is the same file, but for where it comes from; equal runs leave equal files; --resume replaces them.
sed -i 's|five.json}}|five.json}, record: {model: copy.json}}|' "$scratch/json.yaml"
expect_code 0 "$FINEGRAIN" run "$scratch/json.yaml" --out "$scratch/json" --force --quiet
diff <(grep -v '"source"' "$scratch/train/kept/five.json") <(grep -v '"source"' "$scratch/json/copy.json") || complain "a copy of a model differs"
expect_code 0 "$FINEGRAIN" run "$scratch/train.yaml" --out "$scratch/twin" --quiet --threads 1
cmp "$scratch/train/kept/five.json" "$scratch/twin/kept/five.json" || complain "equal runs leave other model files"
rm "$scratch/twin/manifest.json"
echo damaged >"$scratch/twin/kept/five.json"
expect_code 0 "$FINEGRAIN" run "$scratch/train.yaml" --out "$scratch/twin" --quiet --resume
cmp "$scratch/train/kept/five.json" "$scratch/twin/kept/five.json" || complain "--resume leaves another model file"
expect_text "$scratch/twin/manifest.json" "kept/five.json"

# refused PARAMS PLACE TEXT: before anything runs, at the place in the file.
refused() {
  pipeline wrong trained "  trained: {plugin: source.model, params: {$1}}"
  expect_code 78 "$FINEGRAIN" run "$scratch/wrong.yaml" --out "$scratch/wrong"
  expect_text "$scratch/stderr" "wrong.yaml:5:$2: error: trained: $3"
  [ -e "$scratch/wrong" ] && complain "a refused run has a folder"
}
sed 's/"kernel": 5/"kernel": 7/' "$scratch/train/kept/five.json" >"$scratch/seven.json"
sed '/"weights"/,$d' "$scratch/train/kept/five.json" >"$scratch/cut.json"
refused "file: seven.json" 50 "file: $scratch/seven.json: a model of network.symmetric came with 6 weights; kernel 7 has 10: "
refused "file: cut.json" 50 "file: $scratch/cut.json: line "
refused "file: seven.jsn" 50 "file: cannot open $scratch/seven.jsn: No such file or directory; did you mean 'seven.json'?"
refused "file: train/net.json" 50 "file: $scratch/train/net.json: the model is not trained"
refused "file: train/kept/sample.fgs" 50 "file: $scratch/train/kept/sample.fgs: is neither a model file (.json) nor"
refused "file: train/results.h5" 50 "file: $scratch/train/results.h5: it holds 2 trained models (other, train); choose one with model: NAME"
refused "file: train/results.h5, model: trian" 75 "model: $scratch/train/results.h5: it holds no model 'trian'; did you mean 'train'?"
refused "file: seven.json, model: train" 69 "model: $scratch/seven.json: is a model file, which holds one model; leave model out"

# Of several models the last is kept; none, or one that is not finite, fails the run and leaves no file.
mkdir "$scratch/plugin"
cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include -o "$scratch/plugin/models.so" tests/plugins/models.c || complain "models.c does not compile"
printf 'finegrain: 1\nname: several\nstages:\n  several: {plugin: test.models, params: {count: 3}, record: {model: deep/last.json}}\n' >"$scratch/several.yaml"
several() { # EXIT, then what run takes
  local code=$1
  shift
  expect_code "$code" "$FINEGRAIN" run "$scratch/several.yaml" --plugin-path "$scratch/plugin" --out "$scratch/several" --force --quiet "$@"
}
several 0
expect_text "$scratch/several/deep/last.json" "3.0"
several 1 --set several.params.count=0
expect_text "$scratch/stderr" "several.yaml:4:63: error: several: output 'model' gave no model to record in deep/last.json; leave this out"
several 1 --set several.params.weight=-1
expect_text "$scratch/stderr" "several.yaml:4:63: error: several: the model for deep/last.json: weight 1 of 1 is not finite"
find "$scratch/several" -name '*last*' | grep -q . && complain "a failed run left $(find "$scratch/several" -name '*last*')"

# Published weights.
published=$PWD/../shared/reference/published_weights.json
import=scripts/import-published-weights.py
expect_code 0 "$PYTHON" $import --help
expect_code 2 "$PYTHON" $import
expect_code 1 "$PYTHON" $import "$scratch/none.json" "$scratch/weights"
expect_text "$scratch/stderr" "none.json: cannot be read"
expect_code 1 "$PYTHON" $import "$scratch/train/net.json" "$scratch/weights"
expect_text "$scratch/stderr" 'net.json: holds no "models"; expected the file published_weights.json'
name=plain/ising_upsampler3par_k3_ks3_learning_r0.01_L32_batch1000_setsize10000
for wrong in '[[1, 2]]' '[1, 2, 3]' '[[1, 2, NaN]]' '[[1, 2, "3"]]' '[[1, 2, true]]'; do
  echo "{\"models\": {\"$name\": $wrong}}" >"$scratch/wrong.json"
  expect_code 1 "$PYTHON" $import "$scratch/wrong.json" "$scratch/weights"
  expect_text "$scratch/stderr" "$name: "
done
echo "{\"models\": {\"$name\": [[0.5459, 0.6278, 1.4096]]}}" >"$scratch/right.json"
expect_code 0 "$PYTHON" $import "$scratch/right.json" "$scratch/weights"
pipeline published trained "  trained: {plugin: source.model, params: {file: weights/plain-3-L32-1e4.json}}"
pipeline numbers trained "  trained: {plugin: network.symmetric, params: {weights: [0.5459, 0.6278, 1.4096]}}"
for run in published numbers; do expect_code 0 "$FINEGRAIN" run "$scratch/$run.yaml" --out "$scratch/$run" --quiet; done
cmp "$scratch/published/summary.csv" "$scratch/numbers/summary.csv" || complain "imported weights dream something else"
expect_code 1 "$PYTHON" $import "$scratch/right.json" "$scratch/weights"
expect_text "$scratch/stderr" "holds plain-3-L32-1e4.json already; choose another folder or --force"
expect_code 0 "$PYTHON" $import "$scratch/right.json" "$scratch/weights" --force
[ "$(ls -A "$scratch/weights")" = plain-3-L32-1e4.json ] || complain "something else was left among the imported weights"
if [ -e "$published" ]; then
  expect_code 0 "$PYTHON" $import "$published" "$scratch/all"
  [ "$(find "$scratch/all" -name '*.json' | wc -l)" -eq 26 ] || complain "not all published models were imported"
  for file in "$scratch"/all/*.json; do
    pipeline one trained "  trained: {plugin: source.model, params: {file: $file}}"
    expect_code 0 "$FINEGRAIN" check "$scratch/one.yaml"
  done
else
  echo "no published weights beside the tree: their import was not tried"
fi
finish
