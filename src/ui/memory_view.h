/* Memory over time: one line for people (a sparkline, what was the lowest and the peak and when), points for
 * programs (docs/json.md). Pure, but for the language and LC_CTYPE.
 */
#ifndef RUNBATCH_UI_MEMORY_VIEW_H
#define RUNBATCH_UI_MEMORY_VIEW_H

#include <jansson.h>

#include "base/text.h"
#include "batch/snapshot.h"
#include "ui/page.h"

/* Of the video's workers, against their peak; nothing where no memory was recorded. */
void memory_view_video(const VideoView *video, const PageFrame *frame, size_t indent, Text *page);
/* Of the machine or its limit, against all there is; likewise. */
void memory_view_machine(const Snapshot *snapshot, const PageFrame *frame, Text *page);

/* A new object, or null for NULL and where there are no points. */
json_t *memory_view_json(const MemoryCurve *curve);

#endif
