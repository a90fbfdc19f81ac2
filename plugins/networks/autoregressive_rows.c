// autoregressive_rows.c — see autoregressive_rows.h. The bodies are written once, in vector types; each kernel compiles
// them for its instructions.
#include "autoregressive_rows.h"

#include "autoregressive_lanes.h"

#include <math.h>

/// Rows are followed, and margins filled, by steps that wrap: divisions would take longer than all else on small lattices.
LANES_INLINE void columns_body(const autoregressive_lattice *lattice, uint64_t y, int32_t reach, uint16_t *columns) {
  typedef uint8_t bytes __attribute__((vector_size(AUTOREGRESSIVE_GRAIN), aligned(1), may_alias));
  typedef uint16_t values __attribute__((vector_size(2 * AUTOREGRESSIVE_GRAIN), aligned(2), may_alias));
  const uint64_t span = (uint64_t)reach, width = lattice->width;
  const uint8_t *rows[2 * AUTOREGRESSIVE_MOST_FINE + 1];
  uint64_t row = y;
  for (uint64_t i = 0; i < span; i++) row = row ? row - 1 : lattice->rows - 1;
  for (uint64_t i = 0; i <= 2 * span; i++) {
    rows[i] = lattice->spins + row * lattice->stride;
    row = row + 1 < lattice->rows ? row + 1 : 0;
  }
  for (uint64_t x = 0; x < width; x += AUTOREGRESSIVE_GRAIN) {
    values sum = {0};
    for (uint64_t i = 2 * span + 1; i-- > 0;)
      sum = (sum + sum) | __builtin_convertvector(*(const bytes *)(const void *)(rows[i] + x), values);
    *(values *)(void *)(columns + x) = sum;
  }
  uint64_t first = 0, last = width - 1;
  for (uint64_t margin = 0; margin < span; margin++) {
    columns[width + margin] = columns[first];
    *(columns - 1 - margin) = columns[last];
    first = first + 1 < width ? first + 1 : 0;
    last = last ? last - 1 : width - 1;
  }
}

typedef uint32_t numbers __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/// The values of a column at eight successive sites.
LANES_INLINE void read_column(const uint16_t *columns, uint64_t stride, uint64_t site, numbers *values) {
  typedef uint16_t by1 __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
  typedef uint64_t by4 __attribute__((vector_size(8 * LANES), aligned(2), may_alias));
  const void *at = columns + site * stride;
  if (stride == 1)
    *values = __builtin_convertvector(*(const by1 *)at, numbers);
  else if (stride == 2)
    memcpy(values, at, sizeof *values), *values &= 0xffff;
  else
    *values = __builtin_convertvector(*(const by4 *)at & 0xffff, numbers);
}

/// What column values stand for; some sites beyond the last one are written, too.
LANES_INLINE void append_body(const autoregressive_run *run, const autoregressive_sites *sites) {
  const autoregressive_table *table = sites->table;
  for (uint32_t g = 0; g < table->groups; g++) {
    const autoregressive_group *group = &table->group[g];
    uint32_t *records = sites->records + (uint64_t)g * AUTOREGRESSIVE_ROOM + sites->count;
    for (uint64_t site = 0; site < run->count; site += LANES) {
      numbers sum = (numbers){0} + group->first, values;
      for (uint32_t k = 0; k < group->columns; k++) {
        const autoregressive_column *column = &group->column[k];
        read_column(run->columns[column->fine] + column->dx, run->stride[column->fine], site, &values);
        sum += (values >> column->lowest & ((1u << column->bits) - 1)) << column->place;
      }
      *(numbers *)(void *)(records + site) = sum;
    }
  }
}

/// Groups that do nothing fill them up to a multiple of AUTOREGRESSIVE_TOGETHER.
LANES_INLINE uint32_t filled_up(const autoregressive_sites *sites) {
  const autoregressive_table *table = sites->table;
  uint32_t groups = table->groups;
  for (; groups % AUTOREGRESSIVE_TOGETHER; groups++)
    for (uint64_t site = 0; site < sites->count; site++)
      sites->records[(uint64_t)groups * AUTOREGRESSIVE_ROOM + site] = table->group[groups].first;
  return groups;
}

