// serialize.h — one call at a time, by key, in the whole process: for libraries with process-wide state.
#ifndef FG_CORE_SERIALIZE_H
#define FG_CORE_SERIALIZE_H

#include "finegrain/abi.h"

/// Runs fn(arg) while no other call with the same key runs. Not reentrant for one key.
fg_status fg_serialize(const char *key, fg_status (*fn)(void *arg), void *arg);

#endif
