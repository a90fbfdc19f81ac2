// emit.c — what a stage under check emits: whether it may, whether it is what was announced, and digests of it.
#include "conform/trial.h"

#include "finegrain/estimates.h"
#include "message.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

// --- digests --------------------------------------------------------------------------------------------------------

static void add(fg_trial_output *output, const void *bytes, size_t count, bool to_content) {
  XXH64_hash_t hash = XXH3_64bits(bytes, count);
  output->exact = XXH3_64bits_withSeed(&hash, sizeof hash, output->exact);
  if (to_content) output->content += hash;
}

/// Every NaN is the same.
static void add_real(fg_trial_output *output, double real) {
  if (isnan(real)) real = -1e300;
  add(output, &real, sizeof real, true);
}

/// Rows with all that says which they are.
static void digest_batch(fg_trial_output *output, const fg_batch *batch) {
  struct {
    fg_lattice lattice;
    uint64_t configuration, row, hash;
    double coupling;
    uint32_t element, chain;
    int32_t level;
    uint32_t reserved;
  } key = {.lattice = batch->lattice, .element = batch->element, .chain = batch->chain, .level = batch->level};
  for (uint32_t d = batch->lattice.dims; d < FG_MAX_DIMS; d++) key.lattice.extent[d] = 0;
  key.coupling = isnan(batch->coupling) ? -1e300 : batch->coupling;
  for (uint32_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++) {
      key.configuration = batch->first + i;
      key.row = batch->first_row + y;
      key.hash = XXH3_64bits(fg_batch_row(batch, i, y), batch->row_bytes);
      add(output, &key, sizeof key, true);
    }
  }
  add(output, &batch->count, sizeof batch->count, false);
  if (batch->first_row == 0) output->configurations += batch->count;
}

static void digest_model(fg_trial_output *output, const fg_model *model) {
  add(output, model->network, strlen(model->network), true);
  add(output, model->hyperparameters, strlen(model->hyperparameters), true);
  add(output, model->weights, model->weight_count * sizeof(double), true);
}

static void digest_table(fg_trial_output *output, const fg_table *table) {
  add(output, table->name, strlen(table->name), true);
  for (uint64_t i = 0; i < table->row_count * table->column_count; i++) {
    const fg_cell *cell = &table->cells[i];
    switch (table->columns[i % table->column_count]->type) {
    case FG_COLUMN_TEXT: add(output, cell->text, strlen(cell->text), true); break;
    case FG_COLUMN_INTEGER: add(output, &cell->integer, sizeof cell->integer, true); break;
    default: add_real(output, cell->real);
    }
  }
}

// --- emitting -------------------------------------------------------------------------------------------------------

/// What has been agreed on, and what lattice.h says of padding. `made`: the batch as the host made it.
static void check_batch(const fg_trial *t, const fg_trial_output *output, const char *port, const fg_batch *batch,
                        const fg_batch *made) {
  const fg_format *format = &output->format;
  char size[96];
  bool announced = false;
  if (batch->element != made->element || !fg_lattice_equal(&batch->lattice, &made->lattice) ||
      batch->count != made->count || batch->first_row != made->first_row || batch->rows != made->rows ||
      batch->row_bytes != made->row_bytes || batch->data != made->data)
    fg_case_failed(t->of, "emits on output '%s' a batch whose lattice, count, rows or data it has replaced", port);
  for (uint32_t s = 0; s < format->shape_count; s++) announced |= fg_lattice_equal(&format->shapes[s], &batch->lattice);
  fg_lattice_name(&batch->lattice, size);
  if (!announced || batch->element != format->element)
    fg_case_failed(t->of, "emits on output '%s' a batch of %s%s that negotiate has not announced", port, size,
                   announced ? " with another element" : ", a lattice");
  const uint64_t width = fg_lattice_width(&batch->lattice);
  if (batch->first_row + batch->rows > fg_lattice_rows(&batch->lattice))
    fg_case_failed(t->of, "emits on output '%s' a slab of rows beyond those of a lattice of %s", port, size);
  if (format->batch && batch->count > format->batch)
    fg_case_failed(t->of, "emits on output '%s' %" PRIu32 " configurations in a batch and announced at most %" PRIu64,
                   port, batch->count, format->batch);
  const uint64_t bits = batch->element == FG_SPIN1 ? width : batch->element == FG_STATE8 ? 8 * width : 32 * width;
  for (uint64_t row = 0; bits % 64 && row < (uint64_t)batch->count * batch->rows; row++)
    if (fg_batch_row(batch, 0, row)[bits / 64] >> bits % 64)
      fg_case_failed(t->of, "emits on output '%s' a batch of %s with bits set in the padding of a row", port, size);
}

