// conv_shape.c — see conv_shape.h.
#include "conv_shape.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

const char *const conv_activations[] = {"relu", "tanh", "gelu", "softplus", "elu", "silu", "sigmoid", NULL};
const char *const conv_inputs[] = {"binary", "sign", NULL};
const char *const conv_symmetries[] = {"none", "d4", "d4+z2", NULL};
const char *const conv_inits[] = {"he", "glorot", "lecun", NULL};

// ---- what is allowed

const char *conv_shape_set(conv_shape *shape, const int64_t *hidden, uint64_t count, int64_t kernel, char why[200]) {
  if (kernel < 1 || kernel > CONV_MOST_KERNEL || kernel % 2 == 0) {
    snprintf(why, 200, "kernel is %" PRId64 "; it must be odd, from 1 to %u", kernel, CONV_MOST_KERNEL);
    return why;
  }
  if (count > CONV_MOST_HIDDEN) {
    snprintf(why, 200, "channels lists %" PRIu64 " hidden layers; at most %u are possible", count, CONV_MOST_HIDDEN);
    return why;
  }
  shape->kernel = (uint32_t)kernel;
  shape->layers = (uint32_t)count + 1;
  shape->channels[0] = shape->channels[count + 1] = 1;
  for (uint64_t i = 0; i < count; i++) {
    if (hidden[i] < 1 || hidden[i] > CONV_MOST_CHANNELS) {
      snprintf(why, 200, "channels lists %" PRId64 "; a layer has from 1 to %u", hidden[i], CONV_MOST_CHANNELS);
      return why;
    }
    shape->channels[i + 1] = (uint32_t)hidden[i];
  }
  uint64_t weights = conv_first(shape, shape->layers);
  if (weights <= CONV_MOST_WEIGHTS) return NULL;
  snprintf(why, 200, "channels and kernel make %" PRIu64 " weights; at most %" PRIu64 " are possible", weights,
           CONV_MOST_WEIGHTS);
  return why;
}

// ---- JSON

/// Index of a name in a list; UINT32_MAX when it is not there.
static uint32_t place_of(const char *name, const char *const *names) {
  for (uint32_t i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) return i;
  return UINT32_MAX;
}

/// A choice of the JSON object.
typedef struct choice {
  const char *key;
  const char *name;
  const char *const *names;
  uint32_t *into;
} choice;

static const char *read_choices(const choice *choices, size_t count, char why[200]) {
  for (size_t i = 0; i < count; i++) {
    const choice *c = &choices[i];
    *c->into = place_of(c->name, c->names);
    if (*c->into != UINT32_MAX) continue;
    int at = snprintf(why, 200, "%s is '%.40s'; it must be one of", c->key, c->name);
    for (uint32_t n = 0; c->names[n]; n++) at += snprintf(why + at, (size_t)(200 - at), " %s", c->names[n]);
    return why;
  }
  return NULL;
}

/// The list of channels; *count beyond CONV_MOST_HIDDEN when there are too many.
static const char *read_channels(const json_t *list, int64_t *hidden, uint64_t *count, char why[200]) {
  if (!list) return NULL;
  *count = json_array_size(list);
  int sound = json_is_array(list);
  for (uint64_t i = 0; sound && i < *count && i < CONV_MOST_HIDDEN; i++) {
    sound = json_is_integer(json_array_get(list, i));
    hidden[i] = json_integer_value(json_array_get(list, i));
  }
  if (sound) return NULL;
  snprintf(why, 200, "channels must be a list of integers");
  return why;
}

const char *conv_shape_read(conv_shape *shape, const char *json, char why[200]) {
  const char *activation = conv_activations[0], *input = conv_inputs[0], *symmetrize = conv_symmetries[0];
  const char *init = conv_inits[0], *fault = why;
  int64_t hidden[CONV_MOST_HIDDEN] = {32};
  uint64_t count = 1;
  json_int_t kernel = 3;
  int bias = 1;
  json_t *channels = NULL;
  json_error_t error;
  json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
  if (!object || json_unpack_ex(object, &error, JSON_STRICT, "{s?o,s?I,s?s,s?b,s?s,s?s,s?s}", "channels", &channels,
                                "kernel", &kernel, "activation", &activation, "bias", &bias, "input", &input,
                                "symmetrize", &symmetrize, "init", &init) != 0) {
    snprintf(why, 200, "%s", error.text);
  } else {
    const choice choices[] = {{"activation", activation, conv_activations, &shape->activation},
                              {"input", input, conv_inputs, &shape->input},
                              {"symmetrize", symmetrize, conv_symmetries, &shape->symmetrize},
                              {"init", init, conv_inits, &shape->init}};
    shape->bias = bias != 0;
    fault = read_channels(channels, hidden, &count, why);
    if (!fault) fault = read_choices(choices, sizeof choices / sizeof *choices, why);
    if (!fault) fault = conv_shape_set(shape, hidden, count, kernel, why);
  }
  json_decref(object);
  return fault;
}

