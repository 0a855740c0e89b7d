#include "batch/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"

enum { LOOP_MS = 100, HELLO_TIMEOUT_MS = 60000, KILL_WAIT_MS = 300 };

/* ---- telling ---- */

void batch_tell(const Batch *batch, Event *event)
{
    event->wall_s = clock_wall_s();
    event->now_ms = batch->now_ms;
    if (batch->hooks.event != NULL) {
        batch->hooks.event(batch->hooks.context, event);
    }
}

void batch_tell_video(const Batch *batch, EventKind kind, const Item *item)
{
    batch_tell(batch, &(Event){.kind = kind, .video = &item->report});
}

void batch_warn(const Batch *batch, const Item *item, const char *text)
{
    batch_tell(batch, &(Event){.kind = EVENT_WARNING,
                               .video = item != NULL ? &item->report : NULL,
                               .level = LOG_LEVEL_WARN,
                               .text = text});
}

/* ---- signals ---- */

void batch_begin_stopping(Batch *batch, LogLevel level, const char *text)
{
    batch->stopping = true;
    const int64_t grace_ms = (int64_t)(1000.0 * batch->settings->stop_grace_s);
    batch_tell(batch, &(Event){.kind = EVENT_BATCH_STOPPING, .level = level, .text = text});
    probe_close(&batch->probe);
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            runner_stop(&batch->runners[i], batch->now_ms, grace_ms);
        }
    }
}

static void stop_for_signal(Batch *batch, int number)
{
    char name[32];
    const char *short_name = sigabbrev_np(number);
    (void)snprintf(name, sizeof name, "SIG%s", short_name != NULL ? short_name : "?");
    batch_begin_stopping(batch, LOG_LEVEL_INFO, name);
}

static void kill_all(Batch *batch)
{
    batch->killed = true;
    batch->kill_at_ms = batch->now_ms + KILL_WAIT_MS;
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            runner_kill(&batch->runners[i], batch->now_ms);
        }
    }
}

static void signal_workers(const Batch *batch, int number)
{
    process_signal(&batch->probe.process, number);
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            process_signal(&batch->runners[i].process, number);
        }
    }
}

/* Ctrl+Z: workers have process groups of their own, so they must be told. */
static void suspend(Batch *batch)
{
    if (batch->hooks.suspend != NULL) {
        batch->hooks.suspend(batch->hooks.context);
    }
    signal_workers(batch, SIGSTOP);
    const int64_t before_ms = clock_now_ms();
    (void)kill(getpid(), SIGSTOP);
    signal_workers(batch, SIGCONT);
    batch->now_ms = clock_now_ms();
    const int64_t away_ms = batch->now_ms - before_ms;
    batch->probe.asked_ms += away_ms;
    for (size_t i = 0; i < batch->slots; i++) {
        runner_skip_time(&batch->runners[i], away_ms);
    }
}

static void take_signals(Batch *batch)
{
    for (int number = signals_next(&batch->signals); number != 0; number = signals_next(&batch->signals)) {
        if (number == SIGTSTP) {
            suspend(batch);
        } else if (number != SIGCHLD && batch->stopping) {
            kill_all(batch);
        } else if (number != SIGCHLD) {
            stop_for_signal(batch, number);
        }
    }
}

/* ---- the loop ---- */

static void wait_for_news(Batch *batch)
{
    nfds_t count = 0;
    struct pollfd *files = batch->files;
    files[count++] = (struct pollfd){.fd = batch->signals.fd, .events = POLLIN};
    files[count++] = (struct pollfd){.fd = batch->probe.process.channel, .events = POLLIN};
    files[count++] = (struct pollfd){.fd = batch->probe.process.errors, .events = POLLIN};
    for (size_t i = 0; i < batch->slots; i++) {
        const Runner *runner = &batch->runners[i];
        files[count++] = (struct pollfd){.fd = runner->used ? runner->process.channel : -1, .events = POLLIN};
        files[count++] = (struct pollfd){.fd = runner->used ? runner->process.errors : -1, .events = POLLIN};
    }
    (void)poll(files, count, LOOP_MS);
    batch->now_ms = clock_now_ms();
}

static void tick(Batch *batch)
{
    if (batch->hooks.tick != NULL && batch->now_ms - batch->ticked_ms >= LOOP_MS) {
        batch->ticked_ms = batch->now_ms;
        batch->hooks.tick(batch->hooks.context, batch->now_ms);
    }
}

static void run_loop(Batch *batch)
{
    batch_ask_about_outputs(batch);
    batch_start_videos(batch);
    while (batch->running > 0 || (batch->settled < batch->plan->count && !batch->stopping)) {
        wait_for_news(batch);
        take_signals(batch);
        batch_listen(batch);
        batch_sample_memory(batch);
        if (batch->stopping) {
            if (batch->now_ms >= batch->kill_at_ms && batch->killed) {
                break; /* what hangs in the kernel is left to it */
            }
        } else {
            batch_ask_about_outputs(batch);
            batch_start_videos(batch);
        }
        tick(batch);
    }
}

