// hdf5_file.h — an HDF5 data set of 8-bit integers or booleans as an array of bytes. Every HDF5 call is made under
// fg_host.serialize("hdf5").
#ifndef PLUGINS_IO_HDF5_FILE_H
#define PLUGINS_IO_HDF5_FILE_H

#include "array.h"

/// Opens data set `name` of a file; "" means the only data set of two or three axes there is. 0 with the reason in
/// `fault`; otherwise the caller closes the array.
int hdf5_open(const fg_host *host, const char *path, const char *name, byte_array *array, char fault[256]);

#endif
