#!/usr/bin/env bash
# Reports of a run and of a sweep: made at the end of a run and by hand, without gnuplot, from what is unfinished or
# damaged; then opened in headless Chromium (report_browser.py), if there is one. Parts of a page: test_report.c.
. "$(dirname "$0")/common.sh"

cat >"$scratch/p.yaml" <<'YAML'
finegrain: 1
name: reported <i>
seed: 7
stages:
  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 2000}}
  block: {plugin: coarsen.majority, input: sample}
  net: {plugin: network.symmetric, params: {kernel: 5}}
  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}
  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 4, configurations: 300}}
  thermo: {plugin: estimate.thermo, input: dream}
  sampled: {plugin: estimate.thermo, input: sample}
  picture: {plugin: sink.snapshot, input: dream, params: {height: 64}}
YAML
run="$scratch/run" page="$scratch/run/report.html"

# section PAGE ID: that section's markup.
section() { sed -n "/<section id=\"$2\"/,/<\/section>/p" "$1"; }
# self_contained PAGE: nothing in it is fetched; links lead into the folder, and were there when it was made.
self_contained() {
  grep -nE 'https?://|//[a-z]+\.|@import|url\(|<link|<iframe|<object|src="[^d]|srcset' "$1" && complain "$1 fetches something"
  [ "$(grep -c '<script' "$1")" -eq 1 ] || complain "$1 has a script that is not its own"
  for target in $(grep -oE 'href="[^#"][^"]*"' "$1" | sed 's/^href="//; s/"$//' | sort -u | head -20); do
    [[ $target =~ ^points/[0-9a-f]{32}/(run/report.html|attempts/[0-9]+.log)$ ]] || complain "$1 links to $target"
  done
}

# The end of a run makes it; each drawing is there; the scripts run by hand and make the very same drawing.
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$run" --threads 1
expect_text "$scratch/stderr" "report.html"
[ -s "$page" ] || { complain "no report.html"; finish; }
self_contained "$page"
for id in key-figures pictures observables scaling models tables timing provenance; do
  [ -n "$(section "$page" $id)" ] || complain "no section $id"
done
expect_text "$page" "<h1>reported &lt;i&gt;</h1>"
expect_text "$page" "data:image/png;base64,iVBORw0KGgo"
expect_text "$page" "name: &quot;reported &lt;i&gt;&quot;"
[ "$(section "$page" observables | grep -c '<tr><td>')" -eq "$(($(wc -l <"$run/summary.csv") - 1))" ] ||
  complain "the table has not as many rows as summary.csv"
[ "$(section "$page" models | grep -c '<rect ')" -ge 1 ] || complain "no kernel is drawn"
for name in e chi U residuals; do
  for ending in gp dat svg; do [ -s "$run/report/$name.$ending" ] || complain "no report/$name.$ending"; done
