/* The signals of a running batch as a file to poll. Process-wide: one at a time.
 *
 * Handlers and a pipe rather than blocked signals and signalfd: libraries have threads of their own (ONNX
 * Runtime starts one when it is asked for its providers), which block nothing and would take the signal.
 */
#ifndef RUNBATCH_BATCH_SIGNALS_H
#define RUNBATCH_BATCH_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

enum { SIGNALS_WATCHED = 7 };

typedef struct Signals {
    int fd; /* to poll; -1: not installed */
    struct sigaction before[SIGNALS_WATCHED];
    bool installed[SIGNALS_WATCHED];
} Signals;

/* From now on INT, TERM, HUP (unless it is ignored, as under nohup), TSTP and CHLD are read with
 * signals_next, and a write into a closed pipe is an error of that write. */
Status signals_install(Signals *signals, Error *err);
/* The next one that came, 0 when there is none. */
int signals_next(const Signals *signals);
/* Everything as it was before; signals that came meanwhile are forgotten. With `ending` (the user asked to
 * stop, the program is about to end with its own exit code) INT, TERM and HUP stay without effect: one that
 * comes a moment too late must not change the exit code. */
void signals_restore(Signals *signals, bool ending);

#endif
