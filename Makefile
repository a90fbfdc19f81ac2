# make | make demo | make check | make install PREFIX=… | make uninstall | make lint | make sanitize | make fuzz | make docs | make paper | make clean
# On a fresh Debian machine 'make demo' and 'make check' install what they need (scripts/install-dependencies.sh).
B       ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0
CC      ?= cc
OPT     ?= -O2 -g
# A plugin must find all it calls in itself and what it links; clang's sanitizers are in the program instead.
WHOLE   ?= -Wl,-z,defs
# 'make V=1' shows the commands.
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)')
WARN    := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
PYTHON  ?= /usr/bin/python3
PKG     := yaml-0.1 libzstd hdf5-serial jansson libxxhash

CFLAGS  := -std=c17 $(OPT) $(WARN) -fPIC -pthread -D_GNU_SOURCE -DFG_VERSION='"$(VERSION)"' $(EXTRA_CFLAGS)
CORE_CFLAGS   = -Icore/include -iquote core $(shell pkg-config --cflags $(PKG))
CORE_LIBS     = $(shell pkg-config --libs $(PKG)) -ldl -lm -pthread
PLUGIN_CFLAGS = -fvisibility=hidden -Icore/include -iquote . -iquote core $(shell pkg-config --cflags hdf5-serial)

# The command's own files; everything else in core/ is libfinegrain.
COMMAND_SOURCES := $(wildcard core/command/*.c)
LIBRARY_SOURCES := $(filter-out $(COMMAND_SOURCES),$(wildcard core/*.c core/*/*.c))
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$B/%.o)
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$B/%.o)

# One shared object a plugin, build/plugins/<kind>.so: its objects and the packages it links.
PLUGIN_LIST := \
  sampler.wolff sampler.swendsen-wang sampler.metropolis sampler.potts \
  coarsen.majority coarsen.potts-majority coarsen.decimation \
  network.symmetric network.conv network.table network.block network.autoregressive network.potts network.chain \
  train.newton train.adam train.match train.variational \
  generate.dream generate.upscale generate.correct \
  estimate.thermo estimate.agreement estimate.rg-matrix estimate.correlation estimate.scaling estimate.likelihood \
  source.file source.model \
  sink.file sink.snapshot
sampler.wolff_OBJECTS      := $(addprefix plugins/samplers/,wolff.o clusters.o sampler.o lattices.o)
sampler.swendsen-wang_OBJECTS := $(addprefix plugins/samplers/,swendsen_wang.o cluster_sweep.o events.o sampler.o lattices.o)
CHECKERBOARD               := $(addprefix plugins/samplers/,checkerboard.o checkerboard_portable.o checkerboard_avx2.o \
                              checkerboard_avx512.o)
sampler.metropolis_OBJECTS := $(addprefix plugins/samplers/,metropolis.o elsewhere.o sweeps.o sampler.o lattices.o) \
                              $(CHECKERBOARD)
sampler.potts_OBJECTS      := $(addprefix plugins/samplers/,potts.o potts_bath.o clusters.o sweeps.o sampler.o lattices.o)
coarsen.majority_OBJECTS   := plugins/coarsen/majority.o plugins/coarsen/blocks.o
coarsen.decimation_OBJECTS := plugins/coarsen/decimation.o plugins/coarsen/blocks.o
coarsen.potts-majority_OBJECTS := plugins/coarsen/potts_majority.o plugins/coarsen/blocks.o
network.symmetric_OBJECTS  := $(addprefix plugins/networks/,symmetric.o kernel.o first_model.o windowed.o window.o classes.o \
                              corner_counts.o bitplanes.o)
network.symmetric_PKG      := jansson
network.conv_OBJECTS       := $(addprefix plugins/networks/,conv.o conv_shape.o conv_lattice.o conv_table.o conv_patches.o \
                              conv_dnnl.o conv_reference.o onednn_steps.o arena.o bernoulli.o window.o bitplanes.o)
network.conv_PKG           := jansson
network.conv_LIBS          := -ldnnl -l:libgomp.so.1 # no .pc file; the OpenMP runtime it is linked with
network.table_OBJECTS      := $(addprefix plugins/networks/,table.o table_walk.o first_model.o windowed.o window.o classes.o \
                              corner_counts.o bitplanes.o)
