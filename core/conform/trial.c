// trial.c — see trial.h. The life of an instance as worker.c leads it, one call at a time, with input made
// on the spot.
#include "conform/trial.h"

#include "finegrain/estimates.h"
#include "message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Phases of a life: ports marked `first`, the others, produce, flush.
enum { PHASE_FIRST, PHASE_STREAMS, PHASE_PRODUCE, PHASE_FLUSH, PHASE_OVER };

#define MOST_PORTS 64u
#define BIT(status) (1u << ((int)(status) + 2))
#define ANY_FAILURE (BIT(FG_FAILED) | BIT(FG_CANCELLED))

// --- calls ----------------------------------------------------------------------------------------------------------

void fg_trial_enter(fg_trial *t, const char *call) { t->call = call; }

fg_status fg_trial_leave(fg_trial *t, fg_status status, unsigned allowed) {
  const char *call = t->call;
  t->call = NULL;
  if (status < FG_CANCELLED || status > FG_AGAIN || !(allowed & BIT(status)))
    fg_case_failed(t->of, "%s returns %d, which is none of the results it may have", call, (int)status);
  if (t->exhausted && status >= FG_OK)
    fg_case_failed(t->of, "%s goes on although there was no memory for a message; it must return FG_FAILED", call);
  if (t->stopped && status >= FG_OK)
    fg_case_failed(t->of, "%s goes on although emit has failed; it must return what emit returned", call);
  if (t->failed && status >= FG_OK)
    fg_case_failed(t->of, "%s reports a failure (%s) and returns FG_OK", call, t->reason);
  if (status == FG_FAILED && !t->failed)
    fg_case_failed(t->of, "%s returns FG_FAILED without a reason; call fail or fail_param before", call);
  bool cancelled = atomic_load(&t->of->verdict->cancelled);
  if (status == FG_CANCELLED && !cancelled)
    fg_case_failed(t->of, "%s returns FG_CANCELLED though nobody has cancelled the run", call);
  if (t->failed && cancelled && !t->exhausted && t->options.emit_status != FG_FAILED)
    fg_case_failed(t->of, "%s reports a failure (%s) when the run is cancelled; it must return FG_CANCELLED", call,
                   t->reason);
  return status;
}

bool fg_trial_open(fg_trial *t, const fg_case *c, const fg_trial_options *options) {
  static const char *const names[] = {"check"};
  *t = (fg_trial){.of = c, .stage = &c->entry->stage, .options = *options, .thread = pthread_self()};
  fg_error why = {0};
  t->values = fg_trial_values_new(c, options->param, options->value, &t->config, &why);
  if (!t->values) {
    snprintf(t->reason, sizeof t->reason, "%s", why.text);
    return false;
  }
  while (t->stage->inputs[t->input_count]) t->input_count++;
  while (t->stage->outputs[t->output_count]) t->output_count++;
  t->outputs = calloc(t->output_count + 1, sizeof *t->outputs);
  t->input_names = calloc(t->input_count + 1, sizeof *t->input_names);
  t->results = fg_results_new(names, 1);
  if (!t->outputs || !t->input_names || !t->results) abort();
  for (uint32_t p = 0; p < t->input_count; p++)
    snprintf(t->input_names[p], sizeof t->input_names[p], "its input '%s'", t->stage->inputs[p]->name);
  pthread_mutex_init(&t->lock, NULL);
  t->pool = fg_pool_new(options->threads);
  fg_pool_acquire(t->pool);
  fg_trial_host(t);
  fg_trial_enter(t, "create");
  fg_case_doing(c, "create%s%s%s%s", options->param ? " with " : "", options->param ? options->param : "",
                options->param ? ": " : "", options->param ? options->value : "");
  fg_status status = t->stage->create(&t->host, fg_config_data(t->config), &t->self);
  if (fg_trial_leave(t, status, BIT(FG_OK) | ANY_FAILURE) != FG_OK) t->self = NULL;
  return true;
}

