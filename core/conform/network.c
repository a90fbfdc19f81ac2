// network.c — checks of the extension fg.network/1 (network.h): a distribution that sums to one, draws that come
// from it, models that may be shared. The lattices are so small that all fine ones can be listed.
#include "conform/statistics.h"
#include "conform/subject.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 65536u       // of each statistical test
#define MOST_DEVIATION 6.5 // standard deviations; more by chance once in 10^10

// --- opening --------------------------------------------------------------------------------------------------------

/// What must be refused: the reason is due, and no model.
static void refuses(fg_subject *s, const char *what, const char *hyperparameters, const double *weights,
                    uint64_t count) {
  fg_network_model *model = NULL;
  s->trial.failed = false;
  fg_trial_enter(&s->trial, "open");
  fg_case_doing(s->trial.of, "open of %s", what);
  if (fg_subject_called(s, s->network->open(&s->trial.host, hyperparameters, weights, count, &model)) == FG_OK)
    fg_case_failed(s->trial.of, "open takes %s", what);
  s->trial.failed = false;
}

static void check_open(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  for (uint64_t k = 0; k < s.parameters; k++) {
    fg_case_doing(c, "parameter_name of %" PRIu64, k);
    const char *name = s.network->parameter_name(s.model, k);
    if (!name || !name[0]) fg_case_failed(c, "parameter %" PRIu64 " of %" PRIu64 " has no name", k, s.parameters);
  }
  double *more = calloc(s.parameters + 1, sizeof *more);
  if (!more) abort();
  refuses(&s, "one weight too many", s.hyperparameters, more, s.parameters + 1);
  if (s.parameters > 1) refuses(&s, "one weight too few", s.hyperparameters, more, s.parameters - 1);
  refuses(&s, "hyperparameters that are no JSON", "{", s.weights, s.parameters);
  more[0] = NAN;
  refuses(&s, "a weight that is no number", s.hyperparameters, more, s.parameters);
  free(more);
  fg_case_note(c, "%" PRIu64 " parameter(s), factor %" PRIu32 ", radius %" PRIu32, s.parameters, s.factor,
               s.network->radius(s.model));
  fg_subject_close(&s);
}

/// A model opened, used and closed.
typedef struct opening {
  fg_subject *s;
  const fg_batch *coarse;
  fg_batch *fine;
} opening;

static void open_once(void *arg) {
  const opening *o = arg;
  fg_subject *s = o->s;
  fg_network_model *kept = s->model;
  double log_prob[2];
  s->model = fg_subject_model(s, s->weights, s->parameters);
  fg_subject_draw(s, o->coarse, o->fine, 0, 2);
  fg_subject_score(s, s->model, o->fine, o->coarse, 0, 2, log_prob);
  s->network->close(s->model);
  s->model = kept;
}

static void check_close(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  opening o = {&s, fg_subject_coarse(&s, 4, 4, 2), NULL};
  o.fine = fg_subject_fine(&s, o.coarse);
  fg_check_leaks(c, open_once, &o, "close");
  fg_subject_drop(&s, o.fine);
  fg_subject_close(&s);
}

// --- the distribution -----------------------------------------------------------------------------------------------

static uint32_t code_of(const fg_subject *s, const fg_batch *batch, uint32_t i) {
  uint32_t code = 0;
  uint64_t width = fg_lattice_width(&batch->lattice);
  for (uint64_t site = width * batch->rows; site-- > 0;) code = code * s->states + fg_subject_get(batch, i, site);
  return code;
}

static bool same_data(const fg_batch *a, const fg_batch *b) {
  return memcmp(a->data, b->data, (size_t)a->count * a->rows * a->row_bytes) == 0;
}

/// Lattices whose fine ones can all be listed.
static const struct {
  const char *name;
  uint64_t length;
  unsigned code;
} coarses[] = {{"1x1-up", 1, 1}, {"1x1-down", 1, 0}, {"2x2", 2, 7}};

static bool name_coarse(const fg_case *c, uint32_t variant, char *name, size_t size) {
  (void)c;
  if (variant >= sizeof coarses / sizeof *coarses) return false;
  snprintf(name, size, "%s", coarses[variant].name);
  return true;
}

/// log P of every fine lattice; to be freed.
static double *score_all(fg_subject *s, uint64_t length, unsigned code, uint32_t *count) {
  if (!fg_subject_fine_count(s, length * s->factor))
    fg_case_skipped(s->trial.of, "there are too many fine lattices of a factor of %" PRIu32, s->factor);
  const fg_batch *fine = fg_subject_all_fine(s, length * s->factor);
  const fg_batch *coarse = fg_subject_coarse_of_code(s, length, code, fine->count);
  double *log_prob = malloc(fine->count * sizeof *log_prob);
  if (!log_prob) abort();
  for (uint32_t i = 0; i < fine->count; i++) log_prob[i] = NAN;
  fg_subject_score(s, s->model, fine, coarse, 0, fine->count, log_prob);
  *count = fine->count;
  return log_prob;
}

