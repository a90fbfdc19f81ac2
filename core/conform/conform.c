// conform.c — see conform.h. The order of the checks, and how they are told.
#include "conform/checks.h"

#include "conform/exports.h"
#include "finegrain/network.h"
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_WIDTH 17
#define MOST_LISTED 90u // bytes of a list of variants

/// All checks of one plugin.
typedef struct conform {
  fg_case at;
  FILE *out;
  unsigned ok, failed, skipped;
  const char *named;  ///< the plugin as the user named it
  const char *repeat; ///< "KIND/CHECK" or "KIND/CHECK:VARIANT"
  bool repeated;      ///< it was found
} conform;

// --- telling --------------------------------------------------------------------------------------------------------

static void tell(conform *all, fg_outcome outcome, const char *name, const char *detail) {
  const char *word = outcome == FG_OUTCOME_OK ? "ok" : outcome == FG_OUTCOME_SKIPPED ? "skipped" : "FAILED";
  if (outcome == FG_OUTCOME_OK) all->ok++;
  if (outcome == FG_OUTCOME_SKIPPED) all->skipped++;
  if (outcome == FG_OUTCOME_FAILED) all->failed++;
  fprintf(all->out, "%-8s %-*s%s%s\n", word, detail[0] ? NAME_WIDTH : 0, name, detail[0] ? " " : "", detail);
  fflush(all->out);
}

/// The way back to a failed case.
static void tell_repeat(const conform *all, const char *id) {
  fprintf(all->out, "         again: finegrain check-plugin %s", all->named);
  for (size_t s = 0; s < all->at.options->set_count; s++) fprintf(all->out, " --set '%s'", all->at.options->sets[s]);
  fprintf(all->out, " --repeat '%s'\n", id);
}

// --- cases ----------------------------------------------------------------------------------------------------------

static void case_id(const conform *all, const fg_check *check, const char *variant, char *id, size_t size) {
  snprintf(id, size, "%s/%s%s%s", all->at.entry ? all->at.entry->stage.kind : "file", check->name,
           variant[0] ? ":" : "", variant);
}

/// Runs a check that has no variants, or one of them. Only what the user wants repeated runs in this process.
static fg_outcome run_case(conform *all, const fg_check *check, uint32_t index, const char *variant, char *id,
                           size_t size) {
  case_id(all, check, variant, id, size);
  bool wanted = all->repeat && strcmp(all->repeat, id) == 0;
  all->at.here = wanted;
  all->repeated |= wanted;
  if (wanted) fprintf(all->out, "%s in process %ld\n", id, (long)getpid());
  fflush(all->out);
  fg_outcome outcome = fg_case_run(&all->at, check->body, index);
  if (wanted) fprintf(all->out, "ok       %s\n", all->at.verdict->detail);
  return outcome;
}

/// When one case is repeated the others of its stage are needed only for what they find out.
static bool is_wanted(const conform *all, const fg_check *check) {
  if (!all->repeat || check->essential) return true;
  char id[256];
  case_id(all, check, "", id, sizeof id);
  size_t length = strlen(id);
  return strncmp(all->repeat, id, length) == 0 && (!all->repeat[length] || all->repeat[length] == ':');
}

/// All variants of a check: one line when all pass, one for each that does not.
static bool run_variants(conform *all, const fg_check *check) {
  char variant[128], id[256], passed[800] = "";
  unsigned failed = 0, ok = 0, count = 0;
  for (uint32_t i = 0; check->variant(&all->at, i, variant, sizeof variant); i++) {
    case_id(all, check, variant, id, sizeof id);
    if (all->repeat && strcmp(all->repeat, id) != 0) continue;
    fg_outcome outcome = run_case(all, check, i, variant, id, sizeof id);
    count++;
    if (outcome == FG_OUTCOME_OK) {
      ok++;
      size_t at = strlen(passed);
      snprintf(passed + at, sizeof passed - at, "%s%s", at ? ", " : "", variant);
    }
    if (all->repeat || outcome == FG_OUTCOME_OK) continue;
    if (outcome == FG_OUTCOME_FAILED) failed++;
    char label[256];
    snprintf(label, sizeof label, "%s:%s", check->name, variant);
    tell(all, outcome, label, all->at.verdict->detail);
    if (outcome == FG_OUTCOME_FAILED) tell_repeat(all, id);
  }
  if (strlen(passed) > MOST_LISTED) snprintf(passed, sizeof passed, "%u cases", ok);
  if (!all->repeat && ok) tell(all, FG_OUTCOME_OK, check->name, passed);
  if (!all->repeat && !count) tell(all, FG_OUTCOME_SKIPPED, check->name, check->none);
  return failed == 0;
}

