// checks.h — the checks of a stage, in the order they are made. Private to conform*.c.
#ifndef FG_CORE_CONFORM_CHECKS_H
#define FG_CORE_CONFORM_CHECKS_H

#include "conform/trial.h"

typedef struct fg_check {
  const char *name;
  fg_case_body *body;
  /// Name of variant `variant`, false when there are no more; NULL: a check without variants.
  bool (*variant)(const fg_case *c, uint32_t variant, char *name, size_t size);
  const char *none; ///< why there may be no variants
  bool essential;   ///< the later ones make no sense when it does not pass
} fg_check;

/// Each list ends with a check without a name.
extern const fg_check fg_checks_of_stages[];   ///< descriptor, parameters, formats (stage.c)
extern const fg_check fg_checks_of_streams[];  ///< what it does with what it is fed (stream.c)
extern const fg_check fg_checks_of_mishaps[];  ///< when something fails or ends midway (mishap.c)
extern const fg_check fg_checks_of_networks[]; ///< the extension fg.network/1 (network.c)
extern const fg_check fg_checks_of_options[];  ///< what is optional in it (optional.c)

/// Opens and negotiates as found out before; what was taken then is a failure when it is refused now.
void fg_check_open(fg_trial *trial, const fg_case *c, const fg_trial_options *options, const fg_feed *feed);
/// A whole life; ends the case when the stage fails.
void fg_check_live(fg_trial *trial, const fg_case *c, const fg_trial_options *options, const fg_feed *feed);
/// Ends the case when two lives gave something else.
void fg_check_same(const fg_trial *a, const fg_trial *b, const char *difference);
/// Bytes allocated; 0: nobody counts.
size_t fg_check_heap(void);
/// Ends the case when every round(arg), whose last call is `after`, leaves memory behind. What libraries and the allocator
/// keep for later grows now and then, a leak in most rounds.
void fg_check_leaks(const fg_case *c, void (*round)(void *arg), void *arg, const char *after);

#endif
