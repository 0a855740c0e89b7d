/* The signals of a running batch as a file to poll. Process-wide: one at a time, one thread. */
#ifndef RUNBATCH_BATCH_SIGNALS_H
#define RUNBATCH_BATCH_SIGNALS_H

#include <signal.h>

#include "base/error.h"

typedef struct Signals {
    int fd; /* -1: not installed */
    sigset_t mask_before;
    struct sigaction pipe_before;
    struct sigaction child_before;
} Signals;

/* From now on INT, TERM, HUP (unless it is ignored, as under nohup), TSTP and CHLD are read with
 * signals_next, and a write into a closed pipe is an error of that write. */
Status signals_install(Signals *signals, Error *err);
/* The next one that came, 0 when there is none. */
int signals_next(const Signals *signals);
/* Everything as it was before; signals that came meanwhile are forgotten. */
void signals_restore(Signals *signals);

#endif
