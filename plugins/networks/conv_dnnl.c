// conv_dnnl.c — see conv_layers.h: the convolutions through oneDNN (https://github.com/oneapi-src/oneDNN), in float.
// All values lie pixel by pixel, channels innermost, which its kernels take on every instruction set. They work on
// vectors of channels, so the last layer, which makes one, would waste most of each. Instead it is a matrix product that
// makes k² planes, one for each entry of the kernel, which are then shifted and added:
//     products[ky·k + kx](y, x) = Σ_i weight[i][ky][kx] in[i](y, x),
//     logit(y, x) = bias + Σ_ky,kx products[ky·k + kx](y + ky, x + kx).
#include "conv_layers.h"
#include "onednn_steps.h"

#include <stdlib.h>
#include <string.h>

#define ROW_PIECE 16u // logits added up at a time

/// A hidden layer and its memories.
typedef struct layer {
  uint32_t in_channels, out_channels, in_side, out_side;
  uint64_t first, first_bias; ///< indices of its weights and biases in the list of all
  dnnl_memory_t in;
  dnnl_memory_t out;  ///< before the activation; the same as `made` when there is no way back
  dnnl_memory_t made; ///< after it
  dnnl_memory_t back; ///< derivative by `made`, then by `out`
  float *by_bias;
  const_dnnl_primitive_desc_t convolution, activation; ///< forward
} layer;

/// The last layer. Its pixels are all patches', one after the other.
typedef struct last_layer {
  dnnl_dim_t channels, square, pixels; ///< square: k²
  uint32_t in_side;
  uint64_t first, bias;
  float *weights, *by_weights;   ///< [square][channels]
  float *products, *by_products; ///< [square][pixels]
  float *in;                     ///< [pixels][channels]; NULL: the spins
  float *back;                   ///< derivative by in
  float *slopes;                 ///< by the logits: [count][side][side]
} last_layer;

typedef struct network {
  conv_shape shape;
  uint32_t count, side, hidden_count;
  int backward;
  onednn_shop shop;
  layer hidden[CONV_MOST_HIDDEN];
  last_layer last;
  onednn_list forward_steps, backward_steps;
  float *weights;    ///< all of them, as given
  float *by_weights; ///< the derivatives, in the same order
} network;

static dnnl_alg_kind_t activation_of(const network *n) {
  static const dnnl_alg_kind_t kinds[] = {dnnl_eltwise_relu,      dnnl_eltwise_tanh, dnnl_eltwise_gelu_erf,
                                          dnnl_eltwise_soft_relu, dnnl_eltwise_elu,  dnnl_eltwise_swish,
                                          dnnl_eltwise_logistic};
  return kinds[n->shape.activation];
}

/// Slope of relu below zero; scale of elu and silu; the others take none.
static float alpha_of(const network *n) { return n->shape.activation == CONV_RELU ? 0 : 1; }

// ---- how things lie in memory

static uint64_t size_of(const network *n, uint32_t channels, uint32_t side) {
  return (uint64_t)n->count * channels * side * side;
}

static dnnl_memory_desc_t pixels(network *n, uint32_t channels, uint32_t side) {
  dnnl_memory_desc_t order;
  dnnl_dims_t dims = {n->count, channels, side, side};
  onednn_check(&n->shop, dnnl_memory_desc_init_by_tag(&order, 4, dims, dnnl_f32, dnnl_nhwc));
  return order;
}

static dnnl_memory_desc_t biases(network *n, const layer *l) {
  dnnl_memory_desc_t order;
  dnnl_dims_t dims = {l->out_channels};
  onednn_check(&n->shop, dnnl_memory_desc_init_by_tag(&order, 1, dims, dnnl_f32, dnnl_a));
  return order;
}

static dnnl_memory_desc_t kernels(network *n, const layer *l, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t order;
  dnnl_dims_t dims = {l->out_channels, l->in_channels, n->shape.kernel, n->shape.kernel};
  onednn_check(&n->shop, dnnl_memory_desc_init_by_tag(&order, 4, dims, dnnl_f32, tag));
  return order;
}

/// A layer's weights where they lie in a list of all.
static dnnl_memory_t listed(network *n, const layer *l, float *list) {
  dnnl_memory_desc_t order = kernels(n, l, dnnl_oihw);
  return list ? onednn_memory(&n->shop, &order, list + l->first) : NULL;
}

