// hdf5_call.h — how this folder calls HDF5: never at the same time as anyone else in the process, and with its error
// stack kept off the terminal and made one message.
#ifndef PLUGINS_IO_HDF5_CALL_H
#define PLUGINS_IO_HDF5_CALL_H

#include "core/error.h"
#include "finegrain/finegrain.h"

/// Runs fn(arg) under fg_host.serialize("hdf5") and returns what it returns. HDF5 prints nothing meanwhile.
fg_status hdf5_call(const fg_host *host, fg_status (*fn)(void *arg), void *arg);

/// "WHAT: the innermost cause HDF5 gives". To be called right after the call that failed: HDF5 forgets the errors of the
/// one before.
fg_status hdf5_fail(fg_error *error, const char *what);

#endif
