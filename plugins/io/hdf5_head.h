// hdf5_head.h — the head of an HDF5 file that is to be written. HDF5 makes it in memory; the data follow without HDF5,
// which can neither write nor close a file on a full disk and crashes the program when it ends.
#ifndef PLUGINS_IO_HDF5_HEAD_H
#define PLUGINS_IO_HDF5_HEAD_H

#include "array.h"

/// The head of a file in the oldest format whose data set `configurations`, contiguous, has the axes (configurations,
/// rows, row bytes) of uint8, or int8 when the plan is signed, and array_words in its attribute `description`.
fg_status hdf5_head(const fg_host *host, const array_plan *plan, array_head *head, fg_error *error);

#endif
