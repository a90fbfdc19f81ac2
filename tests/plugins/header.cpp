// header.cpp — a plugin in C++17: that the headers are C++ too, that every inline function of theirs does there what it
// does in C, and how descriptors are written without designated initialisers (constexpr functions that fill them in).
// test.header takes no input, checks what the functions give, draws and emits a table of estimates.
#include "finegrain/finegrain.h"

#include <cstring>
#include <new>

namespace {

// No struct that crosses the boundary ends in padding, where a later version's field would seem to be present.
#define ENDS_WITH(type, field)                                                                                         \
  static_assert(offsetof(type, field) + sizeof(type::field) == sizeof(type), #type " ends in padding")
ENDS_WITH(fg_plugin, stages);
ENDS_WITH(fg_stage, extension);
ENDS_WITH(fg_param, doc);
ENDS_WITH(fg_port, doc);
ENDS_WITH(fg_format, models);
ENDS_WITH(fg_batch, data);
ENDS_WITH(fg_model, weights);
ENDS_WITH(fg_table, cells);
ENDS_WITH(fg_column, description);
ENDS_WITH(fg_message, table);
ENDS_WITH(fg_host, output_commit);
ENDS_WITH(fg_writer, write);
ENDS_WITH(fg_reader, read);
ENDS_WITH(fg_network, reserved);
ENDS_WITH(fg_network_table, thresholds);

struct config {
  int64_t size;
};

struct stage_instance {
  const fg_host *host;
  const config *given;
  bool done;
};

fg_status create(const fg_host *host, const void *given, void **self) {
  auto *made = new (std::nothrow) stage_instance{host, static_cast<const config *>(given), false};
  if (!made) return host->fail(host, "out of memory");
  *self = made;
  return FG_HAS(host, output_commit) ? FG_OK : host->fail(host, "the host says it has no output_commit");
}

void destroy(void *self) { delete static_cast<stage_instance *>(self); }

fg_status negotiate(void *, const fg_format *const *, fg_format *const *, uint64_t *memory) {
  *memory = sizeof(stage_instance);
  return FG_OK;
}

/// The geometry of a lattice and its packed rows.
bool lattices_are_right(const fg_host *host, uint64_t length) {
  fg_lattice lattice = fg_lattice_square(length), other = lattice;
  other.extent[0]++;
  if (fg_lattice_width(&lattice) != length || fg_lattice_rows(&lattice) != length) return false;
  if (fg_lattice_sites(&lattice) != length * length) return false;
  if (!fg_lattice_equal(&lattice, &lattice) || fg_lattice_equal(&lattice, &other)) return false;
  if (fg_configuration_bytes(FG_SPIN1, &lattice) != length * fg_row_bytes(FG_SPIN1, length)) return false;
  if (fg_row_bytes(FG_STATE8, 9) != 16 || fg_row_bytes(FG_FIELD32, 3) != 16) return false;
  char name[96];
  fg_lattice_name(&other, name);
  if (!std::strchr(name, 'x')) return false;

  fg_batch *batch = host->batch_new(host, FG_SPIN1, &lattice, 2);
  if (!batch) return false;
  fg_bit_set(fg_batch_row_mut(batch, 1, 2), length - 1, 1);
  const bool right = fg_bit_get(fg_batch_row(batch, 1, 2), length - 1) == 1 &&
                     fg_bit_get(fg_batch_row(batch, 1, 2), 0) == 0 &&
                     fg_bit_get(fg_batch_row(batch, 0, 2), length - 1) == 0;
  host->batch_unref(host, batch);
  return right;
}

/// The mean of many draws from 0 … 9 and of as many from [0, 1).
void draw(const fg_host *host, double &below, double &uniform) {
  constexpr int draws = 10000;
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "header"), 0);
  double sums[2] = {0, 0};
  for (int i = 0; i < draws; i++) {
    sums[0] += static_cast<double>(fg_rng_below(&rng, 10));
    sums[1] += fg_rng_uniform(&rng);
  }
  below = sums[0] / draws;
  uniform = sums[1] / draws;
}

fg_status produce(void *self) {
  auto *me = static_cast<stage_instance *>(self);
  const fg_host *host = me->host;
  if (me->done) return FG_DONE;
  me->done = true;
  if (!lattices_are_right(host, static_cast<uint64_t>(me->given->size)))
    return host->fail(host, "a lattice is not in C++ what it is in C");
  double below = 0, uniform = 0;
  draw(host, below, uniform);
  const fg_lattice lattice = fg_lattice_square(static_cast<uint64_t>(me->given->size));
  const fg_estimate rows[] = {{&lattice, 0, "below", below, 0.03, 10000, 0.5, 4.5, "1"},
                              {&lattice, 0, "uniform", uniform, 0.003, 10000, 0.5, 0.5, "1"}};
  fg_table *table = fg_estimates_new(host);
  if (!table) return FG_FAILED;
  for (const fg_estimate &row : rows) {
    if (fg_estimates_add(host, table, &row) == FG_OK) continue;
    host->table_unref(host, table);
    return FG_FAILED;
  }
  return host->emit_table(host, 0, table);
}

constexpr fg_param describe_size() {
  fg_param param{};
  param.size = sizeof(fg_param);
  param.type = FG_PARAM_INTEGER;
  param.offset = offsetof(config, size);
  param.name = "size";
  param.def = "70";
  param.min = "3";
  param.doc = "Linear size of a lattice.";
  return param;
}

constexpr fg_port describe_output() {
  fg_port port{};
  port.size = sizeof(fg_port);
  port.kinds = FG_TABLE;
  port.name = "estimates";
  port.doc = "What was drawn.";
  return port;
}

constexpr fg_param size_param = describe_size();
constexpr const fg_param *params[] = {&size_param, nullptr};
constexpr fg_port output = describe_output();
constexpr const fg_port *outputs[] = {&output, nullptr};

constexpr fg_stage describe_stage() {
  fg_stage stage{};
  stage.size = sizeof(fg_stage);
  stage.kind = "test.header";
  stage.summary = "uses the headers from C++";
  stage.doc = "For tests.";
  stage.params = params;
  stage.outputs = outputs;
  stage.config_size = sizeof(config);
  stage.create = create;
  stage.negotiate = negotiate;
  stage.produce = produce;
  stage.destroy = destroy;
  return stage;
}

constexpr fg_stage stage = describe_stage();
constexpr const fg_stage *stages[] = {&stage, nullptr};

} // namespace

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, "header", "1", "MIT", stages};
