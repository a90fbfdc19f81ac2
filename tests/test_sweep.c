// test_sweep.c — from YAML to the points of a sweep: their order, values and seeds; what makes two of them the same run
// and what does not; every mistake with its message, line and column.
#include "check.h"

#include "sweep/sweep_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

// Ten lines: what a case adds begins at line 11.
#define SAMPLE "  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 200}}\n"
#define BLOCK "  block: {plugin: coarsen.majority, input: sample}\n"
#define NET "  net: {plugin: network.symmetric, params: {kernel: 3}}\n"
#define TRAIN "  train: {plugin: train.newton, inputs: {model: net, fine: sample, coarse: block}}\n"
#define DREAM "  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 2, configurations: 50}}\n"
#define THERMO "  thermo: {plugin: estimate.thermo, input: dream}\n"
#define HEAD "finegrain: 1\nname: small\nseed: 3\nstages:\n"
#define PIPELINE HEAD SAMPLE BLOCK NET TRAIN DREAM THERMO
#define REFUSED                                                                                                            \
  "is not among the options a pipeline may give, such as --partition, --account, --qos, --mem or --constraint; set it in " \
  "the environment (SBATCH_…), which sbatch reads\n"

static fg_registry *registry; ///< the built-in plugins, loaded once

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CU_ASSERT_FATAL(file != NULL);
  fputs(text, file);
  fclose(file);
}

/// A file as far as it was understood.
typedef struct read_sweep {
  fg_diagnostics *diagnostics;
  fg_pipeline_file *file;
  fg_sweep *sweep;
  fg_sweep_plan *plan; ///< NULL unless planned
  char *lines;         ///< what was said
} read_sweep;

static read_sweep read_file(const char *path, int64_t seed, bool planned) {
  read_sweep r = {.diagnostics = fg_diagnostics_new()};
  size_t length = 0;
  r.file = fg_pipeline_open(path, NULL, 0, r.diagnostics);
  CU_ASSERT_FATAL(r.file != NULL);
  r.sweep = fg_sweep_read(r.file, r.diagnostics);
  if (r.sweep && planned) r.plan = fg_sweep_plan_make(r.sweep, registry, seed, r.diagnostics);
  FILE *out = open_memstream(&r.lines, &length);
  fg_diagnostics_print(r.diagnostics, out);
  fclose(out);
  return r;
}

static read_sweep read_text(const char *before, const char *after, bool planned) {
  char *text = NULL;
  CU_ASSERT_FATAL(asprintf(&text, "%s%s", before, after) >= 0);
  write_file("p.yaml", text);
  free(text);
  return read_file("p.yaml", -1, planned);
}

static void clear(read_sweep *r) {
  fg_sweep_plan_free(r->plan);
  fg_sweep_free(r->sweep);
  fg_pipeline_close(r->file);
  fg_diagnostics_free(r->diagnostics);
  free(r->lines);
}

// ---- points

/// The points of a sweep as "3,16 3,32 5,16": values in the order of columns; "#1" for replicas after the first, "*" for
/// those of the baseline, "-" where a value is the file's.
static void makes(const char *sections, const char *columns, const char *points) {
  read_sweep r = read_text(PIPELINE, sections, false);
  char *names = NULL, *text = NULL;
  size_t length = 0;
  CHECK_TEXT(r.lines, "");
  CU_ASSERT_FATAL(r.sweep != NULL);
  FILE *out = open_memstream(&names, &length);
  for (size_t c = 0; c < r.sweep->column_count; c++) fprintf(out, "%s%s", c ? " " : "", r.sweep->columns[c].path);
  fclose(out);
  out = open_memstream(&text, &length);
  for (size_t i = 0; i < r.sweep->count; i++) {
    const fg_sweep_point *point = &r.sweep->points[i];
    if (i) fputc(' ', out);
    for (size_t c = 0; c < r.sweep->column_count; c++) {
      char *value = fg_sweep_text(point->values[c]);
      fprintf(out, "%s%s", c ? "," : "", value[0] ? value : "-");
      free(value);
    }
    if (point->replica) fprintf(out, "#%u", point->replica);
    if (fg_sweep_is_baseline(r.sweep, point)) fputc('*', out);
  }
  fclose(out);
  CHECK_TEXT(names, columns);
  CHECK_TEXT(text, points);
  free(names);
  free(text);
  clear(&r);
}

#define KERNEL "net.params.kernel"
#define SIZE "sample.params.size"
#define COUPLING "sample.params.coupling"

static void axes_are_multiplied_the_first_slowest(void) {
  makes("sweep: {axes: {net.params.kernel: [3, 5, 7]}}\n", KERNEL, "3 5 7");
  makes("sweep: {axes: {net.params.kernel: [5, 3], sample.params.size: [32, 16, 64]}}\n", KERNEL " " SIZE,
        "5,32 5,16 5,64 3,32 3,16 3,64");
  makes(
      "sweep: {axes: {sample.params.size: [16], net.params.kernel: [3, 5], sample.params.coupling: [critical, 0.4]}}\n",
      SIZE " " KERNEL " " COUPLING, "16,3,critical 16,3,0.4 16,5,critical 16,5,0.4");
  makes("sweep: {replicas: 2}\n", "", " #1");
}

static void zips_go_together_and_are_multiplied(void) {
  makes("sweep: {zip: [{net.params.kernel: [3, 5], sample.params.size: [16, 32]}]}\n", KERNEL " " SIZE, "3,16 5,32");
  makes("sweep: {axes: {sample.params.coupling: [0.4, 0.5]}, zip: [{net.params.kernel: [3, 5], sample.params.size: "
        "[16, 32]}]}\n",
        COUPLING " " KERNEL " " SIZE, "0.4,3,16 0.4,5,32 0.5,3,16 0.5,5,32");
  makes(
      "sweep: {zip: [{net.params.kernel: [3, 5]}, {sample.params.size: {range: [16, 32, 16]}, sample.params.coupling: "
      "[0.4, 0.5]}]}\n",
      KERNEL " " SIZE " " COUPLING, "3,16,0.4 3,32,0.5 5,16,0.4 5,32,0.5");
  // The same value may come twice when its partner differs.
  makes("sweep: {zip: [{net.params.kernel: [3, 3], sample.params.size: [16, 32]}]}\n", KERNEL " " SIZE, "3,16 3,32");
}

