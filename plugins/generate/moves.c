// moves.c — see moves.h. A configuration is unpacked, swept as the samplers sweep, and packed again.
#include "moves.h"

#include "plugins/samplers/packed.h"

#include <math.h>
#include <stdlib.h>

#define LEVEL_BITS 6u                // of the random counter's high half, below the configuration's number
#define CONSTRAINED_COST 16u         // of a sweep within the blocks, site by site, in sweeps over the checkerboard
#define SHARE_VISITS UINT64_C(65536) // of sites that are worth a thread
#define CANCEL_CHECK (UINT64_C(1) << 20)

fg_status moves_open(moves *m, const fg_host *host, moves_kind kind, uint64_t sweeps, uint32_t length,
                     double coupling) {
  m->host = host;
  m->kind = kind;
  m->sweeps = sweeps;
  m->length = length;
  if (kind == MOVES_NONE) return FG_OK;
  m->updates = host->rng_key(host, "updates");
  m->right = host->rng_key(host, "bonds in rows");
  m->below = host->rng_key(host, "bonds between rows");
  m->flip = host->rng_key(host, "flips");
  if (kind == MOVES_CLUSTER) m->threshold = events_threshold(-expm1(-2 * coupling));
  double flips[CHECKERBOARD_CLASSES]; // heat bath: Glauber, J. Math. Phys. 4, 294 (1963)
  for (int differing = 0; differing <= 4; differing++)
    flips[differing] = 1 / (1 + exp(2 * coupling * (4 - 2 * differing)));
  m->rule = checkerboard_prepare(flips);
  m->isa = checkerboard_chosen(host);
  return m->isa ? FG_OK : FG_FAILED;
}

static void close_space(moves_space *space) {
  free(space->sites);
  free(space->labels);
  checkerboard_close(&space->board);
  cluster_lattice_close(&space->lattice);
  *space = (moves_space){0};
}

void moves_close(moves *m) {
  for (unsigned s = 0; s < MOVES_SHARES; s++) close_space(&m->space[s]);
}

/// Shares of a batch; of small ones so few that each has something to do.
static uint64_t shares_of(uint64_t count, uint64_t visits) {
  const uint64_t worth = count * visits / SHARE_VISITS + 1, most = count < MOVES_SHARES ? count : MOVES_SHARES;
  return worth < most ? worth : most;
}

uint64_t moves_bytes(const moves *m, uint64_t count) {
  const uint64_t sites = (uint64_t)m->length * m->length;
  if (m->kind == MOVES_NONE) return 0;
  const uint64_t more = m->kind == MOVES_CLUSTER ? sites * sizeof(uint32_t) + cluster_lattice_bytes(m->length)
                                                 : checkerboard_bytes(m->length);
  return shares_of(count, sites * m->sweeps) * (sites + more);
}

static fg_status open_space(const moves *m, moves_space *space) {
  const uint64_t sites = (uint64_t)m->length * m->length;
  if (space->sites) return FG_OK;
  space->sites = malloc(sites);
  int complete = space->sites != NULL;
  if (m->kind == MOVES_CLUSTER) {
    space->labels = malloc(sites * sizeof *space->labels);
    complete = complete && space->labels && cluster_lattice_open(&space->lattice, m->length);
    space->lattice.labels = space->labels;
  } else {
    complete = complete && checkerboard_open(&space->board, m->length);
  }
  if (complete) return FG_OK;
  close_space(space);
  return m->host->fail(m->host, "out of memory for sweeps over %u×%u spins", m->length, m->length);
}

// ---- sweeps

static void unpack(const fg_batch *batch, uint32_t i, uint8_t *sites) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  for (uint64_t y = 0; y < batch->rows; y++)
    for (uint64_t x = 0; x < width; x += 64) {
      const uint32_t count = width - x < 64 ? (uint32_t)(width - x) : 64;
      packed_to_bytes(fg_batch_row(batch, i, y)[x / 64], sites, count);
      sites += count;
    }
}