static void check_model(const fg_trial *t, const fg_trial_output *output, const char *port, const fg_model *model) {
  if (strcmp(model->network, output->format.network) != 0)
    fg_case_failed(t->of, "emits on output '%s' a model of '%s' and announced one of '%s'", port, model->network,
                   output->format.network);
  if ((model->weight_count > 0) != (output->format.has_weights != 0))
    fg_case_failed(t->of, "emits on output '%s' a model %s weights and announced one %s", port,
                   model->weight_count ? "with" : "without", output->format.has_weights ? "with" : "without");
  json_t *json = json_loads(model->hyperparameters, 0, NULL);
  bool object = json_is_object(json);
  json_decref(json);
  if (!object)
    fg_case_failed(t->of, "emits on output '%s' a model whose hyperparameters are no JSON object: %s", port,
                   model->hyperparameters);
  for (uint64_t k = 0; k < model->weight_count; k++)
    if (!isfinite(model->weights[k]))
      fg_case_failed(t->of, "emits on output '%s' a model whose weight %" PRIu64 " is not finite", port, k);
}

/// Everything that must hold before a message goes out. Returns what it is to the trial.
static fg_trial_object *check_emit(fg_trial *t, uint32_t port, const void *message, uint32_t kind) {
  static const char *const may_emit[] = {"process", "end", "produce", "flush"};
  const char *word = fg_trial_kind_word(kind);
  bool allowed = false;
  fg_trial_require_stage(t, "emit");
  for (size_t i = 0; t->call && i < 4; i++) allowed |= strcmp(t->call, may_emit[i]) == 0;
  if (!allowed)
    fg_case_failed(t->of, "emits a %s in %s; only process, end, produce and flush may", word, fg_trial_here(t));
  if (!message) fg_case_failed(t->of, "emits no %s but NULL, in %s", word, fg_trial_here(t));
  fg_trial_object *object = fg_trial_find(t, message);
  if (object && object->emitted)
    fg_case_failed(t->of, "emits a %s twice, in %s; a message goes out once, to all who read it", word,
                   fg_trial_here(t));
  if (object && object->input)
    fg_case_failed(t->of, "emits its input, in %s; what goes out is a message of its own", fg_trial_here(t));
  if (!object || object->kind != kind || !object->references)
    fg_case_failed(t->of, "emits a %s that it does not hold, in %s", word, fg_trial_here(t));
  if (port >= t->output_count || t->stage->outputs[port]->kinds != kind)
    fg_case_failed(t->of, "emits a %s on output %" PRIu32 ", which takes none, in %s", word, port, fg_trial_here(t));
  if (t->stopped)
    fg_case_failed(t->of, "emits again though emit has failed, in %s; it must return what emit returned",
                   fg_trial_here(t));
  return object;
}

/// FG_OK: the message goes out. The reference is taken in any case.
static fg_status send(fg_trial *t, uint32_t port, const void *message, uint32_t kind) {
  bool refused = ++t->emits == t->options.refuse_emit;
  fg_trial_object *object = fg_trial_find(t, message);
  object->emitted = !refused;
  if (object->region && object->references > 1)
    fg_region_set(object->region, refused ? FG_REGION_OWN : FG_REGION_EMITTED);
  t->outputs[port].messages += !refused;
  fg_trial_drop(t, message, kind, "emit");
  if (!refused) return FG_OK;
  t->stopped = true;
  if (t->options.emit_status == FG_FAILED) return t->host.fail(&t->host, "nothing can be emitted any more");
  atomic_store(&t->of->verdict->cancelled, 1);
  return FG_CANCELLED;
}

fg_status fg_trial_emit_batch(const fg_host *host, uint32_t port, fg_batch *batch) {
  fg_trial *t = host->impl;
  const fg_trial_object *object = check_emit(t, port, batch, FG_BATCH);
  check_batch(t, &t->outputs[port], t->stage->outputs[port]->name, batch, &object->made);
  batch->sequence = t->outputs[port].messages;
  digest_batch(&t->outputs[port], batch);
  return send(t, port, batch, FG_BATCH);
}

fg_status fg_trial_emit_model(const fg_host *host, uint32_t port, fg_model *model) {
  fg_trial *t = host->impl;
  check_emit(t, port, model, FG_MODEL);
  check_model(t, &t->outputs[port], t->stage->outputs[port]->name, model);
  digest_model(&t->outputs[port], model);
  if (!t->model) {
    fg_model_ref(model);
    t->model = model;
  }
  t->spoken = true;
  return send(t, port, model, FG_MODEL);
}

fg_status fg_trial_emit_table(const fg_host *host, uint32_t port, fg_table *table) {
  fg_trial *t = host->impl;
  fg_error error;
  check_emit(t, port, table, FG_TABLE);
  if (fg_results_add_table(t->results, 0, table, &error) != FG_OK)
    fg_case_failed(t->of, "emits on output '%s' a table that results.h5 cannot hold: %s", t->stage->outputs[port]->name,
                   error.text);
  digest_table(&t->outputs[port], table);
  t->spoken = true;
  return send(t, port, table, FG_TABLE);
}
