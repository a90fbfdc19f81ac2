#!/usr/bin/env bash
# Files through the whole program: what sink.file writes, source.file and Python read, to the last bit and the last digit;
# and a run that fails leaves no file.
. "$(dirname "$0")/common.sh"

# One chain, because an array is one; 12 and 20 are no multiples of 8 and 64.
cat >"$scratch/write.yaml" <<'YAML'
finegrain: 1
name: write
seed: 11
stages:
  sample: {plugin: sampler.wolff, params: {size: 12, coupling: critical, configurations: 3000, chains: 1}}
  npy: {plugin: sink.file, input: sample, params: {path: spins.npy}}
  signs: {plugin: sink.file, input: sample, params: {path: deep/er/spins.npy, values: plus-minus}}
  bits: {plugin: sink.file, input: sample, params: {path: spins.npy, layout: packed}}
  h5: {plugin: sink.file, input: sample, params: {path: spins.h5, values: plus-minus}}
  h5bits: {plugin: sink.file, input: sample, params: {path: spins.data, format: hdf5, layout: packed}}
  fgs: {plugin: sink.file, input: sample, params: {path: spins.fgs}}
  thermo: {plugin: estimate.thermo, input: sample}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/write.yaml" --out "$scratch/write"
expect_text "$scratch/write/log.txt" "npy: wrote 3000 configurations of 12×12 to spins.npy (one byte a spin, 0/1)"
expect_text "$scratch/write/log.txt" "signs: wrote 3000 configurations of 12×12 to deep/er/spins.npy (one byte a spin, ±1)"
expect_text "$scratch/write/log.txt" "h5bits: wrote 3000 configurations of 12×12 to spins.data (bit-packed along the last axis)"
expect_text "$scratch/write/log.txt" "fgs: wrote 3000 configurations to spins.fgs"
for file in npy/spins.npy signs/deep/er/spins.npy bits/spins.npy h5/spins.h5 h5bits/spins.data fgs/spins.fgs; do
  expect_text "$scratch/write/manifest.json" "$file"
done

# Replayed, every file gives the numbers of the sample, digit by digit.
estimates() { awk -F, -v stage="$2" '$1 == stage { sub(/^[^,]*,/, ""); print }' "$1/summary.csv"; }
expected=$(estimates "$scratch/write" thermo)
[ "$(echo "$expected" | wc -l)" -ge 10 ] || complain "the sample has too few estimates: $expected"
replay() {
  cat >"$scratch/read.yaml" <<YAML
finegrain: 1
name: read
seed: 12
stages:
  data: {plugin: source.file, params: {path: write/$1$2}}
  again: {plugin: estimate.thermo, input: data}
YAML
  expect_code 0 "$FINEGRAIN" run "$scratch/read.yaml" --out "$scratch/read" --force --quiet
  expect_text "$scratch/read/log.txt" "reading 3000 configurations of $3"
  [ "$(estimates "$scratch/read" again)" = "$expected" ] || complain "$1 gives other estimates than the sample"
}
replay npy/spins.npy ", coupling: critical" "12×12 from"
replay signs/deep/er/spins.npy ", coupling: critical" "12×12 from"
replay bits/spins.npy ", coupling: critical" "12×12 from"
replay h5/spins.h5 ", coupling: critical" "12×12 from"
replay h5bits/spins.data ", coupling: critical" "12×12 from"
replay fgs/spins.fgs "" "size 12, level 0 from"

# Several chains keep apart only in a stream file; a dream's levels too, unless one size is chosen.
cat >"$scratch/levels.yaml" <<'YAML'
finegrain: 1
name: levels
seed: 3
stages:
  sample: {plugin: sampler.wolff, params: {size: 20, coupling: 0.4, configurations: 500, chains: 4}}
  block: {plugin: coarsen.majority, input: sample}
  every: {plugin: sink.file, input: [sample, block], params: {path: all.fgs}}
  fine: {plugin: sink.file, input: [sample, block], params: {path: fine.npy, size: 20}}
  coarse: {plugin: sink.file, input: [sample, block], params: {path: coarse.h5, size: 10}}
  thermo: {plugin: estimate.thermo, input: [sample, block]}
YAML
for threads in 1 3; do
  expect_code 0 "$FINEGRAIN" run "$scratch/levels.yaml" --out "$scratch/levels$threads" --quiet --threads $threads