/// The weights, brought once into the order that a convolution asks for.
static dnnl_memory_t weights_for(network *n, const layer *l, const_dnnl_primitive_desc_t convolution) {
  dnnl_memory_t memory = onednn_memory_for(&n->shop, convolution, dnnl_query_weights_md);
  onednn_step copy = onednn_reorder(&n->shop, listed(n, l, n->weights), memory);
  onednn_run(&n->shop, &copy);
  return memory;
}

// ---- the steps of a hidden layer

static const dnnl_dims_t unit_strides = {1, 1}, no_padding = {0, 0};

/// in → out
static void add_convolution(network *n, layer *l) {
  dnnl_convolution_desc_t convolution;
  dnnl_memory_desc_t in = pixels(n, l->in_channels, l->in_side), out = pixels(n, l->out_channels, l->out_side);
  dnnl_memory_desc_t weights = kernels(n, l, dnnl_format_tag_any), bias = biases(n, l);
  dnnl_prop_kind_t kind = n->backward ? dnnl_forward_training : dnnl_forward_inference;
  onednn_check(&n->shop, dnnl_convolution_forward_desc_init(&convolution, kind, dnnl_convolution_direct, &in, &weights,
                                                            n->shape.bias ? &bias : NULL, &out, unit_strides,
                                                            no_padding, no_padding));
  onednn_operation operation = {.desc = &convolution};
  if (!n->backward) {
    operation.then = activation_of(n);
    operation.alpha = alpha_of(n);
  }
  l->convolution = onednn_describe(&n->shop, &operation);
  onednn_step step = onednn_step_of(&n->shop, l->convolution);
  onednn_argument(&step, DNNL_ARG_SRC, l->in);
  onednn_argument(&step, DNNL_ARG_WEIGHTS, weights_for(n, l, l->convolution));
  if (n->shape.bias) onednn_argument(&step, DNNL_ARG_BIAS, onednn_memory(&n->shop, &bias, n->weights + l->first_bias));
  onednn_argument(&step, DNNL_ARG_DST, l->out);
  onednn_append(&n->shop, &n->forward_steps, &step);
}

/// out → made
static void add_activation(network *n, layer *l) {
  dnnl_eltwise_desc_t eltwise;
  dnnl_memory_desc_t values = pixels(n, l->out_channels, l->out_side);
  onednn_check(&n->shop, dnnl_eltwise_forward_desc_init(&eltwise, dnnl_forward_training, activation_of(n), &values,
                                                        alpha_of(n), 0));
  onednn_operation operation = {.desc = &eltwise};
  l->activation = onednn_describe(&n->shop, &operation);
  onednn_step step = onednn_step_of(&n->shop, l->activation);
  onednn_argument(&step, DNNL_ARG_SRC, l->out);
  onednn_argument(&step, DNNL_ARG_DST, l->made);
  onednn_append(&n->shop, &n->forward_steps, &step);
}

/// Derivative by made → derivative by out, in its place.
static void add_activation_back(network *n, const layer *l) {
  dnnl_eltwise_desc_t eltwise;
  dnnl_memory_desc_t values = pixels(n, l->out_channels, l->out_side);
  onednn_check(&n->shop, dnnl_eltwise_backward_desc_init(&eltwise, activation_of(n), &values, &values, alpha_of(n), 0));
  onednn_operation operation = {.desc = &eltwise, .hint = l->activation};
  onednn_step step = onednn_step_of(&n->shop, onednn_describe(&n->shop, &operation));
  onednn_argument(&step, DNNL_ARG_SRC, l->out);
  onednn_argument(&step, DNNL_ARG_DIFF_DST, l->back);
  onednn_argument(&step, DNNL_ARG_DIFF_SRC, l->back);
  onednn_append(&n->shop, &n->backward_steps, &step);
}