void conv_shape_write(const conv_shape *shape, char json[CONV_TEXT_LENGTH]) {
  int at = snprintf(json, CONV_TEXT_LENGTH, "{\"channels\":[");
  for (uint32_t l = 1; l < shape->layers; l++)
    at += snprintf(json + at, (size_t)(CONV_TEXT_LENGTH - (uint32_t)at), "%s%" PRIu32, l > 1 ? "," : "",
                   shape->channels[l]);
  snprintf(json + at, (size_t)(CONV_TEXT_LENGTH - (uint32_t)at),
           "],\"kernel\":%" PRIu32 ",\"activation\":\"%s\",\"bias\":%s,\"input\":\"%s\",\"symmetrize\":\"%s\","
           "\"init\":\"%s\"}",
           shape->kernel, conv_activations[shape->activation], shape->bias ? "true" : "false",
           conv_inputs[shape->input], conv_symmetries[shape->symmetrize], conv_inits[shape->init]);
}

// ---- weights

uint32_t conv_radius(const conv_shape *shape) { return shape->layers * (shape->kernel / 2); }

uint64_t conv_kernels(const conv_shape *shape, uint32_t layer) {
  return (uint64_t)shape->channels[layer] * shape->channels[layer + 1] * shape->kernel * shape->kernel;
}

uint64_t conv_first(const conv_shape *shape, uint32_t layer) {
  uint64_t first = 0;
  for (uint32_t l = 0; l < layer; l++) first += conv_kernels(shape, l) + (shape->bias ? shape->channels[l + 1] : 0);
  return first;
}

void conv_weight_name(const conv_shape *shape, uint64_t index, char name[CONV_NAME_LENGTH]) {
  uint32_t layer = 0, side = shape->kernel;
  while (index >= conv_first(shape, layer + 1)) layer++;
  index -= conv_first(shape, layer);
  if (index >= conv_kernels(shape, layer)) {
    uint16_t out = (uint16_t)(index - conv_kernels(shape, layer));
    snprintf(name, CONV_NAME_LENGTH, "layer%u.bias[%u]", (uint8_t)(layer + 1), out);
    return;
  }
  const uint64_t square = (uint64_t)side * side, entry = index % square, pair = index / square;
  uint16_t out = (uint16_t)(pair / shape->channels[layer]), in = (uint16_t)(pair % shape->channels[layer]);
  snprintf(name, CONV_NAME_LENGTH, "layer%u.weight[%u][%u][%u][%u]", (uint8_t)(layer + 1), out, in,
           (uint8_t)(entry / side), (uint8_t)(entry % side));
}

/// Variance of a layer's weights. he: K. He et al., arXiv:1502.01852; glorot: X. Glorot & Y. Bengio, AISTATS 2010;
/// lecun: Y. LeCun et al., Efficient BackProp, 1998.
static double variance(const conv_shape *shape, uint32_t layer) {
  double square = (double)shape->kernel * shape->kernel;
  double in = square * shape->channels[layer], out = square * shape->channels[layer + 1];
  switch (shape->init) {
  case CONV_HE: return 2 / in;
  case CONV_GLOROT: return 2 / (in + out);
  default: return 1 / in;
  }
}

/// Two by two, after G. E. P. Box and M. E. Muller (1958).
void conv_initial_weights(const conv_shape *shape, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  fg_rng rng = fg_rng_start(fill, key, 0);
  memset(weights, 0, conv_first(shape, shape->layers) * sizeof *weights);
  for (uint32_t l = 0; l < shape->layers; l++) {
    double *kernels = weights + conv_first(shape, l), scale = sqrt(variance(shape, l));
    for (uint64_t i = 0, count = conv_kernels(shape, l); i < count; i += 2) {
      double radius = scale * sqrt(-2 * log1p(-fg_rng_uniform(&rng))), angle = 2 * M_PI * fg_rng_uniform(&rng);
      kernels[i] = radius * cos(angle);
      if (i + 1 < count) kernels[i + 1] = radius * sin(angle);
    }
  }
}
