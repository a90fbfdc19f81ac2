# make | make demo | make check | make bench | make install PREFIX=… | make lint | make docs | make clean
# On a fresh Debian machine 'make demo' and 'make check' install what they need (scripts/install-dependencies.sh).
B       ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0
CC      ?= cc
OPT     ?= -O2 -g
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
PLUGIN_LIST := sampler.wolff sampler.metropolis coarsen.majority network.symmetric train.newton generate.dream \
               estimate.thermo source.file sink.snapshot
sampler.wolff_OBJECTS      := plugins/samplers/wolff.o plugins/samplers/ising.o
sampler.metropolis_OBJECTS := plugins/samplers/metropolis.o plugins/samplers/ising.o
coarsen.majority_OBJECTS   := plugins/coarsen/majority.o
network.symmetric_OBJECTS  := $(addprefix plugins/networks/,symmetric.o windowed.o window.o classes.o bitplanes.o)
network.symmetric_PKG      := jansson
train.newton_OBJECTS       := plugins/train/newton.o plugins/train/regression.o
train.newton_PKG           := gsl
generate.dream_OBJECTS     := plugins/generate/dream.o
estimate.thermo_OBJECTS    := $(addprefix plugins/estimate/,thermo.o energy.o series.o kaufman.o)
source.file_OBJECTS        := $(addprefix plugins/io/,source_file.o array.o npy.o hdf5_file.o) \
                              $(addprefix core/,codec.o stream_file.o message.o error.o)
source.file_PKG            := libzstd libxxhash hdf5-serial
sink.snapshot_OBJECTS      := plugins/io/snapshot.o plugins/io/canvas.o
sink.snapshot_PKG          := libpng

.PHONY: all plugins tests dependencies test-dependencies demo check bench install lint docs schema clean
all: $B/finegrain plugins
plugins: $(PLUGIN_LIST:%=$B/plugins/%.so)

$B/libfinegrain.a: $(LIBRARY_OBJECTS)
	rm -f $@ && ar rcs $@ $^
$B/finegrain: $(COMMAND_OBJECTS) $B/libfinegrain.a
	$(CC) $(OPT) $(EXTRA_CFLAGS) -o $@ $^ $(CORE_LIBS)
$B/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_CFLAGS) -MMD -MP -c -o $@ $<
$B/plugins/%.o: plugins/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLUGIN_CFLAGS) -MMD -MP -c -o $@ $<
.SECONDARY:
.SECONDEXPANSION:
$B/plugins/%.so: $$(addprefix $B/,$$($$*_OBJECTS)) plugins/exports.map
	$(CC) $(OPT) $(EXTRA_CFLAGS) -shared -Wl,-z,defs -Wl,--version-script=plugins/exports.map -o $@ $(filter %.o,$^) $(if $($*_PKG),$(shell pkg-config --libs $($*_PKG))) -lm

# One CUnit program a test file, linked with the library and the driver; see tests/.
TESTS      := $(patsubst tests/test_%.c,$B/tests/test_%,$(wildcard tests/test_*.c))
TEST_FLAGS  = $(CFLAGS) $(CORE_CFLAGS) -iquote tests -iquote . $(shell pkg-config --cflags gsl) -DFG_BUILD='"$(abspath $B)"' -MMD -MP
$B/tests/driver.o: tests/driver.c
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -c -o $@ $<
$B/tests/test_%: tests/test_%.c $B/tests/driver.o $B/libfinegrain.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -o $@ $< $B/tests/driver.o $B/libfinegrain.a -lcunit -lgsl -lgslcblas $(CORE_LIBS)
tests: $(TESTS)

dependencies:
	@scripts/install-dependencies.sh build
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

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/finegrain/plugins $(DESTDIR)$(PREFIX)/include/finegrain \
	  $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/share/finegrain/pipelines $(DESTDIR)$(PREFIX)/share/finegrain/schemas
	install $B/finegrain $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $B/plugins/*.so $(DESTDIR)$(PREFIX)/lib/finegrain/plugins/
	install -m 644 core/include/finegrain/*.h $(DESTDIR)$(PREFIX)/include/finegrain/
	install -m 644 pipelines/*.yaml $(DESTDIR)$(PREFIX)/share/finegrain/pipelines/
	install -m 644 schemas/*.json $(DESTDIR)$(PREFIX)/share/finegrain/schemas/
	printf 'Name: finegrain\nDescription: headers for finegrain plugins\nVersion: $(VERSION)\nCflags: -I$(PREFIX)/include\n' \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/finegrain.pc

# What is made from the descriptors and committed; 'make check' fails when it is stale.
schema: all
	$B/finegrain schema > schemas/pipeline.schema.json
	$B/finegrain schema --markdown > docs/reference.md
docs: schema
	dot -Tsvg docs/way.dot > docs/way.svg

lint: test-dependencies
	clang-format --dry-run -Werror $(wildcard core/*.[ch] core/include/finegrain/*.h plugins/*/*.[ch] tests/*.[ch])
	clang-tidy --quiet $(LIBRARY_SOURCES) $(COMMAND_SOURCES) -- -std=c17 -D_GNU_SOURCE -DFG_VERSION='""' $(CORE_CFLAGS)

clean:
	rm -rf $B
-include $(shell find $B -name '*.d' 2>/dev/null)
