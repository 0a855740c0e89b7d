/* Holds workers to a limit of memory, each to its own, by the best means that works here:
 *
 *   group   a control group for each worker (group.h): the kernel ends a worker that goes over. Exact.
 *   watch   RLIMIT_DATA refuses what is far too much at once, and the supervisor looks at what the worker and
 * its children have taken every LIMITER_LOOK_MS and ends one that is over. It may be over for so long.
 *
 * Which works is proved, not believed: a child goes over a limit and must be stopped. What counts is what
 * cannot be taken back from a process without ending it: allocated memory, shared memory, what of these is
 * swapped out; not file contents, such as libraries and mapped models.
 *
 * The supervisor's thread only, and while that is the process's only one (it forks). A Limiter is 20 KiB, a
 * Limit a path.
 */
#ifndef RUNBATCH_MEMORY_LIMITER_H
#define RUNBATCH_MEMORY_LIMITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory/group.h"

/* How often to look at each worker. */
enum { LIMITER_LOOK_MS = 100 };

typedef struct Limiter Limiter;

typedef enum LimiterMeans {
    LIMITER_NOTHING = 0,
    LIMITER_WATCH,
    LIMITER_GROUP,
} LimiterMeans;

typedef struct LimiterFindings {
    LimiterMeans means;
    int version;            /* LIMITER_GROUP: of control groups */
    GroupObstacle obstacle; /* why not by groups */
    int number;             /* GROUP_REFUSED: an errno */
    bool data;              /* RLIMIT_DATA is held to; not looked at when there are groups */
    bool watch;             /* what a worker takes can be seen */
    int took_ms;
} LimiterFindings;

typedef struct LimiterConfig {
    const char *root;        /* stands for "/"; must outlive the limiter */
    const GroupCalls *calls; /* as in group.h */
    bool without_groups;     /* as if none could be made */
} LimiterConfig;

/* Finds out what works, in some 20 ms (on a machine that is very busy, where a child may not come to its
 * turn, up to 750), and removes groups of processes that are gone. Never NULL; what does not work is told by
 * its findings. */
Limiter *limiter_new(const LimiterConfig *config);
const LimiterFindings *limiter_findings(const Limiter *limiter);
/* After all its limits were ended. */
void limiter_free(Limiter **limiter);

/* One worker's. Zeroed: none. */
typedef struct Limit {
    int64_t bytes;      /* 0: none */
    Group group;        /* folder NULL: by RLIMIT_DATA and looks */
    int64_t data_bytes; /* its RLIMIT_DATA; 0: as it is */
} Limit;

/* `limiter` NULL or `bytes` 0: none. Cannot fail: where no group can be made any more, the rest holds. */
void limiter_begin(Limiter *limiter, int64_t bytes, Limit *limit);
/* Binds the worker, which has been started and has nothing to do yet: so the wait for the kernel (group_join)
 * is at the same time as its loading. 0, or the errno for which it is not in its group: the rest holds. */
int limiter_bind(const Limiter *limiter, Limit *limit, pid_t pid);
void limiter_end(Limiter *limiter, Limit *limit);

/* What a process and its children have taken, of what counts here; 0: it is gone. `root` stands for "/". */
int64_t limit_used(const char *root, pid_t pid);
/* Whether a worker that has taken this must be ended. */
bool limit_is_over(const Limit *limit, int64_t used_bytes);
/* RLIMIT_DATA for a limit: see the source. Pure. */
int64_t limit_data_bytes(int64_t bytes);

#endif
