// timing.h — where a run's time and bytes went.
#ifndef FG_CORE_TIMING_H
#define FG_CORE_TIMING_H

#include "worker.h"

#include <jansson.h>

/// Two tables for people: per stage busy, coding, waiting; per edge raw and stored bytes.
void fg_timing_print(fg_worker *const *workers, uint32_t count, FILE *out);
/// The same for programs.
json_t *fg_timing_json(fg_worker *const *workers, uint32_t count);

#endif
