// scalar.h — text to numbers, the way YAML 1.2 reads them, with units where a unit exists. Nothing here reports:
// callers know the place.
#ifndef FG_CORE_SCALAR_H
#define FG_CORE_SCALAR_H

#include "finegrain/abi.h"

#include <stdbool.h>

typedef enum fg_scalar_result {
  FG_SCALAR_OK = 0,
  FG_SCALAR_NOT_A_NUMBER, ///< nothing like a number
  FG_SCALAR_NOT_INTEGER,  ///< a number, but 2.5 where an integer is asked for (1e6 and 2.0 are integers)
  FG_SCALAR_TOO_LARGE,    ///< beyond int64_t, or not finite
  FG_SCALAR_BAD_UNIT,     ///< "64 MB/s"
} fg_scalar_result;

/// YAML 1.2 core schema: 12, -3, 0x1f, 0o17, 1e6, 1_000 is text, .inf and .nan are TOO_LARGE. `unit` as in
/// fg_param.unit: "B" accepts B KiB MiB GiB TiB kB MB GB TB, "s" accepts ns us ms s min h d; other units accept none;
/// a blank before the unit is optional. The result is in base units; an integer result is exact.
fg_scalar_result fg_scalar_integer(const char *text, const char *unit, int64_t *value);
fg_scalar_result fg_scalar_real(const char *text, const char *unit, double *value);
/// true/false (also True, TRUE …); FG_SCALAR_NOT_A_NUMBER otherwise.
fg_scalar_result fg_scalar_bool(const char *text, bool *value);

/// Why a value was refused, e.g. "is not an integer".
const char *fg_scalar_reason(fg_scalar_result result);

#endif
