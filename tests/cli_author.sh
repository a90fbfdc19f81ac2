#!/usr/bin/env bash
# Plugin authors: every kind that new-plugin writes compiles without a warning, passes its own test and check-plugin; so do
# all built-in plugins; plugins that break one promise each are told so by check-plugin, with stage and cause, and what
# 'finegrain run' makes of them is known; docs/plugins.md is right, command by command.
. "$(dirname "$0")/common.sh"
unset FINEGRAIN_PLUGIN_PATH FINEGRAIN_INCLUDE PKG_CONFIG_PATH MAKEFLAGS MAKELEVEL MFLAGS CFLAGS
tree=$PWD
headers=$tree/core/include
strict="-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-unused-parameter"
kinds="network sampler coarsen train generate estimate source sink"

# ---- new-plugin

for kind in $kinds; do
  folder="$scratch/my $kind" # blanks are allowed
  expect_code 0 "$FINEGRAIN" new-plugin my-own --kind $kind --out "$folder"
  expect_text "$scratch/stdout" "$kind.my-own in $folder:"
  expect_text "$scratch/stdout" "  $folder/my-own.c"
  for file in my-own.c my-own_test.c Makefile pipeline.yaml README.md; do
    [ -s "$folder/$file" ] || complain "$kind: no $file"
  done
  grep -rnE 'NAME|KIND|PROGRAM|HEADERS' "$folder" && complain "$kind: words of the template are left"
  lines=$(wc -l <"$folder/my-own.c")
  [ "$lines" -lt 80 ] || complain "$kind: my-own.c has $lines lines"
  for compiler in gcc clang; do
    expect_code 0 make -s -B -C "$folder" CC=$compiler CFLAGS="$strict"
    [ -s "$scratch/stderr" ] && complain "$kind: $compiler says $(cat "$scratch/stderr")"
  done
  expect_code 0 make -s -C "$folder" test
  expect_code 0 make -s -C "$folder" check
  expect_text "$scratch/stdout" "$kind.my-own"
  expect_text "$scratch/stdout" " 0 failed"
  # The example is an example: the same at any number of threads.
  for threads in 1 2; do
    expect_code 0 "$FINEGRAIN" run "$folder/pipeline.yaml" --plugin-path "$folder" --out "$folder/run$threads" --quiet --threads $threads
  done
  cmp "$folder/run1/summary.csv" "$folder/run2/summary.csv" || complain "$kind: threads change the results"
  expect_code 0 make -s -C "$folder" clean
done

# An installed program is found with its headers where it lies, by a name with blanks, too.
installed="$scratch/in stalled"
mkdir -p "$installed/bin" "$installed/lib/finegrain" "$installed/share/finegrain" "$installed/include"
cp "$FINEGRAIN" "$installed/bin"
ln -s "$(realpath "$BUILD")/plugins" "$installed/lib/finegrain/plugins"
ln -s "$tree/examples/templates" "$installed/share/finegrain/templates"
ln -s "$headers/finegrain" "$installed/include/finegrain"
expect_code 0 "$installed/bin/finegrain" new-plugin other --out "$scratch/other"
expect_text "$scratch/other/Makefile" "FINEGRAIN ?= $installed/bin/finegrain"
expect_text "$scratch/other/Makefile" "$installed/include"
(unset FINEGRAIN; expect_code 0 make -s -C "$scratch/other" CFLAGS="$strict" other.so test check; exit $bad) || bad=1

# Headers from where they are said to be.
expect_code 0 make -s -C "$scratch/my coarsen" FINEGRAIN_INCLUDE="$headers"
expect_code 2 make -s -C "$scratch/my coarsen" -B FINEGRAIN_INCLUDE="$scratch/nowhere"

