// npy.h — NumPy's .npy files as arrays of bytes: reading format versions 1 to 3 of uint8, int8 or bool, and the head of
// a file to be written. Format: NumPy Enhancement Proposal 1 and numpy/lib/format.
#ifndef PLUGINS_IO_NPY_H
#define PLUGINS_IO_NPY_H

#include "array.h"

/// Opens a file that begins with NumPy's magic. Fails with the reason; otherwise the caller closes the array, which may
/// be read from any thread.
fg_status npy_open(const char *path, byte_array *array, fg_error *error);

/// The head of a file of version 1, 128 bytes whatever the shape: uint8, or int8 when the plan is signed, with the axes
/// (configurations, rows, row bytes).
fg_status npy_head(const array_plan *plan, array_head *head, fg_error *error);

#endif
