/* A worker's shape and the estimate of its memory as JSON: in messages between processes, in events, in the
 * store. Any thread. */
#ifndef RUNBATCH_REPORT_MEMORY_JSON_H
#define RUNBATCH_REPORT_MEMORY_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "memory/estimate.h"

/* {"total_bytes": …, "program_bytes": …, "decoder_bytes": …, …}: a new object. */
json_t *memory_estimate_to_json(const MemoryEstimate *estimate);
/* From another process or a file: false unless every member is there and can be. */
bool memory_estimate_from_json(const json_t *object, MemoryEstimate *estimate);

/* {"execution_threads": …, "decoder_threads": …, "encoder_threads": …,
 * "frame_budget_bytes": …}: the same. */
json_t *worker_shape_to_json(const WorkerShape *shape);
bool worker_shape_from_json(const json_t *object, WorkerShape *shape);

#endif
