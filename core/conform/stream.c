// stream.c — checks of what a stage does with what it is fed: any lattice it agreed to, cut in any way, on any
// number of threads, beside another instance.
#include "conform/checks.h"

#include "words.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define HELD_TOLERANCE ((uint64_t)2 << 20) // libraries keep something, too

void fg_check_open(fg_trial *t, const fg_case *c, const fg_trial_options *options, const fg_feed *feed) {
  if (!fg_trial_open(t, c, options) || (!t->self && !options->exhaust))
    fg_case_failed(c, "refuses what it took before: %s", t->reason);
  if (t->self && fg_trial_negotiate(t, feed) != FG_OK && !options->exhaust)
    fg_case_failed(c, "refuses what it took before: %s", t->reason);
}

void fg_check_live(fg_trial *t, const fg_case *c, const fg_trial_options *options, const fg_feed *feed) {
  fg_check_open(t, c, options, feed);
  if (fg_trial_finish(t, feed) < FG_OK) fg_case_failed(c, "fails on plain input: %s", t->reason);
}

void fg_check_same(const fg_trial *a, const fg_trial *b, const char *difference) {
  for (uint32_t p = 0; p < a->output_count; p++)
    if (a->outputs[p].exact != b->outputs[p].exact)
      fg_case_failed(a->of, "output '%s' is not the same %s", a->stage->outputs[p]->name, difference);
  if (a->written != b->written) fg_case_failed(a->of, "the files it writes are not the same %s", difference);
}

static const fg_trial_options usual = {.seed = 1, .threads = 1};

/// Configurations of all lattices that a port with them gets.
static uint64_t configurations_in(const fg_trial *t) {
  for (uint32_t p = 0; p < t->input_count; p++)
    if (t->inputs[p].kind == FG_BATCH) return (uint64_t)t->inputs[p].shape_count * FG_FEED_CONFIGURATIONS;
  return 0;
}

/// What the instance holds between two calls must be what it said it would at most.
static void check_run(fg_case *c, uint32_t variant) {
  (void)variant;
  char held_text[FG_WORDS], bound_text[FG_WORDS];
  fg_memory_watch(c);
  fg_trial t;
  fg_check_open(&t, c, &usual, &c->findings.feed);
  const size_t before = fg_check_heap();
  fg_status status = FG_OK;
  while (status == FG_OK) {
    status = fg_trial_step(&t, &c->findings.feed);
    const uint64_t now = fg_check_heap(), held = now > before ? now - before : 0;
    if (held > t.memory + HELD_TOLERANCE)
      fg_case_failed(c, "holds %s after %s and announced at most %s", fg_bytes_text(held, held_text), c->verdict->doing,
                     fg_bytes_text(t.memory, bound_text));
  }
  if (status != FG_DONE) fg_case_failed(c, "fails on plain input: %s", t.reason);
  uint64_t messages = 0, configurations = 0;
  for (uint32_t p = 0; p < t.output_count; p++) {
    messages += t.outputs[p].messages;
    configurations += t.outputs[p].configurations;
  }
  if (t.output_count && !messages) fg_case_failed(c, "has outputs, but emits nothing");
  fg_trial_close(&t);
  fg_case_note(c, "%" PRIu64 " call(s), %" PRIu64 " message(s) out, %" PRIu64 " configuration(s) among them",
               t.at.steps, messages, configurations);
}

// --- streams that end at once ---------------------------------------------------------------------------------------

static bool name_empty(const fg_case *c, uint32_t variant, char *name, size_t size) {
  const fg_stage *stage = &c->entry->stage;
  if (!stage->inputs[0] || variant > (fg_feed_has_models(stage) && fg_feed_has_batches(stage, 1))) return false;
  snprintf(name, size, "%s", variant ? "models-only" : "nothing");
  return true;
}

static void check_empty(fg_case *c, uint32_t variant) {
  const fg_trial_options options = {.seed = 1, .threads = 1, .no_streams = true, .no_models = variant == 0};
  fg_memory_watch(c);
  fg_trial t;
  fg_check_open(&t, c, &options, &c->findings.feed);
  fg_status status = fg_trial_finish(&t, &c->findings.feed);
  if (status < FG_OK) fg_case_note(c, "refused: %s", t.reason);
  fg_trial_close(&t);
}

