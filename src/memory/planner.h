/* How many videos at once and why, and which of those that wait comes next. Pure.
 *
 * Memory: what is running and what is to start, each with its estimate (or with what it has, where that is
 * more), must fit into what counts less what others use, below the mark at which the governor acts. Of a
 * video of which nothing is known the old system's formula is taken, (RAM - 2 GB) / 2.5 GB (brief, row 8).
 * Cores: what videos keep busy together is about what there is. Disk: the rest of it.
 *
 * The first video always starts when nothing runs: whether it can work at all is the budget's question.
 * The order is the user's; one that fits may pass those that do not, but nobody is passed more than
 * PLANNER_PASSED_MOST times.
 *
 * One thread. planner_pick is linear and does not allocate; planner_jobs copies the waiting ones (48 bytes
 * each).
 */
#ifndef RUNBATCH_MEMORY_PLANNER_H
#define RUNBATCH_MEMORY_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLANNER_PASSED_MOST = 8, /* then nobody may pass any more */
    PLANNER_JOBS_MOST = 64,  /* as --jobs */
};

/* The supervisor and its probe worker: measured 31 to 36 MB, mapped libraries included. */
#define PLANNER_OWN_BYTES INT64_C(35000000)
/* The old system's formula (brief, row 8). */
#define PLANNER_RESERVE_BYTES INT64_C(2000000000)
#define PLANNER_VIDEO_BYTES INT64_C(2500000000)
/* On a graphics card a video takes 2 to 3 GB (brief, row 7). */
#define PLANNER_CARD_BYTES INT64_C(3000000000)

/* --order */
typedef enum PlannerOrder {
    PLANNER_NATURAL = 0,
    PLANNER_SHORTEST,
    PLANNER_LONGEST,
    PLANNER_LARGEST_MEMORY_LAST,
    PLANNER_ORDERS,
} PlannerOrder;

/* What keeps another video from running. */
typedef enum PlannerLimit {
    PLANNER_LIMIT_NONE = 0, /* nothing does */
    PLANNER_LIMIT_VIDEOS,   /* there is no other */
    PLANNER_LIMIT_ASKED,    /* --jobs N, or PLANNER_JOBS_MOST */
    PLANNER_LIMIT_MEMORY,
    PLANNER_LIMIT_VIDEO_MEMORY,
    PLANNER_LIMIT_CORES,
    PLANNER_LIMIT_DISK,
    PLANNER_LIMITS,
} PlannerLimit;

typedef struct PlannerMachine {
    int64_t total_bytes;  /* the smallest limit that counts: machine, control groups; 0: not known, memory
                             limits nothing */
    int64_t limit_bytes;  /* the smallest of those that hold, however much of it is left; 0: total_bytes */
    int64_t others_bytes; /* used by others than the batch: used less all of ours */
    int64_t budget_bytes; /* --max-total-memory for all of ours; 0: none */
    double high_percent;  /* --memory-high: use of either is kept below it; 0: 85 */
    int64_t video_total_bytes; /* likewise: of the card, or --max-video-memory where that is less; 0: limits
                                  nothing */
    int64_t video_others_bytes;
    double cores;       /* that this process may use; 0: limit nothing */
    int64_t disk_bytes; /* free, less the reserve and what running videos will still write; negative: not
                           known, limits nothing */
    int jobs;           /* --jobs N: then cores do not limit; 0: auto */
} PlannerMachine;

/* What a video takes. */
typedef struct PlannerVideo {
    int64_t bytes;       /* at its peak; of a running one at least what it has now. 0: not known */
    int64_t video_bytes; /* on the card; 0: none */
    int64_t disk_bytes;  /* it will write; of a running one not looked at */
    double cores;  /* it keeps busy: measured (processor time by time), or planner_cores; 0: not known, one */
    double length; /* by which shortest and longest go: seconds, or bytes of input. Not above 0: not
                      known, comes last */
    int passed;    /* how often others went before it; planner_pick counts, the caller keeps */
} PlannerVideo;

/* A first guess of the cores that a video keeps busy: its face threads, one for decoding and following, and
 * the encoder's threads up to two, since the encoder waits for the faces most of the time. At most `cores`.
 * `encoder_threads` 0: one per core, as --encoder-threads. */
double planner_cores(int64_t execution_threads, int64_t encoder_threads, double cores);

/* What is left for the videos: by the formula where `guessed` (something runs or is to start of which nothing
 * is known), otherwise up to the high mark. Not below 0; INT64_MAX where memory limits nothing. */
int64_t planner_room(const PlannerMachine *machine, bool guessed);

/* What one worker may take while no other runs and nobody else takes anything: `asked_bytes` (--max-memory;
 * 0: not asked), or what the limits that count leave below the critical mark where that is less. 0: no limit.
 */
int64_t planner_worker_most(const PlannerMachine *machine, int64_t asked_bytes);

typedef struct PlannerPick {
    bool found;
    size_t index;       /* of `waiting` */
    PlannerLimit limit; /* not found: what the first in the order lacks, or why nobody may start */
    size_t blocked;     /* the one that lacks it, of `waiting`; meaningless with VIDEOS and ASKED */
} PlannerPick;

/* Which video is to be started now beside those that run. `waiting` is in natural order and holds those that
 * may start (not paused, not waiting for a time). The `passed` of those that the chosen one goes before is
 * counted up. */
PlannerPick planner_pick(const PlannerMachine *machine, PlannerOrder order, const PlannerVideo *running,
                         size_t running_count, PlannerVideo *waiting, size_t waiting_count);

typedef struct PlannerJobs {
    int jobs;           /* at once, those that run included; at least 1 if there is any video */
    PlannerLimit limit; /* why not one more */
    /* how many videos of the mean size each would allow by itself, unrounded ("16 GB gives 5.6"); negative:
     * it limits nothing. [PLANNER_LIMIT_VIDEOS]: all */
    double allows[PLANNER_LIMITS];
} PlannerJobs;

/* How many run at once if the waiting ones are started in their order until no more fits: for `plan`, and for
 * telling users. */
PlannerJobs planner_jobs(const PlannerMachine *machine, PlannerOrder order, const PlannerVideo *running,
                         size_t running_count, const PlannerVideo *waiting, size_t waiting_count);

/* "natural", "shortest", "longest", "largest-memory-last": as --order takes them; NULL-terminated. */
extern const char *const planner_order_names[PLANNER_ORDERS + 1];
/* PLANNER_NATURAL for a name that is none. */
PlannerOrder planner_order(const char *name);

/* "none", "videos", "asked", "memory", "video_memory", "cores", "disk": for JSON. */
const char *planner_limit_name(PlannerLimit limit);

#endif