/// Whether it passed.
static bool run_check(conform *all, const fg_check *check) {
  char id[256];
  if (!is_wanted(all, check)) return true;
  if (check->variant) return run_variants(all, check);
  fg_outcome outcome = run_case(all, check, 0, "", id, sizeof id);
  if (outcome == FG_OUTCOME_OK) all->at.findings = all->at.verdict->findings;
  if (all->repeat) return outcome == FG_OUTCOME_OK;
  tell(all, outcome, check->name, all->at.verdict->detail);
  if (outcome == FG_OUTCOME_FAILED) tell_repeat(all, id);
  return outcome == FG_OUTCOME_OK;
}

/// A list of checks; false when an essential one did not pass, after which the others make no sense.
static bool run_checks(conform *all, const fg_check *checks) {
  for (const fg_check *check = checks; check->name && !all->repeated; check++)
    if (!run_check(all, check) && check->essential) return false;
  return true;
}

// --- the file -------------------------------------------------------------------------------------------------------

/// Loads everything there is and the plugin; what is wrong with the plugin, one line after the other, goes to `faults`.
static fg_registry *load(const fg_case *c, char *faults, size_t size) {
  char folder[PATH_MAX], prefix[PATH_MAX + 32], *text = NULL;
  size_t length = 0;
  snprintf(folder, sizeof folder, "%s/plugin", c->scratch);
  snprintf(prefix, sizeof prefix, "note: plugin %s ", c->file);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_registry *registry = fg_registry_load(folder, diagnostics);
  fg_registry_note_failures(registry, diagnostics);
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fg_diagnostics_print(diagnostics, out);
  fclose(out);
  fg_diagnostics_free(diagnostics);
  faults[0] = 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    if (!strstr(line, c->file)) continue;
    size_t at = strlen(faults);
    const char *what = strncmp(line, prefix, strlen(prefix)) == 0 ? line + strlen(prefix) : line;
    snprintf(faults + at, size - at, "%s%s", at ? "; " : "", what);
  }
  free(text);
  return registry;
}

/// Entries of the plugin itself: the first one from `from` on.
static const fg_kind_entry *entry_of(const fg_registry *registry, const char *file, size_t *from) {
  for (; *from < fg_registry_count(registry); ++*from) {
    const fg_kind_entry *entry = fg_registry_at(registry, *from);
    if (strcmp(entry->file->path, file) == 0) return entry;
  }
  return NULL;
}

static void check_load(fg_case *c, uint32_t variant) {
  (void)variant;
  char faults[900], kinds[600] = "";
  fg_case_doing(c, "load");
  fg_registry *registry = load(c, faults, sizeof faults);
  c->verdict->findings.loaded = true;
  if (faults[0]) fg_case_failed(c, "%s", faults);
  const fg_plugin *plugin = NULL;
  const fg_kind_entry *entry;
  for (size_t i = 0; (entry = entry_of(registry, c->file, &i)); i++) {
    size_t at = strlen(kinds);
    plugin = &entry->file->plugin;
    snprintf(kinds + at, sizeof kinds - at, "%s%s", at ? ", " : "", entry->stage.kind);
  }
  if (!plugin) fg_case_failed(c, "was not loaded");
  if (!plugin->name[0] || !plugin->version[0]) fg_case_failed(c, "its descriptor has an empty name or version");
  fg_case_note(c, "%s %s, ABI %u.%u: %s", plugin->name, plugin->version, plugin->abi_major, plugin->abi_minor, kinds);
}

static void check_exports(fg_case *c, uint32_t variant) {
  (void)variant;
  bool plugin;
  unsigned others;
  char names[600];
  fg_error error = {0};
  fg_case_doing(c, "the table of exported symbols");
  if (fg_exports_read(c->file, &plugin, &others, names, sizeof names, &error) != FG_OK)
    fg_case_failed(c, "%s", error.text);
  if (!plugin) fg_case_failed(c, "exports no symbol " FG_PLUGIN_SYMBOL);
  if (others)
    fg_case_failed(c, "exports %u other symbol(s): %s; build with -fvisibility=hidden, or with a version script",
                   others, names);
  fg_case_note(c, FG_PLUGIN_SYMBOL " and nothing else");
}

static const fg_check checks_of_files[] = {
    {.name = "exports", .body = check_exports},
    {.name = "load", .body = check_load, .essential = true},
    {0},
};

// --- the whole ------------------------------------------------------------------------------------------------------

