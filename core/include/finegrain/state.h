// state.h — where a checkpoint is written to and read from.
#ifndef FINEGRAIN_STATE_H
#define FINEGRAIN_STATE_H

#include "abi.h"

typedef struct fg_writer fg_writer;
struct fg_writer {
  uint32_t size;
  void *impl;
  fg_status (*write)(const fg_writer *writer, const void *data, size_t bytes); ///< FG_FAILED: no memory
};

typedef struct fg_reader fg_reader;
struct fg_reader {
  uint32_t size;
  void *impl;
  fg_status (*read)(const fg_reader *reader, void *data, size_t bytes); ///< FG_FAILED when fewer bytes are left
};

#endif