/// in, derivative by out → derivatives by the weights, in the list, and by the biases.
static void add_weights_back(network *n, const layer *l) {
  dnnl_convolution_desc_t convolution;
  dnnl_memory_desc_t in = pixels(n, l->in_channels, l->in_side), out = pixels(n, l->out_channels, l->out_side);
  dnnl_memory_desc_t weights = kernels(n, l, dnnl_format_tag_any), bias = biases(n, l);
  onednn_check(&n->shop, dnnl_convolution_backward_weights_desc_init(&convolution, dnnl_convolution_direct, &in,
                                                                     &weights, n->shape.bias ? &bias : NULL, &out,
                                                                     unit_strides, no_padding, no_padding));
  onednn_operation operation = {.desc = &convolution, .hint = l->convolution};
  const_dnnl_primitive_desc_t desc = onednn_describe(&n->shop, &operation);
  dnnl_memory_t by_weights = onednn_memory_for(&n->shop, desc, dnnl_query_diff_weights_md);
  onednn_step step = onednn_step_of(&n->shop, desc);
  onednn_argument(&step, DNNL_ARG_SRC, l->in);
  onednn_argument(&step, DNNL_ARG_DIFF_DST, l->back);
  onednn_argument(&step, DNNL_ARG_DIFF_WEIGHTS, by_weights);
  if (n->shape.bias) onednn_argument(&step, DNNL_ARG_DIFF_BIAS, onednn_memory(&n->shop, &bias, l->by_bias));
  onednn_append(&n->shop, &n->backward_steps, &step);
  step = onednn_reorder(&n->shop, by_weights, listed(n, l, n->by_weights));
  onednn_append(&n->shop, &n->backward_steps, &step);
}

/// Derivative by out → derivative by in, that is by what the layer before made.
static void add_values_back(network *n, const layer *l) {
  dnnl_convolution_desc_t convolution;
  dnnl_memory_desc_t in = pixels(n, l->in_channels, l->in_side), out = pixels(n, l->out_channels, l->out_side);
  dnnl_memory_desc_t weights = kernels(n, l, dnnl_format_tag_any);
  onednn_check(&n->shop, dnnl_convolution_backward_data_desc_init(&convolution, dnnl_convolution_direct, &in, &weights,
                                                                  &out, unit_strides, no_padding, no_padding));
  onednn_operation operation = {.desc = &convolution, .hint = l->convolution};
  const_dnnl_primitive_desc_t desc = onednn_describe(&n->shop, &operation);
  onednn_step step = onednn_step_of(&n->shop, desc);
  onednn_argument(&step, DNNL_ARG_DIFF_DST, l->back);
  onednn_argument(&step, DNNL_ARG_WEIGHTS, weights_for(n, l, desc));
  onednn_argument(&step, DNNL_ARG_DIFF_SRC, (l - 1)->back);
  onednn_append(&n->shop, &n->backward_steps, &step);
}

// ---- opening

/// A block for all layers of one parity, where only neighbours need theirs at the same time; NULL when there are none.
static float *shared_block(network *n, uint32_t parity) {
  uint64_t most = 0;
  for (uint32_t i = parity; i < n->hidden_count; i += 2) {
    uint64_t size = size_of(n, n->hidden[i].out_channels, n->hidden[i].out_side);
    if (size > most) most = size;
  }
  return most ? onednn_block(&n->shop, most) : NULL;
}

/// Sizes of the hidden layers, and memories for what they pass on. Without a way back, two blocks take turns; so do the
/// derivatives.
static void lay_out_hidden(network *n) {
  const conv_shape *shape = &n->shape;
  const uint32_t shrink = shape->kernel - 1;
  for (uint32_t i = 0, side = n->side + 2 * conv_radius(shape); i < n->hidden_count; i++, side -= shrink) {
    layer *l = &n->hidden[i];
    l->in_channels = shape->channels[i];
    l->out_channels = shape->channels[i + 1];
    l->in_side = side;
    l->out_side = side - shrink;
    l->first = conv_first(shape, i);
    l->first_bias = l->first + conv_kernels(shape, i);
  }
  float *turns[] = {shared_block(n, 0), shared_block(n, 1)};
  for (uint32_t i = 0; i < n->hidden_count; i++) {
    layer *l = &n->hidden[i];
    const uint64_t size = size_of(n, l->out_channels, l->out_side);
    dnnl_memory_desc_t in = pixels(n, l->in_channels, l->in_side), out = pixels(n, l->out_channels, l->out_side);
    l->in = i > 0 ? (l - 1)->made : onednn_memory(&n->shop, &in, onednn_block(&n->shop, 1)); // forward sets it
    n->last.in = n->backward ? onednn_block(&n->shop, size) : turns[i % 2];
    n->last.back = turns[i % 2];
    l->made = onednn_memory(&n->shop, &out, n->last.in);
    l->out = n->backward ? onednn_memory(&n->shop, &out, NULL) : l->made;
    l->back = n->backward ? onednn_memory(&n->shop, &out, n->last.back) : NULL;
    l->by_bias = onednn_block(&n->shop, l->out_channels);
  }
}

