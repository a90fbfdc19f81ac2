// test_autoregressive.c — network.autoregressive: probabilities that sum to one in all its forms, logits against the
// definition by parameter names, draws number by number, symmetries, gradients, the majority, the exact last pair against
// Boltzmann weights, independent spins as a special case, and kernels against each other. Statistical tests: fixed seeds,
// failing by chance less than once in 10⁶.
#include "networks.h"

#include "plugins/networks/autoregressive_model.h"

#define KIND "network.autoregressive"
#define CRITICAL 0.44068679350977147

/// Forms that differ in everything, with weights of moderate size.
static const char *const forms[] = {
    "{}",
    "{\"logits\":\"linear\",\"majority\":false}",
    "{\"logits\":\"linear\",\"classes\":4}",
    "{\"hidden\":3,\"classes\":16,\"majority\":false}",
    "{\"hidden\":9,\"classes\":4,\"coarse_radius\":2,\"fine_radius\":4.5}",
    "{\"hidden\":5,\"top_coupling\":0.44068679350977147}",
    "{\"logits\":\"linear\",\"fine_radius\":0,\"top_coupling\":0.3,\"classes\":4}",
    "{\"hidden\":2,\"symmetrize\":\"mixture\"}",
    "{\"hidden\":2,\"symmetrize\":\"mixture\",\"top_coupling\":0.5,\"classes\":16}",
};
#define FORMS (sizeof forms / sizeof *forms)

static opened open_form(size_t i) { return networks_open(KIND, forms[i], 0.4, 5 + i); }

// ---- probabilities

static void probabilities_sum_to_one(void) {
  static const uint64_t steps[FORMS] = {1, 5, 5, 5, 5, 1, 5, 16, 16}; // of parents on 2→4
  for (size_t i = 0; i < FORMS; i++) {
    opened o = open_form(i);
    CHECK_NEAR(networks_excess(&o, 1, 1, 0, 1), 0, 1e-12);
    CHECK_NEAR(networks_excess(&o, 2, 2, steps[i] == 16 ? 6 : 0, steps[i]), 0, 1e-12);
    CHECK_NEAR(networks_excess(&o, 1, 3, 0, 1), 0, 1e-12); // blocks that cannot be coloured
    CHECK_NEAR(networks_excess(&o, 3, 1, 0, 1), 0, 1e-12);
    CHECK_NEAR(networks_excess(&o, 2, 1, 0, 1), 0, 1e-12);
    networks_close(&o);
  }
}

static void frequencies(void) {
  for (size_t i = 0; i < FORMS; i++) {
    opened o = open_form(i);
    for (uint64_t length = 1; length <= 2; length++) {
      fg_batch *one = networks_lattice(&o, length, length, length == 1 ? 1 : 9);
      CHECK_NEAR(networks_frequencies(&o, one, 100000), 0, 5);
      networks_drop(&o, &one, 1);
    }
    networks_check_draws(&o, 4, 6);
    networks_check_draws(&o, 3, 1);
    networks_check_scores(&o, 7, 5);
    networks_check_scores(&o, 20, 18);
    networks_close(&o);
  }
}

// ---- the definition, read from the names of the parameters

/// Step of a fine site: its position in the order (0,0), (1,1), (0,1), (1,0), and the colour of its block.
static void step_of(unsigned classes, uint64_t y, uint64_t x, unsigned *order, unsigned *colour) {
  static const unsigned place[2][2] = {{0, 2}, {3, 1}};
  *order = place[y % 2][x % 2];
  *colour = classes == 4 ? 0 : classes == 8 ? (y / 2 + x / 2) % 2 : place[y / 2 % 2][x / 2 % 2];
}

