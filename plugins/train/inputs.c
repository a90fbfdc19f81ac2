// inputs.c — see inputs.h.
#include "inputs.h"

#include "plugins/networks/network_lattice.h"

#include <inttypes.h>
#include <string.h>

// ---- the model

static fg_status find_network(inputs_model *expected) {
  const fg_host *host = expected->host;
  expected->network = host->lookup(host, expected->kind, FG_NETWORK_EXTENSION);
  if (expected->network) return FG_OK;
  return host->fail(host, "model '%s' is of no network this program has; a model comes from a network stage",
                    expected->kind);
}

fg_status inputs_announce(inputs_model *expected, const fg_host *host, const char *port, const fg_format *format) {
  expected->host = host;
  expected->port = port;
  snprintf(expected->kind, sizeof expected->kind, "%s", format->network);
  return expected->kind[0] ? find_network(expected) : FG_OK;
}

fg_status inputs_take(inputs_model *expected, const fg_model *model) {
  const fg_host *host = expected->host;
  if (expected->arrived)
    return host->fail(host, "takes one model through port '%s', but more than one arrived", expected->port);
  if (!expected->kind[0]) {
    snprintf(expected->kind, sizeof expected->kind, "%s", model->network);
    if (find_network(expected) != FG_OK) return FG_FAILED;
  }
  if (strcmp(model->network, expected->kind) != 0)
    return host->fail(host, "a model of '%s' arrived where '%s' was announced", model->network, expected->kind);
  host->model_ref(host, model);
  expected->arrived = model;
  fg_status status =
      expected->network->open(host, model->hyperparameters, model->weights, model->weight_count, &expected->opened);
  if (status != FG_OK) return status;
  uint32_t factor = expected->network->factor(expected->opened);
  if (factor == INPUTS_FACTOR) return FG_OK;
  return host->fail(host,
                    "model '%s' makes lattices %" PRIu32 " times as large, the pairs here differ by a factor of %u; "
                    "use a network of factor %u",
                    expected->kind, factor, INPUTS_FACTOR, INPUTS_FACTOR);
}

fg_status inputs_require(const inputs_model *expected) {
  return expected->arrived ? FG_OK : expected->host->fail(expected->host, "no %s arrived", expected->port);
}

void inputs_clear(inputs_model *expected) {
  if (expected->opened) expected->network->close(expected->opened);
  if (expected->arrived) expected->host->model_unref(expected->host, expected->arrived);
  expected->opened = NULL;
  expected->arrived = NULL;
}

// ---- sizes

static int go_together(const fg_lattice *fine, const fg_lattice *coarse) {
  int fits = fine->shape == coarse->shape && fine->dims == coarse->dims;
  for (uint32_t d = 0; fits && d < fine->dims; d++) fits = fine->extent[d] == INPUTS_FACTOR * coarse->extent[d];
  return fits;
}

fg_status inputs_check(const fg_host *host, const fg_lattice *fine, const fg_lattice *coarse) {
  if (go_together(fine, coarse)) return FG_OK;
  char large[96], small[96];
  fg_lattice_name(fine, large);
  fg_lattice_name(coarse, small);
  return host->fail(host,
                    "fine lattices of size %s do not go with coarse ones of size %s: they must be %u times as "
                    "large; block with factor: %u",
                    large, small, INPUTS_FACTOR, INPUTS_FACTOR);
}

/// Whether a port brings what the network takes, spins or states; a network that is not known yet takes spins.
static fg_status check_element(const inputs_model *expected, const char *port, uint32_t element) {
  const uint32_t wanted = expected->network ? fg_network_element(expected->network) : (uint32_t)FG_SPIN1;
  if (element == wanted) return FG_OK;
  return expected->host->fail(expected->host, "%s brings %s, but a model of '%s' is of %s; %s", port,
                              element == FG_STATE8 ? "Potts states" : "spins", expected->kind,
                              wanted == FG_STATE8 ? "Potts states" : "spins",
                              wanted == FG_STATE8 ? "sample with sampler.potts" : "use network.potts for states");
}

fg_status inputs_check_formats(const inputs_model *expected, const fg_format *fine, const fg_format *coarse) {
  const fg_host *host = expected->host;
  if (check_element(expected, "fine", fine->element) != FG_OK ||
      check_element(expected, "coarse", coarse->element) != FG_OK)
    return FG_FAILED;
  if (fine->shape_count != coarse->shape_count)
    return host->fail(host,
                      "fine has %" PRIu32 " lattice sizes and coarse has %" PRIu32 "; each coarse configuration "
                      "must be the block image of the fine one",
                      fine->shape_count, coarse->shape_count);
  for (uint32_t s = 0; s < fine->shape_count; s++)
    if (inputs_check(host, &fine->shapes[s], &coarse->shapes[s]) != FG_OK ||
        network_lattice_check(host, expected->network, expected->kind, &fine->shapes[s]) != FG_OK)
      return FG_FAILED;
  return FG_OK;
}
