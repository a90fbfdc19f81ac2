// check.h — CUnit assertions that print both values, and the frame of a test program.
#ifndef FG_TESTS_CHECK_H
#define FG_TESTS_CHECK_H

#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/// |actual - expected| ≤ tolerance, printing all three when it fails.
#define CHECK_NEAR(actual, expected, tolerance)                                                                        \
  do {                                                                                                                 \
    double check_a = (actual), check_e = (expected), check_t = (tolerance);                                            \
    int check_ok = fabs(check_a - check_e) <= check_t;                                                                 \
    if (!check_ok)                                                                                                     \
      printf("\n    %s:%d: %s = %.17g, expected %.17g ± %.3g", __FILE__, __LINE__, #actual, check_a, check_e,          \
             check_t);                                                                                                 \
    CU_ASSERT(check_ok);                                                                                               \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                                                   \
  do {                                                                                                                 \
    const char *check_a = (actual), *check_e = (expected);                                                             \
    int check_ok = check_a && strcmp(check_a, check_e) == 0;                                                           \
    if (!check_ok)                                                                                                     \
      printf("\n    %s:%d: got      \"%s\"\n    expected \"%s\"", __FILE__, __LINE__, check_a ? check_a : "(null)",    \
             check_e);                                                                                                 \
    CU_ASSERT(check_ok);                                                                                               \
  } while (0)

#define CHECK_INTEGER(actual, expected)                                                                                \
  do {                                                                                                                 \
    long long check_a = (long long)(actual), check_e = (long long)(expected);                                          \
    if (check_a != check_e)                                                                                            \
      printf("\n    %s:%d: %s = %lld, expected %lld", __FILE__, __LINE__, #actual, check_a, check_e);                  \
    CU_ASSERT(check_a == check_e);                                                                                     \
  } while (0)

typedef struct check_case {
  const char *name;
  void (*run)(void);
} check_case;

/// Runs the cases (ending with {0}) as one suite; the exit code of main.
static inline int check_main(const char *suite, const check_case *cases) {
  if (CU_initialize_registry() != CUE_SUCCESS) return 1;
  CU_pSuite group = CU_add_suite(suite, NULL, NULL);
  for (const check_case *c = cases; c->name; c++) CU_add_test(group, c->name, c->run);
  CU_basic_set_mode(CU_BRM_NORMAL);
  CU_basic_run_tests();
  unsigned failed = CU_get_number_of_failures();
  CU_cleanup_registry();
  return failed != 0;
}

#endif
