// pairs.c — see pairs.h. Block spins are those of coarsen.majority, random ties included: a stage of that kind with
// this one's name and seed would make the same.
#include "pairs.h"

#include "groups.h"
#include "plugins/coarsen/blocks.h"
#include "plugins/coarsen/quartets.h"

#include <string.h>

#define FACTOR 2u
#define STEPS 3u                        // of route block, unless asked for otherwise
#define TASK_WORDS 4096u                // words of 64 fine spins one call of parallel_for's body blocks, about
#define BATCH_BYTES ((uint64_t)4 << 20) // of a batch, most, unless one configuration is larger

uint32_t pairs_factor(const fg_lattice *coarse, const fg_lattice *fine) {
  if (coarse->shape != fine->shape || coarse->dims != 2 || fine->dims != 2) return 0;
  uint64_t factor = coarse->extent[0] ? fine->extent[0] / coarse->extent[0] : 0;
  for (uint32_t d = 0; d < 2; d++)
    if (factor > UINT32_MAX || coarse->extent[d] * factor != fine->extent[d]) return 0;
  return factor >= FACTOR ? (uint32_t)factor : 0;
}

// ---- formats

static fg_status refuse_pair(const pairs *p, const fg_lattice *coarse, const fg_lattice *fine) {
  char large[96], small[96];
  fg_lattice_name(fine, large);
  fg_lattice_name(coarse, small);
  if (p->factor)
    return p->host->fail(p->host,
                         "fine lattices of size %s do not go with coarse ones of size %s: they must be %u times as "
                         "large; block with factor: %u",
                         large, small, p->factor, p->factor);
  return p->host->fail(p->host,
                       "fine lattices of size %s do not go with coarse ones of size %s: they must be a whole number "
                       "of times as large, the same along both axes; coarse-grain what fine brings",
                       large, small);
}

static int goes_with(const pairs *p, const fg_lattice *coarse, const fg_lattice *fine) {
  uint32_t factor = pairs_factor(coarse, fine);
  return factor && (!p->factor || factor == p->factor);
}

static fg_status negotiate_given(pairs *p, const fg_format *fine, const fg_format *coarse) {
  const fg_host *host = p->host;
  static const char *const words[] = {"auto", "input", "block"};
  if (p->config->route != PAIRS_AUTO)
    return host->fail_param(host, "route",
                            "%s says what the coarse lattice is, but input 'coarse' is connected, too; remove one of "
                            "them",
                            words[p->config->route]);
  if (p->config->steps)
    return host->fail_param(host, "steps", "belongs to route: block, but input 'coarse' is connected; remove it");
  if (fine->shape_count != coarse->shape_count)
    return host->fail(host,
                      "fine has %u lattice sizes and coarse has %u; each coarse configuration must be made of the fine "
                      "one, or the fine one of it",
                      fine->shape_count, coarse->shape_count);
  for (uint32_t s = 0; s < fine->shape_count; s++)
    if (!goes_with(p, &coarse->shapes[s], &fine->shapes[s]))
      return refuse_pair(p, &coarse->shapes[s], &fine->shapes[s]);
  p->route = PAIRS_GIVEN;
  p->expected = fine->shape_count;
  return FG_OK;
}

/// Pairs of lattices of which one is twice as large as the other.
static uint32_t count_doublings(const fg_format *fine) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < fine->shape_count; i++)
    for (uint32_t j = 0; j < fine->shape_count; j++)
      count += pairs_factor(&fine->shapes[i], &fine->shapes[j]) == FACTOR;
  return count;
}

static fg_status negotiate_input(pairs *p, const fg_format *fine) {
  const fg_host *host = p->host;
  p->expected = count_doublings(fine);
  if (p->config->steps)
    return host->fail_param(host, "steps", "belongs to route: block, but the route is input; remove one of them");
  if (p->expected) return FG_OK;
  char size[96];
  fg_lattice_name(&fine->shapes[0], size);
  return host->fail_param(host, "route",
                          "input pairs each level of a dream with the next, twice as large, but there are no two such "
                          "lattices (size %s%s comes in); choose route: block, or let the dream keep: all",
                          size, fine->shape_count > 1 ? " and others" : "");
}

/// How often a lattice can be blocked: by steps of 2 to coarse lattices no smaller than `smallest`.
static uint32_t most_steps(const fg_lattice *lattice, uint64_t smallest) {
  uint64_t rows = lattice->extent[0], columns = lattice->extent[1];
  uint32_t steps = 0;
  while (rows % FACTOR == 0 && columns % FACTOR == 0 && rows / FACTOR >= smallest && columns / FACTOR >= smallest) {
    rows /= FACTOR;
    columns /= FACTOR;
    steps++;
  }
  return steps;
}

