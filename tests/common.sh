# common.sh — what the command-line tests share: a scratch folder, a counter of failures, a pipeline in one line.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

# complain TEXT: records a failure and goes on.
complain() { echo "FAILED: $*"; bad=1; }

# expect_code WANTED COMMAND…: runs it, output in $scratch/stdout and stderr.
expect_code() {
  local wanted=$1
  shift
  "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
  local code=$?
  [ $code -eq "$wanted" ] || { complain "exit $code instead of $wanted: $*"; cat "$scratch/stderr"; }
}

# expect_text FILE TEXT: the file contains the text.
expect_text() { grep -qF -- "$2" "$1" || { complain "'$2' not in $(basename "$1"):"; head -20 "$1"; }; }

# estimate DIR STAGE SIZE OBSERVABLE COLUMN: a cell of summary.csv; the columns are those of schemas/results.md.
estimate() {
  awk -F, -v stage="$2" -v size="$3" -v name="$4" -v want="$5" '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) column = i }
    $1 == stage && $2 == size && $4 == name { print $column }' "$1/summary.csv"
}

# near ACTUAL EXPECTED TOLERANCE WHAT
near() {
  awk -v a="$1" -v e="$2" -v t="$3" 'BEGIN { d = a - e; exit !(a != "" && d <= t && -d <= t) }' ||
    complain "$4 = $1, expected $2 ± $3"
  echo "$4 = $1 (expected $2 ± $3)"
}

finish() { exit $bad; }
