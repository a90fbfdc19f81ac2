// identity.h — what makes two runs the same run: everything their results depend on, and nothing else. Not the name, not
// the order of stages, not streams and threads, not parameters that are given as their default, not where an input file
// lies but what is in it.
#ifndef FG_CORE_IDENTITY_H
#define FG_CORE_IDENTITY_H

#include "plan.h"

/// Hashes of input files, so that each is read once.
typedef struct fg_file_hashes fg_file_hashes;
fg_file_hashes *fg_file_hashes_new(void);
void fg_file_hashes_free(fg_file_hashes *hashes);

/// XXH3-128 of the plan's identity, hex. `hashes` NULL: files are read anew.
void fg_plan_identity(const fg_plan *plan, fg_file_hashes *hashes, char id[33]);

#endif
