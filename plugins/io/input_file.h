// input_file.h — a first look at an input file: is it there, is it a file, how does it begin.
#ifndef PLUGINS_IO_INPUT_FILE_H
#define PLUGINS_IO_INPUT_FILE_H

#include "core/error.h"

#define INPUT_FILE_HEAD 8u

typedef struct input_file {
  uint64_t bytes;
  char head[INPUT_FILE_HEAD + 1]; ///< the first of them, zeros beyond the end
} input_file;

/// Never waits for a pipe's other end. FG_FAILED: the message names the file, and one of nearly that name when there is
/// none of this.
fg_status input_file_look(const char *path, input_file *file, fg_error *error);

#endif
