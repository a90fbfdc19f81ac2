// hdf5_model.h — a model from the results of a run: /models/STAGE of results.h5 (schemas/results.md).
#ifndef PLUGINS_IO_HDF5_MODEL_H
#define PLUGINS_IO_HDF5_MODEL_H

#include "core/error.h"
#include "finegrain/finegrain.h"

#include <stdbool.h>

/// Reads the model of stage `name`, or the only trained one when the name is empty (one reference for the caller, made by
/// core/message.c). Weights are finite; there are none when the model is not trained. *known: whether there is a model of
/// that name, whatever is wrong with it. The message does not name the file.
fg_status hdf5_model_read(const fg_host *host, const char *path, const char *name, fg_model **model, bool *known,
                          fg_error *error);

#endif
