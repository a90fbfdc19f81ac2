// spill.c — see spill.h.
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fg_spill {
  int file;
  uint64_t *offsets; ///< offsets[i] … offsets[i+1] is packet i
  uint64_t count, capacity, next;
};

fg_status fg_spill_new(const char *folder, fg_spill **spill, fg_error *error) {
  char path[4096];
  snprintf(path, sizeof path, "%s/.spill-XXXXXX", folder);
  int file = mkostemp(path, O_CLOEXEC);
  if (file < 0) return fg_error_set(error, "cannot make a spill file in %s: %s", folder, strerror(errno));
  unlink(path);
  fg_spill *made = calloc(1, sizeof *made);
  if (!made) {
    close(file);
    return fg_error_set(error, "out of memory");
  }
  made->file = file;
  *spill = made;
  return FG_OK;
}

void fg_spill_free(fg_spill *spill) {
  if (!spill) return;
  close(spill->file);
  free(spill->offsets);
  free(spill);
}

fg_status fg_spill_push(fg_spill *spill, const fg_packet *packet, fg_error *error) {
  if (spill->count + 2 > spill->capacity) {
    uint64_t capacity = spill->capacity ? spill->capacity * 2 : 64;
    uint64_t *larger = realloc(spill->offsets, capacity * sizeof *larger);
    if (!larger) return fg_error_set(error, "out of memory");
    if (!spill->offsets) larger[0] = 0;
    spill->offsets = larger;
    spill->capacity = capacity;
  }
  uint64_t offset = spill->offsets[spill->count];
  for (uint64_t done = 0; done < packet->bytes;) {
    ssize_t n = pwrite(spill->file, packet->data + done, packet->bytes - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fg_error_set(error, "cannot write the spill file: %s", strerror(errno));
    done += (uint64_t)n;
  }
  spill->offsets[++spill->count] = offset + packet->bytes;
  return FG_OK;
}

fg_status fg_spill_next(fg_spill *spill, fg_packet **packet, fg_error *error) {
  if (spill->next == spill->count) return FG_DONE;
  uint64_t offset = spill->offsets[spill->next], bytes = spill->offsets[spill->next + 1] - offset;
  uint8_t *data = malloc(bytes);
  if (!data) return fg_error_set(error, "out of memory");
  fg_status status = FG_OK;
  for (uint64_t done = 0; done < bytes;) {
    ssize_t n = pread(spill->file, data + done, bytes - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      status = fg_error_set(error, "cannot read the spill file: %s", n < 0 ? strerror(errno) : "it ended early");
      break;
    }
    done += (uint64_t)n;
  }
  if (status == FG_OK) status = fg_packet_from_bytes(data, bytes, packet, error);
  if (status == FG_OK) spill->next++;
  free(data);
  return status;
}

uint64_t fg_spill_left(const fg_spill *spill) { return spill->count - spill->next; }

void fg_spill_rewind(fg_spill *spill) { spill->next = 0; }
