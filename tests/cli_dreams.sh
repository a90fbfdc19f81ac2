#!/usr/bin/env bash
# Dreams of the weights published with arXiv:2506.04016 (3, 6 and 10 parameters), at L=128, windows wrapped: e, U and
# γ/ν against values measured independently (6·10⁴ dreams). 10⁴ dreams a model.
. "$(dirname "$0")/common.sh"

dream() { # name kernel weights e U gamma_over_nu
  cat >"$scratch/$1.yaml" <<YAML
finegrain: 1
name: $1
seed: 11
stages:
  net: {plugin: network.symmetric, params: {kernel: $2, weights: [$3]}}
  dream: {plugin: generate.dream, inputs: {model: net}, params: {levels: 7, configurations: 10000}}
  thermo: {plugin: estimate.thermo, input: dream}
YAML
  expect_code 0 "$FINEGRAIN" run "$scratch/$1.yaml" --out "$scratch/$1" --quiet
  near "$(estimate "$scratch/$1" thermo 128 e value)" "$4" 0.0015 "$1: e"
  near "$(estimate "$scratch/$1" thermo 128 U value)" "$5" 0.010 "$1: U"
  near "$(estimate "$scratch/$1" thermo 128 gamma_over_nu value)" "$6" 0.0015 "$1: gamma_over_nu"
}

dream three 3 "0.5491937, 0.6278734, 1.393981" -1.3068 1.1135 1.8053
dream six 5 "0.5532841, 0.695583, 1.376823, -0.1412271, -0.1493804, 0.1054978" -1.2961 1.1299 1.7824
dream ten 7 "0.1286348, 0.9311292, 1.237172, 0.1209698, -0.1176955, 0.2788308, 0.1505697, 0.05148263, -0.1561854, -0.1555497" -1.2944 1.1271 1.7771
finish