static void ranges_have_both_ends(void) {
  makes("sweep: {axes: {sample.params.size: {range: [16, 64, 16]}}}\n", SIZE, "16 32 48 64");
  makes("sweep: {axes: {sample.params.size: {range: [16, 63, 16]}}}\n", SIZE, "16 32 48");
  makes("sweep: {axes: {sample.params.size: {range: [48, 16, -16]}}}\n", SIZE, "48 32 16");
  makes("sweep: {axes: {sample.params.size: {range: [16, 16, 5]}}}\n", SIZE, "16");
  makes("sweep: {axes: {sample.params.coupling: {range: [0.1, 0.7, 0.1]}}}\n", COUPLING, "0.1 0.2 0.3 0.4 0.5 0.6 0.7");
  makes("sweep: {axes: {sample.params.coupling: {range: [-0.3, 0.3, 0.1]}}}\n", COUPLING,
        "-0.3 -0.2 -0.1 0 0.1 0.2 0.3");
  makes("sweep: {axes: {sample.params.size: {range: [1e1, 3e1, 1e1]}}}\n", SIZE, "10 20 30");
  makes("sweep: {axes: {sample.params.size: {range: [9007199254740990, 9007199254740991, 1]}}}\n", SIZE,
        "9007199254740990 9007199254740991");
  makes("sweep: {axes: {sample.params.size: {linspace: [16, 64, 4]}}}\n", SIZE, "16 32 48 64");
  makes("sweep: {axes: {sample.params.coupling: {linspace: [0, 1, 4]}}}\n", COUPLING,
        "0 0.333333333333333 0.666666666666667 1");
  makes("sweep: {axes: {sample.params.coupling: {linspace: [0.4, 0.5, 1]}}}\n", COUPLING, "0.4");
}

/// Points of a range stay the same runs when the range grows at either end.
static void a_longer_range_has_the_same_points(void) {
  read_sweep shorter =
      read_text(PIPELINE, "sweep: {axes: {sample.params.coupling: {range: [0.41, 0.47, 0.01]}}}\n", true);
  read_sweep longer = read_text(PIPELINE, "sweep: {axes: {sample.params.coupling: {range: [0.3, 0.5, 0.01]}}}\n", true);
  CU_ASSERT_FATAL(shorter.plan && longer.plan);
  CHECK_INTEGER(longer.plan->count, 21);
  for (size_t i = 0; i < shorter.plan->count; i++)
    CHECK_TEXT(longer.plan->entries[i + 11].id, shorter.plan->entries[i].id);
  clear(&shorter);
  clear(&longer);
}

#define TWO_AXES "axes: {net.params.kernel: [3, 5], sample.params.size: [16, 32]}"

static void points_are_excluded_then_included(void) {
  makes("sweep: {" TWO_AXES ", exclude: [{net.params.kernel: 3}]}\n", KERNEL " " SIZE, "5,16 5,32");
  makes("sweep: {" TWO_AXES ", exclude: [{net.params.kernel: 3, sample.params.size: 32}]}\n", KERNEL " " SIZE,
        "3,16 5,16 5,32");
  makes("sweep: {" TWO_AXES ", exclude: [{net.params.kernel: [3, 5], sample.params.size: 32}]}\n", KERNEL " " SIZE,
        "3,16 5,16");
  makes("sweep: {" TWO_AXES ", exclude: [{net.params.kernel: 3.0}, {sample.params.size: 3.2e1}]}\n", KERNEL " " SIZE,
        "5,16");
  makes("sweep: {" TWO_AXES ", exclude: [{net.params.kernel: 3}], include: [{net.params.kernel: 3, sample.params.size: "
        "64}]}\n",
        KERNEL " " SIZE, "5,16 5,32 3,64");
  makes("sweep: {" TWO_AXES ", include: [{sample.params.coupling: 0.3}, {net.params.kernel: 9}]}\n",
        KERNEL " " SIZE " " COUPLING, "3,16,- 3,32,- 5,16,- 5,32,- -,-,0.3 9,-,-");
  makes("sweep: {include: [{net.params.kernel: 9}, {net.params.kernel: 11}]}\n", KERNEL, "9 11");
  makes("sweep: {axes: {net.params.kernel: [3, 5]}, exclude: [{net.params.kernel: [3, 5]}], include: "
        "[{net.params.kernel: 7}]}\n",
        KERNEL, "7");
}

static void replicas_come_last_and_baselines_match(void) {
  makes("sweep: {" TWO_AXES ", replicas: 2, baseline: {net.params.kernel: 3}}\n", KERNEL " " SIZE,
        "3,16* 3,16#1* 3,32* 3,32#1* 5,16 5,16#1 5,32 5,32#1");
  makes("sweep: {" TWO_AXES ", include: [{net.params.kernel: 7}], replicas: 2, baseline: {net.params.kernel: 7}}\n",
        KERNEL " " SIZE, "3,16 3,16#1 3,32 3,32#1 5,16 5,16#1 5,32 5,32#1 7,-* 7,-#1*");
  makes("sweep: {" TWO_AXES ", baseline: {net.params.kernel: [3, 5], sample.params.size: 16.0}}\n", KERNEL " " SIZE,
        "3,16* 3,32 5,16* 5,32");
}

static void whole_stages_are_values(void) {
  makes(
      "sweep:\n  axes:\n    net: [{plugin: network.symmetric, params: {kernel: 3}}, {plugin: network.conv}]\n"
      "    net.params.kernel: [3, 5]\n  exclude: [{net: {plugin: network.conv}, net.params.kernel: 5}]\n",
      "net " KERNEL,
      "{plugin: network.symmetric, params: {kernel: 3}},3 {plugin: network.symmetric, params: {kernel: 3}},5 {plugin: "
      "network.conv},3");
  // A parameter of a stage that is replaced is set in the new one, in whatever order the axes are.
  read_sweep r = read_text(PIPELINE,
                           "sweep:\n  axes:\n    net.params.kernel: [3, 5]\n    net: [{plugin: network.symmetric, "
                           "params: {kernel: 9}}]\n",
                           true);
  read_sweep plain = read_text(PIPELINE, "sweep: {axes: {net.params.kernel: [3, 5]}}\n", true);
  CU_ASSERT_FATAL(r.plan && plain.plan);
  for (size_t i = 0; i < 2; i++) CHECK_TEXT(r.plan->entries[i].id, plain.plan->entries[i].id);
  clear(&r);
  clear(&plain);
}

