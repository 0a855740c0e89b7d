/* Runs a plan: one worker process per video, up to settings->jobs at once, and survives whatever they do.
 *
 * Single-threaded, one poll() loop; never opens a media file itself. While batch_run runs it owns SIGINT,
 * SIGTERM, SIGHUP, SIGCHLD, SIGTSTP, SIGPIPE and SIGXFSZ of the process; they are restored when it returns
 * (after an interrupt INT, TERM and HUP stay without effect: the program is about to end).
 * Holds `<state_dir>/lock`. Memory: a report per video of the plan and, per running worker, a bounded line
 * buffer; nothing grows with a video's length or with what a worker sends.
 *
 * First SIGINT, SIGTERM or SIGHUP: workers are told to stop, with settings->stop_grace_s to finish a chunk,
 * and killed when they do not; temporaries are removed; result->interrupted. A second one: workers are killed
 * at once.
 */
#ifndef RUNBATCH_BATCH_SUPERVISOR_H
#define RUNBATCH_BATCH_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "batch/plan.h"
#include "batch/space.h"
#include "options/settings.h"
#include "report/event.h"
#include "report/statistics.h"
#include "worker/sandbox.h"

/* Any member may be NULL or 0. */
typedef struct BatchHooks {
    void *context;
    /* Called for every event, in order. */
    void (*event)(void *context, const Event *event);
    /* Called about every 100 ms while workers run, and after each SIGCONT, for redrawing. */
    void (*tick)(void *context, int64_t now_ms);
    /* Called before the process stops itself for SIGTSTP: leave the terminal tidy. */
    void (*suspend)(void *context);
    /* For tests. */
    const char *worker_executable;  /* NULL: this program */
    const char *root;               /* for what the kernel tells in /proc and /sys; NULL: "/" */
    const SandboxFeatures *sandbox; /* NULL: the kernel is asked */
    const char *gpu_library;        /* NULL: the driver's */
    bool without_groups;            /* workers' memory is limited as if no control groups could be made */
    /* What a folder's volume has; NULL: the volume is asked. */
    SpaceVolume (*volume)(const char *folder);
    int retry_wait_ms;    /* 0: as the ladder says; otherwise the longest wait */
    int hello_timeout_ms; /* 0: 60000: a worker that says nothing that long is ended */
    int probe_timeout_ms; /* 0: 60000 */
} BatchHooks;

typedef struct BatchResult {
    int done;
    int skipped;
    int failed; /* those set aside included */
    bool interrupted;
    Statistics statistics;
} BatchResult;

/* STATUS_OK when the batch ran, also with failed videos and when it was interrupted: `result` tells.
 * STATUS_FAILED (`err` filled, no event but those already sent) when it could not run at all: the lock is
 * held by another runbatch (ERROR_ENVIRONMENT, told by whom), the state folder cannot be made, or --sandbox
 * is strict and the kernel lacks a layer; or, with all events, when the source picture or a model cannot be
 * used: the first video that tells so ends the batch. `result` must be freed in all cases. */
Status batch_run(const Settings *settings, const Plan *plan, const BatchHooks *hooks, BatchResult *result,
                 Error *err);
void batch_result_free(BatchResult *result);

/* What batch_run would find about an output, for --dry-run. */
typedef struct ProbeAnswer {
    bool exists;
    bool complete;  /* and made from what it would be made from now: it will be skipped */
    bool changed;   /* it is complete, and will be made anew nevertheless */
    int chunks;     /* of an earlier run, made from the same: it goes on behind them; 0: from the beginning */
    int64_t frames; /* in them */
    int64_t chunk_bytes; /* of them */
    char why[256];       /* why an existing one is not complete, or made anew */
} ProbeAnswer;

/* Fills `answers`, one per item of the plan: by the store, and where it does not know by a worker. Takes no
 * lock and changes nothing. `hooks` may be NULL. ERROR_ENVIRONMENT when the store cannot be read, or the
 * sandbox cannot be as strict as it shall. */
Status batch_probe(const Settings *settings, const Plan *plan, const BatchHooks *hooks, ProbeAnswer *answers,
                   Error *err);

#endif
