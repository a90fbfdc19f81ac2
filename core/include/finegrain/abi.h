// abi.h — the version of the boundary between host and plugin, and the status every call returns.
// Every struct that crosses the boundary starts with its size: new fields are appended, a field beyond the size a
// side was compiled with counts as zero. Minor versions only append; a major version may change anything.
// No struct ends in padding (32-bit fields come in pairs, a spare one is called reserved): a new field can never lie
// where an older compiler had padding. All headers are C17 and C++17.
#ifndef FINEGRAIN_ABI_H
#define FINEGRAIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#define FG_ABI_MAJOR 1u
#define FG_ABI_MINOR 1u

#ifdef __cplusplus
#define FG_EXTERN_C extern "C"
#else
#define FG_EXTERN_C extern
#endif

/// The one symbol a plugin exports (see plugin.h); everything else is built with hidden visibility.
#define FG_EXPORT FG_EXTERN_C __attribute__((visibility("default")))

#define FG_PRINTF(text, first) __attribute__((format(printf, text, first)))

/// What every fallible call returns. A negative value means the reason has been reported (see fg_host.fail).
typedef enum fg_status {
  FG_OK = 0,
  FG_DONE = 1,       ///< produce: nothing more will come
  FG_AGAIN = 2,      ///< end: read this `replay` port once more from its start
  FG_FAILED = -1,    ///< failed; the message was given to fg_host.fail
  FG_CANCELLED = -2, ///< the run is being stopped; clean up and return this
} fg_status;

/// True when `field` lies inside a struct received from the other side (`p` is a pointer to it, with a member `size`):
/// to be asked before a function of fg_host is called that a later minor version than 1.0 has added.
#define FG_HAS(p, field) ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

#endif
