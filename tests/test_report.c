// test_report.c — the parts of a report: what is read (CSV, results.h5), what is computed (Student's t, paired differences),
// what is written (escaped texts, kernels, plots, drawings). The pages as a whole: tests/cli_report.sh.
#include "check.h"

#include "csv_reader.h"
#include "message.h"
#include "report/files.h"
#include "report/hdf5.h"
#include "report/kernel.h"
#include "report/plot.h"
#include "report/report.h"
#include "report/statistics.h"
#include "report/svg.h"
#include "report/text.h"
#include "results.h"

#include <gsl/gsl_cdf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[64]; // a folder of this test's own, removed at the end

static const char *in_scratch(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", scratch, name);
  return path;
}

static void put_bytes(const char *name, const char *bytes, size_t length) {
  FILE *file = fopen(in_scratch(name), "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  fwrite(bytes, 1, length, file);
  fclose(file);
}

static void put(const char *name, const char *text) { put_bytes(name, text, strlen(text)); }

/// What a writer writes, as a text of this test's.
static char written[1 << 16];
static FILE *begin_writing(void) {
  memset(written, 0, sizeof written);
  FILE *out = fmemopen(written, sizeof written - 1, "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  return out;
}

static size_t occurrences(const char *text, const char *what) {
  size_t count = 0;
  for (; (text = strstr(text, what)); text += strlen(what)) count++;
  return count;
}

// ---- CSV

static void read_csv(void) {
  fg_error error = {0};
  fg_csv *csv;
  size_t column;
  double real;
  int64_t integer;
  put("a.csv", "stage,value,n\nthermo,1.5e-3,7\n\"a,\"\"b\"\"\nc\",,-2\r\nlast,nan,0\n");
  CHECK_INTEGER(fg_csv_open(in_scratch("a.csv"), &csv, &error), FG_OK);
  CHECK_INTEGER(fg_csv_columns(csv), 3);
  CHECK_TEXT(fg_csv_name(csv, 1), "value");
  CHECK_INTEGER(fg_csv_find(csv, "n", &column, &error), FG_OK);
  CHECK_INTEGER(column, 2);
  CHECK_INTEGER(fg_csv_find(csv, "m", &column, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "no column 'm'") != NULL);
  CHECK_INTEGER(fg_csv_next(csv, &error), FG_OK);
  CHECK_TEXT(fg_csv_text(csv, 0), "thermo");
  CHECK_INTEGER(fg_csv_real(csv, 1, &real, &error), FG_OK);
  CHECK_NEAR(real, 1.5e-3, 0);
  CHECK_INTEGER(fg_csv_next(csv, &error), FG_OK);
  CHECK_TEXT(fg_csv_text(csv, 0), "a,\"b\"\nc");
  CHECK_INTEGER(fg_csv_real(csv, 1, &real, &error), FG_OK);
  CU_ASSERT(isnan(real));
  CHECK_INTEGER(fg_csv_integer(csv, 2, &integer, &error), FG_OK);
  CHECK_INTEGER(integer, -2);
  CHECK_INTEGER(fg_csv_next(csv, &error), FG_OK);
  CHECK_INTEGER(fg_csv_integer(csv, 0, &integer, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "a.csv:5: stage 'last' is not an integer") != NULL);
  CHECK_INTEGER(fg_csv_next(csv, &error), FG_DONE);
  fg_csv_close(csv);
}

/// The rows before the damage can be read; the damage is told with its line.
static void check_damage(const char *bytes, size_t length, int rows, const char *told) {
  fg_error error = {0};
  fg_csv *csv;
  int read = 0;
  put_bytes("b.csv", bytes, length);
  fg_status status = fg_csv_open(in_scratch("b.csv"), &csv, &error);
  while (status == FG_OK && (status = fg_csv_next(csv, &error)) == FG_OK) read++;
  CHECK_INTEGER(status, FG_FAILED);
  CHECK_INTEGER(read, rows);
  if (!strstr(error.text, told)) printf("\n    '%s' is not in '%s'", told, error.text);
  CU_ASSERT(strstr(error.text, told) != NULL);
  fg_csv_close(csv);
}

static void read_damaged_csv(void) {
#define DAMAGED(text, rows, told) check_damage(text, sizeof text - 1, rows, told)
  DAMAGED("", 0, "without even a heading");
  DAMAGED("a,b\n1,2\n1,2,3\n", 1, "b.csv:3: 3 fields under a heading of 2");
  DAMAGED("a,b\n1\n", 0, "b.csv:2: 1 fields under a heading of 2");
  DAMAGED("a,b\n1,2\n1,0.33", 1, "b.csv:3: the file ends within a row");
  DAMAGED("a,b\n1,\"2\n3\n", 0, "b.csv:2: the file ends within quotes");
  DAMAGED("a,b\n\"x\"y,2\n", 0, "b.csv:2: text after a closing quote");
  DAMAGED("a,b\n1,\0002\n", 0, "b.csv:2: a zero byte");
#undef DAMAGED
  size_t huge = ((size_t)1 << 20) + 100;
  char *text = malloc(huge);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  memset(text, 'x', huge);
  memcpy(text, "a\n", 2);
  check_damage(text, huge, 0, "more than 1 MiB");
  free(text);
  fg_error error = {0};
  fg_csv *csv;
  double real;
  CHECK_INTEGER(fg_csv_open(in_scratch("none.csv"), &csv, &error), FG_FAILED);
  CU_ASSERT(csv == NULL && strstr(error.text, "No such file") != NULL);
  put("c.csv", "a\n1.2.3\n");
  CHECK_INTEGER(fg_csv_open(in_scratch("c.csv"), &csv, &error), FG_OK);
  CHECK_INTEGER(fg_csv_next(csv, &error), FG_OK);
  CHECK_INTEGER(fg_csv_real(csv, 0, &real, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "c.csv:2: a '1.2.3' is not a number") != NULL);
  fg_csv_close(csv);
}

// ---- texts

static void check_escaped(const char *text, const char *expected) {
  FILE *out = begin_writing();
  fg_html_text(out, text);
  fclose(out);
  CHECK_TEXT(written, expected);
}

static void escape_texts(void) {
  check_escaped("<script>alert('x')</script> & \"y\"",
                "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;");
  check_escaped("χ ∝ L^{7/4}, 𝛾/ν\n\t", "χ ∝ L^{7/4}, 𝛾/ν\n\t");
  check_escaped("a\x01\x1b[31m\x7f", "a\uFFFD\uFFFD[31m\uFFFD");
  check_escaped("\xC2\x85", "\uFFFD"); // a control character of two bytes
  // Not UTF-8: a lone continuation, an overlong '/', a surrogate, beyond U+10FFFF, a torn end.
  check_escaped("\x80|\xC0\xAF|\xED\xA0\x80|\xF4\x90\x80\x80|\xE2\x82",
                "\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD");
}

static void check_base64(const char *bytes, const char *expected) {
  FILE *out = begin_writing();
  fg_html_base64(out, (const unsigned char *)bytes, strlen(bytes));
  fclose(out);
  CHECK_TEXT(written, expected);
}

static void encode_base64(void) { // RFC 4648, 10
  check_base64("", "");
  check_base64("f", "Zg==");
  check_base64("fo", "Zm8=");
  check_base64("foo", "Zm9v");
  check_base64("foobar", "Zm9vYmFy");
  check_base64("\xFB\xFF\xFE", "+//+");
}

static void check_number(double number, int digits, const char *expected) {
  FILE *out = begin_writing();
  fg_html_number(out, number, digits);
  fclose(out);
  CHECK_TEXT(written, expected);
}

static void write_numbers(void) {
  check_number(-0.260522, 6, "−0.260522");
  check_number(4e-8, 6, "4·10<sup>−8</sup>");
  check_number(1.89994e6, 6, "1.89994·10<sup>6</sup>");
  check_number(-INFINITY, 6, "−∞");
  check_number(NAN, 6, "");
  FILE *out = begin_writing();
  fg_html_measured(out, -1.30351, 0.00033);
  fclose(out);
  CHECK_TEXT(written, "−1.3035(3)");
  CHECK_TEXT(fg_observable_symbol("xi_over_L"), "ξ/L");
  CHECK_TEXT(fg_observable_symbol("mine"), "mine");
  CU_ASSERT(fg_observable_rank("e") < fg_observable_rank("chi"));
  CU_ASSERT(fg_observable_rank("U") < fg_observable_rank("mine"));
}

static void shorten_texts(void) {
  char text[200];
  CHECK_TEXT(fg_text_shorten(text, sizeof text, "short", 5), "short");
  CHECK_TEXT(fg_text_shorten(text, sizeof text, "network.symmetric, kernel: 3", 12), "netw…rnel: 3");
  CHECK_TEXT(fg_text_shorten(text, sizeof text, "αβγδεζηθικ", 6), "αβ…θικ");
  CHECK_TEXT(fg_text_shorten(text, sizeof text, "\xFF\xFE\xFD\xFC", 3), "\xFF…\xFC");
  CHECK_TEXT(fg_text_shorten(text, 12, "a text that does not fit into its buffer", 40), "a te");
}

// ---- kernels

static void unfold_kernels(void) {
  const double three[] = {1, 2, 3}, six[] = {1, 2, 3, 4, 5, 6};
  const double expected3[] = {1, 2, 1, 2, 3, 2, 1, 2, 1};
  // Beyond the 3×3: outer corner, outer edge-middle, the rest (PHYSICS: the paper's order).
  const double expected5[] = {4, 6, 5, 6, 4, 6, 1, 2, 1, 6, 5, 2, 3, 2, 5, 6, 1, 2, 1, 6, 4, 6, 5, 6, 4};
  double cells[225], parameters[36];
  CU_ASSERT(fg_kernel_unfold(three, 3, 3, cells));
  for (int i = 0; i < 9; i++) CHECK_NEAR(cells[i], expected3[i], 0);
  CU_ASSERT(fg_kernel_unfold(six, 6, 5, cells));
  for (int i = 0; i < 25; i++) CHECK_NEAR(cells[i], expected5[i], 0);
  CU_ASSERT(!fg_kernel_unfold(six, 6, 7, cells));
  CU_ASSERT(!fg_kernel_unfold(three, 3, 4, cells));
  // 15×15: every parameter is used, and on orbits of the square's symmetries only.
  int count[36] = {0};
  for (int k = 0; k < 36; k++) parameters[k] = k;
  CU_ASSERT(fg_kernel_unfold(parameters, 36, 15, cells));
  for (int y = 0; y < 15; y++)
    for (int x = 0; x < 15; x++) {
      CHECK_NEAR(cells[15 * y + x], cells[15 * x + y], 0);
      CHECK_NEAR(cells[15 * y + x], cells[15 * y + 14 - x], 0);
      count[(int)cells[15 * y + x]]++;
    }
  for (int k = 0; k < 36; k++) CU_ASSERT(count[k] == (k == 2 ? 1 : count[k] == 4 ? 4 : 8));
}

static void draw_kernels(void) {
  const double cells[] = {-1.396, 0.5, 0, NAN, 1, 0.25, 123.4, 0, 0};
  FILE *out = begin_writing();
  fg_kernel_draw(out, cells, 3, 2, true, "a <kernel>");
  fclose(out);
  CHECK_INTEGER(occurrences(written, "<rect "), 9);
  CHECK_INTEGER(occurrences(written, "<text "), 9);
  CU_ASSERT(strstr(written, "aria-label=\"a &lt;kernel&gt;\"") != NULL);
  CU_ASSERT(strstr(written, ">−1.40</text>") != NULL && strstr(written, ">123</text>") != NULL);
  CU_ASSERT(strstr(written, "fill:var(--negative);fill-opacity:0.572") != NULL); // 0.82 · 1.396/2
  CU_ASSERT(strstr(written, "fill-opacity:0.820") != NULL);                      // no more, beyond the largest
  CU_ASSERT(strcasestr(written, "nan") == NULL);
  out = begin_writing();
  fg_kernel_draw(out, cells, 3, 0, false, "");
  fclose(out);
  CHECK_INTEGER(occurrences(written, "<text "), 0);
  CHECK_INTEGER(occurrences(written, "fill-opacity:0.000"), 9);
}

// ---- statistics

static void compute_quantiles(void) {
  for (size_t freedom = 1; freedom < 400; freedom += freedom < 12 ? 1 : 37) {
    double expected = gsl_cdf_tdist_Pinv(0.975, (double)freedom);
    CHECK_NEAR(fg_student_quantile(0.95, freedom), expected, 1e-9 * expected);
  }
  CHECK_NEAR(fg_student_quantile(0.95, 1), 12.706204736, 1e-8);
  CHECK_NEAR(fg_student_quantile(0.95, 1000000), 1.959963985, 3e-4);
}

/// Differences 0.10, 0.14, 0.12 of what share large noise: mean 0.12, s = 0.02, t(2) = 4.3027, so ± 0.04968.
static void take_paired_differences(void) {
  const double a[] = {5.10, 2.14, NAN, 9.12}, b[] = {5.00, 2.00, 3.00, 9.00};
  fg_difference d = fg_paired_difference(a, b, 4);
  CHECK_INTEGER(d.pairs, 3);
  CHECK_NEAR(d.mean, 0.12, 1e-12);
  CHECK_NEAR(d.half_width, 4.302652730 * 0.02 / sqrt(3), 1e-8);
  d = fg_paired_difference(a, b, 1);
  CHECK_INTEGER(d.pairs, 1);
  CHECK_NEAR(d.mean, 0.10, 1e-12);
  CU_ASSERT(isnan(d.half_width));
  d = fg_paired_difference(a + 2, b + 2, 1);
  CU_ASSERT(d.pairs == 0 && isnan(d.mean));
  d = fg_independent_difference(2.0, 0.03, 1.5, 0.04);
  CHECK_NEAR(d.mean, 0.5, 1e-15);
  CHECK_NEAR(d.half_width, 1.959963985 * 0.05, 1e-9);
  d = fg_independent_difference(2.0, NAN, 1.5, 0.04);
  CU_ASSERT(isnan(d.half_width));
}

// ---- plots

static const fg_plot_point marks[] = {{8, 40, 0.5}, {16, NAN, 1}, {32, 500, NAN}, {64, 0, 3}};
static const fg_plot_point exact[] = {{8, 41, NAN}, {NAN, NAN, NAN}, {NAN, NAN, NAN}, {32, 480, NAN}};

static fg_plot make_plot(fg_plot_series series[3]) {
  series[0] = (fg_plot_series){.label = "it's `touch x`", .points = marks, .count = 4};
  series[1] = (fg_plot_series){.label = "nothing", .points = marks + 1, .count = 1};
  series[2] = (fg_plot_series){"exact\n", FG_SERIES_REFERENCE, 0, exact, 4};
  return (fg_plot){.name = "chi",
                   .alt = "χ",
                   .x = {"L", FG_SCALE_LOG},
                   .y = {"a_b c'", FG_SCALE_LOG},
                   .sizes = true,
                   .series = series,
                   .series_count = 3};
}

static void write_plots(void) {
  fg_plot_series series[3];
  fg_plot plot = make_plot(series);
  CU_ASSERT(fg_plot_has_points(&plot));
  FILE *out = begin_writing();
  fg_plot_write_data(&plot, out);
  fclose(out);
  // What a logarithmic axis cannot show breaks the line, once; the empty series has no block.
  CHECK_TEXT(
      written,
      "# 'it''s `touch x`'\n# x y error\n8 40 0.5\n\n32 500 NaN\n\n\n\n# 'exact '\n# x y error\n8 41 NaN\n\n32 480 NaN\n");
  out = begin_writing();
  fg_plot_write_script(&plot, out);
  fclose(out);
  CU_ASSERT(strncmp(written, FG_PLOT_MARK "chi\n", strlen(FG_PLOT_MARK "chi\n")) == 0);
  CU_ASSERT(strstr(written, "set ylabel 'a_b c''' noenhanced\n") != NULL);
  CU_ASSERT(strstr(written, "title 'it''s `touch x`' noenhanced") != NULL);
  CU_ASSERT(strstr(written, "title 'exact ' noenhanced") != NULL);
  CU_ASSERT(strstr(written, "set xtics ('8' 8, '32' 32)\n") != NULL);
  CU_ASSERT(strstr(written, "index 2") == NULL); // two blocks
  // Numbers that no range could hold are left out.
  const fg_plot_point wild[] = {{1, 1e308, 1e308}, {2, INFINITY, 1}, {3, 7, INFINITY}, {5e-324, 8, 0}, {4, 9, 0}};
  series[0] = (fg_plot_series){.points = wild, .count = 5};
  out = begin_writing();
  fg_plot_write_script(&plot, out);
  fg_plot_write_data(&plot, out);
  fclose(out);
  CU_ASSERT(strcasestr(written, "inf") == NULL);
  CU_ASSERT(strstr(written, "\n3 7 NaN\n\n4 9 0\n") != NULL);
  series[0].count = series[1].count = series[2].count = 0;
  CU_ASSERT(!fg_plot_has_points(&plot));
}

/// Labels of an axis never overlap: 7.5 pixels a letter and some air.
static void space_tics(void) {
  const char *const rows[] = {"a label of twenty-two"};
  for (double size = 1e-5; size < 1e6; size *= 1.7) {
    const fg_plot_point points[] = {{-0.3 * size, 1, 0.1 * size}, {size, 1, NAN}};
    const fg_plot_series series = {.points = points, .count = 2};
    const fg_plot plot = {.name = "x",
                          .alt = "",
                          .x = {"x", FG_SCALE_LINEAR},
                          .rows = rows,
                          .row_count = 1,
                          .series = &series,
                          .series_count = 1};
    FILE *out = begin_writing();
    fg_plot_write_script(&plot, out);
    fclose(out);
    const char *tics = strstr(written, "set xtics ("), *end = tics ? strchr(tics, '\n') : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    size_t letters = 0, count = 0;
    for (const char *c = tics; c < end; c++) {
      if (*c != '\'') continue;
      for (c++; *c != '\''; c++) letters += ((unsigned char)*c & 0xC0) != 0x80;
      count++;
    }
    CU_ASSERT(count >= 1 && count <= 12);
    CU_ASSERT((double)letters * 7 < 230);
  }
}

// ---- drawings

static const char drawing[] =
    "<?xml version=\"1.0\"?>\n<svg \n viewBox=\"0 0 400 270\"\n xmlns=\"http://www.w3.org/2000/svg\">\n"
    "<title>Gnuplot</title>\n<desc>Produced</desc>\n<g id=\"gnuplot_canvas\">\n<rect x=\"0\" y=\"0\" fill=\"none\"/>\n"
    "<defs>\n\t<circle id='gpDot' r='0.5'/>\n</defs>\n<g fill=\"none\" color=\"white\" stroke=\"currentColor\">\n</g>\n"
    "<g fill=\"none\" color=\"black\" stroke=\"currentColor\" stroke-width=\"0.80\" stroke-linecap=\"butt\">\n"
    "\t<path stroke='black'  d='M1,2 L3,4  '/>\t<g transform=\"translate(5,6)\" fill=\"black\" font-family=\"sans\">\n"
    "\t\t<text>χ &lt;&amp; x</text>\n\t</g>\n\t<path stroke='rgb( 31, 106, 165)' d='M7,8 L9,10'/>\n"
    "\t<use xlink:href='#gpPt6' transform='translate(11.00,12.50) scale(2.25)' color='rgb(191,  84,  22)'/>\n</g>\n"
    "\t<g id=\"gnuplot_plot_1\" ><title>a</title>\n<g fill=\"none\">\n</g>\n\t</g>\n</g>\n</svg>\n";

static void take_drawings(void) {
  FILE *out = begin_writing();
  CU_ASSERT(fg_svg_inline(out, drawing, "what's \"shown\""));
  fclose(out);
  CHECK_TEXT(
      written,
      "<svg viewBox=\"0 0 400 270\" role=\"img\" aria-label=\"what&#39;s &quot;shown&quot;\"><g>"
      "<g fill=\"none\" stroke=\"currentColor\" stroke-width=\"0.80\"><path stroke=\"currentColor\" d=\"M1,2 L3,4  \"/>"
      "<g transform=\"translate(5,6)\" fill=\"currentColor\"><text>χ &lt;&amp; x</text></g>"
      "<path style=\"stroke:var(--s1)\" d=\"M7,8 L9,10\"/>"
      "<circle cx=\"11.00\" cy=\"12.50\" r=\"2.25\" stroke=\"none\" style=\"fill:var(--s2)\"/></g></g></svg>");
  out = begin_writing();
  for (size_t length = 0; length + 8 < sizeof drawing; length++) { // torn anywhere
    char *torn = strndup(drawing, length);
    CU_ASSERT(!fg_svg_inline(out, torn, ""));
    free(torn);
  }
  CU_ASSERT(!fg_svg_inline(out, "<svg viewBox='0 0 1 1'><path d='M1,nan'/></svg>", ""));
  CU_ASSERT(!fg_svg_inline(out, "<svg viewBox='0 0 1 1'></svg>", ""));
  fclose(out);
  CHECK_TEXT(written, "");
}

// ---- results.h5

static const fg_column name_column = {sizeof(fg_column), FG_COLUMN_TEXT, "name", "", "which"};
static const fg_column weight_column = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "nats", "logit"};
static const fg_column count_column = {sizeof(fg_column), FG_COLUMN_INTEGER, "count", "1", "how many"};
static const fg_column *const columns[] = {&name_column, &weight_column, &count_column, NULL};

static void write_results(const char *path, int rows) {
  static const char *const stages[] = {"net", "train"};
  static const double weights[] = {0.25, -1, 3};
  fg_error error = {0};
  fg_results *results = fg_results_new(stages, 2);
  fg_table *table = fg_table_create("fit", columns);
  for (int i = 0; i < rows; i++)
    fg_table_append(table, (const fg_cell[]){{.text = i % 2 ? "χ" : "centre"}, {.real = 0.5 * i}, {.integer = -i}});
  fg_model *model = fg_model_create("network.symmetric", "{\"kernel\":3}", weights, 3);
  CHECK_INTEGER(fg_results_add_table(results, 1, table, &error), FG_OK);
  CHECK_INTEGER(fg_results_add_model(results, 1, model, &error), FG_OK);
  const fg_attribute attributes[] = {{"machine", "here", 0}};
  CHECK_INTEGER(fg_results_write_hdf5(results, path, attributes, 1, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  fg_table_unref(table);
  fg_model_unref(model);
  fg_results_free(results);
}

static void read_results(void) {
  fg_arena arena = {0};
  fg_saved_results results;
  fg_error error = {0};
  write_results(in_scratch("results.h5"), 5);
  CHECK_INTEGER(fg_saved_results_read(in_scratch("results.h5"), 3, 2, &arena, &results, &error), FG_OK);
  CHECK_TEXT(results.machine, "here");
  CHECK_INTEGER(results.table_count, 1);
  CHECK_INTEGER(results.model_count, 1);
  const fg_saved_table *table = results.tables;
  CHECK_TEXT(table->stage, "train");
  CHECK_TEXT(table->name, "fit");
  CHECK_INTEGER(table->rows, 5);
  CHECK_INTEGER(table->row_count, 3);
  CHECK_INTEGER(table->column_count, 3);
  CHECK_TEXT(table->columns[1].name, "weight");
  CHECK_TEXT(table->columns[1].unit, "nats");
  CHECK_TEXT(table->columns[2].description, "how many");
  CHECK_TEXT(table->cells[0].text, "centre");
  CHECK_TEXT(table->cells[3].text, "χ");
  CHECK_NEAR(table->cells[7].real, 1.0, 0);
  CHECK_INTEGER(table->cells[8].integer, -2);
  CHECK_TEXT(results.models[0].network, "network.symmetric");
  CHECK_INTEGER(results.models[0].weights_in_file, 3);
  CHECK_INTEGER(results.models[0].weight_count, 2);
  CHECK_NEAR(results.models[0].weights[1], -1, 0);
  write_results(in_scratch("results.h5"), 0);
  CHECK_INTEGER(fg_saved_results_read(in_scratch("results.h5"), 3, 99, &arena, &results, &error), FG_OK);
  CHECK_INTEGER(results.tables[0].row_count, 0);
  CHECK_INTEGER(results.models[0].weight_count, 3);
  put("torn.h5", "\x89HDF\r\n\x1a\n");
  CHECK_INTEGER(fg_saved_results_read(in_scratch("torn.h5"), 3, 2, &arena, &results, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "no sound HDF5 file") != NULL);
  fg_arena_clear(&arena);
}

// ---- files

static void keep_a_journal(void) {
  fg_error error = {0};
  put(".lock", "finegrain run folder\npipeline ab\nfile report.html\n");
  mkdir(in_scratch("report"), 0777);
  put("report/old.gp", FG_PLOT_MARK "old\n");
  put("report/old.dat", "1\n");
  put("report/mine.gp", "set terminal pdf\n");
  put("report/mine.dat", "1\n");
  fg_report_files *files = fg_report_files_open(scratch);
  CHECK_INTEGER(fg_report_files_make_subfolder(files, &error), FG_OK);
  for (int again = 0; again < 2; again++) {
    CHECK_INTEGER(fg_report_files_write(files, "report.html", "page", 4, &error), FG_OK);
    CHECK_INTEGER(fg_report_files_write(files, "report/chi.gp", FG_PLOT_MARK "chi\n", 23, &error), FG_OK);
  }
  fg_report_files_remove_stale(files);
  fg_report_files_close(files);
  char *journal = fg_report_read(in_scratch(".lock"), 1000, NULL, &error);
  CHECK_TEXT(journal, "finegrain run folder\npipeline ab\nfile report.html\nfile report/chi.gp\n");
  free(journal);
  CU_ASSERT(access(in_scratch("report/chi.gp"), F_OK) == 0);
  CU_ASSERT(access(in_scratch("report/old.gp"), F_OK) != 0 && access(in_scratch("report/old.dat"), F_OK) != 0);
  CU_ASSERT(access(in_scratch("report/mine.gp"), F_OK) == 0 && access(in_scratch("report/mine.dat"), F_OK) == 0);
  CU_ASSERT_PTR_NULL(fg_report_read(in_scratch(".lock"), 10, NULL, &error));
  CU_ASSERT(strstr(error.text, "larger than 10 bytes") != NULL);
}

static void refuse_folders(void) {
  fg_error warning = {0}, error = {0};
  mkdir(in_scratch("empty"), 0777);
  CHECK_INTEGER(fg_report(in_scratch("nowhere"), &warning, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "No such file") != NULL);
  CHECK_INTEGER(fg_report(in_scratch("a.csv"), &warning, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "is not a folder") != NULL);
  CHECK_INTEGER(fg_report(in_scratch("empty"), &warning, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "holds neither a run") != NULL);
  put("empty/plan.json", "{}");
  CHECK_INTEGER(fg_report(in_scratch("empty"), &warning, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "plan.json") != NULL);
  CU_ASSERT(access(in_scratch("empty/report.html"), F_OK) != 0);
}

int main(void) {
  snprintf(scratch, sizeof scratch, "/tmp/finegrain-report-%ld", (long)getpid());
  if (mkdir(scratch, 0700) != 0) return 1;
  static const check_case cases[] = {
      {"CSV", read_csv},
      {"damaged CSV", read_damaged_csv},
      {"escaped texts", escape_texts},
      {"base64", encode_base64},
      {"numbers", write_numbers},
      {"short texts", shorten_texts},
      {"kernels unfolded", unfold_kernels},
      {"kernels drawn", draw_kernels},
      {"quantiles of Student's t", compute_quantiles},
      {"paired differences", take_paired_differences},
      {"plots", write_plots},
      {"tics", space_tics},
      {"drawings", take_drawings},
      {"results.h5", read_results},
      {"journal and stale plots", keep_a_journal},
      {"folders that hold nothing", refuse_folders},
      {0},
  };
  int code = check_main("report", cases);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", scratch);
  return system(command) == 0 ? code : 1; // NOLINT(cert-env33-c): a path of our own making
}