static fg_status negotiate_block(pairs *p, const fg_format *fine) {
  const fg_host *host = p->host;
  const fg_lattice *first = &fine->shapes[0];
  uint32_t most = most_steps(first, 1), sensible = most_steps(first, p->smallest);
  char size[96];
  fg_lattice_name(first, size);
  if (fine->shape_count > 1) {
    if (p->config->steps > 1)
      return host->fail_param(host, "steps",
                              "%" PRId64 " blocking steps of several sizes would mix lattices of different origin; "
                              "remove it, or let the dream keep: last",
                              p->config->steps);
    p->steps = 1;
    for (uint32_t s = 0; s < fine->shape_count; s++) p->expected += most_steps(&fine->shapes[s], 1) > 0;
    if (p->expected) return FG_OK;
    return host->fail_param(host, "route", "block needs even sizes, but none that comes in is (size %s and others)",
                            size);
  }
  if (!most)
    return host->fail_param(host, "route",
                            "block needs even sizes, but size %s comes in; change the size, or connect input 'coarse'",
                            size);
  if (p->config->steps > most)
    return host->fail_param(host, "steps", "%" PRId64 " is too many: size %s can be blocked by 2 in at most %u",
                            p->config->steps, size, most);
  p->steps = sensible < STEPS ? sensible : STEPS;
  if (!p->steps) p->steps = 1;
  if (p->config->steps) p->steps = (uint32_t)p->config->steps;
  p->expected = p->steps;
  return FG_OK;
}

/// Bytes of the largest batch that comes in: as much as is kept of a dream, and more than block spins take, of which
/// there are two sizes at a time, padded rows included.
static uint64_t held_bytes(const pairs *p, const fg_format *fine) {
  uint64_t most = 0;
  for (uint32_t s = 0; s < fine->shape_count; s++) {
    const fg_lattice *lattice = &fine->shapes[s];
    uint64_t one = fg_configuration_bytes(FG_SPIN1, lattice), count = fine->batch ? fine->batch : BATCH_BYTES / one;
    uint64_t bytes = one > BATCH_BYTES ? one : count < BATCH_BYTES / one ? one * count : BATCH_BYTES;
    if (bytes > most) most = bytes;
  }
  return p->route == PAIRS_GIVEN ? 0 : most;
}

static fg_status check_lattices(const pairs *p, const fg_format *format) {
  fg_status status = FG_OK;
  for (uint32_t s = 0; status == FG_OK && s < format->shape_count; s++)
    status = group_check_lattice(p->host, p->kind, &format->shapes[s]);
  return status;
}

fg_status pairs_negotiate(pairs *p, const fg_format *fine, const fg_format *coarse, uint64_t *memory) {
  if (check_lattices(p, fine) != FG_OK || (coarse && check_lattices(p, coarse) != FG_OK)) return FG_FAILED;
  p->expected = 0;
  p->route = (pairs_route)p->config->route;
  if (p->route == PAIRS_AUTO) p->route = count_doublings(fine) ? PAIRS_INPUT : PAIRS_BLOCK;
  fg_status status = coarse                    ? negotiate_given(p, fine, coarse)
                     : p->route == PAIRS_INPUT ? negotiate_input(p, fine)
                                               : negotiate_block(p, fine);
  *memory = held_bytes(p, fine);
  return status;
}

// ---- block spins

typedef struct blocking {
  const pairs *p;
  const fg_batch *fine;
  fg_batch *coarse;
  fg_rng_key key;
  uint64_t task_size; ///< configurations
} blocking;

static fg_status block_some(void *arg, uint64_t task) {
  const blocking *work = arg;
  const fg_host *host = work->p->host;
  fg_batch *coarse = work->coarse;
  const uint64_t width = fg_lattice_width(&coarse->lattice), words = work->fine->row_bytes / 8;
  uint64_t end = (task + 1) * work->task_size < coarse->count ? (task + 1) * work->task_size : coarse->count;
  blocks_ties ties = {.host = host, .key = work->key, .level = (uint64_t)(int64_t)coarse->level, .group = UINT64_MAX};
  if (host->cancelled(host)) return FG_CANCELLED;
  for (uint64_t i = task * work->task_size; i < end; i++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      const uint64_t *above = fg_batch_row(work->fine, i, FACTOR * y),
                     *below = fg_batch_row(work->fine, i, FACTOR * y + 1);
      const uint64_t first = ((coarse->first + i) * coarse->rows + y) * width;
      uint64_t *row = fg_batch_row_mut(coarse, i, y);
      for (uint64_t k = 0; 64 * k < width; k++) {
        quartets blocks = quartets_of(above, below, k, words);
        row[k] = blocks.tied ? blocks.up | (blocks.tied & blocks_tie_signs(&ties, first + 64 * k)) : blocks.up;
      }
    }
  }
  return FG_OK;
}