done
for file in every/all.fgs fine/fine.npy coarse/coarse.h5; do
  cmp "$scratch/levels1/$file" "$scratch/levels3/$file" || complain "$file depends on the number of threads"
done
cat >"$scratch/read.yaml" <<'YAML'
finegrain: 1
name: read
stages:
  data: {plugin: source.file, params: {path: levels1/every/all.fgs}}
  thermo: {plugin: estimate.thermo, input: data}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/read.yaml" --out "$scratch/read" --force --quiet
[ "$(estimates "$scratch/read" thermo)" = "$(estimates "$scratch/levels1" thermo)" ] ||
  complain "a stream file of two levels gives other estimates"

# Python reads the arrays, and finds the same m2 with integers of its own.
"$PYTHON" - "$scratch" "$(estimate "$scratch/write" thermo 12 m2 value)" <<'PY' || complain "Python disagrees"
import sys
from fractions import Fraction

import h5py
import numpy

folder, m2 = sys.argv[1], float(sys.argv[2])
plain = numpy.load(folder + "/write/npy/spins.npy")
assert plain.dtype == numpy.uint8 and plain.shape == (3000, 12, 12), (plain.dtype, plain.shape)
assert set(numpy.unique(plain)) == {0, 1}
signs = numpy.load(folder + "/write/signs/deep/er/spins.npy")
assert signs.dtype == numpy.int8 and (signs == 2 * plain.astype(int) - 1).all()
bits = numpy.load(folder + "/write/bits/spins.npy")
assert bits.dtype == numpy.uint8 and (bits == numpy.packbits(plain, axis=-1)).all()
with h5py.File(folder + "/write/h5/spins.h5") as file:
    assert list(file) == ["configurations"]
    data = file["configurations"]
    assert data.dtype == numpy.int8 and data.chunks is None and (data[()] == signs).all()
    assert dict(data.attrs)["description"].decode() == "one byte a spin, ±1", dict(data.attrs)
with h5py.File(folder + "/write/h5bits/spins.data") as file:
    assert (file["configurations"][()] == bits).all()
moments = signs.sum(axis=(1, 2), dtype=numpy.int64)
exact = Fraction(int((moments * moments).sum()), 3000 * 144**2)
assert abs(float(exact) - m2) <= 2e-16 * float(exact), (float(exact), m2)
fine = numpy.load(folder + "/levels1/fine/fine.npy")
assert fine.shape == (500, 20, 20)
with h5py.File(folder + "/levels1/coarse/coarse.h5") as file:
    coarse = file["configurations"][()]
# A block follows its majority; a tie may go either way.
up = fine.reshape(500, 10, 2, 10, 2).sum(axis=(2, 4))
assert coarse.shape == (500, 10, 10) and (coarse[up > 2] == 1).all() and (coarse[up < 2] == 0).all()

# And the other way: what Python writes.
numpy.save(folder + "/python.npy", signs.astype(bool) & (signs > 0))
with h5py.File(folder + "/python.h5", "w") as file:
    file.create_dataset("other", data=numpy.zeros((4, 5, 6)))
    file.create_dataset("a/spins", data=signs > 0, chunks=(100, 12, 5), compression="gzip", shuffle=True)
PY
mkdir -p "$scratch/write/python"
mv "$scratch/python.npy" "$scratch/python.h5" "$scratch/write/python/"
replay python/python.npy ", coupling: critical" "12×12 from"
replay python/python.h5 ", coupling: critical" "12×12 from"

# Refused before anything runs, at the place in the file.
sed 's/path: spins.npy}/path: spins.txt}/; s/path: spins.fgs/path: spins.fgs, layout: packed/' "$scratch/write.yaml" >"$scratch/wrong.yaml"
expect_code 78 "$FINEGRAIN" run "$scratch/wrong.yaml" --out "$scratch/wrong"
expect_text "$scratch/stderr" "wrong.yaml:6:58: error: npy: path: the ending of 'spins.txt' tells no format; end it in .fgs, .npy, .h5 or .hdf5, or set format"
expect_text "$scratch/stderr" "error: fgs: layout: stream files have a layout of their own; leave layout out"
[ -e "$scratch/wrong" ] && complain "a refused run has a folder"