static void lay_out_last(network *n) {
  const conv_shape *shape = &n->shape;
  last_layer *l = &n->last;
  l->channels = shape->channels[n->hidden_count];
  l->square = (dnnl_dim_t)shape->kernel * shape->kernel;
  l->in_side = n->side + shape->kernel - 1;
  l->pixels = (dnnl_dim_t)size_of(n, 1, l->in_side);
  l->first = conv_first(shape, n->hidden_count);
  l->bias = l->first + conv_kernels(shape, n->hidden_count);
  l->weights = onednn_block(&n->shop, (uint64_t)(l->square * l->channels));
  l->products = onednn_block(&n->shop, (uint64_t)(l->square * l->pixels) + ROW_PIECE);
  l->by_weights = n->backward ? onednn_block(&n->shop, (uint64_t)(l->square * l->channels)) : NULL;
  l->by_products = n->backward ? onednn_block(&n->shop, (uint64_t)(l->square * l->pixels)) : NULL;
  l->slopes = n->backward ? onednn_block(&n->shop, size_of(n, 1, n->side)) : NULL;
  for (dnnl_dim_t i = 0; n->shop.status == dnnl_success && i < l->square * l->channels; i++)
    l->weights[i] = n->weights[(dnnl_dim_t)l->first + i % l->channels * l->square + i / l->channels];
}

static void close_layers(void *layers) {
  network *n = layers;
  onednn_close(&n->shop);
  free(n);
}

static void *open_layers(const conv_shape *shape, const double *weights, uint32_t count, uint32_t side, int backward,
                         arena *memory, const char **why) {
  const uint64_t all = conv_first(shape, shape->layers);
  network *n = calloc(1, sizeof *n);
  *why = n ? NULL : "out of memory";
  if (!n) return NULL;
  int threads = onednn_single_thread();
  n->shape = *shape;
  n->count = count;
  n->side = side;
  n->backward = backward;
  n->hidden_count = shape->layers - 1;
  onednn_open(&n->shop, memory);
  n->weights = onednn_block(&n->shop, all);
  n->by_weights = backward ? onednn_block(&n->shop, all) : NULL;
  for (uint64_t i = 0; n->weights && i < all; i++) n->weights[i] = (float)weights[i];
  lay_out_hidden(n);
  lay_out_last(n);
  for (uint32_t i = 0; i < n->hidden_count; i++) {
    add_convolution(n, &n->hidden[i]);
    if (backward) add_activation(n, &n->hidden[i]);
  }
  for (uint32_t i = n->hidden_count; backward && i-- > 0;) {
    add_activation_back(n, &n->hidden[i]);
    add_weights_back(n, &n->hidden[i]);
    if (i > 0) add_values_back(n, &n->hidden[i]);
  }
  onednn_set_threads(threads);
  *why = onednn_fault(&n->shop);
  if (!*why) return n;
  close_layers(n);
  return NULL;
}

// ---- running

/// sgemm of BLAS for matrices whose rows lie one after the other: c = op(a) op(b), m×k times k×n.
static void multiply(network *n, const char *transposed, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t terms,
                     const float *a, const float *b, float *c) {
  if (n->shop.status != dnnl_success) return;
  onednn_check(&n->shop,
               dnnl_sgemm(transposed[0], transposed[1], rows, columns, terms, 1, a, transposed[0] == 'N' ? terms : rows,
                          b, transposed[1] == 'N' ? columns : terms, 0, c, columns));
}

