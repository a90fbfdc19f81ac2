#!/usr/bin/env bash
# Recorded streams: finegrain cat and a second reader, written from schemas/stream.md, agree on content, digest and
# damage; the digest depends on the configurations alone.
. "$(dirname "$0")/common.sh"

reader=tests/read_stream.py

# same_digests FILE…: each file has one digest for both readers.
same_digests() {
  for file; do echo "$("$FINEGRAIN" cat --digest "$file" 2>"$scratch/stderr") $file"; done >"$scratch/ours"
  "$PYTHON" $reader --digest "$@" >"$scratch/theirs" 2>"$scratch/stderr"
  diff "$scratch/ours" "$scratch/theirs" || complain "the readers compute other digests"
}

# digest FILE: by finegrain cat; no two failures are equal.
digest() { "$FINEGRAIN" cat --digest "$1" 2>"$scratch/digest-errors" || echo "none of $1"; }

# Both compressions, widths that are no multiples of 64, several lattices and levels in one file, couplings that are NaN.
cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: recorded
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 72, coupling: critical, configurations: 300, chains: 3}, record: {configurations: sample.fgs}}
  block: {plugin: coarsen.majority, input: sample, record: {blocks: block.fgs}}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 5, configurations: 50}, record: {configurations: dream.fgs}}
YAML
for compression in none zstd:1 zstd:5; do
  expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/$compression" --quiet --set "stream.compression=$compression"
done
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/threads" --quiet --threads 4
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/seed" --quiet --seed 8
[ $bad -eq 0 ] || finish
same_digests "$scratch"/{none,zstd:1,zstd:5,threads,seed}/{sample,block,dream}.fgs
for name in sample block dream; do
  none=$(digest "$scratch/none/$name.fgs")
  for variant in zstd:1 zstd:5 threads; do
    [ "$none" = "$(digest "$scratch/$variant/$name.fgs")" ] || complain "$name: another digest with $variant"
  done
  [ "$none" != "$(digest "$scratch/seed/$name.fgs")" ] || complain "$name: the same digest with another seed"
done
[ "$(stat -c %s "$scratch/zstd:1/sample.fgs")" -lt "$(stat -c %s "$scratch/none/sample.fgs")" ] || complain "zstd does not shrink a stream"

# What cat says, and the same from the second reader.
expect_code 0 "$FINEGRAIN" cat "$scratch/zstd:1/sample.fgs"
expect_text "$scratch/stdout" "level 0: 300 configurations of 72, 1-bit spins"
expect_text "$scratch/stdout" "every checksum right"
[ -s "$scratch/stderr" ] && complain "cat warns of a sound file: $(cat "$scratch/stderr")"
for file in none/sample none/block none/dream zstd:1/sample zstd:1/block zstd:1/dream; do
  "$FINEGRAIN" cat "$scratch/$file.fgs" >"$scratch/stdout"
  sed -n 's/\(level.*\), 1-bit spins/\1, element 1, shape 2/p' "$scratch/stdout"
  case $file in none*) how='0 compressed, 0 filtered' ;; *) how='N compressed, N filtered' ;; esac
  sed -n "s/\([0-9]* batches\),.*/\1: 0 slabs, $how/p" "$scratch/stdout" | sed 's/^\([0-9]*\)\(.*\)N\(.*\)N/\1\2\1\3\1/'
done >"$scratch/ours"
"$PYTHON" $reader "$scratch"/{none,zstd:1}/{sample,block,dream}.fgs >"$scratch/theirs" || complain "the second reader fails"
diff "$scratch/ours" "$scratch/theirs" || complain "the readers see other contents"
[ "$(grep -c level "$scratch/ours")" -ge 14 ] || complain "dream.fgs has not all its levels: $(cat "$scratch/ours")"

# Known spins come back bit for bit: many small configurations, and two in slabs (6001 × 7001, 5.0 MiB).
"$PYTHON" - "$scratch" <<'PYTHON'
import sys
import numpy
random = numpy.random.default_rng(5)
numpy.save(f"{sys.argv[1]}/small.npy", random.integers(0, 2, (50, 37, 65), numpy.uint8))
packed = numpy.frombuffer(random.bytes(2 * 6001 * 876), numpy.uint8).reshape(2, 6001, 876) & numpy.array([255] * 875 + [1], numpy.uint8)
numpy.save(f"{sys.argv[1]}/large.npy", packed)
PYTHON
for size in small large; do
  case $size in small) params="path: small.npy" ;; large) params="path: large.npy, layout: packed, bit_order: little, width: 7001" ;; esac
  cat >"$scratch/$size.yaml" <<YAML
finegrain: 1
name: known
stages:
  read: {plugin: source.file, params: {$params}, record: {configurations: read.fgs}}
YAML
  for compression in none zstd:1; do
    expect_code 0 "$FINEGRAIN" run "$scratch/$size.yaml" --out "$scratch/$size-$compression" --quiet --set "stream.compression=$compression"
  done
  expect_code 0 "$PYTHON" $reader --equals "$scratch/$size.npy" "$scratch/$size-none/read.fgs" "$scratch/$size-zstd:1/read.fgs"
  [ "$(digest "$scratch/$size-none/read.fgs")" = "$(digest "$scratch/$size-zstd:1/read.fgs")" ] || complain "$size: the digest depends on compression"
done
same_digests "$scratch"/{small,large}-{none,zstd:1}/read.fgs
expect_code 0 "$PYTHON" $reader "$scratch/large-zstd:1/read.fgs"
expect_text "$scratch/stdout" "level 0: 2 configurations of 6001x7001"
expect_text "$scratch/stdout" "4 batches: 4 slabs, 4 compressed, 4 filtered"