/// Every --set must be of a parameter that some stage of the plugin has.
static bool know_sets(const conform *all) {
  const char *names[64];
  size_t count = 0;
  const fg_kind_entry *entry;
  for (size_t i = 0; (entry = entry_of(all->at.registry, all->at.file, &i)); i++)
    for (size_t p = 0; entry->stage.params[p] && count < 64; p++) names[count++] = entry->stage.params[p]->name;
  for (size_t s = 0; s < all->at.options->set_count; s++) {
    const char *set = all->at.options->sets[s];
    char key[128], hint[512];
    bool known = false;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(set, "="), set);
    for (size_t i = 0; i < count; i++) known |= strcmp(names[i], key) == 0;
    if (known && strchr(set, '=')) continue;
    if (known)
      fprintf(stderr, "finegrain check-plugin: --set %s: no value; write --set %s=VALUE\n", set, key);
    else
      fprintf(stderr, "finegrain check-plugin: --set %s: no stage of this plugin has a parameter '%s'%s\n", set, key,
              fg_suggest(hint, sizeof hint, key, names, count));
    return false;
  }
  return true;
}

static void check_stage(conform *all, const fg_kind_entry *entry) {
  all->at.entry = entry;
  all->at.findings = (fg_findings){0};
  if (!all->repeat) fprintf(all->out, "\n%s\n", entry->stage.kind);
  if (!run_checks(all, fg_checks_of_stages) || !run_checks(all, fg_checks_of_streams)) return;
  run_checks(all, fg_checks_of_mishaps);
  if (run_checks(all, fg_checks_of_networks)) run_checks(all, fg_checks_of_options);
}

/// The file's checks and those of its stages, once there is a scratch folder.
static int check_all(conform *all) {
  char faults[900];
  run_checks(all, checks_of_files);
  if (all->repeated) return FG_EXIT_DONE;
  if (!all->at.verdict->findings.loaded) return FG_EXIT_FAILED;
  all->at.registry = load(&all->at, faults, sizeof faults);
  bool known = know_sets(all);
  const fg_kind_entry *entry;
  for (size_t i = 0; known && !all->repeated && (entry = entry_of(all->at.registry, all->at.file, &i)); i++)
    check_stage(all, entry);
  if (all->repeat && !all->repeated && known)
    fprintf(stderr,
            "finegrain check-plugin: case '%s' was not reached, or there is none; without --repeat all are listed\n",
            all->repeat);
  fg_registry_free((fg_registry *)(uintptr_t)all->at.registry);
  if (!known || (all->repeat && !all->repeated)) return FG_EXIT_USAGE;
  if (all->repeat) return FG_EXIT_DONE;
  fprintf(all->out, "\n%u ok, %u failed, %u skipped\n", all->ok, all->failed, all->skipped);
  return all->failed ? FG_EXIT_FAILED : FG_EXIT_DONE;
}

/// Removes the scratch folder when this process and those of its cases have ended, in whatever way.
static void clean_up_later(const char *scratch) {
  int ends[2];
  char nothing;
  if (pipe(ends) != 0) return;
  if (fork() == 0) {
    for (int i = 0; i < 3; i++) close(i);
    close(ends[1]);
    signal(SIGINT, SIG_IGN); // which a terminal sends to all
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (read(ends[0], &nothing, 1) > 0) continue; // nobody writes: this waits for the other end to close
    fg_scratch_remove(scratch);
    _exit(0);
  }
  close(ends[0]);
}

int fg_conform(const char *file, const fg_conform_options *options, FILE *out) {
  char path[PATH_MAX], scratch[] = "/tmp/finegrain-check-XXXXXX", folder[PATH_MAX];
  fg_error error = {0};
  if (!realpath(file, path)) {
    fprintf(stderr, "finegrain check-plugin: error: %s: %s\n", file, strerror(errno));
    return FG_EXIT_FAILED;
  }
  if (!mkdtemp(scratch)) {
    fprintf(stderr, "finegrain check-plugin: error: %s cannot be made: %s\n", scratch, strerror(errno));
    return FG_EXIT_FAILED;
  }
  conform all = {.out = out, .named = file, .repeat = options->repeat};
  all.at = (fg_case){.file = path, .options = options, .scratch = scratch, .verdict = fg_verdict_new()};
  snprintf(folder, sizeof folder, "%s/plugin", scratch);
  int code = FG_EXIT_FAILED;
  clean_up_later(scratch);
  if (!options->repeat) fprintf(out, "%s\n", path);
  bool ready = mkdir(folder, 0700) == 0;
  snprintf(folder, sizeof folder, "%s/plugin/plugin.so", scratch); // found by its place, known by its real path
  ready = ready && symlink(path, folder) == 0;
  if (!ready)
    fprintf(stderr, "finegrain check-plugin: error: %s: %s\n", folder, strerror(errno));
  else if (fg_feed_write_files(scratch, &error) != FG_OK)
    fprintf(stderr, "finegrain check-plugin: error: %s\n", error.text);
  else
    code = check_all(&all);
  fg_scratch_remove(scratch);
  fg_verdict_free(all.at.verdict);
  return code;
}
