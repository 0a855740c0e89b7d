#include "batch/one_job.h"

#include <poll.h>

#include "base/clock.h"
#include "batch/runner.h"

enum { LOOK_MS = 100, HELLO_MS = 30000, GRACE_MS = 500 };

static void drain(Runner *runner, int64_t now_ms)
{
    Message message;
    while (runner_read(runner, now_ms)) {
        while (runner_next(runner, now_ms, &message) == STATUS_OK) {
            message_free(&message);
        }
    }
    while (runner_next(runner, now_ms, &message) == STATUS_OK) {
        message_free(&message);
    }
}

static void wait_for_end(Runner *runner, const Settings *settings, const volatile sig_atomic_t *stop)
{
    const int64_t stall_ms = (int64_t)(1000.0 * settings->stall_timeout_s);
    bool asked = false;
    while (!runner_reap(runner)) {
        struct pollfd files[2] = {{.fd = runner->process.channel, .events = POLLIN},
                                  {.fd = runner->process.errors, .events = POLLIN}};
        (void)poll(files, 2, LOOK_MS);
        const int64_t now_ms = clock_now_ms();
        drain(runner, now_ms);
        if (*stop && !asked) {
            asked = true;
            runner_stop(runner, now_ms, 0);
        }
        runner_check_time(runner, now_ms, HELLO_MS);
        (void)runner_check_progress(runner, now_ms, stall_ms);
        runner_check_memory(runner, now_ms);
    }
    drain(runner, clock_now_ms());
}

Status one_job_run(const Settings *settings, const Message *job, const volatile sig_atomic_t *stop,
                   VideoResult *result, Error *err)
{
    Runner runner;
    Limiter *limiter = settings->max_memory_bytes > 0 ? limiter_new(&(LimiterConfig){.root = "/"}) : NULL;
    const RunnerConfig config = {
        .log_path = "/dev/null", .root = "/", .limiter = limiter, .memory_bytes = settings->max_memory_bytes};
    Status status = runner_start(&runner, &config, job, clock_now_ms(), err);
    if (status == STATUS_OK) {
        wait_for_end(&runner, settings, stop);
        status = runner_outcome(&runner, job->input, result, err);
        runner_free(&runner);
    }
    limiter_free(&limiter);
    return status;
}
