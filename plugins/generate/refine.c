// refine.c — see refine.h.
#include "refine.h"

#include "ladder.h"
#include "plugins/networks/network_lattice.h"

#include <inttypes.h>
#include <string.h>

#define FACTOR 2u                       // of every network so far; the formats need it before there is a model
#define MOST_EXTENT (UINT64_C(1) << 31) // of a lattice
#define BATCH_BYTES ((uint64_t)1 << 20)
#define BATCH_MOST 1024u
#define TASK_SITES 4096u // coarse sites one call of parallel_for's body refines with a network's own sample, about
#define TASK_CHUNKS 16u  // of a kernel that one call draws
#define SLAB_BYTES ((uint64_t)4 << 20) // larger lattices leave in slabs, the last ones before they are there as a whole

// ---- models

static fg_status refuse_untrained(const refine_model *model) {
  if (!model->kind[0])
    return model->host->fail(model->host, "a model of the list has no weights; train it or give weights: [...]");
  return model->host->fail(model->host, "%s '%s' has no weights; train it or give weights: [...]", model->name,
                           model->kind);
}

static fg_status find_network(refine_model *model) {
  const fg_host *host = model->host;
  model->network = host->lookup(host, model->kind, FG_NETWORK_EXTENSION);
  if (model->network) return FG_OK;
  return host->fail(host, "%s '%s' is of no network this program has; a model comes from a network stage", model->name,
                    model->kind);
}

fg_status refine_announce(refine_model *model, const fg_host *host, const char *name, const fg_format *format) {
  model->host = host;
  model->name = name;
  snprintf(model->kind, sizeof model->kind, "%s", format->network);
  if (model->kind[0] && find_network(model) != FG_OK) return FG_FAILED;
  model->element = model->network ? (fg_element)fg_network_element(model->network) : FG_SPIN1;
  model->isa = slices_chosen(host);
  if (!model->isa) return FG_FAILED;
  return format->has_weights ? FG_OK : refuse_untrained(model);
}

fg_status refine_check_lattice(const refine_model *model, const fg_lattice *lattice) {
  return network_lattice_check(model->host, model->network, model->kind, lattice);
}

/// Prepares the table, if the model has one that kernels draw.
static void prepare(refine_model *model) {
  const fg_network *network = model->network;
  const fg_network_table *table = FG_HAS(network, table) && network->table ? network->table(model->opened) : NULL;
  model->sliced = table && slices_prepare(&model->rule, table);
}

fg_status refine_open(refine_model *model, const fg_model *arrived) {
  const fg_host *host = model->host;
  if (model->opened) return host->fail(host, "takes one %s, but more than one arrived", model->name);
  if (!model->kind[0]) {
    snprintf(model->kind, sizeof model->kind, "%s", arrived->network);
    if (find_network(model) != FG_OK) return FG_FAILED;
    if (fg_network_element(model->network) != model->element)
      return host->fail(host, "%s '%s' is of Potts states, others of the list are of spins; one dream has one of them",
                        model->name, model->kind);
  }
  if (strcmp(arrived->network, model->kind) != 0)
    return host->fail(host, "a %s of '%s' arrived where '%s' was announced", model->name, arrived->network,
                      model->kind);
  if (arrived->weight_count == 0) return refuse_untrained(model);
  fg_status status =
      model->network->open(host, arrived->hyperparameters, arrived->weights, arrived->weight_count, &model->opened);
  if (status != FG_OK) return status;
  prepare(model);
  uint32_t factor = model->network->factor(model->opened);
  if (factor == FACTOR) return FG_OK;
  return host->fail(host, "%s '%s' refines by a factor of %u; this stage knows %u", model->name, model->kind, factor,
                    FACTOR);
}

uint32_t refine_states(const refine_model *model) {
  const fg_network *network = model->network;
  return model->opened && FG_HAS(network, states) && network->states ? network->states(model->opened) : 2;
}

void refine_close(refine_model *model) {
  if (model->opened) model->network->close(model->opened);
  model->opened = NULL;
}

// ---- sizes

fg_lattice refine_lattice(const fg_lattice *lattice, int64_t steps) {
  fg_lattice fine = *lattice;
  for (uint32_t d = 0; d < fine.dims; d++) fine.extent[d] <<= steps;
  return fine;
}

fg_status refine_check_size(const fg_host *host, const char *param, const fg_lattice *lattice, int64_t steps) {
  uint64_t longest = lattice->extent[0] > lattice->extent[1] ? lattice->extent[0] : lattice->extent[1];
  int64_t most = 0;
  while (longest << (most + 1) <= MOST_EXTENT) most++;
  if (steps <= most) return FG_OK;
  char size[96];
  fg_lattice_name(lattice, size);
  return host->fail_param(host, param,
                          "%" PRId64 " doublings of %s give a lattice of more than 2^31 sites a side; at most %" PRId64
                          " are possible",
                          steps, size, most);
}

uint32_t refine_together(fg_element element, const fg_lattice *last) {
  uint64_t bytes = fg_configuration_bytes(element, last);
  uint64_t fit = bytes < BATCH_BYTES ? BATCH_BYTES / bytes : 1;
  return fit < BATCH_MOST ? (uint32_t)fit : BATCH_MOST;
}

