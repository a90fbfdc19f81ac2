// npy.h — NumPy's .npy files (format versions 1 to 3) of uint8, int8 or bool as an array of bytes.
#ifndef PLUGINS_IO_NPY_H
#define PLUGINS_IO_NPY_H

#include "array.h"

/// Opens a file that begins with NumPy's magic. 0 with the reason in `fault`; otherwise the caller closes the array.
int npy_open(const char *path, byte_array *array, char fault[256]);

#endif
