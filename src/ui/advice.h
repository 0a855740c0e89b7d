/* How to go on with a video: one line in the user's language. Pure. */
#ifndef RUNBATCH_UI_ADVICE_H
#define RUNBATCH_UI_ADVICE_H

#include <stddef.h>

#include "batch/snapshot.h"

/* Empty where there is nothing to do. Returns `buffer`. */
const char *advice_text(const Snapshot *snapshot, const VideoView *video, char *buffer, size_t size);

#endif
