#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "batch/batch_internal.h"
#include "report/i18n.h"

/* The old system's threshold (brief, row 3); a warning is over when use is clearly below it. */
static const double warn_percent = 85.0;
static const double calm_percent = 80.0;
enum { SAMPLE_MS = 250 };

/* ---- is the output there already? ---- */

static void settle(Batch *batch, Item *item)
{
    item->state = ITEM_SETTLED;
    batch->settled++;
}

static void take_answer(Batch *batch, const ProbeAnswer *answer)
{
    Item *item = &batch->items[batch->probe_item];
    if (answer->complete) {
        batch->statistics.skipped++;
        settle(batch, item);
        batch_tell_video(batch, EVENT_VIDEO_SKIPPED, item);
        return;
    }
    char text[sizeof answer->why + 128];
    (void)snprintf(text, sizeof text, _("the output there is not complete, it is made anew: %s"),
                   answer->why);
    item->state = ITEM_READY;
    batch_warn(batch, item, text);
}

static void ask_about(Batch *batch, size_t index)
{
    Error err = {0};
    const PlanItem *planned = &batch->plan->items[index];
    Item *item = &batch->items[index];
    if (!file_exists(planned->output)) {
        item->state = ITEM_READY;
    } else if (probe_ask(&batch->probe, planned->input, planned->output, batch->now_ms, &err) == STATUS_OK) {
        item->state = ITEM_ASKED;
        batch->probe_item = index;
    } else {
        item->state = ITEM_READY;
        batch_warn(batch, item, _("whether its output is complete cannot be found out, it is made anew"));
    }
}

void batch_ask_about_outputs(Batch *batch)
{
    ProbeAnswer answer;
    if (batch->probe.asked) {
        if (probe_poll(&batch->probe, batch->now_ms, &answer) != STATUS_OK) {
            return;
        }
        take_answer(batch, &answer);
    }
    while (!batch->probe.asked && batch->probe_next < batch->plan->count) {
        ask_about(batch, batch->probe_next++);
    }
    if (!batch->probe.asked && batch->probe_next == batch->plan->count) {
        probe_close(&batch->probe);
    }
}

/* ---- start ---- */

/* Reads the machine's memory; a failed reading keeps the last one. */
static void read_memory(Batch *batch)
{
    MemoryReading reading;
    if (memory_read(batch->hooks.proc_root, &reading, NULL) == STATUS_OK) {
        batch->memory = reading;
    }
}

static void tell_memory(const Batch *batch, const Item *item, MemoryMoment moment)
{
    if (batch->memory.total_bytes > 0) {
        batch_tell(batch, &(Event){.kind = EVENT_MEMORY,
                                   .video = &item->report,
                                   .moment = moment,
                                   .memory = batch->memory,
                                   .difference_bytes = batch->memory.used_bytes - item->used_before_bytes});
    }
}

static void fail(Batch *batch, Item *item, const Error *error)
{
    item->report.error = *error;
    statistics_add_failure(&batch->statistics, item->report.position, item->report.input, error);
    settle(batch, item);
    batch_tell_video(batch, EVENT_VIDEO_FAILED, item);
}

static void start_video(Batch *batch, size_t index, Runner *runner)
{
    const PlanItem *planned = &batch->plan->items[index];
    Item *item = &batch->items[index];
    const Message job = {
        .kind = MESSAGE_JOB,
        .settings = batch->settings_json,
        .input = planned->input,
        .output = planned->output,
        .temporary = planned->temporary,
        .folder = planned->folder,
        .key = "00000000000000000000000000000000",
        .source = batch->plan->source,
    };
    Error err = {0};
    read_memory(batch);
    item->used_before_bytes = batch->memory.used_bytes;
    item->started_ms = batch->now_ms;
    const RunnerConfig config = {.executable = batch->hooks.worker_executable,
                                 .log_path = planned->log,
                                 .proc_root = batch->hooks.proc_root,
                                 .group_root = batch->hooks.group_root};
    if (runner_start(runner, &config, &job, batch->now_ms, &err) != STATUS_OK) {
        fail(batch, item, &err);
        return;
    }
    runner->item = index;
    item->state = ITEM_RUNNING;
    item->report.worker = runner->process.pid;
    batch->running++;
    batch_tell_video(batch, EVENT_VIDEO_STARTED, item);
    if (runner->log.fd < 0) {
        batch_warn(batch, item, _("its log file cannot be written, it goes without one"));
    }
    tell_memory(batch, item, MEMORY_MOMENT_BEFORE);
}

