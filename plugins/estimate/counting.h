// counting.h — bonds and spins of every configuration of a batch, counted in parallel and handed over one by one, in
// order. What a stage makes of them is its own business.
#ifndef PLUGINS_ESTIMATE_COUNTING_H
#define PLUGINS_ESTIMATE_COUNTING_H

#include "finegrain/finegrain.h"

#include "energy.h"

#define COUNTING_TASK_WORDS 16384u // words of 64 spins one call of parallel_for's body reads, about
#define COUNTING_AT_ONCE                                                                                               \
  4096u // units counted before they are added up in order; a unit is a configuration, or rows of a large one

/// Takes the counts of the next configuration.
typedef fg_status counting_taker(void *arg, energy_counts counts);

/// Some configurations of a batch being counted: `parts` units a configuration, `task_units` units a task.
typedef struct counting_work {
  const fg_host *host;
  const fg_batch *batch;
  energy_counts *counts;
  uint64_t first, units;
  uint64_t parts, part_rows, task_units;
} counting_work;

static inline fg_status counting_units(void *arg, uint64_t task) {
  const counting_work *work = arg;
  uint64_t end = (task + 1) * work->task_units < work->units ? (task + 1) * work->task_units : work->units;
  if (work->host->cancelled(work->host)) return FG_CANCELLED;
  for (uint64_t u = task * work->task_units; u < end; u++) {
    uint64_t begin_row = u % work->parts * work->part_rows, end_row = begin_row + work->part_rows;
    if (end_row > work->batch->rows) end_row = work->batch->rows;
    work->counts[u] = energy_count(work->batch, (uint32_t)(work->first + u / work->parts), begin_row, end_row);
  }
  return FG_OK;
}

/// Counts a batch of whole configurations and calls take(arg, …) for each. counts[]: room for the work. Returns FG_OK,
/// FG_CANCELLED, or what take returned.
static inline fg_status counting_batch(const fg_host *host, const fg_batch *batch,
                                       energy_counts counts[COUNTING_AT_ONCE], counting_taker *take, void *arg) {
  const uint64_t words = batch->row_bytes / 8 * batch->rows;
  uint64_t parts = words / COUNTING_TASK_WORDS + 1;
  if (parts > batch->rows) parts = batch->rows;
  if (parts > COUNTING_AT_ONCE) parts = COUNTING_AT_ONCE;
  counting_work work = {.host = host, .batch = batch, .counts = counts, .task_units = 1};
  work.part_rows = (batch->rows + parts - 1) / parts;
  work.parts = (batch->rows + work.part_rows - 1) / work.part_rows;
  if (words < COUNTING_TASK_WORDS) work.task_units = COUNTING_TASK_WORDS / words;

  const uint64_t together = COUNTING_AT_ONCE / work.parts;
  for (work.first = 0; work.first < batch->count; work.first += together) {
    uint64_t configurations = batch->count - work.first < together ? batch->count - work.first : together;
    work.units = configurations * work.parts;
    fg_status status =
        host->parallel_for(host, (work.units + work.task_units - 1) / work.task_units, counting_units, &work);
    for (uint64_t u = 0; status == FG_OK && u < work.units; u += work.parts) {
      energy_counts whole = {0, 0};
      for (uint64_t p = u; p < u + work.parts; p++) {
        whole.unlike += counts[p].unlike;
        whole.up += counts[p].up;
      }
      status = take(arg, whole);
    }
    if (status != FG_OK) return status;
  }
  return FG_OK;
}

#endif
