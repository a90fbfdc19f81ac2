// mishap.c — checks of what a stage does when something goes wrong or ends midway: emit fails, memory is out, the
// run is cancelled, saved and taken up again; and of what it leaves behind.
#include "conform/checks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TRIES 12u // places at which something goes wrong

static const fg_trial_options usual = {.seed = 1, .threads = 1};

/// Place number `index` of up to MOST_TRIES among 1 … count: the first ones, and the last; 0: no more.
static uint64_t place(uint64_t count, uint32_t index) {
  if (index + 1 < MOST_TRIES) return index < count ? index + 1 : 0;
  return index + 1 == MOST_TRIES && count >= MOST_TRIES ? count : 0;
}

/// A life that something ends midway. The instance must be destroyed cleanly; what was found is said as it is found.
static void live_shortly(const fg_case *c, const fg_trial_options *options) {
  fg_trial t;
  fg_check_open(&t, c, options, &c->findings.feed);
  fg_status status = t.self && !t.failed ? FG_OK : FG_FAILED;
  while (status == FG_OK) {
    bool last = options->cancel && t.at.steps + 1 == options->cancel;
    status = fg_trial_step(&t, &c->findings.feed);
    if (last) break;
  }
  fg_trial_close(&t);
  fg_memory_forget();
  atomic_store(&c->verdict->cancelled, 0);
}

/// How often a whole life does what may go wrong.
typedef struct tally {
  uint64_t emits, allocations, steps;
} tally;

static tally count_all(const fg_case *c) {
  fg_trial t;
  fg_check_live(&t, c, &usual, &c->findings.feed);
  tally counted = {t.emits, t.allocations, t.at.steps};
  fg_trial_close(&t);
  fg_memory_forget();
  return counted;
}

static void check_emit(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_memory_watch(c);
  const tally all = count_all(c);
  if (!all.emits) fg_case_skipped(c, "emits nothing");
  for (uint32_t i = 0; place(all.emits, i); i++) {
    fg_trial_options options = usual;
    options.refuse_emit = place(all.emits, i);
    options.emit_status = FG_CANCELLED;
    live_shortly(c, &options);
    options.emit_status = FG_FAILED;
    live_shortly(c, &options);
  }
  fg_case_note(c, "of %" PRIu64 " message(s)", all.emits);
}

static void check_memory(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_memory_watch(c);
  const tally all = count_all(c);
  if (!all.allocations) fg_case_skipped(c, "asks for no messages");
  for (uint32_t i = 0; place(all.allocations, i); i++) {
    fg_trial_options options = usual;
    options.exhaust = place(all.allocations, i);
    live_shortly(c, &options);
  }
}

static void check_cancel(fg_case *c, uint32_t variant) {
  (void)variant;
  fg_memory_watch(c);
  const tally all = count_all(c);
  for (uint32_t i = 0; place(all.steps, i); i++) {
    fg_trial_options options = usual;
    options.threads = i % 2 ? 2 : 1;
    options.cancel = place(all.steps, i);
    live_shortly(c, &options);
  }
}

// --- checkpoints ----------------------------------------------------------------------------------------------------

/// A state in memory.
typedef struct state {
  uint8_t *bytes;
  size_t count, read;
} state;

static fg_status write_state(const fg_writer *writer, const void *data, size_t bytes) {
  state *s = writer->impl;
  s->bytes = realloc(s->bytes, s->count + bytes + 1);
  if (!s->bytes) abort();
  memcpy(s->bytes + s->count, data, bytes);
  s->count += bytes;
  return FG_OK;
}

static fg_status read_state(const fg_reader *reader, void *data, size_t bytes) {
  state *s = reader->impl;
  if (bytes > s->count - s->read) return FG_FAILED;
  memcpy(data, s->bytes + s->read, bytes);
  s->read += bytes;
  return FG_OK;
}

/// A new instance that has read its `first` ports; what it then makes of a state.
static fg_status take_up(fg_trial *t, const fg_case *c, state *s) {
  const fg_reader reader = {.size = sizeof reader, .impl = s, .read = read_state};
  fg_check_open(t, c, &usual, &c->findings.feed);
  if (fg_trial_begin(t, &c->findings.feed) != FG_OK) fg_case_failed(c, "fails on plain input: %s", t->reason);
  fg_case_doing(c, "restore of %zu byte(s)", s->count);
  fg_trial_enter(t, "restore");
  s->read = 0;
  return fg_trial_leave(t, t->stage->restore(t->self, &reader), 1u << (FG_OK + 2) | 1u << (FG_FAILED + 2));
}

/// States that are none: cut off, or of other bytes. Those may be taken for one, but nothing may break.
static void offer_rubbish(const fg_case *c, const state *sound) {
  const size_t lengths[] = {0, sound->count / 2, sound->count - 1};
  fg_trial t;
  for (size_t i = 0; i < 3 && sound->count; i++) {
    state cut = {sound->bytes, lengths[i], 0};
    if (take_up(&t, c, &cut) != FG_FAILED)
      fg_case_failed(c, "restore takes %zu byte(s) of a state of %zu for a whole one", cut.count, sound->count);
    fg_trial_close(&t);
    fg_memory_forget();
  }
  state other = {malloc(sound->count + 1), sound->count, 0};
  if (!other.bytes) abort();
  memset(other.bytes, 0xFF, sound->count);
  take_up(&t, c, &other);
  fg_trial_close(&t);
  fg_memory_forget();
  free(other.bytes);
}

