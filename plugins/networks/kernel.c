// kernel.c — see kernel.h.
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>

int kernel_parameter_at(int y, int x) {
  int a = abs(y) > abs(x) ? abs(y) : abs(x), b = abs(y) > abs(x) ? abs(x) : abs(y);
  if (a == 0) return 2;
  if (a == 1) return b == 1 ? 0 : 1;
  int first = a * (a + 1) / 2; // as many lie on the rings inside
  return b == a ? first : b == 0 ? first + 1 : first + 1 + a - b;
}

uint64_t kernel_parameters(int64_t side) { return (uint64_t)((side / 2 + 1) * (side / 2 + 2) / 2); }

// clang-format off
/// In that order, by offset from the fine spin.
static const char *const names[KERNEL_MOST_PARAMETERS] = {
    "corner", "edge", "centre",
    "(2,2)", "(2,0)", "(2,1)",
    "(3,3)", "(3,0)", "(3,2)", "(3,1)",
    "(4,4)", "(4,0)", "(4,3)", "(4,2)", "(4,1)",
    "(5,5)", "(5,0)", "(5,4)", "(5,3)", "(5,2)", "(5,1)",
    "(6,6)", "(6,0)", "(6,5)", "(6,4)", "(6,3)", "(6,2)", "(6,1)",
    "(7,7)", "(7,0)", "(7,6)", "(7,5)", "(7,4)", "(7,3)", "(7,2)", "(7,1)",
};
// clang-format on

const char *kernel_parameter_name(uint64_t index) { return names[index]; }

const char *kernel_list_names(uint64_t count, char text[KERNEL_NAMES_LENGTH]) {
  size_t at = 0;
  for (uint64_t k = 0; k < count; k++)
    at += (size_t)snprintf(text + at, KERNEL_NAMES_LENGTH - at, "%s%s", k ? ", " : "", names[k]);
  return text;
}
