#!/usr/bin/env bash
# install-dependencies.sh [build] [test] [demo] [lint]: on Debian, installs what these groups need and the machine
# lacks, as root or through sudo, saying what and why; says and does nothing when all is there. Elsewhere it lists what
# is missing and exits 1. Without arguments: build. The demo needs what the build needs.
set -euo pipefail

# How one sees that something is there.
program() { command -v "$1" >/dev/null; }
header() { echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1; }
library() { pkg-config --exists "$1" 2>/dev/null; }
fuzzer() { echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d || !n ? 0 : 0; }' | clang -fsanitize=fuzzer -x c -o /dev/null - >/dev/null 2>&1; }
module() { /usr/bin/python3 -c "import $1" 2>/dev/null; } # the system's: another python3 in PATH may lack h5py

# group | Debian package | how one sees that it is there | what it is for
needs='
build | gcc              | program cc                | compiles everything
build | libc6-dev        | header stdio.h            | the headers of the C library
build | make             | program make              | drives the build
build | pkg-config       | program pkg-config        | finds the libraries
build | libyaml-dev      | library yaml-0.1          | reads pipelines
build | libzstd-dev      | library libzstd           | compresses streams
build | libhdf5-dev      | library hdf5-serial       | writes results.h5
build | libjansson-dev   | library jansson           | reads and writes JSON
build | libxxhash-dev    | library libxxhash         | checks streams
build | libgsl-dev       | library gsl               | linear algebra of the trainer
build | libpng-dev       | library libpng            | writes snapshots
build | libdnnl-dev      | header dnnl.h             | runs convolutional networks
build | gnuplot-nox      | program gnuplot           | draws the plots of reports
build | libnlopt-dev     | library nlopt             | searches weights without derivatives
build | libfftw3-dev     | library fftw3             | transforms configurations for correlations
test  | libcunit1-dev    | header CUnit/Basic.h      | runs the unit tests
test  | librandom123-dev | header Random123/philox.h | the generator ours is compared with
test  | python3          | program /usr/bin/python3  | reads results without our code
test  | python3-numpy    | module numpy              | the same
test  | python3-h5py     | module h5py               | the same
test  | graphviz         | program dot               | draws what finegrain graph prints
test  | chromium         | program chromium          | opens reports
test  | clang            | program clang             | the second compiler that must be content
test  | libclang-rt-14-dev | fuzzer                | the sanitizers and the fuzzer of clang
test  | g++              | program g++               | the headers are C++, too
test  | python3-jsonschema | module jsonschema       | checks the schema that editors use
test  | python3-yaml     | module yaml               | reads pipelines for that
test  | python3-zstandard | module zstandard         | reads streams without our code
test  | python3-xxhash   | module xxhash             | the same
test  | strace           | program strace            | makes system calls fail
test  | slurmctld        | program slurmctld         | runs sweeps as on a cluster
test  | slurmd           | program slurmd            | the same
test  | slurm-client     | program sbatch            | the same
test  | munge            | program munged            | the same
lint  | clang-format     | program clang-format      | checks the layout of the code
lint  | clang-tidy       | program clang-tidy        | looks for bugs and bad style
lint  | cppcheck         | program cppcheck          | the same, by other means
'

[ $# -gt 0 ] || set -- build
groups=" "
for argument; do
  case $argument in
    build | test | lint) groups+="$argument " ;;
    demo) groups+="build " ;;
    *) echo "usage: $0 [build] [test] [demo] [lint]" >&2; exit 2 ;;
  esac
done

# On Debian what is installed counts as there even if it does not show: installing it again would not help.
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=() reasons=()
while IFS='|' read -r group package probe reason; do
  group=${group// /} package=${package// /}
  [[ $group && $groups == *" $group "* ]] || continue
  # shellcheck disable=SC2086 # a probe is a function and its argument
  if $probe || installed "$package"; then continue; fi
  missing+=("$package")
  reasons+=("$(printf '  %-17s%s' "$package" "$reason")")
done <<<"$needs"
[ ${#missing[@]} -gt 0 ] || exit 0

if ! program apt-get || ! program dpkg-query; then
  echo "This is not Debian. Please install what these packages of Debian have:" >&2
  printf '%s\n' "${reasons[@]}" >&2
  exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! program sudo; then
    echo "Neither root nor sudo. As root, please run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq "$@"; }

echo "Installing with apt-get${root[*]:+ (through sudo)}:"
printf '%s\n' "${reasons[@]}"
known=yes
for package in "${missing[@]}"; do [ -n "$(apt-cache show "$package" 2>/dev/null)" ] || known=no; done
[ $known = yes ] || apt update
# Lists that are there may be older than the archive: one more try with new ones.
apt install -y --no-install-recommends "${missing[@]}" ||
  { [ $known = yes ] && apt update && apt install -y --no-install-recommends "${missing[@]}"; }
