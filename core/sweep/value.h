// value.h — short words for a value of an axis: a whole stage, "{plugin: network.conv, params: {kernel: 3}}", is told by
// its plugin and its parameters, "network.conv kernel=3".
#ifndef CORE_SWEEP_VALUE_H
#define CORE_SWEEP_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#define FG_VALUE_PAIRS 24u

/// A part of a longer text.
typedef struct fg_span {
  const char *text;
  size_t length;
} fg_span;

/// What a whole stage consists of; all parts lie in its text.
typedef struct fg_stage_value {
  fg_span plugin;
  fg_span pairs[FG_VALUE_PAIRS]; ///< "kernel: 3": the parameters, and other keys
  size_t count;
} fg_stage_value;

/// False, when the value is no stage (or has more than FG_VALUE_PAIRS pairs).
bool fg_stage_value_read(fg_stage_value *value, const char *text);

/// "kernel=3"; returns what it wrote to `text`, cut at `size`.
const char *fg_value_pair(fg_span pair, char *text, size_t size);

/// The whole value, a stage by its plugin and pairs, anything else as it is; cut with an ellipsis at `size`.
const char *fg_sweep_value_text(const char *value, char *text, size_t size);

#endif
