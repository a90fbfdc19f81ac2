// slices.h — the fast way to refine with a table network (network.h). Its random numbers are bit planes of 512 coarse
// sites, so everything is done on planes: one bit of a word is one site, and "u < threshold" is a comparison bit by bit
// for all sites of a word at once. The bytes are those of the network's own `sample`. slices.c prepares a table and
// chooses among the kernels, slices_kernel.h draws, slices_<isa>.c say what a word is there.
#ifndef PLUGINS_GENERATE_SLICES_H
#define PLUGINS_GENERATE_SLICES_H

#include "finegrain/finegrain.h"

#define SLICES_GROUP 512u                 ///< coarse sites whose planes lie together: 64 bytes each
#define SLICES_CHUNK (16u * SLICES_GROUP) ///< coarse sites drawn at a time, at most
#define SLICES_PLANES 16u                 ///< bits of a random number
#define SLICES_BLOCK 4u                   ///< fine spins below a coarse one, d = 2·dy + dx
#define SLICES_REACH 2                    ///< farthest row or column, from the parent, that a window may have
#define SLICES_SIDE (2 * SLICES_REACH + 1)
#define SLICES_NEAR 512u     ///< patterns of 3×3 spins
#define SLICES_MOST_BITS 16u ///< of a larger pattern

// Before a short loop of a kernel.
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 9")
#endif

// ---- rules

/// Thresholds of the four fine spins for each pattern of the 3×3 spins around the parent, bit 3·row + column; in the two
/// layouts that kernels look them up in.
typedef struct slices_near {
  uint64_t blocks[SLICES_NEAR];                ///< 16 bits for each d
  uint8_t bytes[SLICES_BLOCK][2][SLICES_NEAR]; ///< low and high bytes
} slices_near;

/// How a rule finds thresholds.
typedef enum slices_form {
  SLICES_BY_CORNER,  ///< by the two nearest neighbours and the diagonal one: do they differ from the parent?
  SLICES_BY_PATTERN, ///< by all 3×3 spins
  SLICES_BY_WINDOW,  ///< by a larger window, another one for each d
} slices_form;

/// A table, prepared.
typedef struct slices_rule {
  slices_form form;
  unsigned full; ///< 1: some thresholds are 2¹⁶: no u reaches them, and they have a 17th bit
  /// By corner: bit p of the threshold is bit 4·vertical + 2·horizontal + diagonal of truth[p].
  uint8_t truth[SLICES_PLANES + 1];
  /// By pattern: bits 0–15 of the thresholds, and bit 16.
  slices_near low, high;
  /// By window: bit i of the pattern of d is the spin at row and column place[d][i] from the parent.
  uint32_t bits;
  int8_t place[SLICES_BLOCK][SLICES_MOST_BITS][2];
  const uint32_t *thresholds[SLICES_BLOCK]; ///< the model's
} slices_rule;

/// Prepares a table; 0 when it is one that no kernel draws. The rule is good as long as the model is open.
int slices_prepare(slices_rule *rule, const fg_network_table *table);

// ---- work

/// One inverse step. Rows are counted through all configurations of the batch.
typedef struct slices_job {
  const slices_rule *rule;
  fg_rng_fill_fn fill;
  fg_rng_key key;
  const fg_batch *coarse; ///< whole configurations, on square lattices
  fg_batch *fine;         ///< whole, or a slab of an even number of rows; first, level and first_row are set
  uint64_t first_row;     ///< the coarse row below whose spins lie the first rows of `fine`
} slices_job;

/// Some coarse rows, or columns of one.
typedef struct slices_chunk {
  uint64_t row, rows, column, columns;
} slices_chunk;

static inline uint64_t slices_rows(const slices_job *job) { return job->fine->count * job->fine->rows / 2; }

/// Chunks of a job. They do not share words of memory and may be drawn at the same time.
static inline uint64_t slices_chunks(const slices_job *job) {
  uint64_t width = fg_lattice_width(&job->coarse->lattice), together = SLICES_CHUNK / width;
  if (together) return (slices_rows(job) + together - 1) / together;
  return slices_rows(job) * ((width + SLICES_CHUNK - 1) / SLICES_CHUNK);
}

static inline slices_chunk slices_chunk_at(const slices_job *job, uint64_t index) {
  uint64_t width = fg_lattice_width(&job->coarse->lattice), together = SLICES_CHUNK / width;
  if (together) {
    uint64_t row = index * together, left = slices_rows(job) - row;
    return (slices_chunk){job->first_row + row, left < together ? left : together, 0, width};
  }
  uint64_t parts = (width + SLICES_CHUNK - 1) / SLICES_CHUNK, column = index % parts * SLICES_CHUNK;
  uint64_t left = width - column;
  return (slices_chunk){job->first_row + index / parts, 1, column, left < SLICES_CHUNK ? left : SLICES_CHUNK};
}

// ---- kernels

/// What draws on one kind of machine. All draw the same bytes.
typedef struct slices_isa {
  const char *name;
  int (*usable)(void);                                               ///< whether this CPU can run it
  void (*draw)(const slices_job *job, uint64_t begin, uint64_t end); ///< chunks begin … end-1
} slices_isa;

extern const slices_isa slices_portable, slices_avx2, slices_avx512;

/// The fastest this CPU can run, or the one named; NULL: unknown here, or not usable.
const slices_isa *slices_choose(const char *name);

/// The same with the name that FINEGRAIN_ISA in the environment gives, if any; NULL after reporting what is wrong.
const slices_isa *slices_chosen(const fg_host *host);

#endif
