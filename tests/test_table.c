// test_table.c — network.table: probabilities, symmetries, gradients, class counts, trained by newton; and the logits of
// network.symmetric as a special case. Statistical tests: fixed seeds, failing by chance less than once in 10⁶.
#include "networks.h"

#define KIND "network.table"

static const char *const windows[] = {NULL, NULL, "{\"window\":2}", "{\"window\":3}", "{\"window\":4}"};
static const uint64_t logits[] = {0, 0, 6, 144, 16640};

static void probabilities_sum_to_one(void) {
  for (int w = 2; w <= 4; w++) {
    opened o = networks_open(KIND, windows[w], 1, 5);
    CHECK_INTEGER(o.parameters, logits[w]);
    CHECK_INTEGER(o.network->radius(o.model), w / 2);
    CHECK_NEAR(networks_excess(&o, 1, 1, 0, 1), 0, 1e-12);
    CHECK_NEAR(networks_excess(&o, 2, 2, 0, w == 3 ? 1 : 7), 0, 1e-12);
    networks_close(&o);
  }
}

static void frequencies(void) {
  for (int w = 2; w <= 4; w++) {
    opened o = networks_open(KIND, windows[w], 1, 5);
    for (uint64_t length = 1; length <= 2; length++) {
      fg_batch *one = networks_lattice(&o, length, length, length == 1 ? 1 : 9);
      CHECK_NEAR(networks_frequencies(&o, one, 200000), 0, 5);
      networks_drop(&o, &one, 1);
    }
    networks_check_draws(&o, 3, 5);
    networks_check_scores(&o, 7, 5);
    networks_close(&o);
  }
}

static void symmetries(void) {
  static const unsigned all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int w = 2; w <= 4; w++) {
    opened o = networks_open(KIND, windows[w], 1, 5);
    CHECK_NEAR(networks_asymmetry(&o, 7, 7, all, 16, 1, 2), 0, 1e-10);
    CHECK_NEAR(networks_asymmetry(&o, 3, 6, all, 16, 1, 2), 0, 1e-10);
    networks_close(&o);
  }
}

static void gradients(void) {
  opened o = networks_open(KIND, windows[2], 1, 5);
  CHECK_NEAR(networks_gradient_error(&o, 4, 4, 1e-4, 1), 0, 1e-6);
  networks_close(&o);
  o = networks_open(KIND, windows[3], 1, 5);
  CHECK_NEAR(networks_gradient_error(&o, 6, 6, 1e-4, 1), 0, 1e-6);
  networks_close(&o);
  o = networks_open(KIND, windows[4], 1, 5);
  CHECK_NEAR(networks_gradient_error(&o, 8, 8, 1e-4, 97), 0, 1e-6);
  networks_close(&o);
}

/// Which entry of a kernel lies at an offset; corner, edge, centre, then ring by ring, as network.symmetric lists them.
static int entry_of(int y, int x) {
  int a = abs(y) > abs(x) ? abs(y) : abs(x), b = abs(y) > abs(x) ? abs(x) : abs(y);
  if (a == 0) return 2;
  if (a == 1) return b == 1 ? 0 : 1;
  int first = a * (a + 1) / 2;
  return b == a ? first : b == 0 ? first + 1 : first + 1 + a - b;
}

/// ½ Σ w s over the kernel on repeated coarse spins, for a class by its name: + and - are the spins over the parent.
static double kernel_logit(const char *name, int window, const double *w) {
  const int radius = window - 1, before = window / 2;
  double sum = 0;
  for (int y = -radius; y <= radius; y++) {
    for (int x = -radius; x <= radius; x++) {
      int row = before + (y - (y & 1)) / 2, column = before + (x - (x & 1)) / 2;
      sum += w[entry_of(y, x)] * (name[row * (window + 1) + column] == '+' ? 1 : -1);
    }
  }
  return sum / 2;
}

