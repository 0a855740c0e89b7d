/* The limits of workers' memory (memory/limiter.h), in words. The supervisor's thread only. */
#ifndef RUNBATCH_BATCH_WORKER_LIMITS_H
#define RUNBATCH_BATCH_WORKER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "memory/limiter.h"

/* "memory limits of workers: a control group each (version 2)", or what holds them instead and why, in the
 * user's language. False: nothing holds them, or not all of what they take. */
bool limits_describe(const LimiterFindings *findings, char *line, size_t size);

/* What to do to get the best of them, in the user's language; "": it is the best, or there is nothing to do.
 */
const char *limits_advice(const LimiterFindings *findings);

#endif
