// correlation_lines.h — the tables of estimate.correlation: correlation function and structure factor along axes and
// diagonals, with jackknife errors, from bins of a spectrum's lines.
#ifndef PLUGINS_ESTIMATE_CORRELATION_LINES_H
#define PLUGINS_ESTIMATE_CORRELATION_LINES_H

#include "bins.h"
#include "groups.h"

/// Empty tables `G` and `S`. NULL: reported.
fg_table *lines_correlations_new(const fg_host *host);
fg_table *lines_structure_new(const fg_host *host);

/// Adds the rows of a group to both. `lines`: bins of sums of spectrum_take.
fg_status lines_add(const fg_host *host, fg_table *correlations, fg_table *structure, const group_key *key,
                    const bins *lines);

/// Most bytes lines_add needs while it works, for bins of vectors of this length.
uint64_t lines_bytes(uint32_t length);

#endif
