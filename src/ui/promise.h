/* What will become of a video that is to pause, go on, or be given up: told before it is asked for. Pure, but
 * for the language.
 */
#ifndef RUNBATCH_UI_PROMISE_H
#define RUNBATCH_UI_PROMISE_H

#include <stdbool.h>

#include "batch/snapshot.h"

typedef struct Promise {
    bool asks;       /* whether there is anything to ask for */
    double within_s; /* until it has happened; -1 unknown, or not asked */
    char text[256];  /* "pauses at the end of its chunk, within about 8 s" */
} Promise;

/* `chunk_seconds`: of the run. Where nobody is at work, a failed video can be cancelled too. */
Promise promise_of(const Snapshot *snapshot, const VideoView *video, RequestKind kind, double chunk_seconds);

/* Of the whole batch. */
Promise promise_of_all(const Snapshot *snapshot, RequestKind kind);

/* "pause", "continue", "cancel". */
const char *request_name(RequestKind kind);

#endif