static void check_sum(fg_case *c, uint32_t variant) {
  fg_subject s;
  uint32_t count;
  fg_subject_open(&s, c);
  double *log_prob = score_all(&s, coarses[variant].length, coarses[variant].code, &count), sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += exp(log_prob[i]);
  if (!(fabs(sum - 1) < 1e-6))
    fg_case_failed(c, "the probabilities of all %" PRIu32 " fine lattices of one coarse lattice sum to %.9g, not 1",
                   count, sum);
  free(log_prob);
  fg_subject_close(&s);
}

/// Draws against probabilities. More fine lattices than cells share cells, in several ways.
static void check_draws(fg_case *c, uint32_t variant) {
  fg_subject s;
  uint32_t count;
  double worst = -INFINITY;
  fg_subject_open(&s, c);
  double *log_prob = score_all(&s, coarses[variant].length, coarses[variant].code, &count);
  const fg_batch *coarse = fg_subject_coarse_of_code(&s, coarses[variant].length, coarses[variant].code, DRAWS);
  fg_batch *fine = fg_subject_fine(&s, coarse);
  fg_subject_draw(&s, coarse, fine, 0, DRAWS);
  for (uint32_t way = 0; way < (count > FG_STATISTICS_CELLS ? FG_STATISTICS_WAYS : 1); way++) {
    double expected[FG_STATISTICS_CELLS] = {0}, observed[FG_STATISTICS_CELLS] = {0};
    for (uint32_t i = 0; i < count; i++) expected[fg_statistics_cell(i, count, way)] += DRAWS * exp(log_prob[i]);
    for (uint32_t i = 0; i < DRAWS; i++) observed[fg_statistics_cell(code_of(&s, fine, i), count, way)]++;
    worst = fmax(worst, fg_statistics_deviate(observed, expected, FG_STATISTICS_CELLS));
  }
  if (!(worst < MOST_DEVIATION))
    fg_case_failed(
        c, "sample does not draw from what log_prob says: chi squared is %.1f standard deviations off in %u draws",
        worst, DRAWS);
  fg_subject_drop(&s, fine);
  free(log_prob);
  fg_subject_close(&s);
}

/// The rest of a row is zero, as it was.
static void check_padding(const fg_subject *s, const fg_batch *batch) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  const uint64_t bits = batch->element == FG_STATE8 ? 8 * width : width;
  for (uint64_t row = 0; bits % 64 && row < batch->count * batch->rows; row++)
    if (fg_batch_row(batch, 0, row)[bits / 64] >> bits % 64)
      fg_case_failed(s->trial.of, "sample sets bits in the padding of a row");
}

/// All spins of configuration i up, all states 1.
static void set_all(fg_batch *batch, uint32_t i) {
  for (uint64_t site = 0; site < fg_lattice_sites(&batch->lattice); site++) fg_subject_set(batch, i, site, 1);
}

static bool same_configuration(const fg_batch *a, const fg_batch *b, uint32_t i) {
  return memcmp(fg_batch_row(a, i, 0), fg_batch_row(b, i, 0), a->rows * a->row_bytes) == 0;
}

/// Lattices of any size, cut in any way: parts give what the whole gives, and nothing beside a part is touched. What is
/// drawn into has spins already.
static void check_parts_of(fg_subject *s, uint64_t rows, uint64_t width) {
  enum { COUNT = 7 };
  static const uint32_t parts[] = {0, 1, 5, COUNT};
  const fg_case *c = s->trial.of;
  const fg_batch *coarse = fg_subject_coarse(s, rows, width, COUNT);
  fg_batch *whole = fg_subject_fine(s, coarse), *cut = fg_subject_fine(s, coarse),
           *untouched = fg_subject_fine(s, coarse);
  double of_whole[COUNT], of_cut[COUNT];
  fg_subject_draw(s, coarse, whole, 0, COUNT);
  check_padding(s, whole);
  fg_subject_score(s, s->model, whole, coarse, 0, COUNT, of_whole);
  for (uint32_t i = 0; i < COUNT; i++) {
    set_all(untouched, i);
    if (!(of_whole[i] <= 1e-9) || isinf(of_whole[i]))
      fg_case_failed(c, "log_prob of what sample has drawn is %g", of_whole[i]);
  }
  for (int k = 2; k >= 0; k--) {
    for (uint32_t i = 0; i < COUNT; i++) set_all(cut, i);
    for (uint32_t i = 0; i < COUNT; i++) of_cut[i] = -1;
    fg_subject_draw(s, coarse, cut, parts[k], parts[k + 1]);
    fg_subject_score(s, s->model, whole, coarse, parts[k], parts[k + 1], of_cut);
    for (uint32_t i = 0; i < COUNT; i++) {
      bool inside = i >= parts[k] && i < parts[k + 1];
      if (inside && !same_configuration(cut, whole, i))
        fg_case_failed(c, "sample of a part gives other spins than of the whole");
      if (inside && !(fabs(of_cut[i] - of_whole[i]) <= 1e-9 * (1 + fabs(of_whole[i]))))
        fg_case_failed(c, "log_prob of a part gives other values than of the whole");
      if (!inside && !same_configuration(cut, untouched, i))
        fg_case_failed(c, "sample writes to configurations it was not asked for");
      if (!inside && of_cut[i] != -1) fg_case_failed(c, "log_prob writes for configurations it was not asked for");
    }
  }
  fg_subject_drop(s, whole);
  fg_subject_drop(s, cut);
  fg_subject_drop(s, untouched);
}

