// config.h — from a parameter table and a YAML map to the config struct a plugin reads.
#ifndef FG_CORE_CONFIG_H
#define FG_CORE_CONFIG_H

#include "finegrain/stage.h"
#include "yaml.h"

/// A filled config struct with everything it points to.
typedef struct fg_config fg_config;

/// Fills a config. `params` may be NULL (all defaults). `stage` names the stage in messages, `place` is where it
/// stands (for missing required parameters: "missing parameter 'size' (integer, 1 or more): linear size L").
/// Unknown keys, wrong types, out-of-range values, unknown choices are recorded, several per pass, e.g.
///   p.yaml:9:27: error: block: unknown parameter 'factr'; did you mean 'factor'? (valid: factor, ties)
///   p.yaml:6:40: error: sample: size: 'big' is not a number; expected integer, 1 to 46340
///   p.yaml:6:40: error: sample: size: 0 is below the minimum 1
///   p.yaml:7:30: error: block: ties: unknown choice 'rnd'; did you mean 'random'? (valid: random, …)
/// A number or a truth value in quotes is text, so of the wrong type; names ("critical") and numbers with a unit may be
/// quoted. Nothing at all (null) is a value of no type. Relative paths are taken from `folder` ("" = current). Returns
/// NULL when an error was recorded.
fg_config *fg_config_new(const fg_stage *stage, const fg_node *params, const char *name, fg_place place,
                         const char *folder, fg_diagnostics *diagnostics);
void fg_config_free(fg_config *config);

/// The struct for fg_stage.create.
const void *fg_config_data(const fg_config *config);

/// Where the parameter's value was written; the stage's place for a default.
fg_place fg_config_place(const fg_config *config, const char *param);

/// Writes the resolved parameters, defaults filled in, as YAML lines "      name: value\n" (`indent` blanks before),
/// in table order. What is written depends on the values alone, not on how they were spelled (1e3, 1000, 1 kB), and is
/// read back as exactly the same values.
void fg_config_write(const fg_config *config, int indent, FILE *out);

/// The hash of a file's content, in `digest`; false when it cannot be read.
typedef bool fg_hash_file(void *arg, const char *path, char digest[33]);

/// Writes what the results depend on: lines "name: value" of the parameters that are not at their default, input files
/// by content where `hash` knows it.
void fg_config_write_identity(const fg_config *config, fg_hash_file *hash, void *arg, FILE *out);

/// "integer, 1 or more", "real or critical", "random | configuration | up | down": a parameter's type and range in words.
const char *fg_param_describe(const fg_param *param, char *buffer, size_t size);

/// Checks a descriptor's own table: names, docs, types, offsets inside the config, defaults and limits that parse and fit.
/// Returns NULL when sound, otherwise what is wrong (in `buffer`).
const char *fg_param_table_fault(const fg_stage *stage, char *buffer, size_t size);

#endif