// --- cuts -----------------------------------------------------------------------------------------------------------

static const struct {
  const char *name;
  uint32_t cut[3], count;
} cuts[] = {{"1", {1}, 1}, {"1-7-3", {1, 7, 3}, 3}, {"5-0-61", {5, 0, 61}, 3}};

static bool name_cut(const fg_case *c, uint32_t variant, char *name, size_t size) {
  if (!fg_feed_has_batches(&c->entry->stage, 1) || variant >= sizeof cuts / sizeof *cuts) return false;
  snprintf(name, size, "%s", cuts[variant].name);
  return true;
}

/// A stage that gives a configuration for each it takes must not look at batches. Others may: their input is cut by the
/// pipeline alone.
static void check_cut(fg_case *c, uint32_t variant) {
  fg_trial_options options = usual;
  options.cut = cuts[variant].cut;
  options.cut_count = cuts[variant].count;
  fg_memory_watch(c);
  fg_trial whole, cut;
  fg_check_live(&whole, c, &usual, &c->findings.feed);
  fg_check_live(&cut, c, &options, &c->findings.feed);
  for (uint32_t p = 0; p < whole.output_count; p++) {
    const fg_trial_output *a = &whole.outputs[p], *b = &cut.outputs[p];
    if (a->format.kind != FG_BATCH || a->configurations != configurations_in(&whole)) continue;
    if (a->content != b->content)
      fg_case_failed(c, "configurations of output '%s' depend on how the input is cut into batches",
                     whole.stage->outputs[p]->name);
  }
  fg_trial_close(&whole);
  fg_trial_close(&cut);
}

static void check_slabs(fg_case *c, uint32_t variant) {
  (void)variant;
  if (!(c->entry->stage.flags & FG_STAGE_SLABS)) fg_case_skipped(c, "takes no slabs");
  fg_trial_options options = usual;
  options.slabs = true;
  for (size_t p = 0; c->entry->stage.inputs[p]; p++)
    if (c->entry->stage.inputs[p]->flags & FG_PORT_PAIRED) fg_case_skipped(c, "paired ports get no slabs");
  fg_memory_watch(c);
  fg_trial whole, slabs;
  fg_check_live(&whole, c, &usual, &c->findings.feed);
  fg_check_live(&slabs, c, &options, &c->findings.feed);
  for (uint32_t p = 0; p < whole.output_count; p++)
    if (whole.outputs[p].format.kind == FG_BATCH && whole.outputs[p].content != slabs.outputs[p].content)
      fg_case_failed(c, "configurations of output '%s' are not the same when they come in slabs",
                     whole.stage->outputs[p]->name);
  fg_trial_close(&whole);
  fg_trial_close(&slabs);
}

// --- lattices and elements ------------------------------------------------------------------------------------------

/// The index of the variant-th bit of `set`, leaving out bit `base`; false when there is none.
static bool find_bit(uint64_t set, uint32_t base, uint32_t variant, uint32_t *found) {
  for (uint32_t i = 0; i < 64; i++) {
    if (!(set >> i & 1) || i == base || variant-- > 0) continue;
    *found = i;
    return true;
  }
  return false;
}

static bool name_lattice(const fg_case *c, uint32_t variant, char *name, size_t size) {
  uint32_t lattice;
  if (!find_bit(c->findings.lattices, c->findings.feed.lattice, variant, &lattice)) return false;
  snprintf(name, size, "%s", fg_feed_lattice_name(lattice));
  return true;
}

static bool name_element(const fg_case *c, uint32_t variant, char *name, size_t size) {
  uint32_t element;
  if (!find_bit(c->findings.elements, c->findings.feed.element, variant, &element)) return false;
  snprintf(name, size, "%s", fg_feed_element_name(element));
  return true;
}

/// A lattice may be too small for what is computed on it: then a reason is due.
static void live_or_refuse(fg_case *c, const fg_feed *feed) {
  fg_memory_watch(c);
  fg_trial t;
  fg_check_open(&t, c, &usual, feed);
  if (fg_trial_finish(&t, feed) < FG_OK) fg_case_note(c, "refused: %s", t.reason);
  fg_trial_close(&t);
}

