/* One worker process with one video: started, listened to, held, ended. The supervisor's thread only.
 *
 * Never waits. What a worker sends is untrusted: a line that is too long, no message, out of turn, or one of
 * far too many makes it defective; it is killed and its attempt has failed. Memory: one LineBuffer.
 */
#ifndef RUNBATCH_BATCH_RUNNER_H
#define RUNBATCH_BATCH_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/death.h"
#include "batch/stall.h"
#include "batch/video_log.h"
#include "memory/leak.h"
#include "memory/limiter.h"
#include "worker/message.h"
#include "worker/process.h"

/* A worker tells its progress ten times a second and rarely more; log lines come in bursts. One that was
 * asked to stop gets SIGTERM, then SIGKILL, so long after its grace. */
enum {
    RUNNER_MESSAGES_A_SECOND = 1000,
    RUNNER_BURST = 10000,
    RUNNER_LINGER_MS = 5000,
    RUNNER_TERM_SLACK_MS = 500,
    RUNNER_KILL_SLACK_MS = 1500,
};

typedef struct RunnerConfig {
    const char *executable; /* NULL: this program */
    const char *log_path;
    bool append;          /* to the log: it is not the first attempt */
    const char *root;     /* for what the kernel tells; must outlive the runner */
    Limiter *limiter;     /* NULL: no limit; must outlive the runner */
    int64_t memory_bytes; /* its limit; 0: none */
} RunnerConfig;

typedef struct Runner {
    bool used;
    size_t item;
    const char *root;
    Process process;
    Limiter *limiter;
    Limit limit;
    bool over_limit; /* it took more than its own limit */
    LineBuffer inbox;
    VideoLog log;
    int64_t started_ms;
    OomKills oom_kills_before;
    int64_t
        quiet_ms; /* when it told its end or closed its channel: it has RUNNER_LINGER_MS to end; 0: not yet */
    int64_t bucket_ms;
    int64_t bucket_used;
    Stall stall;
    bool told_stopped;
    int64_t work;    /* as it last told */
    int chunks;      /* told of, from the first on */
    int64_t held_ms; /* since when it is held; 0: it is not */
    bool stopping;   /* it was asked to end */
    int shrunk;      /* it works with 1/2^n of its threads and frames (memory/governor.h) */
    LeakGuard leak;
    int64_t term_at_ms; /* while stopping */
    int64_t kill_at_ms;
    int64_t killed_ms; /* 0: not killed by us */
    bool said_hello;
    bool opened;
    bool ended;
    int wait_status;
    Message end;  /* done or failed, once it came */
    Error defect; /* why it was killed, if it was */
} Runner;

/* `job`: a message of kind MESSAGE_JOB. On failure `runner` is unused. */
Status runner_start(Runner *runner, const RunnerConfig *config, const Message *job, int64_t now_ms,
                    Error *err);

/* Reads once from its channel and its standard error; whether there was something. */
bool runner_read(Runner *runner, int64_t now_ms);

/* The next message that is news for the supervisor: started, chunk, progress, log. STATUS_AGAIN: none. The
 * message must be freed. */
Status runner_next(Runner *runner, int64_t now_ms, Message *message);

/* Asks it to end when the current chunk is on disk, if that takes no longer than `grace_ms`, otherwise at
 * once. Asked again, the shorter time holds. One that is held stops at once. */
void runner_stop(Runner *runner, int64_t now_ms, int64_t grace_ms);
/* Tells it to work with so many percent of its threads and frames. */
void runner_set_share(Runner *runner, int percent);
void runner_kill(Runner *runner, int64_t now_ms);
/* Kills it for a reason of ours, which becomes the attempt's failure. */
void runner_blame(Runner *runner, int64_t now_ms, ErrorClass class_, const char *why);

/* Stops its process, and lets it go on: time does not pass for it meanwhile. */
void runner_hold(Runner *runner, int64_t now_ms);
void runner_go_on(Runner *runner, int64_t now_ms);
/* Time that passed while the supervisor itself was stopped does not count. */
void runner_skip_time(Runner *runner, int64_t away_ms);

/* Kills it when it said nothing, or did not end, for too long. */
void runner_check_time(Runner *runner, int64_t now_ms, int hello_timeout_ms);

/* Kills it when it did not get on for `timeout_ms`; 0: never. To be called a few times a second. True, once
 * for each time: somebody else has stopped it (SIGSTOP) for a while; that alone is no reason to kill it. */
bool runner_check_progress(Runner *runner, int64_t now_ms, int64_t timeout_ms);

/* Kills it when it and its children took more memory than its limit. To be called every LIMITER_LOOK_MS. */
void runner_check_memory(Runner *runner, int64_t now_ms);

/* Whether its process has ended; what it left can still be read. */
bool runner_reap(Runner *runner);

/* STATUS_OK: done, `result` filled; STATUS_STOPPED: it ended as it was asked to; otherwise STATUS_FAILED and
 * why; over_limit holds from then on. Call once, after its end and when all is read. */
Status runner_outcome(Runner *runner, const char *input, VideoResult *result, Error *err);

/* Closes all; an unended process is killed. */
void runner_free(Runner *runner);

#endif
