// NAME.c — network.NAME: a fine spin is up with probability σ(w·seen), σ(z) = 1/(1 + exp(-z)), whatever the other fine
// spins are; `seen` is the coarse spin above it, ±1, and w the one weight. Another `seen` is another network.
// The stage that gives the model away is in stage.c.
#include <finegrain/finegrain.h>
#include <stdlib.h>
#include <string.h>

struct fg_network_model {
  double weight;
};

/// The coarse spin that lies (dy, dx) from the one above the fine spin at row y, column x; ±1.
static int above(const fg_batch *coarse, uint32_t c, uint64_t y, uint64_t x, int dy, int dx) {
  const uint64_t rows = coarse->rows, width = fg_lattice_width(&coarse->lattice);
  y = (y / 2 + rows + (uint64_t)dy) % rows;
  return fg_bit_get(fg_batch_row(coarse, c, y), (x / 2 + width + (uint64_t)dx) % width) ? 1 : -1;
}
static double seen(const fg_batch *coarse, uint32_t c, uint64_t y, uint64_t x) { return above(coarse, c, y, x, 0, 0); }
static uint32_t radius(const fg_network_model *model) { return 0; } // the largest |dy| and |dx|
static uint32_t factor(const fg_network_model *model) { return 2; }
static uint64_t parameters(const fg_network_model *model) { return 1; }
static const char *parameter_name(const fg_network_model *model, uint64_t index) { return index ? NULL : "weight"; }
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *w) { *w = 0; }
static void close_model(fg_network_model *model) { free(model); }
static fg_status open_model(const fg_host *host, const char *json, const double *w, uint64_t count,
                            fg_network_model **model) {
  if (strcmp(json, "{}") != 0 || count > 1 || (count && !isfinite(*w)))
    return host->fail(host, "a model of network.NAME has the hyperparameters {} and one finite weight");
  if (!(*model = calloc(1, sizeof **model))) return host->fail(host, "out of memory");
  (*model)->weight = count ? *w : 0;
  return FG_OK;
}

/// Goes through the fine spins of configuration c, drawing them if there is an rng. Returns ln P of what is there then,
/// and adds its derivative by the weight to *slope. So draws, scores and slopes cannot disagree.
static double visit(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t c,
                    fg_rng *rng, double *slope) {
  double ln_p = 0;
  for (uint64_t y = 0; y < fine->rows; y++) {
    uint64_t *row = (uint64_t *)fine->data + (c * fine->rows + y) * fine->row_bytes / 8;
    for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++) {
      const double s = seen(coarse, c, y, x), p = 1 / (1 + exp(-model->weight * s));
      if (rng) fg_bit_set(row, x, fg_rng_uniform(rng) < p);
      ln_p -= log1p(exp(fg_bit_get(row, x) ? -model->weight * s : model->weight * s));
      *slope += (fg_bit_get(row, x) - p) * s;
    }
  }
  return ln_p;
}
static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  double slope = 0;
  for (uint32_t c = begin; c < end; c++) result[c] = visit(model, fine, coarse, c, NULL, &slope);
  return FG_OK;
}
static fg_status sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  double slope = 0;
  for (uint32_t c = begin; c < end; c++) { // random numbers of its own for each configuration of each level
    fg_rng rng = fg_rng_start(fill, key, (uint64_t)(uint32_t)fine->level << 48 ^ (fine->first + c));
    visit(model, fine, coarse, c, &rng, &slope);
  }
  return FG_OK;
}
static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *result) {
  for (uint32_t c = begin; c < end; c++) {
    double slope = 0, w = weight ? weight[c] : 1;
    *loss -= w * visit(model, fine, coarse, c, NULL, &slope);
    *result -= w * slope;
  }
  return FG_OK;
}
extern const fg_network network;
// clang-format off
const fg_network network = {.size = sizeof network, .open = open_model, .close = close_model, .parameters = parameters,
    .parameter_name = parameter_name, .initial_weights = initial_weights, .factor = factor, .radius = radius,
    .log_prob = log_prob, .sample = sample, .gradient = gradient};
