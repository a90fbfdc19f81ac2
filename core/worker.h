// worker.h — everything a stage's thread touches. One worker an instance, one thread a worker; what other threads read
// of it is atomic.
#ifndef FG_CORE_WORKER_H
#define FG_CORE_WORKER_H

#include "plan.h"
#include "pool.h"
#include "progress.h"
#include "queue.h"
#include "results.h"
#include "rundir.h"
#include "stream_file.h"

#include <limits.h>
#include <pthread.h>

/// What all workers of a run share.
typedef struct fg_shared {
  fg_pool *pool;
  fg_hub *hub;
  fg_rundir *dir;
  fg_results *results;
  fg_progress *progress;
  int zstd_level;
  double checkpoint_seconds; ///< between two states of a stage; 0: none are kept
  uint8_t identity[16];      ///< of pipeline and build: a state of another one is not taken up
  pthread_mutex_t ended_lock;
  pthread_cond_t ended; ///< a worker has ended
  pthread_mutex_t failure_lock;
  bool failed;        ///< under failure_lock; the first failure wins
  char failure[2048]; ///< "FILE:LINE:COL: error: STAGE: what"
} fg_shared;

/// Where a stage's time went, in seconds of wall time.
typedef struct fg_times {
  double coding; ///< encoding and decoding batches
  double wait_input;
  double wait_output;
  double total; ///< from start to end; busy = total - the others
} fg_times;

/// An output port at work.
typedef struct fg_sender {
  fg_queue **queues; ///< one an edge
  fg_stream_writer *record;
  uint64_t sequence;
  uint64_t raw_bytes, stored_bytes;
  atomic_ullong configurations;
} fg_sender;

typedef struct fg_port_reader fg_port_reader;

/// How far an input port has been dealt with; for paired ports, the first of them stands for all.
typedef struct fg_position {
  uint64_t passes;   ///< of a replayed port: times it was read to its end
  uint64_t consumed; ///< since then: messages, or configurations of paired ports
  bool ended;        ///< and the stage was told so
} fg_position;

/// A state an earlier process left (checkpoint.h).
typedef struct fg_saved {
  bool found;
  bool ended;             ///< the stage need not be called again
  fg_position *positions; ///< one an input port
  uint64_t *recorded;     ///< bytes of each output port's recording
  uint8_t *bytes;         ///< the state file
  const uint8_t *blob;    ///< the plugin's own, within `bytes`
  uint64_t blob_bytes;
} fg_saved;

/// A file of the stage's own, RUN/<stage>/<name>.
typedef struct fg_output_file {
  char name[PATH_MAX]; ///< "<stage>/<name>"
  char temporary[PATH_MAX];
  bool committed;
  struct fg_output_file *older;
} fg_output_file;

typedef struct fg_worker {
  fg_instance *instance;
  fg_shared *shared;
  pthread_t thread;
  fg_sender *senders;       ///< one an output port
  fg_port_reader **readers; ///< one an input port; NULL when unconnected
  fg_times times;
  double started;
  atomic_int state;             ///< 0 not begun, 1 at work, 2 done, 3 failed
  atomic_ullong read;           ///< configurations taken in
  uint64_t batches;             ///< given to process
  atomic_ullong done, expected; ///< progress the stage itself reports
  fg_output_file *files;        ///< begun with output_begin, newest first
  fg_position *positions;       ///< one an input port
  fg_saved saved;
  atomic_bool savable; ///< its state is written now and then
  bool has_state;      ///< RUN/.checkpoint/<stage>.state is there
  bool has_spoken;     ///< has emitted a model or a table: no state is written any more
  double last_saved;   ///< when
} fg_worker;

/// The thread's main: calls the stage in the order stage.h promises, ends its streams, and reports how it went.
void *fg_worker_main(void *arg);

/// Records why the run fails (the first report wins), and stops everyone. Returns FG_FAILED.
fg_status fg_worker_fail(fg_worker *worker, fg_place place, const char *message);

/// Configurations this stage has dealt with, and how many it will (0: unknown): what it says itself, otherwise what it
/// emitted, otherwise what it read. [any thread]
void fg_worker_progress(const fg_worker *worker, uint64_t *done, uint64_t *expected);

#endif
