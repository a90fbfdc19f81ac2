#!/usr/bin/env bash
# An installed finegrain: it runs from its own folder, its headers stand alone in C and C++, and the plugin in
# examples/decimation builds from a copy outside the tree with nothing but what was installed, and is right.
. "$(dirname "$0")/common.sh"

# What make is told must not reach the make of the install, nor the tree's plugins the installed program.
unset FINEGRAIN_PLUGIN_PATH MAKEFLAGS MAKELEVEL MFLAGS PKG_CONFIG_PATH
install_into() { make -s B="${BUILD#"$PWD"/}" "$@"; }
prefix="$scratch/pre fix" # blanks are allowed
expect_code 0 install_into install PREFIX="$prefix"
installed="$prefix/bin/finegrain"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

# It runs from there, with the plugins that are there.
for kind in sampler.wolff coarsen.majority estimate.thermo; do
  expect_code 0 "$installed" plugins $kind
  expect_text "$scratch/stdout" "$prefix/lib/finegrain/plugins/$kind.so"
done
[ -s "$scratch/stderr" ] && complain "finegrain plugins says $(cat "$scratch/stderr")"
expect_code 0 "$installed" check "$prefix/share/finegrain/pipelines/quickstart.yaml"
expect_code 0 "$installed" run "$prefix/share/finegrain/pipelines/sample-critical.yaml" --out "$scratch/critical" --quiet \
  --set cluster.params.configurations=200 --set local.params.configurations=200
[ -s "$scratch/critical/manifest.json" ] || complain "the installed finegrain leaves no manifest"
diff "$prefix/share/finegrain/schemas/pipeline.schema.json" schemas/pipeline.schema.json || complain "another schema was installed"

# Through a link it finds them, too; without them it says where it looked.
ln -s "$installed" "$scratch/linked"
expect_code 0 "$scratch/linked" plugins sampler.wolff
mkdir -p "$scratch/bare/bin" && cp "$installed" "$scratch/bare/bin"
expect_code 78 "$scratch/bare/bin/finegrain" check "$prefix/share/finegrain/pipelines/quickstart.yaml"
expect_text "$scratch/stderr" "warning: built-in plugin folder $scratch/bare/bin/../lib/finegrain/plugins: No such file"

# DESTDIR stages the same files, which still speak of PREFIX.
expect_code 0 install_into install PREFIX=/opt/finegrain DESTDIR="$scratch/stage"
diff -r "$prefix" "$scratch/stage/opt/finegrain" >"$scratch/difference"
[ "$(grep -c '^[<>]' "$scratch/difference")" = 2 ] || { complain "DESTDIR installs something else:"; cat "$scratch/difference"; }
expect_text "$scratch/stage/opt/finegrain/lib/pkgconfig/finegrain.pc" 'Cflags: -I"/opt/finegrain/include"'