/// Adds up the logit of a site: every parameter whose name begins with its step.
static double named_logit(const opened *o, unsigned classes, const fg_batch *fine, const fg_batch *coarse, uint64_t y,
                          uint64_t x) {
  const uint64_t rows = coarse->rows, width = fg_lattice_width(&coarse->lattice);
  unsigned order, colour, unit;
  double units[64] = {0}, logit = 0;
  char step[16];
  step_of(classes, y, x, &order, &colour);
  snprintf(step, sizeof step, "(%d,%d)/%u ", (int)(y % 2), (int)(x % 2), colour);
  const int alone = classes > 4 && (rows % 2 || width % 2);
  for (uint64_t k = 0; k < o->parameters; k++) {
    const char *name = o->network->parameter_name(o->model, k);
    if (strncmp(name, step, strlen(step)) != 0) continue;
    name += strlen(step);
    double *sum = &logit;
    int dy, dx, used = 0;
    if (sscanf(name, "unit%u %n", &unit, &used) == 1) {
      name += used;
      sum = &units[unit];
    }
    if (strcmp(name, "out") == 0) { // comes after all else of its unit
      logit += o->weights[k] * tanh(*sum);
    } else if (sscanf(name, "coarse(%d,%d)", &dy, &dx) == 2) {
      unsigned spin = spin_get(coarse, 0, (y / 2 + rows + (uint64_t)(rows * 4) + (uint64_t)dy) % rows,
                               (x / 2 + width * 5 + (uint64_t)dx) % width);
      *sum += spin ? o->weights[k] : -o->weights[k];
    } else {
      CHECK_INTEGER(sscanf(name, "fine(%d,%d)", &dy, &dx), 2);
      if (alone && dy % 2 == 0 && dx % 2 == 0) continue;
      unsigned spin =
          spin_get(fine, 0, (y + 10 * rows + (uint64_t)dy) % (2 * rows), (x + 10 * width + (uint64_t)dx) % (2 * width));
      *sum += spin ? o->weights[k] : -o->weights[k];
    }
  }
  return logit;
}

/// Whether two spins of a site's block that come before it oppose the parent.
static int is_forced(const fg_batch *fine, const fg_batch *coarse, uint64_t y, uint64_t x) {
  static const uint64_t order_y[] = {0, 1, 0, 1}, order_x[] = {0, 1, 1, 0};
  const unsigned parent = spin_get(coarse, 0, y / 2, x / 2);
  unsigned order, colour, opposed = 0;
  step_of(4, y, x, &order, &colour);
  for (unsigned before = 0; before < order; before++)
    opposed += spin_get(fine, 0, y / 2 * 2 + order_y[before], x / 2 * 2 + order_x[before]) != parent;
  return opposed >= 2;
}

static void as_defined(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {2, 2}, {8, 8}, {2, 130}, {3, 5}, {6, 3}};
  static const struct {
    const char *hyperparameters;
    unsigned classes;
    int majority;
    double tolerance; ///< a site; hidden units are single precision
  } cases[] = {{"{\"hidden\":8}", 8, 1, 1e-6},
               {"{\"logits\":\"linear\"}", 8, 1, 1e-14},
               {"{\"logits\":\"linear\",\"classes\":16,\"majority\":false,\"coarse_radius\":6,\"fine_radius\":4.5}", 16,
                0, 1e-14},
               {"{\"hidden\":40,\"classes\":4,\"majority\":false}", 4, 0, 3e-6},
               {"{\"hidden\":17,\"classes\":16,\"fine_radius\":2}", 16, 1, 2e-6}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    opened o = networks_open(KIND, cases[i].hyperparameters, 0.3, 7 + i);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      const uint64_t rows = sizes[s][0], width = sizes[s][1];
      fg_batch *coarse = spins_random(o.host, rows, width, 1, 0.5, s),
               *fine = spins_new(o.host, 2 * rows, 2 * width, 1);
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "one"), coarse, fine, 0, 1),
                    FG_OK);
      double expected = 0;
      for (uint64_t y = 0; y < 2 * rows; y++) {
        for (uint64_t x = 0; x < 2 * width; x++) {
          if (cases[i].majority && is_forced(fine, coarse, y, x)) continue;
          double z = named_logit(&o, cases[i].classes, fine, coarse, y, x);
          expected -= log1p(exp(spin_get(fine, 0, y, x) ? -z : z));
        }
      }
      CHECK_NEAR(networks_log_prob(&o, fine, coarse), expected,
                 cases[i].tolerance * (double)(4 * rows * width) + 1e-13);
      networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
    }
    networks_close(&o);
  }
}

