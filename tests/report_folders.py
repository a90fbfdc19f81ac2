# Makes a sweep's folder as 'finegrain sweep' leaves it, without running anything: numbers from a small generator, points
# that failed or are missing, texts that a page has to escape. Usage: report_folders.py FOLDER ARMS RATES REPLICAS
import csv, hashlib, json, os, random, sys

folder, arms, rates, replicas = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
random.seed(5)
axes = ["net", "train.params.rate"]
kinds = ["{plugin: network.symmetric, params: {kernel: %d}}" % (2 * k + 3) for k in range(arms - 1)]
kinds.append("<script>alert('x')</script> & \"quotes\"")
columns = ["stage", "size", "level", "observable"]
exact = {"e": -1.41908, "chi": 5.1e3, "U": 1.16787, "gamma_over_nu": 1.75, "m2": 0.31, "abs_m": None}
points, rows, combined = [], [], []


def write(name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


for a, kind in enumerate(kinds):
    for r in range(rates):
        values = [kind, "%g" % (0.01 * (r + 1))]
        found = {}
        for replica in range(replicas):
            ident = hashlib.md5(repr((values, replica)).encode()).hexdigest()
            points.append({"id": ident, "replica": replica, "seed": replica + 1, "baseline": a == 0, "values": values,
                           "shared": []})
            place = "points/%s/" % ident
            if (a, r, replica) == (1, 0, 0):  # failed twice
                write(place + "lock", "")
                for n in 1, 2:
                    write(place + "attempts/%d.log" % n, "train: error: <b>no</b> convergence\n")
                    write(place + "attempts/%d.json" % n, json.dumps(
                        {"round": 1, "code": 1, "failed": True, "error": "train: error: <b>no</b> convergence & more"}))
                continue
            if (a, r, replica) == (1, 0, 1):  # not begun
                continue
            write(place + "run/manifest.json", json.dumps(
                {"seconds": 2.0 + a + 0.1 * replica, "plugins": {"train.adam": {"version": "0.1.0", "hash": "ab" * 8}}}))
            noise = random.Random(replica)  # what replicas of one number have in common
            for size, level in ("64", 6), ("128", 7):
                for name, known in exact.items():
                    scale = abs(known or 0.6)
                    value = (known or 0.6) + scale * (0.01 * (a + 1) + 0.02 * noise.gauss(0, 1) + 0.001 * random.gauss(0, 1))
                    error = 0.02 * scale
                    known_text = "" if known is None else repr(known)
                    cells = ["thermo", size, level, name]
                    rows.append([ident, replica] + values + cells + [repr(value), repr(error), 1000, 0.5, known_text, "1"])
                    found.setdefault(tuple(cells), []).append((value, error, known_text))
        for cells, entries in found.items():
            n = len(entries)
            mean = sum(v for v, _, _ in entries) / n
            within = sum(e * e for _, e, _ in entries) ** 0.5 / n
            between = (sum((v - mean) ** 2 for v, _, _ in entries) / (n - 1) / n) ** 0.5 if n > 1 else ""
            combined.append(values + list(cells) + [repr(mean), repr(within), repr(between) if n > 1 else "", n, 1000 * n,
                                                    entries[0][2], "1"])

os.makedirs(folder, exist_ok=True)
write("plan.json", json.dumps({"finegrain_sweep": 1, "name": "made <up>", "file": "/nowhere/sweep.yaml", "plugin_path": "",
                               "sets": [], "seed": 1, "round": 1, "replicas": replicas, "axes": axes,
                               "baseline": {"net": kinds[0]}, "points": points}))
write("sweep.yaml", "finegrain: 1  # <made up>\n")
for name, head, lines in (
        ("summary.csv", ["point", "replica"] + axes + columns + ["value", "error", "n", "tau_int", "exact", "unit"], rows),
        ("combined.csv", axes + columns + ["value", "error_within", "error_between", "replicas", "n", "exact", "unit"],
         combined)):
    with open(os.path.join(folder, name), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(lines)
