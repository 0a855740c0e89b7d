#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "batch/unfinished.h"
#include "batch/verdict.h"
#include "report/i18n.h"
#include "worker/provenance.h"

/* ---- for good ---- */

/* The work folder is of no use any more. */
static void clean(Batch *batch, Video *video)
{
    if (video->row.work != NULL) {
        cleaner_add_work(&batch->cleaner, video->row.output);
        memory_free(video->row.work);
        video->row.work = NULL;
        video->report.chunks = 0;
    }
}

/* A work folder is kept for its chunks. */
static void clean_if_empty(Batch *batch, Video *video)
{
    if (!cleaner_has_chunks(batch->plan->state_dir, video->row.output)) {
        clean(batch, video);
    }
}

static void set_aside(Batch *batch, size_t index, const char *decision)
{
    Video *video = batch->items[index].video;
    Error *error = &video->row.error;
    char why[sizeof error->why];
    (void)snprintf(why, sizeof why, "its worker died of it again and again, the last time: %.400s",
                   error->why);
    text_copy(error->why, sizeof error->why, why);
    error->todo[0] = '\0';
    error_advise(error, "the next runbatch tries it again, from chunk %d on", video->report.chunks);
    video->report.error = *error;
    clean_if_empty(batch, video);
    record_ended(batch, video, VIDEO_SET_ASIDE, "failed", decision);
    batch->statistics.set_aside++;
    statistics_add_failure(&batch->statistics, video->report.position, video->report.input, error);
    batch_tell_video(batch, EVENT_VIDEO_SET_ASIDE, video, NULL);
    items_settle(batch, index);
}

static void refuse(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    video->report.error = video->row.error;
    clean(batch, video);
    record_ended(batch, video, VIDEO_REFUSED, "refused", "");
    batch->statistics.refused++;
    batch_tell_video(batch, EVENT_VIDEO_REFUSED, video, NULL);
    items_settle(batch, index);
}

static void fail(Batch *batch, size_t index, const char *decision)
{
    Video *video = batch->items[index].video;
    const Error *error = &video->row.error;
    video->report.error = *error;
    /* an input that cannot be read at all may be on a disk that is not there for the moment */
    if (error->class_ == ERROR_INPUT && video->recipe_known && file_exists(video->report.input)) {
        clean(batch, video);
    } else {
        clean_if_empty(batch, video);
    }
    record_ended(batch, video, VIDEO_FAILED, "failed", decision);
    statistics_add_failure(&batch->statistics, video->report.position, video->report.input, error);
    batch_tell_video(batch, EVENT_VIDEO_FAILED, video, NULL);
    items_settle(batch, index);
}

void batch_fail(Batch *batch, size_t index, const Error *error)
{
    batch->items[index].video->row.error = *error;
    fail(batch, index, "failed");
}

void batch_cancel(Batch *batch, size_t index)
{
    Video *video = items_video(batch, index);
    error_clear(&video->row.error);
    clean(batch, video);
    record_ended(batch, video, VIDEO_CANCELLED, "cancelled", "");
    batch->statistics.cancelled++;
    batch_tell_video(batch, EVENT_VIDEO_CANCELLED, video, NULL);
    items_settle(batch, index);
}

static void stopped(Batch *batch, size_t index, const char *ended)
{
    Video *video = batch->items[index].video;
    clean_if_empty(batch, video);
    record_ended(batch, video, VIDEO_STOPPED, ended, "");
    batch_tell_video(batch, EVENT_VIDEO_STOPPED, video, NULL);
    items_settle(batch, index);
}

void batch_stop_rest(Batch *batch)
{
    while (batch->again_count > 0) {
        const size_t index = batch->again[0];
        const Video *video = batch->items[index].video;
        if (video != NULL && video->report.attempt > 0) {
            stopped(batch, index, "stopped");
        } else {
            if (video != NULL) {
                record_state(batch, batch->items[index].video, VIDEO_QUEUED);
            }
            items_leave_again(batch, index);
        }
    }
}

/* ---- to go on later ---- */

static void paused(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    batch->items[index].state = ITEM_READY;
    video->decision = (RetryDecision){.action = RETRY_AGAIN};
    record_ended(batch, video, VIDEO_PAUSED, "paused", "");
    items_again(batch, index);
    batch_tell_video(batch, EVENT_VIDEO_PAUSED, video, NULL);
}

/* It ended with its chunk for the sake of memory, and goes on when there is some. */
static void made_room(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    batch->items[index].state = ITEM_READY;
    video->decision = (RetryDecision){.action = RETRY_AGAIN};
    record_ended(batch, video, VIDEO_QUEUED, video->wish == WISH_RENEW ? "renewed" : "requeued",
                 video->leaves_for);
    items_again(batch, index);
    batch_tell_video(batch, EVENT_VIDEO_WAITING, video, video->leaves_for);
}