static Runner *free_runner(Batch *batch)
{
    for (size_t i = 0; i < batch->slots; i++) {
        if (!batch->runners[i].used) {
            return &batch->runners[i];
        }
    }
    return NULL;
}

void batch_start_videos(Batch *batch)
{
    for (size_t i = 0; i < batch->plan->count; i++) {
        Runner *runner = free_runner(batch);
        const ItemState state = batch->items[i].state;
        if (runner == NULL || state == ITEM_NEW || state == ITEM_ASKED) {
            return; /* videos start in the plan's order */
        }
        if (state == ITEM_READY) {
            start_video(batch, i, runner);
        }
    }
}

/* ---- while it runs ---- */

static void update_progress(const Batch *batch, Item *item, const Message *message)
{
    VideoReport *report = &item->report;
    report->frames_done = message->frames;
    report->fps = message->fps;
    report->elapsed_s = (double)(batch->now_ms - item->started_ms) / 1000.0;
    const int64_t left = report->frames_total - report->frames_done;
    report->eta_s =
        report->frames_total > 0 && report->fps > 0 ? (double)(left > 0 ? left : 0) / report->fps : -1.0;
}

static void take_message(const Batch *batch, Item *item, const Message *message)
{
    VideoReport *report = &item->report;
    switch (message->kind) {
    case MESSAGE_STARTED:
        report->width = message->width;
        report->height = message->height;
        report->frame_rate = message->frame_rate;
        report->duration_s = message->duration_s;
        report->frames_total = message->frames;
        (void)snprintf(report->codec, sizeof report->codec, "%s", message->codec);
        batch_tell_video(batch, EVENT_VIDEO_OPENED, item);
        break;
    case MESSAGE_PROGRESS:
        update_progress(batch, item, message);
        batch_tell_video(batch, EVENT_PROGRESS, item);
        break;
    case MESSAGE_LOG:
        batch_tell(
            batch,
            &(Event){.kind = EVENT_LOG, .video = report, .level = message->level, .text = message->text});
        break;
    default:
        break;
    }
}

static void listen_once(Batch *batch, Runner *runner)
{
    Item *item = &batch->items[runner->item];
    Message message;
    while (runner_next(runner, batch->now_ms, &message) == STATUS_OK) {
        take_message(batch, item, &message);
        message_free(&message);
    }
}