uint64_t refine_bytes(fg_element element, const fg_lattice *lattice, int64_t steps, uint64_t count) {
  fg_lattice last = refine_lattice(lattice, steps), before = refine_lattice(lattice, steps - 1);
  uint64_t bytes = fg_configuration_bytes(element, &before) + fg_configuration_bytes(element, &last);
  if (steps > 1) bytes += fg_configuration_bytes(element, lattice);
  return count * bytes;
}

// ---- inverse steps

/// One batch at work.
typedef struct refinement {
  const refine_model *model;
  slices_job job;     ///< what is refined, and how
  uint64_t task_size; ///< configurations, or chunks for a kernel
  uint64_t size;      ///< of the whole, in these
} refinement;

static fg_status refine_some(void *arg, uint64_t task) {
  const refinement *work = arg;
  const refine_model *model = work->model;
  const slices_job *job = &work->job;
  uint64_t begin = task * work->task_size, end = begin + work->task_size;
  if (end > work->size) end = work->size;
  if (model->host->cancelled(model->host)) return FG_CANCELLED;
  if (!model->sliced)
    return model->network->sample(model->opened, job->fill, job->key, job->coarse, job->fine, (uint32_t)begin,
                                  (uint32_t)end);
  model->isa->draw(job, begin, end);
  return FG_OK;
}

/// Draws fine spins below the coarse rows from `first_row` on, counted through the batch. Takes the fine batch, and gives
/// it back when all went well.
static fg_batch *refine_rows(const refine_model *model, fg_rng_key key, const fg_batch *coarse, uint64_t first_row,
                             fg_batch *fine, fg_status *status) {
  const fg_host *host = model->host;
  *status = FG_FAILED;
  if (!fine) return NULL;
  fine->first = coarse->first + first_row / coarse->rows;
  fine->chain = coarse->chain;
  fine->level = coarse->level + 1;
  refinement work = {model, {&model->rule, host->rng_fill, key, coarse, fine, first_row}, 1, coarse->count};
  uint64_t sites = fg_lattice_sites(&coarse->lattice);
  if (sites < TASK_SITES) work.task_size = TASK_SITES / sites;
  if (model->sliced) {
    work.task_size = TASK_CHUNKS;
    work.size = slices_chunks(&work.job);
  }
  *status = host->parallel_for(host, (work.size + work.task_size - 1) / work.task_size, refine_some, &work);
  if (*status == FG_OK) return fine;
  host->batch_unref(host, fine);
  return NULL;
}

/// One inverse step of a whole batch; the caller's. NULL with the reason in *status.
static fg_batch *refine(const refine_model *model, fg_rng_key key, const fg_batch *coarse, fg_status *status) {
  const fg_host *host = model->host;
  fg_lattice lattice = refine_lattice(&coarse->lattice, 1);
  return refine_rows(model, key, coarse, 0, host->batch_new(host, coarse->element, &lattice, coarse->count), status);
}

/// The last step of large lattices, which leave as they are made: there is never a whole one.
static fg_status refine_slabs(const refine_model *model, fg_rng_key key, const fg_batch *coarse) {
  const fg_host *host = model->host;
  fg_lattice lattice = refine_lattice(&coarse->lattice, 1);
  uint64_t most = SLAB_BYTES / fg_row_bytes(FG_SPIN1, fg_lattice_width(&lattice)) / FACTOR * FACTOR;
  if (!most) most = FACTOR;
  fg_status status = FG_OK;
  for (uint64_t row = 0; status == FG_OK && row < FACTOR * coarse->count * coarse->rows;) {
    uint64_t y = row % lattice.extent[0], left = lattice.extent[0] - y, rows = left < most ? left : most;
    fg_batch *slab = host->slab_new(host, FG_SPIN1, &lattice, y, rows);
    slab = refine_rows(model, key, coarse, row / FACTOR, slab, &status);
    if (slab) status = host->emit_batch(host, 0, slab);
    row += rows;
  }
  return status;
}

/// Whether what one step makes is to be emitted in slabs.
static int in_slabs(const refine_model *model, const fg_batch *coarse) {
  fg_lattice lattice = refine_lattice(&coarse->lattice, 1);
  return model->sliced && fg_configuration_bytes(FG_SPIN1, &lattice) > SLAB_BYTES;
}

fg_status refine_climb(const refine_way *way, fg_rng_key key, const fg_batch *start) {
  const fg_host *host = way->rest->host;
  fg_batch *made = NULL;
  fg_status status = FG_OK;
  for (int64_t step = 1; status == FG_OK && step <= way->steps; step++) {
    const refine_model *model =
        step <= way->first_steps ? way->first : &way->rest[ladder_rung(way->steps, way->rest_count, step)];
    if (!model->opened) status = host->fail(host, "no %s arrived", model->name);
    const fg_batch *coarse = made ? made : start;
    fg_batch *fine = NULL;
    if (status == FG_OK && step == way->steps && in_slabs(model, coarse))
      status = refine_slabs(model, key, coarse);
    else if (status == FG_OK)
      fine = refine(model, key, coarse, &status);
    if (made) host->batch_unref(host, made);
    made = fine;
    if (!made || (!way->keep_all && step < way->steps)) continue;
    host->batch_ref(host, made); // it goes out, and is the next level's parent
    status = host->emit_batch(host, 0, made);
  }
  if (made) host->batch_unref(host, made);
  return status;
}