/// Adds up, for every site, `vectors` of the `all` vectors of its records from number `from` on, and with the first ones
/// the linear parts.
LANES_INLINE void add_up(const autoregressive_sites *sites, uint32_t groups, uint32_t all, uint32_t from,
                         uint32_t vectors, double *logits) {
  const autoregressive_table *table = sites->table;
  const uint64_t size = all ? (all + 1) * sizeof(lanes) : sizeof(double);
  const char *bytes = table->values.bytes + from * sizeof(lanes);
  lanes *units = (lanes *)(void *)sites->units + from;
  for (uint64_t site = 0; site < sites->count; site++) {
    const uint32_t *records = sites->records + site;
    lanes sum[4] = {0};
    double linear = 0;
    for (uint32_t g = 0; g < groups; g += AUTOREGRESSIVE_TOGETHER) {
      for (uint32_t k = 0; k < AUTOREGRESSIVE_TOGETHER; k++) {
        const char *record = bytes + records[k * AUTOREGRESSIVE_ROOM] * size;
        for (uint32_t v = 0; v < vectors; v++) sum[v] += ((const lanes *)(const void *)record)[v];
        if (from == 0) linear += *(const double *)(const void *)(record + all * sizeof(lanes));
      }
      records += (uint64_t)AUTOREGRESSIVE_TOGETHER * AUTOREGRESSIVE_ROOM;
    }
    for (uint32_t v = 0; v < vectors; v++) units[site * all + v] = sum[v];
    if (from == 0) logits[site] = linear;
  }
}

/// The numbers of vectors that are usual have loops of their own.
LANES_INLINE void add_up_all(const autoregressive_sites *sites, double *logits) {
  const uint32_t groups = filled_up(sites), all = sites->table->vectors;
  switch (all) {
  case 0: add_up(sites, groups, 0, 0, 0, logits); return;
  case 1: add_up(sites, groups, 1, 0, 1, logits); return;
  case 2: add_up(sites, groups, 2, 0, 2, logits); return;
  case 3: add_up(sites, groups, 3, 0, 3, logits); return;
  case 4: add_up(sites, groups, 4, 0, 4, logits); return;
  default: break;
  }
  for (uint32_t from = 0; from < all; from++) add_up(sites, groups, all, from, 1, logits);
}

/// The hidden units' part of the logits, eight sites at a time: what lies beyond the last one does no harm.
LANES_INLINE void add_units(const autoregressive_sites *sites, double *logits) {
  typedef double sums __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
  const uint64_t vectors = sites->table->vectors;
  const lanes *out = (const lanes *)(const void *)sites->table->values.out;
  lanes *units = (lanes *)(void *)sites->units;
  for (uint64_t i = 0; i < sites->count * vectors; i += MANY / LANES) many_tanh((many *)(void *)(units + i));
  for (uint64_t first = 0; first < sites->count; first += LANES) {
    lanes x[LANES], total;
    for (uint64_t k = 0; k < LANES; k++) x[k] = units[(first + k) * vectors] * out[0];
    for (uint64_t v = 1; v < vectors; v++)
      for (uint64_t k = 0; k < LANES; k++) x[k] += units[(first + k) * vectors + v] * out[v];
    lanes_sums(x, &total);
    *(sums *)(void *)(logits + first) += __builtin_convertvector(total, sums);
  }
}

LANES_INLINE void logits_body(const autoregressive_sites *sites, double *logits) {
  add_up_all(sites, logits);
  if (sites->table->vectors) add_units(sites, logits);
}

/// The way back, for `vectors` of the `all` vectors of the records from number `from` on, and with the first ones the linear
/// parts.
LANES_INLINE void share_out(const autoregressive_sites *sites, const double *slopes, uint32_t all, uint32_t from,
                            uint32_t vectors, const autoregressive_records *sums) {
  const autoregressive_table *table = sites->table;
  const uint64_t size = all ? (all + 1) * sizeof(lanes) : sizeof(double);
  const lanes *out = (const lanes *)(const void *)table->values.out + from;
  const lanes *units = (const lanes *)(const void *)sites->units + from;
  lanes *sum_out = (lanes *)(void *)sums->out + from;
  char *bytes = sums->bytes + from * sizeof(lanes);
  for (uint64_t site = 0; site < sites->count; site++) {
    const float slope = (float)slopes[site];
    lanes down[4];
    for (uint32_t v = 0; v < vectors; v++) {
      const lanes t = units[site * all + v];
      down[v] = out[v] * (1.0f - t * t) * slope;
      sum_out[v] += t * slope;
    }
    for (uint32_t g = 0; g < table->groups; g++) {
      char *record = bytes + sites->records[(uint64_t)g * AUTOREGRESSIVE_ROOM + site] * size;
      for (uint32_t v = 0; v < vectors; v++) ((lanes *)(void *)record)[v] += down[v];
      if (from == 0) *(double *)(void *)(record + all * sizeof(lanes)) += slopes[site];
    }
  }
}