static Status publish(Batch *batch, size_t index, const VideoResult *result, Error *err)
{
    const PlanItem *planned = &batch->plan->items[index];
    Item *item = &batch->items[index];
    if (file_publish(planned->temporary, planned->output, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    item->report.result = *result;
    item->report.result.output_bytes = file_size(planned->output);
    if (item->report.result.peak_rss_bytes < item->report.peak_rss_bytes) {
        item->report.result.peak_rss_bytes = item->report.peak_rss_bytes;
    }
    item->report.frames_done = result->frames;
    return STATUS_OK;
}

/* Whether every other video would fail alike: before its first frame, for the source picture or a model. */
static bool is_shared(const Batch *batch, const Item *item, const Error *error)
{
    const char *source = batch->plan->source;
    if (item->report.frames_done > 0) {
        return false;
    }
    if (error->class_ == ERROR_INPUT || error->class_ == ERROR_ENVIRONMENT) {
        return source != NULL && strncmp(error->file, source, sizeof error->file - 1) == 0;
    }
    return error->class_ == ERROR_MODEL;
}

/* It did not get an output: by itself, or because the batch is being stopped. */
static void end_without_output(Batch *batch, Item *item, Status status, const Error *error)
{
    const bool shared = is_shared(batch, item, error);
    if (shared && !batch->stopping) {
        char line[1600];
        batch->shared = *error;
        batch_begin_stopping(batch, LOG_LEVEL_ERROR, error_text(error, line, sizeof line));
    }
    if (batch->stopping && (shared || status == STATUS_STOPPED)) {
        settle(batch, item);
        batch_tell_video(batch, EVENT_VIDEO_STOPPED, item);
    } else {
        fail(batch, item, error);
    }
}

static void end_video(Batch *batch, Runner *runner)
{
    Error err = {0};
    VideoResult result;
    const size_t index = runner->item;
    Item *item = &batch->items[index];
    Status status = runner_outcome(runner, item->report.input, &result, &err);
    item->report.elapsed_s = (double)(batch->now_ms - item->started_ms) / 1000.0;
    if (status == STATUS_OK) {
        status = publish(batch, index, &result, &err);
    }
    char line[1600];
    video_log_line(&runner->log, "runbatch",
                   status == STATUS_OK ? "done" : error_text(&err, line, sizeof line));
    runner_free(runner);
    batch->running--;
    if (item->report.peak_rss_bytes > batch->statistics.peak_rss_bytes) {
        batch->statistics.peak_rss_bytes = item->report.peak_rss_bytes;
    }
    if (status == STATUS_OK) {
        statistics_add_done(&batch->statistics, &item->report.result);
        settle(batch, item);
        batch_tell_video(batch, EVENT_VIDEO_DONE, item);
    } else {
        (void)unlink(batch->plan->items[index].temporary);
        end_without_output(batch, item, status, &err);
    }
    read_memory(batch);
    tell_memory(batch, item, MEMORY_MOMENT_AFTER);
}

void batch_listen(Batch *batch)
{
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        if (!runner->used) {
            continue;
        }
        const bool ended = runner_reap(runner);
        /* after its end all that is left is read, so that its last words count */
        bool got = true;
        do {
            got = runner_read(runner, batch->now_ms);
            listen_once(batch, runner);
        } while (ended && got);
        runner_check_time(runner, batch->now_ms, batch->hooks.hello_timeout_ms);
        if (ended) {
            end_video(batch, runner);
        }
    }
}

/* ---- memory ---- */

static void sample_workers(Batch *batch)
{
    for (size_t i = 0; i < batch->slots; i++) {
        Runner *runner = &batch->runners[i];
        ProcessMemory memory;
        if (runner->used) {
            runner_check_progress(runner, batch->now_ms,
                                  (int64_t)(1000.0 * batch->settings->stall_timeout_s));
        }
        if (runner->used && !runner->ended &&
            memory_read_process(batch->hooks.proc_root, runner->process.pid, &memory, NULL) == STATUS_OK) {
            VideoReport *report = &batch->items[runner->item].report;
            report->rss_bytes = memory.rss_bytes;
            if (memory.peak_rss_bytes > report->peak_rss_bytes) {
                report->peak_rss_bytes = memory.peak_rss_bytes;
            }
        }
    }
}

void batch_sample_memory(Batch *batch)
{
    if (batch->sampled_ms != 0 && batch->now_ms - batch->sampled_ms < SAMPLE_MS) {
        return;
    }
    batch->sampled_ms = batch->now_ms;
    sample_workers(batch);
    if (memory_read(batch->hooks.proc_root, &batch->memory, NULL) != STATUS_OK) {
        return;
    }
    const double percent = memory_used_percent(&batch->memory);
    if (!batch->memory_high && percent > warn_percent) {
        char text[96];
        (void)snprintf(text, sizeof text, _("memory is at %.1f %%, above %.0f %%"), percent, warn_percent);
        batch->memory_high = true;
        batch->statistics.memory_warnings++;
        batch_warn(batch, NULL, text);
    } else if (batch->memory_high && percent < calm_percent) {
        batch->memory_high = false;
    }
}
