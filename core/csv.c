// csv.c — see csv.h.
#include "csv.h"

#include <string.h>

void fg_csv_write(FILE *out, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

size_t fg_csv_cut(char *line, char **fields, size_t most, char **next) {
  size_t count = 0;
  for (char *at = line;;) {
    char *field = at, *into = at;
    if (*at == '"') {
      for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
        if (*at == '"') at++;
        *into++ = *at;
      }
      if (*at) at++;
    }
    while (*at && *at != ',' && *at != '\n' && *at != '\r') *into++ = *at++;
    char end = *at;
    if (end) at++;
    if (end == '\r' && *at == '\n') at++;
    *into = 0;
    if (count < most) fields[count++] = field;
    if (end == ',') continue;
    *next = at;
    return count;
  }
}
