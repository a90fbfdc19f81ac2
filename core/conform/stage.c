// stage.c — checks of what a stage says of itself: its descriptor beyond what the registry demands, parameters at
// their defaults and limits, formats.
#include "conform/checks.h"

#include "clock.h"
#include "words.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CREATE_BYTES ((size_t)16 << 20) // create and negotiate are called by `finegrain check`, too

#ifdef __GLIBC__
size_t fg_check_heap(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
#else
size_t fg_check_heap(void) { return 0; }
#endif

static int by_size(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

typedef struct one_round {
  void (*body)(void *arg);
  void *arg;
} one_round;

static void *run_round(void *arg) {
  const one_round *r = arg;
  r->body(r->arg);
  return NULL;
}

/// Bytes allocated after a round in a thread of its own, whose end empties what the allocator keeps for a thread.
static size_t heap_after(one_round *r) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_round, r) != 0) abort();
  pthread_join(thread, NULL);
  return fg_check_heap();
}

void fg_check_leaks(const fg_case *c, void (*round)(void *arg), void *arg, const char *after) {
  enum { WARM = 4, LEAST = 5, MOST = 17 };
  one_round r = {round, arg};
  int64_t growth[MOST];
  const double start = fg_clock_now();
  size_t before = 0;
  for (int i = 0; i < WARM; i++) before = heap_after(&r);
  if (!before) fg_case_skipped(c, "this build does not count memory");
  int count = 0;
  int64_t total = 0;
  while (count < LEAST || (count < MOST && fg_clock_now() - start < c->options->seconds / 10)) {
    const size_t now = heap_after(&r);
    growth[count] = (int64_t)now - (int64_t)before;
    total += growth[count++];
    before = now;
  }
  qsort(growth, (size_t)count, sizeof *growth, by_size);
  const int64_t usual = growth[count / 2];
  if (usual > 0 && total > usual * count / 2)
    fg_case_failed(c, "%" PRId64 " byte(s) are still allocated after each %s", total / count, after);
}

// --- the descriptor -------------------------------------------------------------------------------------------------

static bool is_blank(const char *text) { return !text || !text[strspn(text, " \t\n")]; }

static bool is_number(const fg_param *param) {
  return param->type == FG_PARAM_INTEGER || param->type == FG_PARAM_REAL || param->type == FG_PARAM_INTEGER_LIST ||
         param->type == FG_PARAM_REAL_LIST;
}

static void check_ports(const fg_case *c, const fg_port *const *ports, bool output) {
  const char *side = output ? "output" : "input";
  const uint32_t known_flags =
      output ? 0 : FG_PORT_FIRST | FG_PORT_PAIRED | FG_PORT_REPLAY | FG_PORT_MANY | FG_PORT_OPTIONAL;
  const uint32_t known_elements = 1u << FG_SPIN1 | 1u << FG_STATE8 | 1u << FG_FIELD32;
  for (uint32_t p = 0; ports[p]; p++) {
    const fg_port *port = ports[p];
    if (is_blank(port->doc)) fg_case_failed(c, "%s port '%s' has no doc; one sentence is asked for", side, port->name);
    if (port->flags & ~known_flags)
      fg_case_failed(c, "%s port '%s' has flags 0x%x that mean nothing there", side, port->name,
                     port->flags & ~known_flags);
    if (port->elements & ~known_elements)
      fg_case_failed(c, "%s port '%s' has elements 0x%x that nobody knows; they are bits 1 << FG_SPIN1 and so on", side,
                     port->name, port->elements & ~known_elements);
    if ((port->flags & FG_PORT_PAIRED) && !(port->kinds & FG_BATCH))
      fg_case_failed(c, "input port '%s' is paired, but takes no configurations", port->name);
  }
}

