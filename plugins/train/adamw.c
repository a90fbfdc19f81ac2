// adamw.c — see adamw.h.
#include "adamw.h"

#include <math.h>
#include <stdlib.h>

#define WARM_UP 0.3 // share of a cycle in which the rate grows
#define START_DIVISOR 25.0
#define END_DIVISOR 1e4 // of the rate at the start
#define LEAST_BETA1 0.85
#define MOST_BETA1 0.95

/// From `from` at t = 0 to `to` at t = 1, along half a cosine.
static double cosine(double from, double to, double t) { return to + (from - to) * (1 + cos(M_PI * t)) / 2; }

/// A cycle from `start` over `top` to `end`.
static double cycle(double start, double top, double end, double t) {
  return t < WARM_UP ? cosine(start, top, t / WARM_UP) : cosine(top, end, (t - WARM_UP) / (1 - WARM_UP));
}

/// 0 at the first step, 1 at the last; a single step is the top of a cycle, and the start of a cosine.
static double progress(const adamw_settings *settings, uint64_t step) {
  if (settings->steps > 1) return (double)step / (double)(settings->steps - 1);
  return settings->schedule == ADAMW_ONE_CYCLE ? WARM_UP : 0;
}

double adamw_rate(const adamw_settings *settings, uint64_t step) {
  const double rate = settings->rate, start = rate / START_DIVISOR, t = progress(settings, step);
  switch (settings->schedule) {
  case ADAMW_ONE_CYCLE: return cycle(start, rate, start / END_DIVISOR, t);
  case ADAMW_COSINE: return cosine(rate, 0, t);
  default: return rate;
  }
}

double adamw_beta1(const adamw_settings *settings, uint64_t step) {
  if (settings->schedule != ADAMW_ONE_CYCLE) return settings->beta1;
  return cycle(MOST_BETA1, LEAST_BETA1, MOST_BETA1, progress(settings, step));
}

int adamw_init(adamw *a, const adamw_settings *settings, size_t parameters) {
  *a = (adamw){.settings = *settings, .parameters = parameters, .beta1_product = 1, .beta2_product = 1};
  a->mean = calloc(parameters, sizeof *a->mean);
  a->square = calloc(parameters, sizeof *a->square);
  return a->mean && a->square;
}

void adamw_clear(adamw *a) {
  free(a->mean);
  free(a->square);
  a->mean = a->square = NULL;
}

void adamw_step(adamw *a, const double *gradient, double *weights) {
  const adamw_settings *s = &a->settings;
  const double rate = adamw_rate(s, a->step), beta1 = adamw_beta1(s, a->step), beta2 = s->beta2;
  a->step++;
  a->beta1_product *= beta1;
  a->beta2_product *= beta2;
  for (size_t k = 0; k < a->parameters; k++) {
    const double g = gradient[k];
    a->mean[k] = beta1 * a->mean[k] + (1 - beta1) * g;
    a->square[k] = beta2 * a->square[k] + (1 - beta2) * g * g;
    double mean = a->mean[k] / (1 - a->beta1_product), square = a->square[k] / (1 - a->beta2_product);
    weights[k] -= rate * (mean / (sqrt(square) + s->epsilon) + s->weight_decay * weights[k]);
  }
}