/// Every kind of path puts its value where it says: the point is the run of a file that has it written there.
static void paths_lead_where_they_say(void) {
  static const struct {
    const char *axis, *pipeline;
  } cases[] = {
      {"net.params.kernel: [5]",
       HEAD SAMPLE BLOCK "  net: {plugin: network.symmetric, params: {kernel: 5}}\n" TRAIN DREAM THERMO},
      {"block.params.ties: [up]",
       HEAD SAMPLE "  block: {plugin: coarsen.majority, input: sample, params: {ties: up}}\n" NET TRAIN DREAM THERMO},
      {"sample.plugin: [sampler.metropolis]", HEAD
       "  sample: {plugin: sampler.metropolis, params: {size: 16, coupling: critical, configurations: 200}}\n" BLOCK NET
           TRAIN DREAM THERMO},
      {"thermo.input: [[dream, sample]]",
       HEAD SAMPLE BLOCK NET TRAIN DREAM "  thermo: {plugin: estimate.thermo, input: [dream, sample]}\n"},
      {"train.inputs.model: [net.model]", PIPELINE},
      {"dream: [{plugin: generate.dream, input: train, params: {levels: 3, configurations: 9}}]",
       HEAD SAMPLE BLOCK NET TRAIN
       "  dream: {plugin: generate.dream, input: train, params: {levels: 3, configurations: 9}}\n" THERMO},
      {"stream.compression: [none]", PIPELINE},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char *section = NULL;
    CU_ASSERT_FATAL(asprintf(&section, "sweep: {axes: {%s}}\n", cases[i].axis) >= 0);
    read_sweep varied = read_text(PIPELINE, section, true),
               written = read_text(cases[i].pipeline, "sweep: {replicas: 1}\n", true);
    CHECK_TEXT(varied.lines, "");
    CHECK_TEXT(written.lines, "");
    CU_ASSERT_FATAL(varied.plan && written.plan);
    CHECK_TEXT(varied.plan->entries[0].id, written.plan->entries[0].id);
    free(section);
    clear(&varied);
    clear(&written);
  }
}

/// An axis changes its stage alone, also where an alias shares the map.
static void an_alias_is_not_changed_with_its_anchor(void) {
  static const char
      pipeline[] =
          "finegrain: 1\nseed: 3\nstages:\n  a: {plugin: sampler.wolff, params: &p {size: 16, coupling: 0.4, configurations: 9}}\n"
          "  b: {plugin: sampler.wolff, params: *p}\n  t: {plugin: estimate.thermo, input: [a, b]}\n",
      written[] =
          "finegrain: 1\nseed: 3\nstages:\n  a: {plugin: sampler.wolff, params: {size: 32, coupling: 0.4, configurations: 9}}\n"
          "  b: {plugin: sampler.wolff, params: {size: 16, coupling: 0.4, configurations: 9}}\n  t: {plugin: "
          "estimate.thermo, input: [a, b]}\n";
  read_sweep varied = read_text(pipeline, "sweep: {axes: {a.params.size: [16, 32]}}\n", true);
  read_sweep fixed = read_text(written, "sweep: {replicas: 1}\n", true);
  CU_ASSERT_FATAL(varied.plan && fixed.plan);
  CHECK_TEXT(varied.plan->entries[1].id, fixed.plan->entries[0].id);
  clear(&varied);
  clear(&fixed);
}

// ---- seeds

static void replica_0_has_the_plain_seed_and_the_others_their_own(void) {
  read_sweep r = read_text(PIPELINE, "sweep: {axes: {net.params.kernel: [3, 5]}, replicas: 3}\n", true);
  CU_ASSERT_FATAL(r.plan != NULL);
  const fg_sweep_entry *e = r.plan->entries;
  for (size_t i = 0; i < 6; i++) CHECK_INTEGER(e[i].replica, i % 3);
  CHECK_INTEGER(e[0].seed, 3);
  for (size_t i = 0; i < 3; i++) CHECK_INTEGER(e[i].seed, e[i + 3].seed); // arms are paired
  CU_ASSERT(e[0].seed != e[1].seed && e[0].seed != e[2].seed && e[1].seed != e[2].seed);
  clear(&r);
  // From seed and replica alone: no other two replicas or seeds meet, and all fit a pipeline file.
  uint64_t seen[400];
  for (size_t i = 0; i < COUNT_OF(seen); i++) {
    seen[i] = fg_sweep_seed(i / 20, (uint32_t)(i % 20));
    CU_ASSERT(seen[i] <= INT64_MAX);
    for (size_t j = 0; j < i; j++) CU_ASSERT(seen[i] != seen[j]);
  }
  CHECK_INTEGER(fg_sweep_seed(INT64_MAX, 0), INT64_MAX);
}

/// More replicas, more values: the points there were keep their identities.
static void points_are_known_wherever_they_stand(void) {
  read_sweep few = read_text(PIPELINE, "sweep: {axes: {net.params.kernel: [3, 5]}, replicas: 2}\n", true);
  read_sweep many = read_text(
      PIPELINE, "sweep: {axes: {sample.params.size: [32, 16], net.params.kernel: [7, 5, 3]}, replicas: 3}\n", true);
  CU_ASSERT_FATAL(few.plan && many.plan);
  CHECK_INTEGER(many.plan->count, 18);
  for (size_t i = 0; i < 4; i++) { // kernels 5, 3 of size 16 stand at 12 and 15
    const size_t there = (i / 2 ? 12 : 15) + i % 2;
    CHECK_TEXT(many.plan->entries[there].id, few.plan->entries[i].id);
  }
  clear(&few);
  clear(&many);
}

/// --seed goes over the file's.
static void a_seed_may_be_given(void) {
  read_sweep file = read_text(PIPELINE, "sweep: {replicas: 2}\n", true);
  read_sweep same = read_file("p.yaml", 3, true), other = read_file("p.yaml", 4, true);
  CU_ASSERT_FATAL(file.plan && same.plan && other.plan);
  for (size_t i = 0; i < 2; i++) {
    CHECK_TEXT(same.plan->entries[i].id, file.plan->entries[i].id);
    CU_ASSERT(strcmp(other.plan->entries[i].id, file.plan->entries[i].id) != 0);
    CHECK_INTEGER(other.plan->entries[i].seed, fg_sweep_seed(4, (uint32_t)i));
  }
  clear(&file);
  clear(&same);
  clear(&other);
}