static void check_descriptor(fg_case *c, uint32_t variant) {
  (void)variant;
  const fg_stage *stage = &c->entry->stage;
  uint32_t params = 0;
  if (is_blank(stage->summary) || strchr(stage->summary, '\n')) fg_case_failed(c, "its summary is no line of text");
  if (is_blank(stage->doc)) fg_case_failed(c, "it has no doc; say what it computes, its source, its limits");
  if (stage->flags & ~(uint32_t)FG_STAGE_SLABS) fg_case_failed(c, "it has the unknown flags 0x%x", stage->flags);
  if (!stage->inputs[0] && !stage->produce && !stage->flush)
    fg_case_failed(c, "it has neither inputs nor produce nor flush: it does nothing");
  for (; stage->params[params]; params++) {
    const fg_param *param = stage->params[params];
    if (is_number(param) && is_blank(param->unit))
      fg_case_failed(c, "parameter '%s' is a number without a unit; pure numbers have \"1\"", param->name);
    for (size_t other = 0; param->type == FG_PARAM_CHOICE && param->choices[other]; other++)
      if (is_blank(param->choices[other])) fg_case_failed(c, "parameter '%s' has an empty choice", param->name);
  }
  check_ports(c, stage->inputs, false);
  check_ports(c, stage->outputs, true);
  uint32_t inputs = 0, outputs = 0;
  while (stage->inputs[inputs]) inputs++;
  while (stage->outputs[outputs]) outputs++;
  fg_case_note(c, "%" PRIu32 " parameter(s), %" PRIu32 " input(s), %" PRIu32 " output(s); license %s", params, inputs,
               outputs, c->entry->file->plugin.license ? c->entry->file->plugin.license : "unknown");
}

// --- parameters -----------------------------------------------------------------------------------------------------

/// A parameter for which nothing plausible can be known.
static const char *open_ended(const fg_case *c) {
  for (size_t i = 0; c->entry->stage.params[i]; i++) {
    const fg_param *param = c->entry->stage.params[i];
    bool given = false;
    for (size_t s = 0; s < c->options->set_count; s++)
      given |= strncmp(c->options->sets[s], param->name, strlen(param->name)) == 0 &&
               c->options->sets[s][strlen(param->name)] == '=';
    if (!param->def && !given && (param->type == FG_PARAM_PATH || param->type == FG_PARAM_TEXT)) return param->name;
  }
  return NULL;
}

/// A source may find out late that a file is none of its.
static bool reads_file(const fg_case *c) { return open_ended(c) && !c->entry->stage.inputs[0]; }

static bool lives(fg_trial *t) {
  const fg_feed nothing = {0};
  return fg_trial_negotiate(t, &nothing) == FG_OK && fg_trial_finish(t, &nothing) >= FG_OK;
}

static void check_create(fg_case *c, uint32_t variant) {
  (void)variant;
  const fg_trial_options usual = {.seed = 1, .threads = 1};
  char reason[1024] = "", params[512];
  fg_memory_watch(c);
  for (c->findings.values = 0; c->findings.values < FG_TRIAL_VALUES; c->findings.values++) {
    fg_trial first, second;
    bool made = fg_trial_open(&first, c, &usual);
    bool taken = made && first.self && (!reads_file(c) || lives(&first));
    if (!taken && !reason[0]) snprintf(reason, sizeof reason, "%s", first.reason);
    if (taken && (!fg_trial_open(&second, c, &usual) || !second.self))
      fg_case_failed(c, "a second instance of the same parameters is refused: %s", second.reason);
    if (taken) fg_case_note(c, "%s", fg_trial_params(&first, params, sizeof params));
    if (made) fg_trial_close(&first);
    if (taken) fg_trial_close(&second);
    fg_memory_forget();
    c->verdict->findings.values = c->findings.values;
    if (taken) return;
  }
  const char *unknown = open_ended(c);
  if (unknown) fg_case_skipped(c, "nothing tried for '%s' will do; give --set %s=VALUE: %s", unknown, unknown, reason);
  fg_case_failed(c, "refuses its defaults: %s", reason);
}

/// Which parameter a variant is about, and which of its extreme values; false when there are no more.
static bool find_extreme(const fg_case *c, uint32_t variant, const fg_param **param, char *text, size_t size) {
  for (size_t i = 0; c->entry->stage.params[i]; i++) {
    *param = c->entry->stage.params[i];
    for (uint32_t index = 0; fg_trial_extreme(*param, index, text, size); index++)
      if (variant-- == 0) return true;
  }
  return false;
}

static bool name_extreme(const fg_case *c, uint32_t variant, char *name, size_t size) {
  const fg_param *param;
  char text[512];
  if (!find_extreme(c, variant, &param, text, sizeof text)) return false;
  snprintf(name, size, "%s=%.24s", param->name, text);
  return true;
}

