// hdf5_file.h — HDF5 data sets of 8-bit integers or booleans, read as arrays of bytes.
#ifndef PLUGINS_IO_HDF5_FILE_H
#define PLUGINS_IO_HDF5_FILE_H

#include "array.h"

/// Opens data set `name` of a file; "" means the only one there is of 8-bit elements and two or three axes. Fails with
/// the reason; otherwise the caller closes the array.
fg_status hdf5_open(const fg_host *host, const char *path, const char *name, byte_array *array, fg_error *error);

#endif
