// words.h — sizes and durations as people read them.
#ifndef FG_CORE_WORDS_H
#define FG_CORE_WORDS_H

#include <stdint.h>

#define FG_WORDS 32u

/// "512 B", "1.5 MiB"; returns `text`.
const char *fg_bytes_text(uint64_t bytes, char text[FG_WORDS]);

/// "1.2 s", "3 min 20 s", "2 h 5 min"; returns `text`.
const char *fg_duration_text(double seconds, char text[FG_WORDS]);

#endif
