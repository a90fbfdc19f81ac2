// new_plugin.c — finegrain new-plugin: a folder with a plugin that compiles, from the templates in
// examples/templates/. A template is a file as it will be, with NAME, KIND, PROGRAM and HEADERS in the place of words.
#include "command/command.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_TEMPLATE_BYTES ((size_t)64 << 10)
#define MOST_KIND_BYTES (sizeof((fg_format *)0)->network - 1)

static const char *const kinds[] = {"network", "sampler", "coarsen", "train", "generate", "estimate", "source", "sink"};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/// What stands for what in a template.
typedef struct words {
  const char *name, *kind;
  char program[PATH_MAX]; ///< this program
  char headers[PATH_MAX]; ///< folder of the headers it was built with; "" unknown
} words;

// --- where things are -----------------------------------------------------------------------------------------------

/// The templates: beside the program in the tree, in share/ once installed. False when there are none.
static bool find_templates(const char *program, char folder[PATH_MAX]) {
  static const char *const places[] = {"templates", "../share/finegrain/templates"};
  char path[PATH_MAX + 64];
  const char *slash = strrchr(program, '/');
  for (size_t i = 0; slash && i < 2; i++) {
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program, places[i]);
    if (realpath(path, folder)) return true;
  }
  return false;
}

/// The headers: those installed with the program, or those of the tree the templates lie in.
static void find_headers(const char *program, const char *templates, char folder[PATH_MAX]) {
  char path[PATH_MAX + 64], header[PATH_MAX + 128];
  const char *slash = strrchr(program, '/');
  for (int i = 0; i < 2; i++) {
    if (i == 0)
      snprintf(path, sizeof path, "%.*s/../include", slash ? (int)(slash - program) : 0, program);
    else
      snprintf(path, sizeof path, "%s/../../core/include", templates);
    snprintf(header, sizeof header, "%s/finegrain/finegrain.h", path);
    if (access(header, R_OK) == 0 && realpath(path, folder)) return;
  }
  folder[0] = 0;
}

// --- copying --------------------------------------------------------------------------------------------------------

/// Writes a text with the words in their places.
static void write_text(const char *text, const words *w, FILE *out) {
  const struct {
    const char *word, *text;
  } pairs[] = {{"NAME", w->name}, {"KIND", w->kind}, {"PROGRAM", w->program}, {"HEADERS", w->headers}};
  while (*text) {
    size_t i = 0;
    while (i < 4 && strncmp(text, pairs[i].word, strlen(pairs[i].word)) != 0) i++;
    if (i < 4)
      fputs(pairs[i].text, out);
    else
      fputc(*text, out);
    text += i < 4 ? strlen(pairs[i].word) : 1;
  }
}

/// A whole template; to be freed. NULL with a message.
static char *read_template(const char *path, fg_error *error) {
  FILE *file = fopen(path, "rb");
  char *text = calloc(1, MOST_TEMPLATE_BYTES + 1);
  if (!text) abort();
  size_t length = file ? fread(text, 1, MOST_TEMPLATE_BYTES + 1, file) : 0;
  bool sound = file && !ferror(file) && length <= MOST_TEMPLATE_BYTES;
  if (!sound) fg_error_set(error, "template %s cannot be read: %s", path, file ? "it is too large" : strerror(errno));
  if (file) fclose(file);
  if (sound) return text;
  free(text);
  return NULL;
}

static fg_status copy_file(const char *from, const char *to, const words *w, fg_error *error) {
  char *text = read_template(from, error);
  if (!text) return FG_FAILED;
  FILE *out = fopen(to, "wx");
  bool written = out != NULL;
  if (out) {
    write_text(text, w, out);
    written = !ferror(out);
    written &= fclose(out) == 0;
  }
  free(text);
  return written ? FG_OK : fg_error_set(error, "%s cannot be written: %s", to, strerror(errno));
}

