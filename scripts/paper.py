#!/usr/bin/env python3
"""Runs pipelines/paper and fills the numbers they find into docs/paper.in.md, which gives docs/paper.md.

usage: scripts/paper.py FINEGRAIN [--published WEIGHTS.json] [--fill-only]

A place {{RUN STAGE SIZE OBSERVABLE}} becomes value(error), from the row of runs/RUN/summary.csv; with " exact" or
" sigma" at its end, the exact value or the deviation from it in errors. {{RUN STAGE/TABLE KEY=VALUE… COLUMN [ERROR]}}
is a cell of a table of results.h5. {{seconds RUN}} is how long a run took, {{machine}} where, {{total}} all runs together.
Pipelines that need published weights are left out when there are none, and so are the lines that tell of them.
"""

import argparse
import csv
import json
import math
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNS = ["paper-training", "paper-training-weighted", "paper-training-L128", "paper-sampled", "paper-rg-sampled",
        "paper-dreams", "paper-rg-dreams"]
PUBLISHED_RUNS = ["paper-published", "paper-scores"]


def fail(text):
    sys.exit("paper.py: " + text)


def formatted(value, error):
    """-1.3075(4): the error in units of the last digit shown, two digits of it when the first is 1."""
    if value is None:
        return "—"
    if not error or not math.isfinite(error):
        return f"{value:.6g}".replace("-", "−")
    exponent = math.floor(math.log10(error))
    digits = 1 - exponent if round(error / 10**exponent, 1) < 2 else -exponent
    if digits <= 0:
        return f"{value:.0f}({error:.0f})".replace("-", "−")
    return f"{value:.{digits}f}({round(error * 10**digits)})".replace("-", "−")


class Runs:
    """What the runs found, read when asked for."""

    def __init__(self, have_published):
        self.have_published = have_published
        self.rows = {}

    def folder(self, run):
        return os.path.join(ROOT, "runs", run)

    def summary(self, run):
        if run not in self.rows:
            with open(os.path.join(self.folder(run), "summary.csv"), encoding="utf-8") as file:
                self.rows[run] = list(csv.DictReader(file))
        return self.rows[run]

    def manifest(self, run):
        with open(os.path.join(self.folder(run), "manifest.json"), encoding="utf-8") as file:
            return json.load(file)

    def estimate(self, run, stage, size, observable, what="value"):
        found = [row for row in self.summary(run)
                 if (row["stage"], row["size"], row["observable"]) == (stage, size, observable)]
        if len(found) != 1:
            fail(f"{run}: {len(found)} rows of {stage}, size {size}, {observable}")
        number = {key: float(found[0][key]) if found[0][key] else None for key in ("value", "error", "exact")}
        if what == "exact":
            return formatted(number["exact"], None)
        if what == "sigma":
            return f"{(number['value'] - number['exact']) / number['error']:+.1f}".replace("-", "−")
        return formatted(number["value"], number["error"])

    def cell(self, run, place, words):
        import h5py  # the system's: only tables need it

        keys, columns = [word.split("=", 1) for word in words if "=" in word], [word for word in words if "=" not in word]
        with h5py.File(os.path.join(self.folder(run), "results.h5"), "r") as file:
            table = file["stages/" + place][()]
        for key, value in keys:
            kept = [row for row in table if str(row[key].decode() if isinstance(row[key], bytes) else row[key]) == value]
            table = kept
        if len(table) != 1:
            fail(f"{run}: {len(table)} rows of {place} with {keys}")
        return formatted(float(table[0][columns[0]]), float(table[0][columns[1]]) if len(columns) > 1 else None)

    def fill(self, match):
        words = match.group(1).split()
        if words[0] == "seconds":
            return f"{self.manifest(words[1])['seconds']:.0f}"
        if words[0] == "total":
            return f"{sum(self.manifest(run)['seconds'] for run in self.all()) / 60:.0f}"
        if words[0] == "machine":
            return machine()
        if "/" in words[1]:
            return self.cell(words[0], words[1], words[2:])
        return self.estimate(*words)

    def all(self):
        return RUNS + (PUBLISHED_RUNS if self.have_published else [])


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    return f"{os.cpu_count()} cores of {model}"


def run_pipeline(finegrain, run):
    name = run.removeprefix("paper-")
    print(f"--- {run}", flush=True)
    command = [finegrain, "run", f"pipelines/paper/{name}.yaml", "--out", f"runs/{run}", "--force", "--quiet"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        fail(f"{' '.join(command)} failed")


def fill(runs):
    with open(os.path.join(ROOT, "docs/paper.in.md"), encoding="utf-8") as file:
        text = file.read()
    lines = text.split("\n")
    if not runs.have_published:
        lines = [line for line in lines if not re.search(r"\{\{(seconds )?(paper-published|paper-scores)", line)]
    text = re.sub(r"\{\{([^}]*)\}\}", runs.fill, "\n".join(lines))
    with open(os.path.join(ROOT, "docs/paper.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print("docs/paper.md is written")


def main():
    parser = argparse.ArgumentParser(description="Run pipelines/paper and write docs/paper.md.")
    parser.add_argument("finegrain", help="the program")
    parser.add_argument("--published", help="published_weights.json; without it nothing is said of published weights")
    parser.add_argument("--fill-only", action="store_true", help="take the runs as they are")
    given = parser.parse_args()
    published = given.published if given.published and os.path.exists(given.published) else None
    runs = Runs(published is not None)
    if not given.fill_only:
        if published:
            subprocess.run([sys.executable, "scripts/import-published-weights.py", published, "runs/published", "--force"],
                           cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        for run in runs.all():
            run_pipeline(given.finegrain, run)
    fill(runs)


if __name__ == "__main__":
    main()
