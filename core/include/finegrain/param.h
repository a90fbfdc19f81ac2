// param.h — a stage's parameters, as one static table that fills its config struct, its help and its schema.
#ifndef FINEGRAIN_PARAM_H
#define FINEGRAIN_PARAM_H

#include "abi.h"

typedef enum fg_param_type {
  FG_PARAM_BOOL = 1,         ///< int32_t, 0 or 1
  FG_PARAM_INTEGER = 2,      ///< int64_t
  FG_PARAM_REAL = 3,         ///< double, finite
  FG_PARAM_TEXT = 4,         ///< const char *
  FG_PARAM_CHOICE = 5,       ///< int32_t, index into `choices`
  FG_PARAM_PATH = 6,         ///< const char *, an input file; the host makes it absolute (relative to the YAML file)
  FG_PARAM_INTEGER_LIST = 7, ///< fg_integer_list
  FG_PARAM_REAL_LIST = 8,    ///< fg_real_list
  FG_PARAM_TEXT_LIST = 9,    ///< fg_text_list
} fg_param_type;

/// Lists and texts in a config struct belong to the host and stay valid until the stage is destroyed.
typedef struct fg_integer_list {
  uint64_t count;
  const int64_t *items;
} fg_integer_list;

typedef struct fg_real_list {
  uint64_t count;
  const double *items;
} fg_real_list;

typedef struct fg_text_list {
  uint64_t count;
  const char *const *items;
} fg_text_list;

/// One parameter. Default and limits are YAML text, read by the code that reads the user's value.
typedef struct fg_param {
  uint32_t size;
  uint32_t type;              ///< an fg_param_type
  uint32_t offset;            ///< offsetof the field in the config struct
  uint32_t reserved;          ///< zero
  const char *name;           ///< [a-z][a-z0-9_]*
  const char *def;            ///< default; NULL: the parameter is required
  const char *min, *max;      ///< inclusive limits of a number, of a list's items; NULL: none
  const char *const *choices; ///< FG_PARAM_CHOICE: the names, ending with NULL
  const char *const *names;   ///< numbers: words for special values, "critical=0.44", ending with NULL, free of limits
  const char
      *unit; ///< "1", "B" (bytes: KiB, MiB, … may be written), "s" (seconds: ms, min, h, …), or any text shown in help
  const char *doc; ///< one sentence
} fg_param;

#endif
