/* Why a worker ended without a result: pure, from what is known after its death. */
#ifndef RUNBATCH_BATCH_DEATH_H
#define RUNBATCH_BATCH_DEATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* How many processes the kernel has ended because memory ran out; -1 unknown. */
typedef struct OomKills {
    int64_t machine; /* all limits and control groups together (oom_kill in vmstat, Linux 4.13) */
    int64_t group;   /* in this process's control group alone, by its limit or the machine's */
} OomKills;

typedef struct Death {
    int wait_status;       /* of waitpid */
    const Error *defect;   /* set when the supervisor ended it for what it did; may be NULL or empty */
    const char *last_line; /* of its standard error or log; may be NULL or empty */
    OomKills before;       /* when it was started and after its death */
    OomKills after;
    bool in_group;       /* it had a control group of its own: own_kills is exact, the others' do not count */
    int64_t own_kills;   /* there */
    int64_t limit_bytes; /* its own limit of memory; 0: none */
    bool over_limit;     /* if it died for want of memory, it was for that limit */
} Death;

/* As they are now; `root` stands for "/". */
OomKills death_oom_kills(const char *root);

/* Fills `err` (empty before): class memory for EXIT_OUT_OF_MEMORY, EXIT_OVER_DATA_LIMIT and for SIGKILL while
 * the group's number grew (the machine's, where the group's is unknown; the worker's own group's, where it
 * had one); killed for a signal that is sent, not caused; otherwise crash or the defect's. */
void death_explain(const Death *death, const char *input, Error *err);

#endif
