// conv_reference.c — see conv_layers.h: the convolutions as they are defined, in double precision, slowly. What the fast
// engine is tested against; it also makes the tables of networks that see little (conv_table.c).
#include "conv_layers.h"

#include <stdlib.h>
#include <string.h>

/// Values on patches: [channels][side][side][count].
typedef struct planes {
  uint32_t channels, side, count;
  double *values;
} planes;

typedef struct reference {
  conv_shape shape;
  double *weights;
  planes in[CONV_MOST_HIDDEN + 1];   ///< what a layer takes: the spins, then activations
  planes out[CONV_MOST_HIDDEN + 1];  ///< what it makes, before the activation; after backward, the derivative by it
  planes back[CONV_MOST_HIDDEN + 1]; ///< derivative by in[l]; for backward only, and not by the spins
} reference;

static uint64_t size_of(const planes *p) { return (uint64_t)p->channels * p->side * p->side * p->count; }

/// The values of all patches at one site.
static double *at(const planes *p, uint32_t channel, uint32_t y, uint32_t x) {
  return p->values + (((uint64_t)channel * p->side + y) * p->side + x) * p->count;
}

// ---- activations

static double activation(uint32_t kind, double x) {
  switch (kind) {
  case CONV_RELU: return x > 0 ? x : 0;
  case CONV_TANH: return tanh(x);
  case CONV_GELU: return 0.5 * x * (1 + erf(x * M_SQRT1_2));
  case CONV_SOFTPLUS: return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
  case CONV_ELU: return x > 0 ? x : expm1(x);
  case CONV_SILU: return x / (1 + exp(-x));
  default: return 1 / (1 + exp(-x));
  }
}

static double derivative(uint32_t kind, double x) {
  double sigma = 1 / (1 + exp(-x));
  switch (kind) {
  case CONV_RELU: return x > 0;
  case CONV_TANH: return 1 - tanh(x) * tanh(x);
  case CONV_GELU: return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-x * x / 2) * M_2_SQRTPI * M_SQRT1_2 / 2;
  case CONV_SOFTPLUS: return sigma;
  case CONV_ELU: return x > 0 ? 1 : exp(x);
  case CONV_SILU: return sigma + x * sigma * (1 - sigma);
  default: return sigma * (1 - sigma);
  }
}

// ---- opening

static int make_planes(planes *p, uint32_t channels, uint32_t side, uint32_t count, arena *memory) {
  *p = (planes){.channels = channels, .side = side, .count = count};
  p->values = arena_block(memory, size_of(p) * sizeof *p->values);
  return p->values != NULL;
}

static void *reference_open(const conv_shape *shape, const double *weights, uint32_t count, uint32_t side, int backward,
                            arena *memory, const char **why) {
  const uint64_t bytes = conv_first(shape, shape->layers) * sizeof *weights;
  uint32_t in = side + 2 * conv_radius(shape), shrink = shape->kernel - 1;
  reference *r = calloc(1, sizeof *r);
  int room = r && (r->weights = arena_block(memory, bytes)) != NULL;
  for (uint32_t l = 0; room && l < shape->layers; l++, in -= shrink) {
    room = make_planes(&r->in[l], shape->channels[l], in, count, memory) &&
           make_planes(&r->out[l], shape->channels[l + 1], in - shrink, count, memory) &&
           (!backward || l == 0 || make_planes(&r->back[l], shape->channels[l], in, count, memory));
  }
  if (room) {
    r->shape = *shape;
    memcpy(r->weights, weights, bytes);
    return r;
  }
  free(r);
  *why = "out of memory";
  return NULL;
}

static void reference_close(void *layers) { free(layers); }

// ---- forward

/// out[o](y, x) = bias[o] + Σ_i Σ_ky,kx weight[o][i][ky][kx] in[i](y + ky, x + kx) for one site.
static void convolve(const reference *r, uint32_t layer, uint32_t o, uint32_t y, uint32_t x) {
  const conv_shape *shape = &r->shape;
  const planes *in = &r->in[layer], *out = &r->out[layer];
  const uint32_t k = shape->kernel;
  const double *first = r->weights + conv_first(shape, layer), *bias = first + conv_kernels(shape, layer);
  const double *weight = first + (uint64_t)o * in->channels * k * k;
  double *to = at(out, o, y, x);
  for (uint32_t c = 0; c < out->count; c++) to[c] = shape->bias ? bias[o] : 0;
  for (uint32_t i = 0; i < in->channels; i++) {
    for (uint32_t ky = 0; ky < k; ky++) {
      for (uint32_t kx = 0; kx < k; kx++, weight++) {
        const double *from = at(in, i, y + ky, x + kx), w = *weight;
        for (uint32_t c = 0; c < out->count; c++) to[c] += w * from[c];
      }
    }
  }
}

