/* Tells a worker that leaks from one that has settled: from its resident set at the ends of chunks. Pure.
 *
 * What grows and is no leak: the first chunk (models, pools, arenas fill), a step when more faces come in
 * (then it stays), and the containers' index, some 120 bytes a frame (architecture.md). A leak grows with
 * every chunk, and at the end as fast as before. So the slope is the median of the slopes between all pairs
 * (Theil 1950, Sen 1968), which a step or a few odd readings do not move; that it rises is proved by the
 * Mann-Kendall test, or, for so few readings that the test can say nothing, by a growth that is large and
 * even.
 *
 * The batch has one LeakGuard a worker, calls leak_add at every chunk's end, and recycles the worker (it ends
 * with its chunk and goes on in a new process) at LEAK_FOUND. One thread. 0.6 KB, no allocation; a judgement
 * compares LEAK_READINGS^2 / 2 pairs.
 */
#ifndef RUNBATCH_MEMORY_LEAK_H
#define RUNBATCH_MEMORY_LEAK_H

#include <stdint.h>

typedef enum LeakVerdict {
    LEAK_NONE = 0,
    LEAK_SUSPECTED, /* it looks like one; worth a line in the log */
    LEAK_FOUND,
} LeakVerdict;

enum {
    LEAK_READINGS = 32, /* kept; when they are full every other one is dropped, and from then on left out */
    LEAK_WARM_UP = 1,   /* chunks after a start or a change of load that do not count */
};

/* Zero-initialise for a new worker. */
typedef struct LeakGuard {
    struct {
        int64_t frames;
        int64_t bytes;
    } reading[LEAK_READINGS]; /* oldest first */
    int count;
    int load;
    int skip;       /* readings that are still to be left out as warm-up */
    int stride;     /* one in so many readings is kept; 0: every one */
    int passed;     /* since the last that was kept */
    int64_t frames; /* of the newest reading, kept or not */
} LeakGuard;

typedef struct LeakFinding {
    LeakVerdict verdict;
    double bytes_per_frame; /* the slope; negative: it shrinks */
    int64_t grown_bytes;    /* the slope times the frames looked at */
    int64_t frames;         /* looked at */
    int readings;
} LeakFinding;

/* At a chunk's end: `frames` that this worker has written since it started, `bytes` resident. `load` is any
 * number that changes when the worker's shape does (threads, pools: GovernorWorker.shrunk): then all is
 * forgotten and the next chunk is warm-up again. A reading whose frames are not more than the last one's is
 * passed over. */
void leak_add(LeakGuard *guard, int64_t frames, int64_t bytes, int load);

LeakFinding leak_judge(const LeakGuard *guard);

#endif
