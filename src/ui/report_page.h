/* `runbatch report`: what became of every video, try by try, what is left of it on disk, what `clean` would
 * remove, and how to go on; for people and as JSON (docs/json.md). Pure, but for the language and the time
 * zone. Memory: the page.
 */
#ifndef RUNBATCH_UI_REPORT_PAGE_H
#define RUNBATCH_UI_REPORT_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"
#include "batch/cleaner.h"
#include "batch/snapshot.h"
#include "ui/page.h"

/* Of ours in a video's work folder. */
typedef struct WorkFiles {
    int64_t bytes;
    int files;
} WorkFiles;

typedef struct Report {
    const Snapshot *snapshot; /* with history */
    const bool *chosen;       /* which videos: one for each */
    const WorkFiles *work;    /* likewise */
    const CleanList *removable;
    bool every_log; /* lists the logs that would be removed, instead of counting them */
} Report;

void report_page(const Report *report, const PageFrame *frame, Text *page);

/* A new object. */
json_t *report_to_json(const Report *report);

#endif
