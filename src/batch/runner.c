#include "batch/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/worker_limits.h"
#include "report/format.h"

enum { END_WAIT_MS = 300, STDERR_BYTES = 16384 };

void runner_kill(Runner *runner, int64_t now_ms)
{
    if (!runner->ended) {
        process_signal(&runner->process, SIGKILL);
        runner->killed_ms = runner->killed_ms > 0 ? runner->killed_ms : now_ms;
    }
}

void runner_blame(Runner *runner, int64_t now_ms, ErrorClass class_, const char *why)
{
    if (error_is_set(&runner->defect)) {
        return;
    }
    (void)error_set(&runner->defect, class_, "the worker was ended", NULL, why);
    video_log_line(&runner->log, "runbatch", why);
    runner_kill(runner, now_ms);
}

/* It has no job yet, so all that depends on the video comes after this. */
static void bind_memory(Runner *runner)
{
    const Limit *limit = &runner->limit;
    const int number = limiter_bind(runner->limiter, &runner->limit, runner->process.pid);
    if (limit->bytes > 0 && limit->group.folder == NULL &&
        limiter_findings(runner->limiter)->means == LIMITER_GROUP) {
        char line[160];
        (void)snprintf(line, sizeof line, "it has no control group of its own%s%s: its memory is looked at",
                       number != 0 ? ", " : "", number != 0 ? strerror(number) : "");
        video_log_line(&runner->log, "runbatch", line);
    }
}

static void log_limit(Runner *runner)
{
    char means[400];
    char line[512];
    if (runner->limit.bytes > 0) {
        (void)limits_describe(limiter_findings(runner->limiter), means, sizeof means);
        (void)snprintf(line, sizeof line, "%s: %.2f GB", means, (double)runner->limit.bytes / 1e9);
        video_log_line(&runner->log, "runbatch", line);
    }
}

