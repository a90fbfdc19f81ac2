// sweep_page.c — the report of a sweep: head, points, arms, failures and where everything came from; the figures are in
// sweep_figures.c.
#include "report/sweep_page.h"

#include "report/files.h"
#include "report/report.h"
#include "report/text.h"
#include "sweep/value.h"
#include "words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINKED 4000u // points; of more, only numbers are shown
#define MOST_SQUARES ((size_t)20000)
#define MOST_GROUPS 60u
#define MOST_ARMS 400u
#define MOST_FAILURES 50u
#define MOST_MANIFESTS 100u // that are looked into for versions of plugins
#define MOST_PIPELINE ((size_t)4 << 20)
#define COMPARED 8u // metrics whose single values are read

/// How a state is drawn: a sign, so that colour alone says nothing.
static const struct look {
  const char *sign, *class;
} looks[FG_POINT_STATES] = {
    [FG_POINT_MISSING] = {"○", "soft"}, [FG_POINT_INTERRUPTED] = {"◌", "open"}, [FG_POINT_RUNNING] = {"◐", "open"},
    [FG_POINT_DONE] = {"●", "done"},    [FG_POINT_STALE] = {"◍", "open"},       [FG_POINT_FAILED] = {"✕", "failed"},
};

// ---- head

static void write_head(fg_page *page, const fg_sweep_data *sweep) {
  const fg_sweep_plan *plan = sweep->plan;
  FILE *out = page->out;
  char text[FG_WORDS];
  double seconds = 0;
  for (size_t i = 0; i < plan->count; i++)
    if (sweep->points[i].state == FG_POINT_DONE) seconds += sweep->points[i].seconds;
  fputs("<header>\n<p class=\"kicker\">finegrain sweep</p>\n<h1>", out);
  fg_html_text(out, plan->name);
  bool complete = sweep->states[FG_POINT_DONE] == plan->count;
  fprintf(out, "</h1>\n<ul class=\"facts\"><li class=\"state %s\">%s</li>",
          complete                         ? "done"
          : sweep->states[FG_POINT_FAILED] ? "failed"
                                           : "open",
          complete ? "done" : "incomplete");
  fprintf(out, "<li>points <b>%zu</b></li><li>arms <b>%zu</b></li><li>replicas <b>%" PRIu32 "</b></li>", plan->count,
          sweep->arm_count, plan->replicas);
  fprintf(out, "<li>seed <b>%" PRIu64 "</b></li><li>wall time of all runs <b>%s</b></li></ul>\n", plan->seed,
          fg_duration_text(seconds, text));
  for (size_t i = 0; i < sweep->fault_count; i++) {
    fputs("<p class=\"note\">", out);
    fg_html_text(out, sweep->faults[i]);
    fputs("</p>\n", out);
  }
  fg_page_contents(page);
  fputs("</header>\n<main>\n", out);
}

// ---- points

static void write_legend(FILE *out, const fg_sweep_data *sweep) {
  fputs("<ul class=\"legend\">", out);
  for (size_t s = FG_POINT_STATES; s-- > 0;)
    if (sweep->states[s])
      fprintf(out, "<li><span class=\"%s\">%s</span> %zu %s</li>", looks[s].class, looks[s].sign, sweep->states[s],
              fg_point_word((fg_point_state)s));
  fputs("</ul>\n", out);
}

static void write_value(FILE *out, const char *value) {
  char words[1024], text[256];
  if (!*value) value = "(as in the file)";
  fg_text_shorten(text, sizeof text, fg_sweep_value_text(value, words, sizeof words), 60);
  bool cut = strcmp(text, value) != 0;
  if (cut) {
    fputs("<span title=\"", out);
    fg_html_text(out, value);
    fputs("\">", out);
  }
  fg_html_text(out, text);
  if (cut) fputs("</span>", out);
}

/// A sign that leads to the point's run, or to what its last attempt said. Ids are hexadecimal: the plan is checked.
static void write_point(FILE *out, const fg_sweep_data *sweep, size_t i) {
  const fg_sweep_entry *entry = &sweep->plan->entries[i];
  const fg_report_point *point = &sweep->points[i];
  const struct look *look = &looks[point->state];
  bool done = point->state == FG_POINT_DONE || point->state == FG_POINT_STALE, linked = done || point->attempt > 0;
  if (done)
    fprintf(out, "<a href=\"points/%s/run/report.html\" ", entry->id);
  else if (linked)
    fprintf(out, "<a href=\"points/%s/attempts/%" PRIu32 ".log\" ", entry->id, point->attempt);
  else
    fputs("<span ", out);
  fprintf(out, "class=\"%s\" title=\"%s, replica %" PRIu32 ", %s\">%s</%s>", look->class, entry->id, entry->replica,
          fg_point_word(point->state), look->sign, linked ? "a" : "span");
}