static void check_parts(fg_case *c, uint32_t variant) {
  static const uint64_t sizes[][2] = {{4, 4}, {3, 5}, {1, 2}, {2, 35}};
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_parts_of(&s, sizes[i][0], sizes[i][1]);
  fg_subject_close(&s);
}

/// What a thread of check_threads does.
typedef struct share {
  const fg_subject *s;
  const fg_batch *coarse;
  fg_batch *fine;
  double *log_prob;
  unsigned threads;
  atomic_uint arrived;
} share;

static fg_status do_share(void *arg, uint64_t index) {
  share *of = arg;
  if (index < of->threads) fg_trial_meet(&of->arrived, of->threads);
  const uint32_t begin = (uint32_t)index, end = begin + 1;
  const fg_network *network = of->s->network;
  fg_status status =
      network->sample(of->s->model, of->s->trial.host.rng_fill, FG_SUBJECT_KEY, of->coarse, of->fine, begin, end);
  return status == FG_OK ? network->log_prob(of->s->model, of->fine, of->coarse, begin, end, of->log_prob) : status;
}

static void check_concurrent(fg_case *c, uint32_t variant) {
  enum { COUNT = 64 };
  (void)variant;
  fg_subject s;
  double of_one[COUNT], of_four[COUNT];
  fg_subject_open(&s, c);
  const fg_batch *coarse = fg_subject_coarse(&s, 8, 8, COUNT);
  fg_batch *one = fg_subject_fine(&s, coarse), *four = fg_subject_fine(&s, coarse);
  fg_pool *pool = fg_pool_new(4);
  fg_pool_acquire(pool);
  share alone = {&s, coarse, one, of_one, 1, 0}, together = {&s, coarse, four, of_four, 4, 0};
  fg_case_doing(c, "sample and log_prob");
  for (uint64_t i = 0; i < COUNT; i++)
    if (do_share(&alone, i) != FG_OK) fg_case_failed(c, "sample or log_prob fails: %s", s.trial.reason);
  fg_case_doing(c, "sample and log_prob on 4 threads at a time");
  for (int attempt = 0; attempt < 8; attempt++) {
    atomic_store(&together.arrived, 0);
    if (fg_pool_for(pool, COUNT, do_share, &together, NULL) != FG_OK)
      fg_case_failed(c, "sample or log_prob fails: %s", s.trial.reason);
    bool same = same_data(one, four);
    for (uint32_t i = 0; i < COUNT; i++) same &= of_one[i] == of_four[i];
    if (!same)
      fg_case_failed(
          c, "sample or log_prob gives something else on 4 threads; an opened model is shared and does not change");
  }
  fg_pool_release(pool);
  fg_pool_free(pool);
  fg_subject_drop(&s, one);
  fg_subject_drop(&s, four);
  fg_subject_close(&s);
}

/// Unknown extensions are none.
static void check_extension(fg_case *c, uint32_t variant) {
  (void)variant;
  const fg_stage *stage = &c->entry->stage;
  if (!stage->extension) fg_case_skipped(c, "offers none");
  fg_case_doing(c, "extension of an unknown id");
  if (stage->extension("fg.unknown/7")) fg_case_failed(c, "extension gives something for the unknown id fg.unknown/7");
  fg_case_doing(c, "extension of " FG_NETWORK_EXTENSION);
  if (!stage->extension(FG_NETWORK_EXTENSION)) fg_case_skipped(c, "is no network");
  fg_case_note(c, FG_NETWORK_EXTENSION);
}

const fg_check fg_checks_of_networks[] = {
    {.name = "extension", .body = check_extension, .essential = true},
    {.name = "network-open", .body = check_open, .essential = true},
    {.name = "network-sum", .body = check_sum, .variant = name_coarse},
    {.name = "network-draws", .body = check_draws, .variant = name_coarse},
    {.name = "network-parts", .body = check_parts},
    {.name = "network-threads", .body = check_concurrent},
    {.name = "network-leaks", .body = check_close},
    {0},
};
