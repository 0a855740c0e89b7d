/* What is done when memory runs short: a state machine whose clock and sensors are passed in. Pure.
 *
 *   ok        videos are started; workers that were shrunk grow back, one at a time
 *   high      `high_percent` is used, or tasks are stalled for want of memory: nobody is started; as long as
 *             that is so workers are asked to shrink, the largest first
 *   critical  95 %, or all tasks are stalled at once: besides, the youngest worker ends with its chunk and is
 *             started again later (already before, if use grows so fast that it will come to this within a
 *             chunk); when the limit itself is about to be hit, the largest is ended at once
 *
 * The way back from critical is below `high_percent`, from high it is `resume_percent` or less; that is the
 * pause before a video, and it has a time-out. The batch calls governor_step every 250 ms with what it has
 * read, carries out the one action that comes back, and starts a video only where `admission` says so. The
 * machine's memory and a graphics card's are judged alike; the worse one is acted upon.
 *
 * One thread. A Governor is a few hundred bytes and owns nothing; governor_step does not allocate and is
 * linear in the number of workers.
 */
#ifndef RUNBATCH_MEMORY_GOVERNOR_H
#define RUNBATCH_MEMORY_GOVERNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum GovernorState {
    GOVERNOR_OK = 0,
    GOVERNOR_HIGH,
    GOVERNOR_CRITICAL,
} GovernorState;

typedef enum GovernorResource {
    GOVERNOR_MEMORY = 0,
    GOVERNOR_VIDEO_MEMORY,
    GOVERNOR_RESOURCES,
} GovernorResource;

/* ---- settings ---- */

/* Thresholds on use are in percent of the total, on pressure in percent of time (avg10 of PSI). */
typedef struct GovernorSettings {
    double high_percent;     /* --memory-high, 85 (brief, row 5) */
    double critical_percent; /* 95; more where high_percent is */
    double resume_percent;   /* --memory-resume, 50 (brief, row 5) */
    int64_t timeout_ms;      /* --memory-timeout, 120 s (brief, row 5); 0: as long as it takes */
    int64_t poll_ms;         /* --memory-poll, 5 s: how often the end of a pause is looked for */
    bool fail_on_timeout;    /* --on-memory-timeout fail */
    double some_high;        /* 20: Android's lmkd acts at 200 ms a second on machines with little memory */
    double full_critical;    /* 10: low-memory-monitor's and GLib's critical, 100 ms a second */
    double full_stalled;     /* 60: at which systemd-oomd kills, oomd.conf(5) */
    int64_t hold_ms;         /* 2 s: how long readings must be below a mark before the state goes down */
    int64_t requeue_ms;      /* 10 s, a chunk: if use will be critical by then, somebody leaves already */
    int64_t brink_ms;        /* 1 s: a limit that is that near, as use grows now, is about to be hit */
} GovernorSettings;

/* The defaults above with the values of the options. critical_percent is 95, or half-way between
 * `high_percent` and 100 where that is more. */
GovernorSettings governor_settings(double high_percent, double resume_percent, double timeout_s,
                                   double poll_s, bool fail_on_timeout);

/* ---- input ---- */

/* Against the limit that counts: total_bytes and available_bytes of MemoryReading (memory/machine.h), or a
 * budget of the user's where less of that is left. A card's against the smaller of its memory and
 * --max-video-memory. */
typedef struct GovernorReading {
    int64_t total;     /* bytes; 0: not known, the state stays as it is */
    int64_t available; /* bytes that can still be had; used is total - available */
} GovernorReading;

typedef struct GovernorWorker {
    int id;                               /* the caller's, comes back in an action; 0 or more */
    int64_t bytes[GOVERNOR_RESOURCES];    /* it has now, with its children */
    int64_t estimate[GOVERNOR_RESOURCES]; /* it will have at its peak; 0: not known */
    int64_t started_ms;
    int priority; /* a lower one goes first when somebody must go; 0 is usual */
    int shrunk;   /* 0 (as started) to GOVERNOR_SHRUNK_MOST: what it was told last */
    bool cannot_shrink;
    bool leaves; /* it was told to end with its chunk */
    bool ended;  /* it was killed, and is not gone yet */
} GovernorWorker;

/* A worker shrunk by n has 1/2^n of its threads and of its pools. */
enum { GOVERNOR_SHRUNK_MOST = 2 };

/* How many of `full` threads (bytes, frames) a worker has that is shrunk so far; at least 1. */
int64_t governor_shrunk(int64_t full, int shrunk);

typedef struct GovernorInput {
    int64_t now_ms; /* of a clock that never goes back */
    GovernorReading reading[GOVERNOR_RESOURCES];
    double
        some_avg10; /* PSI of the machine, or of the control group whose limit counts; negative: not known */
    double full_avg10;
    int64_t own_bytes;             /* of the supervisor and its helpers; the workers are added */
    const GovernorWorker *workers; /* all that run, also those that leave */
    size_t worker_count;
    bool wanted; /* a video waits to be started: a pause begins only then */
} GovernorInput;