static void write_square(FILE *out, const fg_sweep_data *sweep, size_t arm) {
  fputs("<td>", out);
  if (arm != FG_NO_ARM && sweep->plan->count > MOST_LINKED) {
    const fg_report_arm *a = &sweep->arms[arm];
    fprintf(out, "<span class=\"%s\">%zu/%zu</span>", a->done == a->points ? "done" : "open", a->done, a->points);
  } else if (arm != FG_NO_ARM) {
    for (size_t i = sweep->arms[arm].first; i < sweep->plan->count; i = sweep->points[i].next)
      write_point(out, sweep, i);
  }
  fputs("</td>", out);
}

/// The values an axis takes, in order of arrival; index_of[arm] is each arm's.
typedef struct axis {
  const char **values;
  size_t count;
  size_t *index_of;
} axis;

/// The columns that tell arms apart, but for `skip` of them.
static axis axis_of(fg_page *page, const fg_sweep_data *sweep, size_t skip, size_t count) {
  axis a = {.index_of = fg_arena_take(&page->arena, sweep->arm_count, sizeof *a.index_of)};
  json_t *index = json_object();
  if (!index) abort();
  for (size_t arm = 0; arm < sweep->arm_count; arm++) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) abort();
    for (size_t t = skip; t < skip + count && t < sweep->telling_count; t++) {
      const size_t c = sweep->telling[t];
      const char *value = sweep->arms[arm].values[c];
      if (count > 1) fprintf(out, "%s%s = ", t > skip ? ", " : "", sweep->plan->columns[c]);
      fputs(*value ? value : "(as in the file)", out);
    }
    fclose(out);
    const json_t *found = json_object_get(index, text);
    if (!found) {
      a.values = fg_arena_grow(&page->arena, (void *)a.values, a.count, sizeof *a.values);
      a.values[a.count] = fg_arena_text(&page->arena, text);
      json_object_set_new_nocheck(index, text, json_integer((json_int_t)a.count++));
      found = json_object_get(index, text);
    }
    a.index_of[arm] = (size_t)json_integer_value(found);
    free(text);
  }
  json_decref(index);
  return a;
}