static void pack(const uint8_t *sites, fg_batch *batch, uint32_t i) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  for (uint64_t y = 0; y < batch->rows; y++)
    for (uint64_t x = 0; x < width; x += 64) {
      const uint32_t count = width - x < 64 ? (uint32_t)(width - x) : 64;
      fg_batch_row_mut(batch, i, y)[x / 64] = packed_from_bytes(sites, count);
      sites += count;
    }
}

/// Sweep `ticket` of one lattice.
static fg_status sweep_once(const moves *m, moves_space *space, uint64_t ticket) {
  const fg_host *host = m->host;
  if (m->kind == MOVES_HEAT_BATH) {
    const events_source source = {host->rng_fill, m->updates, ticket};
    checkerboard_sweep(m->isa, &space->board, &m->rule, &source);
    return FG_OK;
  }
  const cluster_events events = {.right = {host->rng_fill, m->right, ticket},
                                 .below = {host->rng_fill, m->below, ticket},
                                 .flip = {host->rng_fill, m->flip, ticket},
                                 .threshold = m->threshold};
  return cluster_sweep(host, &space->lattice, &events);
}

static fg_status sweep_configuration(const moves *m, moves_space *space, fg_batch *batch, uint32_t i) {
  const uint64_t sites = (uint64_t)m->length * m->length;
  unpack(batch, i, space->sites);
  if (m->kind == MOVES_HEAT_BATH)
    checkerboard_load(&space->board, space->sites);
  else
    cluster_lattice_load(&space->lattice, space->sites);
  for (uint64_t s = 0, visited = 0; s < m->sweeps; s++, visited += sites) {
    if (visited > CANCEL_CHECK) {
      if (m->host->cancelled(m->host)) return FG_CANCELLED;
      visited = 0;
    }
    fg_status status = sweep_once(m, space, (batch->first + i) * m->sweeps + s);
    if (status != FG_OK) return status;
  }
  if (m->kind == MOVES_HEAT_BATH)
    checkerboard_store(&space->board, space->sites);
  else
    cluster_lattice_store(&space->lattice, space->sites);
  pack(space->sites, batch, i);
  return FG_OK;
}

typedef struct work {
  moves *m;
  const moves_constrained *constrained;
  fg_batch *batch;
  const fg_batch *coarse;
  uint64_t shares;
} work;

static fg_status sweep_share(void *arg, uint64_t share) {
  const work *w = arg;
  const uint64_t count = w->batch->count;
  const uint32_t end = (uint32_t)(count * (share + 1) / w->shares);
  fg_status status = open_space(w->m, &w->m->space[share]);
  for (uint32_t i = (uint32_t)(count * share / w->shares); status == FG_OK && i < end; i++)
    status =
        w->m->host->cancelled(w->m->host) ? FG_CANCELLED : sweep_configuration(w->m, &w->m->space[share], w->batch, i);
  return status;
}

fg_status moves_sweep(moves *m, fg_batch *batch) {
  if (m->kind == MOVES_NONE || !m->sweeps) return FG_OK;
  work w = {.m = m, .batch = batch};
  w.shares = shares_of(batch->count, m->sweeps * m->length * m->length);
  if (w.shares == 1) return sweep_share(&w, 0); // not worth the threads, or a single lattice that may use them itself
  return m->host->parallel_for(m->host, w.shares, sweep_share, &w);
}

// ---- within the blocks

moves_constrained moves_constrain(const fg_host *host, uint64_t sweeps, moves_couplings couplings) {
  static const double q[] = {0, 0, 0.5, 1, 1}; // of the parent, by the spins of the block that agree with it
  moves_constrained m = {.host = host, .key = host->rng_key(host, "constrained"), .sweeps = sweeps};
  for (int others = 0; others <= 3; others++)
    for (int near = 0; near <= 4; near++)
      for (int diagonal = 0; diagonal <= 4; diagonal++) {
        const double cost = 2 * couplings.nearest * (2 * near - 4) + 2 * couplings.diagonal * (2 * diagonal - 4);
        const double p = q[others] > 0 ? q[others + 1] / (q[others + 1] + q[others] * exp(-cost)) : 1;
        m.thresholds[others][near][diagonal] = events_threshold(p);
      }
  return m;
}

