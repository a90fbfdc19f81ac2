// model_file.c — see model_file.h. jansson parses, after a look at the text has bounded what it can allocate.
#include "model_file.h"

#include "diagnostics.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define MOST_DEPTH 16u                 // of lists and objects in each other
#define OTHER_VALUES ((uint64_t)65536) // beside weights: no more fit into hyperparameters
#define LONGEST_LINE 30u               // of a weight: four blanks, -2.2250738585072014e-308, comma, line break
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
_Static_assert(FG_MODEL_FILE_BYTES / LONGEST_LINE > FG_MODEL_WEIGHTS + 4 * OTHER_VALUES, "what is written can be read");

static const char *const known_keys[] = {"finegrain_model", "network", "hyperparameters", "parameters",
                                         "weights",         "comment", "source"};
#define NEEDED_KEYS 5u // the first of them

/// What was found, for messages.
static const char *describe(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT: return "an object";
  case JSON_ARRAY: return "a list";
  case JSON_STRING: return "a text";
  case JSON_INTEGER: return "a whole number";
  case JSON_REAL: return "a real number";
  case JSON_NULL: return "null";
  default: return json_is_true(value) ? "true" : "false";
  }
}

// --- parsing ----------------------------------------------------------------------------------------------------------

/// Counts what will be allocated, every value but the first of a list or object having a comma before it.
static fg_status check_extent(const char *text, size_t bytes, fg_error *error) {
  uint64_t commas = 0;
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < bytes; i++) {
    char c = text[i];
    if (quoted && c == '\\')
      i++;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted) {
      commas += c == ',';
      if ((c == '[' || c == '{') && ++depth > MOST_DEPTH)
        return fg_error_set(error, "more than %u lists and objects lie in each other", MOST_DEPTH);
      if ((c == ']' || c == '}') && depth) depth--;
    }
  }
  if (commas <= FG_MODEL_WEIGHTS + OTHER_VALUES) return FG_OK;
  return fg_error_set(error, "it has more than %" PRIu64 " weights, the most a model may have", FG_MODEL_WEIGHTS);
}

static json_t *parse(const char *text, size_t bytes, fg_error *error) {
  if (check_extent(text, bytes, error) != FG_OK) return NULL;
  json_error_t why;
  json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
  if (json) return json;
  const char *advice = "";
  switch (json_error_code(&why)) {
  case json_error_premature_end_of_input: advice = "; is the file whole?"; break;
  case json_error_invalid_syntax: advice = "; numbers are decimal and finite, texts in double quotes"; break;
  case json_error_duplicate_key: advice = "; keep one of them"; break;
  default: break;
  }
  fg_error_set(error, "line %d, column %d: %s%s", why.line, why.column, why.text, advice);
  return NULL;
}

/// The whole file, its size checked first; NULL: the reason is in `error`.
static char *read_text(const char *path, size_t *bytes, fg_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // which does not wait for a pipe's other end
  struct stat info;
  char *text = NULL;
  if (file < 0 || fstat(file, &info) != 0)
    fg_error_set(error, "cannot be opened: %s", strerror(errno));
  else if (!S_ISREG(info.st_mode))
    fg_error_set(error, "is no file");
  else if ((uint64_t)info.st_size > FG_MODEL_FILE_BYTES)
    fg_error_set(error, "has %" PRIu64 " bytes; a model file has at most 512 MiB", (uint64_t)info.st_size);
  else if (!(text = malloc((size_t)info.st_size + 1)))
    fg_error_set(error, "out of memory for a file of %" PRIu64 " bytes", (uint64_t)info.st_size);
  *bytes = 0;
  for (ssize_t n = 1; text && n > 0 && *bytes < (size_t)info.st_size;) {
    n = read(file, text + *bytes, (size_t)info.st_size - *bytes);
    if (n > 0) *bytes += (size_t)n;
    if (n >= 0) continue;
    fg_error_set(error, "cannot be read: %s", strerror(errno));
    free(text);
    text = NULL;
  }
  if (file >= 0) close(file);
  return text;
}

// --- reading ----------------------------------------------------------------------------------------------------------

