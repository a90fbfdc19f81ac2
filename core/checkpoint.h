// checkpoint.h — how a run goes on after an interruption. Two things are kept in RUN/.checkpoint while it runs: the
// recorded outputs of stages, and now and then the state of those that have save and restore:
//   <stage>.<port>.fgs   the output so far: what `record:` asks for, and every output of a stage that can be saved
//   <stage>.state        how far the stage was, at a batch boundary, and the bytes of its recordings up to there
// A resumed stage sends its recordings again, takes up its state, and skips the input it has dealt with. Everything else
// is computed again. Results are the same either way, for a stage's input and output depend on the pipeline alone.
#ifndef FG_CORE_CHECKPOINT_H
#define FG_CORE_CHECKPOINT_H

#include "worker.h"

/// Opens what the worker records; with `resume`, what an earlier process recorded, up to the state it saved, if that is
/// there, whole and of the same build. A state that cannot be used is as good as none: log.txt says so. [main]
fg_status fg_checkpoint_open(fg_worker *worker, bool resume, fg_error *error);

/// Adds an encoded batch to the recording of output `port`. When a recording that nobody asked for fails, or grows faster
/// than it could be read back, the stage does without checkpoints from then on. [stage]
fg_status fg_checkpoint_record(fg_worker *worker, uint32_t port, const fg_packet *packet, fg_error *error);

/// Writes the worker's state when it is time, or when the run is being stopped. Called between two steps of a stage. [stage]
void fg_checkpoint_now_and_then(fg_worker *worker);

/// The stage has ended: a resumed run need not call it again, if all it emitted is recorded. [stage]
void fg_checkpoint_ended(fg_worker *worker);

/// After fg_checkpoint_open found a state (worker->saved): sends the recorded outputs again. [stage]
fg_status fg_checkpoint_replay(fg_worker *worker, fg_error *error);
/// Gives the saved state to the stage. [stage]
fg_status fg_checkpoint_restore(fg_worker *worker);

/// The run is done: recordings that were asked for get their footer and their place. [main]
fg_status fg_checkpoint_finish(fg_worker *worker, fg_error *error);
/// Closes recordings and frees; leaves in the folder what a resumed run can use, unless the run is `done`. True when there
/// is something. [main]
bool fg_checkpoint_close(fg_worker *worker, bool done);

#endif
