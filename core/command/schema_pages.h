// schema_pages.h — the reference pages: every stage with its parameters and ports, in Markdown, from the
// descriptors.
#ifndef FG_CORE_COMMAND_SCHEMA_PAGES_H
#define FG_CORE_COMMAND_SCHEMA_PAGES_H

#include "error.h"
#include "registry.h"

/// All pages, one after the other.
void fg_schema_print_pages(const fg_registry *registry, FILE *out);

/// Each page into a file of its own in `folder`, which is made: GROUP.md for the stages of a group, README.md for the
/// list of them. Each appears whole or not at all.
fg_status fg_schema_write_pages(const fg_registry *registry, const char *folder, fg_error *error);

#endif
