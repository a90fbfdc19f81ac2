// hdf5_inside.h — whether a data set lies in the file that was named: HDF5 files may refer to other files by links,
// external storage and virtual data sets, and whoever made the file could so have any file of the reader's read.
#ifndef PLUGINS_IO_HDF5_INSIDE_H
#define PLUGINS_IO_HDF5_INSIDE_H

#include "core/error.h"

#include <hdf5.h>

/// To be called through hdf5_call. The message begins with "data set 'NAME'".
fg_status hdf5_lies_inside(hid_t file, hid_t set, const char *name, fg_error *error);

#endif
