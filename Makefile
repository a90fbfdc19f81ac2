# make | make demo | make check | make install PREFIX=… | make uninstall | make lint | make sanitize | make fuzz | make docs | make clean
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
PLUGIN_LIST := sampler.wolff sampler.metropolis sampler.potts coarsen.majority coarsen.potts-majority network.symmetric \
               train.newton generate.dream estimate.thermo source.file sink.file sink.snapshot
sampler.wolff_OBJECTS      := $(addprefix plugins/samplers/,wolff.o clusters.o sampler.o)
sampler.metropolis_OBJECTS := $(addprefix plugins/samplers/,metropolis.o sweeps.o sampler.o)
sampler.potts_OBJECTS      := $(addprefix plugins/samplers/,potts.o clusters.o sweeps.o sampler.o)
coarsen.majority_OBJECTS   := plugins/coarsen/majority.o plugins/coarsen/blocks.o
coarsen.potts-majority_OBJECTS := plugins/coarsen/potts_majority.o plugins/coarsen/blocks.o
network.symmetric_OBJECTS  := $(addprefix plugins/networks/,symmetric.o windowed.o window.o classes.o bitplanes.o)
network.symmetric_PKG      := jansson
train.newton_OBJECTS       := plugins/train/newton.o plugins/train/regression.o
train.newton_PKG           := gsl
generate.dream_OBJECTS     := plugins/generate/dream.o
estimate.thermo_OBJECTS    := $(addprefix plugins/estimate/,thermo.o energy.o series.o kaufman.o)
source.file_OBJECTS        := $(addprefix plugins/io/,source_file.o array.o npy.o hdf5_file.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
source.file_PKG            := libzstd libxxhash hdf5-serial
sink.file_OBJECTS          := $(addprefix plugins/io/,sink_file.o array.o npy.o hdf5_head.o hdf5_call.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o diagnostics.o)
sink.file_PKG              := libzstd libxxhash hdf5-serial
sink.snapshot_OBJECTS      := plugins/io/snapshot.o plugins/io/canvas.o
sink.snapshot_PKG          := libpng

.PHONY: all plugins tests dependencies test-dependencies lint-dependencies demo check sanitize fuzz install uninstall lint docs schema clean
all: $B/finegrain plugins
plugins: $(PLUGIN_LIST:%=$B/plugins/%.so)

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
	$(Q)$(CC) $(CFLAGS) $(PLUGIN_CFLAGS) -MMD -MP -c -o $@ $<
.SECONDARY:
.SECONDEXPANSION:
$B/plugins/%.so: $$(addprefix $B/,$$($$*_OBJECTS)) plugins/exports.map
	$(call say,LINK $@)
	$(Q)$(CC) $(OPT) $(EXTRA_CFLAGS) -shared -Wl,-z,defs -Wl,--version-script=plugins/exports.map -o $@ $(filter %.o,$^) $(if $($*_PKG),$(shell pkg-config --libs $($*_PKG))) -lm

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
$B/tests/test_snapshot: CORE_LIBS += $(shell pkg-config --libs libpng)
tests: $(TESTS)

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
	install -m 644 schemas/*.json "$(SHARE)/schemas"
	install -m 644 $(EXAMPLE:%=examples/decimation/%) "$(SHARE)/examples/decimation"
	printf '%s\n' 'Name: finegrain' 'Description: headers for finegrain plugins' 'Version: $(VERSION)' \
	  'Cflags: -I"$(PREFIX)/include"' > "$(DEST)/lib/pkgconfig/finegrain.pc"

uninstall:
	rm -f "$(DEST)/bin/finegrain" "$(DEST)/lib/pkgconfig/finegrain.pc"
	rm -f $(PLUGIN_LIST:%="$(DEST)/lib/finegrain/plugins/%.so")
	rm -rf "$(DEST)/include/finegrain" "$(SHARE)"
	rmdir "$(DEST)/lib/finegrain/plugins" "$(DEST)/lib/finegrain" 2>/dev/null || true

# What is made from the descriptors and committed; 'make check' fails when it is stale.
schema: all
	$B/finegrain schema > schemas/pipeline.schema.json
	$B/finegrain schema --markdown > docs/reference.md
docs: schema
	dot -Tsvg docs/way.dot > docs/way.svg

lint: lint-dependencies
	clang-format --dry-run -Werror $(wildcard core/*.[ch] core/include/finegrain/*.h plugins/*/*.[ch] tests/*.[ch] tests/*/*.[ch] examples/*/*.c)
	clang-tidy --quiet $(LIBRARY_SOURCES) $(COMMAND_SOURCES) -- -std=c17 -D_GNU_SOURCE -DFG_VERSION='""' $(CORE_CFLAGS)

clean:
	rm -rf $B
-include $(shell find $B -name '*.d' 2>/dev/null)