/// Every spin against its number and its logit; and, in a mixture, the orientation.
static void drawn_as_laid_down(void) {
  enum { ROWS = 4, WIDTH = 6, INDEX = 1 };
  opened o = networks_open(KIND, "{\"logits\":\"linear\"}", 0.3, 5);
  const fg_rng_key key = o.host->rng_key(o.host, "layout");
  fg_batch *coarse = spins_random(o.host, ROWS, WIDTH, 2, 0.5, 3), *fine = spins_new(o.host, 2 * ROWS, 2 * WIDTH, 2);
  fine->first = 1000003;
  fine->level = 5;
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, fine, 0, 2), FG_OK);
  fg_batch *child = spins_new(o.host, 2 * ROWS, 2 * WIDTH, 1), *parent = spins_new(o.host, ROWS, WIDTH, 1);
  memcpy(child->data, fg_batch_row(fine, INDEX, 0), 2 * ROWS * fine->row_bytes);
  memcpy(parent->data, fg_batch_row(coarse, INDEX, 0), ROWS * coarse->row_bytes);
  int forced = 0;
  for (uint64_t y = 0; y < 2 * ROWS; y++) {
    for (uint64_t x = 0; x < 2 * WIDTH; x++) {
      uint64_t n = (4 * (fine->first + INDEX) + 2 * (y % 2) + x % 2) * ROWS * WIDTH + y / 2 * WIDTH + x / 2, bits[2];
      o.host->rng_fill(key, (fg_rng_counter){.low = n / 2, .high = 5}, bits, 16);
      double u = (double)(bits[n % 2] >> 11) * 0x1p-53, z = named_logit(&o, 8, child, parent, y, x);
      unsigned spin = u >= 1 / (1 + exp(z));
      if (is_forced(child, parent, y, x)) spin = spin_get(parent, 0, y / 2, x / 2);
      forced += is_forced(child, parent, y, x);
      CHECK_INTEGER(spin_get(child, 0, y, x), spin);
    }
  }
  CU_ASSERT(forced > 0);

  // The mixture of the same weights: the same draw from the parent as seen, seen back.
  opened m = networks_open_empty(KIND, "{\"logits\":\"linear\",\"symmetrize\":\"mixture\"}");
  memcpy(m.weights, o.weights, o.parameters * sizeof *o.weights);
  networks_reopen(&m);
  unsigned seen = 0;
  for (uint64_t index = 0; index < 40; index++) {
    uint8_t bytes[16];
    fine->first = child->first = index;
    o.host->rng_fill(key, (fg_rng_counter){.low = index, .high = (UINT64_C(1) << 63) + 5}, bytes, 16);
    unsigned g = bytes[0] % 8;
    // Orientation g reads site (y, x) from the mirrored transpose: undone by the image of the same g, but for the order.
    unsigned back = g & 4 ? 4 | (g & 1) << 1 | (g & 2) >> 1 : g;
    fg_batch *turned = networks_image(&o, parent, back, 0, 0);
    fg_batch *drawn = spins_new(o.host, 2 * turned->rows, 2 * fg_lattice_width(&turned->lattice), 1);
    drawn->first = index;
    drawn->level = child->level = 5;
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, turned, drawn, 0, 1), FG_OK);
    CHECK_INTEGER(m.network->sample(m.model, o.host->rng_fill, key, parent, child, 0, 1), FG_OK);
    fg_batch *straight = networks_image(&o, drawn, g, 0, 0);
    CU_ASSERT(spins_equal(straight, child));
    seen |= 1u << g;
    networks_drop(&o, (fg_batch *const[]){turned, drawn, straight}, 3);
  }
  CHECK_INTEGER(seen, 255);
  networks_close(&m);
  networks_drop(&o, (fg_batch *const[]){coarse, fine, child, parent}, 4);
  networks_close(&o);
}

// ---- symmetries

