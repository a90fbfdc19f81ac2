#!/usr/bin/env bash
# Every class of configuration error: tests/golden/NAME.yaml must be refused with exactly the lines of NAME.expect
# (exit 78), all of them in one pass, and must leave nothing behind. UPDATE=1 rewrites the expectations: read the diff.
set -u
cd "$(dirname "$0")/golden" || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
bad=0 cases=0
unset FINEGRAIN_PLUGIN_PATH
for file in *.yaml; do
  name=${file%.yaml}
  cases=$((cases + 1))
  args=()
  [ -f "$name.args" ] && mapfile -t args <"$name.args"
  "$FINEGRAIN" run "$file" "${args[@]}" --out "$out/$name" >"$out/stdout" 2>"$out/stderr"
  code=$?
  sed -i "s|$PWD/||g" "$out/stderr" # absolute paths of input files
  [ -n "${UPDATE:-}" ] && cp "$out/stderr" "$name.expect"
  if [ $code -ne 78 ]; then echo "$name: exit $code instead of 78"; bad=1; fi
  if ! diff -u "$name.expect" "$out/stderr"; then echo "$name: message differs"; bad=1; fi
  if [ -s "$out/stdout" ]; then echo "$name: wrote to standard output"; bad=1; fi
  if [ -e "$out/$name" ]; then echo "$name: left $(find "$out/$name" | head -3)"; bad=1; fi
done
echo "$cases files"
[ $cases -gt 20 ] && [ $bad -eq 0 ]
