// bench_samplers.c — sweeps of the samplers without the runtime, next to plain ones of the kind that everybody writes
// first: a byte a spin, a random number a decision. Rates are in spins updated, for single clusters in spins flipped.
#include "driver.h"
#include "rng.h"
#include "tasks.h"

#include "plugins/samplers/checkerboard.h"
#include "plugins/samplers/cluster_sweep.h"

#include <math.h>
#include <stdlib.h>

#define CRITICAL 0.44068679350977147

static const char *const instruction_sets[] = {"portable", "avx2", "avx512"};

/// A lattice of bytes and what plain sweeps need beside it.
typedef struct plain {
  uint32_t length;
  uint8_t *sites;
  uint32_t *stack, *label;
  fg_rng rng;
} plain;

static plain plain_open(uint32_t length) {
  const size_t sites = (size_t)length * length;
  plain p = {length, calloc(sites, 1), malloc((sites + 1) * sizeof(uint32_t)), malloc(sites * sizeof(uint32_t)),
             fg_rng_start(fg_rng_fill, (fg_rng_key){{1, 2}}, 3)};
  if (!p.sites || !p.stack || !p.label) abort();
  return p;
}

static void plain_close(plain *p) {
  free(p->sites);
  free(p->stack);
  free(p->label);
}

static void find_neighbours(uint32_t length, uint32_t site, uint32_t near[4]) {
  const uint32_t y = site / length, x = site % length;
  near[0] = y * length + (x + 1 < length ? x + 1 : 0);
  near[1] = (y + 1 < length ? y + 1 : 0) * length + x;
  near[2] = y * length + (x ? x : length) - 1;
  near[3] = ((y ? y : length) - 1) * length + x;
}

// ---- single spins

static void run_plain_metropolis(void *arg) {
  plain *p = arg;
  const double accept[5] = {1, 1, 1, exp(-4 * CRITICAL), exp(-8 * CRITICAL)};
  for (uint32_t site = 0; site < p->length * p->length; site++) {
    uint32_t near[4];
    unsigned agreeing = 0;
    find_neighbours(p->length, site, near);
    for (int k = 0; k < 4; k++) agreeing += p->sites[near[k]] == p->sites[site];
    if (agreeing <= 2 || fg_rng_uniform(&p->rng) < accept[agreeing]) p->sites[site] ^= 1;
  }
}

typedef struct colours {
  checkerboard board;
  checkerboard_rule rule;
  const checkerboard_isa *isa;
  events_source source;
} colours;

static void run_colours(void *arg) {
  colours *c = arg;
  c->source.high++;
  checkerboard_sweep(c->isa, &c->board, &c->rule, &c->source);
}

static void bench_metropolis(bench *b, const char *task, uint32_t length) {
  if (!bench_wanted(b, task)) return;
  const double flip[CHECKERBOARD_CLASSES] = {0.75 * exp(-8 * CRITICAL), 0.75 * exp(-4 * CRITICAL), 0.75, 0.75, 0.75};
  plain p = plain_open(length);
  colours c[3];
  bench_contestant contestants[4] = {{"a byte a spin (reference)", run_plain_metropolis, &p, 1, 1}};
  unsigned n = 1;
  for (unsigned i = 0; i < 3; i++) {
    c[i] = (colours){.isa = checkerboard_choose(instruction_sets[i]), .rule = checkerboard_prepare(flip)};
    if (!c[i].isa) continue;
    c[i].source = (events_source){i ? fg_rng_fill : fg_rng_fill_portable, {{1, 2}}, 3};
    if (!checkerboard_open(&c[i].board, length)) abort();
    checkerboard_load(&c[i].board, p.sites);
    contestants[n++] = (bench_contestant){c[i].isa->name, run_colours, &c[i], i ? 16 : 1, 1};
  }
  bench_run(b, task, (double)length * length / 1e9, "Gspin", contestants, n);
  for (unsigned i = 0; i < 3; i++) checkerboard_close(&c[i].board);
  plain_close(&p);
}

// ---- all clusters

/// Bonds first, then clusters by a stack.
static void run_plain_clusters(void *arg) {
  plain *p = arg;
  const double active = -expm1(-2 * CRITICAL);
  const uint32_t sites = p->length * p->length;
  for (uint32_t site = 0; site < sites; site++) {
    p->label[site] = 0; // bit 0: bound to the right, 1: to the site below, 2: visited
    uint32_t near[4];
    find_neighbours(p->length, site, near);
    for (int k = 0; k < 2; k++)
      if (p->sites[site] == p->sites[near[k]] && fg_rng_uniform(&p->rng) < active) p->label[site] |= 1u << k;
  }
  for (uint32_t first = 0; first < sites; first++) {
    if (p->label[first] & 4) continue;
    const uint8_t flip = (uint8_t)(fg_rng_bits(&p->rng) >> 63);
    uint32_t height = 0;
    p->stack[height++] = first;
    p->label[first] |= 4;
    while (height) {
      const uint32_t site = p->stack[--height];
      uint32_t near[4];
      find_neighbours(p->length, site, near);
      p->sites[site] ^= flip;
      for (unsigned k = 0; k < 4; k++) {
        const uint32_t bonds = k < 2 ? p->label[site] : p->label[near[k]];
        if (!(bonds >> k % 2 & 1) || p->label[near[k]] & 4) continue;
        p->label[near[k]] |= 4;
        p->stack[height++] = near[k];
      }
    }
  }
}