static void symmetries(void) {
  static const unsigned flip[] = {8}, all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (size_t i = 0; i < FORMS; i++) {
    opened o = open_form(i);
    CHECK_NEAR(networks_asymmetry(&o, 8, 8, flip, 1, 0, 0), 0, 0); // to the last bit
    CHECK_NEAR(networks_asymmetry(&o, 8, 8, flip, 1, 2, 4), 0, 1e-11);
    CHECK_NEAR(networks_asymmetry(&o, 3, 5, flip, 1, 0, 0), 0, 0);
    const int mixture = strstr(forms[i], "mixture") != NULL;
    if (mixture) CHECK_NEAR(networks_asymmetry(&o, 8, 8, all, 16, 2, 4), 0, 1e-11);
    if (mixture) CHECK_NEAR(networks_asymmetry(&o, 4, 6, all, 16, 2, 4), 0, 1e-11);
    if (i == 0) CU_ASSERT(networks_asymmetry(&o, 8, 8, all, 8, 0, 0) > 0.1);
    networks_close(&o);
  }
}

// ---- gradients

static void gradients(void) {
  static const struct {
    const char *hyperparameters;
    double step, tolerance;
    uint64_t every;
  } cases[] = {
      {"{\"logits\":\"linear\"}", 1e-4, 1e-6, 1},
      {"{\"logits\":\"linear\",\"classes\":16,\"majority\":false,\"fine_radius\":4.5}", 1e-4, 1e-6, 3},
      {"{\"logits\":\"linear\",\"symmetrize\":\"mixture\",\"classes\":4}", 1e-4, 1e-6, 5},
      {"{\"logits\":\"linear\",\"top_coupling\":0.44}", 1e-4, 1e-6, 1},
      {"{\"hidden\":3}", 1e-2, 1e-3, 1},
      {"{\"hidden\":9,\"classes\":4}", 1e-2, 1e-3, 11},
      {"{\"hidden\":20,\"classes\":16,\"top_coupling\":0.44}", 1e-2, 1e-3, 37},
      {"{\"hidden\":30,\"classes\":4}", 1e-2, 1e-3, 37},
      {"{\"hidden\":64,\"classes\":4}", 1e-2, 1e-3, 61},
      {"{\"hidden\":2,\"symmetrize\":\"mixture\",\"classes\":4}", 1e-2, 1e-3, 5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    opened o = networks_open(KIND, cases[i].hyperparameters, 0.2, 5 + i);
    CHECK_NEAR(networks_gradient_error(&o, 4, 6, cases[i].step, cases[i].every), 0, cases[i].tolerance);
    networks_close(&o);
  }
  opened o = networks_open(KIND, "{\"hidden\":3,\"classes\":16}", 0.2, 5); // blocks that cannot be coloured
  CHECK_NEAR(networks_gradient_error(&o, 3, 5, 1e-2, 7), 0, 1e-3);
  networks_close(&o);
}

/// Sums of single precision are taken over in time: a gradient over many configurations is the sum of those over few.
static void long_sums(void) {
  enum { COUNT = 24 };
  opened o = networks_open(KIND, "{\"hidden\":8}", 0.3, 5);
  fg_batch *coarse = spins_random(o.host, 64, 64, COUNT, 0.9, 1), *fine = spins_new(o.host, 128, 128, COUNT);
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "s"), coarse, fine, 0, COUNT),
                FG_OK);
  double *sums[2], loss[2] = {0};
  for (uint32_t i = 0; i < 2; i++) {
    sums[i] = calloc(o.parameters, sizeof *sums[i]);
    for (uint32_t c = 0; c < COUNT; c += i ? 1 : COUNT)
      CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, c, i ? c + 1 : COUNT, NULL, &loss[i], sums[i]), FG_OK);
  }
  double worst = 0, largest = 0;
  for (uint64_t k = 0; k < o.parameters; k++) {
    if (fabs(sums[0][k] - sums[1][k]) > worst) worst = fabs(sums[0][k] - sums[1][k]);
    if (fabs(sums[0][k]) > largest) largest = fabs(sums[0][k]);
  }
  CHECK_NEAR(loss[0], loss[1], 1e-12 * loss[0]);
  CHECK_NEAR(worst, 0, 1e-4 * largest);
  free(sums[0]);
  free(sums[1]);
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