void fg_trial_close(fg_trial *t) {
  if (t->self) {
    fg_trial_enter(t, "destroy");
    fg_case_doing(t->of, "destroy");
    t->stage->destroy(t->self);
    t->call = NULL;
  }
  fg_trial_check_references(t);
  for (size_t i = 0; i < t->object_count; i++) {
    const fg_trial_object *object = &t->objects[i];
    if (object->region || !object->message) continue;
    if (object->kind == FG_MODEL) fg_model_unref(object->message);
    if (object->kind == FG_TABLE) fg_table_unref(object->message);
  }
  for (size_t i = 0; i < t->file_count; i++) {
    unlink(t->files[i]);
    free(t->files[i]);
  }
  fg_model_unref(t->model);
  fg_results_free(t->results);
  fg_pool_release(t->pool);
  fg_pool_free(t->pool);
  pthread_mutex_destroy(&t->lock);
  free(t->input_names);
  free(t->files);
  free(t->objects);
  free(t->outputs);
  fg_config_free(t->config);
  fg_trial_values_free(t->values);
}

const char *fg_trial_params(const fg_trial *t, char *text, size_t size) {
  char *all = NULL;
  size_t length = 0, at = 0;
  FILE *out = open_memstream(&all, &length);
  if (!out) abort();
  fg_config_write(t->config, 0, out);
  fclose(out);
  text[0] = 0;
  char *line = all;
  for (size_t i = 0; t->stage->params[i] && *line && at < size; i++) {
    size_t end = strcspn(line, "\n");
    if (!t->stage->params[i]->def)
      at += (size_t)snprintf(text + at, size - at, "%s%.*s", at ? ", " : "", (int)end, line);
    line += end + (line[end] == '\n');
  }
  free(all);
  return text;
}

// --- formats --------------------------------------------------------------------------------------------------------

static const char *lattice_fault(const fg_lattice *lattice) {
  if (lattice->dims < 1 || lattice->dims > FG_MAX_DIMS) return "a lattice of an impossible dimension";
  for (uint32_t d = 0; d < lattice->dims; d++)
    if (lattice->extent[d] < 1 || lattice->extent[d] > UINT64_C(1) << 31) return "a lattice of an impossible extent";
  return lattice->shape < FG_CHAIN || lattice->shape > FG_HYPERCUBIC ? "a lattice of an unknown shape" : NULL;
}

/// What is wrong with an output's format, or NULL.
static const char *format_fault(const fg_port *port, const fg_format *format) {
  if (format->size != sizeof(fg_format) || format->kind != port->kinds)
    return "a format whose size or kind it has changed";
  if (format->kind == FG_MODEL && !format->network[0]) return "a model of no network";
  if (format->kind == FG_MODEL && !memchr(format->network, 0, sizeof format->network))
    return "a network's kind without an end";
  if (format->kind != FG_BATCH) return NULL;
  if (format->element < FG_SPIN1 || format->element > FG_FIELD32) return "an unknown element";
  if (port->elements && !(port->elements & 1u << format->element)) return "an element its descriptor does not have";
  if (format->shape_count < 1 || format->shape_count > FG_MAX_SHAPES) return "no lattice, or too many";
  const char *fault = NULL;
  for (uint32_t s = 0; s < format->shape_count && !fault; s++) fault = lattice_fault(&format->shapes[s]);
  return fault;
}

static uint32_t largest_cut(const fg_trial *t) {
  uint32_t most = t->options.cut ? 1 : FG_FEED_CONFIGURATIONS;
  for (uint32_t i = 0; t->options.cut && i < t->options.cut_count; i++)
    if (t->options.cut[i] > most) most = t->options.cut[i];
  return most;
}

fg_status fg_trial_negotiate(fg_trial *t, const fg_feed *feed) {
  const fg_format *inputs[MOST_PORTS + 1] = {NULL};
  fg_format *outputs[MOST_PORTS + 1] = {NULL};
  for (uint32_t p = 0; p < t->input_count; p++) {
    if (!fg_feed_connects(t->stage, feed, p)) continue;
    if (!fg_feed_format(t->of, feed, p, largest_cut(t), &t->inputs[p])) return FG_FAILED;
    inputs[p] = &t->inputs[p];
  }
  for (uint32_t p = 0; p < t->output_count; p++) {
    outputs[p] = &t->outputs[p].format;
    *outputs[p] = (fg_format){.size = sizeof(fg_format), .kind = t->stage->outputs[p]->kinds};
  }
  t->memory = UINT64_MAX;
  fg_trial_enter(t, "negotiate");
  if (fg_feed_has_batches(t->stage, 1))
    fg_case_doing(t->of, "negotiate for %s on %s", fg_feed_element_name(feed->element),
                  fg_feed_lattice_name(feed->lattice));
  else
    fg_case_doing(t->of, "negotiate");
  fg_status status = t->stage->negotiate(t->self, inputs, outputs, &t->memory);
  if (fg_trial_leave(t, status, BIT(FG_OK) | ANY_FAILURE) != FG_OK) return status;
  for (uint32_t p = 0; p < t->output_count; p++) {
    const char *fault = format_fault(t->stage->outputs[p], outputs[p]);
    if (fault) fg_case_failed(t->of, "negotiate announces %s on output '%s'", fault, t->stage->outputs[p]->name);
  }
  if (t->memory == UINT64_MAX) fg_case_failed(t->of, "negotiate leaves the memory bound unset");
  return FG_OK;
}

