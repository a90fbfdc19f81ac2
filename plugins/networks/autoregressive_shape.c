// autoregressive_shape.c — see autoregressive_shape.h.
#include "autoregressive_shape.h"

#include <jansson.h>
#include <string.h>

const char *const autoregressive_logits[] = {"linear", "hidden", NULL};
const char *const autoregressive_symmetries[] = {"none", "mixture", NULL};

/// (dy, dx) of the positions in the order they are drawn; also (Y mod 2, X mod 2) of four colours.
static const uint32_t order_y[4] = {0, 1, 0, 1}, order_x[4] = {0, 1, 1, 0};

/// Place of (y, x) in that order.
static uint32_t order_of(uint32_t y, uint32_t x) { return x == y ? y : 2 + y; }

/// Colour of the block (by, bx) away from one of colour `colour`.
static uint32_t colour_from(uint32_t colours, uint32_t colour, int32_t by, int32_t bx) {
  if (colours == 1) return 0;
  if (colours == 2) return (colour + (uint32_t)(by + bx)) & 1;
  return order_of((order_y[colour] + (uint32_t)by) & 1, (order_x[colour] + (uint32_t)bx) & 1);
}

// ---- steps

static void add_input(autoregressive_step *step, int fine, int32_t dy, int32_t dx) {
  step->input[step->inputs++] = (autoregressive_input){(int8_t)fine, (int8_t)dy, (int8_t)dx};
}

/// The centre of the block (dy, dx) from the parent's lies so far from the site.
static void add_coarse_inputs(const autoregressive_shape *shape, autoregressive_step *step) {
  const int32_t reach = shape->coarse_reach;
  for (int32_t dy = -reach; dy <= reach; dy++) {
    for (int32_t dx = -reach; dx <= reach; dx++) {
      double y = 2 * dy + 0.5 - step->dy, x = 2 * dx + 0.5 - step->dx;
      if (y * y + x * x <= shape->coarse_radius * shape->coarse_radius) add_input(step, 0, dy, dx);
    }
  }
}

/// Those that an earlier step draws.
static void add_fine_inputs(const autoregressive_shape *shape, autoregressive_step *step) {
  const int32_t reach = shape->fine_reach;
  for (int32_t dy = -reach; dy <= reach; dy++) {
    for (int32_t dx = -reach; dx <= reach; dx++) {
      if (dy * dy + dx * dx > shape->fine_radius * shape->fine_radius) continue;
      int32_t y = (int32_t)step->dy + dy, x = (int32_t)step->dx + dx;
      uint32_t order = order_of((uint32_t)y & 1, (uint32_t)x & 1);
      int32_t by = (y - (y & 1)) / 2, bx = (x - (x & 1)) / 2;
      uint32_t colour = colour_from(shape->colours, step->colour, by, bx);
      if (order < step->order || (order == step->order && colour < step->colour)) add_input(step, 1, dy, dx);
    }
  }
}

static void add_step(autoregressive_shape *shape, uint32_t order, uint32_t colour) {
  autoregressive_step *step = &shape->step[shape->steps++];
  *step = (autoregressive_step){
      .dy = order_y[order], .dx = order_x[order], .order = order, .colour = colour, .first = shape->parameters};
  add_coarse_inputs(shape, step);
  add_fine_inputs(shape, step);
  shape->parameters += step->inputs * (1 + shape->hidden) + shape->hidden;
}

const char *autoregressive_shape_derive(autoregressive_shape *shape, char why[160]) {
  if (shape->classes != 4 && shape->classes != 8 && shape->classes != 16) {
    snprintf(why, 160, "%u is none of 4, 8, 16: one, two or four colours of blocks for each position", shape->classes);
    return "classes";
  }
  if (shape->top_coupling != 0 && !shape->majority) {
    snprintf(why, 160, "false, but the exact last pair of top_coupling knows blocks of the majority only; use true");
    return "majority";
  }
  if (shape->logits == AUTOREGRESSIVE_LINEAR) shape->hidden = 0;
  shape->colours = shape->classes / 4;
  shape->coarse_reach = (int32_t)((shape->coarse_radius + 0.5) / 2);
  shape->fine_reach = (int32_t)shape->fine_radius;
  shape->steps = 0;
  shape->parameters = 0;
  for (uint32_t order = 0; order < (shape->top_coupling != 0 ? 2u : 4u); order++)
    for (uint32_t colour = 0; colour < shape->colours; colour++) add_step(shape, order, colour);
  return NULL;
}

autoregressive_places autoregressive_step_places(const autoregressive_shape *shape, const autoregressive_step *step,
                                                 uint64_t y, uint64_t width) {
  autoregressive_places places = {0, 1, width};
  if (shape->colours == 1) return places;
  places.stride = 2;
  places.first = shape->colours == 2 ? (step->colour + y) & 1 : order_x[step->colour];
  if (shape->colours == 4 && order_y[step->colour] != (y & 1)) places.first = width;
  places.count = places.first < width ? (width - places.first + 1) / 2 : 0;
  return places;
}

// ---- JSON

/// Index of a name in a list, -1 when it is not there.
static int64_t find(const char *const *names, const char *name) {
  for (int64_t i = 0; names[i]; i++)
    if (strcmp(names[i], name) == 0) return i;
  return -1;
}

