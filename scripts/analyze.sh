#!/usr/bin/env bash
# analyze.sh FLAGS…: gcc's analyzer over every C file of core/ and plugins/, one after another; called by 'make lint' with
# CC. Prints what it warns of and exits 1 when there is something.
set -u
cd "$(dirname "$0")/.."
found=0
for file in core/*.c core/*/*.c plugins/*/*.c; do
  flags=()
  case $file in
    *_avx2.c) flags=(-mavx2 -maes) ;;
    *_avx512.c) flags=(-mavx512bw -mavx512vbmi -mavx512vpopcntdq -mgfni -mvaes) ;;
    */rng_aesni.c) flags=(-maes) ;;
  esac
  # gcc 12 knows nothing of functions that take a pointer's target over (json_object_set_new) or fill it only when they
  # return FG_OK, and so takes what they keep for lost and what they fill for unset: -malloc-leak and -use-of-…-value are
  # left to the sanitizers, which run the tests (make sanitize).
  "$CC" "$@" "${flags[@]}" -O1 -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value \
    -Wno-analyzer-too-complex -Werror -c -o /dev/null "$file" || found=1
done
exit $found
