/* Why a worker ended without a result: pure, from what is known after its death. */
#ifndef RUNBATCH_BATCH_DEATH_H
#define RUNBATCH_BATCH_DEATH_H

#include "base/error.h"

typedef struct Death {
    int wait_status;       /* of waitpid */
    const Error *defect;   /* set when the supervisor ended it for what it did; may be NULL or empty */
    const char *last_line; /* of its standard error or log; may be NULL or empty */
} Death;

/* Fills `err` (empty before): class memory for EXIT_OUT_OF_MEMORY, otherwise crash or the defect's. */
void death_explain(const Death *death, const char *input, Error *err);

#endif
