#!/usr/bin/env bash
# A whole run from the command line: folder, exit codes, h5py, graph, refusals. Determinism: cli_determinism.sh;
# interruptions: cli_resume.sh.
. "$(dirname "$0")/common.sh"

cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: whole
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 8, coupling: critical, configurations: 3000, chains: 3}, record: {configurations: kept/sample.fgs}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 3}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 4, configurations: 700}}
  thermo: {plugin: estimate.thermo, input: dream}
  both: {plugin: estimate.thermo, input: [sample, block]}
  picture: {plugin: sink.snapshot, input: dream}
YAML

expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/a" --threads 2
expect_text "$scratch/stdout" "thermo"

# What a run leaves.
for file in pipeline.yaml results.h5 summary.csv log.txt status.json manifest.json kept/sample.fgs; do
  [ -s "$scratch/a/$file" ] || complain "$file is missing"
done
find "$scratch/a" -name '*.tmp' | grep -q . && complain "a temporary file was left"
"$PYTHON" tests/read_results.py "$scratch/a" || complain "h5py does not find what it should in results.h5"

# pipeline.yaml repeats the run; a recorded stream replays it.
expect_code 0 "$FINEGRAIN" run "$scratch/a/pipeline.yaml" --out "$scratch/d" --quiet
cmp "$scratch/a/summary.csv" "$scratch/d/summary.csv" || complain "the resolved pipeline.yaml gives other results"
cat >"$scratch/replay.yaml" <<'YAML'
finegrain: 1
name: replay
stages:
  sample: {plugin: source.file, params: {path: a/kept/sample.fgs}}
  block: {plugin: coarsen.majority, input: sample}
  both: {plugin: estimate.thermo, input: sample}
YAML
expect_code 0 "$FINEGRAIN" run "$scratch/replay.yaml" --out "$scratch/e" --quiet
one=$(estimate "$scratch/a" both 8 m2 value) two=$(estimate "$scratch/e" both 8 m2 value)
[ -n "$one" ] && [ "$one" = "$two" ] || complain "replayed m2 is $two instead of $one"

# Refusals: a folder with a run, a folder of someone else's, wrong usage.
expect_code 1 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/a" --quiet
expect_text "$scratch/stderr" "--force"
mkdir "$scratch/mine" && echo precious >"$scratch/mine/file"
expect_code 1 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/mine" --force --quiet
[ "$(cat "$scratch/mine/file")" = precious ] || complain "--force destroyed a stranger's file"
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/a" --quiet --resume
expect_code 1 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/a" --quiet --resume --seed 9
expect_code 2 "$FINEGRAIN" run
expect_code 2 "$FINEGRAIN" run "$scratch/p.yaml" --treads 2
expect_text "$scratch/stderr" "did you mean '--threads'"
expect_code 2 "$FINEGRAIN" runn
expect_text "$scratch/stderr" "did you mean 'run'"
expect_code 0 "$FINEGRAIN" --version
expect_code 0 "$FINEGRAIN" run --help

# check, graph, plugins, schema.
expect_code 0 "$FINEGRAIN" check "$scratch/p.yaml"
expect_text "$scratch/stdout" "memory: at most"
expect_text "$scratch/stdout" "sample.configurations"
"$FINEGRAIN" graph "$scratch/p.yaml" | dot -Tsvg >"$scratch/graph.svg" || complain "dot refuses the graph"
expect_text "$scratch/graph.svg" "sampler.wolff"
sed 's/^name: .*/name: a"b\\c/' "$scratch/p.yaml" >"$scratch/quoted.yaml"
"$FINEGRAIN" graph "$scratch/quoted.yaml" | dot -Tsvg >"$scratch/graph.svg" || complain "dot refuses the graph of a name with quotes"
expect_code 0 "$FINEGRAIN" plugins
expect_text "$scratch/stdout" "generate.dream"
expect_code 0 "$FINEGRAIN" plugins coarsen.majority
expect_text "$scratch/stdout" "random | configuration | up | down"
expect_code 2 "$FINEGRAIN" plugins coarsen.majorty
expect_code 0 "$FINEGRAIN" schema
diff "$scratch/stdout" schemas/pipeline.schema.json || complain "schemas/pipeline.schema.json is stale: make schema"
expect_code 0 "$FINEGRAIN" schema --markdown --out "$scratch/pages/reference"
diff -r "$scratch/pages/reference" docs/reference || complain "docs/reference is stale: make schema"
expect_code 0 "$FINEGRAIN" schema --markdown
cat docs/reference/*.md | sort -u >"$scratch/lines"
sort -u "$scratch/stdout" | diff - "$scratch/lines" || complain "schema --markdown prints other pages than it writes"
expect_code 2 "$FINEGRAIN" schema --out "$scratch/pages"
touch "$scratch/taken"
expect_code 1 "$FINEGRAIN" schema --markdown --out "$scratch/taken"
expect_text "$scratch/stderr" "finegrain schema: error: "
for file in pipelines/quickstart.yaml pipelines/sample-critical.yaml; do expect_code 0 "$FINEGRAIN" check "$file"; done

# A stage nobody listens to is a warning, not an error; a file beyond the limit is refused.
cat >"$scratch/unused.yaml" <<'YAML'
finegrain: 1
stages:
  sample: {plugin: sampler.wolff, params: {size: 4, coupling: critical, configurations: 10}}
YAML
expect_code 0 "$FINEGRAIN" check "$scratch/unused.yaml"
expect_text "$scratch/stderr" "unused.yaml:3:3: warning: sample: nobody uses its output 'configurations'"
{ echo "finegrain: 1"; yes "# padding" | head -c 1100000; } >"$scratch/huge.yaml"
expect_code 78 "$FINEGRAIN" check "$scratch/huge.yaml"
expect_text "$scratch/stderr" "more than 1 MiB of text"
{ echo "finegrain: 1"; echo "stages:"; for i in $(seq 60000); do echo "  s$i: 1"; done; } >"$scratch/many.yaml"
expect_code 78 timeout 20 "$FINEGRAIN" check "$scratch/many.yaml"
finish