LANES_INLINE void add_slopes_body(const autoregressive_sites *sites, const double *slopes, autoregressive_sums *sums) {
  const uint32_t all = sites->table->vectors;
  sums->sites += sites->count;
  switch (all) {
  case 0: share_out(sites, slopes, 0, 0, 0, &sums->values); return;
  case 1: share_out(sites, slopes, 1, 0, 1, &sums->values); return;
  case 2: share_out(sites, slopes, 2, 0, 2, &sums->values); return;
  case 3: share_out(sites, slopes, 3, 0, 3, &sums->values); return;
  case 4: share_out(sites, slopes, 4, 0, 4, &sums->values); return;
  default: break;
  }
  for (uint32_t from = 0; from < all; from++) share_out(sites, slopes, all, from, 1, &sums->values);
}

/// With t = exp -|m| the miss is t/(1+t) or 1/(1+t).
LANES_INLINE void probabilities_body(const double *margins, uint64_t count, double *misses, double *factors) {
  const wide one = (wide){0} + 1;
  for (uint64_t i = 0; i < count; i += WIDE) {
    const wide m = *(const wide *)(const void *)(margins + i);
    const wide_bits positive = m > 0;
    wide t = -(wide)((wide_bits)m & INT64_MAX);
    wide_exp(&t);
    *(wide *)(void *)(misses + i) = (wide)(((wide_bits)t & positive) | ((wide_bits)one & ~positive)) / (1 + t);
    *(wide *)(void *)(factors + i) = 1 + t;
  }
}

// ---- kernels

#define KERNEL(name, target)                                                                                           \
  target static void columns_##name(const autoregressive_lattice *lattice, uint64_t y, int32_t reach,                  \
                                    uint16_t *columns) {                                                               \
    columns_body(lattice, y, reach, columns);                                                                          \
  }                                                                                                                    \
  target static void append_##name(const autoregressive_run *run, const autoregressive_sites *sites) {                 \
    append_body(run, sites);                                                                                           \
  }                                                                                                                    \
  target static void logits_##name(const autoregressive_sites *sites, double *logits) { logits_body(sites, logits); }  \
  target static void add_slopes_##name(const autoregressive_sites *sites, const double *slopes,                        \
                                       autoregressive_sums *sums) {                                                    \
    add_slopes_body(sites, slopes, sums);                                                                              \
  }                                                                                                                    \
  target static void probabilities_##name(const double *margins, uint64_t count, double *misses, double *factors) {    \
    probabilities_body(margins, count, misses, factors);                                                               \
  }                                                                                                                    \
  static const autoregressive_kernel name = {columns_##name, append_##name, logits_##name, add_slopes_##name,          \
                                             probabilities_##name};

KERNEL(plain, )
#if defined __x86_64__
KERNEL(avx2, __attribute__((target("avx2"))))
// GCC 12 misaligns 512-bit variables in the frames that address sanitizer keeps to detect their use after return.
#if !defined __SANITIZE_ADDRESS__
#define HAS_AVX512
KERNEL(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))
#endif
#endif

const autoregressive_kernel *autoregressive_kernel_at(uint32_t index) {
  const autoregressive_kernel *kernels[4] = {&plain};
#if defined __x86_64__
  uint32_t count = 1;
  if (__builtin_cpu_supports("avx2")) kernels[count++] = &avx2;
#if defined HAS_AVX512
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    kernels[count] = &avx512;
#endif
#endif
  return index < 4 ? kernels[index] : NULL;
}

const autoregressive_kernel *autoregressive_fastest(void) {
  uint32_t index = 0;
  while (autoregressive_kernel_at(index + 1)) index++;
  return autoregressive_kernel_at(index);
}
