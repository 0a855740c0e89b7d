/* A snapshot as JSON: what `status --json` and `report --json` write. docs/json.md describes every field.
 * Always serialisable: text that is not UTF-8 gets U+FFFD for the bytes that are not. Pure.
 */
#ifndef RUNBATCH_UI_SNAPSHOT_JSON_H
#define RUNBATCH_UI_SNAPSHOT_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "batch/snapshot.h"

/* A new object: the run, how the whole stands, and the videos that are chosen (one bool for each). */
json_t *snapshot_to_json(const Snapshot *snapshot, const bool *chosen);

/* A new list of its attempts. */
json_t *attempts_to_json(const VideoView *video);

/* UTC as events have it; null for 0. */
json_t *json_time(double wall_s);

/* One line with its newline. */
void json_append_line(Text *page, const json_t *value);

#endif
