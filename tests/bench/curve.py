#!/usr/bin/env python3
"""How the time of a dream from one spin grows with the number of spins N: runs `bench curve`, and writes the figures to
docs/dream-cost.csv and, with gnuplot, docs/dream-cost.svg.

    tests/bench/curve.py [--build build] [--rounds 3] [--json RESULTS]      RESULTS: of a run of bench curve that is there
"""

import argparse
import csv
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLOT = """
set terminal svg size 760,470 background rgb 'white' font 'sans,13'
set output '{svg}'
set logscale xy
set format y '10^{{%L}}'
set xlabel 'spins N of the last lattice'
set ylabel 'CPU seconds'
set xtics ({tics})
set key left top
set grid
set datafile separator ','
rate(x) = x / {rate}e9
plot {curves}, rate(x) with lines dashtype 2 linecolor rgb '#888888' title 'N / ({rate}·10⁹ per second)'
"""


def read_results(path):
    """(N's exponent, contestant) → best CPU seconds, for contestants that use one thread."""
    times = {}
    for result in json.loads(path.read_text())["results"]:
        found = re.fullmatch(r"curve, N = 2\^(\d+)", result["task"])
        if found and result["threads"] == 1:
            times[int(found[1]), result["contestant"]] = result["cpu_seconds"]
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--json", type=pathlib.Path)
    chosen = parser.parse_args()
    results = chosen.json
    if not results:
        results = chosen.build / "curve.json"
        bench = chosen.build / "tests/bench/bench"
        subprocess.run([bench, "--rounds", chosen.rounds, "--json", results, "curve"], check=True)
    times = read_results(results)
    table, svg = ROOT / "docs/dream-cost.csv", ROOT / "docs/dream-cost.svg"
    contestants = sorted({name for _, name in times})
    exponents = sorted({exponent for exponent, _ in times})
    with table.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["N", *(f"{name} {which}" for name in contestants for which in ("best", "median"))])
        for exponent in exponents:
            row = [2**exponent]
            for name in contestants:
                seconds = times.get((exponent, name), {})
                row += [seconds.get("best", ""), seconds.get("median", "")]
            rows.writerow(row)
    largest, fastest = max(exponents), min(contestants, key=lambda name: times[max(exponents), name]["best"] if (max(exponents), name) in times else 1e9)
    rate = round(2**largest * 4 / 3 / times[largest, fastest]["best"] / 1e9)
    curves = ", ".join(
        f"'{table}' using 1:{2 + 2 * k} every ::1 with linespoints pointtype 7 pointsize 0.6 title '{name}'"
        for k, name in enumerate(contestants)
    )
    tics = ", ".join(f"'2^{{{e}}}' {2**e}" for e in exponents if e % 4 == 0 or e == exponents[0])
    subprocess.run(["gnuplot"], input=PLOT.format(svg=svg, tics=tics, curves=curves, rate=rate), text=True, check=True)


if __name__ == "__main__":
    main()