/// The version comes first: a later one may have other keys.
static fg_status check_keys(json_t *root, fg_error *error) {
  if (!json_is_object(root))
    return fg_error_set(error, "is no model file (schemas/model.md): it holds %s, not an object", describe(root));
  const json_t *version = json_object_get(root, known_keys[0]);
  if (!version)
    return fg_error_set(error, "is no model file (schemas/model.md): it has no \"%s\": %d", known_keys[0], VERSION);
  if (!json_is_integer(version) || json_integer_value(version) != VERSION)
    return fg_error_set(error, "%s is not %d, the only version this finegrain reads", known_keys[0], VERSION);
  const char *key;
  json_t *value;
  json_object_foreach(root, key, value) {
    bool known = false;
    for (size_t k = 0; k < COUNT_OF(known_keys); k++) known |= strcmp(key, known_keys[k]) == 0;
    char hint[400];
    if (!known)
      return fg_error_set(error, "unknown key '%.100s'%s", key,
                          fg_suggest(hint, sizeof hint, key, known_keys, COUNT_OF(known_keys)));
  }
  for (size_t k = 0; k < NEEDED_KEYS; k++)
    if (!json_object_get(root, known_keys[k]))
      return fg_error_set(error,
                          "'%s' is missing; a model file has finegrain_model, network, hyperparameters, parameters and "
                          "weights",
                          known_keys[k]);
  return FG_OK;
}

static fg_status expect(const json_t *root, const char *key, bool sound, const char *wanted, fg_error *error) {
  const json_t *value = json_object_get(root, key);
  return sound ? FG_OK : fg_error_set(error, "%s is %s; it must be %s", key, describe(value), wanted);
}

static bool is_text(const json_t *root, const char *key) {
  const json_t *value = json_object_get(root, key);
  return !value || json_is_string(value);
}

static fg_status check_types(const json_t *root, fg_error *error) {
  const json_t *parameters = json_object_get(root, "parameters");
  fg_status status = expect(root, "network", is_text(root, "network"), "a text, such as \"network.symmetric\"", error);
  if (status == FG_OK)
    status = expect(root, "hyperparameters", json_is_object(json_object_get(root, "hyperparameters")),
                    "an object, such as {\"kernel\": 3}", error);
  if (status == FG_OK)
    status = expect(root, "parameters", json_is_integer(parameters) && json_integer_value(parameters) >= 0,
                    "a whole number: how many weights there are", error);
  if (status == FG_OK)
    status = expect(root, "weights", json_is_array(json_object_get(root, "weights")), "a list of numbers", error);
  if (status == FG_OK) status = expect(root, "comment", is_text(root, "comment"), "a text", error);
  if (status == FG_OK) status = expect(root, "source", is_text(root, "source"), "a text", error);
  return status;
}

/// The list as an array of doubles, to be freed. Numbers are finite: jansson takes no others.
static fg_status read_weights(const json_t *root, double **weights, fg_error *error) {
  const json_t *list = json_object_get(root, "weights");
  size_t count = json_array_size(list);
  json_int_t parameters = json_integer_value(json_object_get(root, "parameters"));
  if (count > FG_MODEL_WEIGHTS)
    return fg_error_set(error, "it has %zu weights; a model has at most %" PRIu64, count, FG_MODEL_WEIGHTS);
  if ((uint64_t)parameters != count)
    return fg_error_set(error, "parameters is %" PRId64 ", but there are %zu weights; one of them is wrong",
                        (int64_t)parameters, count);
  *weights = calloc(count + 1, sizeof **weights);
  if (!*weights) return fg_error_set(error, "out of memory for %zu weights", count);
  for (size_t k = 0; k < count; k++) {
    const json_t *weight = json_array_get(list, k);
    if (!json_is_number(weight))
      return fg_error_set(error, "weight %zu of %zu is %s; weights are one flat list of numbers", k + 1, count,
                          describe(weight));
    (*weights)[k] = json_number_value(weight);
  }
  return FG_OK;
}

