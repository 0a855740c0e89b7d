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
#include "worker/sandbox_job.h"

enum { LOOP_MS = 100, IDLE_MS = 250, HELLO_TIMEOUT_MS = 60000, KILL_WAIT_MS = 300, LAST_CLEANING_MS = 500 };

/* ---- telling ---- */

void batch_tell(Batch *batch, Event *event)
{
    event->wall_s = clock_wall_s();
    event->now_ms = batch->now_ms;
    if (batch->hooks.event != NULL) {
        batch->hooks.event(batch->hooks.context, event);
    }
    record_event(batch, event);
}

void batch_tell_video(Batch *batch, EventKind kind, const Video *video, const char *text)
{
    batch_tell(batch, &(Event){.kind = kind, .video = &video->report, .text = text});
}

void batch_warn(Batch *batch, const Video *video, const char *text)
{
    batch_tell(batch, &(Event){.kind = EVENT_WARNING,
                               .video = video != NULL ? &video->report : NULL,
                               .level = LOG_LEVEL_WARN,
                               .text = text});
}

/* ---- signals ---- */

void batch_begin_stopping(Batch *batch, LogLevel level, const char *text)
{
    batch->stopping = true;
    const int64_t grace_ms = (int64_t)(1000.0 * batch->settings->stop_grace_s);
    record_run_state(batch, "stopping", text);
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
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            runner_kill(&batch->runners[i], batch->now_ms);
        }
    }
}

static void suspend_workers(const Batch *batch)
{
    process_signal(&batch->probe.process, SIGSTOP);
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            process_signal(&batch->runners[i].process, SIGSTOP);
        }
    }
}

static void continue_workers(Batch *batch, int64_t away_ms)
{
    process_signal(&batch->probe.process, SIGCONT);
    batch->probe.asked_ms += away_ms;
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        if (runner->used && runner->held_ms == 0) {
            process_signal(&runner->process, SIGCONT);
        }
        runner_skip_time(runner, away_ms);
    }
}

/* Ctrl+Z: workers have process groups of their own, so they must be told. */
static void suspend(Batch *batch)
{
    if (batch->hooks.suspend != NULL) {
        batch->hooks.suspend(batch->hooks.context);
    }
    suspend_workers(batch);
    const int64_t before_ms = clock_now_ms();
    (void)kill(getpid(), SIGSTOP);
    batch->now_ms = clock_now_ms();
    continue_workers(batch, batch->now_ms - before_ms);
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
    int wait_ms = batch->running > 0 || batch->probe.asked ? LOOP_MS : IDLE_MS;
    if (!cleaner_is_idle(&batch->cleaner) || batch->tidy_count > 0 || batch_has_outputs_to_ask(batch)) {
        wait_ms = 0;
    }
    (void)poll(files, count, wait_ms);
    batch->now_ms = clock_now_ms();
}

static void tick(Batch *batch)
{
    if (batch->hooks.tick != NULL && batch->now_ms - batch->ticked_ms >= LOOP_MS) {
        batch->ticked_ms = batch->now_ms;
        batch->hooks.tick(batch->hooks.context, batch->now_ms);
    }
}

/* A few files a turn, so that nothing waits for it. */
static void clean_up(Batch *batch)
{
    bool stays = false;
    if (frames_step(batch)) {
        return; /* before the folders they lie in */
    }
    const char *name = cleaner_step(&batch->cleaner, &stays);
    if (name != NULL && stays) {
        char text[512];
        (void)snprintf(
            text, sizeof text,
            _("the work folder of %s stays: something in it is not runbatch's, or cannot be removed"), name);
        batch_warn(batch, NULL, text);
    }
}

/* Workers that hang in the kernel are left to it. */
static bool all_are_lost(const Batch *batch)
{
    bool lost = batch->stopping;
    for (size_t i = 0; i < batch->slots && lost; i++) {
        const Runner *runner = &batch->runners[i];
        lost = !runner->used || (runner->killed_ms > 0 && batch->now_ms - runner->killed_ms >= KILL_WAIT_MS);
    }
    return lost;
}

static void run_loop(Batch *batch)
{
    batch_watch(batch);
    batch_ask_about_outputs(batch);
    batch_start_videos(batch);
    while (batch->running > 0 || (batch->settled < batch->plan->count && !batch->stopping)) {
        wait_for_news(batch);
        take_signals(batch);
        batch_listen(batch);
        batch_watch_limits(batch);
        batch_watch(batch);
        clean_up(batch);
        if (all_are_lost(batch)) {
            break;
        }
        if (!batch->stopping) {
            batch_take_requests(batch);
            batch_ask_about_outputs(batch);
            batch_start_videos(batch);
            batch_tell_pause(batch);
        }
        tick(batch);
    }
    batch_stop_rest(batch);
}

