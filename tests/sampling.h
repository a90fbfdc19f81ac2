// sampling.h — what tests of samplers share: a sampler run to its end, streams compared byte by byte, a checkpoint in
// memory, counts against probabilities.
#ifndef FG_TESTS_SAMPLING_H
#define FG_TESTS_SAMPLING_H

#include "check.h"
#include "driver.h"

/// Opens a sampler and negotiates. `more`: further parameters, beginning with a comma, or "".
static inline driver *sampler_open(const char *kind, const char *params, const char *more, uint64_t seed) {
  char all[512];
  snprintf(all, sizeof all, "%s%s", params, more);
  driver *d = driver_open(kind, all, seed);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  return d;
}

/// The same, and runs it to its end.
static inline driver *sampler_run(const char *kind, const char *params, const char *more, uint64_t seed) {
  driver *d = sampler_open(kind, params, more, seed);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  return d;
}

/// Same bytes in the same batches, from the given batches on?
static inline int streams_equal(const driver *a, size_t from_a, const driver *b, size_t from_b) {
  if (driver_count(a, 0) - from_a != driver_count(b, 0) - from_b) return 0;
  for (size_t i = 0; from_a + i < driver_count(a, 0); i++) {
    const fg_batch *x = driver_message(a, 0, from_a + i)->batch, *y = driver_message(b, 0, from_b + i)->batch;
    if (x->chain != y->chain || x->first != y->first || x->count != y->count || x->row_bytes != y->row_bytes) return 0;
    if (memcmp(x->data, y->data, x->count * x->rows * x->row_bytes) != 0) return 0;
  }
  return 1;
}

/// χ² of observed counts against n·probability; cells that expect fewer than 10 are one cell. Returns it as a standard
/// normal deviate (Wilson & Hilferty, PNAS 17, 684, 1931); infinite when a cell came out that has no probability.
static inline double chi_squared_deviate(const double *observed, const double *probability, size_t cells, double n) {
  double chi = 0, rare_observed = 0, rare_expected = 0, used = 0;
  for (size_t c = 0; c < cells; c++) {
    double expected = n * probability[c];
    if (probability[c] <= 0 && observed[c] > 0) return INFINITY;
    if (expected < 10) {
      rare_observed += observed[c];
      rare_expected += expected;
      continue;
    }
    chi += (observed[c] - expected) * (observed[c] - expected) / expected;
    used++;
  }
  if (rare_expected > 10) {
    chi += (rare_observed - rare_expected) * (rare_observed - rare_expected) / rare_expected;
    used++;
  } else if (rare_observed > rare_expected + 5 * sqrt(rare_expected) + 5) {
    return INFINITY;
  }
  if (used < 2) return 0;
  double k = used - 1, spread = 2 / (9 * k);
  return (cbrt(chi / k) - (1 - spread)) / sqrt(spread);
}

// ---- a checkpoint in memory

typedef struct checkpoint {
  unsigned char bytes[1 << 16];
  size_t size, at;
} checkpoint;

static inline fg_status checkpoint_write(const fg_writer *writer, const void *data, size_t bytes) {
  checkpoint *saved = writer->impl;
  if (bytes > sizeof saved->bytes - saved->size) return FG_FAILED;
  memcpy(saved->bytes + saved->size, data, bytes);
  saved->size += bytes;
  return FG_OK;
}

static inline fg_status checkpoint_read(const fg_reader *reader, void *data, size_t bytes) {
  checkpoint *saved = reader->impl;
  if (bytes > saved->size - saved->at) return FG_FAILED;
  memcpy(data, saved->bytes + saved->at, bytes);
  saved->at += bytes;
  return FG_OK;
}

static inline fg_status stage_save(driver *d, checkpoint *saved) {
  fg_writer writer = {sizeof writer, saved, checkpoint_write};
  saved->size = 0;
  return driver_stage(d)->save(driver_self(d), &writer);
}

static inline fg_status stage_restore(driver *d, checkpoint *saved) {
  fg_reader reader = {sizeof reader, saved, checkpoint_read};
  saved->at = 0;
  return driver_stage(d)->restore(driver_self(d), &reader);
}

#endif
