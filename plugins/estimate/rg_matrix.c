// rg_matrix.c — estimate.rg-matrix: the linearised RG transformation between two lattices of the same configurations,
// its eigenvalues and exponents, with errors and beside exact values. Which lattices make a pair is pairs.h's
// business, what is measured operators.h's, what follows from it rg_analysis.h's; here they meet, and become tables
// (rg_tables.h).
#include "finegrain/finegrain.h"

#include "groups.h"
#include "operators.h"
#include "pairs.h"
#include "rg_tables.h"

#include <gsl/gsl_errno.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA_PAIRS 2u                 // beyond those announced: other levels and couplings
#define MOST_OPERATORS 256u            // of a parity: their products are kept in 256 bins
#define TASK_SITES 65536u              // sites one call of parallel_for's body measures, about
#define ENOUGH 10u                     // configurations an operator
#define KEPT_BYTES ((uint64_t)8 << 20) // most that is kept of a level's values

enum { SYMMETRIC, PUBLISHED };

typedef struct config {
  pairs_config pairs; ///< must be the first
  int64_t window;
  int64_t order; ///< 0: auto
  int64_t eigenvalues;
  double cutoff;
  int32_t operators;
  int32_t reference;
  int32_t matrix;
  int32_t reserved;
} config;

/// Values of the fine lattices of the last pair: those of the coarse ones of the next, where they are the same.
typedef struct kept_values {
  double *values; ///< a row of all operators for each configuration; NULL: not kept by this route
  uint64_t room;  ///< configurations
  int complete;   ///< the last batch did fit
} kept_values;

/// What is kept of a pair of lattices, at the index of the fine one's group.
typedef struct lattice_pair {
  fg_lattice coarse;
  rg_moments *moments;
} lattice_pair;

typedef struct rg_matrix {
  const fg_host *host;
  const config *config;
  pairs pairs;
  operators operators;
  group_list fine; ///< fine lattices, levels and couplings that came
  lattice_pair *pair;
  kept_values kept;
} rg_matrix;

static fg_status turn_off_handler(void *arg) {
  (void)arg;
  gsl_set_error_handler_off();
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  rg_matrix *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  host->serialize(host, "gsl", turn_off_handler, NULL);
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  rg_matrix *stage = self;
  for (uint32_t g = 0; stage->pair && g < stage->fine.count; g++) rg_moments_free(stage->pair[g].moments);
  free(stage->pair);
  free(stage->kept.values);
  free(stage->fine.key);
  operators_clear(&stage->operators);
  pairs_clear(&stage->pairs);
  free(stage);
}

// ---- formats

static fg_status find_operators(rg_matrix *stage) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  operators *o = &stage->operators;
  int status;
  if (c->operators == PUBLISHED) {
    if (c->window != 3)
      return host->fail_param(host, "window", "operators: paper are those of a 3×3 window; remove window");
    if (c->order) return host->fail_param(host, "order", "operators: paper have 1 to 4 spins; remove order");
    status = operators_published(o);
  } else {
    uint32_t most = (uint32_t)(c->window * c->window);
    if (c->order > most)
      return host->fail_param(host, "order",
                              "%" PRId64 " spins do not fit into a window of %" PRId64 "×%" PRId64
                              "; choose at most %u, or a larger window",
                              c->order, c->window, c->window, most);
    if (c->order)
      most = (uint32_t)c->order;
    else if (c->window == OPERATORS_WINDOW_MOST)
      most = 4;
    status = operators_symmetric(o, (uint32_t)c->window, most);
  }
  if (status != 0) return host->fail(host, "out of memory for the operators");
  for (int p = 0; p < 2; p++)
    if (o->count[p] > MOST_OPERATORS)
      return host->fail_param(host, "order",
                              "gives %u %s operators; at most %u can be measured: choose a smaller order or window",
                              o->count[p], p ? "odd" : "even", MOST_OPERATORS);
  return FG_OK;
}

