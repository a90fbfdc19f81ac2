// words.c — see words.h.
#include "words.h"

#include <inttypes.h>
#include <stdio.h>

const char *fg_bytes_text(uint64_t bytes, char text[FG_WORDS]) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = (double)bytes;
  int unit = 0;
  for (; value >= 1024 && unit < 5; unit++) value /= 1024;
  if (unit)
    snprintf(text, FG_WORDS, "%.1f %s", value, units[unit]);
  else
    snprintf(text, FG_WORDS, "%" PRIu64 " B", bytes);
  return text;
}

const char *fg_duration_text(double seconds, char text[FG_WORDS]) {
  uint64_t whole = (uint64_t)(seconds < 0 ? 0 : seconds);
  if (whole < 60)
    snprintf(text, FG_WORDS, "%.1f s", seconds);
  else if (whole < 3600)
    snprintf(text, FG_WORDS, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
  else
    snprintf(text, FG_WORDS, "%" PRIu64 " h %" PRIu64 " min", whole / 3600, whole / 60 % 60);
  return text;
}
