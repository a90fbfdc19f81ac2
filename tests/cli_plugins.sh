#!/usr/bin/env bash
# Plugins from outside: found, checked, refused with file and cause; and what the runtime does with batches between them:
# slabs, pairs, lists, epochs, queues far too small.
. "$(dirname "$0")/common.sh"

variant() { # NAME FLAGS…: builds tests/plugins/fixture.c into $scratch/NAME/fixture.so
  mkdir -p "$scratch/$1"
  local folder=$1
  shift
  cc -std=c17 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -Icore/include "$@" -o "$scratch/$folder/fixture.so" tests/plugins/fixture.c || complain "fixture $folder does not compile"
}
variant good
cat >"$scratch/source.yaml" <<'YAML'
finegrain: 1
name: plugins
stages:
  source: {plugin: test.counter, record: {configurations: out.fgs}}
YAML
run_source() { "$FINEGRAIN" run "$scratch/source.yaml" --plugin-path "$1" --out "$scratch/run" --force --quiet; }

# Found by flag and by environment; listed with its file.
expect_code 0 run_source "$scratch/good"
FINEGRAIN_PLUGIN_PATH="$scratch/good" expect_code 0 "$FINEGRAIN" plugins test.counter
expect_text "$scratch/stdout" "$scratch/good/fixture.so"
expect_code 78 "$FINEGRAIN" check "$scratch/source.yaml"
expect_text "$scratch/stderr" "unknown plugin 'test.counter'"

# Descriptors of an older and of a newer minor version do the same work as ours; what an older one does not have is not
# shown, and what lies behind its end is never looked at.
digest_of() { "$FINEGRAIN" cat "$scratch/run/out.fgs" --digest | tail -n 1; }
same=$(digest_of)
for age in old newer; do
  variant $age "-D$(echo $age | tr '[:lower:]' '[:upper:]')"
  expect_code 0 run_source "$scratch/$age"
  [ "$(digest_of)" = "$same" ] || complain "the $age plugin emits $(digest_of) instead of $same"
  expect_code 0 "$FINEGRAIN" plugins test.counter --plugin-path "$scratch/$age"
  expect_text "$scratch/stdout" "license          unknown"
  expect_code 0 "$FINEGRAIN" schema --plugin-path "$scratch/$age"
  expect_code 0 "$FINEGRAIN" schema --markdown --plugin-path "$scratch/$age"
done
[ -n "$same" ] || complain "finegrain cat gives no digest"
expect_code 0 "$FINEGRAIN" plugins test.counter --plugin-path "$scratch/old"
grep -qF "Numbered patterns." "$scratch/stdout" && complain "an old descriptor's absent sentence was shown"
expect_code 0 "$FINEGRAIN" plugins test.counter --plugin-path "$scratch/newer"
expect_text "$scratch/stdout" "Numbered patterns."

# Another ABI, a missing symbol, a broken file, a link to nowhere are notes beside "unknown plugin".
variant abi -DABI=7
expect_code 78 run_source "$scratch/abi"
expect_text "$scratch/stderr" "note: plugin $scratch/abi/fixture.so was not loaded: was built for ABI 7, this finegrain has ABI 1"
variant nosymbol -DNO_SYMBOL
expect_code 78 run_source "$scratch/nosymbol"
expect_text "$scratch/stderr" "exports no symbol finegrain_plugin"
mkdir "$scratch/broken" && echo "not a shared object" >"$scratch/broken/fixture.so"
expect_code 78 run_source "$scratch/broken"
expect_text "$scratch/stderr" "note: plugin $scratch/broken/fixture.so was not loaded: file too short"
ln -s nowhere.so "$scratch/broken/link.so"
mkfifo "$scratch/broken/pipe.so"
expect_code 78 timeout 20 "$FINEGRAIN" run "$scratch/source.yaml" --plugin-path "$scratch/broken" --out "$scratch/run" --force
expect_text "$scratch/stderr" "link.so was not loaded: No such file or directory"
expect_text "$scratch/stderr" "pipe.so was not loaded: is not a file"
expect_code 0 run_source "$scratch/broken:$scratch/good"

# Two of one kind: both files named.
mkdir "$scratch/again" && cp "$scratch/good/fixture.so" "$scratch/again/copy.so"
expect_code 78 run_source "$scratch/good:$scratch/again"
expect_text "$scratch/stderr" "$scratch/good/fixture.so"
expect_text "$scratch/stderr" "$scratch/again/copy.so"

