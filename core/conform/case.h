// case.h — one case of check-plugin: what it is about, the verdict it leaves in memory that the waiting process
// shares, and the process it runs in. Private to conform*.c.
#ifndef FG_CORE_CONFORM_CASE_H
#define FG_CORE_CONFORM_CASE_H

#include "conform/conform.h"
#include "registry.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef enum fg_outcome { FG_OUTCOME_NONE, FG_OUTCOME_OK, FG_OUTCOME_FAILED, FG_OUTCOME_SKIPPED } fg_outcome;

/// What a stage is fed, as indices into what there is to choose from (data.h).
typedef struct fg_feed {
  uint32_t unconnected; ///< 1: optional ports stay unconnected
  uint32_t model;
  uint32_t pairing;
  uint32_t lattice;
  uint32_t element;
} fg_feed;

/// What the first cases of a stage find out for the later ones.
typedef struct fg_findings {
  bool loaded;     ///< the plugin could be loaded without harm
  uint32_t values; ///< which plausible values its required parameters get
  fg_feed feed;
  uint64_t lattices; ///< bit i: negotiates with lattice i, all else as in `feed`
  uint64_t elements; ///< the same of elements
} fg_findings;

typedef struct fg_verdict {
  atomic_int outcome;   ///< an fg_outcome; the first one stays
  atomic_int cancelled; ///< what fg_host.cancelled says; set by the waiting process when the time is up
  char doing[256];      ///< what the plugin was asked last
  char detail[1024];
  fg_findings findings; ///< what is known when the case begins, and what it adds
} fg_verdict;

typedef struct fg_case {
  const char *file; ///< of the plugin, absolute
  const fg_conform_options *options;
  const char *scratch;         ///< a folder, removed at the end
  const fg_registry *registry; ///< NULL while nothing is loaded
  const fg_kind_entry *entry;  ///< NULL for the checks of the file
  fg_findings findings;        ///< of the cases before this one
  fg_verdict *verdict;
  bool here; ///< runs in this process, for a debugger
} fg_case;

/// What the plugin is asked next, for the message when it does not answer. [any]
void fg_case_doing(const fg_case *c, const char *format, ...) FG_PRINTF(2, 3);

/// A few words beside "ok".
void fg_case_note(const fg_case *c, const char *format, ...) FG_PRINTF(2, 3);

/// The verdict; ends the case and its process. [any]
_Noreturn void fg_case_failed(const fg_case *c, const char *format, ...) FG_PRINTF(2, 3);
_Noreturn void fg_case_skipped(const fg_case *c, const char *format, ...) FG_PRINTF(2, 3);

typedef void fg_case_body(fg_case *c, uint32_t variant);

/// Runs body(c, variant), which passes by returning, in a child that may take options->seconds; or in this process when
/// c->here. The outcome is in the verdict, which is cleared before; a crash, a hang and an exit are failures.
fg_outcome fg_case_run(fg_case *c, fg_case_body *body, uint32_t variant);

/// Removes the scratch folder and all in it.
void fg_scratch_remove(const char *folder);

/// Memory for a verdict, shared with children; the process ends when there is none.
fg_verdict *fg_verdict_new(void);
void fg_verdict_free(fg_verdict *verdict);

#endif