# What it refuses leaves nothing behind.
refuse() { # CODE TEXT ARGUMENTS…
  local code=$1 text=$2
  shift 2
  (cd "$scratch" && mkdir -p empty && cd empty && expect_code "$code" "$FINEGRAIN" new-plugin "$@"; [ $bad = 0 ]) || bad=1
  expect_text "$scratch/stderr" "$text"
  [ -z "$(ls -A "$scratch/empty")" ] || complain "new-plugin $* left $(ls -A "$scratch/empty")"
}
for name in Mine 1st my_own "my own" -x "" "é"; do refuse 2 "finegrain new-plugin: " -- "$name"; done
refuse 2 "'Mine' is no name for a plugin; write a small letter, then small letters, digits and dashes" Mine
refuse 2 "is too long; network.NAME has at most 63 bytes" "$(printf 'x%.0s' $(seq 60))"
refuse 2 "unknown kind 'netwrok'; did you mean 'network'? (valid: network, sampler, coarsen, train, generate, estimate, source, sink)" mine --kind netwrok
refuse 2 "there is a plugin 'sampler.wolff' already ($(realpath "$BUILD")/plugins/sampler.wolff.so); choose another name" wolff --kind sampler
refuse 1 "the folder $scratch/my sink is not empty; choose another one with --out" mine --out "$scratch/my sink"
refuse 1 "cannot read the folder $scratch/my sink/my-own.c/folder: Not a directory" mine --out "$scratch/my sink/my-own.c/folder"
refuse 2 "an argument is missing"
expect_code 0 "$FINEGRAIN" new-plugin --help
expect_text "$scratch/stdout" "usage: finegrain new-plugin NAME [--kind KIND] [--out DIR]"
mkdir -p "$scratch/bare/bin" && cp "$FINEGRAIN" "$scratch/bare/bin"
expect_code 1 "$scratch/bare/bin/finegrain" new-plugin mine --out "$scratch/none"
expect_text "$scratch/stderr" "there are no templates beside $scratch/bare/bin/finegrain"

# ---- check-plugin: what is sound

