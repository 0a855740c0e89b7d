/* One worker with one job, for what is asked by hand: started with the same limits as in a batch, listened
 * to, and ended when it hangs, takes too much memory, or is not wanted any more. Waits for its end; one
 * thread. */
#ifndef RUNBATCH_BATCH_ONE_JOB_H
#define RUNBATCH_BATCH_ONE_JOB_H

#include <signal.h>

#include "options/settings.h"
#include "worker/message.h"

/* STATUS_STOPPED once `stop` is set. Otherwise as its worker tells, or why that ended. */
Status one_job_run(const Settings *settings, const Message *job, const volatile sig_atomic_t *stop,
                   VideoResult *result, Error *err);

#endif