/* ---- decision ---- */

/* What put the state where it is. */
typedef enum GovernorReason {
    GOVERNOR_REASON_NONE = 0,
    GOVERNOR_REASON_USED, /* so much is used */
    GOVERNOR_REASON_SOME, /* some tasks wait for memory */
    GOVERNOR_REASON_FULL, /* all do at the same time */
} GovernorReason;

/* Whose the larger part of what is used is. */
typedef enum GovernorCause {
    GOVERNOR_CAUSE_NONE = 0, /* the state is ok */
    GOVERNOR_CAUSE_OURS,
    GOVERNOR_CAUSE_OTHERS,
} GovernorCause;

typedef enum GovernorAdmission {
    GOVERNOR_ADMIT = 0, /* start videos, as many as the planner says */
    GOVERNOR_WAIT,      /* start none; the pause before a video */
    GOVERNOR_ADMIT_ONE, /* the pause timed out while nothing of ours ran: start one, and ask again */
    GOVERNOR_GIVE_UP,   /* the pause timed out: the video that waits fails (class memory), and ask again */
} GovernorAdmission;

typedef enum GovernorActionKind {
    GOVERNOR_NOTHING = 0,
    GOVERNOR_SHRINK,  /* tell the worker to shrink to `level` */
    GOVERNOR_GROW,    /* tell it to grow back to `level` */
    GOVERNOR_REQUEUE, /* tell it to end with its chunk; its video waits to be started again, nothing failed */
    GOVERNOR_END,     /* kill it at once; its video goes on from its last chunk, with less: retry.h, memory */
} GovernorActionKind;

typedef struct GovernorAction {
    GovernorActionKind kind;
    int worker; /* id */
    int level;  /* of SHRINK and GROW */
} GovernorAction;

typedef struct GovernorDecision {
    GovernorState state;
    bool changed;              /* since the step before */
    GovernorResource resource; /* which put the state where it is */
    GovernorReason reason;
    GovernorCause cause;
    GovernorAdmission admission;
    GovernorAction action;
    /* figures for what the user is told, of `resource` */
    double used_percent;
    int64_t total_bytes;
    int64_t used_bytes;
    int64_t ours_bytes;
    int64_t others_bytes;
    double growth;     /* bytes a second by which use grows, of the machine's memory; negative: it falls */
    int64_t waited_ms; /* how long the pause lasts */
    bool tell;         /* the pause begins, or its figures are due to be told again (every poll_ms) */
    bool timed_out;    /* the pause ended (or was given up) by its time-out: this is the warning to record */
} GovernorDecision;

/* ---- the machine ---- */

enum { GOVERNOR_TRACE = 16 };

/* Zero-initialise but for `settings`. */
typedef struct Governor {
    GovernorSettings settings;
    struct {
        GovernorState state;
        GovernorReason reason;
        int64_t calm_ms; /* readings are below the mark of the way down since then */
        bool calm;
    } level[GOVERNOR_RESOURCES];
    GovernorState told; /* the step before */
    bool stalled;       /* all are stalled nearly always, or nothing is left, since stalled_ms */
    int64_t stalled_ms;
    struct {
        int64_t ms;
        int64_t used;
    } trace[GOVERNOR_TRACE]; /* the last readings of the machine's memory, oldest first */
    size_t traced;
    bool waiting;      /* a pause */
    int64_t wait_ms;   /* it began */
    int64_t poll_ms;   /* it was looked at last */
    bool released;     /* it timed out, one may start */
    int64_t shrank_ms; /* the last action of each kind; 0: none */
    int64_t grew_ms;
    int64_t requeued_ms;
    int64_t ended_ms;
    int64_t ok_ms;       /* the state is ok since then */
    bool grew;           /* since it became ok */
    int64_t patience_ms; /* how long it must be ok before a worker grows; 0: the least */
} Governor;

/* Takes a reading into account and decides.
 *
 * What always holds:
 *   - above ok nobody is started, except one at a time after a time-out, while nothing of ours runs
 *   - a state is left downwards only after `hold_ms` of readings below its mark; upwards at once
 *   - one action a step, on a worker that is there and was not told to end; a requeue or an end waits until
 *     the one before has had its effect
 *   - the last worker that stays is never requeued, and ended only when most of the memory is ours
 *   - pressure counts only where use is above `resume_percent`: below, there is memory to be had, and giving
 *     back ours would change nothing
 *   - a pause ends: by use that falls; by the time-out (unless that is 0) where use is below `high_percent`,
 *     so that others who keep more than `resume_percent` for ever do not stop the batch for ever; above it
 *     while ours run because they end, and then by the time-out again
 *   - it never times out into a start where use is critical: that video is given up
 */
GovernorDecision governor_step(Governor *governor, const GovernorInput *input);

#endif
