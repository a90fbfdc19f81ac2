// groups.h — how estimators keep apart what comes in: groups of configurations of one lattice at one level and coupling,
// how two groups are related, and which coupling's exact values stand beside one. Static functions only: a stage keeps
// its own data of a group at the group's index.
#ifndef PLUGINS_ESTIMATE_GROUPS_H
#define PLUGINS_ESTIMATE_GROUPS_H

#include "finegrain/finegrain.h"

#include "exact_moments.h"
#include "series.h"

#include <math.h>
#include <stdlib.h>

#define GROUPS_EXTRA 16u           // beyond one for each lattice announced: other levels and couplings
#define GROUPS_MOST_CHAINS 8192u   // over all groups of a stage
#define GROUPS_NO_REFERENCE 1e300  // parameter reference: none
#define GROUPS_SAME_COUPLING 1e-12 // couplings this near to Kc are Kc

/// What the configurations of a group have in common.
typedef struct group_key {
  fg_lattice lattice;
  int32_t level;
  double coupling; ///< NaN: unknown
} group_key;

/// The groups of a stage, in order of arrival.
typedef struct group_list {
  uint32_t count, most;
  group_key *key; ///< `most` of them; NULL until the first group
} group_list;

static inline fg_status group_check_lattice(const fg_host *host, const char *kind, const fg_lattice *lattice) {
  static const char *const names[] = {"an unknown", "a chain", "a square", "a triangular", "a cubic", "a hypercubic"};
  if (lattice->shape == FG_SQUARE && lattice->dims == 2) return FG_OK;
  return host->fail(host, "%s lattice of dimension %u comes in; %s measures the square lattice only",
                    names[lattice->shape <= FG_HYPERCUBIC ? lattice->shape : 0], lattice->dims, kind);
}

/// NaN is the same as NaN.
static inline int group_same_coupling(double a, double b) { return (isnan(a) && isnan(b)) || (a >= b && a <= b); }

/// Index of the group of a batch, made when it is the first of its kind; -1: reported.
static inline int64_t group_of(group_list *list, const fg_host *host, const char *kind, const fg_batch *batch) {
  for (uint32_t g = 0; g < list->count; g++) {
    const group_key *key = &list->key[g];
    if (key->level == batch->level && fg_lattice_equal(&key->lattice, &batch->lattice) &&
        group_same_coupling(key->coupling, batch->coupling))
      return g;
  }
  if (list->count == list->most) {
    host->fail(host,
               "more than %u combinations of size, level and coupling come in; share them among several %s stages",
               list->most, kind);
    return -1;
  }
  if (!list->key) list->key = calloc(list->most, sizeof *list->key);
  if (!list->key) {
    host->fail(host, "out of memory");
    return -1;
  }
  list->key[list->count] = (group_key){batch->lattice, batch->level, batch->coupling};
  return list->count++;
}

/// Index of the batch's chain in the series of its group; -1: reported. *chains: those of all groups.
static inline int64_t group_chain(series *of_group, uint64_t *chains, const fg_host *host, const char *kind,
                                  const fg_batch *batch) {
  uint32_t before = series_chains(of_group);
  int64_t chain = series_chain(of_group, batch->chain);
  if (chain < 0) host->fail(host, "out of memory");
  *chains += series_chains(of_group) - before;
  if (*chains <= GROUPS_MOST_CHAINS) return chain;
  host->fail(
      host,
      "more than %u Markov chains come in, counted for every size, level and coupling; use fewer chains or several "
      "%s stages",
      GROUPS_MOST_CHAINS, kind);
  return -1;
}

/// Whether configurations of `fine` may be those of `coarse` after one inverse step of factor 2.
static inline int group_is_step(const group_key *coarse, const group_key *fine) {
  if (coarse->level < 0 || fine->level != coarse->level + 1 || !group_same_coupling(coarse->coupling, fine->coupling))
    return 0;
  if (fine->lattice.shape != coarse->lattice.shape) return 0;
  for (uint32_t d = 0; d < fine->lattice.dims; d++)
    if (fine->lattice.extent[d] != 2 * coarse->lattice.extent[d]) return 0;
  return 1;
}

/// The Ising model's critical coupling on a group's lattice; NaN: there is none, or it is not known exactly.
static inline double group_critical(const group_key *key) {
  if (key->lattice.shape == FG_SQUARE) return CRITICAL_COUPLING;
  return key->lattice.shape == FG_TRIANGULAR ? CRITICAL_TRIANGULAR : NAN;
}

/// The coupling whose exact values stand beside a group: its own, or `reference` where it has none; NaN: none.
static inline double group_exact_coupling(const group_key *key, double reference) {
  if (key->level < 0) return NAN; // blocked lattices are samples of no known model
  if (!isnan(key->coupling)) return key->coupling;
  if (group_same_coupling(reference, CRITICAL_COUPLING)) return group_critical(key);
  return reference < GROUPS_NO_REFERENCE ? reference : NAN;
}

static inline int group_is_critical(const group_key *key, double reference) {
  return fabs(group_exact_coupling(key, reference) - group_critical(key)) < GROUPS_SAME_COUPLING;
}

// ---- the parameter `reference`

static const char *const group_references[] = {"critical=0.44068679350977147", "none=1e300", NULL};

/// For stages whose config struct begins with the double it fills.
static const fg_param group_param_reference = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = 0,
    .name = "reference",
    .def = "critical",
    .min = "-1000000",
    .max = "1000000",
    .names = group_references,
    .unit = "1",
    .doc =
        "Coupling K whose exact values stand beside configurations that come without a coupling (dreams, files); critical "
        "is ln(1+√2)/2 on square lattices, ln(3)/4 on triangular ones and nothing on others; none leaves them empty.",
};

#endif