static fg_status check_sites(const rg_matrix *stage, const fg_lattice *lattice) {
  char size[96];
  if (fg_lattice_sites(lattice) <= OPERATORS_SITES) return FG_OK;
  fg_lattice_name(lattice, size);
  return stage->host->fail(stage->host,
                           "size %s has more than 2^30 sites; operators of larger lattices are not measured", size);
}

// ---- measuring

/// The index of a pair's lattices, made when they are the first of their kind; -1: reported.
static int64_t pair_of(rg_matrix *stage, const fg_batch *coarse, const fg_batch *fine, double coupling) {
  const fg_host *host = stage->host;
  const uint32_t before = stage->fine.count;
  fg_batch key = *fine;
  key.coupling = coupling;
  if (!stage->pair) stage->pair = calloc(stage->fine.most, sizeof *stage->pair);
  if (!stage->pair) {
    host->fail(host, "out of memory");
    return -1;
  }
  int64_t at = group_of(&stage->fine, host, "estimate.rg-matrix", &key);
  if (at < 0) return -1;
  lattice_pair *pair = &stage->pair[at];
  if (stage->fine.count > before) {
    pair->coarse = coarse->lattice;
    pair->moments = rg_moments_new(stage->operators.count);
    if (!pair->moments) host->fail(host, "out of memory for the products of operators");
    return pair->moments ? at : -1;
  }
  if (fg_lattice_equal(&pair->coarse, &coarse->lattice)) return at;
  host->fail(
      host,
      "lattices of one size, level and coupling come with coarse ones of different sizes; give each a stage of its own");
  return -1;
}

/// Configurations first … first+count-1 of a pair being measured.
typedef struct measurement {
  const rg_matrix *stage;
  rg_moments *moments;
  const fg_batch *coarse, *fine;
  uint32_t first, count;
  uint64_t task_size;
  double *kept; ///< rows of all configurations of the batch, or NULL
  int known;    ///< they hold the values of the coarse lattices
} measurement;

/// Configuration first+k of both lattices.
static void measure(const measurement *work, uint32_t k, void *scratch) {
  const operators *o = &work->stage->operators;
  const uint32_t total = operators_total(o), i = work->first + k;
  double *coarse = rg_moments_coarse(work->moments, k), *fine = rg_moments_fine(work->moments, k);
  double *kept = work->kept ? work->kept + (size_t)i * total : NULL;
  if (work->known && kept)
    memcpy(coarse, kept, total * sizeof *coarse);
  else
    operators_measure(o, work->coarse, i, scratch, coarse);
  operators_measure(o, work->fine, i, scratch, fine);
  if (kept) memcpy(kept, fine, total * sizeof *kept);
}

static fg_status measure_some(void *arg, uint64_t task) {
  const measurement *work = arg;
  const fg_host *host = work->stage->host;
  const operators *o = &work->stage->operators;
  uint64_t end = (task + 1) * work->task_size < work->count ? (task + 1) * work->task_size : work->count;
  if (host->cancelled(host)) return FG_CANCELLED;
  void *scratch = malloc(operators_scratch(o->window, fg_lattice_width(&work->fine->lattice)));
  if (!scratch) return host->fail(host, "out of memory to measure operators");
  for (uint32_t k = (uint32_t)(task * work->task_size); k < end; k++) measure(work, k, scratch);
  free(scratch);
  return FG_OK;
}

