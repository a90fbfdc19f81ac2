// timing.c — where a run's time and bytes went: bars drawn by the page itself, and the numbers.
#include "report/run_page.h"

#include "report/files.h"
#include "report/text.h"
#include "words.h"

#include <inttypes.h>

/// The parts of a stage's time, as the manifest names them.
static const struct part {
  const char *key, *label;
} parts[] = {
    {"busy", "computing"},
    {"coding", "coding"},
    {"wait_input", "waiting for input"},
    {"wait_output", "waiting for output"},
};
#define PARTS (sizeof parts / sizeof *parts)

static double total_of(const json_t *stage) {
  double total = 0;
  for (size_t p = 0; p < PARTS; p++) total += fg_json_number(stage, parts[p].key);
  return total;
}

static void write_bars(FILE *out, const json_t *timing) {
  double longest = 0;
  for (size_t i = 0; i < json_array_size(timing); i++) {
    double total = total_of(json_array_get(timing, i));
    if (total > longest) longest = total;
  }
  fputs("<ul class=\"legend\">", out);
  for (size_t p = 0; p < PARTS; p++) fprintf(out, "<li><i class=\"k%zu\"></i>%s</li>", p + 1, parts[p].label);
  fputs("</ul>\n<div class=\"bars\" aria-hidden=\"true\">\n", out);
  for (size_t i = 0; i < json_array_size(timing); i++) {
    const json_t *stage = json_array_get(timing, i);
    char text[FG_WORDS];
    fputs("<span>", out);
    fg_html_text(out, fg_json_text(stage, "stage"));
    fputs("</span><span class=\"bar\">", out);
    for (size_t p = 0; p < PARTS; p++)
      fprintf(out, "<i class=\"k%zu\" style=\"width:%.2f%%\"></i>", p + 1,
              longest > 0 ? 100 * fg_json_number(stage, parts[p].key) / longest : 0);
    fprintf(out, "</span><span class=\"soft\">%s</span>\n",
            fg_duration_text(fg_json_number(stage, "busy") + fg_json_number(stage, "coding"), text));
  }
  fputs("</div>\n", out);
}

static void begin_table(FILE *out, const char *label, const char *const *headings, size_t count) {
  fprintf(out, "<div class=\"box\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><table><thead><tr>", label);
  for (size_t c = 0; c < count; c++)
    fprintf(out, "<th%s aria-sort=\"none\"><button type=\"button\">%s</button></th>", c ? " class=\"r\"" : "",
            headings[c]);
  fputs("</tr></thead><tbody>\n", out);
}

static void write_times(FILE *out, const json_t *timing) {
  static const char *const headings[] = {"stage", "computing", "coding", "waiting for input", "waiting for output"};
  fputs("<details><summary>Seconds of wall time, stage by stage</summary>\n", out);
  begin_table(out, "Seconds by stage", headings, sizeof headings / sizeof *headings);
  for (size_t i = 0; i < json_array_size(timing); i++) {
    const json_t *stage = json_array_get(timing, i);
    fputs("<tr><td>", out);
    fg_html_text(out, fg_json_text(stage, "stage"));
    fputs("</td>", out);
    for (size_t p = 0; p < PARTS; p++) {
      double seconds = fg_json_number(stage, parts[p].key);
      fprintf(out, "<td class=\"r\" data-v=\"%.6g\">%.3f</td>", seconds, seconds);
    }
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div></details>\n", out);
}

static void write_edge(FILE *out, const char *name, const json_t *output, json_int_t spilled) {
  char raw[FG_WORDS], stored[FG_WORDS];
  double raw_bytes = fg_json_number(output, "raw_bytes"), stored_bytes = fg_json_number(output, "stored_bytes");
  json_int_t batches = json_integer_value(json_object_get(output, "batches"));
  fputs("<tr><td>", out);
  for (; *name; name++) { // "a.p -> b.q"
    if (name[0] == '-' && name[1] == '>') {
      fputs("→", out);
      name++;
    } else {
      const char one[] = {*name, '\0'};
      fg_html_text(out, one);
    }
  }
  fprintf(out,
          "</td><td class=\"r\" data-v=\"%" PRId64 "\">%" PRId64 "</td><td class=\"r\" data-v=\"%.17g\">%s</td>"
          "<td class=\"r\" data-v=\"%.17g\">%s</td><td class=\"r\">%.0f%%</td><td class=\"r\">%" PRId64 "</td></tr>\n",
          (int64_t)batches, (int64_t)batches, raw_bytes, fg_bytes_text((uint64_t)raw_bytes, raw), stored_bytes,
          fg_bytes_text((uint64_t)stored_bytes, stored), raw_bytes > 0 ? 100 * stored_bytes / raw_bytes : 0,
          (int64_t)spilled);
}

static void write_edges(FILE *out, const json_t *timing) {
  static const char *const headings[] = {"edge", "batches", "raw", "stored", "share", "spilled"};
  bool begun = false;
  for (size_t i = 0; i < json_array_size(timing); i++) {
    const json_t *outputs = json_object_get(json_array_get(timing, i), "outputs");
    for (size_t p = 0; p < json_array_size(outputs); p++) {
      const json_t *output = json_array_get(outputs, p);
      const char *edge;
      json_t *spilled;
      if (fg_json_number(output, "batches") <= 0) continue;
      if (!begun) {
        fputs("<h3>Bytes along the edges</h3>\n", out);
        begin_table(out, "Bytes by edge", headings, sizeof headings / sizeof *headings);
      }
      begun = true;
      json_object_foreach(json_object_get(output, "spilled"), edge, spilled)
          write_edge(out, edge, output, json_integer_value(spilled));
    }
  }
  if (begun)
    fputs("</tbody></table></div>\n<p class=\"soft\">An output is encoded once, however many edges it feeds; "
          "<i>spilled</i> counts the batches that had to wait on disk.</p>\n",
          out);
}

void fg_report_timing(fg_page *page, const fg_run_data *run) {
  const json_t *timing = json_object_get(run->manifest, "timing");
  if (json_array_size(timing) == 0) return;
  fg_page_section(page, "timing", "Where time went");
  fputs("<p>Stages run at the same time, each on a thread of its own. A bar is as long as the stage lasted; the figure "
        "beside it is what it worked.</p>\n",
        page->out);
  write_bars(page->out, timing);
  write_times(page->out, timing);
  write_edges(page->out, timing);
}