# A file that is found twice, by a link to the folder, to the file, or as the same file, is one plugin.
ln -s "$scratch/good" "$scratch/link"
mkdir "$scratch/links" && ln -s ../good/fixture.so "$scratch/links/b.so" && ln "$scratch/good/fixture.so" "$scratch/links/c.so"
FINEGRAIN_PLUGIN_PATH="$scratch/good:$scratch/link::$scratch/good/" expect_code 0 run_source "$scratch/links"

# A folder that is not there is a warning that says who named it.
FINEGRAIN_PLUGIN_PATH="$scratch/nowhere" expect_code 0 "$FINEGRAIN" plugins --plugin-path "$scratch/neither:$scratch/good"
expect_text "$scratch/stderr" "warning: FINEGRAIN_PLUGIN_PATH: folder $scratch/nowhere: No such file or directory"
expect_text "$scratch/stderr" "warning: --plugin-path: folder $scratch/neither: No such file or directory"

# Descriptors at fault: the file is not loaded, or the kind is left out, with the cause.
refused() { # NAME CAUSE FLAGS…
  local name=$1 cause=$2
  shift 2
  variant "$name" "$@"
  expect_code 78 run_source "$scratch/$name"
  expect_text "$scratch/stderr" "note: plugin $scratch/$name/fixture.so was $cause"
}
refused nostages "not loaded: offers no stage" -DFAULT=NO_STAGES
refused twinports "loaded without a stage: stage test.counter: output port 2 (configurations) has the name of another" -DFAULT=TWIN_PORTS
refused saveonly "loaded without a stage: stage test.counter has one of save and restore without the other" -DFAULT=SAVE_ONLY
for kind in counter test. Test.counter test.counter.more "$(printf 'test.%060d' 0 | tr 0 x)"; do
  refused "kind-$kind" "loaded without a stage: '$kind' is not a stage's kind" -DKIND="\"$kind\""
done
variant twinkinds -DFAULT=TWIN_KINDS
expect_code 0 run_source "$scratch/twinkinds"
expect_code 0 "$FINEGRAIN" plugins --plugin-path "$scratch/twinkinds"
expect_text "$scratch/stderr" "fixture.so was loaded without a stage: it offers one kind twice"

# What there is, a line each; everything about one of them; a near miss.
expect_code 0 "$FINEGRAIN" plugins --plugin-path "$scratch/good"
[ "$(grep -c '^test\.counter' "$scratch/stdout")" = 4 ] || complain "the fixture's four kinds are not a line each"
LC_ALL=C sort -c "$scratch/stdout" || complain "the kinds are not in alphabetical order"
expect_code 0 "$FINEGRAIN" plugins --plugin-path "$scratch/good" test.counter-verify
for text in "test.counter-verify — checks numbered patterns" "epochs           integer, 1 or more; default 1" "Times the input is read." \
  "stream           configurations, replayed, takes a list, optional" "left             configurations, paired, optional" \
  "seen             table" "version          1" "file             $scratch/good/fixture.so"; do
  expect_text "$scratch/stdout" "$text"
done
expect_code 0 "$FINEGRAIN" plugins --plugin-path "$scratch/good" test.counter-list
expect_text "$scratch/stdout" "configurations   configurations of 1-bit spins or u8 states"
expect_code 0 "$FINEGRAIN" plugins train.newton
expect_text "$scratch/stdout" "; unit nats; default 1e-10"
[ "$(awk '{ if (length > most) most = length } END { print most }' "$scratch/stdout")" -le 120 ] || complain "long lines are not broken"
expect_code 2 "$FINEGRAIN" plugins --plugin-path "$scratch/good" test.conuter
expect_text "$scratch/stderr" "unknown plugin 'test.conuter'; did you mean 'test.counter'?"
expect_code 0 "$FINEGRAIN" plugins --help
expect_text "$scratch/stdout" "--plugin-path"

# Plugins at fault are named with stage and cause.
for fault in SILENT_FAILURE WRONG_SHAPE; do
  variant $fault -DFAULT=$fault
  expect_code 1 run_source "$scratch/$fault"
  expect_text "$scratch/stderr" "error: source: "
  [ -e "$scratch/run/manifest.json" ] && complain "$fault left a manifest"
  find "$scratch/run" -name '*.tmp' | grep -q . && complain "$fault left a temporary file"
done
for fault in EARLY_EMIT NO_FORMAT; do
  variant $fault -DFAULT=$fault
  expect_code 78 run_source "$scratch/$fault"
  expect_text "$scratch/stderr" "this is a fault of the plugin"