static fg_status take(void *arg, const fg_batch *coarse, const fg_batch *fine, double coupling) {
  rg_matrix *stage = arg;
  const fg_host *host = stage->host;
  int64_t at = check_sites(stage, &fine->lattice) == FG_OK ? pair_of(stage, coarse, fine, coupling) : -1;
  if (at < 0) return FG_FAILED;
  const int fits = fine->count <= stage->kept.room;
  measurement work = {.stage = stage,
                      .moments = stage->pair[at].moments,
                      .coarse = coarse,
                      .fine = fine,
                      .task_size = 1,
                      .kept = fits ? stage->kept.values : NULL,
                      .known = fits && stage->pairs.again && stage->kept.complete};
  stage->kept.complete = fits;
  const uint64_t sites = fg_lattice_sites(&fine->lattice);
  if (sites < TASK_SITES) work.task_size = TASK_SITES / sites;
  fg_status status = FG_OK;
  for (; status == FG_OK && work.first < fine->count; work.first += work.count) {
    const uint32_t room = rg_moments_room(work.moments), left = fine->count - work.first;
    work.count = left < room ? left : room;
    status = host->parallel_for(host, (work.count + work.task_size - 1) / work.task_size, measure_some, &work);
    if (status == FG_OK) status = rg_moments_add(work.moments, host, work.count);
  }
  return status;
}

/// For levels of a dream, of which all but the first and the last are measured once for two pairs.
static fg_status make_room_for_values(rg_matrix *stage, const fg_format *fine) {
  const uint64_t row = operators_total(&stage->operators) * sizeof(double), most = KEPT_BYTES / row;
  if (stage->pairs.route != PAIRS_INPUT) return FG_OK;
  stage->kept.room = fine->batch && fine->batch < most ? fine->batch : most;
  stage->kept.values = malloc(stage->kept.room * row);
  return stage->kept.values ? FG_OK : stage->host->fail(stage->host, "out of memory for the values of operators");
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  rg_matrix *stage = self;
  const uint32_t *count = stage->operators.count;
  const fg_format *fine = inputs[0];
  stage->pairs = (pairs){.host = stage->host,
                         .take = take,
                         .config = &stage->config->pairs,
                         .kind = "estimate.rg-matrix",
                         .arg = stage,
                         .smallest = (uint64_t)stage->config->window};
  if (find_operators(stage) != FG_OK || pairs_negotiate(&stage->pairs, fine, inputs[1], memory) != FG_OK)
    return FG_FAILED;
  uint64_t scratch = 0;
  for (uint32_t s = 0; s < fine->shape_count; s++) {
    if (check_sites(stage, &fine->shapes[s]) != FG_OK) return FG_FAILED;
    uint64_t bytes = operators_scratch(stage->operators.window, fg_lattice_width(&fine->shapes[s]));
    if (bytes > scratch) scratch = bytes;
  }
  if (make_room_for_values(stage, fine) != FG_OK) return FG_FAILED;
  stage->fine.most = stage->pairs.expected + EXTRA_PAIRS;
  *memory += sizeof(rg_matrix) +
             stage->fine.most * (sizeof(lattice_pair) + sizeof(group_key) + rg_moments_bytes(count)) +
             rg_analysis_bytes(count) + RG_MOMENTS_TOGETHER * scratch +
             stage->kept.room * operators_total(&stage->operators) * sizeof(double);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  rg_matrix *stage = self;
  return pairs_process(&stage->pairs, messages, count);
}

// ---- what comes out

/// Says what the numbers may suffer from.
static void warn(const rg_matrix *stage, const rg_pair *pair) {
  const fg_host *host = stage->host;
  const uint32_t *count = stage->operators.count, most = count[0] > count[1] ? count[0] : count[1];
  const uint64_t twice = 2 * stage->operators.window - 1;
  char size[96];
  fg_lattice_name(&pair->fine->lattice, size);
  if (pair->n < (uint64_t)ENOUGH * most)
    host->log(host, FG_LOG_WARNING,
              "size %s, level %d: %" PRIu64
              " configurations are few for %u operators of one parity; eigenvalues want %u times "
              "as many configurations as operators, or a smaller order",
              size, pair->fine->level, pair->n, most, ENOUGH);
  const uint32_t even = pair->analysis.parity[0].rank, odd = pair->analysis.parity[1].rank;
  // Two of the published ones are the same.
  if (even + (stage->config->operators == PUBLISHED) >= count[0] && odd == count[1]) return;
  const int small = pair->coarse->extent[0] < twice || pair->coarse->extent[1] < twice;
  host->log(host, small ? FG_LOG_INFO : FG_LOG_WARNING,
            "size %s, level %d: %s; %u of %u even and %u of %u odd ones are kept%s", size, pair->fine->level,
            small ? "operators coincide on so small a coarse lattice" : "not all operators fluctuate independently",
            even, count[0], odd, count[1], small ? "" : "; use more configurations or a smaller order");
}

