// models.c — a run's models in its report: hyperparameters, and weights drawn as the kernels they are where the
// network is one we know.
#include "report/run_page.h"

#include "report/kernel.h"
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MODELS 24u
#define MOST_KERNELS 64u // of one convolution
#define MOST_NUMBERED 9u // a kernel with more squares a side has no numbers in them
#define MOST_SIDE 63

static double largest_of(const double *weights, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    if (isfinite(weights[i])) largest = fmax(largest, fabs(weights[i]));
  return largest;
}

/// An odd number of squares a side, from {"kernel": k, …}; 0 when there is none.
static unsigned side_of(const json_t *hyperparameters) {
  json_int_t side = json_integer_value(json_object_get(hyperparameters, "kernel"));
  return side >= 1 && side <= MOST_SIDE && side % 2 == 1 ? (unsigned)side : 0;
}

/// network.symmetric: one kernel.
static void draw_symmetric(fg_page *page, const fg_saved_model *model, unsigned side) {
  double *cells = fg_arena_take(&page->arena, (size_t)side * side, sizeof *cells);
  if (!fg_kernel_unfold(model->weights, model->weight_count, side, cells)) return;
  fputs("<figure>", page->out);
  fg_kernel_draw(page->out, cells, side, largest_of(cells, (size_t)side * side), side <= MOST_NUMBERED,
                 fg_arena_format(&page->arena, "Kernel of %u×%u weights of %s", side, side, model->stage));
  fprintf(
      page->out,
      "<figcaption>The %u×%u kernel: half the sum of these weights times the coarse spins they meet is the logit of "
      "the fine spin at the centre.</figcaption></figure>\n",
      side, side);
}

/// network.conv: the first layer, [out][in][ky][kx] with one channel in.
static void draw_convolution(fg_page *page, const fg_saved_model *model, const json_t *hyperparameters, unsigned side) {
  const json_t *channels = json_object_get(hyperparameters, "channels");
  json_int_t kernels = json_array_size(channels) ? json_integer_value(json_array_get(channels, 0)) : 1;
  size_t squares = (size_t)side * side, count = kernels > 0 ? (size_t)kernels : 0, shown;
  if (count > model->weight_count / squares) return;
  shown = count < MOST_KERNELS ? count : MOST_KERNELS;
  double largest = largest_of(model->weights, count * squares);
  fputs("<figure><div class=\"kernels\">", page->out);
  for (size_t i = 0; i < shown; i++)
    fg_kernel_draw(page->out, model->weights + i * squares, side, largest, false,
                   fg_arena_format(&page->arena, "Kernel %zu of the first layer of %s", i + 1, model->stage));
  fprintf(page->out,
          "</div><figcaption>The first layer's %zu kernel%s of %u×%u weights, on one scale: the strongest "
          "colour is |<i>w</i>| = ",
          count, count == 1 ? "" : "s", side, side);
  fg_html_number(page->out, largest, 3);
  fputs(", blue positive, orange negative.", page->out);
  if (shown < count) fprintf(page->out, " The first %zu are shown.", shown);
  fputs("</figcaption></figure>\n", page->out);
}

static void write_model(fg_page *page, const fg_saved_model *model) {
  FILE *out = page->out;
  fputs("<h3>", out);
  fg_html_text(out, model->stage);
  fputs("</h3>\n<p><code>", out);
  fg_html_text(out, model->network);
  fputs("</code> <code>", out);
  fg_html_text(out, model->hyperparameters);
  fprintf(out, "</code>: %" PRIu64 " weight%s.</p>\n", model->weights_in_file, model->weights_in_file == 1 ? "" : "s");
  json_t *hyperparameters = json_loads(model->hyperparameters, 0, NULL);
  unsigned side = side_of(hyperparameters);
  if (side && strcmp(model->network, "network.symmetric") == 0) draw_symmetric(page, model, side);
  if (side && strcmp(model->network, "network.conv") == 0) draw_convolution(page, model, hyperparameters, side);
  json_decref(hyperparameters);
}

void fg_report_models(fg_page *page, const fg_run_data *run) {
  size_t trained = 0;
  for (size_t i = 0; i < run->results.model_count; i++) trained += run->results.models[i].weight_count > 0;
  if (!trained) return;
  fg_page_section(page, "models", "Models");
  size_t written = 0;
  for (size_t i = 0; i < run->results.model_count && written < MOST_MODELS; i++) {
    if (run->results.models[i].weight_count == 0) continue;
    write_model(page, &run->results.models[i]);
    written++;
  }
  if (written < trained)
    fprintf(page->out, "<p class=\"note\">%zu further models are in <code>results.h5</code>.</p>\n", trained - written);
}
