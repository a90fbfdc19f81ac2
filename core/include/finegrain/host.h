// host.h — everything a plugin may ask of finegrain. A struct of functions, so a plugin links nothing of ours.
// Brackets say which thread may call: [stage] the thread that called the plugin; [any] also inside parallel_for.
#ifndef FINEGRAIN_HOST_H
#define FINEGRAIN_HOST_H

#include "message.h"
#include "rng.h"

typedef enum fg_log_level { FG_LOG_DEBUG = 0, FG_LOG_INFO = 1, FG_LOG_WARNING = 2 } fg_log_level;

typedef struct fg_host fg_host;
struct fg_host {
  uint32_t size;
  uint32_t abi_minor; ///< FG_ABI_MINOR of the host
  void *impl;         ///< the host's own

  /// A zeroed batch of `count` whole configurations, owned by the caller until emit or batch_unref. Its first, level
  /// and chain are 0, its coupling NaN. NULL when memory is out: the reason has been reported, return FG_FAILED. [any]
  fg_batch *(*batch_new)(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint32_t count);

  /// A zeroed slab: rows first_row … first_row+rows-1 of one configuration. [any]
  fg_batch *(*slab_new)(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint64_t first_row,
                        uint64_t rows);

  /// Keeps a batch beyond the call it was given to. [any]
  void (*batch_ref)(const fg_host *host, const fg_batch *batch);
  void (*batch_unref)(const fg_host *host, const fg_batch *batch);

  /// A model; kind, JSON and weights are copied. weight_count 0: not trained yet. NULL: reported. [stage]
  fg_model *(*model_new)(const fg_host *host, const char *network, const char *hyperparameters, const double *weights,
                         uint64_t weight_count);
  void (*model_ref)(const fg_host *host, const fg_model *model);
  void (*model_unref)(const fg_host *host, const fg_model *model);

  /// An empty table; name and columns are constant data of the plugin, `columns` ends with NULL. NULL: reported. [stage]
  fg_table *(*table_new)(const fg_host *host, const char *name, const fg_column *const *columns);
  /// Appends a row of one cell a column; texts are copied. [stage]
  fg_status (*table_row)(const fg_host *host, fg_table *table, const fg_cell *cells);
  void (*table_unref)(const fg_host *host, const fg_table *table);

  /// Sends a message out of output `port`. Takes the caller's reference, also on failure; the message is immutable from
  /// here on. Waits while the edge is full. FG_CANCELLED: return it at once. [stage, during process, end, produce, flush]
  fg_status (*emit_batch)(const fg_host *host, uint32_t port, fg_batch *batch);
  fg_status (*emit_model)(const fg_host *host, uint32_t port, fg_model *model);
  fg_status (*emit_table)(const fg_host *host, uint32_t port, fg_table *table);

  /// Reports why the stage fails; the host adds where. Returns FG_FAILED. The first report of a stage wins. [any]
  fg_status (*fail)(const fg_host *host, const char *format, ...) FG_PRINTF(2, 3);
  /// The same, pointing at the value of parameter `param` in the user's file. [any]
  fg_status (*fail_param)(const fg_host *host, const char *param, const char *format, ...) FG_PRINTF(3, 4);
  /// A line for log.txt; from FG_LOG_INFO on also for the terminal, unless quiet; warnings always. [any]
  void (*log)(const fg_host *host, fg_log_level level, const char *format, ...) FG_PRINTF(3, 4);
  /// Work done of work expected, in any unit, for stages whose progress is not what they emit. [stage]
  void (*progress)(const fg_host *host, uint64_t done, uint64_t total);

  /// Calls body(arg, 0 … count-1), each index once, on as many threads as are free; waits for all. The split never
  /// shows: let an index write only what is its own and reduce in index order. Returns FG_OK or the failure of the
  /// smallest failing index. Inside body no emit and no new parallel_for gain anything: the latter runs serially. [any]
  fg_status (*parallel_for)(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                            void *arg);

  /// The key of this run's randomness for this stage and `purpose` ("clusters", "ties", …). [any]
  fg_rng_key (*rng_key)(const fg_host *host, const char *purpose);
  fg_rng_fill_fn rng_fill; ///< bulk bits; see rng.h [any]

  /// Nonzero once the run is being stopped: long loops look now and then and return FG_CANCELLED. [any]
  int (*cancelled)(const fg_host *host);

  /// Runs fn(arg) while no other call with the same key runs anywhere in the process; "hdf5" for HDF5, "fftw" for
  /// FFTW's planner, and so on for libraries with process-wide state. Returns what fn returns. [any]
  fg_status (*serialize)(const fg_host *host, const char *key, fg_status (*fn)(void *arg), void *arg);

  /// The extension `id` of the stage kind `kind` ("fg.network/1" of "network.symmetric"), NULL if there is none; the
  /// pointer is constant data. [any]
  const void *(*lookup)(const fg_host *host, const char *kind, const char *id);

  /// Starts the output file RUN/<stage>/<name>: the path of a temporary file to write, owned by the host; NULL: reported.
  /// output_commit syncs and renames it; without a commit it is removed. [stage]
  const char *(*output_begin)(const fg_host *host, const char *name);
  fg_status (*output_commit)(const fg_host *host, const char *name);
};

#endif
