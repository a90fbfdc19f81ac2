// hostapi.h — the functions a plugin sees as fg_host.
#ifndef FG_CORE_HOSTAPI_H
#define FG_CORE_HOSTAPI_H

#include "plan.h"

/// Fills instance->host. Before the plan runs, emit and output_begin fail, fail and fail_param record diagnostics at
/// the stage's place, log is silent and parallel_for is serial.
void fg_host_init(fg_instance *instance);

#endif