/// With the logits of a kernel a table has the same thresholds, draws the same lattice and finds it as probable.
static void kernels_are_tables(void) {
  static const double *const kernels[] = {NULL, NULL, published3, published6, published10};
  for (int w = 2; w <= 4; w++) {
    opened o = networks_open_empty(KIND, windows[w]);
    for (uint64_t k = 0; k < o.parameters; k++)
      o.weights[k] = kernel_logit(o.network->parameter_name(o.model, k), w, kernels[w]);
    networks_reopen(&o);

    const fg_network *symmetric = o.host->lookup(o.host, "network.symmetric", FG_NETWORK_EXTENSION);
    fg_network_model *kernel;
    char hyperparameters[32];
    snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", 2 * w - 1);
    CHECK_INTEGER(symmetric->open(o.host, hyperparameters, kernels[w], (uint64_t)w * (uint64_t)(w + 1) / 2, &kernel),
                  FG_OK);
    const fg_network_table *table = o.network->table(o.model), *expected = symmetric->table(kernel);
    CHECK_INTEGER(table->window, expected->window);
    CHECK_INTEGER(table->before, expected->before);
    uint32_t differ = 0;
    for (uint64_t p = 0; p < UINT64_C(1) << (w * w); p++) differ += table->thresholds[p] != expected->thresholds[p];
    CHECK_INTEGER(differ, 0);

    fg_batch *coarse = spins_random(o.host, 8, 8, 4, 0.5, 1), *fine = spins_new(o.host, 16, 16, 4);
    fg_batch *same = spins_new(o.host, 16, 16, 4);
    fg_rng_key key = o.host->rng_key(o.host, "kernels");
    CHECK_INTEGER(symmetric->sample(kernel, o.host->rng_fill, key, coarse, same, 0, 4), FG_OK);
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, fine, 0, 4), FG_OK);
    CU_ASSERT(spins_equal(fine, same));
    double found[4], known[4];
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 4, found), FG_OK);
    CHECK_INTEGER(symmetric->log_prob(kernel, fine, coarse, 0, 4, known), FG_OK);
    for (int c = 0; c < 4; c++) CHECK_NEAR(found[c], known[c], 1e-12 * fabs(known[c]));
    symmetric->close(kernel);
    networks_drop(&o, (fg_batch *const[]){coarse, fine, same}, 3);
    networks_close(&o);
  }
}

// ---- learning from counts

/// Lattices with structure, drawn from a table with weights between -1 and 3, that all classes are well filled.
static void draw(const opened *o, uint32_t count, fg_batch **coarse, fg_batch **fine) {
  *coarse = spins_random(o->host, 16, 16, count, 0.5, 1);
  *fine = spins_new(o->host, 32, 32, count);
  CHECK_INTEGER(
      o->network->sample(o->model, o->host->rng_fill, o->host->rng_key(o->host, "data"), *coarse, *fine, 0, count),
      FG_OK);
}

/// Σ over classes of ones·ln σ(z) + zeros·ln σ(-z) is ln P of all; parts can be merged, and saved.
static void classes(void) {
  opened o = networks_open(KIND, windows[3], 1, 5);
  fg_batch *coarse, *fine;
  draw(&o, 20, &coarse, &fine);
  const fg_network_classes *functions = o.network->classes;
  double log_prob[20], expected = 0, sum = 0, spins = 0;
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 20, log_prob), FG_OK);
  for (int c = 0; c < 20; c++) expected += log_prob[c];
  void *whole = functions->open(o.model), *parts = functions->open(o.model), *rest = functions->open(o.model);
  CHECK_INTEGER(functions->add(whole, fine, coarse, 0, 20), FG_OK);
  CHECK_INTEGER(functions->add(rest, fine, coarse, 0, 7), FG_OK);
  CHECK_INTEGER(functions->add(parts, fine, coarse, 7, 20), FG_OK);
  CHECK_INTEGER(functions->merge(parts, rest), FG_OK);
  const uint64_t count = functions->count(whole);
  CU_ASSERT(count > 140 && count <= 144);
  CHECK_INTEGER(functions->count(parts), count);
  for (uint64_t i = 0; i < count; i++) {
    double x[144], y[144], z = 0, features = 0;
    uint64_t ones, zeros, part_ones, part_zeros;
    functions->get(whole, i, x, &ones, &zeros);
    functions->get(parts, i, y, &part_ones, &part_zeros);
    CU_ASSERT(ones == part_ones && zeros == part_zeros && memcmp(x, y, sizeof x) == 0);
    for (int k = 0; k < 144; k++) z += o.weights[k] * x[k];
    for (int k = 0; k < 144; k++) features += x[k];
    CHECK_NEAR(features, 1, 0);
    sum -= (double)ones * log1p(exp(-z)) + (double)zeros * log1p(exp(z));
    spins += (double)(ones + zeros);
  }
  CHECK_NEAR(sum, expected, 1e-8);
  CHECK_NEAR(spins, 20 * 1024, 0);
  functions->close(whole);
  functions->close(parts);
  functions->close(rest);
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

