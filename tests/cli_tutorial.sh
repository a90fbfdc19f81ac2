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
for name, body in re.findall(r"Save this as `(\S+)`:\n\n```yaml\n(.*?)```", text, re.S):
    open(f"{folder}/{name}", "w").write(body)
for block in re.findall(r"^```\n(.*?)```", text, re.S | re.M):
    lines = block.splitlines()
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