// --- input ----------------------------------------------------------------------------------------------------------

/// Ports that are read together, as worker.c reads them.
typedef struct group {
  uint32_t ports[MOST_PORTS];
  uint32_t count;
} group;

/// Group number `index` of a phase; false when there are no more.
static bool find_group(const fg_trial *t, const fg_feed *feed, bool first, uint32_t index, group *found) {
  uint32_t seen = 0, paired = 0;
  for (uint32_t p = 0; p < t->input_count; p++) {
    const uint32_t flags = t->stage->inputs[p]->flags;
    if (!fg_feed_connects(t->stage, feed, p)) continue;
    bool is_paired = flags & FG_PORT_PAIRED, leads = !is_paired || !paired;
    paired += is_paired;
    if (!leads || !(flags & FG_PORT_FIRST) == first) continue;
    if (seen++ != index) continue;
    *found = (group){{p}, 1};
    for (uint32_t q = p + 1; is_paired && q < t->input_count; q++)
      if ((t->stage->inputs[q]->flags & FG_PORT_PAIRED) && fg_feed_connects(t->stage, feed, q))
        found->ports[found->count++] = q;
    return true;
  }
  return false;
}

/// One message of a stream: which configurations of which shape, and which of two slabs.
typedef struct piece {
  uint32_t shape, from, count;
  uint32_t slab, slabs;
} piece;

/// Message number `index` of a stream of `shapes` lattices; false when it has ended.
static bool find_piece(const fg_trial *t, uint32_t shapes, uint64_t index, piece *found) {
  const fg_trial_options *o = &t->options;
  static const uint32_t one = 1, all = FG_FEED_CONFIGURATIONS;
  const uint32_t *cut = o->slabs ? &one : o->cut ? o->cut : &all;
  const uint32_t cuts = o->slabs || !o->cut ? 1 : o->cut_count;
  *found = (piece){.slabs = o->slabs ? 2 : 1};
  found->slab = (uint32_t)(index % found->slabs);
  index /= found->slabs;
  found->shape = (uint32_t)(index % shapes);
  for (uint64_t i = 0; i <= index / shapes; i++) {
    found->from += found->count;
    found->count = cut[i % cuts];
    if (found->from >= FG_FEED_CONFIGURATIONS) return false;
    if (found->count > FG_FEED_CONFIGURATIONS - found->from) found->count = FG_FEED_CONFIGURATIONS - found->from;
  }
  return true;
}

/// Lends message `index` of a port; false at the stream's end.
static bool lend(fg_trial *t, const fg_feed *feed, uint32_t port, uint64_t index, fg_message *message) {
  const fg_format *format = &t->inputs[port];
  *message = (fg_message){.size = sizeof(fg_message), .kind = format->kind};
  if (format->kind == FG_MODEL) {
    if (index > 0 || t->options.no_models) return false;
    message->model = fg_trial_lend_model(t, t->input_names[port], feed);
    fg_trial_seal(t, message->model);
    return true;
  }
  piece p;
  if (format->kind == FG_TABLE || t->options.no_streams || !find_piece(t, format->shape_count, index, &p)) return false;
  const fg_lattice *lattice = &format->shapes[p.shape];
  uint64_t rows = fg_lattice_rows(lattice), first_row = rows * p.slab / p.slabs;
  fg_batch *batch = fg_trial_lend_batch(t, t->input_names[port], format->element, lattice, p.count, first_row,
                                        rows * (p.slab + 1) / p.slabs - first_row);
  batch->first = p.from;
  batch->sequence = index;
  fg_feed_fill(t->stage, feed, port, p.shape, batch);
  fg_trial_seal(t, batch);
  message->batch = batch;
  return true;
}

// --- steps ----------------------------------------------------------------------------------------------------------

