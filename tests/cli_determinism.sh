#!/usr/bin/env bash
# The same seed gives the same tables and the same streams at any number of threads, any compression, any buffer and any
# instruction set; another seed gives others. The pipeline has fan-out, pairing, a trainer, and two joins that would
# deadlock if a full queue could not spill: one waits for the trainer, one reads a source twice, one after the other.
. "$(dirname "$0")/common.sh"

cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: matrix
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 4000, chains: 3}, record: {configurations: sample.fgs}}
  local: {plugin: sampler.metropolis, params: {size: 10, coupling: 0.4, configurations: 1500}, record: {configurations: local.fgs}}
  block: {plugin: coarsen.majority, input: sample, record: {blocks: block.fgs}}
  again: {plugin: coarsen.majority, input: block, record: {blocks: again.fgs}}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 5, configurations: 900}, record: {configurations: dream.fgs}}
  joined: {plugin: estimate.thermo, input: [dream, sample, local]}
  twice: {plugin: estimate.thermo, input: [sample, sample, again]}
  picture: {plugin: sink.snapshot, input: dream}
YAML
streams="sample local block again dream"

# digests FOLDER: of everything that is decoded, a line a stream.
digests() { for stream in $streams; do "$FINEGRAIN" cat --digest "$1/$stream.fgs" || echo "damaged"; done; }

expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/first" --quiet --threads 1
digests "$scratch/first" >"$scratch/first.digests"
cat "$scratch/first.digests"

compare() { # WHAT
  cmp "$scratch/first/summary.csv" "$scratch/other/summary.csv" || complain "summary.csv differs with $1"
  cmp "$scratch/first/picture/snapshot-0.png" "$scratch/other/picture/snapshot-0.png" || complain "the picture differs with $1"
  "$PYTHON" tests/same_tables.py "$scratch/first/results.h5" "$scratch/other/results.h5" || complain "tables differ with $1"
  digests "$scratch/other" | cmp - "$scratch/first.digests" || complain "streams differ with $1"
}

runs=0
for isa in portable native; do # native: the best this machine has
  if [ $isa = native ]; then unset FINEGRAIN_ISA; else export FINEGRAIN_ISA=$isa; fi
  for threads in 1 2 4; do
    for compression in none zstd:1 zstd:9; do
      what="$isa, $threads threads, $compression"
      expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/other" --force --quiet \
        --threads $threads --set stream.compression=$compression
      compare "$what"
      runs=$((runs + 1))
    done
  done
done
echo "$runs combinations"

# Queues that hold next to nothing: done by spilling, with the same results.
for compression in none zstd:1; do
  expect_code 0 timeout 120 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/other" --force --quiet --threads 2 \
    --set stream.buffer=1KiB --set stream.compression=$compression
  compare "1 KiB of queues, $compression"
  for edge in "sample.configurations -> joined.configurations" "sample.configurations -> twice.configurations"; do
    "$PYTHON" - "$scratch/other/manifest.json" "$edge" <<'PY' || { [ "$edge" = ] || complain "nothing spilled at $edge"; }
import json, sys

timing = json.load(open(sys.argv[1]))["timing"]
spilled = {edge: n for stage in timing for output in stage["outputs"] for edge, n in output["spilled"].items()}
print(sys.argv[2], spilled[sys.argv[2]])
sys.exit(spilled[sys.argv[2]] == 0)
PY
  done
done

expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/other" --force --quiet --seed 8
cmp -s "$scratch/first/summary.csv" "$scratch/other/summary.csv" && complain "another seed gives the same summary.csv"
digests "$scratch/other" >"$scratch/other.digests"
for line in 1 2 3 4 5; do
  [ "$(sed -n ${line}p "$scratch/first.digests")" != "$(sed -n ${line}p "$scratch/other.digests")" ] || complain "another seed gives the same stream $line"
done
finish