/* It was asked to stop, and then the user wanted it to go on. */
static void go_on(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    batch->items[index].state = ITEM_READY;
    video->decision = (RetryDecision){.action = RETRY_AGAIN};
    record_ended(batch, video, VIDEO_QUEUED, "paused", "");
    items_again(batch, index);
}

static void retry(Batch *batch, size_t index, const RetryDecision *decision, const char *text)
{
    Item *item = &batch->items[index];
    Video *video = item->video;
    item->state = ITEM_WAITING;
    video->decision = *decision;
    const int64_t most_ms = batch->hooks.retry_wait_ms;
    video->due_ms =
        batch->now_ms + (most_ms > 0 && decision->wait_ms > most_ms ? most_ms : decision->wait_ms);
    video->report.error = video->row.error;
    record_ended(batch, video, item->paused ? VIDEO_PAUSED : VIDEO_WAITING, "failed", text);
    batch->statistics.retried++;
    items_again(batch, index);
    batch_tell_video(batch, EVENT_VIDEO_RETRY, video, text);
    if (item->paused) {
        batch_tell_video(batch, EVENT_VIDEO_PAUSED, video, NULL);
    }
}

/* ---- what becomes of a failure ---- */

static bool is_about(const Error *error, const char *path)
{
    return path != NULL && strncmp(error->file, path, sizeof error->file - 1) == 0;
}

/* A file that all videos have in common: the only source picture, or one that an option names. */
static bool is_about_shared_file(const Batch *batch, const Error *error)
{
    TextList files = {0};
    bool found = false;
    if (batch->plan->sources.count == 1) {
        found = is_about(error, batch->plan->sources.items[0]);
    }
    settings_files(batch->settings, &files);
    for (size_t i = 0; i < files.count && !found; i++) {
        found = is_about(error, files.items[i]);
    }
    text_list_free(&files);
    return found;
}

/* Whether every other video would fail alike: before its first frame, for such a file or a model. */
static bool is_shared(const Batch *batch, const Video *video, const Error *error)
{
    if (video->began) {
        return false;
    }
    if (error->class_ == ERROR_INPUT || error->class_ == ERROR_ENVIRONMENT) {
        return is_about_shared_file(batch, error);
    }
    return error->class_ == ERROR_MODEL;
}

static void decide(Batch *batch, size_t index, const Error *error)
{
    Video *video = batch->items[index].video;
    const RetryFailure failure = {error->class_, video->report.chunks,
                                  video->began || video->report.chunks > 0, video->over_limit};
    char text[sizeof video->attempt.decision];
    if (video->wish == WISH_CANCEL) {
        batch_cancel(batch, index); /* whatever it died of meanwhile */
        return;
    }
    video->row.error = *error;
    if (error->class_ == ERROR_REFUSED) {
        refuse(batch, index);
        return;
    }
    RetryDecision decision = retry_decide(&video->retry, &failure);
    if (decision.action == RETRY_WITH_SPACE) {
        batch_lacks_space(batch, video);
        decision.action = batch_waited_too_long(batch, video) ? RETRY_FAIL : RETRY_WITH_SPACE;
    }
    retry_text(&video->retry, &decision, text, sizeof text);
    if (decision.action == RETRY_FAIL) {
        fail(batch, index, text);
    } else if (decision.action == RETRY_SET_ASIDE) {
        set_aside(batch, index, text);
    } else if (batch->stopping) {
        stopped(batch, index, "failed");
    } else {
        retry(batch, index, &decision, text);
    }
}

void batch_fail_attempt(Batch *batch, size_t index, const Error *error)
{
    const bool shared = is_shared(batch, batch->items[index].video, error);
    if (shared && !batch->stopping) {
        char line[1600];
        batch->shared = *error;
        batch_begin_stopping(batch, LOG_LEVEL_ERROR, error_text(error, line, sizeof line));
    }
    if (shared) {
        batch->items[index].video->row.error = *error;
        stopped(batch, index, "failed");
    } else {
        decide(batch, index, error);
    }
}

/* It ended as it was asked to. */
static void end_as_asked(Batch *batch, size_t index)
{
    const Wish wish = batch->items[index].video->wish;
    if (wish == WISH_CANCEL) {
        batch_cancel(batch, index);
    } else if (batch->stopping) {
        stopped(batch, index, "stopped");
    } else if (wish == WISH_PAUSE) {
        paused(batch, index);
    } else if (wish == WISH_REQUEUE || wish == WISH_RENEW) {
        made_room(batch, index);
    } else {
        go_on(batch, index);
    }
}

