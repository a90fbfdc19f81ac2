#!/usr/bin/env bash
# The JSON Schema that editors use: it is a schema, takes every pipeline that finegrain takes, and refuses of the golden
# mistakes those that a schema can see. YAML is read as YAML 1.2 has it, like editors and finegrain do.
. "$(dirname "$0")/common.sh"
unset FINEGRAIN_PLUGIN_PATH

# validate SCHEMA FILE…: for each file "FILE valid", or a line "FILE: PLACE: why not" a mistake; fails when the schema is none.
cat >"$scratch/validate.py" <<'PYTHON'
import json, re, sys, jsonschema, yaml

class Core(yaml.SafeLoader):
    """YAML 1.2's core schema; PyYAML knows 1.1, where yes is true and 1e6 is text."""
    yaml_implicit_resolvers = {}

for tag, pattern, read in (
    ("null", r"^(~|null|Null|NULL|)$", lambda text: None),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", lambda text: text[0] in "tT"),
    ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", lambda text: int(text, 0 if text[:2] in ("0o", "0x") else 10)),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", float),
):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), None)
    Core.add_constructor("tag:yaml.org,2002:" + tag, lambda loader, node, read=read: read(loader.construct_scalar(node)))

schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for name in sys.argv[2:]:
    errors = list(validator.iter_errors(yaml.load(open(name, encoding="utf-8"), Core)))
    for error in errors:
        print(f"{name}: {'/'.join(str(step) for step in error.absolute_path)}: {error.message[:200]}")
    if not errors:
        print(name, "valid")
PYTHON
validate() { expect_code 0 "$PYTHON" "$scratch/validate.py" "$@"; }

expect_code 0 "$FINEGRAIN" schema
cp "$scratch/stdout" "$scratch/schema.json"

# What finegrain takes: the pipelines of the tree, and every way to write something.
cat >"$scratch/units.yaml" <<'YAML'
finegrain: 1
name: 2026
seed: 0x1f
stages:
  a: {plugin: sampler.wolff, params: {size: 8.0, coupling: .44, configurations: 1e2}, record: {configurations: deep/er..er/a.fgs}}
  b: {plugin: sampler.wolff, params: {size: +8, coupling: critical, configurations: 100}}
  empty: {plugin: coarsen.majority, params: , record: , inputs: {configurations: a}}
  list: {plugin: estimate.thermo, input: [a, b.configurations, empty.blocks]}
  one-item: {plugin: coarsen.majority, input: [b]}
  names: {plugin: estimate.thermo, input: one-item, params: {reference: none}}
  texts: {plugin: sink.snapshot, input: a, params: {configurations: [0, 1e1], name: 7, up: '#000000'}}
stream: {buffer: 1.5 MiB, compression: zstd:19, checkpoint: .5 h}
YAML
cat >"$scratch/plain.yaml" <<'YAML'
finegrain: 1
stages:
  a: {plugin: sampler.wolff, params: {size: 4, coupling: 0x1, configurations: 10}}
  thermo: {plugin: estimate.thermo, inputs: {configurations: [a]}}
stream: {buffer: 1000000, compression: none}
YAML
sed 's/{buffer: 1000000, compression: none}/{buffer: 64MiB, checkpoint: none}/' "$scratch/plain.yaml" >"$scratch/words.yaml"
sed 's/^stream:.*/stream:/' "$scratch/plain.yaml" >"$scratch/nothing.yaml"
for file in "$scratch"/*.yaml; do expect_code 0 "$FINEGRAIN" check "$file"; done
validate "$scratch/schema.json" pipelines/*.yaml pipelines/*/*.yaml "$scratch"/*.yaml
grep -v ' valid$' "$scratch/stdout" && complain "the schema refuses what finegrain takes"
[ "$(grep -c ' valid$' "$scratch/stdout")" -ge 18 ] || complain "too few pipelines were looked at"

# The first line of a pipeline tells an editor where the schema is, in the tree and installed alike.
for file in pipelines/*.yaml pipelines/*/*.yaml; do
  named=$(sed -n '1s/^# yaml-language-server: $schema=//p' "$file")
  [ -n "$named" ] && cmp -s "$(dirname "$file")/$named" schemas/pipeline.schema.json ||
    complain "$file does not name the schema in its first line"
done

