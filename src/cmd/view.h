/* What the commands that show or ask share: the snapshot and the videos that the line names. */
#ifndef RUNBATCH_CMD_VIEW_H
#define RUNBATCH_CMD_VIEW_H

#include <stdbool.h>

#include "base/error.h"
#include "batch/snapshot.h"
#include "options/settings.h"

typedef struct View {
    Snapshot snapshot;
    bool *chosen; /* one for each video */
} View;

/* Reads the store of settings->output_dir; without the videos' history where that is not needed. On failure
 * `view` owns nothing. */
Status view_open(View *view, const Settings *settings, bool history, Error *err);
void view_close(View *view);

#endif
