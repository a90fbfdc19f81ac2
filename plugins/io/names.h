// names.h — a list of names in a message.
#ifndef PLUGINS_IO_NAMES_H
#define PLUGINS_IO_NAMES_H

#include <stdio.h>

#define NAMES_SHOWN 20u

/// "a, b, c"; more than NAMES_SHOWN are cut with "…". Writes at most `size` bytes, returns `buffer`.
static inline const char *names_joined(char *buffer, size_t size, const char *const *names, size_t count) {
  size_t at = 0;
  buffer[0] = 0;
  for (size_t i = 0; i < count && i <= NAMES_SHOWN && at < size; i++)
    at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? ", " : "", i < NAMES_SHOWN ? names[i] : "…");
  return buffer;
}

#endif
