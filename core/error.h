// error.h — a message built where the cause is known, carried up to where it can be shown.
#ifndef FG_CORE_ERROR_H
#define FG_CORE_ERROR_H

#include "finegrain/abi.h"

/// Plain buffer; text is "" while nothing went wrong.
typedef struct fg_error {
  char text[1024];
} fg_error;

/// Writes the message (a later one replaces an earlier one) and returns FG_FAILED.
fg_status fg_error_set(fg_error *error, const char *format, ...) FG_PRINTF(2, 3);

#endif
