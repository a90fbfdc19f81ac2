// model_file.h — a model as a JSON file that people can read: network, hyperparameters, weights, the same bit for bit
// when read back (schemas/model.md). Knows no network: whether weights fit hyperparameters is for the network to say.
#ifndef FG_CORE_MODEL_FILE_H
#define FG_CORE_MODEL_FILE_H

#include "error.h"
#include "finegrain/message.h"

/// Beyond these a model is neither written nor read; a file is refused before anything of its size is allocated. A file
/// with the most weights there may be, as written here, is smaller than the largest file.
#define FG_MODEL_FILE_BYTES ((uint64_t)512 << 20)
#define FG_MODEL_WEIGHTS ((uint64_t)1 << 24)
#define FG_MODEL_HYPERPARAMETERS ((size_t)64 << 10) ///< bytes of their text
#define FG_MODEL_NETWORK ((size_t)63)               ///< bytes of the network's kind

/// Writes the file, which is replaced and not synced. `source` says where the model comes from; NULL: nowhere. FG_FAILED
/// also for a model that could not be read back. The message does not name the file. [any thread]
fg_status fg_model_file_write(const char *path, const fg_model *model, const char *source, fg_error *error);

/// Reads a file (one reference for the caller). Weights are finite; there are none when the model is not trained. Reading
/// takes at most the file's size and 64 bytes a weight. The message does not name the file. [any thread]
fg_status fg_model_file_read(const char *path, fg_model **model, fg_error *error);

#endif
