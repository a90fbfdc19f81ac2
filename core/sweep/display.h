// display.h — a sweep under way, as its terminal shows it: a line for the whole and one for each running point,
// redrawn in place; failures as they come, above them.
#ifndef FG_CORE_SWEEP_DISPLAY_H
#define FG_CORE_SWEEP_DISPLAY_H

#include "sweep/state.h"

typedef struct fg_display fg_display;

fg_display *fg_display_new(const fg_sweep_plan *plan, const fg_registry *registry);
/// What stands is erased.
void fg_display_free(fg_display *display);

/// Looks at every point and draws, no line longer than the terminal is wide.
void fg_display_draw(fg_display *display);

/// A line that stays.
void fg_display_say(fg_display *display, const char *text);

#endif