done
grep -q 'class="missing"' "$page" && complain "a drawing is missing"
cp -r "$run/report" "$scratch/by-hand"
for script in "$scratch"/by-hand/*.gp; do
  (cd "$scratch/by-hand" && rm "$(basename "$script" .gp).svg" && gnuplot -d "$(basename "$script")") >"$scratch/said" 2>&1 ||
    complain "$script fails"
  [ -s "$scratch/said" ] && complain "$script makes gnuplot say: $(tail -1 "$scratch/said")"
done
# Pens that draw nothing depend on what gnuplot drew before.
for drawing in "$run"/report/*.svg; do
  diff <(grep -v '^</\?g' "$drawing") <(grep -v '^</\?g' "$scratch/by-hand/$(basename "$drawing")") >"$scratch/diff" ||
    complain "$(basename "$drawing") by hand is another drawing: $(head -5 "$scratch/diff")"
done

# By hand: the same page, again and again; the path is what is printed.
cp "$page" "$scratch/first.html"
expect_code 0 "$FINEGRAIN" report "$run/"
[ "$(cat "$scratch/stdout")" = "$page" ] || complain "printed $(cat "$scratch/stdout")"
cmp "$page" "$scratch/first.html" || complain "the page made by hand differs"

# Another run of the same pipeline, with other threads, has the same numbers and plots.
expect_code 0 "$FINEGRAIN" run "$scratch/p.yaml" --out "$scratch/run2" --threads 2 --quiet
diff -r "$run/report" "$scratch/run2/report" || complain "plots depend on the threads"
for id in key-figures pictures observables scaling models tables; do
  cmp <(section "$page" $id) <(section "$scratch/run2/report.html" $id) || complain "section $id depends on the threads"
done

# --force removes the report with the run it belongs to.
sed '/thermo\|sampled\|picture/d' "$scratch/p.yaml" >"$scratch/q.yaml"
expect_code 0 "$FINEGRAIN" run "$scratch/q.yaml" --out "$scratch/run2" --force --quiet
[ -e "$scratch/run2/report" ] && complain "--force left the earlier run's plots"
[ -s "$scratch/run2/report.html" ] || complain "no report without estimates"

# Without gnuplot: notes in place of plots, a warning, and the numbers all the same.
mkdir "$scratch/no-programs"
cp -r "$run" "$scratch/bare"
expect_code 0 env PATH="$scratch/no-programs" "$FINEGRAIN" report "$scratch/bare"
expect_text "$scratch/stderr" "warning: gnuplot is not installed"
[ "$(grep -c 'class="missing"' "$scratch/bare/report.html")" -eq "$(find "$run/report" -name '*.gp' | wc -l)" ] ||
  complain "not every missing plot has its note"
[ -s "$scratch/bare/report/chi.dat" ] || complain "no numbers without gnuplot"

# Unfinished, damaged, not there.
cp -r "$run" "$scratch/open"
rm "$scratch/open/manifest.json" "$scratch/open/results.h5" "$scratch/open/summary.csv"
expect_code 0 "$FINEGRAIN" report "$scratch/open"
expect_text "$scratch/open/report.html" "unfinished"
expect_text "$scratch/open/report.html" "data:image/png"
[ -n "$(section "$scratch/open/report.html" progress)" ] || complain "no progress of an unfinished run"
cp -r "$run" "$scratch/torn"
head -c 3000 "$run/summary.csv" >"$scratch/torn/summary.csv"
head -c 5000 "$run/results.h5" >"$scratch/torn/results.h5"
expect_code 0 "$FINEGRAIN" report "$scratch/torn"
expect_text "$scratch/torn/report.html" "summary.csv:"
expect_text "$scratch/torn/report.html" "no sound HDF5 file"
echo '{"name": 1' >"$scratch/torn/manifest.json"
expect_code 0 "$FINEGRAIN" report "$scratch/torn"
expect_text "$scratch/torn/report.html" "manifest.json is damaged"
expect_code 1 "$FINEGRAIN" report "$scratch/nowhere"
expect_text "$scratch/stderr" "nowhere: No such file or directory"
expect_code 1 "$FINEGRAIN" report "$scratch/no-programs"
expect_text "$scratch/stderr" "holds neither a run"
expect_code 2 "$FINEGRAIN" report
expect_code 2 "$FINEGRAIN" report "$run" --fast
expect_code 0 "$FINEGRAIN" report --help

# A sweep, made up, with a failed and a missing point and texts that must be escaped.
sweep="$scratch/sweep"
"$PYTHON" tests/report_folders.py "$sweep" 4 2 4
expect_code 0 "$FINEGRAIN" report "$sweep"
self_contained "$sweep/report.html"
for id in points metrics differences cost failures provenance; do
  [ -n "$(section "$sweep/report.html" $id)" ] || complain "no section $id of the sweep"
done
expect_text "$sweep/report.html" "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
expect_text "$sweep/report.html" "train: error: &lt;b&gt;no&lt;/b&gt; convergence &amp; more"
expect_text "$sweep/report.html" "30 done"
[ "$(section "$sweep/report.html" points | grep -oE 'class="done" title="[0-9a-f]{32}' | wc -l)" -eq 30 ] ||
  complain "not every finished point is in the matrix"
for name in e-thermo difference-e-thermo cost-e-thermo; do
  [ -s "$sweep/report/$name.svg" ] || complain "no report/$name.svg of the sweep"
done
# The paired difference of the seventh arm from its baseline, from summary.csv with another program.
"$PYTHON" - "$sweep" <<'PY' || complain "a paired difference is not what it should be"
import csv, json, re, sys

folder = sys.argv[1]
arms = {}  # values: {point: replica}, in the plan's order
for point in json.load(open(folder + "/plan.json"))["points"]:
    arms.setdefault(tuple(point["values"]), {})[point["id"]] = point["replica"]
rows = [row for row in csv.DictReader(open(folder + "/summary.csv")) if row["size"] == "128" and row["observable"] == "chi"]
replicas = lambda arm: {arm[row["point"]]: float(row["value"]) for row in rows if row["point"] in arm}
names = list(arms)
arm, baseline = replicas(arms[names[6]]), replicas(arms[names[0]])
differences = [arm[r] - baseline[r] for r in range(4)]
mean = sum(differences) / 4
half = 3.182446305 * (sum((d - mean) ** 2 for d in differences) / 3) ** 0.5 / 2  # t of 3 degrees of freedom
cells = re.findall(r'data-v="([^"]+)">(?:<b>)?[^<]*(?:</b>)? <span class="soft">\[([^,]+), ([^\]]+)\]',
                   open(folder + "/report.html").read())
number = lambda text: float(text.replace("−", "-"))
found = [(number(low), number(high)) for value, low, high in cells if abs(float(value) - mean) < 1e-9 * abs(mean)]
print("difference of chi %.4f ± %.4f; the page has %s" % (mean, half, found))
assert len(found) == 1 and abs(found[0][0] - (mean - half)) < 0.06 * half and abs(found[0][1] - (mean + half)) < 0.06 * half
PY
rm "$sweep/combined.csv"
expect_code 0 "$FINEGRAIN" report "$sweep"
expect_text "$sweep/report.html" "finegrain sweep merge"
[ -e "$sweep/report/e-thermo.gp" ] && complain "plots of an earlier report were left"
"$PYTHON" tests/report_folders.py "$sweep" 4 2 4
expect_code 0 "$FINEGRAIN" report "$sweep"

# A thousand points and more: quick, and without a link for each.
"$PYTHON" tests/report_folders.py "$scratch/large" 23 25 8
expect_code 0 timeout 60 "$FINEGRAIN" report "$scratch/large"
expect_text "$scratch/large/report.html" "8/8"

# The small ablation, as users run it.
expect_code 0 "$FINEGRAIN" sweep run pipelines/ablation/small.yaml --out "$scratch/ablation" --jobs 2 --quiet
ablation="$scratch/ablation/report.html"
self_contained "$ablation"
[ "$(section "$ablation" points | grep -oE 'class="done" title="[0-9a-f]{32}' | wc -l)" -eq 30 ] || complain "not all of the ablation's points are done"
for label in "symmetric kernel 3, 500" "conv symmetrize d4+z2, 2000"; do expect_text "$ablation" "$label"; done
for name in e-thermo U-thermo nll-score difference-nll-score cost-e-thermo; do
  [ -s "$scratch/ablation/report/$name.svg" ] || complain "no report/$name.svg of the ablation"
done

# In a browser.
[ $bad -eq 0 ] || finish
if ! chromium=$(command -v chromium); then
  echo "all but the browser: there is no chromium"
  exit 77
fi
if ! timeout 100 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$scratch/probe" --dump-dom about:blank >"$scratch/probe.html" 2>/dev/null </dev/null; then
  [ $bad -eq 0 ] || exit 1
  echo "all but the browser: $chromium does not start on this machine within 100 s"
  exit 77
fi
"$PYTHON" tests/report_browser.py "$chromium" "$scratch" "run=$page" "sweep=$sweep/report.html" "ablation=$ablation" || complain "the browser finds faults"
finish
