/* One worker process with one video: started, listened to, ended. The supervisor's thread only.
 *
 * Never waits. What a worker sends is untrusted: a line that is too long, no message, out of turn, or one of
 * far too many makes it defective; it is killed and its video fails. Memory: one LineBuffer.
 */
#ifndef RUNBATCH_BATCH_RUNNER_H
#define RUNBATCH_BATCH_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/stall.h"
#include "batch/video_log.h"
#include "worker/message.h"
#include "worker/process.h"

/* A worker tells its progress ten times a second and rarely more; log lines come in bursts. */
enum { RUNNER_MESSAGES_A_SECOND = 1000, RUNNER_BURST = 10000, RUNNER_LINGER_MS = 5000 };

typedef struct Runner {
    bool used;
    size_t item;
    Process process;
    LineBuffer inbox;
    VideoLog log;
    int64_t started_ms;
    int64_t oom_kills_before; /* death_oom_kills */
    int64_t
        quiet_ms; /* when it told its end or closed its channel: it has RUNNER_LINGER_MS to end; 0: not yet */
    int64_t bucket_ms;
    int64_t bucket_used;
    Stall stall;
    bool said_hello;
    bool ended;
    int wait_status;
    Message end;  /* done or failed, once it came */
    Error defect; /* why it was killed, if it was */
} Runner;

/* `job`: a message of kind MESSAGE_JOB. On failure `runner` is unused. */
Status runner_start(Runner *runner, const char *executable, const Message *job, const char *log_path,
                    const char *proc_root, int64_t now_ms, Error *err);

/* Reads once from its channel and its standard error; whether there was something. */
bool runner_read(Runner *runner, int64_t now_ms);

/* The next message that is news for the supervisor: started, progress, log. STATUS_AGAIN: none. The message
 * must be freed. */
Status runner_next(Runner *runner, int64_t now_ms, Message *message);

/* Asks it to end, makes it end. */
void runner_stop(Runner *runner);
void runner_kill(Runner *runner);

/* Kills it when it said nothing, or did not end, for too long. */
void runner_check_time(Runner *runner, int64_t now_ms, int hello_timeout_ms);

/* Kills it when neither its frames nor its processor time went on for `timeout_ms`. To be called a few times
 * a second. */
void runner_check_progress(Runner *runner, int64_t now_ms, int64_t frames, const char *proc_root,
                           int timeout_ms);

/* Whether its process has ended; what it left can still be read. */
bool runner_reap(Runner *runner);

/* STATUS_OK: done, `result` filled; otherwise STATUS_FAILED and why. Call once, after
 * its end and when all is read. */
Status runner_outcome(Runner *runner, const char *input, const char *proc_root, VideoResult *result,
                      Error *err);

/* Closes all; an unended process is killed. */
void runner_free(Runner *runner);

#endif
