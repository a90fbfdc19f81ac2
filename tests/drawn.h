// drawn.h — pairs of fine and coarse lattices drawn from a known model, for tests of trainers and scores.
#ifndef FG_TESTS_DRAWN_H
#define FG_TESTS_DRAWN_H

#include "check.h"
#include "driver.h"
#include "estimating.h"
#include "spins.h"

static inline const fg_network *symmetric_network(const fg_host *host) {
  return host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
}

static inline fg_model *symmetric_model_new(const fg_host *host, int kernel, const double *weights, uint64_t count) {
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  return host->model_new(host, "network.symmetric", hyperparameters, weights, count);
}

static inline fg_network_model *symmetric_open(const fg_host *host, int kernel, const double *weights, uint64_t count) {
  fg_network_model *opened = NULL;
  fg_model *model = symmetric_model_new(host, kernel, weights, count);
  CHECK_INTEGER(symmetric_network(host)->open(host, model->hyperparameters, weights, count, &opened), FG_OK);
  host->model_unref(host, model);
  return opened;
}

/// Gives a stage its model through a port.
static inline void symmetric_feed(driver *d, uint32_t port, int kernel, const double *weights, uint64_t count) {
  fg_model *model = symmetric_model_new(driver_host(d), kernel, weights, count);
  CHECK_INTEGER(driver_feed_model(d, port, model), FG_OK);
  driver_host(d)->model_unref(driver_host(d), model);
  CHECK_INTEGER(driver_end(d, port), FG_OK);
}

typedef struct drawn {
  fg_batch *fine, *coarse;
} drawn;

/// Coarse lattices with structure, all classes of windows well filled: random spins, then one inverse step of a 3×3
/// kernel; and fine lattices of twice the size drawn from the model. `length` is the coarse one.
static inline drawn drawn_new(const fg_host *host, int kernel, const double *weights, uint64_t count, uint64_t length,
                              uint32_t lattices, uint64_t seed) {
  static const double smooth[] = {0.2, 0.3, 0.5};
  const fg_network *network = symmetric_network(host);
  fg_network_model *model = symmetric_open(host, kernel, weights, count),
                   *smoother = symmetric_open(host, 3, smooth, 3);
  fg_batch *seeds = spins_random(host, length / 2, length / 2, lattices, 0.5, seed);
  drawn p = {spins_new(host, 2 * length, 2 * length, lattices), spins_new(host, length, length, lattices)};
  p.coarse->level = 1;
  p.fine->level = 2;
  p.coarse->first = p.fine->first = seed * 1000000;
  fg_rng_key key = host->rng_key(host, "data of a test");
  CHECK_INTEGER(network->sample(smoother, host->rng_fill, key, seeds, p.coarse, 0, lattices), FG_OK);
  CHECK_INTEGER(network->sample(model, host->rng_fill, key, p.coarse, p.fine, 0, lattices), FG_OK);
  host->batch_unref(host, seeds);
  network->close(model);
  network->close(smoother);
  return p;
}

/// Pairs from … from+count-1, copied.
static inline drawn drawn_part(const fg_host *host, drawn all, uint32_t from, uint32_t count) {
  return (drawn){part_of(host, all.fine, from, count), part_of(host, all.coarse, from, count)};
}

static inline void drawn_drop(const fg_host *host, drawn p) {
  host->batch_unref(host, p.fine);
  host->batch_unref(host, p.coarse);
}

#endif