static int is_template(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/// Copies every file of a folder of templates, and prints its name.
static fg_status copy_folder(const char *templates, const char *part, const char *out, const words *w,
                             fg_error *error) {
  char folder[PATH_MAX + 32];
  struct dirent **entries = NULL;
  snprintf(folder, sizeof folder, "%s/%s", templates, part);
  int count = scandir(folder, &entries, is_template, alphasort);
  fg_status status =
      count > 0 ? FG_OK
                : fg_error_set(error, "templates %s: %s", folder, count ? strerror(errno) : "the folder is empty");
  for (int i = 0; i < count; i++) {
    char *to = NULL, from[PATH_MAX + 320];
    size_t length = 0;
    FILE *path = open_memstream(&to, &length);
    if (!path) abort();
    fprintf(path, "%s/", out);
    write_text(entries[i]->d_name, w, path);
    fclose(path);
    snprintf(from, sizeof from, "%s/%s", folder, entries[i]->d_name);
    if (status == FG_OK) status = copy_file(from, to, w, error);
    if (status == FG_OK) printf("  %s\n", to);
    free(to);
    free(entries[i]);
  }
  free(entries);
  return status;
}

// --- the command ----------------------------------------------------------------------------------------------------

static int usage_error(void) {
  fputs("Try 'finegrain new-plugin --help'.\n", stderr);
  return FG_EXIT_USAGE;
}

/// [a-z][a-z0-9-]*, not too long to travel in a format.
static bool check_name(const words *w) {
  const char *name = w->name;
  if (name[0] < 'a' || name[0] > 'z' || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
    fprintf(stderr,
            "finegrain new-plugin: '%s' is no name for a plugin; write a small letter, then small letters, digits and "
            "dashes\n",
            name);
    return false;
  }
  if (strlen(w->kind) + 1 + strlen(name) <= MOST_KIND_BYTES) return true;
  fprintf(stderr, "finegrain new-plugin: '%s' is too long; %s.NAME has at most %zu bytes\n", name, w->kind,
          MOST_KIND_BYTES);
  return false;
}

static bool check_kind(const words *w) {
  char hint[512];
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (strcmp(kinds[i], w->kind) == 0) return true;
  fprintf(stderr, "finegrain new-plugin: unknown kind '%s'%s\n", w->kind,
          fg_suggest(hint, sizeof hint, w->kind, kinds, KIND_COUNT));
  return false;
}

/// Two plugins of one kind cannot be loaded together.
static bool check_free(const words *w) {
  char kind[512];
  snprintf(kind, sizeof kind, "%s.%s", w->kind, w->name);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_registry *registry = fg_registry_load(NULL, diagnostics);
  const fg_kind_entry *entry = fg_registry_find(registry, kind);
  if (entry)
    fprintf(stderr, "finegrain new-plugin: there is a plugin '%s' already (%s); choose another name\n", kind,
            entry->file->path);
  fg_registry_free(registry);
  fg_diagnostics_free(diagnostics);
  return entry == NULL;
}

static fg_status make_plugin(words *w, const char *out, fg_error *error) {
  char templates[PATH_MAX];
  bool empty;
  ssize_t length = readlink("/proc/self/exe", w->program, sizeof w->program - 1);
  w->program[length > 0 ? length : 0] = 0;
  if (!find_templates(w->program, templates))
    return fg_error_set(error, "there are no templates beside %s, nor in ../share/finegrain/templates", w->program);
  find_headers(w->program, templates, w->headers);
  if (fg_folder_empty(out, &empty, error) != FG_OK) return FG_FAILED;
  if (!empty) return fg_error_set(error, "the folder %s is not empty; choose another one with --out, or empty it", out);
  if (fg_folder_make(out, NULL, error) != FG_OK) return FG_FAILED;
  printf("%s.%s in %s:\n", w->kind, w->name, out);
  fg_status status = copy_folder(templates, "common", out, w, error);
  return status == FG_OK ? copy_folder(templates, w->kind, out, w, error) : status;
}

static int new_plugin_main(const fg_command *command, int argc, char **argv) {
  words *w = calloc(1, sizeof *w);
  if (!w) abort();
  const char *out = NULL;
  w->kind = kinds[0];
  const fg_option options[] = {{"--kind", FG_OPTION_TEXT, &w->kind}, {"--out", FG_OPTION_TEXT, &out}};
  int found = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, &w->name, 1, 1);
  int code = found == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  fg_error error = {0};
  if (found > 0) {
    if (!out) out = w->name;
    if (!check_kind(w) || !check_name(w) || !check_free(w))
      code = usage_error();
    else if (make_plugin(w, out, &error) == FG_OK) {
      printf("\nNext: cd %s && make && make test; README.md tells the rest.\n", out);
      code = FG_EXIT_DONE;
    } else {
      fprintf(stderr, "finegrain new-plugin: error: %s\n", error.text);
      code = FG_EXIT_FAILED;
    }
  }
  free(w);
  return code;
}

const fg_command fg_command_new_plugin = {
    "new-plugin",
    "write a plugin of your own, with a test, that compiles at once",
    "usage: finegrain new-plugin NAME [--kind KIND] [--out DIR]\n\n"
    "Writes the plugin KIND.NAME into DIR: one C file that does something small, a test, a Makefile and a pipeline that uses\n"
    "it. It needs the headers of finegrain and links nothing of it. NAME: small letters, digits and dashes.\n\n"
    "  --kind KIND  network (default), sampler, coarsen, train, generate, estimate, source or sink\n"
    "  --out DIR    the folder, which must be empty or not there (default: NAME)\n\n"
    "Exit: 0 done, 1 the folder or a file could not be written, 2 wrong usage.",
    new_plugin_main,
};