/// Shifts and adds the products to a row of logits, in pieces of fixed length, of which the last may go beyond the row.
static void gather(const network *n, uint32_t patch, uint32_t y, double *logits) {
  const uint32_t k = n->shape.kernel, in_side = n->last.in_side;
  const float bias = n->shape.bias ? n->weights[n->last.bias] : 0;
  const float *products = n->last.products + ((uint64_t)patch * in_side + y) * in_side;
  for (uint32_t first = 0; first < n->side; first += ROW_PIECE) {
    float sums[ROW_PIECE];
    for (uint32_t x = 0; x < ROW_PIECE; x++) sums[x] = bias;
    for (uint32_t ky = 0; ky < k; ky++) {
      for (uint32_t kx = 0; kx < k; kx++) {
        const uint64_t entry = (uint64_t)ky * k + kx, offset = (uint64_t)ky * in_side + kx;
        const float *from = products + entry * (uint64_t)n->last.pixels + offset + first;
        for (uint32_t x = 0; x < ROW_PIECE; x++) sums[x] += from[x];
      }
    }
    for (uint32_t x = 0; x < ROW_PIECE && first + x < n->side; x++) logits[first + x] = (double)sums[x];
  }
}

static const char *forward(void *layers, const float *spins, double *logits) {
  network *n = layers;
  const last_layer *l = &n->last;
  int threads = onednn_single_thread();
  if (n->hidden_count > 0)
    onednn_check(&n->shop, dnnl_memory_set_data_handle(n->hidden[0].in, (void *)(uintptr_t)spins));
  onednn_run_all(&n->shop, &n->forward_steps);
  multiply(n, "NT", l->square, l->pixels, l->channels, l->weights, n->hidden_count > 0 ? l->in : spins, l->products);
  onednn_set_threads(threads);
  for (uint32_t patch = 0; patch < n->count; patch++)
    for (uint32_t y = 0; y < n->side; y++, logits += n->side) gather(n, patch, y, logits);
  return onednn_fault(&n->shop);
}

/// The derivative by a product is the slope of the logit it was added to, where there is one, and zero elsewhere.
static void scatter(const network *n, const double *slopes) {
  const last_layer *l = &n->last;
  const uint32_t k = n->shape.kernel, side = n->side, rows = n->count * side;
  for (uint64_t i = 0; i < (uint64_t)rows * side; i++) l->slopes[i] = (float)slopes[i];
  memset(l->by_products, 0, (uint64_t)(l->square * l->pixels) * sizeof *l->by_products);
  for (uint32_t o = 0; o < k * k; o++) {
    float *corner = l->by_products + o * (uint64_t)l->pixels + (uint64_t)(o / k) * l->in_side + o % k;
    for (uint32_t row = 0; row < rows; row++)
      memcpy(corner + ((uint64_t)(row / side) * l->in_side + row % side) * l->in_side, l->slopes + (uint64_t)row * side,
             side * sizeof *l->slopes);
  }
}

static void add_derivatives(const network *n, const double *slopes, double *gradient) {
  const last_layer *last = &n->last;
  for (uint32_t i = 0; i < n->hidden_count; i++) {
    const layer *l = &n->hidden[i];
    for (uint64_t w = l->first; w < l->first_bias; w++) gradient[w] += (double)n->by_weights[w];
    for (uint32_t o = 0; n->shape.bias && o < l->out_channels; o++)
      gradient[l->first_bias + o] += (double)l->by_bias[o];
  }
  for (dnnl_dim_t i = 0; i < last->square * last->channels; i++)
    gradient[(dnnl_dim_t)last->first + i % last->channels * last->square + i / last->channels] +=
        (double)last->by_weights[i];
  for (uint64_t i = 0, logits = size_of(n, 1, n->side); n->shape.bias && i < logits; i++)
    gradient[last->bias] += slopes[i];
}

static const char *backward(void *layers, const float *spins, const double *slopes, double *gradient) {
  network *n = layers;
  const last_layer *l = &n->last;
  const int hidden = n->hidden_count > 0;
  int threads = onednn_single_thread();
  scatter(n, slopes);
  multiply(n, "NN", l->square, l->channels, l->pixels, l->by_products, hidden ? l->in : spins, l->by_weights);
  if (hidden) multiply(n, "TN", l->pixels, l->channels, l->square, l->by_products, l->weights, l->back);
  onednn_run_all(&n->shop, &n->backward_steps);
  onednn_set_threads(threads);
  add_derivatives(n, slopes, gradient);
  return onednn_fault(&n->shop);
}

const conv_engine conv_dnnl = {open_layers, close_layers, forward, backward};
