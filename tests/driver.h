// driver.h — one plugin stage driven by hand, in this thread: for tests of what a stage computes, without the runtime.
#ifndef FG_TESTS_DRIVER_H
#define FG_TESTS_DRIVER_H

#include "finegrain/finegrain.h"

typedef struct driver driver;

/// Loads BUILD/plugins/<kind>.so, fills the config from a YAML map in text ("size: 8, coupling: critical" without the
/// braces, "" for none), calls create as stage "test". On failure returns a driver whose every call fails; see driver_error.
driver *driver_open(const char *kind, const char *params, uint64_t seed);
void driver_close(driver *d); ///< destroys the instance, drops everything emitted

/// The last message given to fail, or the diagnostics of the config; "" when none.
const char *driver_error(const driver *d);
const fg_host *driver_host(driver *d);
void *driver_self(driver *d);
const fg_stage *driver_stage(const driver *d);

/// inputs: one pointer an input port (NULL entries for optional ones), or NULL for a stage without inputs.
fg_status driver_negotiate(driver *d, const fg_format *const *inputs);
const fg_format *driver_format(const driver *d, uint32_t output);

fg_status driver_feed_batch(driver *d, uint32_t port, const fg_batch *batch);
fg_status driver_feed_pair(driver *d, uint32_t port, const fg_batch *first, const fg_batch *second);
fg_status driver_feed_model(driver *d, uint32_t port, const fg_model *model);
fg_status driver_end(driver *d, uint32_t port); ///< FG_OK when the stage has no `end`
/// Calls produce (if there is one) until FG_DONE, then flush (if there is one).
fg_status driver_finish(driver *d);

/// What was emitted on an output port so far, in order. Owned by the driver.
size_t driver_count(const driver *d, uint32_t port);
const fg_message *driver_message(const driver *d, uint32_t port, size_t index);

/// The cell of column `column` in a table row, by the name of the observable: value of estimate `observable` at `size`
/// and `level` in an emitted "estimates" table. NaN when there is none. field: "value", "error", "tau_int", "exact".
double driver_estimate(const driver *d, uint32_t port, const char *size, int level, const char *observable,
                       const char *field);

#endif