static const char *reference_forward(void *layers, const float *spins, double *logits) {
  const reference *r = layers;
  const uint32_t last = r->shape.layers - 1;
  const planes *in = &r->in[0], *made = &r->out[last];
  for (uint32_t c = 0; c < in->count; c++)
    for (uint32_t y = 0; y < in->side; y++)
      for (uint32_t x = 0; x < in->side; x++) at(in, 0, y, x)[c] = (double)*spins++;
  for (uint32_t l = 0; l <= last; l++) {
    const planes *out = &r->out[l];
    for (uint32_t o = 0; o < out->channels; o++)
      for (uint32_t y = 0; y < out->side; y++)
        for (uint32_t x = 0; x < out->side; x++) convolve(r, l, o, y, x);
    for (uint64_t i = 0, size = size_of(out); l < last && i < size; i++)
      r->in[l + 1].values[i] = activation(r->shape.activation, out->values[i]);
  }
  for (uint32_t c = 0; c < made->count; c++)
    for (uint32_t y = 0; y < made->side; y++)
      for (uint32_t x = 0; x < made->side; x++) *logits++ = at(made, 0, y, x)[c];
  return NULL;
}

// ---- backward

/// From the derivative by out[o](y, x), which lies there, to those by the weights, biases and in that went into it.
static void convolve_back(const reference *r, uint32_t layer, uint32_t o, uint32_t y, uint32_t x, double *gradient) {
  const conv_shape *shape = &r->shape;
  const planes *in = &r->in[layer], *out = &r->out[layer], *back = &r->back[layer];
  const uint32_t k = shape->kernel;
  const uint64_t first = conv_first(shape, layer);
  const double *slope = at(out, o, y, x);
  uint64_t w = first + (uint64_t)o * in->channels * k * k;
  for (uint32_t c = 0; shape->bias && c < out->count; c++) gradient[first + conv_kernels(shape, layer) + o] += slope[c];
  for (uint32_t i = 0; i < in->channels; i++) {
    for (uint32_t ky = 0; ky < k; ky++) {
      for (uint32_t kx = 0; kx < k; kx++, w++) {
        const double *value = at(in, i, y + ky, x + kx);
        double *to = layer > 0 ? at(back, i, y + ky, x + kx) : NULL;
        for (uint32_t c = 0; c < out->count; c++) gradient[w] += slope[c] * value[c];
        for (uint32_t c = 0; to && c < out->count; c++) to[c] += slope[c] * r->weights[w];
      }
    }
  }
}

static const char *reference_backward(void *layers, const float *spins, const double *slopes, double *gradient) {
  (void)spins;
  const reference *r = layers;
  const planes *made = &r->out[r->shape.layers - 1];
  for (uint32_t c = 0; c < made->count; c++)
    for (uint32_t y = 0; y < made->side; y++)
      for (uint32_t x = 0; x < made->side; x++) at(made, 0, y, x)[c] = *slopes++;
  for (uint32_t l = r->shape.layers; l-- > 0;) {
    const planes *out = &r->out[l], *back = &r->back[l];
    if (l > 0) memset(back->values, 0, size_of(back) * sizeof *back->values);
    for (uint32_t o = 0; o < out->channels; o++)
      for (uint32_t y = 0; y < out->side; y++)
        for (uint32_t x = 0; x < out->side; x++) convolve_back(r, l, o, y, x, gradient);
    for (uint64_t i = 0, size = size_of(back); l > 0 && i < size; i++) {
      double *before = &r->out[l - 1].values[i];
      *before = back->values[i] * derivative(r->shape.activation, *before);
    }
  }
  return NULL;
}

const conv_engine conv_reference = {reference_open, reference_close, reference_forward, reference_backward};