# refused NAME PLACE: the golden mistake is seen, at its place.
refused() {
  validate "$scratch/schema.json" "tests/golden/$1.yaml"
  grep -q "^tests/golden/$1.yaml: $2" "$scratch/stdout" || { complain "$1 is not refused at '$2':"; cat "$scratch/stdout"; }
}
refused unknown-key ""
refused wrong-type stages/.*/params/
refused out-of-range stages/.*/params/
refused unknown-parameter stages/.*/params
refused missing-parameter stages/
refused unknown-plugin stages/.*/plugin
refused no-plugin stages/
refused no-version ""
refused wrong-version finegrain
refused not-a-map ""
refused stage-name stages
refused record-outside stages/.*/record/
refused list-not-taken stages/
refused several-inputs stages/
refused unknown-port stages/
refused unconnected-port stages/
refused stream-settings stream/
# What a schema cannot see it leaves alone.
for name in cycle factor-does-not-divide missing-file unknown-stage untrained-model; do
  validate "$scratch/schema.json" "tests/golden/$name.yaml"
  expect_text "$scratch/stdout" "$name.yaml valid"
done

# Mistakes of units, names and keys, one at a time.
mistake() { # NAME SED-COMMAND
  sed "$2" "$scratch/units.yaml" >"$scratch/mistake.yaml"
  cmp -s "$scratch/units.yaml" "$scratch/mistake.yaml" && complain "$1: '$2' changes nothing"
  expect_code 78 "$FINEGRAIN" check "$scratch/mistake.yaml"
  validate "$scratch/schema.json" "$scratch/mistake.yaml"
  grep -q ' valid$' "$scratch/stdout" && complain "$1 is not refused"
}
mistake "a unit of time for bytes" 's/1.5 MiB/1.5 min/'
mistake "no number before a unit" 's/1.5 MiB/MiB/'
mistake "an unknown named value" 's/coupling: critical/coupling: criticle/'
mistake "half a lattice" 's/size: 8.0/size: 8.5/'
mistake "a text in a list of integers" 's/\[0, 1e1\]/[0, ten]/'
mistake "an output that is no stream" 's/record: {configurations:/record: {table:/'
mistake "an unknown word for a time" 's/checkpoint: .5 h/checkpoint: never/'
mistake "a path out of the folder" 's|deep/er..er/a.fgs|deep/../../a.fgs|'
mistake "two items for one port" 's/\[b\]/[a, b]/'
mistake "an empty list" 's/\[b\]/[]/'
mistake "an input of a source" 's/b: {plugin: sampler.wolff,/b: {plugin: sampler.wolff, input: a,/'
mistake "input beside inputs" 's/inputs: {configurations: a}/inputs: {configurations: a}, input: a/'
mistake "no parameters where some are required" 's/params: {size: +8, coupling: critical, configurations: 100}/params: /'
mistake "a folder's name with a slash" 's|name: 2026|name: a/b|'
mistake "a hidden file" 's|deep/er..er/a.fgs|deep/.a.fgs|'
mistake "a negative seed" 's/seed: 0x1f/seed: -1/'

# A plugin from outside is in the schema made with it.
mkdir "$scratch/plugin"
cc -std=c17 -fPIC -shared -fvisibility=hidden -Icore/include -o "$scratch/plugin/decimation.so" examples/decimation/decimation.c || complain "the example does not compile"
validate "$scratch/schema.json" examples/decimation/pipeline.yaml
expect_text "$scratch/stdout" "stages/decimated/plugin"
expect_code 0 "$FINEGRAIN" schema --plugin-path "$scratch/plugin"
cp "$scratch/stdout" "$scratch/larger.json"
validate "$scratch/larger.json" examples/decimation/pipeline.yaml
expect_text "$scratch/stdout" "pipeline.yaml valid"

# What new-plugin writes names the schema that its 'make schema' makes, and is valid there.
for kind in sampler network; do
  expect_code 0 "$FINEGRAIN" new-plugin mine --kind $kind --out "$scratch/$kind"
  expect_code 0 make -s -C "$scratch/$kind" schema
  named=$(sed -n '1s/^# yaml-language-server: $schema=//p' "$scratch/$kind/pipeline.yaml")
  validate "$scratch/$kind/$named" "$scratch/$kind/pipeline.yaml"
  expect_text "$scratch/stdout" "pipeline.yaml valid"
done
finish