/// What came out of a life so far, after the instance is gone; to be freed.
static fg_trial_output *keep_outputs(const fg_trial *t) {
  fg_trial_output *kept = calloc(t->output_count + 1, sizeof *kept);
  if (!kept) abort();
  memcpy(kept, t->outputs, t->output_count * sizeof *kept);
  return kept;
}

/// Another instance goes on from a state, at `at` with `sent` sent; what comes out of both must be what is `expected`.
static void go_on(const fg_case *c, state *s, const fg_trial_position *at, const fg_trial_output *sent,
                  const fg_trial_output *expected) {
  fg_trial t;
  if (take_up(&t, c, s) != FG_OK) fg_case_failed(c, "restore refuses what save has written: %s", t.reason);
  if (s->read != s->count)
    fg_case_failed(c, "restore reads %zu byte(s) of the %zu that save has written", s->read, s->count);
  t.at = *at;
  memcpy(t.outputs, sent, t.output_count * sizeof *sent);
  if (fg_trial_finish(&t, &c->findings.feed) < FG_OK) fg_case_failed(c, "fails after restore: %s", t.reason);
  for (uint32_t p = 0; p < t.output_count; p++)
    if (t.outputs[p].exact != expected[p].exact)
      fg_case_failed(c,
                     "output '%s' is not the same when the stage is saved after %" PRIu64 " step(s) and taken up again",
                     t.stage->outputs[p]->name, at->steps);
  fg_trial_close(&t);
  fg_memory_forget();
}

/// Stops a life after `steps` steps behind the `first` ports, and goes on from its state. False: it was over before, or
/// had said something that cannot be taken back.
static bool save_after(const fg_case *c, uint64_t steps, const fg_trial_output *expected) {
  const fg_feed *feed = &c->findings.feed;
  state s = {0};
  const fg_writer writer = {.size = sizeof writer, .impl = &s, .write = write_state};
  fg_trial t;
  fg_check_open(&t, c, &usual, feed);
  if (fg_trial_begin(&t, feed) != FG_OK) fg_case_failed(c, "fails on plain input: %s", t.reason);
  fg_status status = FG_OK;
  for (uint64_t i = 0; i < steps && status == FG_OK; i++) status = fg_trial_step(&t, feed);
  bool savable = status == FG_OK && fg_trial_is_savable(&t);
  if (savable) {
    fg_case_doing(c, "save after %" PRIu64 " step(s)", steps);
    if (t.stage->save(t.self, &writer) != FG_OK) fg_case_skipped(c, "save says that this state cannot be saved");
  }
  fg_trial_output *sent = keep_outputs(&t);
  const fg_trial_position at = t.at;
  fg_trial_close(&t);
  fg_memory_forget();
  if (savable) {
    go_on(c, &s, &at, sent, expected);
    if (steps < 2) offer_rubbish(c, &s);
  }
  free(sent);
  free(s.bytes);
  return savable;
}

static void check_save(fg_case *c, uint32_t variant) {
  (void)variant;
  if (!c->entry->stage.save) fg_case_skipped(c, "offers no save and restore");
  fg_memory_watch(c);
  fg_trial t;
  fg_check_live(&t, c, &usual, &c->findings.feed);
  fg_trial_output *expected = keep_outputs(&t);
  fg_trial_close(&t);
  fg_memory_forget();
  uint64_t saved = 0;
  while (saved < MOST_TRIES && save_after(c, saved, expected)) saved++;
  free(expected);
  fg_case_note(c, "after 0 to %" PRIu64 " step(s)", saved ? saved - 1 : 0);
}

// --- what is left behind --------------------------------------------------------------------------------------------

enum { LEAKS_OF_CREATE, LEAKS_OF_RUN, LEAKS_OF_CANCELLED, LEAKS };

static bool name_leaks(const fg_case *c, uint32_t variant, char *name, size_t size) {
  static const char *const names[LEAKS] = {"create", "run", "cancelled"};
  (void)c;
  if (variant >= LEAKS) return false;
  snprintf(name, size, "%s", names[variant]);
  return true;
}

/// A life of one of these kinds.
typedef struct round_trip {
  const fg_case *c;
  uint32_t variant;
} round_trip;

static void live_once(void *arg) {
  const round_trip *r = arg;
  fg_trial_options options = usual;
  options.cancel = 2;
  if (r->variant == LEAKS_OF_CANCELLED) {
    live_shortly(r->c, &options);
    return;
  }
  fg_trial t;
  if (r->variant == LEAKS_OF_CREATE)
    fg_check_open(&t, r->c, &usual, &r->c->findings.feed);
  else
    fg_check_live(&t, r->c, &usual, &r->c->findings.feed);
  fg_trial_close(&t);
  fg_memory_forget();
}

static void check_leaks(fg_case *c, uint32_t variant) {
  round_trip r = {c, variant};
  fg_memory_watch(c);
  fg_check_leaks(c, live_once, &r, "destroy");
}

const fg_check fg_checks_of_mishaps[] = {
    {.name = "emit-fails", .body = check_emit},
    {.name = "no-memory", .body = check_memory},
    {.name = "cancel", .body = check_cancel},
    {.name = "save", .body = check_save},
    {.name = "leaks", .body = check_leaks, .variant = name_leaks},
    {0},
};