// ---- identity

/// Id of the only point of a pipeline.
static void id_of(const char *pipeline, char id[FG_ID]) {
  read_sweep r = read_text(pipeline, "sweep: {replicas: 1}\n", true);
  CHECK_TEXT(r.lines, "");
  CU_ASSERT_FATAL(r.plan != NULL);
  memcpy(id, r.plan->entries[0].id, FG_ID);
  clear(&r);
}

static void what_results_do_not_depend_on_is_left_out(void) {
  static const char *const same[] = {
      // the order of keys, the name, the form
      "finegrain: 1\nstages:\n" THERMO DREAM TRAIN NET BLOCK SAMPLE "seed: 3\nname: otherwise\n",
      HEAD "  sample: {params: {configurations: 200, coupling: critical, size: 16}, plugin: sampler.wolff}\n" BLOCK NET
           "  train: {inputs: {coarse: block, fine: sample, model: net}, plugin: train.newton}\n" DREAM THERMO,
      "finegrain: 1\nseed: 0.3e1\nstages: {sample: {plugin: sampler.wolff, params: {size: 1.6e1, coupling: critical, "
      "configurations: 2e2}}, block: {plugin: 'coarsen.majority', input: sample.configurations}, net: {plugin: "
      "network.symmetric, params: {kernel: 3}}, train: {plugin: train.newton, inputs: {model: net.model, fine: [sample], "
      "coarse: block}}, dream: {plugin: generate.dream, input: train, params: {levels: 2, configurations: 50}}, thermo: "
      "{plugin: estimate.thermo, input: dream}}\n",
      // threads and streams
      PIPELINE "exec: {engine: slurm, workers: 3, threads: 4, time: 10, sbatch: [--partition=x]}\n",
      PIPELINE "stream: {compression: none, buffer: 1 MiB, checkpoint: none}\n",
      HEAD "  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 200}, record: "
           "{configurations: kept.fgs}}\n" BLOCK NET TRAIN DREAM THERMO,
      // parameters given as their default
      HEAD
      "  sample: {plugin: sampler.wolff, params: {lattice: square, size: 16, coupling: critical, configurations: 200, "
      "chains: 4}}\n"
      "  block: {plugin: coarsen.majority, input: sample, params: {factor: 2, ties: random}}\n" NET TRAIN DREAM THERMO,
      HEAD SAMPLE "  block: {plugin: coarsen.majority, input: sample, params: {}}\n" NET TRAIN DREAM THERMO,
  };
  char id[FG_ID], other[FG_ID];
  id_of(PIPELINE, id);
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    id_of(same[i], other);
    if (strcmp(other, id) != 0) printf("\n    pipeline %zu:", i);
    CHECK_TEXT(other, id);
  }
}

static void what_results_depend_on_is_not(void) {
  static const char *const others[] = {
      PIPELINE,
      // the seed
      "finegrain: 1\nname: small\nseed: 4\nstages:\n" SAMPLE BLOCK NET TRAIN DREAM THERMO,
      "finegrain: 1\nname: small\nstages:\n" SAMPLE BLOCK NET TRAIN DREAM THERMO,
      // parameters
      HEAD "  sample: {plugin: sampler.wolff, params: {size: 32, coupling: critical, configurations: 200}}\n" BLOCK NET
          TRAIN DREAM THERMO,
      HEAD "  sample: {plugin: sampler.wolff, params: {size: 16, coupling: 0.4406867, configurations: 200}}\n" BLOCK NET
          TRAIN DREAM THERMO,
      HEAD "  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 201}}\n" BLOCK NET
          TRAIN DREAM THERMO,
      HEAD
      "  sample: {plugin: sampler.wolff, params: {size: 16, coupling: critical, configurations: 200, chains: 2}}\n" BLOCK
          NET TRAIN DREAM THERMO,
      HEAD SAMPLE BLOCK "  net: {plugin: network.symmetric, params: {kernel: 5}}\n" TRAIN DREAM THERMO,
      HEAD SAMPLE "  block: {plugin: coarsen.majority, input: sample, params: {ties: up}}\n" NET TRAIN DREAM THERMO,
      HEAD SAMPLE BLOCK NET TRAIN
      "  dream: {plugin: generate.dream, inputs: {model: train}, params: {levels: 3, configurations: 50}}\n" THERMO,
      // plugins, connections, further stages, names of stages (random numbers follow from them)
      HEAD
      "  sample: {plugin: sampler.metropolis, params: {size: 16, coupling: critical, configurations: 200}}\n" BLOCK NET
          TRAIN DREAM THERMO,
      HEAD SAMPLE BLOCK NET TRAIN DREAM "  thermo: {plugin: estimate.thermo, input: [dream, sample]}\n",
      HEAD SAMPLE BLOCK NET TRAIN DREAM "  thermo: {plugin: estimate.thermo, input: [sample, dream]}\n",
      PIPELINE "  again: {plugin: estimate.thermo, input: dream}\n",
      HEAD SAMPLE BLOCK NET TRAIN
      "  dreams: {plugin: generate.dream, inputs: {model: train}, params: {levels: 2, configurations: 50}}\n"
      "  thermo: {plugin: estimate.thermo, input: dreams}\n",
  };
  char ids[COUNT_OF(others)][FG_ID];
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    id_of(others[i], ids[i]);
    for (size_t j = 0; j < i; j++)
      if (strcmp(ids[i], ids[j]) == 0) {
        printf("\n    pipelines %zu and %zu have the same id", i, j);
        CU_ASSERT(false);
      }
  }
}