# A run that fails half-way leaves neither the files nor what they were begun as.
head -c 200000 "$scratch/write/npy/spins.npy" | cat - <(printf '\007%.0s' {1..232128}) >"$scratch/bad.npy"
cat >"$scratch/bad.yaml" <<'YAML'
finegrain: 1
name: bad
stages:
  data: {plugin: source.file, params: {path: bad.npy, layout: plain}}
  npy: {plugin: sink.file, input: data, params: {path: out.npy}}
  h5: {plugin: sink.file, input: data, params: {path: out.h5}}
  fgs: {plugin: sink.file, input: data, params: {path: out.fgs}}
YAML
expect_code 1 "$FINEGRAIN" run "$scratch/bad.yaml" --out "$scratch/bad" --quiet
expect_text "$scratch/stderr" "bad.yaml:4:46: error: data: path: $scratch/bad.npy: configuration 1388, row 0, column 0 is 7, which is no spin (0 or 1)"
find "$scratch/bad" \( -name 'out*' -o -name '*.tmp' \) | grep -q . && complain "a failed run left $(find "$scratch/bad" -name '*out*')"

# A file that is as large as files may get is an error like any other, not a crash.
for name in spins.npy spins.h5 spins.fgs; do
  cat >"$scratch/small.yaml" <<YAML
finegrain: 1
name: small
stages:
  sample: {plugin: sampler.wolff, params: {size: 64, coupling: critical, configurations: 2000}}
  file: {plugin: sink.file, input: sample, params: {path: $name}}
YAML
  (
    ulimit -f 64 # KiB
    trap '' XFSZ
    "$FINEGRAIN" run "$scratch/small.yaml" --out "$scratch/small" --force --quiet >"$scratch/stdout" 2>"$scratch/stderr"
  )
  code=$?
  [ $code -eq 1 ] || complain "$name on a full disk: exit $code instead of 1"
  expect_text "$scratch/stderr" "small.yaml:5:3: error: file: $name: "
  expect_text "$scratch/stderr" "File too large"
  find "$scratch/small" -name '*spins*' | grep -q . && complain "a full disk left $(find "$scratch/small" -name '*spins*')"
done

# An HDF5 file that refers to other files would have any file of the reader's read: refused, for configurations and models.
"$PYTHON" - "$scratch" <<'PYTHON' || complain "h5py cannot make the files"
import h5py, numpy, sys
folder = sys.argv[1]
spins = numpy.ones((3, 4, 4), numpy.uint8)
with h5py.File(folder + "/other.h5", "w") as file:
    file["spins"] = spins
with h5py.File(folder + "/external.h5", "w") as file:
    file.create_dataset("spins", shape=(1, 2, 4), dtype="u1", external=[(folder + "/other.h5", 0, 8)])
with h5py.File(folder + "/virtual.h5", "w", libver="latest") as file:
    layout = h5py.VirtualLayout(shape=(3, 4, 4), dtype="u1")
    layout[:] = h5py.VirtualSource(folder + "/other.h5", "spins", shape=(3, 4, 4))
    file.create_virtual_dataset("spins", layout)
with h5py.File(folder + "/linked.h5", "w") as file:
    file["spins"] = h5py.ExternalLink(folder + "/other.h5", "/spins")
with h5py.File(folder + "/model.h5", "w") as file:
    group = file.create_group("models/train")
    group.attrs["network"], group.attrs["hyperparameters"] = "network.symmetric", '{"kernel":3}'
    group.create_dataset("weights", shape=(3,), dtype="f8", external=[(folder + "/other.h5", 0, 24)])
PYTHON
outside() { # FILE TEXT
  cat >"$scratch/outside.yaml" <<YAML
finegrain: 1
stages:
  data: {plugin: source.file, params: {path: $1, dataset: spins}}
  thermo: {plugin: estimate.thermo, input: data}
YAML
  [ "$1" != model.h5 ] || cat >"$scratch/outside.yaml" <<YAML
finegrain: 1
stages:
  net: {plugin: source.model, params: {file: model.h5}}
  dream: {plugin: generate.dream, input: net, params: {levels: 2, configurations: 10}}
YAML
  expect_code 78 "$FINEGRAIN" check "$scratch/outside.yaml"
  expect_text "$scratch/stderr" "$2; copy the data into this file"
}
outside external.h5 "data set '/spins' has its data in another file"
outside virtual.h5 "data set '/spins' is virtual: its data lie in other data sets"
outside linked.h5 "data set '/spins' is a link to another file"
outside model.h5 "model 'train': data set 'weights' has its data in another file"
finish
