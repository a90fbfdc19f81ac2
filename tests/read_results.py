"""read_results.py RUN: what a run leaves is what schemas/results.md says, read with h5py and csv and none of our code."""
import csv
import json
import math
import os
import re
import sys

import h5py
import numpy

CSV_COLUMNS = ["stage", "size", "level", "observable", "value", "error", "n", "tau_int", "exact", "unit"]
faults = []


def expect(condition, message):
    if not condition:
        faults.append(message)
    return condition


def check_root(attributes):
    for name in ["version", "name", "seed", "pipeline_hash", "machine", "start"]:
        text = attributes.get(name)
        expect(isinstance(text, str) and text, f"root attribute {name} is {text!r}")
    expect(re.fullmatch(r"\d+", attributes.get("seed", "")), "seed is not a number")
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", attributes.get("start", "")), "start is not a UTC time")
    wall = attributes.get("wall_time_seconds")
    expect(wall is not None and wall >= 0, f"wall_time_seconds is {wall!r}")
    plugins = {name[len("plugin_") :]: attributes[name] for name in attributes if name.startswith("plugin_")}
    expect(plugins, "no plugin_<kind> attribute")
    for kind, text in plugins.items():
        expect(re.fullmatch(r"version \S+, file hash [0-9a-f]+", text), f"plugin_{kind} is {text!r}")
    return plugins


def check_manifest(path, attributes, plugins):
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    expect(str(manifest["seed"]) == attributes["seed"], "the manifest has another seed")
    expect(manifest["pipeline_hash"] == attributes["pipeline_hash"], "the manifest has another pipeline hash")
    expect(manifest["plugins"].keys() == plugins.keys(), "the manifest has other plugins")
    for kind, text in plugins.items():
        known = manifest["plugins"].get(kind, {})
        expect(text == f"version {known.get('version')}, file hash {known.get('hash')}", f"plugin {kind}: {text}, {known}")


def check_table(name, table):
    if not expect(table.dtype.names and table.ndim == 1, f"{name} is not a list of compound rows"):
        return
    wanted = {f"{what}_{column}" for column in table.dtype.names for what in ("unit", "description")}
    expect(set(table.attrs) == wanted, f"{name}: attributes {sorted(set(table.attrs) ^ wanted)} missing or too many")
    for column in table.dtype.names:
        dtype = table.dtype[column]
        text = dtype.kind == "S"
        expect(text or dtype in (numpy.dtype("<f8"), numpy.dtype("<i8")), f"{name}.{column} is {dtype}")
        expect(text or table.attrs.get(f"unit_{column}"), f"{name}.{column} has no unit")
        expect(table.attrs.get(f"description_{column}"), f"{name}.{column} has no description")


def check_model(name, group):
    expect(isinstance(group.attrs.get("network"), str), f"{name} names no network")
    expect(isinstance(json.loads(group.attrs["hyperparameters"]), dict), f"{name}: hyperparameters are no JSON object")
    weights = group["weights"]
    expect(weights.ndim == 1 and weights.dtype == numpy.dtype("<f8"), f"{name}: weights are {weights.dtype}")
    expect(weights.attrs.get("unit") and weights.attrs.get("description"), f"{name}: weights without unit or description")
    expect(numpy.isfinite(weights[()]).all(), f"{name}: weights are not finite")


def check_times(file):
    def visit(name, _):
        expect(h5py.h5g.get_objinfo(file.id, name.encode()).mtime == 0, f"{name} has a time")

    file.visititems(visit)


def same_cell(text, cell):
    if isinstance(cell, bytes):
        return text == cell.decode("utf-8")
    if isinstance(cell, numpy.integer):
        return text == str(int(cell))
    return text == "" if math.isnan(cell) else text != "" and float(text) == float(cell)


def stages_in_order(path):
    """Stage names of the resolved pipeline.yaml: keys with two blanks before them under `stages:`."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    body = re.search(r"^stages:\n((?:[ #].*\n|\n)*)", text, re.M)
    return re.findall(r"^  ([A-Za-z_][A-Za-z0-9_-]*):", body.group(1), re.M) if body else []


def check_summary(path, file, pipeline):
    with open(path, newline="", encoding="utf-8") as text:
        rows = list(csv.reader(text))
    expect(rows[0] == CSV_COLUMNS, f"summary.csv begins with {rows[0]}")
    expect(all(len(row) == len(CSV_COLUMNS) for row in rows), "summary.csv has rows of other lengths")
    stages = list(dict.fromkeys(row[0] for row in rows[1:]))
    expect([row[0] for row in rows[1:]] == [s for s in stages for row in rows[1:] if row[0] == s], "summary.csv: stages mixed")
    if os.path.exists(pipeline):
        order = [s for s in stages_in_order(pipeline) if s in stages]
        expect(order == stages, f"summary.csv has the stages as {stages}, the pipeline as {order}")
    tables = {name: group["estimates"][()] for name, group in file["stages"].items() if "estimates" in group}
    expect({name for name, table in tables.items() if len(table)} == set(stages), "summary.csv: other stages than results.h5")
    for stage, table in tables.items():
        mine = [row for row in rows[1:] if row[0] == stage]
        expect(len(mine) == len(table), f"{stage}: {len(mine)} rows in summary.csv, {len(table)} in results.h5")
        for row, stored in zip(mine, table):
            for column, text in zip(CSV_COLUMNS[1:], row[1:]):
                expect(same_cell(text, stored[column]), f"{stage}.{column}: {text!r} in summary.csv, {stored[column]!r} in results.h5")
    return len(rows) - 1


def main(run):
    with h5py.File(os.path.join(run, "results.h5"), "r") as file:
        plugins = check_root(file.attrs)
        manifest = os.path.join(run, "manifest.json")
        if os.path.exists(manifest):
            check_manifest(manifest, file.attrs, plugins)
        tables = 0
        for stage, group in file["stages"].items():
            for name, table in group.items():
                check_table(f"{stage}/{name}", table)
                tables += 1
        for stage, group in file["models"].items():
            check_model(f"models/{stage}", group)
        check_times(file)
        rows = check_summary(os.path.join(run, "summary.csv"), file, os.path.join(run, "pipeline.yaml"))
        models = len(file["models"])
    for fault in faults[:20]:
        print("FAULT:", fault)
    print(f"{run}: {tables} tables, {models} models, {rows} estimates, {len(plugins)} plugins, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main(sys.argv[1]))