/* ---- done ---- */

/* What it took in its last moments is the worker's to tell. */
static void settle_peak(Batch *batch, Video *video, VideoResult *result)
{
    VideoReport *report = &video->report;
    if (result->peak_rss_bytes < report->peak_rss_bytes) {
        result->peak_rss_bytes = report->peak_rss_bytes;
    } else if (video->row.id > 0) {
        record_sample(batch, video->row.id, result->peak_rss_bytes, 0);
    }
    report->peak_rss_bytes = result->peak_rss_bytes;
}

static void note_output(const PlanItem *planned, Video *video, const VideoResult *result)
{
    const OutputFile file = output_look(planned->output);
    VideoRow *row = &video->row;
    row->result = *result;
    row->result.output_bytes = file.bytes;
    row->output_bytes = file.bytes;
    row->output_mtime_ns = file.mtime_ns;
    video->report.result = row->result;
    video->report.frames_done = result->frames;
}

static void done(Batch *batch, size_t index, const VideoResult *result)
{
    Video *video = batch->items[index].video;
    note_output(&batch->plan->items[index], video, result);
    error_clear(&video->row.error);
    video->row.note[0] = '\0';
    clean(batch, video);
    record_ended(batch, video, VIDEO_DONE, "done", "");
    const SpaceVideo size = batch_size(batch, index);
    space_learn(&batch->history, &size, video->row.output_bytes);
    past_memory_add(&batch->past, batch->items[index].kind, &video->attempt);
    statistics_add_done(&batch->statistics, &video->report.result);
    batch_tell_video(batch, EVENT_VIDEO_DONE, video, NULL);
}

/* ---- the end of a worker ---- */

static void tell_memory_after(Batch *batch, const VideoReport *report, int64_t used_before_bytes)
{
    batch_read_memory(batch);
    if (batch->memory.total_bytes > 0) {
        batch_tell(batch, &(Event){.kind = EVENT_MEMORY,
                                   .video = report,
                                   .moment = MEMORY_MOMENT_AFTER,
                                   .memory = batch->memory,
                                   .difference_bytes = batch->memory.used_bytes - used_before_bytes});
    }
}

static void write_last_line(Runner *runner, Status status, const Error *error)
{
    char line[1600];
    const char *text = "done";
    if (status != STATUS_OK) {
        text = status == STATUS_STOPPED ? "stopped" : error_text(error, line, sizeof line);
    }
    video_log_line(&runner->log, "runbatch", text);
}

/* The sidecar first: a finished name means that it is there. */
static Status publish(const Batch *batch, const PlanItem *planned, const FileId *temporary, Error *err)
{
    const Settings *settings = batch->settings;
    const bool marked = settings->provenance && settings->frame_processors.count > 0;
    if (marked && settings->provenance_sidecar &&
        provenance_write_sidecar(planned->output, planned->folder, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return unfinished_publish(planned, temporary, err);
}

void batch_end_attempt(Batch *batch, Runner *runner)
{
    Error err = {0};
    VideoResult result;
    const size_t index = runner->item;
    const PlanItem *planned = &batch->plan->items[index];
    Video *video = batch->items[index].video;
    Status status = runner_outcome(runner, video->report.input, &result, &err);
    video->report.elapsed_s = (double)(batch->now_ms - video->started_ms) / 1000.0;
    video->available_bytes = batch->memory.available_bytes;
    if (status == STATUS_OK) {
        settle_peak(batch, video, &result);
        status = publish(batch, planned, &video->temporary, &err);
    }
    write_last_line(runner, status, &err);
    video->over_limit = runner->over_limit;
    const bool died = runner->end.kind == MESSAGE_NONE;
    runner_free(runner);
    frames_tidy(batch, index);
    batch->running--;
    if (video->report.peak_rss_bytes > batch->statistics.peak_rss_bytes) {
        batch->statistics.peak_rss_bytes = video->report.peak_rss_bytes;
    }
    if (status != STATUS_OK) {
        (void)unlink(planned->temporary);
    }
    if (died) {
        cleaner_drop_parts(batch->plan->state_dir, video->row.output);
    }
    const VideoReport report = video->report; /* the video may be settled, and so freed */
    const int64_t used_before_bytes = video->used_before_bytes;
    if (status == STATUS_OK) {
        done(batch, index, &result);
        items_settle(batch, index);
    } else if (status == STATUS_STOPPED) {
        end_as_asked(batch, index);
    } else {
        batch_fail_attempt(batch, index, &err);
    }
    tell_memory_after(batch, &report, used_before_bytes);
}