network.table_PKG          := jansson
network.block_OBJECTS      := $(addprefix plugins/networks/,block.o first_model.o window.o)
network.block_PKG          := jansson
network.potts_OBJECTS      := $(addprefix plugins/networks/,potts.o kernel.o first_model.o)
network.potts_PKG          := jansson
network.autoregressive_OBJECTS := $(addprefix plugins/networks/,autoregressive.o autoregressive_shape.o autoregressive_tables.o autoregressive_rows.o \
                              autoregressive_spins.o autoregressive_pair.o autoregressive_work.o autoregressive_score.o autoregressive_draw.o first_model.o)
network.autoregressive_PKG := jansson
network.chain_OBJECTS      := $(addprefix plugins/networks/,chain.o chain_window.o first_model.o bitplanes.o)
network.chain_PKG          := jansson
train.newton_OBJECTS       := $(addprefix plugins/train/,newton.o regression.o inputs.o)
train.newton_PKG           := gsl
train.adam_OBJECTS         := $(addprefix plugins/train/,adam.o adam_config.o adam_tables.o descent.o adamw.o training_set.o \
                              inputs.o)
train.match_OBJECTS        = $(addprefix plugins/train/,match.o match_config.o match_targets.o match_tables.o matching.o search.o measures.o \
                              dreamer.o adamw.o inputs.o) $(addprefix plugins/estimate/,energy.o kaufman.o bins.o) $(SLICES)
train.match_PKG            := gsl nlopt
train.variational_OBJECTS   = $(addprefix plugins/train/,variational.o variational_config.o variational_tables.o free_energy.o dreamer.o adamw.o inputs.o) \
                              $(addprefix plugins/estimate/,energy.o kaufman.o) $(SLICES)
SLICES                     := $(addprefix plugins/generate/,slices.o slices_portable.o slices_avx2.o slices_avx512.o)
generate.dream_OBJECTS     := plugins/generate/dream.o plugins/generate/refine.o $(SLICES)
generate.upscale_OBJECTS   := plugins/generate/upscale.o plugins/generate/refine.o $(SLICES)
generate.correct_OBJECTS   := $(addprefix plugins/generate/,correct.o correct_run.o correct_table.o ascent.o population.o moves.o) \
                              $(addprefix plugins/estimate/,block_kernel.o energy.o) plugins/train/inputs.o $(CHECKERBOARD) \
                              $(addprefix plugins/samplers/,cluster_sweep.o events.o)
estimate.thermo_OBJECTS    := $(addprefix plugins/estimate/,thermo.o energy.o series.o kaufman.o triangular.o chain.o)
estimate.correlation_OBJECTS := $(addprefix plugins/estimate/,correlation.o correlation_lines.o spectrum.o series.o bins.o)
estimate.correlation_PKG   := fftw3
estimate.scaling_OBJECTS   := $(addprefix plugins/estimate/,scaling.o scaling_points.o scaling_fit.o scaling_tables.o energy.o bins.o)
estimate.scaling_PKG       := gsl
estimate.likelihood_OBJECTS := $(addprefix plugins/estimate/,likelihood.o likelihood_pairs.o likelihood_dreams.o likelihood_rows.o scoring.o \
                              block_kernel.o importance.o bins.o energy.o kaufman.o series.o) plugins/train/inputs.o
estimate.rg-matrix_OBJECTS := $(addprefix plugins/estimate/,rg_matrix.o rg_tables.o rg_analysis.o rg_spectrum.o rg_moments.o operators.o \
                              products.o products_avx512.o pairs.o bins.o)