# flip FILE BYTE COPY: the lowest bit of a byte.
flip() {
  cp "$1" "$3"
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\$(printf %o $((byte ^ 1)))" | dd of="$3" bs=1 seek="$2" conv=notrunc status=none
}

# Damage. A flipped byte in a batch is an error that names it, for both readers.
sound="$scratch/zstd:1/sample.fgs" bytes=$(stat -c %s "$scratch/zstd:1/sample.fgs")
for at in 40 200 $((bytes / 2)); do
  flip "$sound" "$at" "$scratch/damaged-$at.fgs"
  for digest in "" --digest; do
    expect_code 1 "$FINEGRAIN" cat "$scratch/damaged-$at.fgs" $digest
    grep -q "damaged-$at.fgs: error: batch [0-9]* at byte [0-9]*: .*damaged" "$scratch/stderr" || complain "byte $at: $(cat "$scratch/stderr")"
    [ -s "$scratch/stdout" ] && complain "byte $at: cat prints something of a damaged file"
  done
  sed 's/\(at byte [0-9]*:\).*/\1/' "$scratch/stderr" >>"$scratch/damaged"
done
expect_code 1 "$PYTHON" $reader "$scratch"/damaged-{40,200,$((bytes / 2))}.fgs
sed 's/\(at byte [0-9]*:\).*/\1/' "$scratch/stderr" | diff "$scratch/damaged" - || complain "the readers see other damage"

# Torn or without its footer: read up to there, with a warning; both readers recover the same.
flip "$sound" $((bytes - 20)) "$scratch/torn-footer.fgs"
for length in 16 100 $((bytes / 2)) $((bytes - 1)); do head -c "$length" "$sound" >"$scratch/torn-$length.fgs"; done
head -c $(($(stat -c %s "$scratch/large-none/read.fgs") - 100000)) "$scratch/large-none/read.fgs" >"$scratch/torn-slab.fgs"
for file in "$scratch"/torn-*.fgs; do
  expect_code 0 "$FINEGRAIN" cat "$file"
  expect_text "$scratch/stderr" "$file: warning: no sound footer: recovered "
  sed 's/ on: .*/ on/' "$scratch/stderr" >>"$scratch/torn"
done
expect_code 0 "$PYTHON" $reader "$scratch"/torn-*.fgs
diff "$scratch/torn" "$scratch/stderr" || complain "the readers recover differently"
same_digests "$scratch"/torn-*.fgs
[ "$(digest "$scratch/torn-footer.fgs")" = "$(digest "$sound")" ] || complain "without its footer the file has another digest"
[ "$(digest "$scratch/torn-16.fgs")" = 99aa06d3014798d86001c324468d497f ] || complain "nothing has another digest"
expect_code 0 "$FINEGRAIN" cat "$scratch/torn-slab.fgs" # half a configuration is none
expect_text "$scratch/stdout" "level 0: 1 configurations of 6001x7001"

# Replaying: a sound stream as it was, a torn one with a warning, a damaged one not at all.
cat >"$scratch/replay.yaml" <<'YAML'
finegrain: 1
name: replay
stages:
  read: {plugin: source.file, params: {path: replayed.fgs}, record: {configurations: read.fgs}}
YAML
cp "$sound" "$scratch/replayed.fgs"
expect_code 0 "$FINEGRAIN" run "$scratch/replay.yaml" --out "$scratch/replay"
[ "$(digest "$scratch/replay/read.fgs")" = "$(digest "$sound")" ] || complain "a replayed stream has another digest"
cp "$scratch/torn-$((bytes / 2)).fgs" "$scratch/replayed.fgs"
expect_code 0 "$FINEGRAIN" run "$scratch/replay.yaml" --out "$scratch/replay" --force
expect_text "$scratch/stderr" "no sound footer: recovered"
[ "$(digest "$scratch/replay/read.fgs")" = "$(digest "$scratch/replayed.fgs")" ] || complain "a recovered stream has another digest"
cp "$scratch/damaged-$((bytes / 2)).fgs" "$scratch/replayed.fgs"
expect_code 1 "$FINEGRAIN" run "$scratch/replay.yaml" --out "$scratch/replay" --force
expect_text "$scratch/stderr" "damaged: its checksum differs"

# What is no stream file.
expect_refusal() {
  expect_code 1 "$FINEGRAIN" cat "$1"
  expect_text "$scratch/stderr" "$1: error: $2"
  [ "$(wc -l <"$scratch/stderr")" -eq 1 ] || complain "more than one line about $1"
  [ -s "$scratch/stdout" ] && complain "cat prints something of $1"
}
: >"$scratch/empty.fgs"
echo "This is a letter, not a stream." >"$scratch/foreign.fgs"
{ printf 'fngrain\n\002\000\000\000\000\000\000\000'; tail -c +17 "$sound"; } >"$scratch/newer.fgs"
expect_refusal "$scratch/empty.fgs" "this is no stream file: it has 0 bytes, a stream file at least 16"
expect_refusal "$scratch/foreign.fgs" "this is no stream file: it does not begin with 'fngrain'"
expect_refusal "$scratch/newer.fgs" "this is a stream file of version 2; this finegrain reads version 1"
expect_refusal "$scratch/missing.fgs" "cannot be opened: No such file or directory"
expect_refusal "$scratch" "this is no file"
expect_code 2 "$FINEGRAIN" cat
expect_code 2 "$FINEGRAIN" cat --digets "$sound"
expect_text "$scratch/stderr" "did you mean '--digest'"
finish