static fg_status analyse(const rg_matrix *stage, rg_tables *tables, uint32_t at) {
  const config *c = stage->config;
  const group_key *key = &stage->fine.key[at];
  const lattice_pair *lattices = &stage->pair[at];
  rg_pair pair = {.fine = key, .coarse = &lattices->coarse, .factor = pairs_factor(&lattices->coarse, &key->lattice)};
  pair.critical = c->reference == 0 && !(fabs(key->coupling - CRITICAL_COUPLING) >= GROUPS_SAME_COUPLING);
  fg_status status = rg_moments_finish(lattices->moments, stage->host);
  pair.n = bins_count(rg_moments_bins(lattices->moments));
  if (status == FG_OK)
    status = rg_analyse(&pair.analysis, stage->host, lattices->moments, stage->operators.count, pair.factor,
                        (uint32_t)c->eigenvalues, c->cutoff);
  if (status == FG_OK) {
    warn(stage, &pair);
    status = rg_tables_add(tables, &pair);
  }
  rg_analysis_clear(&pair.analysis);
  return status;
}

static fg_status flush(void *self) {
  rg_matrix *stage = self;
  rg_tables tables;
  if (pairs_finish(&stage->pairs) != FG_OK) return FG_FAILED;
  fg_status status = rg_tables_open(&tables, stage->host, &stage->operators, (uint32_t)stage->config->eigenvalues,
                                    stage->config->matrix);
  for (uint32_t g = 0; status == FG_OK && g < stage->fine.count; g++) status = analyse(stage, &tables, g);
  return rg_tables_emit(&tables, status);
}

// ---- descriptor

static const char *const operator_choices[] = {"symmetric", "paper", NULL};
static const char *const reference_choices[] = {"critical", "none", NULL};
static const char *const order_names[] = {"auto=0", NULL};