static void check_lattice(fg_case *c, uint32_t variant) {
  fg_feed feed = c->findings.feed;
  if (find_bit(c->findings.lattices, feed.lattice, variant, &feed.lattice)) live_or_refuse(c, &feed);
}

static void check_element(fg_case *c, uint32_t variant) {
  fg_feed feed = c->findings.feed;
  if (find_bit(c->findings.elements, feed.element, variant, &feed.element)) live_or_refuse(c, &feed);
}

// --- the same seed gives the same -----------------------------------------------------------------------------------

/// What a thread lives.
typedef struct second_life {
  fg_trial *trial;
  const fg_case *c;
} second_life;

static void *live_again(void *arg) {
  const second_life *life = arg;
  fg_check_live(life->trial, life->c, &usual, &life->c->findings.feed);
  return NULL;
}

/// Twice the same, the second time with other bytes in memory that nobody has set; in a new thread, where the allocator
/// has kept nothing for itself that it would hand out as it is.
static void check_again(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_memory_watch(c);
  fg_trial first, second;
  fg_check_live(&first, c, &usual, &c->findings.feed);
#ifdef M_PERTURB
  mallopt(M_PERTURB, 0x5A);
#endif
  second_life life = {&second, c};
  pthread_t thread;
  if (pthread_create(&thread, NULL, live_again, &life) != 0) abort();
  pthread_join(thread, NULL);
  fg_check_same(&first, &second,
                "when the same is run again with the same seed (memory not set? a global variable? the time?)");
  fg_trial_close(&first);
  fg_trial_close(&second);
}

static void check_threads(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_trial_options several = usual, backward = usual;
  several.threads = 4;
  backward.backward = true;
  fg_memory_watch(c);
  fg_trial one, other, four;
  fg_check_live(&one, c, &usual, &c->findings.feed);
  fg_check_live(&other, c, &backward, &c->findings.feed);
  fg_check_same(&one, &other, "when parallel_for calls the last index first; let an index write only what is its own");
  fg_trial_close(&other);
  for (int attempt = 0; attempt < 3; attempt++) {
    fg_check_live(&four, c, &several, &c->findings.feed);
    fg_check_same(&one, &four, "on 1 thread and on 4; let an index of parallel_for write only what is its own");
    fg_trial_close(&four);
  }
  fg_trial_close(&one);
}

/// Two instances, a call of one and a call of the other in turn, against each of them alone.
static void check_instances(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_feed feeds[2] = {c->findings.feed, c->findings.feed};
  find_bit(c->findings.lattices, feeds[0].lattice, 0, &feeds[1].lattice);
  fg_trial_options options[2] = {usual, usual};
  options[1].seed = 2;
  fg_memory_watch(c);
  fg_trial alone[2], together[2];
  for (int i = 0; i < 2; i++) {
    fg_check_open(&alone[i], c, &options[i], &feeds[i]);
    fg_trial_finish(&alone[i], &feeds[i]); // the second lattice may be refused, the same way in both
  }
  fg_status status[2] = {FG_OK, FG_OK};
  for (int i = 0; i < 2; i++) fg_check_open(&together[i], c, &options[i], &feeds[i]);
  while (status[0] == FG_OK || status[1] == FG_OK)
    for (int i = 0; i < 2; i++)
      if (status[i] == FG_OK) status[i] = fg_trial_step(&together[i], &feeds[i]);
  for (int i = 0; i < 2; i++) {
    fg_check_same(&alone[i], &together[i], "when another instance runs beside it (a global variable?)");
    fg_trial_close(&alone[i]);
    fg_trial_close(&together[i]);
  }
}

const fg_check fg_checks_of_streams[] = {
    {.name = "run", .body = check_run, .essential = true},
    {.name = "empty", .body = check_empty, .variant = name_empty, .none = "takes no input"},
    {.name = "cuts", .body = check_cut, .variant = name_cut, .none = "takes no configurations"},
    {.name = "slabs", .body = check_slabs},
    {.name = "lattices", .body = check_lattice, .variant = name_lattice, .none = "takes no other lattices"},
    {.name = "elements", .body = check_element, .variant = name_element, .none = "takes no other elements"},
    {.name = "again", .body = check_again},
    {.name = "threads", .body = check_threads},
    {.name = "instances", .body = check_instances},
    {0},
};