const char *autoregressive_shape_read(autoregressive_shape *shape, const char *text, char why[200]) {
  json_error_t error;
  json_int_t hidden = 8, classes = 8;
  const char *logits = "hidden", *symmetrize = "none";
  int majority = 1;
  *shape = (autoregressive_shape){.coarse_radius = 3.6, .fine_radius = 3.2};
  json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  int read = json && json_unpack_ex(json, &error, JSON_STRICT, "{s?s, s?I, s?I, s?F, s?F, s?b, s?F, s?s}", "logits",
                                    &logits, "hidden", &hidden, "classes", &classes, "coarse_radius",
                                    &shape->coarse_radius, "fine_radius", &shape->fine_radius, "majority", &majority,
                                    "top_coupling", &shape->top_coupling, "symmetrize", &symmetrize) == 0;
  int64_t form = read ? find(autoregressive_logits, logits) : -1;
  int64_t symmetry = read ? find(autoregressive_symmetries, symmetrize) : -1;
  json_decref(json);
  why[0] = 0;
  if (!read)
    snprintf(why, 200, "%s", error.text);
  else if (form < 0)
    snprintf(why, 200, "logits must be linear or hidden");
  else if (symmetry < 0)
    snprintf(why, 200, "symmetrize must be none or mixture");
  else if (hidden < 1 || hidden > AUTOREGRESSIVE_MOST_HIDDEN)
    snprintf(why, 200, "hidden must be from 1 to %u", AUTOREGRESSIVE_MOST_HIDDEN);
  else if (!(shape->coarse_radius >= 0.75 && shape->coarse_radius <= 6))
    snprintf(why, 200, "coarse_radius must be from 0.75 to 6");
  else if (!(shape->fine_radius >= 0 && shape->fine_radius <= 4.5))
    snprintf(why, 200, "fine_radius must be from 0 to 4.5");
  else if (!(fabs(shape->top_coupling) <= 10))
    snprintf(why, 200, "top_coupling must be from -10 to 10");
  if (why[0]) return why;
  shape->logits = (uint32_t)form;
  shape->hidden = (uint32_t)hidden;
  shape->classes = classes > 0 && classes <= 16 ? (uint32_t)classes : 0;
  shape->majority = (uint32_t)majority;
  shape->symmetrize = (uint32_t)symmetry;
  char reason[160];
  const char *wrong = autoregressive_shape_derive(shape, reason);
  if (!wrong) return NULL;
  snprintf(why, 200, "%s: %s", wrong, reason);
  return why;
}

void autoregressive_shape_write(const autoregressive_shape *shape, char json[AUTOREGRESSIVE_TEXT]) {
  size_t at = (size_t)snprintf(json, AUTOREGRESSIVE_TEXT, "{\"logits\":\"%s\"", autoregressive_logits[shape->logits]);
  if (shape->logits == AUTOREGRESSIVE_HIDDEN)
    at += (size_t)snprintf(json + at, AUTOREGRESSIVE_TEXT - at, ",\"hidden\":%u", shape->hidden);
  snprintf(json + at, AUTOREGRESSIVE_TEXT - at,
           ",\"classes\":%u,\"coarse_radius\":%.17g,\"fine_radius\":%.17g,\"majority\":%s,\"top_coupling\":%.17g,"
           "\"symmetrize\":\"%s\"}",
           shape->classes, shape->coarse_radius, shape->fine_radius, shape->majority ? "true" : "false",
           shape->top_coupling, autoregressive_symmetries[shape->symmetrize]);
}

// ---- names

/// "(1,1)/0": position and colour; then "coarse(0,-1)" or "fine(0,-1)", with "unit3 " before it for hidden units; "unit3
/// out" is a unit's weight in the logit. A model is opened for every minibatch, so texts are put together once an input.
void autoregressive_shape_name(const autoregressive_shape *shape, char (*names)[AUTOREGRESSIVE_NAME]) {
  char inputs[AUTOREGRESSIVE_MOST_INPUTS][20], step_name[12], unit[24];
  for (uint32_t s = 0; s < shape->steps; s++) {
    const autoregressive_step *step = &shape->step[s];
    char(*name)[AUTOREGRESSIVE_NAME] = names + step->first;
    snprintf(step_name, sizeof step_name, "(%u,%u)/%u ", step->dy & 1, step->dx & 1, step->colour & 3);
    for (uint32_t i = 0; i < step->inputs; i++) {
      const autoregressive_input *input = &step->input[i];
      snprintf(inputs[i], sizeof *inputs, "%s(%d,%d)", input->fine ? "fine" : "coarse", input->dy, input->dx);
      stpcpy(stpcpy(*name++, step_name), inputs[i]);
    }
    for (uint32_t h = 0; h < shape->hidden; h++) {
      snprintf(unit, sizeof unit, "%sunit%u ", step_name, h & 63);
      for (uint32_t i = 0; i < step->inputs; i++) stpcpy(stpcpy(*name++, unit), inputs[i]);
    }
    for (uint32_t h = 0; h < shape->hidden; h++) snprintf(*name++, sizeof *name, "%sunit%u out", step_name, h & 63);
  }
}