// ---- the majority, and the exact pair

static void majority_is_kept(void) {
  static const char *const keeping[] = {"{}", "{\"top_coupling\":0.44}", "{\"symmetrize\":\"mixture\",\"hidden\":1}"};
  enum { COUNT = 200 };
  for (size_t i = 0; i < 3; i++) {
    opened o = networks_open(KIND, keeping[i], 1, 5);
    fg_batch *coarse = spins_random(o.host, 8, 8, COUNT, 0.5, 3), *fine = spins_new(o.host, 16, 16, COUNT);
    double log_prob[COUNT], loss = 0, *gradient = calloc(o.parameters, sizeof *gradient);
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "d"), coarse, fine, 0, COUNT),
                  FG_OK);
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, COUNT, log_prob), FG_OK);
    for (uint32_t c = 0; c < COUNT; c++) CU_ASSERT(!networks_breaks_majority(fine, coarse, c) && isfinite(log_prob[c]));
    for (uint64_t k = 0; k < 3; k++) spin_set(fine, 1, 4 + k / 2, 6 + k % 2, !spin_get(coarse, 1, 2, 3));
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 2, log_prob), FG_OK);
    CU_ASSERT(isfinite(log_prob[0]) && log_prob[1] == -INFINITY);
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 2, NULL, &loss, gradient), FG_OK);
    CU_ASSERT(loss == INFINITY);
    for (uint64_t k = 0; k < o.parameters; k++) CU_ASSERT(isfinite(gradient[k]));
    free(gradient);
    networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
    networks_close(&o);
  }
}

/// -K E + Σ ln q, E over two bonds a site.
static double boltzmann(double coupling, const fg_batch *fine, const fg_batch *coarse) {
  const uint64_t rows = fine->rows, width = fg_lattice_width(&fine->lattice);
  double sum = 0;
  for (uint64_t y = 0; y < rows; y++) {
    for (uint64_t x = 0; x < width; x++) {
      const unsigned spin = spin_get(fine, 0, y, x);
      sum += coupling * (spin == spin_get(fine, 0, (y + 1) % rows, x) ? 1 : -1);
      sum += coupling * (spin == spin_get(fine, 0, y, (x + 1) % width) ? 1 : -1);
    }
  }
  for (uint64_t y = 0; y < rows; y += 2) {
    for (uint64_t x = 0; x < width; x += 2) {
      unsigned up = 0;
      for (uint64_t d = 0; d < 4; d++) up += spin_get(fine, 0, y + d / 2, x + d % 2);
      unsigned agree = spin_get(coarse, 0, y / 2, x / 2) ? up : 4 - up;
      sum += agree > 2 ? 0 : agree == 2 ? log(0.5) : -INFINITY;
    }
  }
  return sum;
}

/// Lattices that differ in the last pairs only have probabilities in the ratio of their weights, on sizes that wrap onto
/// themselves as well; and the same when the order is turned.
static void pairs_are_exact(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {2, 2}, {1, 3}, {4, 6}, {5, 5}};
  const double coupling = CRITICAL;
  opened o = networks_open(KIND, "{\"top_coupling\":0.44068679350977147,\"hidden\":3}", 0.5, 5);
  CHECK_INTEGER(o.parameters, 2 * (11 + 23) * 4 + 2 * 2 * 3 + 2 * 4 * 4);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const uint64_t rows = sizes[s][0], width = sizes[s][1];
    fg_batch *coarse = spins_random(o.host, rows, width, 1, 0.5, s);
    fg_batch *base = spins_new(o.host, 2 * rows, 2 * width, 1), *other = spins_new(o.host, 2 * rows, 2 * width, 1);
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "p"), coarse, base, 0, 1),
                  FG_OK);
    for (uint64_t d = 0; d < 4; d++) spin_set(base, 0, d / 2, d % 2, spin_get(coarse, 0, 0, 0)); // one that can change
    const double log_prob = networks_log_prob(&o, base, coarse), weight = boltzmann(coupling, base, coarse);
    fg_rng rng = fg_rng_start(o.host->rng_fill, o.host->rng_key(o.host, "pairs of a test"), s);
    int differ = 0;
    for (int trial = 0; trial < 50; trial++) {
      memcpy(other->data, base->data, 2 * rows * base->row_bytes);
      for (uint64_t y = 0; y < 2 * rows; y += 2) {
        for (uint64_t x = 0; x < 2 * width; x += 2) {
          uint64_t pair = fg_rng_below(&rng, 4);
          spin_set(other, 0, y, x + 1, pair & 1);
          spin_set(other, 0, y + 1, x, (unsigned)(pair >> 1));
          if (!networks_breaks_majority(other, coarse, 0)) continue;
          spin_set(other, 0, y, x + 1, spin_get(base, 0, y, x + 1));
          spin_set(other, 0, y + 1, x, spin_get(base, 0, y + 1, x));
        }
      }
      differ += !spins_equal(base, other);
      CHECK_NEAR(networks_log_prob(&o, other, coarse) - log_prob, boltzmann(coupling, other, coarse) - weight, 1e-10);
    }
    CU_ASSERT(differ > 10);
    networks_drop(&o, (fg_batch *const[]){coarse, base, other}, 3);
  }
  networks_close(&o);
}