/* ---- before and after ---- */

static void batch_open(Batch *batch)
{
    const Plan *plan = batch->plan;
    batch->slots = batch->settings->jobs > 0 ? (size_t)batch->settings->jobs : 1;
    batch->slots = batch->slots < plan->count ? batch->slots : plan->count;
    batch->items = memory_alloc(plan->count, sizeof *batch->items);
    batch->runners = memory_alloc(batch->slots, sizeof *batch->runners);
    batch->files = memory_alloc(3 + 2 * batch->slots, sizeof *batch->files);
    batch->settings_json = settings_to_json(batch->settings);
    probe_init(&batch->probe, batch->hooks.worker_executable, batch->settings->sandbox,
               batch->hooks.probe_timeout_ms);
    for (size_t i = 0; i < plan->count; i++) {
        const PlanItem *item = &plan->items[i];
        batch->input_bytes += item->size_bytes > 0 ? item->size_bytes : 0;
        batch->items[i].report = (VideoReport){
            .position = item->position,
            .ordinal = (int)i + 1,
            .input = item->input,
            .output = item->output,
            .log = item->log,
            .size_bytes = item->size_bytes,
            .eta_s = -1.0,
        };
    }
}

static void batch_close(Batch *batch)
{
    probe_close(&batch->probe);
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            (void)unlink(batch->plan->items[batch->runners[i].item].temporary);
            runner_free(&batch->runners[i]);
        }
    }
    json_decref(batch->settings_json);
    memory_free(batch->items);
    memory_free(batch->runners);
    memory_free(batch->files);
}

static void tell_beginning(Batch *batch)
{
    const Plan *plan = batch->plan;
    batch_tell(batch, &(Event){.kind = EVENT_BATCH_STARTED,
                               .videos = (int)plan->count,
                               .found = (int)plan->found,
                               .input_bytes = batch->input_bytes,
                               .source = plan->source,
                               .output_dir = plan->output_dir});
    const int removed = lock_remove_stale(plan->output_dir);
    if (removed > 0) {
        char text[96];
        (void)snprintf(text, sizeof text, _("unfinished files of an earlier run were removed: %d"), removed);
        batch_warn(batch, NULL, text);
    }
    batch_sample_memory(batch);
}

static void tell_end(Batch *batch)
{
    Statistics *statistics = &batch->statistics;
    statistics->planned = (int)batch->plan->count;
    statistics->interrupted = batch->stopping && !error_is_set(&batch->shared);
    statistics->not_started =
        statistics->planned - statistics->done - statistics->skipped - statistics->failed;
    statistics->elapsed_s = (double)(clock_now_ms() - batch->began_ms) / 1000.0;
    batch_tell(batch, &(Event){.kind = EVENT_BATCH_DONE, .statistics = statistics});
}

static BatchHooks with_defaults(const BatchHooks *given)
{
    BatchHooks hooks = given != NULL ? *given : (BatchHooks){0};
    hooks.proc_root = hooks.proc_root != NULL ? hooks.proc_root : "/proc";
    hooks.group_root = hooks.group_root != NULL ? hooks.group_root : "/sys/fs/cgroup";
    hooks.hello_timeout_ms = hooks.hello_timeout_ms > 0 ? hooks.hello_timeout_ms : HELLO_TIMEOUT_MS;
    return hooks;
}

Status batch_run(const Settings *settings, const Plan *plan, const BatchHooks *hooks, BatchResult *result,
                 Error *err)
{
    *result = (BatchResult){0};
    Batch batch = {.settings = settings, .plan = plan, .hooks = with_defaults(hooks), .signals = {.fd = -1}};
    Lock lock;
    if (lock_take(&lock, plan->state_dir, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Status status = signals_install(&batch.signals, err);
    if (status == STATUS_OK) {
        batch.began_ms = clock_now_ms();
        batch.now_ms = batch.began_ms;
        batch_open(&batch);
        tell_beginning(&batch);
        run_loop(&batch);
        batch_close(&batch);
        tell_end(&batch);
        *result = (BatchResult){.done = batch.statistics.done,
                                .skipped = batch.statistics.skipped,
                                .failed = batch.statistics.failed,
                                .interrupted = batch.statistics.interrupted,
                                .statistics = batch.statistics};
        if (error_is_set(&batch.shared)) {
            *err = batch.shared;
            status = STATUS_FAILED;
        }
    }
    signals_restore(&batch.signals, batch.stopping);
    lock_release(&lock);
    return status;
}

void batch_result_free(BatchResult *result)
{
    statistics_free(&result->statistics);
    *result = (BatchResult){0};
}
