/* Why a worker ended without a result: pure, from what is known after its death. */
#ifndef RUNBATCH_BATCH_DEATH_H
#define RUNBATCH_BATCH_DEATH_H

#include <stdint.h>

#include "base/error.h"

typedef struct Death {
    int wait_status;          /* of waitpid */
    const Error *defect;      /* set when the supervisor ended it for what it did; may be NULL or empty */
    const char *last_line;    /* of its standard error or log; may be NULL or empty */
    int64_t oom_kills_before; /* death_oom_kills when it was started and after its death */
    int64_t oom_kills_after;
} Death;

/* How many processes the kernel ended because memory ran out, of all limits and control groups (oom_kill in
 * vmstat of `proc_root`, Linux 4.13); -1 unknown. */
int64_t death_oom_kills(const char *proc_root);

/* Fills `err` (empty before): class memory for EXIT_OUT_OF_MEMORY and for SIGKILL while that number grew,
 * otherwise crash or the defect's. */
void death_explain(const Death *death, const char *input, Error *err);

#endif