// ---- special cases

/// With no weights between fine spins, 4 classes and the weights of a kernel: network.symmetric, to rounding. A coarse spin
/// has half the sum of the kernel's entries on its block.
static void kernels_are_linear(void) {
  opened o = networks_open_empty(KIND, "{\"logits\":\"linear\",\"classes\":4,\"majority\":false}");
  const fg_network *symmetric = o.host->lookup(o.host, "network.symmetric", FG_NETWORK_EXTENSION);
  for (int kernel = 3; kernel <= 5; kernel += 2) {
    const double *w = kernel == 3 ? published3 : published6;
    for (uint64_t k = 0; k < o.parameters; k++) {
      int py, px, by, bx;
      o.weights[k] = 0;
      if (sscanf(o.network->parameter_name(o.model, k), "(%d,%d)/0 coarse(%d,%d)", &py, &px, &by, &bx) != 4) continue;
      for (int y = 2 * by - py; y <= 2 * by - py + 1; y++) {
        for (int x = 2 * bx - px; x <= 2 * bx - px + 1; x++) {
          int a = abs(y) > abs(x) ? abs(y) : abs(x), b = abs(y) > abs(x) ? abs(x) : abs(y);
          if (a > kernel / 2) continue;
          o.weights[k] += 0.5 * w[a == 0 ? 2 : a == 1 ? 1 - b : b == 2 ? 3 : b == 0 ? 4 : 5];
        }
      }
    }
    networks_reopen(&o);
    char hyperparameters[32];
    snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
    fg_network_model *model;
    CHECK_INTEGER(symmetric->open(o.host, hyperparameters, w, kernel == 3 ? 3 : 6, &model), FG_OK);
    fg_batch *coarse = spins_random(o.host, 8, 6, 1, 0.5, 1), *fine = spins_random(o.host, 16, 12, 1, 0.5, 2);
    double expected;
    CHECK_INTEGER(symmetric->log_prob(model, fine, coarse, 0, 1, &expected), FG_OK);
    CHECK_NEAR(networks_log_prob(&o, fine, coarse), expected, 1e-13 * fabs(expected));
    symmetric->close(model);
    networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  }
  networks_close(&o);
}

