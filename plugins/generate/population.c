// population.c — see population.h.
#include "population.h"

#include <math.h>
#include <string.h>

static double largest_of(const double *log_weight, uint32_t count) {
  double largest = -INFINITY;
  for (uint32_t i = 0; i < count; i++) largest = log_weight[i] > largest ? log_weight[i] : largest;
  return largest;
}

population_weights population_sum(const double *log_weight, uint32_t count) {
  const double largest = largest_of(log_weight, count);
  double sum = 0, squares = 0;
  if (isinf(largest)) return (population_weights){-INFINITY, 0};
  for (uint32_t i = 0; i < count; i++) {
    const double weight = exp(log_weight[i] - largest);
    sum += weight;
    squares += weight * weight;
  }
  return (population_weights){largest + log(sum / count), sum * sum / (count * squares)};
}

void population_choose(const double *log_weight, uint32_t count, double offset, uint32_t shift, uint32_t *parents) {
  const double largest = largest_of(log_weight, count);
  double sum = 0, reached = 0;
  uint32_t chosen = 0, last = 0;
  for (uint32_t i = 0; i < count; i++) sum += exp(log_weight[i] - largest);
  for (uint32_t i = 0; i < count; i++) {
    const double weight = exp(log_weight[i] - largest);
    reached += weight;
    if (weight > 0) last = i;
    for (; chosen < count && chosen + offset < reached / sum * count; chosen++)
      parents[(chosen + count - shift) % count] = i;
  }
  for (; chosen < count; chosen++) parents[(chosen + count - shift) % count] = last; // what rounding left over
}

fg_status population_take(const fg_host *host, fg_batch **batch, const uint32_t *parents) {
  const fg_batch *old = *batch;
  const uint64_t bytes = old->rows * old->row_bytes;
  fg_batch *taken = host->batch_new(host, old->element, &old->lattice, old->count);
  if (!taken) return FG_FAILED;
  for (uint32_t i = 0; i < old->count; i++)
    memcpy((char *)taken->data + i * bytes, (const char *)old->data + parents[i] * bytes, bytes);
  taken->first = old->first;
  taken->level = old->level;
  taken->chain = old->chain;
  taken->coupling = old->coupling;
  host->batch_unref(host, old);
  *batch = taken;
  return FG_OK;
}