static void check_limit(fg_case *c, uint32_t variant) {
  const fg_param *param;
  char text[512], bytes[FG_WORDS];
  if (!find_extreme(c, variant, &param, text, sizeof text)) return;
  const fg_trial_options options = {.seed = 1, .threads = 1, .param = param->name, .value = text};
  fg_memory_watch(c);
  const size_t before = fg_check_heap();
  fg_trial t;
  if (!fg_trial_open(&t, c, &options)) return; // the host refuses the value
  if (t.self) fg_trial_negotiate(&t, &c->findings.feed);
  const size_t after = fg_check_heap();
  if (after > before + MOST_CREATE_BYTES)
    fg_case_failed(c, "create and negotiate allocate %s; what a run needs is allocated when it has begun",
                   fg_bytes_text(after - before, bytes));
  fg_trial_close(&t);
}

// --- formats --------------------------------------------------------------------------------------------------------

/// Whether the stage negotiates; the reason why not in `reason`, "" when there is nothing to negotiate.
static bool negotiates(const fg_case *c, const fg_feed *feed, char *reason, size_t size) {
  const fg_trial_options usual = {.seed = 1, .threads = 1};
  fg_trial t;
  if (!fg_trial_open(&t, c, &usual) || !t.self) fg_case_failed(c, "refuses what it took before: %s", t.reason);
  bool taken = fg_trial_negotiate(&t, feed) == FG_OK;
  snprintf(reason, size, "%s", t.reason);
  fg_trial_close(&t);
  fg_memory_forget();
  return taken;
}

/// The first of all combinations that is taken; lattices last, so that as much as possible is connected.
static bool find_feed(const fg_case *c, fg_feed *feed, char *reason, size_t size) {
  const fg_stage *stage = &c->entry->stage;
  const bool batches = fg_feed_has_batches(stage, 1);
  const fg_feed most = {.unconnected = fg_feed_has_optional(stage) ? 2 : 1,
                        .model = fg_feed_has_models(stage) ? FG_FEED_MODELS : 1,
                        .pairing = fg_feed_has_batches(stage, 2) ? FG_FEED_PAIRINGS : 1,
                        .lattice = batches ? FG_FEED_LATTICES : 1,
                        .element = batches ? FG_FEED_ELEMENTS : 1};
  char why[1024];
  reason[0] = 0;
  for (feed->unconnected = 0; feed->unconnected < most.unconnected; feed->unconnected++)
    for (feed->model = 0; feed->model < most.model; feed->model++)
      for (feed->pairing = 0; feed->pairing < most.pairing; feed->pairing++)
        for (feed->lattice = 0; feed->lattice < most.lattice; feed->lattice++)
          for (feed->element = 0; feed->element < most.element; feed->element++) {
            if (negotiates(c, feed, why, sizeof why)) return true;
            if (!reason[0]) snprintf(reason, size, "%s", why);
          }
  return false;
}

static void check_formats(fg_case *c, uint32_t variant) {
  (void)variant;
  const fg_stage *stage = &c->entry->stage;
  fg_findings *found = &c->verdict->findings;
  char reason[1024], names[600] = "";
  fg_memory_watch(c);
  if (!find_feed(c, &c->findings.feed, reason, sizeof reason)) {
    if (!reason[0]) fg_case_skipped(c, "nothing to feed it with: there is no network to make a model of");
    fg_case_failed(c, "negotiate refuses everything it is offered, the first time with: %s", reason);
  }
  *found = c->findings;
  found->lattices = found->elements = 0;
  for (uint32_t i = 0; fg_feed_has_batches(stage, 1) && i < FG_FEED_LATTICES; i++) {
    fg_feed feed = c->findings.feed;
    feed.lattice = i;
    if (!negotiates(c, &feed, reason, sizeof reason)) continue;
    found->lattices |= UINT64_C(1) << i;
    size_t at = strlen(names);
    snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", fg_feed_lattice_name(i));
  }
  for (uint32_t e = 0; fg_feed_has_batches(stage, 1) && e < FG_FEED_ELEMENTS; e++) {
    fg_feed feed = c->findings.feed;
    feed.element = e;
    if (negotiates(c, &feed, reason, sizeof reason)) found->elements |= UINT64_C(1) << e;
  }
  if (fg_feed_has_optional(stage)) {
    fg_feed feed = c->findings.feed;
    feed.unconnected = !feed.unconnected;
    negotiates(c, &feed, reason, sizeof reason); // taken or refused, but with a reason
  }
  fg_case_note(c, "%s", names);
}

const fg_check fg_checks_of_stages[] = {
    {.name = "descriptor", .body = check_descriptor},
    {.name = "create", .body = check_create, .essential = true},
    {.name = "formats", .body = check_formats, .essential = true},
    {.name = "limits", .body = check_limit, .variant = name_extreme, .none = "has no parameters"},
    {0},
};
