#include "batch/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "batch/death.h"

enum { END_WAIT_MS = 300, STDERR_BYTES = 16384 };

static void blame(Runner *runner, ErrorClass class_, const char *why)
{
    if (error_is_set(&runner->defect)) {
        return;
    }
    (void)error_set(&runner->defect, class_, "the worker was ended", NULL, why);
    video_log_line(&runner->log, "runbatch", why);
    runner_kill(runner);
}

Status runner_start(Runner *runner, const char *executable, const Message *job, const char *log_path,
                    const char *proc_root, int64_t now_ms, Error *err)
{
    static const char *const arguments[] = {"runbatch", "worker", NULL};
    *runner = (Runner){.used = true,
                       .started_ms = now_ms,
                       .bucket_ms = now_ms,
                       .oom_kills_before = death_oom_kills(proc_root)};
    video_log_open(&runner->log, log_path);
    Text line = {0};
    text_appendf(&line, "runbatch " RUNBATCH_VERSION ": %s -> %s", job->input, job->output);
    video_log_line(&runner->log, "runbatch", line.data);
    text_free(&line);
    Status status = process_spawn(executable, arguments, &runner->process, err);
    if (status == STATUS_OK) {
        status = message_send(runner->process.channel, job, err);
        if (status == STATUS_EOF) {
            status = STATUS_OK; /* it died at once; its end tells why */
        }
    }
    if (status != STATUS_OK) {
        runner_free(runner);
    }
    return status;
}

