// timing.c — see timing.h.
#include "timing.h"

#include "words.h"

#include <inttypes.h>

static double busy(const fg_times *times) {
  double rest = times->total - times->coding - times->wait_input - times->wait_output;
  return rest > 0 ? rest : 0;
}

void fg_timing_print(fg_worker *const *workers, uint32_t count, FILE *out) {
  fprintf(out, "\n%-16s %9s %9s %12s %12s   seconds of wall time\n", "stage", "busy", "coding", "wait input",
          "wait output");
  for (uint32_t i = 0; i < count; i++) {
    const fg_times *times = &workers[i]->times;
    fprintf(out, "%-16s %9.3f %9.3f %12.3f %12.3f\n", workers[i]->instance->spec->name, busy(times), times->coding,
            times->wait_input, times->wait_output);
  }
  bool headed = false;
  for (uint32_t i = 0; i < count; i++) {
    const fg_instance *instance = workers[i]->instance;
    for (uint32_t p = 0; p < instance->output_count; p++) {
      const fg_sender *sender = &workers[i]->senders[p];
      if (instance->outputs[p].port->kinds != FG_BATCH || sender->sequence == 0) continue;
      char raw[FG_WORDS], stored[FG_WORDS];
      fg_bytes_text(sender->raw_bytes, raw);
      fg_bytes_text(sender->stored_bytes, stored);
      for (uint32_t e = 0; e < instance->outputs[p].edge_count; e++) {
        if (!headed) fprintf(out, "\n%-44s %9s %11s %11s %8s\n", "edge", "batches", "raw", "stored", "spilled");
        headed = true;
        fprintf(out, "%-44s %9" PRIu64 " %11s %11s %8" PRIu64 "\n", instance->outputs[p].edges[e]->name,
                sender->sequence, raw, stored, fg_queue_spilled(sender->queues[e]));
      }
    }
  }
}

/// {"port", "batches", "raw_bytes", "stored_bytes", "spilled": {edge: batches that went to disk}}
static json_t *output_json(const fg_worker *worker, uint32_t port) {
  const fg_sender *sender = &worker->senders[port];
  const fg_output *output = &worker->instance->outputs[port];
  json_t *spilled = json_object();
  for (uint32_t e = 0; e < output->edge_count; e++)
    json_object_set_new(spilled, output->edges[e]->name, json_integer((json_int_t)fg_queue_spilled(sender->queues[e])));
  return json_pack("{s:s, s:I, s:I, s:I, s:o}", "port", output->port->name, "batches", (json_int_t)sender->sequence,
                   "raw_bytes", (json_int_t)sender->raw_bytes, "stored_bytes", (json_int_t)sender->stored_bytes,
                   "spilled", spilled);
}

json_t *fg_timing_json(fg_worker *const *workers, uint32_t count) {
  json_t *stages = json_array();
  for (uint32_t i = 0; i < count; i++) {
    const fg_instance *instance = workers[i]->instance;
    const fg_times *times = &workers[i]->times;
    json_t *outputs = json_array();
    for (uint32_t p = 0; p < instance->output_count; p++)
      if (instance->outputs[p].port->kinds == FG_BATCH) json_array_append_new(outputs, output_json(workers[i], p));
    json_array_append_new(stages, json_pack("{s:s, s:f, s:f, s:f, s:f, s:o}", "stage", instance->spec->name, "busy",
                                            busy(times), "coding", times->coding, "wait_input", times->wait_input,
                                            "wait_output", times->wait_output, "outputs", outputs));
  }
  return stages;
}