static void say_process(const fg_trial *t, uint32_t port, const fg_message *message) {
  const char *name = t->stage->inputs[port]->name;
  if (message->kind == FG_MODEL) {
    fg_case_doing(t->of, "process of the model of input '%s'", name);
    return;
  }
  const fg_batch *batch = message->batch;
  char size[96];
  fg_lattice_name(&batch->lattice, size);
  fg_case_doing(t->of, "process of input '%s', %" PRIu32 " configuration(s) of size %s from number %" PRIu64 " on",
                name, batch->count, size, batch->first);
}

/// A message of each port of the group, or its end.
static fg_status step_group(fg_trial *t, const fg_feed *feed, const group *ports) {
  fg_message messages[MOST_PORTS];
  const fg_message *given[MOST_PORTS];
  const uint32_t port = ports->ports[0];
  bool more = true;
  for (uint32_t k = 0; k < ports->count && more; k++) {
    more = lend(t, feed, ports->ports[k], t->at.message, &messages[k]);
    given[k] = &messages[k];
  }
  if (more) {
    say_process(t, port, &messages[0]);
    fg_trial_enter(t, "process");
    fg_status status = t->stage->process(t->self, port, given, ports->count);
    status = fg_trial_leave(t, status, BIT(FG_OK) | ANY_FAILURE);
    fg_trial_take_back(t);
    t->at.message++;
    return status;
  }
  fg_case_doing(t->of, "end of input '%s'", t->stage->inputs[port]->name);
  fg_trial_enter(t, "end");
  fg_status status = t->stage->end ? t->stage->end(t->self, port) : FG_OK;
  status = fg_trial_leave(t, status, BIT(FG_OK) | BIT(FG_AGAIN) | ANY_FAILURE);
  if (status == FG_AGAIN && !(t->stage->inputs[port]->flags & FG_PORT_REPLAY))
    fg_case_failed(t->of, "end returns FG_AGAIN for input '%s', which is not marked FG_PORT_REPLAY",
                   t->stage->inputs[port]->name);
  t->at.message = 0;
  if (status == FG_OK) t->at.group++;
  return status == FG_AGAIN ? FG_OK : status;
}

fg_status fg_trial_step(fg_trial *t, const fg_feed *feed) {
  group ports;
  if (++t->at.steps == t->options.cancel) atomic_store(&t->of->verdict->cancelled, 1);
  while (t->at.phase <= PHASE_STREAMS) {
    if (find_group(t, feed, t->at.phase == PHASE_FIRST, t->at.group, &ports)) return step_group(t, feed, &ports);
    t->at.phase++;
    t->at.group = 0;
  }
  if (t->at.phase == PHASE_PRODUCE && t->stage->produce) {
    fg_case_doing(t->of, "produce, call %" PRIu64, ++t->at.message);
    fg_trial_enter(t, "produce");
    fg_status status = t->stage->produce(t->self);
    status = fg_trial_leave(t, status, BIT(FG_OK) | BIT(FG_DONE) | ANY_FAILURE);
    if (status == FG_DONE) t->at.phase = PHASE_FLUSH;
    return status == FG_DONE ? FG_OK : status;
  }
  if (t->at.phase <= PHASE_FLUSH && t->stage->flush) {
    fg_case_doing(t->of, "flush");
    fg_trial_enter(t, "flush");
    fg_status status = fg_trial_leave(t, t->stage->flush(t->self), BIT(FG_OK) | ANY_FAILURE);
    t->at.phase = PHASE_OVER;
    return status == FG_OK ? FG_DONE : status;
  }
  t->at.phase = PHASE_OVER;
  return FG_DONE;
}

fg_status fg_trial_begin(fg_trial *t, const fg_feed *feed) {
  group ports;
  fg_status status = FG_OK;
  while (status == FG_OK && find_group(t, feed, true, t->at.group, &ports)) status = fg_trial_step(t, feed);
  t->at.phase = PHASE_STREAMS;
  t->at.group = 0;
  return status;
}

fg_status fg_trial_finish(fg_trial *t, const fg_feed *feed) {
  fg_status status = FG_OK;
  while (status == FG_OK) status = fg_trial_step(t, feed);
  return status;
}

bool fg_trial_is_savable(const fg_trial *t) {
  return !t->spoken && (t->at.phase == PHASE_STREAMS || t->at.phase == PHASE_PRODUCE);
}