/// Trained by newton, every logit comes back within 5 of its errors; what no window determines is left to the prior.
static void learned_from_counts(void) {
  opened o = networks_open(KIND, windows[3], 1, 5);
  fg_batch *coarse, *fine;
  draw(&o, 2000, &coarse, &fine);
  driver *d = driver_open("train.newton", "", 5);
  fg_format model = {.size = sizeof(fg_format), .kind = FG_MODEL, .network = KIND};
  fg_format fine_format = format_of_spins(32, 32), coarse_format = format_of_spins(16, 16);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &fine_format, &coarse_format}), FG_OK);
  const fg_host *host = driver_host(d);
  fg_model *empty = host->model_new(host, KIND, windows[3], NULL, 0);
  CHECK_INTEGER(driver_feed_model(d, 0, empty), FG_OK);
  host->model_unref(host, empty);
  CHECK_INTEGER(driver_end(d, 0), FG_OK);
  CHECK_INTEGER(driver_feed_pair(d, 1, fine, coarse), FG_OK);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  const fg_table *weights = driver_message(d, 1, 0)->table;
  CHECK_INTEGER(weights->row_count, 144);
  double squares = 0;
  for (uint64_t k = 0; k < 144; k++) {
    double error = weights->cells[3 * k + 2].real, pull = (weights->cells[3 * k + 1].real - o.weights[k]) / error;
    CHECK_TEXT(weights->cells[3 * k].text, o.network->parameter_name(o.model, k));
    CHECK_NEAR(error, 0, 0.1);
    CHECK_NEAR(pull, 0, 5);
    squares += pull * pull;
  }
  CHECK_NEAR(squares / 144, 1, 5 * sqrt(2.0 / 144));
  driver_close(d);
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

static void names(void) {
  static const char *const expected[] = {"--/-+", "+-/-+", "-+/-+", "++/-+", "-+/++", "++/++"};
  opened o = networks_open_empty(KIND, windows[2]);
  for (uint64_t k = 0; k < 6; k++) CHECK_TEXT(o.network->parameter_name(o.model, k), expected[k]);
  CU_ASSERT(o.network->parameter_name(o.model, 6) == NULL);
  networks_close(&o);
  o = networks_open_empty(KIND, windows[3]);
  CHECK_TEXT(o.network->parameter_name(o.model, 0), "---/-+-/---");
  CHECK_TEXT(o.network->parameter_name(o.model, 143), "+++/+++/+++");
  networks_close(&o);
}

static void stage(void) {
  networks_check_stage(KIND, "", "{\"window\":3}", 0);
  networks_check_stage(KIND, "window: 2, weights: [1, 2, 3, 4, 5, 6.5]", "{\"window\":2}", 6);
}

static void refusals(void) {
  networks_check_stage_refusal(KIND, "weights: [1, 2]", "2 given, window 3 has 144");
  networks_check_stage_refusal(KIND, "window: 4, weights: [1, 2]", "2 given, window 4 has 16640");
  opened o = networks_open(KIND, windows[2], 1, 5);
  static const double bad[] = {0, 0, INFINITY, 0, 0, 0};
  networks_check_refusal(&o, "{\"window\": 5}", NULL, 0,
                         "hyperparameters {\"window\": 5} of network.table: window must be from 2 to 4");
  networks_check_refusal(&o, "{}", NULL, 0,
                         "hyperparameters {} of network.table cannot be read: Object item not found: window");
  networks_check_refusal(&o, "{\"window\": 2}", bad, 6, "weight '-+/-+' of a model of network.table is not finite");
  networks_check_refusal(&o, "{\"window\": 2}", bad, 5, "a model of network.table came with 5 weights; window 2 has 6");
  networks_check_mismatch(&o);
  networks_close(&o);
  o = networks_open_empty(KIND, windows[4]);
  CU_ASSERT(o.network->classes->open(o.model) == NULL);
  CHECK_TEXT(driver_error(o.driver), "a window of 4×4 has 16640 logits, too many to be solved for at once; use "
                                     "train.adam, or window: 3");
  networks_close(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"probabilities sum to one", probabilities_sum_to_one},
      {"frequencies", frequencies},
      {"symmetries", symmetries},
      {"gradients", gradients},
      {"kernels are tables", kernels_are_tables},
      {"classes", classes},
      {"learned from counts", learned_from_counts},
      {"names", names},
      {"stage", stage},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main(KIND, cases);
}
