#!/usr/bin/env bash
# Every class of configuration error: golden/NAME.yaml (or what `generate` makes) must be refused with exactly the lines
# of golden/NAME.expect, all of them in one pass, with exit 78, and must leave nothing behind. NAME.args holds further
# arguments, one a line. KINDS in an expectation stands for the built-in plugins, in arguments and expectations PLUGIN
# stands for the folder of golden/plugin.c's shared object. UPDATE=1 rewrites the expectations: read the diff.
. "$(dirname "$0")/common.sh"
golden=$PWD/tests/golden plugin=$scratch/plugin cases=$scratch/cases out=$scratch/out
unset FINEGRAIN_PLUGIN_PATH FINEGRAIN_ISA
mkdir -p "$plugin/copy" "$cases"
cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include -o "$plugin/plugin.so" "$golden/plugin.c" || complain "golden/plugin.c does not compile"
cp "$plugin/plugin.so" "$plugin/copy"
kinds=$("$FINEGRAIN" plugins | awk 'NR <= 20 { printf "%s%s", (NR > 1 ? ", " : ""), $1 } NR == 21 { printf ", …" }') # what a hint lists at most

# Files that are better made than kept; no-such-file.yaml is not made.
generate() {
  mkdir folder.yaml
  { echo "finegrain: 1"; yes "# padding" | head -c 1100000; } >too-large.yaml
  { echo "finegrain: 1"; echo "stages:"; for i in $(seq 1001); do echo "  s$i: {plugin: sampler.wolff}"; done; } >too-many-stages.yaml
}

# check NAME: runs the case and compares.
check() {
  local name=$1 args=() code
  [ -f "$golden/$name.args" ] && mapfile -t args < <(sed "s|PLUGIN|$plugin|g" "$golden/$name.args")
  "$FINEGRAIN" run "$name.yaml" "${args[@]}" --out "$out" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
  code=$?
  sed -i "s|$cases/||g; s|$plugin|PLUGIN|g; s|$kinds|KINDS|" "$scratch/stderr"
  [ -n "${UPDATE:-}" ] && cp "$scratch/stderr" "$golden/$name.expect"
  [ $code -eq 78 ] || complain "$name: exit $code instead of 78"
  diff -u "$golden/$name.expect" "$scratch/stderr" || complain "$name: message differs"
  [ -s "$scratch/stdout" ] && complain "$name: wrote to standard output"
  if [ -e "$out" ]; then
    complain "$name: left $(find "$out" | head -3)"
    rm -rf "$out"
  fi
}

cp "$golden"/*.yaml "$cases"
cd "$cases" || exit 1
generate
find . | sort >"$scratch/before"
count=0
for name in $({ ls; echo no-such-file.yaml; } | sed 's/\.yaml$//'); do
  check "$name"
  count=$((count + 1))
done
find . | sort | diff "$scratch/before" - || complain "files were left beside the pipelines"
for file in "$golden"/*.expect; do
  name=$(basename "$file" .expect)
  [ -e "$name.yaml" ] || [ "$name" = no-such-file ] || complain "$name.expect has no pipeline"
done
echo "$count cases"
[ $count -gt 60 ] || complain "cases are missing"
finish