/// Input files count by what is in them, not by where they lie.
static void input_files_count_by_content(void) {
  static const char form[] = "finegrain: 1\nseed: 3\nstages:\n  read: {plugin: source.file, params: {path: %s}}\n"
                             "  thermo: {plugin: estimate.thermo, input: read}\n";
  // A stream file is more than this test can make; a NumPy array of 4 × 4 spins is not.
  static const char numpy[] = "\x93NUMPY\x01\x00\x46\x00{'descr': '|i1', 'fortran_order': False, 'shape': (1, 4, 4), }";
  const char *const paths[] = {"here.npy", "there/copy.npy", "other.npy"};
  char ids[COUNT_OF(paths)][FG_ID], pipeline[512];
  mkdir("there", 0777);
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    FILE *file = fopen(paths[i], "w");
    CU_ASSERT_FATAL(file != NULL);
    fwrite(numpy, 1, sizeof numpy - 1, file);
    for (size_t pad = sizeof numpy - 1; pad < 79; pad++) fputc(' ', file);
    fputc('\n', file);
    for (int s = 0; s < 16; s++) fputc(s == 7 && i == 2 ? -1 : 1, file);
    fclose(file);
  }
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    snprintf(pipeline, sizeof pipeline, form, paths[i]);
    id_of(pipeline, ids[i]);
  }
  CHECK_TEXT(ids[1], ids[0]);
  CU_ASSERT(strcmp(ids[2], ids[0]) != 0);
}

/// What is shared has an identity too: that of its own stages.
static void shared_parts_are_those_that_agree(void) {
  read_sweep r = read_text(PIPELINE,
                           "sweep: {axes: {net.params.kernel: [3, 5], block.params.ties: [random, up]}, replicas: 2, "
                           "share: [block]}\n",
                           true);
  read_sweep alone = read_text(
      PIPELINE, "sweep: {axes: {net.params.kernel: [3, 5], block.params.ties: [random, up]}, replicas: 2}\n", true);
  CU_ASSERT_FATAL(r.plan && alone.plan);
  const fg_sweep_entry *e = r.plan->entries; // kernel, ties, replica: 8 points
  for (size_t i = 0; i < 8; i++) {
    CHECK_TEXT(e[i].id, alone.plan->entries[i].id); // sharing is no part of what a point is
    CHECK_TEXT(alone.plan->entries[i].shared, "");
    CHECK_INTEGER(strlen(e[i].shared), 32);
  }
  for (size_t i = 0; i < 4; i++) {
    CHECK_TEXT(e[i].shared, e[i + 4].shared); // the network has no part in it
    for (size_t j = 0; j < i; j++) CU_ASSERT(strcmp(e[i].shared, e[j].shared) != 0);
  }
  clear(&r);
  clear(&alone);
}

// ---- plan.json

static void plans_are_written_and_read_back(void) {
  fg_error error = {0};
  read_sweep r =
      read_text(PIPELINE,
                "sweep: {" TWO_AXES ", include: [{sample.params.coupling: 0.3}], replicas: 2, share: [block], "
                "baseline: {net.params.kernel: 5}}\n",
                true);
  CU_ASSERT_FATAL(r.plan != NULL);
  mkdir("sweep", 0777);
  r.plan->folder = realpath("sweep", NULL);
  r.plan->source = realpath("p.yaml", NULL);
  r.plan->plugin_path = strdup("/some/where");
  r.plan->round = 7;
  memset(r.plan->digest, 'a', FG_ID - 1);
  CHECK_INTEGER(fg_sweep_plan_write(r.plan, &error), FG_OK);
  fg_sweep_plan *plan = fg_sweep_plan_read("sweep", &error);
  CU_ASSERT_FATAL(plan != NULL);
  CHECK_TEXT(plan->folder, r.plan->folder);
  CHECK_TEXT(plan->source, r.plan->source);
  CHECK_TEXT(plan->plugin_path, "/some/where");
  CHECK_TEXT(plan->name, "small");
  CHECK_TEXT(plan->digest, r.plan->digest);
  CHECK_INTEGER(plan->round, 7);
  CHECK_INTEGER(plan->seed, 3);
  CHECK_INTEGER(plan->replicas, 2);
  CHECK_INTEGER(plan->column_count, 3);
  CHECK_INTEGER(plan->count, 10);
  for (size_t i = 0; i < plan->count && i < 10; i++) {
    const fg_sweep_entry *now = &plan->entries[i], *then = &r.plan->entries[i];
    CHECK_TEXT(now->id, then->id);
    CHECK_TEXT(now->shared, then->shared);
    CHECK_INTEGER(now->seed, then->seed);
    CHECK_INTEGER(now->replica, then->replica);
    CHECK_INTEGER(now->baseline, then->baseline);
    for (size_t c = 0; c < 3; c++) CHECK_TEXT(now->values[c], then->values[c]);
  }
  char label[256];
  fg_sweep_label(plan, &plan->entries[1], label, sizeof label);
  CHECK_TEXT(label, "net.params.kernel=3, sample.params.size=16, replica 1");
  fg_sweep_label(plan, &plan->entries[8], label, sizeof label);
  CHECK_TEXT(label, "sample.params.coupling=0.3, replica 0");
  fg_sweep_plan_free(plan);
  clear(&r);
}

static void damaged_plans_are_refused(void) {
  static const char *const damaged[] = {
      "",
      "{",
      "[]",
      "{\"finegrain_sweep\": 2, \"name\": \"x\", \"file\": \"y\", \"points\": []}",
      "{\"finegrain_sweep\": 1, \"name\": \"x\", \"file\": \"y\"}",
      "{\"finegrain_sweep\": 1, \"name\": \"x\", \"file\": \"y\", \"points\": [{\"id\": \"../../x\"}]}",
      "{\"finegrain_sweep\": 1, \"name\": \"x\", \"file\": \"y\", \"axes\": [\"a\"], \"points\": [{\"id\": "
      "\"0123456789abcdef0123456789abcdef\", \"values\": []}]}",
      "{\"finegrain_sweep\": 1, \"name\": \"x\", \"file\": \"y\", \"axes\": [], \"points\": [{\"id\": "
      "\"0123456789abcdef0123456789abcdef\", \"values\": [], \"shared\": [\"/\"]}]}"};
  mkdir("damaged", 0777);
  char *folder = realpath("damaged", NULL), *start = NULL;
  CU_ASSERT_FATAL(asprintf(&start, "%s/plan.json is no plan of a sweep", folder) > 0);
  for (size_t i = 0; i < COUNT_OF(damaged); i++) {
    fg_error error = {0};
    write_file("damaged/plan.json", damaged[i]);
    fg_sweep_plan *plan = fg_sweep_plan_read("damaged", &error);
    CU_ASSERT(plan == NULL);
    CU_ASSERT(strncmp(error.text, start, strlen(start)) == 0);
    CU_ASSERT(strstr(error.text, "plan it again with 'finegrain sweep run FILE --out damaged'") != NULL);
    fg_sweep_plan_free(plan);
  }
  free(folder);
  free(start);
}