static bool read_errors(Runner *runner)
{
    char bytes[STDERR_BYTES];
    if (runner->process.errors < 0) {
        return false;
    }
    const ssize_t count = read(runner->process.errors, bytes, sizeof bytes);
    if (count > 0) {
        video_log_stderr(&runner->log, bytes, (size_t)count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(runner->process.errors);
        runner->process.errors = -1;
    }
    return count > 0;
}

bool runner_read(Runner *runner, int64_t now_ms)
{
    const bool got_errors = read_errors(runner);
    if (runner->process.channel < 0) {
        return got_errors;
    }
    const Status status = line_buffer_fill(&runner->inbox, runner->process.channel);
    if (status == STATUS_EOF) {
        (void)close(runner->process.channel);
        runner->process.channel = -1;
        runner->quiet_ms = runner->quiet_ms > 0 ? runner->quiet_ms : now_ms;
    }
    return got_errors || status == STATUS_OK;
}

/* A bucket that holds RUNNER_BURST messages and is refilled by RUNNER_MESSAGES_A_SECOND. */
static bool is_flood(Runner *runner, int64_t now_ms)
{
    const int64_t refill = (now_ms - runner->bucket_ms) * RUNNER_MESSAGES_A_SECOND / 1000;
    if (refill > 0) {
        runner->bucket_used = runner->bucket_used > refill ? runner->bucket_used - refill : 0;
        runner->bucket_ms = now_ms;
    }
    return ++runner->bucket_used > RUNNER_BURST;
}

/* Keeps or passes on one message; true when it is news. */
static bool take_message(Runner *runner, Message *message, int64_t now_ms)
{
    if (!runner->said_hello && message->kind != MESSAGE_HELLO) {
        blame(runner, ERROR_CRASH, "it did not begin with hello");
        return false;
    }
    switch (message->kind) {
    case MESSAGE_HELLO:
        runner->said_hello = true;
        if (message->version != MESSAGE_VERSION) {
            blame(runner, ERROR_CRASH, "it speaks another version: runbatch was replaced while it ran");
        }
        return false;
    case MESSAGE_STARTED:
    case MESSAGE_PROGRESS:
        return true;
    case MESSAGE_LOG:
        video_log_line(&runner->log, log_level_name(message->level), message->text);
        return true;
    case MESSAGE_DONE:
    case MESSAGE_FAILED:
        runner->end = *message;
        *message = (Message){0};
        runner->quiet_ms = now_ms;
        return false;
    default:
        blame(runner, ERROR_CRASH, "it sent a message that only a supervisor sends");
        return false;
    }
}

Status runner_next(Runner *runner, int64_t now_ms, Message *message)
{
    const char *line = NULL;
    size_t length = 0;
    *message = (Message){0};
    while (!error_is_set(&runner->defect) && runner->end.kind == MESSAGE_NONE) {
        const Status status = line_buffer_next(&runner->inbox, &line, &length);
        if (status == STATUS_OVER_BUDGET) {
            blame(runner, ERROR_CRASH, "it sent a line that is too long");
        }
        if (status != STATUS_OK) {
            return STATUS_AGAIN;
        }
        Error err = {0};
        if (is_flood(runner, now_ms)) {
            blame(runner, ERROR_CRASH, "it sent far too many messages");
        } else if (message_parse(line, length, message, &err) != STATUS_OK) {
            char why[sizeof err.why + 32];
            (void)snprintf(why, sizeof why, "it sent nonsense: %s", err.why);
            blame(runner, ERROR_CRASH, why);
        } else if (take_message(runner, message, now_ms)) {
            return STATUS_OK;
        }
        message_free(message);
    }
    /* nothing more is of interest; the bytes must not fill the buffer */
    while (line_buffer_next(&runner->inbox, &line, &length) == STATUS_OK) {
    }
    if (line_buffer_next(&runner->inbox, &line, &length) == STATUS_OVER_BUDGET) {
        runner->inbox.length = 0;
    }
    return STATUS_AGAIN;
}

void runner_stop(Runner *runner)
{
    if (runner->process.channel >= 0) {
        (void)message_send(runner->process.channel, &(Message){.kind = MESSAGE_STOP}, NULL);
    }
    process_signal(&runner->process, SIGTERM);
    process_signal(&runner->process, SIGCONT);
}

void runner_kill(Runner *runner)
{
    if (!runner->ended) {
        process_signal(&runner->process, SIGKILL);
    }
}

void runner_check_time(Runner *runner, int64_t now_ms, int hello_timeout_ms)
{
    if (!runner->said_hello && now_ms - runner->started_ms > hello_timeout_ms) {
        blame(runner, ERROR_TIMEOUT, "it did not say hello in time");
    } else if (runner->quiet_ms > 0 && now_ms - runner->quiet_ms > RUNNER_LINGER_MS) {
        if (runner->end.kind == MESSAGE_NONE) {
            blame(runner, ERROR_CRASH, "it closed its channel and did not end");
        }
        runner_kill(runner);
    }
}

void runner_check_progress(Runner *runner, int64_t now_ms, int64_t frames, const char *proc_root,
                           int timeout_ms)
{
    if (!runner->said_hello || runner->ended || runner->end.kind != MESSAGE_NONE) {
        return;
    }
    const int64_t processor_ms = stall_processor_ms(proc_root, runner->process.pid);
    if (processor_ms >= 0 && stall_look(&runner->stall, now_ms, frames, processor_ms) >= timeout_ms) {
        char why[128];
        (void)snprintf(why, sizeof why, "it hung: no frame and no processor time for %d s",
                       timeout_ms / 1000);
        blame(runner, ERROR_TIMEOUT, why);
    }
}

bool runner_reap(Runner *runner)
{
    if (!runner->ended && process_ended(&runner->process, &runner->wait_status)) {
        runner->ended = true;
        runner->process.pid = 0; /* reaped: the number may belong to another process soon */
    }
    return runner->ended;
}

Status runner_outcome(Runner *runner, const char *input, const char *proc_root, VideoResult *result,
                      Error *err)
{
    if (runner->end.kind == MESSAGE_DONE) {
        *result = runner->end.result;
        return STATUS_OK;
    }
    if (runner->end.kind == MESSAGE_FAILED) {
        *err = runner->end.error;
        return STATUS_FAILED;
    }
    video_log_stderr(&runner->log, "\n", 1);
    const Death death = {.wait_status = runner->wait_status,
                         .defect = &runner->defect,
                         .last_line = runner->log.last_line,
                         .oom_kills_before = runner->oom_kills_before,
                         .oom_kills_after = death_oom_kills(proc_root)};
    death_explain(&death, input, err);
    return STATUS_FAILED;
}

void runner_free(Runner *runner)
{
    if (!runner->ended) {
        process_end(&runner->process, END_WAIT_MS);
    }
    process_close(&runner->process);
    line_buffer_free(&runner->inbox);
    video_log_close(&runner->log);
    message_free(&runner->end);
    *runner = (Runner){0};
}