# Every header alone, in C17 and C++17, by both compilers.
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
for header in "$prefix"/include/finegrain/*.h; do
  name=$(basename "$header")
  echo "#include <finegrain/$name>" >"$scratch/alone.c"
  cp "$scratch/alone.c" "$scratch/alone.cpp"
  for compiler in gcc clang; do
    $compiler -std=c17 "${warnings[@]}" -I"$prefix/include" -fsyntax-only "$scratch/alone.c" || complain "$name alone, $compiler"
  done
  for compiler in g++ clang++; do
    $compiler -std=c++17 "${warnings[@]}" -I"$prefix/include" -fsyntax-only "$scratch/alone.cpp" || complain "$name alone, $compiler"
  done
done

# A plugin in C++: the inline functions give there what they give in C, and the same by both compilers.
cat >"$scratch/header.yaml" <<'YAML'
finegrain: 1
name: header
seed: 2
stages: {draw: {plugin: test.header, params: {size: 70}}}
YAML
for compiler in g++ clang++; do
  mkdir "$scratch/$compiler"
  $compiler -std=c++17 "${warnings[@]}" -fPIC -shared -fvisibility=hidden -I"$prefix/include" -o "$scratch/$compiler/header.so" tests/plugins/header.cpp ||
    complain "header.cpp, $compiler"
  expect_code 0 "$installed" run "$scratch/header.yaml" --plugin-path "$scratch/$compiler" --out "$scratch/run-$compiler" --quiet
  near "$(estimate "$scratch/run-$compiler" draw 70 below value)" 4.5 0.09 "mean of draws from 0 … 9" # 3σ
  near "$(estimate "$scratch/run-$compiler" draw 70 uniform value)" 0.5 0.009 "mean of draws from [0, 1)"
done
cmp "$scratch/run-g++/summary.csv" "$scratch/run-clang++/summary.csv" || complain "the compilers give different draws"

# The example, from a copy of what was installed.
example="$scratch/example"
cp -r "$prefix/share/finegrain/examples/decimation" "$example"
expect_code 0 make -s -C "$example" CFLAGS="-O2 ${warnings[*]}"
[ "$(nm -D --defined-only "$example/decimation.so" | awk '{ print $3 }' | grep -cv '^_')" = 1 ] || complain "the example exports more than one symbol"
expect_code 0 "$installed" plugins --plugin-path "$example"
grep -q '^coarsen\.sublattice  *keeps every factor-th spin' "$scratch/stdout" || complain "the example is not listed"
export FINEGRAIN_PLUGIN_PATH="$example"
expect_code 0 "$installed" plugins coarsen.sublattice
for text in "factor           integer, 2 to 65536; default 2" "offset           integer, 0 or more; default 0" \
  "configurations of 1-bit spins or u8 states" "version          1.0.0" "file             $example/decimation.so"; do
  expect_text "$scratch/stdout" "$text"
done
PKG_CONFIG_PATH="$scratch/nowhere" expect_code 2 make -s -C "$example" -B
expect_text "$scratch/stderr" "finegrain"

# Its pipeline. e = -2⟨σ₀σ₂⟩ is -2(1 - 4/π²) = -1.189 at the critical coupling of the infinite lattice, and -1.2067(7) on
# the torus of 64² (64,000 configurations of another seed); the sampled energy is known exactly. Both within 4σ.
expect_code 0 "$installed" run "$example/pipeline.yaml" --out "$scratch/decimated" --quiet
near "$(estimate "$scratch/decimated" thermo 32 e value)" -1.2067 0.012 "energy of the decimated lattice"
near "$(estimate "$scratch/decimated" thermo 64 e value)" -1.423938 0.007 "energy of the sampled lattice"

# Exactly, from configurations that Python made: the decimated energy is minus the fine correlation at distance `factor`.
"$PYTHON" - "$scratch" <<'PYTHON' || complain "no configurations were made"
import sys, numpy
random = numpy.random.default_rng(5)
spins = (random.random((301, 30, 140)) < 0.6).astype("uint8")
numpy.save(sys.argv[1] + "/fine.npy", spins)
with open(sys.argv[1] + "/energies", "w") as out:
    for factor, offset in ((2, 0), (2, 1), (5, 3), (10, 9)):
        kept = 2.0 * spins[:, offset::factor, offset::factor] - 1
        bonds = kept * numpy.roll(kept, 1, 1) + kept * numpy.roll(kept, 1, 2)
        print(factor, offset, "%dx%d" % kept.shape[1:], -bonds.mean(), kept.mean(), file=out)
PYTHON
cat >"$scratch/exact.yaml" <<'YAML'
finegrain: 1
name: exact
stages:
  data: {plugin: source.file, params: {path: fine.npy}}
  decimated: {plugin: coarsen.sublattice, input: data}
  thermo: {plugin: estimate.thermo, input: decimated}
YAML
while read -r factor offset size energy magnetisation; do
  expect_code 0 "$installed" run "$scratch/exact.yaml" --out "$scratch/exact" --force --quiet --threads 2 \
    --set decimated.params.factor="$factor" --set decimated.params.offset="$offset"
  near "$(estimate "$scratch/exact" thermo "$size" e value)" "$energy" 1e-12 "e of factor $factor, offset $offset"
  near "$(estimate "$scratch/exact" thermo "$size" m value)" "$magnetisation" 1e-12 "m of factor $factor, offset $offset"
done <"$scratch/energies"
[ "$(wc -l <"$scratch/energies")" = 4 ] || complain "not all energies were compared"

# Site by site, spins and u8 states, with index, chain and level: against the same stage's input, listed.
mkdir "$scratch/fixture"
cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -I"$prefix/include" -o "$scratch/fixture/fixture.so" tests/plugins/fixture.c || complain "the fixture does not compile"
cat >"$scratch/sites.yaml" <<'YAML'
finegrain: 1
name: sites
stages:
  fine: {plugin: test.counter, params: {configurations: 8, batch: 3, chains: 2, width: 75, rows: 6}}
  coarse: {plugin: coarsen.sublattice, input: fine, params: {factor: 3, offset: 1}}
  list_fine: {plugin: test.counter-list, input: fine}
  list_coarse: {plugin: test.counter-list, input: coarse}
YAML
for element in spins states; do
  expect_code 0 "$installed" run "$scratch/sites.yaml" --plugin-path "$scratch/fixture" --out "$scratch/sites" --force --quiet --set fine.params.element=$element
  "$PYTHON" - "$scratch/sites/results.h5" $element <<'PYTHON' || complain "decimated $element are wrong"
import sys, h5py
def listed(stage):
    with h5py.File(sys.argv[1]) as file:
        return [tuple(int(cell) for cell in row) for row in file["stages/" + stage + "/sites"][()]]
fine, coarse = listed("list_fine"), listed("list_coarse")
expected = [(level - 1, i, chain, y // 3, x // 3, value) for level, i, chain, y, x, value in fine if y % 3 == 1 and x % 3 == 1]
assert coarse == expected, (coarse[:3], expected[:3])
assert len(coarse) == 8 * 2 * 25 and {row[2] for row in coarse} == {0, 1}
assert (max(row[5] for row in coarse) > 1) == (sys.argv[2] == "states")
PYTHON
done

# Its mistakes point at the place in the user's file.
expect_code 78 "$installed" check "$scratch/exact.yaml" --set decimated.params.factor=4
expect_text "$scratch/stderr" "error: decimated: factor: 4 does not divide the size 30x140"
expect_code 78 "$installed" check "$scratch/exact.yaml" --set decimated.params.offset=2
expect_text "$scratch/stderr" "error: decimated: offset: 2 is not below the factor 2; write 0 to 1"

# Built with the headers of another ABI it is refused before anything runs, both numbers named.
cp -r "$prefix/include" "$scratch/newer"
sed -i 's/FG_ABI_MAJOR 1u/FG_ABI_MAJOR 9u/' "$scratch/newer/finegrain/abi.h"
mkdir "$scratch/abi"
cc -std=c17 -fPIC -shared -fvisibility=hidden -I"$scratch/newer" -o "$scratch/abi/decimation.so" "$example/decimation.c" || complain "the example does not compile"
FINEGRAIN_PLUGIN_PATH="$scratch/abi" expect_code 78 "$installed" run "$scratch/exact.yaml" --out "$scratch/refused"
expect_text "$scratch/stderr" "was built for ABI 9, this finegrain has ABI 1; rebuild the plugin"
expect_text "$scratch/stderr" "unknown plugin 'coarsen.sublattice'"
[ -e "$scratch/refused" ] && complain "a refused pipeline left a folder"

# Uninstalling leaves a stranger's plugin, and nothing of ours.
cp "$example/decimation.so" "$prefix/lib/finegrain/plugins/"
expect_code 0 install_into uninstall PREFIX="$prefix"
left=$(find "$prefix" -type f)
[ "$left" = "$prefix/lib/finegrain/plugins/decimation.so" ] || complain "make uninstall leaves '$left'"
expect_code 0 install_into uninstall DESTDIR="$scratch/stage" PREFIX=/opt/finegrain
[ -z "$(find "$scratch/stage" -type f -o -path '*/lib/finegrain')" ] || complain "make uninstall leaves $(find "$scratch/stage")"
expect_code 0 install_into uninstall PREFIX="$prefix"
finish