/// Rows around a fine row, and which of their columns are meant.
typedef struct around {
  const uint64_t *above, *here, *below;
  uint64_t left, x, right;
} around;

static unsigned near_up(const around *a) {
  return fg_bit_get(a->above, a->x) + fg_bit_get(a->below, a->x) + fg_bit_get(a->here, a->left) +
         fg_bit_get(a->here, a->right);
}

static unsigned diagonal_up(const around *a) {
  return fg_bit_get(a->above, a->left) + fg_bit_get(a->above, a->right) + fg_bit_get(a->below, a->left) +
         fg_bit_get(a->below, a->right);
}

/// Spins up among the other three of the block.
static unsigned others_up(const around *a, unsigned dy, unsigned dx) {
  const uint64_t *across = dy ? a->above : a->below;
  const uint64_t beside = dx ? a->x - 1 : a->x + 1;
  return fg_bit_get(a->here, beside) + fg_bit_get(across, a->x) + fg_bit_get(across, beside);
}

/// All spins at one position of their blocks; none of them are neighbours.
static void update_position(const moves_constrained *m, fg_batch *fine, const fg_batch *coarse, uint32_t i, unsigned d,
                            fg_rng *rng) {
  const uint64_t width = fg_lattice_width(&fine->lattice), rows = fine->rows;
  const unsigned dy = d / 2, dx = d % 2;
  for (uint64_t y = dy; y < rows; y += 2) {
    uint64_t *row = fg_batch_row_mut(fine, i, y);
    const uint64_t *parents = fg_batch_row(coarse, i, y / 2);
    around a = {.above = fg_batch_row(fine, i, y ? y - 1 : rows - 1),
                .here = row,
                .below = fg_batch_row(fine, i, y + 1 < rows ? y + 1 : 0)};
    for (uint64_t x = dx; x < width; x += 2) {
      const unsigned parent = fg_bit_get(parents, x / 2);
      a.x = x;
      a.left = x ? x - 1 : width - 1;
      a.right = x + 1 < width ? x + 1 : 0;
      const unsigned near = near_up(&a), diagonal = diagonal_up(&a), others = others_up(&a, dy, dx);
      const uint64_t threshold =
          m->thresholds[parent ? others : 3 - others][parent ? near : 4 - near][parent ? diagonal : 4 - diagonal];
      const unsigned agrees = fg_rng_bits(rng) < threshold || threshold == UINT64_MAX;
      fg_bit_set(row, x, agrees ? parent : !parent);
    }
  }
}

static fg_status constrain_share(void *arg, uint64_t share) {
  const work *w = arg;
  const moves_constrained *m = w->constrained;
  const uint64_t count = w->batch->count;
  const uint32_t end = (uint32_t)(count * (share + 1) / w->shares);
  for (uint32_t i = (uint32_t)(count * share / w->shares); i < end; i++) {
    const uint64_t high = (w->batch->first + i) << LEVEL_BITS | (uint64_t)w->batch->level;
    fg_rng rng = fg_rng_start(m->host->rng_fill, m->key, high);
    for (uint64_t s = 0; s < m->sweeps; s++) {
      if (m->host->cancelled(m->host)) return FG_CANCELLED;
      for (unsigned d = 0; d < 4; d++) update_position(m, w->batch, w->coarse, i, d, &rng);
    }
  }
  return FG_OK;
}

fg_status moves_sweep_constrained(const moves_constrained *m, fg_batch *fine, const fg_batch *coarse) {
  if (!m->sweeps) return FG_OK;
  work w = {.constrained = m, .batch = fine, .coarse = coarse};
  w.shares = shares_of(fine->count, m->sweeps * CONSTRAINED_COST * fg_lattice_sites(&fine->lattice));
  if (w.shares == 1) return constrain_share(&w, 0);
  return m->host->parallel_for(m->host, w.shares, constrain_share, &w);
}
