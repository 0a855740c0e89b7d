/* The sandbox with what one task needs: a worker's video, or a question about one output.
 *
 * Called by a worker's main thread before it starts others and before it opens a file that is not ours. */
#ifndef RUNBATCH_WORKER_SANDBOX_JOB_H
#define RUNBATCH_WORKER_SANDBOX_JOB_H

#include "options/settings.h"
#include "worker/message.h"

/* As settings->sandbox says. The job's temporary file and folder must be there.
 * ERROR_ENVIRONMENT when it is "strict" and the kernel lacks a layer. */
Status sandbox_enter_for_job(const Message *job, const Settings *settings, Error *err);

/* Reads `input` and `output`, writes nothing. `how`: "strict", "auto", "off". */
Status sandbox_enter_for_probe(const char *how, const char *input, const char *output, Error *err);

#endif