/// The block spins of a batch; *coarse is the caller's.
static fg_status block(const pairs *p, const fg_batch *fine, fg_batch **coarse) {
  const fg_host *host = p->host;
  fg_lattice lattice = fine->lattice;
  for (uint32_t d = 0; d < 2; d++) lattice.extent[d] /= FACTOR;
  *coarse = host->batch_new(host, FG_SPIN1, &lattice, fine->count);
  if (!*coarse) return FG_FAILED;
  (*coarse)->first = fine->first;
  (*coarse)->chain = fine->chain;
  (*coarse)->level = fine->level - 1;
  blocking work = {p, fine, *coarse, host->rng_key(host, "ties"), 1};
  const uint64_t words = fine->rows * fine->row_bytes / 8;
  if (words < TASK_WORDS) work.task_size = TASK_WORDS / words;
  return host->parallel_for(host, (fine->count + work.task_size - 1) / work.task_size, block_some, &work);
}

static fg_status take_blocks(pairs *p, const fg_batch *batch) {
  const fg_host *host = p->host;
  const uint32_t most = most_steps(&batch->lattice, 1), steps = p->steps < most ? p->steps : most;
  const fg_batch *fine = batch;
  fg_status status = FG_OK;
  for (uint32_t step = 0; status == FG_OK && step < steps; step++) {
    fg_batch *coarse = NULL;
    status = block(p, fine, &coarse);
    if (status == FG_OK) status = p->take(p->arg, coarse, fine, batch->coupling);
    p->seen = 1;
    if (fine != batch) host->batch_unref(host, fine);
    fine = coarse;
  }
  if (fine && fine != batch) host->batch_unref(host, fine);
  return status;
}

// ---- successive levels

/// The next level of the batch that came before, or the first of others.
static fg_status take_level(pairs *p, const fg_batch *batch) {
  const fg_host *host = p->host;
  const fg_batch *before = p->before;
  fg_status status = FG_OK;
  int taken = 0;
  if (before && batch->level == before->level + 1) {
    if (batch->first != before->first || batch->count != before->count || batch->chain != before->chain)
      return host->fail(host,
                        "level %d of configurations %" PRIu64 " to %" PRIu64
                        " follows level %d of configurations %" PRIu64 " to %" PRIu64
                        "; the levels of a dream must come one after the other for the same ones: connect "
                        "them to inputs 'fine' and 'coarse' instead",
                        batch->level, batch->first, batch->first + batch->count - 1, before->level, before->first,
                        before->first + before->count - 1);
    if (!goes_with(p, &before->lattice, &batch->lattice)) return refuse_pair(p, &before->lattice, &batch->lattice);
    status = p->take(p->arg, before, batch, batch->coupling);
    p->seen = taken = 1;
  }
  if (before) host->batch_unref(host, before);
  host->batch_ref(host, batch);
  p->before = batch;
  p->again = taken;
  return status;
}

fg_status pairs_process(pairs *p, const fg_message *const *messages, uint32_t count) {
  const fg_batch *fine = messages[0]->batch, *coarse = count > 1 ? messages[1]->batch : NULL;
  if (fine->count == 0) return FG_OK;
  p->came = 1;
  if (group_check_lattice(p->host, p->kind, &fine->lattice) != FG_OK) return FG_FAILED;
  if (p->route == PAIRS_INPUT) return take_level(p, fine);
  if (p->route == PAIRS_BLOCK) return take_blocks(p, fine);
  if (!goes_with(p, &coarse->lattice, &fine->lattice)) return refuse_pair(p, &coarse->lattice, &fine->lattice);
  p->seen = 1;
  return p->take(p->arg, coarse, fine, fine->coupling);
}

fg_status pairs_finish(const pairs *p) {
  if (p->seen || !p->came) return FG_OK;
  return p->host->fail_param(p->host, "route",
                             "no level came together with the next one; input takes a dream, all levels of a batch of "
                             "configurations one after the other; choose route: block for other configurations");
}

void pairs_clear(pairs *p) {
  if (p->before) p->host->batch_unref(p->host, p->before);
  p->before = NULL;
}

// ---- parameters and ports

static const char *const route_choices[] = {"auto", "input", "block", NULL};
static const char *const step_names[] = {"auto=0", NULL};

const fg_param pairs_param_route = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(pairs_config, route),
    .name = "route",
    .def = "auto",
    .choices = route_choices,
    .doc = "What the coarse lattice is when input coarse is not connected: the level of a dream before (input), or the "
           "majority block spins (block); auto is input where lattices come in of which one is twice as large as "
           "another, otherwise block.",
};
const fg_param pairs_param_steps = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(pairs_config, steps),
    .name = "steps",
    .def = "auto",
    .min = "1",
    .max = "31",
    .names = step_names,
    .unit = "1",
    .doc = "Blocking steps of route block, each of the block spins of the one before; auto is 3, or fewer on small "
           "lattices, and 1 where several sizes come in.",
};
const fg_port pairs_port_fine = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED,
    .name = "fine",
    .doc = "Spins on square lattices; without coarse also a dream, all its levels.",
};
const fg_port pairs_port_coarse = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED | FG_PORT_OPTIONAL,
    .name = "coarse",
    .doc = "The same configurations on coarser lattices, however they were made.",
};