# A network that respects majorities, for the trainer that insists on it.
zeros=$(yes 0 | head -n 423 | paste -sd ,)
printf 'finegrain: 1\nname: model\nstages:\n  net: {plugin: network.block, params: {weights: [%s]}, record: {model: block.json}}\n' "$zeros" >"$scratch/model.yaml"
expect_code 0 "$FINEGRAIN" run "$scratch/model.yaml" --out "$scratch/model" --quiet
for plugin in "$BUILD"/plugins/*.so; do
  options=()
  case $(basename "$plugin") in
    train.match.so) options=(--set dreams=200 --set evaluations=3) ;;
    train.variational.so) options=(--set dreams=100 --set check=100 --set steps=5 --model "$scratch/model/block.json") ;;
  esac
  expect_code 0 "$FINEGRAIN" check-plugin "$plugin" "${options[@]}"
  expect_text "$scratch/stdout" "ok       exports           finegrain_plugin and nothing else"
  grep -q '^FAILED' "$scratch/stdout" && { complain "$plugin:"; grep -A1 '^FAILED' "$scratch/stdout"; }
  tail -n 1 "$scratch/stdout" | sed "s|^|$(basename "$plugin"): |"
done

# ---- check-plugin: what is not

broken() { # NAME SOURCE FLAGS…: compiles into $scratch/NAME/plugin.so
  local folder=$1 source=$2
  shift 2
  mkdir -p "$scratch/$folder"
  cc -std=c17 -O1 -g -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -I"$headers" "$@" -o "$scratch/$folder/plugin.so" "tests/plugins/$source" || complain "$folder does not compile"
}

# told NAME CASE TEXT: check-plugin fails in this case (KIND/CHECK:VARIANT or CHECK), with this text; other cases may fail, too.
told() {
  expect_code 1 "$FINEGRAIN" check-plugin "$scratch/$1/plugin.so" --seconds 3
  expect_text "$scratch/stdout" "$scratch/$1/plugin.so"
  grep -qE "^FAILED +$2 " "$scratch/stdout" || { complain "$1: $2 does not fail:"; cat "$scratch/stdout"; }
  grep -E "^FAILED +$2 " "$scratch/stdout" | grep -qF -- "$3" || { complain "$1: '$3' not told:"; grep FAILED "$scratch/stdout"; }
}

broken sound broken.c
expect_code 0 "$FINEGRAIN" check-plugin "$scratch/sound/plugin.so"
while read -r fault case text; do
  [ "$fault" ] || continue
  broken "$fault" broken.c "-DFAULT=$fault"
  told "$fault" "$case" "$text"
done <<'FAULTS'
ABI load was not loaded: was built for ABI 8, this finegrain has ABI 1; rebuild the plugin
TWO_KINDS load was loaded without a stage: it offers one kind twice
NO_UNIT descriptor parameter 'first' is a number without a unit
CRASH_CREATE create stopped by a wrong memory access (SIGSEGV) in create
CRASH_LIMIT limits:first=1000 stopped by a call of abort (SIGABRT) in create with first: 1000
EARLY_EMIT create emits a batch in create; only process, end, produce and flush may
HOGS_CREATE limits:first=1000 create and negotiate allocate 1001.0 MiB
CRASH_PROCESS run stopped by a wrong memory access (SIGSEGV) in process of input 'configurations', 66 configuration(s) of size 8
CRASH_HELPER run stopped by a wrong memory access (SIGSEGV) in process of input
ABORTS run stopped by a call of abort (SIGABRT) in process of input
EXITS run ends the process with exit code 3 in process of input
ENDLESS run did not end within 3 s of processor time (--seconds), nor when the run was cancelled, in process of input
POLITE run did not end within 3 s of processor time (--seconds), only once the run was cancelled, in process of input
SILENT run process returns FG_FAILED without a reason
CHATTY run process reports a failure (something is wrong) and returns FG_OK
STATUS run process returns 42, which is none of the results it may have
WRITES_INPUT run writes to its input 'configurations', in process of input 'configurations'
READS_BEYOND run reads outside the data of its input 'configurations'
KEEPS_INPUT cuts:1 uses its input 'configurations' after the call it came with; keep it with batch_ref
DOUBLE_EMIT run emits a batch twice, in process
WRITES_EMITTED run writes to a batch that it has emitted
WRONG_SHAPE run emits on output 'flipped' a batch of 9x8, a lattice that negotiate has not announced
PADDING run emits on output 'flipped' a batch of 8 with bits set in the padding of a row
PASSES_ON run emits its input, in process
HELPER_EMIT run calls emit from inside parallel_for, in process
HOGS run holds 256.0 MiB after process of input
IGNORES_EMIT emit-fails process goes on although emit has failed
NO_CHECK no-memory stopped by a wrong memory access (SIGSEGV) in process
FAILS_CANCELLED cancel process reports a failure (a helper has failed) when the run is cancelled
LEAK leaks:run 112 byte(s) are still allocated after each destroy
LEAK_BATCH run after destroy 1 reference(s) to a batch of its own are still held
LEAK_CANCELLED cancel after destroy 1 reference(s) to a batch of its own are still held
BAD_SAVE save output 'seen' is not the same when the stage is saved after 1 step(s) and taken up again
BAD_RESTORE save restore takes 0 byte(s) of a state of 8 for a whole one
CUT cuts:1-7-3 configurations of output 'flipped' depend on how the input is cut into batches
GLOBAL instances output 'flipped' is not the same when another instance runs beside it
SHARED threads output 'flipped' is not the same when parallel_for calls the last index first
UNSET again output 'flipped' is not the same when the same is run again with the same seed
AGAIN run end returns FG_AGAIN for input 'configurations', which is not marked FG_PORT_REPLAY
FAULTS
broken no-symbol broken.c -DNAMED_OTHERWISE
told no-symbol exports "exports no symbol finegrain_plugin"
told no-symbol load "exports no symbol finegrain_plugin"
broken second-symbol broken.c -DEXPORTS_MORE
told second-symbol exports "exports 1 other symbol(s): a_second_symbol; build with -fvisibility=hidden"
mkdir "$scratch/no-object" && echo "not a shared object" >"$scratch/no-object/plugin.so"
told no-object exports "it is no ELF file of this machine"
told no-object load "file too short"
mkdir "$scratch/again" && cp "$BUILD/plugins/sampler.wolff.so" "$scratch/again/plugin.so"
told again load "plugin kind 'sampler.wolff' is already offered by $(realpath "$BUILD")/plugins/sampler.wolff.so"

broken sound-network broken_network.c
expect_code 0 "$FINEGRAIN" check-plugin "$scratch/sound-network/plugin.so"
while read -r fault case text; do
  [ "$fault" ] || continue
  broken "N_$fault" broken_network.c "-DFAULT=$fault"
  told "N_$fault" "$case" "$text"
done <<'FAULTS'
SUM network-sum:2x2 the probabilities of all 65536 fine lattices of one coarse lattice sum to 0.9990005, not 1
DRAWS network-draws:1x1-up sample does not draw from what log_prob says: chi squared is
DRAWS network-draws:2x2 sample does not draw from what log_prob says: chi squared is
NOT_A_NUMBER network-open initial weight 0 is not finite
PARTS network-parts log_prob writes for configurations it was not asked for
PADDING network-parts sample sets bits in the padding of a row
SCRATCH network-threads sample or log_prob gives something else on 4 threads
GRADIENT network-gradient the gradient by parameter 0 (agreement) is
LOSS network-gradient to the loss, where log_prob gives
OVERWRITES network-gradient the gradient by parameter 0 (agreement) is
TABLE network-table sample does not draw what its table draws
CLASSES network-classes by the classes and
MERGE network-classes classes count 288 spins of 768
ANY_COUNT network-open open takes one weight too many
ANY_JSON network-open open takes hyperparameters that are no JSON
ANY_WEIGHT network-open open takes a weight that is no number
NAMELESS network-open parameter 0 of 1 has no name
LEAK network-leaks 64 byte(s) are still allocated after each close
ANY_ID extension extension gives something for the unknown id
OTHER_KIND network-open offers fg.network/1, but emits no model of 'network.broken'
WRITES_INPUT network-draws:2x2 writes to the coarse lattice, in sample of configurations
FAULTS

# Below a failure stands how to see it again; one case in one process ends as it would have.
expect_code 1 "$FINEGRAIN" check-plugin "$scratch/CRASH_LIMIT/plugin.so"
again=$(sed -n 's/^ *again: finegrain //p' "$scratch/stdout")
[ "$again" = "check-plugin $scratch/CRASH_LIMIT/plugin.so --repeat 'test.broken/limits:first=1000'" ] || complain "again: $again"
expect_code 1 bash -c "'$FINEGRAIN' $again"
expect_text "$scratch/stderr" "test.broken: plugin $scratch/CRASH_LIMIT/plugin.so was stopped by a call of abort (SIGABRT)"
for fault in WRITES_INPUT DOUBLE_EMIT; do
  expect_code 1 "$FINEGRAIN" check-plugin "$scratch/$fault/plugin.so" --repeat test.broken/run
  expect_text "$scratch/stdout" "test.broken/run in process "
  grep -q '^FAILED ' "$scratch/stdout" || complain "$fault: the case is not told again"
done
expect_code 0 "$FINEGRAIN" check-plugin "$scratch/sound/plugin.so" --repeat test.broken/cuts:1-7-3
expect_code 0 "$FINEGRAIN" check-plugin "$scratch/sound/plugin.so" --repeat file/exports
expect_code 2 "$FINEGRAIN" check-plugin "$scratch/sound/plugin.so" --repeat test.broken/nothing
expect_text "$scratch/stderr" "case 'test.broken/nothing' was not reached, or there is none"

# Parameters of the author's choice; wrong usage.
expect_code 0 "$FINEGRAIN" check-plugin "$BUILD/plugins/coarsen.majority.so" --set factor=3 --set ties=up
expect_text "$scratch/stdout" "ok       formats           12x12"
expect_code 2 "$FINEGRAIN" check-plugin "$BUILD/plugins/coarsen.majority.so" --set factr=3
expect_text "$scratch/stderr" "no stage of this plugin has a parameter 'factr'; did you mean 'factor'? (valid: factor, ties)"
expect_code 2 "$FINEGRAIN" check-plugin "$BUILD/plugins/coarsen.majority.so" --set factor
expect_text "$scratch/stderr" "--set factor: no value; write --set factor=VALUE"
expect_code 1 "$FINEGRAIN" check-plugin "$scratch/nowhere.so"
expect_text "$scratch/stderr" "$scratch/nowhere.so: No such file or directory"
expect_code 2 "$FINEGRAIN" check-plugin "$BUILD/plugins/train.adam.so" --model "$scratch/model.yaml"
expect_text "$scratch/stderr" "finegrain check-plugin: "
expect_code 2 "$FINEGRAIN" check-plugin
expect_code 0 "$FINEGRAIN" check-plugin --help
expect_text "$scratch/stdout" "usage: finegrain check-plugin FILE.so"

# ---- what 'finegrain run' makes of them

cat >"$scratch/run.yaml" <<'YAML'
finegrain: 1
name: run
stages:
  sample: {plugin: sampler.wolff, params: {size: 8, coupling: critical, configurations: 500}}
  mine: {plugin: test.broken, input: sample}
  thermo: {plugin: estimate.thermo, input: mine}
YAML
runs() { # CODE NAME TEXT: the run ends with CODE, and TEXT on standard error
  rm -rf "$scratch/run"
  expect_code "$1" timeout 120 "$FINEGRAIN" run "$scratch/run.yaml" --plugin-path "$scratch/$2" --out "$scratch/run" --quiet
  [ -z "$3" ] || expect_text "$scratch/stderr" "$3"
  [ "$1" = 0 ] || [ ! -e "$scratch/run/manifest.json" ] || complain "$2: a run that failed has a manifest"
}
runs 0 sound ""
runs 78 ABI "note: plugin $scratch/ABI/plugin.so was not loaded: was built for ABI 8, this finegrain has ABI 1"
runs 78 ABI "run.yaml:5:18: error: mine: unknown plugin 'test.broken'"
runs 78 no-symbol "note: plugin $scratch/no-symbol/plugin.so was not loaded: exports no symbol finegrain_plugin"
runs 78 "sound:$scratch/SILENT" "$scratch/SILENT/plugin.so: error: plugin kind 'test.broken' is already offered by $scratch/sound/plugin.so; remove one of the two files"
runs 78 EARLY_EMIT "run.yaml:5:3: error: mine: emits before the pipeline runs; this is a fault of the plugin"
for fault in CRASH_CREATE CRASH_PROCESS CRASH_HELPER; do
  case $fault in CRASH_CREATE) where="" ;; *) where=" in batch 1 of input 'configurations', configurations 0 to 124" ;; esac
  runs 1 $fault "finegrain: error: mine: plugin $scratch/$fault/plugin.so was stopped by a wrong memory access (SIGSEGV)$where; this is a fault of the plugin"
done
runs 1 ABORTS "mine: plugin $scratch/ABORTS/plugin.so was stopped by a call of abort (SIGABRT)"
runs 1 WRONG_SHAPE "run.yaml:5:3: error: mine: plugin test.broken emits on output 'flipped' a lattice or element it did not announce; this is a fault of the plugin"
runs 1 SILENT "run.yaml:5:3: error: mine: the plugin failed without a reason; this is a fault of the plugin"
runs 1 DOUBLE_EMIT "error: mine: plugin " # the memory is gone: a crash, or a batch that cannot be read
runs 1 WRITES_INPUT "run.yaml:5:3: error: mine: plugin $scratch/WRITES_INPUT/plugin.so writes to its input 'configurations'; this is a fault of the plugin"
# What a run cannot see: check-plugin is for that.
runs 0 KEEPS_INPUT ""

# A loop without end is ended by the second signal.
"$FINEGRAIN" run "$scratch/run.yaml" --plugin-path "$scratch/ENDLESS" --out "$scratch/endless" --quiet 2>/dev/null &
endless=$!
for _ in $(seq 600); do [ -s "$scratch/endless/log.txt" ] && break; sleep 0.1; done
sleep 0.5
for _ in $(seq 60); do
  kill -INT $endless 2>/dev/null || break
  sleep 0.5
done
wait $endless
code=$?
[ $code = 130 ] || complain "the endless run ends with $code instead of 130"

# ---- docs/plugins.md

mkdir "$scratch/home"
HOME="$scratch/home" B="${BUILD#"$tree/"}" "$PYTHON" - docs/plugins.md <<'PYTHON' || complain "docs/plugins.md"
import re, subprocess, sys

# Every line that begins with "$" is run in one shell, in order; the lines below it are in what it prints, "…" standing for
# anything.
text = open(sys.argv[1]).read()
pieces = re.split(r"^```", text, flags=re.M)
assert len(pieces) % 2 == 1, "a fence is not closed"
steps = []
for code in pieces[1::2]:
    language, body = code.split("\n", 1)
    if language:
        continue
    for line in body.splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], []])
        elif steps and "$ " in body:
            steps[-1][1].append(line)
script = "set -e\n" + "".join(f"echo '<<step {i}>>'\n{command}\n" for i, (command, _) in enumerate(steps))
done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
outputs = re.split(r"^<<step \d+>>\n", done.stdout, flags=re.M)[1:]
assert done.returncode == 0, (steps[len(outputs) - 1][0], outputs[-1][-3000:])
for (command, shown), output in zip(steps, outputs):
    for line in shown:
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        assert re.search(pattern, output), (command, line, output[-3000:])
print(len(steps), "commands,", sum(len(shown) for _, shown in steps), "lines of output")
assert len(steps) >= 14 and sum(len(shown) for _, shown in steps) >= 7
PYTHON
finish