done

# seen RUN STAGE WHAT: a number from the verifier's table.
seen() { "$PYTHON" -c 'import h5py, sys; print(dict((a.decode(), b) for a, b in h5py.File(sys.argv[1] + "/results.h5")["stages/" + sys.argv[2] + "/seen"][()])[sys.argv[3]])' "$scratch/$1" "$2" "$3"; }
expect_seen() { [ "$(seen "$1" "$2" "$3")" = "$4" ] || complain "$1: $2 saw $(seen "$1" "$2" "$3") $3 instead of $4"; }

# Fan-out, a list, pairs of streams cut differently, epochs; and all of it through queues that hold next to nothing.
cat >"$scratch/way.yaml" <<'YAML'
finegrain: 1
name: way
stages:
  a: {plugin: test.counter, params: {configurations: 500, batch: 7, width: 70, rows: 5}}
  b: {plugin: test.counter, params: {configurations: 500, batch: 11, width: 70, rows: 5}}
  pairs: {plugin: test.counter-verify, inputs: {left: a, right: b}}
  epochs: {plugin: test.counter-verify, inputs: {stream: a}, params: {epochs: 3}}
  joined: {plugin: test.counter-verify, inputs: {left: a, right: a}}
YAML
for setting in "stream.buffer=64MiB" "stream.buffer=64" "stream.compression=none"; do
  expect_code 0 "$FINEGRAIN" run "$scratch/way.yaml" --plugin-path "$scratch/good" --out "$scratch/way" --force --quiet --set $setting --threads 2
  expect_seen way pairs configurations 1000
  expect_seen way epochs configurations 1500
  expect_seen way epochs epochs 3
  expect_seen way joined configurations 1000
  digest=$(seen way pairs digest)
  [ "${last:-$digest}" = "$digest" ] || complain "$setting changes what the pairs are"
  last=$digest
done

# A list of one source twice deadlocks with small queues unless one of them spills: the second entry is read only after
# the first has ended, while the source must fill both.
cat >"$scratch/twice.yaml" <<'YAML'
finegrain: 1
name: twice
stages:
  a: {plugin: test.counter, params: {configurations: 900, batch: 3, width: 200, rows: 9}}
  copy: {plugin: sampler.wolff, params: {size: 4, coupling: critical, configurations: 10}}
  thermo: {plugin: estimate.thermo, input: copy}
  list: {plugin: estimate.thermo, input: [copy, copy]}
  late: {plugin: test.counter-verify, inputs: {left: a, right: a}}
  first: {plugin: test.counter-verify, inputs: {stream: a}}
YAML
expect_code 0 timeout 60 "$FINEGRAIN" run "$scratch/twice.yaml" --plugin-path "$scratch/good" --out "$scratch/twice" --force --quiet --set stream.buffer=64
expect_seen twice late configurations 1800
n=$(estimate "$scratch/twice" list 4 e n)
[ "$n" = 20 ] || complain "the list of one source twice has $n configurations instead of 20"

# A configuration over 4 MiB travels as slabs: a stage that takes them sees them, another gets it whole; pairs too.
cat >"$scratch/large.yaml" <<'YAML'
finegrain: 1
name: large
stages:
  a: {plugin: test.counter, params: {configurations: 3, batch: 2, width: 9001, rows: 8000}}
  slabs: {plugin: test.counter-verify-slabs, inputs: {stream: a}}
  whole: {plugin: test.counter-verify, inputs: {stream: a}}
  pairs: {plugin: test.counter-verify, inputs: {left: a, right: a}}
YAML
for setting in "stream.compression=zstd:1" "stream.compression=none" "stream.buffer=1MiB"; do
  expect_code 0 "$FINEGRAIN" run "$scratch/large.yaml" --plugin-path "$scratch/good" --out "$scratch/large" --force --quiet --set $setting
  expect_seen large slabs configurations 3
  expect_seen large slabs slabs 9
  expect_seen large whole slabs 0
  expect_seen large whole configurations 3
  expect_seen large pairs configurations 6
done

# A stream that ends early in a pair is an error that names both inputs.
sed -i 's/configurations: 500, batch: 11/configurations: 499, batch: 11/' "$scratch/way.yaml"
expect_code 1 "$FINEGRAIN" run "$scratch/way.yaml" --plugin-path "$scratch/good" --out "$scratch/way" --force --quiet
expect_text "$scratch/stderr" "input 'right': ends before input 'left'"
finish
