// error.c — see error.h.
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

fg_status fg_error_set(fg_error *error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  return FG_FAILED;
}