static const fg_param param_operators = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, operators),
    .name = "operators",
    .def = "symmetric",
    .choices = operator_choices,
    .doc = "Which products of spins are measured: all in a window, each summed over its images under the square's "
           "symmetries, or the 36 of arXiv:2506.04016 as its authors have them.",
};
static const fg_param param_window = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, window),
    .name = "window",
    .def = "3",
    .min = "2",
    .max = "4",
    .unit = "1",
    .doc = "Side of the square window the spins of a product lie in.",
};
static const fg_param param_order = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, order),
    .name = "order",
    .def = "auto",
    .min = "1",
    .max = "16",
    .names = order_names,
    .unit = "1",
    .doc = "Most spins of a product; auto is as many as fit into a window of 2 or 3, and 4 for one of 4.",
};
static const fg_param param_eigenvalues = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, eigenvalues),
    .name = "eigenvalues",
    .def = "2",
    .min = "1",
    .max = "16",
    .unit = "1",
    .doc = "Eigenvalues of each parity that are reported with errors.",
};
static const fg_param param_cutoff = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, cutoff),
    .name = "cutoff",
    .def = "1e-10",
    .min = "1e-14",
    .max = "0.1",
    .unit = "1",
    .doc =
        "Coarse operators whose variance is below this, once earlier ones are fixed, are left out, and then directions "
        "with less than this times the largest variance; operators are scaled to variance 1.",
};
static const fg_param param_reference = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, reference),
    .name = "reference",
    .def = "critical",
    .choices = reference_choices,
    .doc = "What stands beside eigenvalues of configurations that are critical or come without a coupling: the exact "
           "ones of the critical Ising model, or nothing.",
};
static const fg_param param_matrix = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_BOOL,
    .offset = offsetof(config, matrix),
    .name = "matrix",
    .def = "false",
    .doc = "Whether T itself is kept, as a table.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc = "Eigenvalues and exponents with errors; tables convergence, spectrum, condition, operators and matrix.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "estimate.rg-matrix",
    .summary = "the linearised RG transformation, its eigenvalues and critical exponents, with errors",
    .doc =
        "T = ⟨S'S'⟩_c⁻¹ ⟨S'S⟩_c (R. H. Swendsen, Phys. Rev. Lett. 42, 859, 1979), with operators S, sums of products of "
        "spins over a lattice: S' of the coarse lattice, S of the fine one, of the same configurations. With operators as "
        "densities this is cov(coarse, coarse)⁻¹ · b² cov(coarse, fine), b being the ratio of sizes. Even and odd operators "
        "do not mix, by symmetry, and each have a T of their own.\n\n"
        "For each pair of lattices: `lambda_even`, `lambda_odd`, the leading eigenvalues, and `y_t`, `y_h` = ln λ/ln b. "
        "Further ones follow by falling modulus as `lambda_even_2`, `y_even_2`, `lambda_odd_2`, `y_odd_2`, …; a complex "
        "pair is reported by its modulus, twice, and a λ that is not positive has no y. At the critical point of the "
        "two-dimensional Ising model b^y with y_t = 1 and y_h = 15/8 is exact, for b = 2: 2 and 3.668, after enough steps; "
        "it stands beside every pair, for exponents are universal, unless the configurations say they were drawn at "
        "another coupling.\n\n" PAIRS_DOC
        "**Operators.** All products of up to `order` spins in a window, translations and symmetries of the square apart: 44 "
        "even and 41 odd ones for 3×3. `operators: paper` takes the 36 of arXiv:2506.04016 in its own form: one "
        "orientation of each, and two of them the same, so that one direction is always dropped. Even and odd ones are kept "
        "apart there, too; their covariances vanish by symmetry, and to leave them in, as the authors do, only adds noise.\n\n"
        "**Errors** are one standard deviation, by a jackknife over up to 256 bins of consecutive configurations, which must "
        "be longer than their autocorrelation time. What leaving out a bin changes is taken to first order, "
        "dλ = u·(d⟨S'S⟩_c - λ d⟨S'S'⟩_c)·v / u·⟨S'S'⟩_c·v with left and right eigenvectors u, v (the infinitesimal jackknife "
        "of B. Efron, SIAM 1982), for real eigenvalues whose moduli differ from others by more than two errors, as long as "
        "eigenvalues found again with each of 8 bins left out agree within 5% of the change; otherwise, and for up to 16 "
        "bins, they are found again with every bin left out. Errors of table `convergence` are always to first order. Values "
        "are plain: "
        "their bias is of order operators/configurations.\n\n"
        "**Small lattices and few configurations.** On small coarse lattices operators coincide: those are left out that "
        "earlier, simpler ones determine. Then a pseudo-inverse drops the directions that hardly fluctuate. For both ⟨S'S'⟩_c "
        "is scaled to a unit diagonal and compared with `cutoff`; table `condition` has the number of directions kept and the "
        "condition number.\n\n"
        "**Tables**, beside the estimates: `convergence`, the leading eigenvalue of the first 1, 2, … operators; `spectrum`, "
        "all eigenvalues; `condition`; `operators`, the spins of each as (row,column); `matrix`, T, where asked for.",
    .params =
        (const fg_param *const[]){&pairs_param_route, &pairs_param_steps, &param_operators, &param_window, &param_order,
                                  &param_eigenvalues, &param_cutoff, &param_reference, &param_matrix, NULL},
    .inputs = (const fg_port *const[]){&pairs_port_fine, &pairs_port_coarse, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "rg-matrix",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