/* All of it when the batch is over; what a user who waits for the end can wait for when it was stopped. */
static void clean_the_rest(Batch *batch)
{
    const int64_t began_ms = clock_now_ms();
    while ((!cleaner_is_idle(&batch->cleaner) || batch->tidy_count > 0) &&
           (!batch->stopping || clock_now_ms() - began_ms < LAST_CLEANING_MS)) {
        clean_up(batch);
    }
}

/* ---- before and after ---- */

static void batch_open(Batch *batch)
{
    const Plan *plan = batch->plan;
    batch->slots = batch->settings->jobs > 0 ? (size_t)batch->settings->jobs : PLANNER_JOBS_MOST;
    batch->slots = batch->slots < plan->count ? batch->slots : plan->count;
    items_open(batch);
    batch->runners = memory_alloc(batch->slots, sizeof *batch->runners);
    governing_open(batch);
    choosing_open(batch);
    batch->files = memory_alloc(3 + 2 * batch->slots, sizeof *batch->files);
    batch->settings_json = settings_to_json(batch->settings);
    probe_init(&batch->probe, batch->hooks.worker_executable, batch->settings->sandbox,
               batch->hooks.probe_timeout_ms);
    cleaner_open(&batch->cleaner, plan->state_dir);
    for (size_t i = 0; i < plan->count; i++) {
        const int64_t size_bytes = plan->items[i].size_bytes;
        batch->input_bytes += size_bytes > 0 ? size_bytes : 0;
    }
    /* where it fails every worker will, and tell why */
    (void)recipe_book_new(&batch->book, batch->settings, &plan->sources, plan->people, NULL);
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
    limiter_free(&batch->limiter);
    sharing_close(batch);
    items_close(batch);
    cleaner_close(&batch->cleaner);
    video_memory_close(batch);
    recipe_book_free(&batch->book);
    json_decref(batch->settings_json);
    memory_free(batch->tidy);
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
                               .sources = &plan->sources,
                               .output_dir = plan->output_dir});
    for (size_t i = 0; i < batch->unguarded.count; i++) {
        batch_warn(batch, NULL, batch->unguarded.items[i]);
    }
    limits_open(batch);
    const int removed = lock_remove_stale(plan->output_dir);
    if (removed > 0) {
        char text[96];
        (void)snprintf(text, sizeof text, _("unfinished files of an earlier run were removed: %d"), removed);
        batch_warn(batch, NULL, text);
    }
    record_plan(batch);
    cleaner_add_old_logs(&batch->cleaner, clock_wall_s());
    cleaner_remove_old_stores(plan->state_dir, clock_wall_s());
}

static void tell_end(Batch *batch)
{
    Statistics *statistics = &batch->statistics;
    statistics->planned = (int)batch->plan->count;
    statistics->interrupted = batch->stopping && !error_is_set(&batch->shared);
    statistics->not_started = statistics->planned - statistics->done - statistics->skipped -
                              statistics->failed - statistics->cancelled - statistics->refused;
    statistics->elapsed_s = (double)(clock_now_ms() - batch->began_ms) / 1000.0;
    batch_tell(batch, &(Event){.kind = EVENT_BATCH_DONE, .statistics = statistics});
}

static BatchHooks with_defaults(const BatchHooks *given)
{
    BatchHooks hooks = given != NULL ? *given : (BatchHooks){0};
    hooks.root = hooks.root != NULL ? hooks.root : "/";
    hooks.hello_timeout_ms = hooks.hello_timeout_ms > 0 ? hooks.hello_timeout_ms : HELLO_TIMEOUT_MS;
    return hooks;
}

static void run(Batch *batch)
{
    batch_open(batch);
    tell_beginning(batch);
    run_loop(batch);
    clean_the_rest(batch);
    tell_end(batch);
    record_close(batch);
    batch_close(batch);
}

Status batch_run(const Settings *settings, const Plan *plan, const BatchHooks *hooks, BatchResult *result,
                 Error *err)
{
    *result = (BatchResult){0};
    Batch batch = {.settings = settings, .plan = plan, .hooks = with_defaults(hooks), .signals = {.fd = -1}};
    Lock lock;
    if (sandbox_check(settings->sandbox, batch.hooks.sandbox, &batch.unguarded, err) != STATUS_OK ||
        lock_take(&lock, plan->state_dir, err) != STATUS_OK) {
        text_list_free(&batch.unguarded);
        return STATUS_FAILED;
    }
    batch.began_ms = clock_now_ms();
    batch.now_ms = batch.began_ms;
    Status status = record_open(&batch, err);
    if (status == STATUS_OK) {
        status = signals_install(&batch.signals, err);
    }
    if (status == STATUS_OK) {
        run(&batch);
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
    store_close(&batch.store);
    lock_release(&lock);
    text_list_free(&batch.unguarded);
    return status;
}

void batch_result_free(BatchResult *result)
{
    statistics_free(&result->statistics);
    *result = (BatchResult){0};
}