static fg_status take_model(json_t *root, fg_model **model, fg_error *error) {
  fg_status status = check_keys(root, error);
  if (status == FG_OK) status = check_types(root, error);
  if (status != FG_OK) return status;
  const char *network = json_string_value(json_object_get(root, "network"));
  if (!network[0] || strlen(network) > FG_MODEL_NETWORK)
    return fg_error_set(error, "network '%.80s' names none; write the kind of a stage, such as network.symmetric",
                        network);
  double *weights = NULL;
  char *hyperparameters = json_dumps(json_object_get(root, "hyperparameters"), JSON_COMPACT | JSON_REAL_PRECISION(17));
  if (!hyperparameters)
    status = fg_error_set(error, "out of memory for the hyperparameters");
  else if (strlen(hyperparameters) > FG_MODEL_HYPERPARAMETERS)
    status = fg_error_set(error, "the hyperparameters have more than %zu bytes", FG_MODEL_HYPERPARAMETERS);
  else
    status = read_weights(root, &weights, error);
  if (status == FG_OK) {
    *model = fg_model_create(network, hyperparameters, weights, json_array_size(json_object_get(root, "weights")));
    if (!*model) status = fg_error_set(error, "out of memory for a model");
  }
  free(weights);
  free(hyperparameters);
  return status;
}

fg_status fg_model_file_read(const char *path, fg_model **model, fg_error *error) {
  size_t bytes;
  char *text = read_text(path, &bytes, error);
  if (!text) return FG_FAILED;
  json_t *root = parse(text, bytes, error);
  fg_status status = root ? take_model(root, model, error) : FG_FAILED;
  json_decref(root);
  free(text);
  return status;
}

// --- writing ----------------------------------------------------------------------------------------------------------

static json_t *weights_list(const fg_model *model, fg_error *error) {
  json_t *list = json_array();
  for (uint64_t k = 0; list && k < model->weight_count; k++) {
    int added = -1;
    if (!isfinite(model->weights[k]))
      fg_error_set(error, "weight %" PRIu64 " of %" PRIu64 " is not finite", k + 1, model->weight_count);
    else if ((added = json_array_append_new(list, json_real(model->weights[k]))) != 0)
      fg_error_set(error, "out of memory for %" PRIu64 " weights", model->weight_count);
    if (added == 0) continue;
    json_decref(list);
    return NULL;
  }
  if (!list) fg_error_set(error, "out of memory for a model");
  return list;
}

/// The file's root object; the few lines that tell what it is come before the many weights.
static json_t *root_of(const fg_model *model, const char *source, fg_error *error) {
  size_t length = strlen(model->hyperparameters);
  if (model->weight_count > FG_MODEL_WEIGHTS || length > FG_MODEL_HYPERPARAMETERS ||
      strlen(model->network) > FG_MODEL_NETWORK) {
    fg_error_set(error, "the model is too large for a file: at most %" PRIu64 " weights, %zu bytes of hyperparameters",
                 FG_MODEL_WEIGHTS, FG_MODEL_HYPERPARAMETERS);
    return NULL;
  }
  fg_error why = {0};
  json_t *hyperparameters = parse(model->hyperparameters, length, &why);
  if (!json_is_object(hyperparameters)) {
    fg_error_set(error, "hyperparameters '%.100s' of %s are no JSON object%s%s; this is a fault of the plugin",
                 model->hyperparameters, model->network, why.text[0] ? ": " : "", why.text);
    json_decref(hyperparameters);
    return NULL;
  }
  json_t *weights = weights_list(model, error);
  if (!weights) {
    json_decref(hyperparameters);
    return NULL;
  }
  json_t *root = json_object();
  json_object_set_new(root, "finegrain_model", json_integer(VERSION));
  json_object_set_new(root, "network", json_string(model->network));
  json_object_set_new(root, "hyperparameters", hyperparameters);
  if (source) json_object_set_new(root, "source", json_string(source));
  json_object_set_new(root, "parameters", json_integer((json_int_t)model->weight_count));
  json_object_set_new(root, "weights", weights);
  if (json_object_size(root) == (source ? NEEDED_KEYS + 1 : NEEDED_KEYS)) return root;
  fg_error_set(error, "out of memory for a model, or a text is not UTF-8");
  json_decref(root);
  return NULL;
}

fg_status fg_model_file_write(const char *path, const fg_model *model, const char *source, fg_error *error) {
  json_t *root = root_of(model, source, error);
  if (!root) return FG_FAILED;
  FILE *file = fopen(path, "we");
  bool written = file && json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0 &&
                 fputc('\n', file) != EOF && fflush(file) == 0;
  int cause = errno;
  if (file && fclose(file) != 0 && written) {
    cause = errno;
    written = false;
  }
  json_decref(root);
  return written ? FG_OK : fg_error_set(error, "cannot be written: %s", strerror(cause));
}