// ---- mistakes

typedef struct mistake {
  const char *sections, *lines;
} mistake;

/// What is said about a file; "p.yaml:" and ": error:" are left out of the cases below, in which a line begins with
/// "LINE:COL ", or "note: ".
static void refuses(const mistake *m) {
  read_sweep r = read_text(PIPELINE, m->sections, true);
  char *said = NULL, *text = strdup(r.lines);
  size_t length = 0;
  FILE *out = open_memstream(&said, &length);
  CU_ASSERT_FATAL(text && out);
  for (char *rest = text, *line; (line = strtok_r(rest, "\n", &rest));) {
    char *word = strstr(line, ": error: ");
    if (strncmp(line, "p.yaml:", 7) != 0 || !word)
      fprintf(out, "%s\n", line);
    else // "p.yaml:11:8: error: …", or "p.yaml: error: …"
      fprintf(out, "%.*s %s\n", word > line + 7 ? (int)(word - line) - 7 : 0, line + 7, word + 9);
  }
  fclose(out);
  CU_ASSERT(r.plan == NULL);
  CHECK_TEXT(said, m->lines);
  free(said);
  free(text);
  clear(&r);
}

#define AXIS "sweep: {axes: {net.params.kernel: [3, 5]}"
#define VALUES "write [VALUE, …], {range: [FROM, TO, STEP]} or {linspace: [FROM, TO, COUNT]}\n"
#define RANGE "write range: [FROM, TO, STEP] with 1 to 100000 values\n"
#define LINSPACE "write linspace: [FROM, TO, COUNT] with 1 to 100000 values\n"
#define SWEEP_FORM "sweep: {axes: {STAGE.params.KEY: [VALUE, …]}, replicas: N}\n"
#define ZIP_FORM "{STAGE.params.KEY: [...], STAGE.params.KEY: [...]}"
#define STAGES "(valid: sample, block, net, train, dream, thermo)\n"
#define PATHS "STAGE.params.KEY, STAGE, STAGE.plugin, STAGE.input, STAGE.inputs.PORT or stream.KEY\n"

static void refuse_all(const mistake *mistakes, size_t count) {
  for (size_t i = 0; i < count; i++) refuses(&mistakes[i]);
}