estimate.rg-matrix_PKG     := gsl
estimate.agreement_OBJECTS := $(addprefix plugins/estimate/,agreement.o pairs.o series.o)
source.file_OBJECTS        := $(addprefix plugins/io/,source_file.o array.o npy.o hdf5_file.o hdf5_inside.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
source.file_PKG            := libzstd libxxhash hdf5-serial
source.model_OBJECTS       := $(addprefix plugins/io/,source_model.o input_file.o hdf5_model.o hdf5_inside.o hdf5_call.o) \
                              $(addprefix core/,model_file.o message.o error.o diagnostics.o)
source.model_PKG           := jansson hdf5-serial
sink.file_OBJECTS          := $(addprefix plugins/io/,sink_file.o array.o npy.o hdf5_head.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
sink.file_PKG              := libzstd libxxhash hdf5-serial
sink.snapshot_OBJECTS      := $(addprefix plugins/io/,snapshot.o painter.o canvas.o)
sink.snapshot_PKG          := libpng

.PHONY: all plugins tests dependencies test-dependencies lint-dependencies demo check bench sanitize fuzz install uninstall lint docs paper schema clean
all: $B/finegrain plugins $B/templates
plugins: $(PLUGIN_LIST:%=$B/plugins/%.so)

# What finegrain new-plugin copies, beside the program.
$B/templates:
	@mkdir -p $B
	$(Q)ln -sfn "$(abspath examples/templates)" $@
$B/libfinegrain.a: $(LIBRARY_OBJECTS)
	$(call say,AR   $@)
	$(Q)rm -f $@ && ar rcs $@ $^
$B/finegrain: $(COMMAND_OBJECTS) $B/libfinegrain.a
	$(call say,LINK $@)
	$(Q)$(CC) $(OPT) $(EXTRA_CFLAGS) -o $@ $^ $(CORE_LIBS)
$B/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(CFLAGS) $(CORE_CFLAGS) -MMD -MP -c -o $@ $<
$B/plugins/%.o: plugins/%.c
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(CFLAGS) $(PLUGIN_CFLAGS) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<
# UNINSTRUMENTED: what takes a sanitizer's flags off the kernels again, which it makes minutes long to compile.
$B/plugins/generate/slices_portable.o $B/plugins/samplers/checkerboard_portable.o: KERNEL_CFLAGS = $(UNINSTRUMENTED)
# Kernels, one file an instruction set, chosen among at run time.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
$B/plugins/generate/slices_avx2.o: KERNEL_CFLAGS = -mavx2 -maes $(UNINSTRUMENTED)
$B/plugins/generate/slices_avx512.o: KERNEL_CFLAGS = -mavx512bw -mavx512vbmi -mgfni -mvaes $(UNINSTRUMENTED)
$B/plugins/samplers/checkerboard_avx2.o: KERNEL_CFLAGS = -mavx2 -maes $(UNINSTRUMENTED)
$B/plugins/samplers/checkerboard_avx512.o: KERNEL_CFLAGS = -mavx512bw -mvaes $(UNINSTRUMENTED)
$B/plugins/estimate/products_avx512.o: KERNEL_CFLAGS = -mavx512f -mavx512vpopcntdq $(UNINSTRUMENTED)
endif
.SECONDARY:
.SECONDEXPANSION:
$B/plugins/%.so: $$(addprefix $B/,$$($$*_OBJECTS)) plugins/exports.map
	$(call say,LINK $@)
	$(Q)$(CC) $(OPT) $(EXTRA_CFLAGS) -shared $(WHOLE) -Wl,--version-script=plugins/exports.map -o $@ $(filter %.o,$^) $(if $($*_PKG),$(shell pkg-config --libs $($*_PKG))) $($*_LIBS) -lm

# What the fuzz targets call beside the library.
FUZZED_OBJECTS := $(addprefix plugins/io/,array.o npy.o hdf5_file.o hdf5_model.o hdf5_inside.o hdf5_call.o)

# One CUnit program a test file, linked with the library and the driver; see tests/.
TESTS      := $(patsubst tests/test_%.c,$B/tests/test_%,$(wildcard tests/test_*.c))
TEST_FLAGS  = $(CFLAGS) $(CORE_CFLAGS) -iquote tests -iquote . $(shell pkg-config --cflags gsl) -DFG_BUILD='"$(abspath $B)"' -MMD -MP
$B/tests/driver.o: tests/driver.c
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(TEST_FLAGS) -c -o $@ $<
$B/tests/test_%: tests/test_%.c $B/tests/driver.o $B/libfinegrain.a
	@mkdir -p $(@D)
	$(call say,TEST $@)
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $< $B/tests/driver.o $B/libfinegrain.a -lcunit -lgsl -lgslcblas $(CORE_LIBS)
$B/tests/test_rg_analysis: $(addprefix $B/plugins/estimate/,rg_analysis.o rg_spectrum.o rg_moments.o bins.o)
$B/tests/test_rg_analysis: CORE_LIBS += $(addprefix $B/plugins/estimate/,rg_analysis.o rg_spectrum.o rg_moments.o bins.o) -lm
$B/tests/test_autoregressive: $(network.autoregressive_OBJECTS:%=$B/%)
$B/tests/test_autoregressive: CORE_LIBS += $(network.autoregressive_OBJECTS:%=$B/%) $(shell pkg-config --libs $(network.autoregressive_PKG))
$B/tests/test_conv: $(network.conv_OBJECTS:%=$B/%)
$B/tests/test_conv: CORE_LIBS += $(network.conv_OBJECTS:%=$B/%) $(network.conv_LIBS) $(shell pkg-config --libs $(network.conv_PKG))
$B/tests/test_fuzz_regression: $(FUZZED_OBJECTS:%=$B/%)
$B/tests/test_fuzz_regression: CORE_LIBS += $(FUZZED_OBJECTS:%=$B/%) $(shell pkg-config --libs hdf5-serial)
$B/tests/test_thermo: $(addprefix $B/plugins/estimate/,triangular.o chain.o)
$B/tests/test_thermo: CORE_LIBS += $(addprefix $B/plugins/estimate/,triangular.o chain.o)
PRODUCTS := plugins/estimate/products.o plugins/estimate/products_avx512.o
$B/tests/test_operators: $(PRODUCTS:%=$B/%)
$B/tests/test_operators: CORE_LIBS += $(PRODUCTS:%=$B/%)
$B/tests/test_match: $(train.match_OBJECTS:%=$B/%)
$B/tests/test_match: CORE_LIBS += $(filter-out $B/plugins/train/match.o,$(train.match_OBJECTS:%=$B/%)) $(shell pkg-config --libs $(train.match_PKG))
$B/tests/test_variational: $(train.variational_OBJECTS:%=$B/%)
$B/tests/test_variational: CORE_LIBS += $(filter-out $B/plugins/train/variational.o,$(train.variational_OBJECTS:%=$B/%))
$B/tests/test_slices: $(SLICES:%=$B/%)
$B/tests/test_slices: CORE_LIBS += $(SLICES:%=$B/%)
# Fast sweeps and their plain versions, which no plugin needs.
FAST_SAMPLERS := $(CHECKERBOARD) $(addprefix plugins/samplers/,cluster_sweep.o events.o plain.o)
$B/tests/test_fast_samplers: $(FAST_SAMPLERS:%=$B/%)
$B/tests/test_fast_samplers: CORE_LIBS += $(FAST_SAMPLERS:%=$B/%)
# Moves that are judged by themselves, and what they call.
MOVES := plugins/generate/moves.o $(CHECKERBOARD) $(addprefix plugins/samplers/,cluster_sweep.o events.o)
$B/tests/test_correct: $(MOVES:%=$B/%)
$B/tests/test_correct: CORE_LIBS += $(MOVES:%=$B/%)
$B/tests/test_snapshot: CORE_LIBS += $(shell pkg-config --libs libpng)
$B/tests/test_correlation: CORE_LIBS += $(shell pkg-config --libs fftw3)
tests: $(TESTS)

# make bench [TASK=part of a task's name] [ROUNDS=7]: rates of kernels and of whole runs, next to plain references, as a
# table and as $B/bench.json.
BENCH_OBJECTS := $(patsubst %.c,$B/%.o,$(wildcard tests/bench/*.c))
$B/tests/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(TEST_FLAGS) -c -o $@ $<
BENCH_KERNELS := $(SLICES) plugins/estimate/energy.o $(addprefix plugins/estimate/,operators.o products.o products_avx512.o) \
                 plugins/networks/corner_counts.o $(FAST_SAMPLERS)
$B/tests/bench/bench: $(BENCH_OBJECTS) $(BENCH_KERNELS:%=$B/%) $B/tests/driver.o $B/libfinegrain.a
	$(call say,LINK $@)
	$(Q)$(CC) $(OPT) $(EXTRA_CFLAGS) -o $@ $^ $(CORE_LIBS)
bench: test-dependencies
	$(MAKE) all $B/tests/bench/bench
	$B/tests/bench/bench --rounds $(or $(ROUNDS),7) $(TASK)

dependencies:
	@scripts/install-dependencies.sh build
lint-dependencies:
	@scripts/install-dependencies.sh build lint
test-dependencies:
	@scripts/install-dependencies.sh build test

# The main job: three numbers dream up a critical lattice.
demo: dependencies
	$(MAKE) all
	$B/finegrain run pipelines/quickstart.yaml --out $B/runs/quickstart --force
	@echo "the dream, level by level: $B/runs/quickstart/picture/snapshot-0.png"

check: test-dependencies
	$(MAKE) all tests
	BUILD=$(abspath $B) PYTHON=$(PYTHON) tests/check.sh

# The tests again under sanitizers: address and undefined behaviour for all but the long statistics, thread for what
# shares memory (tests/sanitize.sh). Builds of their own, $B-asan and $B-tsan.
ASAN := -Wno-format-truncation -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TSAN := -Wno-format-truncation -fsanitize=thread -fno-omit-frame-pointer
sanitize: test-dependencies
	$(MAKE) B=$B-asan OPT='-O1 -g' EXTRA_CFLAGS='$(ASAN)' all tests
	$(MAKE) B=$B-tsan OPT='-O1 -g' EXTRA_CFLAGS='$(TSAN)' all tests
	ASAN_BUILD=$(abspath $B)-asan TSAN_BUILD=$(abspath $B)-tsan PYTHON=$(PYTHON) tests/sanitize.sh

# What comes from outside, under clang's fuzzer (tests/fuzz/), from the corpora in the tree: FUZZ_SECONDS for each of
# $(FUZZ). What is new goes to $B/fuzz/found, what breaks a target to $B/fuzz. A found input worth keeping belongs into
# the corpus: 'make check' feeds it.
FUZZ         ?= stream plan sweep model npy hdf5
FUZZ_SECONDS ?= 30
FUZZER       := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
fuzz: test-dependencies
	$(MAKE) B=$B/fuzz CC=clang OPT='-O1 -g' EXTRA_CFLAGS='$(FUZZER)' UNINSTRUMENTED=-fno-sanitize=all WHOLE= plugins $(FUZZ:%=$B/fuzz/fuzz_%)
	for target in $(FUZZ); do mkdir -p $B/fuzz/found/$$target && \
	  $B/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -max_len=10240 -timeout=25 -rss_limit_mb=4096 -print_final_stats=1 \
	    -artifact_prefix=$B/fuzz/$$target- $B/fuzz/found/$$target tests/fuzz/corpus/$$target || exit 1; done
$B/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZED_OBJECTS:%=$B/%) $B/libfinegrain.a
	$(call say,LINK $@)
	$(Q)$(CC) $(TEST_FLAGS) -fsanitize=fuzzer,address,undefined -rdynamic -o $@ $(filter-out %.h,$^) $(CORE_LIBS)

# Everything an installed finegrain needs lies under PREFIX, which may contain blanks; the plugins are found beside bin/,
# in ../lib/finegrain/plugins. DESTDIR stages it elsewhere. 'make uninstall' takes away what 'make install' put there.
DEST    = $(DESTDIR)$(PREFIX)
SHARE   = $(DEST)/share/finegrain
HEADERS := $(notdir $(wildcard core/include/finegrain/*.h))
EXAMPLE := decimation.c Makefile README.md pipeline.yaml
TEMPLATES := $(notdir $(wildcard examples/templates/*))
PIPELINE_FOLDERS := $(notdir $(patsubst %/,%,$(wildcard pipelines/*/)))
install: all
	install -d "$(DEST)/bin" "$(DEST)/lib/finegrain/plugins" "$(DEST)/lib/pkgconfig" "$(DEST)/include/finegrain" \
	  "$(SHARE)/pipelines" "$(SHARE)/schemas" "$(SHARE)/examples/decimation"
	install $B/finegrain "$(DEST)/bin"
	install -m 644 $(PLUGIN_LIST:%=$B/plugins/%.so) "$(DEST)/lib/finegrain/plugins"
	install -m 644 $(HEADERS:%=core/include/finegrain/%) "$(DEST)/include/finegrain"
	install -m 644 pipelines/*.yaml "$(SHARE)/pipelines"
	for folder in $(PIPELINE_FOLDERS); do install -d "$(SHARE)/pipelines/$$folder" && \
	  install -m 644 pipelines/$$folder/*.yaml "$(SHARE)/pipelines/$$folder" || exit 1; done
	install -m 644 schemas/*.json schemas/*.md "$(SHARE)/schemas"
	install -m 644 $(EXAMPLE:%=examples/decimation/%) "$(SHARE)/examples/decimation"
	for kind in $(TEMPLATES); do install -d "$(SHARE)/templates/$$kind" && \
	  install -m 644 examples/templates/$$kind/* "$(SHARE)/templates/$$kind" || exit 1; done
	printf '%s\n' 'Name: finegrain' 'Description: headers for finegrain plugins' 'Version: $(VERSION)' \
	  'Cflags: -I"$(PREFIX)/include"' > "$(DEST)/lib/pkgconfig/finegrain.pc"

uninstall:
	rm -f "$(DEST)/bin/finegrain" "$(DEST)/lib/pkgconfig/finegrain.pc"
	rm -f $(PLUGIN_LIST:%="$(DEST)/lib/finegrain/plugins/%.so")
	rm -rf "$(DEST)/include/finegrain" "$(SHARE)"
	rmdir "$(DEST)/lib/finegrain/plugins" "$(DEST)/lib/finegrain" 2>/dev/null || true

# The paper, reproduced: runs pipelines/paper and writes docs/paper.md. What is compared with published weights needs their
# file: make paper PUBLISHED=published_weights.json.
PUBLISHED ?= $(wildcard ../shared/reference/published_weights.json)
paper: test-dependencies
	$(MAKE) all
	$(PYTHON) scripts/paper.py $B/finegrain $(if $(PUBLISHED),--published $(PUBLISHED))

# What is made from the descriptors and committed; 'make check' fails when it is stale.
schema: all
	$B/finegrain schema > schemas/pipeline.schema.json
	rm -f docs/reference/*.md
	$B/finegrain schema --markdown --out docs/reference
docs: schema
	dot -Tsvg docs/way.dot > docs/way.svg

# Layout, bugs and style, over all our C; not part of 'make check', for it takes a quarter of an hour and depends on the
# versions of the tools. What they find and is none is argued in .clang-tidy, .cppcheck and scripts/analyze.sh, or where it is.
LINT_FLAGS = -std=c17 -D_GNU_SOURCE -DFG_VERSION='""' $(CORE_CFLAGS) -iquote . $(shell pkg-config --cflags gsl libpng fftw3)
lint: lint-dependencies
	clang-format --dry-run -Werror $(wildcard core/*.[ch] core/*/*.[ch] core/include/finegrain/*.h plugins/*/*.[ch] tests/*.[ch] tests/*/*.[ch] examples/*/*.c examples/*/*/*.[ch])
	clang-tidy --quiet $(filter-out %_avx2.c %_avx512.c,$(wildcard core/*.c core/*/*.c plugins/*/*.c)) -- $(LINT_FLAGS)
	clang-tidy --quiet $(wildcard plugins/*/*_avx2.c) -- $(LINT_FLAGS) -mavx2 -maes
	clang-tidy --quiet $(wildcard plugins/*/*_avx512.c) -- $(LINT_FLAGS) -mavx512bw -mavx512vbmi -mavx512vpopcntdq -mgfni -mvaes
	cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppressions-list=.cppcheck --suppress=missingIncludeSystem -D_GNU_SOURCE -DFG_VERSION='""' -Icore/include -Icore -I. \
	  '-Djson_object_foreach(object,key,value)=while(next_pair(object,&key,&value))' core plugins
	CC=gcc scripts/analyze.sh $(LINT_FLAGS)

clean:
	rm -rf $B
-include $(shell find $B -name '*.d' 2>/dev/null)
