#!/usr/bin/env bash
# Runs docs/tutorial.md as written: its YAML files, then every line that begins with '$', in order; the messages it
# shows must be the messages it gets.
. "$(dirname "$0")/common.sh"
ln -s "$(dirname "$FINEGRAIN")" "$scratch/build"
ln -s "$PWD/pipelines" "$scratch/pipelines"
"$PYTHON" - docs/tutorial.md "$scratch" <<'E2' || complain "docs/tutorial.md"
import re, subprocess, sys

text, folder = open(sys.argv[1]).read(), sys.argv[2]
ran = 0
# Fences pair up: odd pieces are code, the first line being the language.
pieces = re.split(r"^```", text, flags=re.M)
assert len(pieces) % 2 == 1, "a fence is not closed"
for before, code in zip(pieces[::2], pieces[1::2]):
    language, body = code.split("\n", 1)
    save = re.search(r"Save this as `(\S+)`:\n\n$", before)
    if save:
        open(f"{folder}/{save[1]}", "w").write(body)
    if language:
        continue
    lines = body.splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("$ "):
            continue
        expected = [l for l in lines[at + 1 :] if not l.startswith("$ ")]
        done = subprocess.run(line[2:], shell=True, cwd=folder, capture_output=True, text=True)
        ran += 1
        wanted = 78 if expected else 0
        assert done.returncode == wanted, (line, done.returncode, done.stderr[-2000:])
        for shown in expected:
            assert shown in done.stderr, (shown, done.stderr)
print(ran, "commands")
assert ran >= 7
E2
finish
