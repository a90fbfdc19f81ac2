#!/usr/bin/env bash
# Acceptance against published material in ../shared/reference (skipped without it): the published 8×8 data set trains
# and dreams end to end; our training at L=32 finds the weights measured independently.
. "$(dirname "$0")/common.sh"
reference=../shared/reference
[ -d "$reference" ] || { echo "no ../shared/reference"; exit 77; }

data=$(realpath "$reference/published_dataset/training_data_L8.npy")
expect_code 0 "$FINEGRAIN" run pipelines/train-from-file.yaml --out "$scratch/file" --set "data.params.path=$data"
expect_text "$scratch/file/log.txt" "10000 configurations of 8×8"
near "$(estimate "$scratch/file" measured 8 m2 value)" 0.633772 5e-7 "m2 of the published set"
near "$(estimate "$scratch/file" measured 8 m2 tau_int)" 3 1 "its tau_int"
near "$(estimate "$scratch/file" measured 8 m2 error)" 0.006 0.002 "its error of m2"
near "$(estimate "$scratch/file" dreamt 128 e value)" -1.30 0.06 "e of dreams learned from it at L=128"

cat >"$scratch/train.yaml" <<'YAML'
finegrain: 1
name: train
seed: 1
stages:
  sample: {plugin: sampler.wolff, params: {size: 32, coupling: critical, configurations: 200000}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/train.yaml" --out "$scratch/train"
grep -A6 train "$scratch/stdout"
read -r a b c < <("$PYTHON" -c 'import h5py, sys; print(*h5py.File(sys.argv[1])["models/train/weights"][()])' "$scratch/train/results.h5")
near "$a" 0.5455 0.005455 "corner weight"
near "$b" 0.6274 0.006274 "edge weight"
near "$c" 1.4101 0.014101 "centre weight"
finish
