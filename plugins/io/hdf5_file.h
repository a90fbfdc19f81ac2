// hdf5_file.h — HDF5 data sets of 8-bit integers or booleans as arrays of bytes: reading, and the head of a file to be
// written. Every HDF5 call is made under fg_host.serialize("hdf5").
#ifndef PLUGINS_IO_HDF5_FILE_H
#define PLUGINS_IO_HDF5_FILE_H

#include "array.h"

/// Name of the data set in files that are written.
#define HDF5_DATASET "configurations"

/// Opens data set `name` of a file; "" means the only one there is of 8-bit elements and two or three axes. Fails with
/// the reason; otherwise the caller closes the array.
fg_status hdf5_open(const fg_host *host, const char *path, const char *name, byte_array *array, fg_error *error);

/// The head of a file whose data set HDF5_DATASET, contiguous, has the axes (configurations, rows, row bytes) of uint8,
/// or int8 when the plan is signed, and array_words in its attribute `description`. HDF5 makes it in memory; the data
/// follow without HDF5, which can neither write nor close a file on a full disk.
fg_status hdf5_head(const fg_host *host, const array_plan *plan, array_head *head, fg_error *error);

#endif
