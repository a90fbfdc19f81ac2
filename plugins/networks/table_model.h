// table_model.h — an opened model of network.table, made in table.c, and what is done with it along the fine spins.
#ifndef PLUGINS_NETWORKS_TABLE_MODEL_H
#define PLUGINS_NETWORKS_TABLE_MODEL_H

#include "windowed.h"

#define TABLE_NAME_LENGTH (WINDOWED_TABLE_WIDTH * (WINDOWED_TABLE_WIDTH + 1))

/// Immutable once opened.
typedef struct table {
  struct fg_network_model base;     ///< its parameters are the classes
  uint32_t *class_of;               ///< of every pattern
  char (*names)[TABLE_NAME_LENGTH]; ///< of every class
  double *weights;                  ///< z of every class; NULL: none yet
  double (*scores)[2];              ///< of every pattern: ln P of a fine spin that equals, opposes its parent
} table;

static inline const table *table_of(const fg_network_model *model) { return (const table *)model; }

/// ln σ(z) without overflow.
static inline double table_log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

// The functions of fg_network that walk, and the counts of classes.
fg_status table_log_prob(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                         uint32_t end, double *log_prob);
fg_status table_gradient(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                         uint32_t end, const double *weight, double *loss, double *gradient);
extern const fg_network_classes table_classes;

#endif
