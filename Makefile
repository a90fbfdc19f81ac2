# make | make demo | make check | make install PREFIX=… | make uninstall | make lint | make sanitize | make fuzz | make docs | make paper | make clean
# On a fresh Debian machine 'make demo' and 'make check' install what they need (scripts/install-dependencies.sh).
B       ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0
CC      ?= cc
OPT     ?= -O2 -g
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
COMMAND_SOURCES := $(wildcard core/command*.c core/main.c)
LIBRARY_SOURCES := $(filter-out $(COMMAND_SOURCES),$(wildcard core/*.c))
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$B/%.o)
COMMAND_OBJECTS := $(COMMAND_SOURCES:%.c=$B/%.o)

# One shared object a plugin, build/plugins/<kind>.so: its objects and the packages it links.
PLUGIN_LIST := \
  sampler.wolff sampler.metropolis sampler.potts \
  coarsen.majority coarsen.potts-majority \
  network.symmetric network.conv network.table network.block network.autoregressive \
  train.newton train.adam train.match train.variational \
  generate.dream generate.upscale \
  estimate.thermo estimate.agreement estimate.rg-matrix estimate.correlation estimate.scaling estimate.likelihood \
  source.file source.model \
  sink.file sink.snapshot
sampler.wolff_OBJECTS      := $(addprefix plugins/samplers/,wolff.o clusters.o sampler.o)
sampler.metropolis_OBJECTS := $(addprefix plugins/samplers/,metropolis.o sweeps.o sampler.o)
sampler.potts_OBJECTS      := $(addprefix plugins/samplers/,potts.o clusters.o sweeps.o sampler.o)
coarsen.majority_OBJECTS   := plugins/coarsen/majority.o plugins/coarsen/blocks.o
coarsen.potts-majority_OBJECTS := plugins/coarsen/potts_majority.o plugins/coarsen/blocks.o
network.symmetric_OBJECTS  := $(addprefix plugins/networks/,symmetric.o windowed.o window.o classes.o bitplanes.o)
network.symmetric_PKG      := jansson
network.conv_OBJECTS       := $(addprefix plugins/networks/,conv.o conv_shape.o conv_lattice.o conv_table.o conv_patches.o \
                              conv_dnnl.o conv_reference.o onednn_steps.o arena.o bernoulli.o window.o bitplanes.o)
network.conv_PKG           := jansson
network.conv_LIBS          := -ldnnl -l:libgomp.so.1 # no .pc file; the OpenMP runtime it is linked with
network.table_OBJECTS      := $(addprefix plugins/networks/,table.o table_walk.o first_model.o windowed.o window.o classes.o bitplanes.o)
network.table_PKG          := jansson
network.block_OBJECTS      := $(addprefix plugins/networks/,block.o first_model.o window.o)
network.block_PKG          := jansson
network.autoregressive_OBJECTS := $(addprefix plugins/networks/,autoregressive.o autoregressive_shape.o autoregressive_tables.o autoregressive_rows.o \
                              autoregressive_spins.o autoregressive_pair.o autoregressive_work.o autoregressive_score.o autoregressive_draw.o first_model.o)
network.autoregressive_PKG := jansson
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
estimate.thermo_OBJECTS    := $(addprefix plugins/estimate/,thermo.o energy.o series.o kaufman.o)
estimate.correlation_OBJECTS := $(addprefix plugins/estimate/,correlation.o correlation_lines.o spectrum.o series.o bins.o)
estimate.correlation_PKG   := fftw3
estimate.scaling_OBJECTS   := $(addprefix plugins/estimate/,scaling.o scaling_points.o scaling_fit.o scaling_tables.o energy.o bins.o)
estimate.scaling_PKG       := gsl
estimate.likelihood_OBJECTS := $(addprefix plugins/estimate/,likelihood.o series.o) plugins/train/inputs.o
estimate.rg-matrix_OBJECTS := $(addprefix plugins/estimate/,rg_matrix.o rg_tables.o rg_analysis.o rg_spectrum.o rg_moments.o operators.o pairs.o bins.o)
estimate.rg-matrix_PKG     := gsl
estimate.agreement_OBJECTS := $(addprefix plugins/estimate/,agreement.o pairs.o series.o)
source.file_OBJECTS        := $(addprefix plugins/io/,source_file.o array.o npy.o hdf5_file.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
source.file_PKG            := libzstd libxxhash hdf5-serial
source.model_OBJECTS       := $(addprefix plugins/io/,source_model.o input_file.o hdf5_model.o hdf5_call.o) \
                              $(addprefix core/,model_file.o message.o error.o diagnostics.o)
source.model_PKG           := jansson hdf5-serial
sink.file_OBJECTS          := $(addprefix plugins/io/,sink_file.o array.o npy.o hdf5_head.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
sink.file_PKG              := libzstd libxxhash hdf5-serial
sink.snapshot_OBJECTS      := plugins/io/snapshot.o plugins/io/canvas.o
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
# Kernels, one file an instruction set, chosen among at run time.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
$B/plugins/generate/slices_avx2.o: KERNEL_CFLAGS = -mavx2 -maes
$B/plugins/generate/slices_avx512.o: KERNEL_CFLAGS = -mavx512bw -mavx512vbmi -mgfni -mvaes
endif
.SECONDARY:
.SECONDEXPANSION:
$B/plugins/%.so: $$(addprefix $B/,$$($$*_OBJECTS)) plugins/exports.map
	$(call say,LINK $@)
	$(Q)$(CC) $(OPT) $(EXTRA_CFLAGS) -shared -Wl,-z,defs -Wl,--version-script=plugins/exports.map -o $@ $(filter %.o,$^) $(if $($*_PKG),$(shell pkg-config --libs $($*_PKG))) $($*_LIBS) -lm

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
$B/tests/test_autoregressive: $(network.autoregressive_OBJECTS:%=$B/%)
$B/tests/test_autoregressive: CORE_LIBS += $(network.autoregressive_OBJECTS:%=$B/%) $(shell pkg-config --libs $(network.autoregressive_PKG))
$B/tests/test_conv: $(network.conv_OBJECTS:%=$B/%)
$B/tests/test_conv: CORE_LIBS += $(network.conv_OBJECTS:%=$B/%) $(network.conv_LIBS) $(shell pkg-config --libs $(network.conv_PKG))
$B/tests/test_match: $(train.match_OBJECTS:%=$B/%)
$B/tests/test_match: CORE_LIBS += $(filter-out $B/plugins/train/match.o,$(train.match_OBJECTS:%=$B/%)) $(shell pkg-config --libs $(train.match_PKG))
$B/tests/test_variational: $(train.variational_OBJECTS:%=$B/%)
$B/tests/test_variational: CORE_LIBS += $(filter-out $B/plugins/train/variational.o,$(train.variational_OBJECTS:%=$B/%))
$B/tests/test_slices: $(SLICES:%=$B/%)
$B/tests/test_slices: CORE_LIBS += $(SLICES:%=$B/%)
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
$B/tests/bench/bench: $(BENCH_OBJECTS) $(SLICES:%=$B/%) $B/tests/driver.o $B/libfinegrain.a
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

# Everything an installed finegrain needs lies under PREFIX, which may contain blanks; the plugins are found beside bin/,
# in ../lib/finegrain/plugins. DESTDIR stages it elsewhere. 'make uninstall' takes away what 'make install' put there.
DEST    = $(DESTDIR)$(PREFIX)
SHARE   = $(DEST)/share/finegrain
HEADERS := $(notdir $(wildcard core/include/finegrain/*.h))
EXAMPLE := decimation.c Makefile README.md pipeline.yaml
TEMPLATES := $(notdir $(wildcard examples/templates/*))
# What reads encoded batches and stream files, under clang's fuzzer, from the corpus in the tree; what is new goes to
# $B/fuzz/found, what breaks it to $B/fuzz. A found input worth keeping belongs into the corpus: 'make check' feeds it.
FUZZ_SECONDS ?= 30
FUZZ_SOURCES  = tests/fuzz/fuzz_stream.c $(filter core/%,$(source.file_OBJECTS:.o=.c))
fuzz: test-dependencies
	@mkdir -p $B/fuzz/found
	clang $(CFLAGS) $(CORE_CFLAGS) -iquote tests -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $B/fuzz/stream $(FUZZ_SOURCES) $(shell pkg-config --libs libzstd libxxhash) -lm
	$B/fuzz/stream -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -print_final_stats=1 \
	  -artifact_prefix=$B/fuzz/ $B/fuzz/found tests/fuzz/corpus/stream

install: all
	install -d "$(DEST)/bin" "$(DEST)/lib/finegrain/plugins" "$(DEST)/lib/pkgconfig" "$(DEST)/include/finegrain" \
	  "$(SHARE)/pipelines" "$(SHARE)/schemas" "$(SHARE)/examples/decimation"
	install $B/finegrain "$(DEST)/bin"
	install -m 644 $(PLUGIN_LIST:%=$B/plugins/%.so) "$(DEST)/lib/finegrain/plugins"
	install -m 644 $(HEADERS:%=core/include/finegrain/%) "$(DEST)/include/finegrain"
	install -m 644 pipelines/*.yaml "$(SHARE)/pipelines"
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
	$B/finegrain schema --markdown > docs/reference.md
docs: schema
	dot -Tsvg docs/way.dot > docs/way.svg

lint: lint-dependencies
	clang-format --dry-run -Werror $(wildcard core/*.[ch] core/include/finegrain/*.h plugins/*/*.[ch] tests/*.[ch] tests/*/*.[ch] examples/*/*.c examples/*/*/*.[ch])
	clang-tidy --quiet $(LIBRARY_SOURCES) $(COMMAND_SOURCES) -- -std=c17 -D_GNU_SOURCE -DFG_VERSION='""' $(CORE_CFLAGS)

clean:
	rm -rf $B
-include $(shell find $B -name '*.d' 2>/dev/null)
