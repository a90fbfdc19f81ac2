// bins.c — see bins.h.
#include "bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bins {
  uint32_t length;
  uint32_t number;  ///< the last one may be open
  uint64_t width;   ///< configurations of a full bin
  uint64_t in_open; ///< configurations of the last bin
  double *sums;     ///< BINS_MOST × length
};

bins *bins_new(uint32_t length) {
  bins *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->length = length;
  b->width = 1;
  b->sums = calloc((size_t)BINS_MOST * length, sizeof *b->sums);
  if (b->sums) return b;
  free(b);
  return NULL;
}

void bins_free(bins *b) {
  if (!b) return;
  free(b->sums);
  free(b);
}

uint64_t bins_bytes(uint32_t length) { return sizeof(bins) + (uint64_t)BINS_MOST * length * sizeof(double); }

static double *sums_of(const bins *b, uint32_t bin) { return b->sums + (size_t)bin * b->length; }

/// Two neighbours become one.
static void merge(bins *b) {
  for (uint32_t i = 0; i < BINS_MOST / 2; i++) {
    const double *left = sums_of(b, 2 * i), *right = sums_of(b, 2 * i + 1);
    double *into = sums_of(b, i);
    for (uint32_t k = 0; k < b->length; k++) into[k] = left[k] + right[k];
  }
  b->number = BINS_MOST / 2;
  b->width *= 2;
  b->in_open = b->width;
}

uint64_t bins_room(bins *b) {
  if (b->number && b->in_open < b->width) return b->width - b->in_open;
  if (b->number == BINS_MOST) merge(b);
  memset(sums_of(b, b->number), 0, b->length * sizeof(double));
  b->number++;
  b->in_open = 0;
  return b->width;
}

double *bins_next(bins *b, uint64_t count) {
  bins_room(b);
  b->in_open += count;
  return sums_of(b, b->number - 1);
}

void bins_scale(bins *b, uint32_t begin, uint32_t end, double factor) {
  for (uint32_t i = 0; i < b->number; i++)
    for (uint32_t k = begin; k < end; k++) sums_of(b, i)[k] *= factor;
}

uint64_t bins_count(const bins *b) { return b->number ? (b->number - 1) * b->width + b->in_open : 0; }

/// Without a last one that nothing was added to.
uint32_t bins_number(const bins *b) { return b->number && !b->in_open ? b->number - 1 : b->number; }

const double *bins_sums(const bins *b, uint32_t bin) { return sums_of(b, bin); }

uint64_t bins_size(const bins *b, uint32_t bin) { return bin + 1 == b->number ? b->in_open : b->width; }

void bins_mean(const bins *b, uint32_t without, double *mean) {
  uint64_t left = bins_count(b);
  memset(mean, 0, b->length * sizeof *mean);
  for (uint32_t i = 0; i < bins_number(b); i++) {
    if (i == without) {
      left -= bins_size(b, i);
      continue;
    }
    const double *sums = sums_of(b, i);
    for (uint32_t k = 0; k < b->length; k++) mean[k] += sums[k];
  }
  for (uint32_t k = 0; k < b->length; k++) mean[k] = left ? mean[k] / (double)left : NAN;
}

void bins_total(const bins *b, double *total) {
  memset(total, 0, b->length * sizeof *total);
  for (uint32_t i = 0; i < bins_number(b); i++) {
    const double *sums = sums_of(b, i);
    for (uint32_t k = 0; k < b->length; k++) total[k] += sums[k];
  }
}

void bins_mean_from(const bins *b, const double *total, uint32_t without, double *mean) {
  const uint64_t left = bins_count(b) - bins_size(b, without);
  const double *sums = sums_of(b, without);
  for (uint32_t k = 0; k < b->length; k++) mean[k] = left ? (total[k] - sums[k]) / (double)left : NAN;
}

/// Pseudo-value of bin i, which is a share 1/h of all configurations: h θ - (h-1) θ_i.
static double pseudo(double h, double value, double left_out) { return h * value - (h - 1) * left_out; }

double bins_covariance(const bins *b, double value, const double *left_out, double value2, const double *left_out2) {
  const uint32_t number = bins_number(b);
  const double n = (double)bins_count(b);
  double mean = 0, mean2 = 0, sum = 0;
  if (number < 2) return NAN;
  for (uint32_t i = 0; i < number; i++) {
    double h = n / (double)bins_size(b, i);
    mean += pseudo(h, value, left_out[i]) / h;
    mean2 += pseudo(h, value2, left_out2[i]) / h;
  }
  for (uint32_t i = 0; i < number; i++) {
    double h = n / (double)bins_size(b, i);
    sum += (pseudo(h, value, left_out[i]) - mean) * (pseudo(h, value2, left_out2[i]) - mean2) / (h - 1);
  }
  return sum / number;
}

double bins_error(const bins *b, double value, const double *left_out) {
  return sqrt(bins_covariance(b, value, left_out, value, left_out));
}