Status runner_start(Runner *runner, const RunnerConfig *config, const Message *job, int64_t now_ms,
                    Error *err)
{
    static const char *const arguments[] = {"runbatch", "worker", NULL};
    *runner = (Runner){.used = true,
                       .root = config->root,
                       .limiter = config->limiter,
                       .started_ms = now_ms,
                       .bucket_ms = now_ms,
                       .oom_kills_before = death_oom_kills(config->root)};
    video_log_open(&runner->log, config->log_path, config->append);
    Text line = {0};
    text_appendf(&line, "runbatch " RUNBATCH_VERSION ": %s -> %s", job->input, job->output);
    video_log_line(&runner->log, "runbatch", line.data);
    text_free(&line);
    limiter_begin(config->limiter, config->memory_bytes, &runner->limit);
    log_limit(runner);
    Status status = process_spawn(config->executable, arguments, &runner->process, err);
    if (status == STATUS_OK) {
        bind_memory(runner);
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

/* Chunks come one after the other; after some were thrown away, from the first one on. */
static bool take_chunk(Runner *runner, const ChunkReport *chunk, int64_t now_ms)
{
    if (chunk->index != runner->chunks && chunk->index != 0) {
        runner_blame(runner, now_ms, ERROR_CRASH, "it told of a chunk out of turn");
        return false;
    }
    runner->chunks = chunk->index + 1;
    runner->work++;
    return true;
}

/* Keeps or passes on one message; true when it is news. */
static bool take_message(Runner *runner, Message *message, int64_t now_ms)
{
    if (!runner->said_hello && message->kind != MESSAGE_HELLO) {
        runner_blame(runner, now_ms, ERROR_CRASH, "it did not begin with hello");
        return false;
    }
    switch (message->kind) {
    case MESSAGE_HELLO:
        runner->said_hello = true;
        if (message->version != MESSAGE_VERSION) {
            runner_blame(runner, now_ms, ERROR_CRASH,
                         "it speaks another version: runbatch was replaced while it ran");
        }
        return false;
    case MESSAGE_STARTED:
        runner->opened = true;
        return true;
    case MESSAGE_PROGRESS:
        runner->work = message->work;
        return true;
    case MESSAGE_CHUNK:
        return take_chunk(runner, &message->chunk, now_ms);
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
        runner_blame(runner, now_ms, ERROR_CRASH, "it sent a message that only a supervisor sends");
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
            runner_blame(runner, now_ms, ERROR_CRASH, "it sent a line that is too long");
        }
        if (status != STATUS_OK) {
            return STATUS_AGAIN;
        }
        Error err = {0};
        if (is_flood(runner, now_ms)) {
            runner_blame(runner, now_ms, ERROR_CRASH, "it sent far too many messages");
        } else if (message_parse(line, length, message, &err) != STATUS_OK) {
            char why[sizeof err.why + 32];
            (void)snprintf(why, sizeof why, "it sent nonsense: %s", err.why);
            runner_blame(runner, now_ms, ERROR_CRASH, why);
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

void runner_stop(Runner *runner, int64_t now_ms, int64_t grace_ms)
{
    const int64_t grace = runner->held_ms > 0 ? 0 : grace_ms;
    const bool first = !runner->stopping;
    const bool sent = runner->process.channel >= 0 &&
                      message_send(runner->process.channel,
                                   &(Message){.kind = MESSAGE_STOP, .grace_ms = grace}, NULL) == STATUS_OK;
    const int64_t term_at_ms = now_ms + (sent ? grace + RUNNER_TERM_SLACK_MS : 0);
    const int64_t kill_at_ms = now_ms + grace + RUNNER_KILL_SLACK_MS;
    runner->stopping = true;
    runner->term_at_ms = first || term_at_ms < runner->term_at_ms ? term_at_ms : runner->term_at_ms;
    runner->kill_at_ms = first || kill_at_ms < runner->kill_at_ms ? kill_at_ms : runner->kill_at_ms;
    runner_go_on(runner, now_ms);
}

void runner_set_share(Runner *runner, int percent)
{
    (void)message_send(runner->process.channel, &(Message){.kind = MESSAGE_SHARE, .percent = percent}, NULL);
}

void runner_skip_time(Runner *runner, int64_t away_ms)
{
    runner->started_ms += away_ms;
    runner->quiet_ms += runner->quiet_ms > 0 ? away_ms : 0;
    runner->term_at_ms += away_ms;
    runner->kill_at_ms += away_ms;
    runner->held_ms += runner->held_ms > 0 ? away_ms : 0;
}

void runner_hold(Runner *runner, int64_t now_ms)
{
    if (runner->held_ms == 0 && !runner->stopping) {
        runner->held_ms = now_ms;
        process_signal(&runner->process, SIGSTOP);
    }
}

void runner_go_on(Runner *runner, int64_t now_ms)
{
    if (runner->held_ms > 0) {
        const int64_t away_ms = now_ms - runner->held_ms;
        runner->held_ms = 0;
        runner->started_ms += away_ms;
        runner->quiet_ms += runner->quiet_ms > 0 ? away_ms : 0;
    }
    process_signal(&runner->process, SIGCONT);
}

static void check_stop(Runner *runner, int64_t now_ms)
{
    if (!runner->stopping || runner->ended) {
        return;
    }
    if (now_ms >= runner->kill_at_ms) {
        runner_kill(runner, now_ms);
    } else if (now_ms >= runner->term_at_ms) {
        process_signal(&runner->process, SIGTERM);
        process_signal(&runner->process, SIGCONT);
        runner->term_at_ms = runner->kill_at_ms;
    }
}

void runner_check_time(Runner *runner, int64_t now_ms, int hello_timeout_ms)
{
    check_stop(runner, now_ms);
    if (runner->held_ms > 0) {
        return;
    }
    if (!runner->said_hello && now_ms - runner->started_ms > hello_timeout_ms) {
        runner_blame(runner, now_ms, ERROR_TIMEOUT, "it did not say hello in time");
    } else if (runner->quiet_ms > 0 && now_ms - runner->quiet_ms > RUNNER_LINGER_MS) {
        if (runner->end.kind == MESSAGE_NONE) {
            runner_blame(runner, now_ms, ERROR_CRASH, "it closed its channel and did not end");
        }
        runner_kill(runner, now_ms);
    }
}

bool runner_check_progress(Runner *runner, int64_t now_ms, int64_t timeout_ms)
{
    enum { TELL_AFTER_MS = 5000 };
    if (!runner->said_hello || runner->ended || runner->end.kind != MESSAGE_NONE) {
        return false;
    }
    StallReading reading = {.work = runner->work, .loading = runner->opened && runner->work == 0};
    stall_read_process(runner->root, runner->process.pid, &reading);
    reading.held = runner->held_ms > 0;
    const bool hangs = stall_look(&runner->stall, now_ms, &reading) >= timeout_ms && timeout_ms > 0;
    if (hangs) {
        char why[128];
        (void)snprintf(why, sizeof why, "it hung: it did not get on for %lld s",
                       (long long)timeout_ms / 1000);
        runner_blame(runner, now_ms, ERROR_TIMEOUT, why);
    }
    const bool told = runner->told_stopped;
    runner->told_stopped = runner->stall.stopped_ms >= TELL_AFTER_MS;
    return runner->told_stopped && !told;
}

void runner_check_memory(Runner *runner, int64_t now_ms)
{
    if (runner->limit.bytes == 0 || runner->ended || error_is_set(&runner->defect)) {
        return;
    }
    const int64_t used_bytes = limit_used(runner->root, runner->process.pid);
    if (limit_is_over(&runner->limit, used_bytes)) {
        char used[32];
        char limit[32];
        char why[128];
        (void)snprintf(why, sizeof why, "it took %s of memory, its limit is %s",
                       format_gigabytes(used_bytes, used, sizeof used),
                       format_gigabytes(runner->limit.bytes, limit, sizeof limit));
        runner->over_limit = true;
        runner_blame(runner, now_ms, ERROR_MEMORY, why);
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

/* One that does not react when it is asked to stop: that is not its video's fault. */
static bool was_ended_by_us(const Runner *runner)
{
    const int number = WIFSIGNALED(runner->wait_status) ? WTERMSIG(runner->wait_status) : 0;
    return runner->end.kind == MESSAGE_NONE && !error_is_set(&runner->defect) &&
           (number == SIGTERM || number == SIGKILL);
}

/* Whether a failure for want of memory is that of its own limit: as far as was not seen by the supervisor's
 * look. */
static bool is_own_limit(const Runner *runner, int64_t own_kills)
{
    const Limit *limit = &runner->limit;
    if (limit->bytes == 0 || error_is_set(&runner->defect)) {
        return runner->over_limit;
    }
    if (limit->group.folder != NULL) {
        return own_kills > 0 && group_was_full(&limit->group);
    }
    return WIFEXITED(runner->wait_status) && WEXITSTATUS(runner->wait_status) == EXIT_OVER_DATA_LIMIT;
}

Status runner_outcome(Runner *runner, const char *input, VideoResult *result, Error *err)
{
    if (runner->end.kind == MESSAGE_DONE) {
        *result = runner->end.result;
        return STATUS_OK;
    }
    const bool interrupted =
        runner->end.kind == MESSAGE_FAILED && runner->end.error.class_ == ERROR_INTERRUPTED;
    if (runner->stopping && (interrupted || was_ended_by_us(runner))) {
        return STATUS_STOPPED;
    }
    if (interrupted) {
        return error_set(err, ERROR_KILLED, "the worker ended", input,
                         "somebody asked it to stop (SIGTERM, SIGINT or SIGHUP)");
    }
    const int64_t own_kills = group_oom_kills(&runner->limit.group);
    runner->over_limit = is_own_limit(runner, own_kills);
    if (runner->end.kind == MESSAGE_FAILED) {
        *err = runner->end.error;
        runner->over_limit = runner->over_limit && err->class_ == ERROR_MEMORY;
        return STATUS_FAILED;
    }
    video_log_stderr(&runner->log, "\n", 1);
    const Death death = {.wait_status = runner->wait_status,
                         .defect = &runner->defect,
                         .last_line = runner->log.last_line,
                         .before = runner->oom_kills_before,
                         .after = death_oom_kills(runner->root),
                         .in_group = own_kills >= 0,
                         .own_kills = own_kills,
                         .limit_bytes = runner->limit.bytes,
                         .over_limit = runner->over_limit};
    death_explain(&death, input, err);
    runner->over_limit = runner->over_limit && err->class_ == ERROR_MEMORY;
    return STATUS_FAILED;
}

void runner_free(Runner *runner)
{
    if (!runner->ended) {
        process_end(&runner->process, END_WAIT_MS);
    }
    process_close(&runner->process);
    limiter_end(runner->limiter, &runner->limit);
    line_buffer_free(&runner->inbox);
    video_log_close(&runner->log);
    message_free(&runner->end);
    *runner = (Runner){0};
}