static void the_section_must_have_its_form(void) {
  static const mistake mistakes[] = {
      {"", " there is no sweep in this file; add " SWEEP_FORM},
      {"sweep:\n", " there is no sweep in this file; add " SWEEP_FORM},
      {"sweep: 3\n", "11:8 sweep: got a number; write " SWEEP_FORM},
      {"sweep: {}\n", "11:8 sweep: got an empty map; write " SWEEP_FORM},
      {"sweep: {axis: {net.params.kernel: [3]}}\n",
       "11:9 unknown key of sweep 'axis'; did you mean 'axes'? (valid: axes, zip, exclude, include, replicas, share, "
       "baseline, on_error)\n"},
      {"sweep: {axes: {}}\n", "11:15 axes: got an empty map; write axes: {STAGE.params.KEY: [VALUE, …]}\n"},
      {"sweep: {axes: [3]}\n", "11:15 axes: got a list; write axes: {STAGE.params.KEY: [VALUE, …]}\n"},
      {"sweep: {zip: {net.params.kernel: [3]}}\n", "11:14 zip: got a map; write zip: [" ZIP_FORM "]\n"},
      {"sweep: {zip: []}\n", "11:14 zip: got an empty list; write zip: [" ZIP_FORM "]\n"},
      {"sweep: {zip: [3]}\n", "11:15 zip: got a number; write " ZIP_FORM "\n"},
      {AXIS ", exclude: {net.params.kernel: 3}}\n",
       "11:53 exclude: got a map; write exclude: [{STAGE.params.KEY: VALUE}]\n"},
      {AXIS ", exclude: [{}]}\n", "11:54 exclude: got an empty map; write {STAGE.params.KEY: VALUE}\n"},
      {AXIS ", include: [7]}\n", "11:54 include: got a number; write {STAGE.params.KEY: VALUE}\n"},
      {AXIS ", baseline: 3}\n", "11:54 baseline: got a number; write {STAGE.params.KEY: VALUE}\n"},
      {AXIS ", share: block}\n", "11:51 share: got text; write share: [STAGE, …]\n"},
      {AXIS ", on_error: stopp}\n",
       "11:54 on_error: unknown choice 'stopp'; did you mean 'stop'? (valid: continue, stop)\n"},
      {AXIS ", replicas: 0}\n", "11:54 replicas: got 0; write a whole number, 1 to 100000\n"},
      {AXIS ", replicas: 2.5}\n", "11:54 replicas: got 2.5; write a whole number, 1 to 100000\n"},
      {AXIS ", replicas: '2'}\n", "11:54 replicas: got text; write a whole number, 1 to 100000\n"},
      {AXIS ", replicas: [2]}\n", "11:54 replicas: got a list; write a whole number, 1 to 100000\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void exec_must_have_its_form(void) {
  static const mistake mistakes[] = {
      {AXIS "}\nexec: 3\n", "12:7 exec: got a number; write exec: {engine: local, jobs: 2}\n"},
      {AXIS "}\nexec: {engin: local}\n",
       "12:8 unknown key of exec 'engin'; did you mean 'engine'? (valid: engine, jobs, workers, threads, time, sbatch)\n"},
      {AXIS "}\nexec: {engine: lokal}\n",
       "12:16 engine: unknown choice 'lokal'; did you mean 'local'? (valid: local, slurm)\n"},
      {AXIS "}\nexec: {engine: local, workers: 3}\n", "12:23 exec: engine local takes jobs, not workers\n"},
      {AXIS "}\nexec: {engine: slurm, jobs: 3}\n", "12:23 exec: engine slurm takes workers, not jobs\n"},
      {AXIS "}\nexec: {jobs: -1, threads: 0}\n",
       "12:14 jobs: got -1; write a whole number, 1 to 100000\n12:27 threads: got 0; write a whole number, 1 to "
       "100000\n"},
      {AXIS "}\nexec: {engine: slurm, time: [3], sbatch: [partition, [3]]}\n",
       "12:29 time: got a list; expected a single value\n12:43 sbatch: 'partition' is no option of sbatch; write "
       "--NAME=VALUE\n12:54 sbatch: 'a list' is no option of sbatch; write --NAME=VALUE\n"},
      {AXIS "}\nexec: {sbatch: [--wrap=id, --output=/etc/x, --part]}\n",
       "12:17 sbatch: '--wrap=id' " REFUSED "12:28 sbatch: '--output=/etc/x' " REFUSED
       "12:45 sbatch: '--part' " REFUSED},
      {AXIS "}\nexec: {sbatch: --x}\n", "12:16 sbatch: got text; write sbatch: [--partition=NAME, …]\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void paths_must_lead_somewhere(void) {
  static const mistake mistakes[] = {
      {"sweep: {axes: {net.params.kernl: [3, 5]}}\n",
       "11:16 net: unknown parameter 'kernl'; did you mean 'kernel'? (valid: kernel, weights)\n"},
      {"sweep: {axes: {nett.params.kernel: [3, 5]}}\n", "11:16 there is no stage 'nett'; did you mean 'net'? " STAGES},
      {"sweep: {axes: {nett: [{plugin: network.conv}]}}\n",
       "11:16 there is no stage 'nett'; did you mean 'net'? " STAGES},
      {"sweep: {axes: {net.parms.kernel: [3, 5]}}\n",
       "11:16 'net.parms.kernel' names nothing that can be set; write " PATHS},
      {"sweep: {axes: {net.params: [{kernel: 3}]}}\n",
       "11:16 'net.params' names nothing that can be set; write " PATHS},
      {"sweep: {axes: {net.params.: [3]}}\n", "11:16 'net.params.' names nothing that can be set; write " PATHS},
      {"sweep: {axes: {seed: [1, 2]}}\n",
       "11:16 there is no stage 'seed'; valid: sample, block, net, train, dream, thermo\n"},
      {"sweep: {zip: [{nett.params.kernel: [3]}], include: [{trian.params.rate: 1}]}\n",
       "11:16 there is no stage 'nett'; did you mean 'net'? " STAGES
       "11:54 there is no stage 'trian'; did you mean 'train'? " STAGES},
      {"sweep: {axes: {train.inputs.fine: [sample, sampel]}}\n",
       "11:44 train: there is no stage 'sampel'; did you mean 'sample'? " STAGES
       "note: point 2 (train.inputs.fine=sampel) is the first with an error\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void values_must_be_some_and_different(void) {
  static const mistake mistakes[] = {
      {"sweep: {axes: {net.params.kernel: []}}\n", "11:35 net.params.kernel: got an empty list; " VALUES},
      {"sweep: {axes: {net.params.kernel: 3}}\n", "11:35 net.params.kernel: got a number; " VALUES},
      {"sweep: {axes: {net.params.kernel: }}\n", "11:35 net.params.kernel: got nothing; " VALUES},
      {"sweep: {axes: {net.params.kernel: {rang: [3, 5, 2]}}}\n",
       "11:36 net.params.kernel: unknown key 'rang'; did you mean 'range'? (valid: range, linspace)\n"},
      {"sweep: {axes: {net.params.kernel: {range: [3, 5, 2], linspace: [3, 5, 2]}}}\n",
       "11:35 net.params.kernel: got a map; write {range: [FROM, TO, STEP]} or {linspace: [...]}\n"},
      {"sweep: {axes: {net.params.kernel: {range: [3, 5]}}}\n",
       "11:43 net.params.kernel: write range: [FROM, TO, STEP], three numbers\n"},
      {"sweep: {axes: {net.params.kernel: {linspace: [3, x, 1]}}}\n",
       "11:46 net.params.kernel: write linspace: [FROM, TO, COUNT], three numbers\n"},
      {"sweep: {axes: {net.params.kernel: {range: [5, 3, 2]}}}\n",
       "11:43 net.params.kernel: this range has no values, for no such step leads from the first to the second; " RANGE},
      {"sweep: {axes: {net.params.kernel: {range: [3, 5, 0]}}}\n",
       "11:43 net.params.kernel: this range has no values, for no such step leads from the first to the second; " RANGE},
      {"sweep: {axes: {net.params.kernel: {range: [1, 1e9, 1]}}}\n",
       "11:43 net.params.kernel: this range has too many values; " RANGE},
      {"sweep: {axes: {net.params.kernel: {linspace: [3, 5, 0]}}}\n",
       "11:46 net.params.kernel: this linspace has no values; " LINSPACE},
      {"sweep: {axes: {net.params.kernel: {linspace: [3, 5, 2.5]}}}\n",
       "11:46 net.params.kernel: this linspace has no whole number of values; " LINSPACE},
      {"sweep: {axes: {net.params.kernel: [3, 5, 3]}}\n",
       "11:42 net.params.kernel has the value 3 twice; keep it once\n"},
      {"sweep: {axes: {net.params.kernel: [3, 5, 3.0, 5]}}\n",
       "11:42 net.params.kernel has the value 3.0 twice; keep it once\n11:47 net.params.kernel has the value 5 twice; keep "
       "it once\n"},
      {"sweep: {zip: [{net.params.kernel: [3, 5, 3], sample.params.size: [16, 32, 16]}]}\n",
       "11:42 this zip has 3, 16 twice; keep it once\n"},
      {"sweep: {zip: [{net.params.kernel: [3, 5], sample.params.size: [16, 32, 64]}]}\n",
       "11:63 sample.params.size has 3 values where net.params.kernel has 2; what is zipped has equally many values each\n"},
      {AXIS ", zip: [{net.params.kernel: [3, 5]}]}\n",
       "11:51 net.params.kernel is varied twice; keep one of the two\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void patterns_must_match(void) {
  static const mistake mistakes[] = {
      {AXIS ", exclude: [{net.params.kernel: 7}]}\n",
       "11:54 exclude: this matches no point; correct its values or remove it\n"},
      {"sweep: {" TWO_AXES ", exclude: [{net.params.kernel: 3}, {net.params.kernel: 5, sample.params.size: 64}]}\n",
       "11:108 exclude: this matches no point; correct its values or remove it\n"},
      {AXIS ", exclude: [{net.params.kernl: 3}]}\n",
       "11:55 exclude: 'net.params.kernl' is not varied; did you mean 'net.params.kernel'? (valid: net.params.kernel)\n"},
      {AXIS ", exclude: [{net.params.kernel: [3, 5]}]}\n", "11:8 no point is left; exclude less or include some\n"},
      {AXIS ", baseline: {net.params.kernel: 7}}\n",
       "11:54 baseline: no point has these values; give those of an arm\n"},
      {AXIS ", exclude: [{net.params.kernel: 3}], baseline: {net.params.kernel: 3}}\n",
       "11:89 baseline: no point has these values; give those of an arm\n"},
      {AXIS ", baseline: {sample.params.size: 16}}\n",
       "11:55 baseline: 'sample.params.size' is not varied; valid: net.params.kernel\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void points_must_be_different_runs(void) {
  static const mistake mistakes[] = {
      {AXIS ", include: [{net.params.kernel: 5}]}\n", "11:54 points 2 and 3 are the same run; exclude one of them\n"},
      {AXIS ", include: [{net.params.kernel: 5.0}, {sample.params.size: 16}], replicas: 2}\n",
       "11:54 points 3 and 5 are the same run; exclude one of them\n"
       "11:80 points 1 and 7 are the same run; exclude one of them\n"},
      {"sweep: {axes: {stream.compression: [none, 'zstd:1']}}\n",
       "11:16 points 1 and 2 are the same run; exclude one of them\n"},
      // A default that is written is a default.
      {"sweep: {axes: {block.params.ties: [random, up], block.params.factor: [2]}, include: [{block.params.ties: up}]}\n",
       "11:86 points 2 and 3 are the same run; exclude one of them\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void there_must_not_be_too_many(void) {
  static const mistake mistakes[] = {
      {"sweep: {axes: {net.params.kernel: {range: [1, 1001, 2]}, sample.params.size: {range: [2, 1000, 2]}}}\n",
       "11:58 these axes make more than 100000 points; vary less at once\n"},
      {AXIS ", replicas: 60000}\n", "11:8 2 points in 60000 replicas are more than 100000 runs; ask for less\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void only_configurations_are_shared(void) {
  static const mistake mistakes[] = {
      {AXIS ", share: [net]}\n",
       "11:52 share: net cannot be shared, for it gives a model; share only stages that give configurations\n"},
      {AXIS ", share: [sample, train]}\n",
       "11:60 share: train cannot be shared, for it gives a model; share only stages that give configurations\n"},
      {AXIS ", share: [dream]}\n",
       "11:52 share: train cannot be shared, for it gives results; share only stages that give configurations\n"},
      {AXIS ", share: [blok]}\n", "11:52 share: there is no stage 'blok'; did you mean 'block'? " STAGES},
      {AXIS ", share: [[block]]}\n",
       "11:52 share: there is no stage 'a list'; valid: sample, block, net, train, dream, thermo\n"},
  };
  refuse_all(mistakes, COUNT_OF(mistakes));
}

static void every_point_is_checked(void) {
  static const mistake mistakes[] = {
      {"sweep: {axes: {net.params.kernel: [3, 4, 5]}}\n",
       "11:39 net: kernel: 4 is even, so it has no centre; use 3 or 5\n"
       "note: point 2 (net.params.kernel=4) is the first with an error\n"},
      {"sweep: {axes: {sample.params.coupling: {range: [-0.2, 0.3, 0.1]}}}\n",
       "11:48 sample: coupling: -0.2 is below the minimum 0\n11:48 sample: coupling: -0.1 is below the minimum 0\n"},
      {"sweep: {axes: {net.params.kernel: [3], block.params.factor: [2, 4]}}\n",
       "8:3 train: fine lattices of size 16 do not go with coarse ones of size 4: they must be 2 times as large; block "
       "with factor: 2\nnote: point 2 (net.params.kernel=3, block.params.factor=4) is the first with an error\n"},
      {"sweep: {axes: {net: [{plugin: network.symmetric}, {plugin: network.nothing}]}}\n", NULL},
  };
  refuse_all(mistakes, COUNT_OF(mistakes) - 1);
  // The last one lists all plugins.
  read_sweep r = read_text(PIPELINE, mistakes[COUNT_OF(mistakes) - 1].sections, true);
  CU_ASSERT(r.plan == NULL &&
            strncmp(r.lines, "p.yaml:11:60: error: net: unknown plugin 'network.nothing'; ", 59) == 0);
  clear(&r);
}

int main(void) {
  static const check_case cases[] = {
      {"axes are multiplied, the first slowest", axes_are_multiplied_the_first_slowest},
      {"zips go together and are multiplied", zips_go_together_and_are_multiplied},
      {"ranges have both ends", ranges_have_both_ends},
      {"a longer range has the same points", a_longer_range_has_the_same_points},
      {"points are excluded, then included", points_are_excluded_then_included},
      {"replicas come last, baselines match", replicas_come_last_and_baselines_match},
      {"whole stages are values", whole_stages_are_values},
      {"paths lead where they say", paths_lead_where_they_say},
      {"an alias is not changed with its anchor", an_alias_is_not_changed_with_its_anchor},
      {"replica 0 has the plain seed, the others their own", replica_0_has_the_plain_seed_and_the_others_their_own},
      {"points are known wherever they stand", points_are_known_wherever_they_stand},
      {"a seed may be given", a_seed_may_be_given},
      {"what results do not depend on is left out", what_results_do_not_depend_on_is_left_out},
      {"what results depend on is not", what_results_depend_on_is_not},
      {"input files count by content", input_files_count_by_content},
      {"shared parts are those that agree", shared_parts_are_those_that_agree},
      {"plans are written and read back", plans_are_written_and_read_back},
      {"damaged plans are refused", damaged_plans_are_refused},
      {"the section must have its form", the_section_must_have_its_form},
      {"exec must have its form", exec_must_have_its_form},
      {"paths must lead somewhere", paths_must_lead_somewhere},
      {"values must be some, and different", values_must_be_some_and_different},
      {"patterns must match", patterns_must_match},
      {"points must be different runs", points_must_be_different_runs},
      {"there must not be too many", there_must_not_be_too_many},
      {"only configurations are shared", only_configurations_are_shared},
      {"every point is checked", every_point_is_checked},
      {0},
  };
  char folder[] = "/tmp/finegrain-sweep-XXXXXX", command[64];
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  registry = fg_registry_load(FG_BUILD "/plugins", diagnostics);
  fg_diagnostics_print(diagnostics, stdout);
  int code = check_main("sweep", cases);
  fg_registry_free(registry);
  fg_diagnostics_free(diagnostics);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) == 0 ? code : 1;
}
