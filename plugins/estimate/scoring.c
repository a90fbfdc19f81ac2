// scoring.c — see scoring.h.
#include "scoring.h"

#include <inttypes.h>
#include <stdlib.h>

#define SHARES 16u // of a batch, scored in parallel

typedef struct scoring {
  const inputs_model *model;
  const fg_batch *fine, *coarse;
  double *log_prob;
} scoring;

static fg_status score_share(void *arg, uint64_t share) {
  const scoring *work = arg;
  const inputs_model *model = work->model;
  const uint64_t count = work->fine->count;
  const uint32_t begin = (uint32_t)(count * share / SHARES), end = (uint32_t)(count * (share + 1) / SHARES);
  if (begin == end) return FG_OK;
  if (model->host->cancelled(model->host)) return FG_CANCELLED;
  return model->network->log_prob(model->opened, work->fine, work->coarse, begin, end, work->log_prob);
}

fg_status scoring_log_prob(const inputs_model *model, const fg_batch *fine, const fg_batch *coarse, double *log_prob) {
  scoring work = {model, fine, coarse, log_prob};
  return model->host->parallel_for(model->host, SHARES, score_share, &work);
}

fg_status scoring_make_room(const fg_host *host, double **numbers, uint64_t count) {
  double *grown = realloc(*numbers, count * sizeof *grown);
  if (!grown) return host->fail(host, "out of memory for %" PRIu64 " likelihoods", count);
  *numbers = grown;
  return FG_OK;
}

fg_status scoring_refuse(const inputs_model *model, const fg_batch *fine, uint64_t i, double log_prob) {
  char size[96];
  fg_lattice_name(&fine->lattice, size);
  return model->host->fail(model->host,
                           "the %s gives configuration %" PRIu64 " of size %s the log-probability %g; "
                           "this is a fault of '%s' or of its weights",
                           model->port, fine->first + i, size, log_prob, model->kind);
}
