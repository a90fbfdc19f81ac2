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
  FG_SCALAR_TOO_LARGE,    ///< beyond int64_t, or beyond double
  FG_SCALAR_NOT_FINITE,   ///< .inf, .nan
  FG_SCALAR_BAD_UNIT,     ///< "64 MB/s" where bytes are asked for
} fg_scalar_result;

/// YAML 1.2 core schema: 12, -3, 007 (seven), 0x1f, 0o17, 1e6, +.5; 1_000 is text. `unit` as in fg_param.unit: "B"
/// accepts B KiB MiB GiB TiB kB MB GB TB, "s" accepts ns us ms s min h d, any other (or NULL) accepts none; blanks
/// before the unit are optional, 0x1f and 0o17 take no unit. The result is in base units. An integer is exact: it never
/// goes through a double, so 1.5 KiB is 1536 and 9007199254740993.0 is not rounded. A real is correctly rounded, except
/// that with a unit the last digit may differ.
fg_scalar_result fg_scalar_integer(const char *text, const char *unit, int64_t *value);
fg_scalar_result fg_scalar_real(const char *text, const char *unit, double *value);
/// true, True, TRUE, false, False, FALSE; FG_SCALAR_NOT_A_NUMBER otherwise (yes, on and 1 are no truth values).
fg_scalar_result fg_scalar_bool(const char *text, bool *value);
/// YAML 1.2's null, which an unquoted scalar may be: nothing at all, ~, null, Null, NULL.
bool fg_scalar_is_null(const char *text);

/// Why a value was refused, e.g. "is not an integer".
const char *fg_scalar_reason(fg_scalar_result result);
/// The units a number of this `unit` may carry, e.g. "ns, us, ms, s, min, h or d"; NULL when it takes none.
const char *fg_scalar_units(const char *unit);

#endif
