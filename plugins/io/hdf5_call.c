// hdf5_call.c — see hdf5_call.h.
#include "hdf5_call.h"

#include <hdf5.h>
#include <stdio.h>

#define CAUSE_BYTES 200u

typedef struct quiet_call {
  fg_status (*fn)(void *arg);
  void *arg;
} quiet_call;

static fg_status quietly(void *arg) {
  const quiet_call *call = arg;
  H5E_auto2_t print = NULL;
  void *data = NULL;
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  fg_status status = call->fn(call->arg);
  H5Eset_auto2(H5E_DEFAULT, print, data);
  return status;
}

fg_status hdf5_call(const fg_host *host, fg_status (*fn)(void *arg), void *arg) {
  quiet_call call = {fn, arg};
  return host->serialize(host, "hdf5", quietly, &call);
}

/// H5Ewalk2 callback: keeps the innermost description.
static herr_t keep_cause(unsigned depth, const H5E_error2_t *entry, void *arg) {
  if (depth == 0 && entry->desc) snprintf(arg, CAUSE_BYTES, "%s", entry->desc);
  return 0;
}

fg_status hdf5_fail(fg_error *error, const char *what) {
  char cause[CAUSE_BYTES] = "HDF5 gives no cause";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_cause, cause);
  return fg_error_set(error, "%s: %s", what, cause);
}