/// A table of signs: the first axis down, the second across.
static void write_matrix(FILE *out, const fg_sweep_data *sweep, const axis *down, const axis *across,
                         const size_t *squares) {
  const fg_sweep_plan *plan = sweep->plan;
  fputs(
      "<div class=\"box\" role=\"region\" aria-label=\"Points\" tabindex=\"0\"><table class=\"matrix\"><thead><tr><th>",
      out);
  fg_html_text(out, sweep->telling_count > 0 ? plan->columns[sweep->telling[0]] : "");
  if (sweep->telling_count > 1) {
    fputs(" <span class=\"soft\">↓</span>&ensp;", out);
    fg_html_text(out, plan->columns[sweep->telling[1]]);
    fputs(" <span class=\"soft\">→</span>", out);
  }
  fputs("</th>", out);
  for (size_t x = 0; x < across->count; x++) {
    fputs("<th class=\"c\">", out);
    if (sweep->telling_count > 1)
      write_value(out, across->values[x]);
    else
      fputs("replicas", out);
    fputs("</th>", out);
  }
  fputs("</tr></thead><tbody>\n", out);
  for (size_t y = 0; y < down->count; y++) {
    fputs("<tr><th>", out);
    write_value(out, down->values[y]);
    fputs("</th>", out);
    for (size_t x = 0; x < across->count; x++) write_square(out, sweep, squares[y * across->count + x]);
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
}

static void write_points(fg_page *page, const fg_sweep_data *sweep) {
  FILE *out = page->out;
  size_t columns = sweep->telling_count;
  axis down = axis_of(page, sweep, 0, 1), across = axis_of(page, sweep, 1, 1);
  axis group = axis_of(page, sweep, 2, columns > 2 ? columns - 2 : 0);
  fg_page_section(page, "points", "Points");
  write_legend(out, sweep);
  size_t squares = down.count * across.count, groups = group.count < MOST_GROUPS ? group.count : MOST_GROUPS;
  if (down.count > MOST_SQUARES || across.count > MOST_SQUARES || squares > MOST_SQUARES / (groups ? groups : 1)) {
    fputs("<p class=\"note\">There are too many combinations for a table of them; <code>points.csv</code> has every "
          "point.</p>\n",
          out);
    return;
  }
  size_t *arm_of = fg_arena_take(&page->arena, squares * groups, sizeof *arm_of);
  for (size_t i = 0; i < squares * groups; i++) arm_of[i] = FG_NO_ARM;
  for (size_t a = 0; a < sweep->arm_count; a++)
    if (group.index_of[a] < groups)
      arm_of[group.index_of[a] * squares + down.index_of[a] * across.count + across.index_of[a]] = a;
  for (size_t g = 0; g < groups; g++) {
    if (columns > 2) {
      fputs("<h3>", out);
      if (columns == 3) {
        fg_html_text(out, sweep->plan->columns[sweep->telling[2]]);
        fputs(" = ", out);
      }
      write_value(out, group.values[g]);
      fputs("</h3>\n", out);
    }
    write_matrix(out, sweep, &down, &across, arm_of + g * squares);
  }
  if (groups < group.count)
    fprintf(out,
            "<p class=\"note\">%zu further combinations of the other axes are not shown; <code>points.csv</code> has "
            "every point.</p>\n",
            group.count - groups);
}

// ---- arms

static void write_arms(fg_page *page, const fg_sweep_data *sweep) {
  const fg_sweep_plan *plan = sweep->plan;
  FILE *out = page->out;
  size_t shown = sweep->arm_count < MOST_ARMS ? sweep->arm_count : MOST_ARMS;
  fprintf(out, "<details><summary>The %zu arms, by number</summary>\n", sweep->arm_count);
  fputs("<div class=\"box\" role=\"region\" aria-label=\"Arms\" tabindex=\"0\"><table><thead><tr>"
        "<th class=\"r\" aria-sort=\"none\"><button type=\"button\">arm</button></th>",
        out);
  for (size_t c = 0; c < plan->column_count; c++) {
    fputs("<th aria-sort=\"none\"><button type=\"button\">", out);
    fg_html_text(out, plan->columns[c]);
    fputs("</button></th>", out);
  }
  fputs("<th class=\"r\" aria-sort=\"none\"><button type=\"button\">done</button></th>"
        "<th class=\"r\" aria-sort=\"none\"><button type=\"button\">mean wall time</button></th></tr></thead><tbody>\n",
        out);
  for (size_t a = 0; a < shown; a++) {
    const fg_report_arm *arm = &sweep->arms[a];
    char text[FG_WORDS];
    fprintf(out, "<tr><td class=\"r\">%zu</td>", a + 1);
    for (size_t c = 0; c < plan->column_count; c++) {
      fputs("<td>", out);
      write_value(out, arm->values[c]);
      fputs("</td>", out);
    }
    fprintf(out, "<td class=\"r\" data-v=\"%zu\">%zu/%zu</td><td class=\"r\" data-v=\"", arm->done, arm->done,
            arm->points);
    if (arm->done) fprintf(out, "%.6g\">%s", arm->seconds, fg_duration_text(arm->seconds, text));
    fputs(arm->done ? "</td></tr>\n" : "\"></td></tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
  if (shown < sweep->arm_count)
    fprintf(out, "<p class=\"note\">%zu further arms are not listed.</p>\n", sweep->arm_count - shown);
  fputs("</details>\n", out);
}

// ---- failures

static void write_failures(fg_page *page, const fg_sweep_data *sweep) {
  FILE *out = page->out;
  size_t failed = sweep->states[FG_POINT_FAILED], written = 0;
  if (failed == 0) return;
  fg_page_section(page, "failures", "Failures");
  fputs("<p>The first line that each failed point's last attempt said. <code>finegrain sweep resume</code> tries them "
        "again.</p>\n<div class=\"box\" role=\"region\" aria-label=\"Failures\" tabindex=\"0\"><table><thead><tr>"
        "<th>point</th><th>arm</th><th class=\"r\">replica</th><th class=\"r\">attempts</th><th>error</th></tr></thead>"
        "<tbody>\n",
        out);
  for (size_t i = 0; i < sweep->plan->count && written < MOST_FAILURES; i++) {
    const fg_report_point *point = &sweep->points[i];
    const fg_sweep_entry *entry = &sweep->plan->entries[i];
    if (point->state != FG_POINT_FAILED) continue;
    fprintf(out, "<tr><td><a href=\"points/%s/attempts/%" PRIu32 ".log\"><code>%.8s</code></a></td><td>", entry->id,
            point->attempt, entry->id);
    fg_html_text(out, sweep->arms[point->arm].label);
    fprintf(out, "</td><td class=\"r\">%" PRIu32 "</td><td class=\"r\">%" PRIu32 "</td><td class=\"long\">",
            entry->replica, point->attempt);
    fg_html_text(out, *point->error ? point->error : "no reason given");
    fputs("</td></tr>\n", out);
    written++;
  }
  fputs("</tbody></table></div>\n", out);
  if (written < failed)
    fprintf(out, "<p class=\"note\">%zu further points failed; <code>points.csv</code> has their errors.</p>\n",
            failed - written);
}

// ---- provenance

/// "plugin → version" of some of the finished points: there may be several versions of one.
static void write_versions(fg_page *page, const fg_sweep_data *sweep) {
  json_t *seen = json_object();
  FILE *out = page->out;
  size_t looked = 0;
  for (size_t i = 0; i < sweep->plan->count && looked < MOST_MANIFESTS; i++) {
    char path[4096];
    const char *kind;
    json_t *plugin;
    if (sweep->points[i].state != FG_POINT_DONE) continue;
    fg_sweep_path(sweep->plan, "points", sweep->plan->entries[i].id, "run/manifest.json", path);
    json_t *manifest = json_load_file(path, 0, NULL);
    looked++;
    json_object_foreach(json_object_get(manifest, "plugins"), kind, plugin)
        json_object_set_new(seen,
                            fg_arena_format(&page->arena, "%s\x1f%s\x1f%s", kind, fg_json_text(plugin, "version"),
                                            fg_json_text(plugin, "hash")),
                            json_true());
    json_decref(manifest);
  }
  if (json_object_size(seen)) {
    const char *key;
    json_t *value;
    fputs(
        "<h3>Plugins</h3>\n<div class=\"box\" role=\"region\" aria-label=\"Plugins\" tabindex=\"0\"><table><thead><tr>"
        "<th>kind</th><th>version</th><th>hash of the file</th></tr></thead><tbody>\n",
        out);
    json_object_foreach(seen, key, value) {
      char *copy = fg_arena_text(&page->arena, key), *rest = copy;
      fputs("<tr>", out);
      for (char *part; (part = strsep(&rest, "\x1f"));) {
        fputs("<td>", out);
        fg_html_text(out, part);
        fputs("</td>", out);
      }
      fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (sweep->states[FG_POINT_DONE] > looked)
      fprintf(out, "<p class=\"soft\">Of the first %zu finished points.</p>\n", looked);
  }
  json_decref(seen);
}

static void write_provenance(fg_page *page, const fg_sweep_data *sweep) {
  const fg_sweep_plan *plan = sweep->plan;
  FILE *out = page->out;
  fg_error ignored;
  fg_page_section(page, "provenance", "Provenance");
  fputs("<div class=\"box\"><table><tbody>\n<tr><th>planned from</th><td class=\"long\">", out);
  fg_html_text(out, plan->source);
  fprintf(out,
          "</td></tr>\n<tr><th>round</th><td>%" PRIu32 "</td></tr>\n<tr><th>finegrain</th><td>" FG_VERSION
          "</td></tr>\n",
          plan->round);
  if (plan->column_count) fputs("<tr><th>axes</th><td class=\"long\">", out);
  for (size_t c = 0; c < plan->column_count; c++) {
    fputs(c ? ", <code>" : "<code>", out);
    fg_html_text(out, plan->columns[c]);
    fputs("</code>", out);
  }
  if (plan->column_count) fputs("</td></tr>\n", out);
  fputs("</tbody></table></div>\n", out);
  write_versions(page, sweep);
  fputs("<h3>To repeat this sweep</h3>\n<pre>finegrain sweep run ", out);
  fg_html_text(out, plan->source);
  fputs(
      " --out <i>another-folder</i></pre>\n"
      "<p>A point's identity is a hash of its pipeline and its replica; its seed follows from the sweep's seed and the "
      "replica alone.</p>\n",
      out);
  char *file =
      fg_report_read(fg_arena_format(&page->arena, "%s/sweep.yaml", plan->folder), MOST_PIPELINE, NULL, &ignored);
  if (file) {
    fputs("<details><summary>sweep.yaml, as it was planned</summary>\n<pre>", out);
    fg_html_text(out, file);
    fputs("</pre></details>\n", out);
  }
  free(file);
}

fg_status fg_report_sweep(const char *folder, fg_error *warning, fg_error *error) {
  fg_sweep_data sweep;
  fg_page *page = fg_page_new(folder);
  fg_status status = fg_sweep_data_read(folder, &page->arena, &sweep, error);
  if (status == FG_OK) {
    if (sweep.has_baseline && sweep.plan->replicas > 1)
      fg_sweep_data_read_samples(&sweep, sweep.metric_count < COMPARED ? sweep.metric_count : COMPARED);
    write_head(page, &sweep);
    write_points(page, &sweep);
    write_arms(page, &sweep);
    fg_report_metrics(page, &sweep);
    fg_report_differences(page, &sweep);
    fg_report_cost(page, &sweep);
    write_failures(page, &sweep);
    write_provenance(page, &sweep);
    const char *title = fg_arena_format(&page->arena, "%s — finegrain sweep", sweep.plan->name);
    status = fg_page_finish(page, title, warning, error);
  }
  fg_sweep_data_clear(&sweep);
  fg_page_free(page);
  return status;
}