/// PHYSICS.md's network: 8 units, 8 classes, 2008 parameters; and others counted by hand.
static void shapes(void) {
  static const struct {
    const char *hyperparameters;
    uint64_t parameters;
    uint32_t radius;
  } cases[] = {
      {"{}", 2008, 2},
      {"{\"logits\":\"linear\"}", 2 * (11 + 23 + 27 + 39) + 4 * 4, 2},
      {"{\"logits\":\"linear\",\"classes\":4}", 11 + 23 + 27 + 39, 2},
      {"{\"logits\":\"linear\",\"classes\":4,\"fine_radius\":0,\"coarse_radius\":0.75}", 4, 0},
      {"{\"logits\":\"linear\",\"classes\":4,\"fine_radius\":1,\"coarse_radius\":2.2}", 4 * 4 + 2 * 4, 1},
      {"{\"logits\":\"linear\",\"top_coupling\":1}", 2 * (11 + 23) + 2 * 4, 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    opened o = networks_open_empty(KIND, cases[i].hyperparameters);
    CHECK_INTEGER(o.parameters, cases[i].parameters);
    CHECK_INTEGER(o.network->radius(o.model), cases[i].radius);
    networks_close(&o);
  }
  opened o = networks_open_empty(KIND, "{}");
  CHECK_TEXT(o.network->parameter_name(o.model, 0), "(0,0)/0 coarse(-2,0)");
  CHECK_TEXT(o.network->parameter_name(o.model, 11), "(0,0)/0 unit0 coarse(-2,0)");
  CHECK_TEXT(o.network->parameter_name(o.model, 11 * 9 + 7), "(0,0)/0 unit7 out");
  CHECK_TEXT(o.network->parameter_name(o.model, 2007), "(1,0)/1 unit7 out");
  CU_ASSERT(o.network->parameter_name(o.model, 2008) == NULL);
  // Where training starts: fair coins, but hidden units that differ.
  o.network->initial_weights(o.model, o.host->rng_fill, o.host->rng_key(o.host, "start"), o.weights);
  double squares = 0;
  for (uint64_t k = 11; k < 99; k++) squares += o.weights[k] * o.weights[k];
  CHECK_NEAR(squares, 8, 2);
  networks_reopen(&o);
  fg_batch *coarse = spins_random(o.host, 4, 4, 1, 0.5, 1), *fine = spins_new(o.host, 8, 8, 1);
  for (uint64_t i = 0; i < 64; i++) spin_set(fine, 0, i / 8, i % 8, spin_get(coarse, 0, i / 16, i % 8 / 2));
  CHECK_NEAR(networks_log_prob(&o, fine, coarse), -64 * log(2), 1e-12);
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

/// Every kernel gives the same bits: draws, scores and gradients.
static void kernels_agree(void) {
  static const char *const cases[] = {"{\"hidden\":8}", "{\"logits\":\"linear\"}", "{\"hidden\":21,\"classes\":16}",
                                      "{\"hidden\":33,\"classes\":4,\"fine_radius\":4.5}"};
  enum { COUNT = 6 };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    opened o = networks_open(KIND, cases[i], 0.4, 5);
    const fg_network *network = finegrain_plugin.stages[0]->extension(FG_NETWORK_EXTENSION);
    fg_network_model *model;
    CHECK_INTEGER(network->open(o.host, cases[i], o.weights, o.parameters, &model), FG_OK);
    fg_batch *coarse = spins_random(o.host, 8, 150, COUNT, 0.5, 1), *plain = NULL;
    double first[COUNT], loss = 0, *gradient = calloc(o.parameters, sizeof *gradient);
    for (uint32_t k = 0; autoregressive_kernel_at(k); k++) {
      model->kernel = autoregressive_kernel_at(k);
      fg_batch *fine = spins_new(o.host, 16, 300, COUNT);
      double log_prob[COUNT], same_loss = 0, *same = calloc(o.parameters, sizeof *same);
      CHECK_INTEGER(network->sample(model, o.host->rng_fill, o.host->rng_key(o.host, "k"), coarse, fine, 0, COUNT),
                    FG_OK);
      CHECK_INTEGER(network->log_prob(model, fine, coarse, 0, COUNT, log_prob), FG_OK);
      CHECK_INTEGER(network->gradient(model, fine, coarse, 0, COUNT, NULL, k ? &same_loss : &loss, k ? same : gradient),
                    FG_OK);
      if (plain) {
        CU_ASSERT(spins_equal(fine, plain));
        CU_ASSERT(memcmp(log_prob, first, sizeof first) == 0 && same_loss == loss);
        CU_ASSERT(memcmp(same, gradient, o.parameters * sizeof *same) == 0);
        o.host->batch_unref(o.host, fine);
      } else {
        plain = fine;
        memcpy(first, log_prob, sizeof first);
      }
      free(same);
    }
    free(gradient);
    network->close(model);
    networks_drop(&o, (fg_batch *const[]){coarse, plain}, 2);
    networks_close(&o);
  }
}

// ---- the stage

static void stage(void) {
  networks_check_stage(
      KIND, "",
      "{\"logits\":\"hidden\",\"hidden\":8,\"classes\":8,\"coarse_radius\":3.6000000000000001,"
      "\"fine_radius\":3.2000000000000002,\"majority\":true,\"top_coupling\":0,\"symmetrize\":\"none\"}",
      0);
  networks_check_stage(
      KIND,
      "logits: linear, classes: 4, fine_radius: 0, coarse_radius: 0.75, top_coupling: critical, "
      "symmetrize: mixture, weights: [1, 2]",
      "{\"logits\":\"linear\",\"classes\":4,\"coarse_radius\":0.75,\"fine_radius\":0,\"majority\":true,"
      "\"top_coupling\":0.44068679350977147,\"symmetrize\":\"mixture\"}",
      2);
}

static void refusals(void) {
  networks_check_stage_refusal(KIND, "weights: [1, 2]", "2 given, this network has 2008");
  networks_check_stage_refusal(KIND, "classes: 6",
                               "6 is none of 4, 8, 16: one, two or four colours of blocks for each position");
  networks_check_stage_refusal(
      KIND, "majority: false, top_coupling: critical",
      "false, but the exact last pair of top_coupling knows blocks of the majority only; use true");
  networks_check_stage_refusal(
      KIND, "logits: linear, classes: 4, fine_radius: 0, coarse_radius: 0.75, weights: [1, 2, 3, 1e10]",
      "number 4 is beyond 1e+09");
  opened o = networks_open_empty(KIND, "{\"logits\":\"linear\"}");
  o.weights[1] = NAN;
  networks_check_refusal(
      &o, "{\"logits\":\"linear\"}", o.weights, o.parameters,
      "weight '(0,0)/0 coarse(-1,-1)' of a model of network.autoregressive is no number, or beyond 1e+09");
  networks_check_refusal(
      &o, "{\"logits\":\"linear\"}", o.weights, 3,
      "a model of network.autoregressive came with 3 weights; with these hyperparameters it has 216");
#define CANNOT(json, why)                                                                                              \
  networks_check_refusal(&o, json, NULL, 0, "hyperparameters " json " of network.autoregressive cannot be used: " why)
  CANNOT("{\"logits\":\"cubic\"}", "logits must be linear or hidden");
  CANNOT("{\"hidden\":65}", "hidden must be from 1 to 64");
  CANNOT("{\"classes\":-8}", "classes: 0 is none of 4, 8, 16: one, two or four colours of blocks for each position");
  CANNOT("{\"coarse_radius\":0.5}", "coarse_radius must be from 0.75 to 6");
  CANNOT("{\"fine_radius\":5}", "fine_radius must be from 0 to 4.5");
  CANNOT("{\"top_coupling\":11}", "top_coupling must be from -10 to 10");
  CANNOT("{\"symmetrize\":\"some\"}", "symmetrize must be none or mixture");
  CANNOT("{\"colour\":1}", "1 object item(s) left unpacked: colour");
  fg_batch *coarse = spins_new(o.host, 4, 4, 1), *fine = spins_new(o.host, 8, 8, 1);
  double log_prob;
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o.driver),
             "a model of network.autoregressive was used before it had weights; train it first");
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  o.weights[1] = 0;
  networks_reopen(&o);
  networks_check_mismatch(&o);
  networks_close(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"probabilities sum to one", probabilities_sum_to_one},
      {"frequencies", frequencies},
      {"as defined", as_defined},
      {"drawn as laid down", drawn_as_laid_down},
      {"symmetries", symmetries},
      {"gradients", gradients},
      {"long sums", long_sums},
      {"majority is kept", majority_is_kept},
      {"pairs are exact", pairs_are_exact},
      {"kernels are linear", kernels_are_linear},
      {"shapes", shapes},
      {"kernels agree", kernels_agree},
      {"stage", stage},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main(KIND, cases);
}
