// data.h — what a stage under check is fed: lattices, elements, which port gets what, and spins that are a
// function of configuration and site alone, however they are cut into batches. Private to conform*.c.
#ifndef FG_CORE_CONFORM_DATA_H
#define FG_CORE_CONFORM_DATA_H

#include "conform/case.h"
#include "error.h"

#define FG_FEED_CONFIGURATIONS 66u ///< of each lattice
#define FG_FEED_LATTICES 12u
#define FG_FEED_ELEMENTS 3u
#define FG_FEED_PAIRINGS 3u
#define FG_FEED_MODELS 2u

/// "8x8", "4x4..32x32", "chain-16", …
const char *fg_feed_lattice_name(uint32_t lattice);
/// "spins", "states", "fields"; of fg_feed.element.
const char *fg_feed_element_name(uint32_t element);

/// Whether a choice matters for this stage: there is an input it is about.
bool fg_feed_has_batches(const fg_stage *stage, uint32_t least);
bool fg_feed_has_models(const fg_stage *stage);
bool fg_feed_has_optional(const fg_stage *stage);

/// Whether input `port` is connected.
bool fg_feed_connects(const fg_stage *stage, const fg_feed *feed, uint32_t port);

/// The format of input `port`, `batch` being the most configurations of one batch. False: this choice has none (half of
/// an odd lattice, no network to make a model of).
bool fg_feed_format(const fg_case *c, const fg_feed *feed, uint32_t port, uint32_t batch, fg_format *format);

/// Fills a zeroed batch of input `port`, whose lattice is shape `shape` of the port's format; first and first_row are set.
void fg_feed_fill(const fg_stage *stage, const fg_feed *feed, uint32_t port, uint32_t shape, fg_batch *batch);

/// A model's network, hyperparameters and weights, those of the case's options if there are; weight_count 0: not trained.
void fg_feed_model(const fg_case *c, const fg_feed *feed, fg_model *model);

/// A file for a parameter that wants one: nothing, or text, a stream, a model, written once into the scratch folder.
#define FG_FEED_FILES 3u
fg_status fg_feed_write_files(const char *folder, fg_error *error);
/// Path of file `index`, in a buffer of `size`.
const char *fg_feed_file(const char *folder, uint32_t index, char *path, size_t size);

#endif
