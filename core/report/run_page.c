// run_page.c — the report of a run: head, key figures, pictures, and where everything came from; the other sections
// are in observables.c, models.c, tables.c and timing.c.
#include "report/report.h"

#include "report/files.h"
#include "report/run_page.h"
#include "report/text.h"
#include "words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PICTURE_BYTES ((size_t)16 << 20) // of all pictures
#define MOST_KEYS 8u

void fg_html_time(FILE *out, const char *utc) {
  static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};
  unsigned year, month, day, hour, minute;
  // NOLINTNEXTLINE(cert-err34-c): all five must have been read
  if (sscanf(utc, "%4u-%2u-%2uT%2u:%2u", &year, &month, &day, &hour, &minute) == 5 && month >= 1 && month <= 12)
    fprintf(out, "%u %s %u, %02u:%02u UTC", day, months[month - 1], year, hour, minute);
  else
    fg_html_text(out, utc);
}

// ---- head

static const char *name_of(const fg_run_data *run) {
  const char *name = fg_json_text(run->manifest, "name"), *slash = strrchr(run->folder, '/');
  return *name ? name : slash && slash[1] ? slash + 1 : run->folder;
}

static void write_state(FILE *out, const fg_run_data *run) {
  const char *state = fg_json_text(run->status, "state");
  if (run->manifest)
    fputs("<li class=\"state done\">done</li>", out);
  else if (strcmp(state, "failed") == 0)
    fputs("<li class=\"state failed\">failed, unfinished</li>", out);
  else
    fputs("<li class=\"state open\">unfinished</li>", out);
}

static void write_head(fg_page *page, const fg_run_data *run) {
  FILE *out = page->out;
  char text[FG_WORDS];
  const json_t *from = run->manifest ? run->manifest : run->status;
  const json_t *seed = json_object_get(run->manifest, "seed"), *threads = json_object_get(run->manifest, "threads");
  fputs("<header>\n<p class=\"kicker\">finegrain run</p>\n<h1>", out);
  fg_html_text(out, name_of(run));
  fputs("</h1>\n<ul class=\"facts\">", out);
  write_state(out, run);
  if (seed) fprintf(out, "<li>seed <b>%" PRIu64 "</b></li>", (uint64_t)json_integer_value(seed));
  if (*fg_json_text(from, "started")) {
    fputs("<li>started <b>", out);
    fg_html_time(out, fg_json_text(from, "started"));
    fputs("</b></li>", out);
  }
  if (from) fprintf(out, "<li>took <b>%s</b></li>", fg_duration_text(fg_json_number(from, "seconds"), text));
  if (threads) fprintf(out, "<li>threads <b>%" PRId64 "</b></li>", (int64_t)json_integer_value(threads));
  fputs("</ul>\n", out);
  if (!run->manifest)
    fputs("<p class=\"note\">This run is unfinished: it goes on, or was interrupted, or failed. Shown is what it has "
          "left so far; tables and estimates are written when a run ends.</p>\n",
          out);
  for (size_t i = 0; i < run->fault_count; i++) {
    fputs("<p class=\"note\">", out);
    fg_html_text(out, run->faults[i]);
    fputs("</p>\n", out);
  }
  fg_page_contents(page);
  fputs("</header>\n<main>\n", out);
}