typedef struct clusters {
  const fg_host *host;
  cluster_lattice lattice;
  cluster_events events;
} clusters;

static void run_clusters(void *arg) {
  clusters *c = arg;
  c->events.right.high = c->events.below.high = ++c->events.flip.high;
  if (cluster_sweep(c->host, &c->lattice, &c->events) != FG_OK) abort();
}

static void bench_clusters(bench *b, const fg_host *host, const char *task, uint32_t length) {
  if (!bench_wanted(b, task)) return;
  plain p = plain_open(length);
  clusters c = {.host = host,
                .events = {{fg_rng_fill, {{1, 2}}, 0},
                           {fg_rng_fill, {{3, 4}}, 0},
                           {fg_rng_fill, {{5, 6}}, 0},
                           events_threshold(-expm1(-2 * CRITICAL))}};
  if (!cluster_lattice_open(&c.lattice, length)) abort();
  c.lattice.labels = malloc((size_t)length * length * sizeof *c.lattice.labels);
  if (!c.lattice.labels) abort();
  cluster_lattice_load(&c.lattice, p.sites);
  for (int i = 0; i < 30; i++) { // from order, where clusters are few, towards what a chain sees
    run_plain_clusters(&p);
    run_clusters(&c);
  }
  const bench_contestant contestants[] = {{"a byte a spin (reference)", run_plain_clusters, &p, 1, 1},
                                          {"runs of bits, union-find", run_clusters, &c, 4, 1}};
  bench_run(b, task, (double)length * length / 1e9, "Gspin", contestants, 2);
  free(c.lattice.labels);
  cluster_lattice_close(&c.lattice);
  plain_close(&p);
}

// ---- single clusters

#define VOLUMES 20 // flipped in a call, on average

/// Clusters that flip them: the mean one at Kc has N⟨m²⟩ = 1.0918 L^(7/4) spins.
static double clusters_for(uint32_t length) { return ceil(VOLUMES * pow(length, 0.25) / 1.0918); }

static void run_plain_single(void *arg) {
  plain *p = arg;
  const double active = -expm1(-2 * CRITICAL);
  for (double left = clusters_for(p->length); left > 0; left--) {
    uint32_t height = 0, first = (uint32_t)fg_rng_below(&p->rng, (uint64_t)p->length * p->length);
    const uint8_t old = p->sites[first];
    p->stack[height++] = first;
    p->sites[first] ^= 1;
    while (height) {
      uint32_t near[4];
      find_neighbours(p->length, p->stack[--height], near);
      for (int k = 0; k < 4; k++) {
        if (p->sites[near[k]] != old || fg_rng_uniform(&p->rng) >= active) continue;
        p->sites[near[k]] ^= 1;
        p->stack[height++] = near[k];
      }
    }
  }
}

/// A batch of the stage: two configurations of 1024².
static void run_single(void *arg) {
  driver *stage = arg;
  if (driver_stage(stage)->produce(driver_self(stage)) != FG_OK) abort();
}

static void bench_single(bench *b, const char *task, uint32_t length) {
  if (!bench_wanted(b, task)) return;
  char params[160];
  snprintf(params, sizeof params,
           "size: %u, coupling: critical, configurations: 100000, chains: 1, thermalize: 200, spacing: %.0f", length,
           clusters_for(length) / 2);
  plain p = plain_open(length);
  driver *stage = driver_open("sampler.wolff", params, 1);
  if (driver_negotiate(stage, NULL) != FG_OK) abort();
  for (int i = 0; i < 2; i++) run_plain_single(&p);
  run_single(stage);
  const bench_contestant contestants[] = {{"a byte a spin (reference)", run_plain_single, &p, 1, 1},
                                          {"sampler.wolff", run_single, stage, 1, 1}};
  bench_run(b, task, VOLUMES * (double)length * length / 1e9, "Gspin", contestants, 2);
  driver_close(stage);
  plain_close(&p);
}

void bench_samplers(bench *b) {
  driver *lender = driver_open("sampler.wolff", "size: 4, coupling: critical, configurations: 1", 1);
  bench_metropolis(b, "metropolis, 1024²", 1024);
  bench_clusters(b, driver_host(lender), "swendsen-wang, 1024²", 1024);
  bench_clusters(b, driver_host(lender), "swendsen-wang, 4096²", 4096);
  bench_single(b, "wolff, 1024²", 1024);
  driver_close(lender);
}