/// How far the stages of an unfinished run are.
static void write_progress(fg_page *page, const fg_run_data *run) {
  const json_t *stages = json_object_get(run->status, "stages");
  FILE *out = page->out;
  if (run->manifest || json_array_size(stages) == 0) return;
  fg_page_section(page, "progress", "Progress");
  fputs("<div class=\"box\"><table><thead><tr><th>stage</th><th>state</th><th class=\"r\">configurations</th>"
        "<th class=\"r\">of</th></tr></thead><tbody>\n",
        out);
  for (size_t i = 0; i < json_array_size(stages); i++) {
    const json_t *stage = json_array_get(stages, i);
    fputs("<tr><td>", out);
    fg_html_text(out, fg_json_text(stage, "stage"));
    fputs("</td><td>", out);
    fg_html_text(out, fg_json_text(stage, "state"));
    fprintf(out, "</td><td class=\"r\">%.0f</td><td class=\"r\">", fg_json_number(stage, "done"));
    if (fg_json_number(stage, "expected") > 0) fprintf(out, "%.0f", fg_json_number(stage, "expected"));
    fputs("</td></tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
}

// ---- key figures

/// Those that tell most about a critical lattice, in this order.
static const char *const keys[] = {"e", "gamma_over_nu", "chi", "U", "xi_over_L", "varE", "abs_m", "C"};
#define KEYS (sizeof keys / sizeof *keys)

/// A row at the largest size of the stage that has estimates at most sizes: of a dream, its last level.
static const fg_report_estimate *foremost(const fg_run_data *run) {
  const fg_report_estimate *best = NULL;
  size_t most = 0;
  for (size_t i = 0; i < run->estimate_count;) {
    const fg_report_estimate *largest = &run->estimates[i];
    size_t sizes = 0;
    const char *stage = largest->stage, *size = "";
    for (; i < run->estimate_count && strcmp(run->estimates[i].stage, stage) == 0; i++) {
      const fg_report_estimate *e = &run->estimates[i];
      sizes += strcmp(e->size, size) != 0;
      size = e->size;
      if (e->length > largest->length) largest = e;
    }
    if (sizes > most) {
      most = sizes;
      best = largest;
    }
  }
  return best;
}

static void write_key(FILE *out, const fg_report_estimate *e) {
  fputs("<div><dt>", out);
  fg_html_text(out, fg_observable_symbol(e->observable));
  fputs("</dt><dd>", out);
  fg_html_measured(out, e->value, e->error);
  fputs("<small>", out);
  if (isnan(e->exact)) {
    fputs("no exact value", out);
  } else {
    fputs("exact ", out);
    fg_html_exact(out, e->exact, e->value, e->error);
  }
  if (!isnan(e->residual)) {
    fputs(", ", out);
    fg_html_residual(out, e->residual);
    fputs(" σ", out);
  }
  fputs("</small></dd></div>\n", out);
}

static void write_keys(fg_page *page, const fg_run_data *run) {
  const fg_report_estimate *at = foremost(run);
  size_t written = 0;
  if (!at) return;
  fg_page_section(page, "key-figures", "Key figures");
  fputs("<p>Stage <code>", page->out);
  fg_html_text(page->out, at->stage);
  fputs("</code> at its largest size, <i>L</i> = ", page->out);
  fg_html_text(page->out, at->size);
  fprintf(page->out, ", from %" PRId64 " configurations.</p>\n<dl class=\"keys\">\n", at->n);
  for (int pass = 0; pass < 2 && written == 0; pass++) // when none of those is there, whatever is
    for (size_t k = 0; k < (pass ? 1 : KEYS); k++)
      for (size_t i = 0; i < run->estimate_count && written < MOST_KEYS; i++) {
        const fg_report_estimate *e = &run->estimates[i];
        if (strcmp(e->stage, at->stage) != 0 || strcmp(e->size, at->size) != 0 || e->level != at->level ||
            isnan(e->value) || (pass == 0 && strcmp(e->observable, keys[k]) != 0))
          continue;
        write_key(page->out, e);
        written++;
      }
  fputs("</dl>\n", page->out);
}

// ---- pictures

static bool is_png(const char *bytes, size_t length) {
  return length > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static void write_pictures(fg_page *page, const fg_run_data *run) {
  size_t total = 0, left_out = 0;
  bool begun = false;
  FILE *out = page->out;
  for (size_t i = 0; i < run->picture_count; i++) {
    size_t length = 0;
    fg_error ignored;
    char *bytes = fg_report_read(fg_arena_format(&page->arena, "%s/%s", run->folder, run->pictures[i]),
                                 MOST_PICTURE_BYTES, &length, &ignored);
    if (bytes && is_png(bytes, length) && total + length <= MOST_PICTURE_BYTES) {
      if (!begun) {
        fg_page_section(page, "pictures", "Pictures");
        fputs("<p>Configurations that <code>sink.snapshot</code> drew. Of a dream: its zoom, each lattice enlarged to "
              "the same height, from the start to the full lattice.</p>\n<div class=\"pictures\">\n",
              out);
      }
      begun = true;
      total += length;
      fputs("<figure><img alt=\"Picture of configurations: ", out);
      fg_html_text(out, run->pictures[i]);
      fputs("\" src=\"data:image/png;base64,", out);
      fg_html_base64(out, (const unsigned char *)bytes, length);
      fputs("\"><figcaption><code>", out);
      fg_html_text(out, run->pictures[i]);
      fputs("</code></figcaption></figure>\n", out);
    } else {
      left_out++;
    }
    free(bytes);
  }
  if (begun) fputs("</div>\n", out);
  if (begun && left_out)
    fprintf(out, "<p class=\"note\">%zu further pictures are in the run's folder.</p>\n", left_out);
}

// ---- provenance

static void write_fact(FILE *out, const char *what, const char *value) {
  if (!*value) return;
  fprintf(out, "<tr><th>%s</th><td class=\"long\">", what);
  fg_html_text(out, value);
  fputs("</td></tr>\n", out);
}

static void write_plugins(FILE *out, const json_t *plugins) {
  const char *kind;
  json_t *plugin;
  if (json_object_size(plugins) == 0) return;
  fputs("<h3>Plugins</h3>\n<div class=\"box\" role=\"region\" aria-label=\"Plugins\" tabindex=\"0\"><table><thead><tr>"
        "<th>kind</th><th>version</th><th>hash of the file</th><th>file</th></tr></thead><tbody>\n",
        out);
  json_object_foreach((json_t *)(uintptr_t)plugins, kind, plugin) {
    fputs("<tr><td>", out);
    fg_html_text(out, kind);
    fputs("</td><td>", out);
    fg_html_text(out, fg_json_text(plugin, "version"));
    fputs("</td><td><code>", out);
    fg_html_text(out, fg_json_text(plugin, "hash"));
    fputs("</code></td><td>", out);
    fg_html_text(out, fg_json_text(plugin, "file"));
    fputs("</td></tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
}

void fg_report_provenance(fg_page *page, const fg_run_data *run) {
  FILE *out = page->out;
  char text[FG_WORDS];
  fg_page_section(page, "provenance", "Provenance");
  fputs("<div class=\"box\"><table><tbody>\n", out);
  write_fact(out, "finegrain", fg_json_text(run->manifest, "finegrain"));
  write_fact(out, "pipeline hash", fg_json_text(run->manifest, "pipeline_hash"));
  write_fact(out, "machine", run->results.machine);
  write_fact(out, "started", fg_json_text(run->manifest ? run->manifest : run->status, "started"));
  if (run->manifest) write_fact(out, "wall time", fg_duration_text(fg_json_number(run->manifest, "seconds"), text));
  fputs("</tbody></table></div>\n", out);
  write_plugins(out, json_object_get(run->manifest, "plugins"));
  if (run->complaint_count) {
    fputs("<h3>Warnings and errors of the log</h3>\n<pre>", out);
    for (size_t i = 0; i < run->complaint_count; i++) {
      fg_html_text(out, run->complaints[i]);
      fputc('\n', out);
    }
    fputs("</pre>\n", out);
  }
  if (!run->pipeline) return;
  fputs(
      "<h3>To repeat this run</h3>\n<pre>finegrain run pipeline.yaml --out <i>another-folder</i></pre>\n"
      "<p>In the run's folder lies <code>pipeline.yaml</code>, with every parameter and the seed written out. The same "
      "build gives the same numbers, at any number of threads.</p>\n"
      "<details><summary>pipeline.yaml, as it was run</summary>\n<pre>",
      out);
  fg_html_text(out, run->pipeline);
  fputs("</pre></details>\n", out);
}

fg_status fg_report_run(const char *folder, fg_error *warning, fg_error *error) {
  fg_run_data run;
  fg_page *page = fg_page_new(folder);
  fg_run_data_read(folder, &page->arena, &run);
  write_head(page, &run);
  write_progress(page, &run);
  write_keys(page, &run);
  write_pictures(page, &run);
  fg_report_observables(page, &run);
  fg_report_scaling(page, &run);
  fg_report_correlations(page, &run);
  fg_report_curves(page, &run);
  fg_report_models(page, &run);
  fg_report_tables(page, &run);
  fg_report_timing(page, &run);
  fg_report_provenance(page, &run);
  const char *title = fg_arena_format(&page->arena, "%s — finegrain run", name_of(&run));
  fg_status status = fg_page_finish(page, title, warning, error);
  fg_run_data_clear(&run);
  fg_page_free(page);
  return status;
}
