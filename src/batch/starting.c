#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "batch/unfinished.h"
#include "batch/verdict.h"
#include "report/i18n.h"
#include "report/phrase.h"

/* ---- whether there is room ---- */

void batch_lacks_space(const Batch *batch, Video *video)
{
    if (!video->has_deadline) {
        video->has_deadline = true;
        video->deadline_ms = batch->now_ms + (int64_t)(1000.0 * batch->settings->disk_timeout_s);
    }
}

bool batch_waited_too_long(const Batch *batch, const Video *video)
{
    return batch->settings->disk_timeout_s > 0 && video->has_deadline && batch->now_ms >= video->deadline_ms;
}

SpaceVideo batch_size(const Batch *batch, size_t index)
{
    const Video *video = batch->items[index].video;
    return (SpaceVideo){.input_bytes = batch->plan->items[index].size_bytes,
                        .width = video->report.width,
                        .height = video->report.height,
                        .frame_rate = video->report.frame_rate,
                        .duration_s = video->report.duration_s,
                        .bit_depth = video->report.bit_depth,
                        .chunk_bytes = video->chunk_bytes};
}

SpaceNeed batch_need(const Batch *batch, size_t index)
{
    const SpaceVideo size = batch_size(batch, index);
    return space_need(&size, batch->settings, &batch->history);
}

static SpaceNeed promised(const Batch *batch)
{
    SpaceNeed sum = {0};
    for (size_t i = 0; i < batch->slots; i++) {
        if (batch->runners[i].used) {
            space_add(&sum, &batch->items[batch->runners[i].item].video->need);
        }
    }
    return sum;
}

static void wait_for_space(Batch *batch, size_t index, const SpaceVerdict *verdict)
{
    Item *item = &batch->items[index];
    Video *video = item->video;
    char figures[256];
    (void)phrase_make(batch->space_text, sizeof batch->space_text, N_("waits for space: %s"),
                      space_text(verdict, figures, sizeof figures));
    batch->lacks_space = true;
    batch_lacks_space(batch, video);
    if (item->state != ITEM_WAITING || video->row.note[0] == '\0') {
        item->state = ITEM_WAITING;
        video->decision = (RetryDecision){.action = RETRY_WITH_SPACE};
        text_copy(video->row.note, sizeof video->row.note, batch->space_text);
        record_state(batch, video, VIDEO_WAITING);
        batch_tell_video(batch, EVENT_VIDEO_WAITING, video, batch->space_text);
    }
}

/* False: it waits, or has waited too long. */
static bool has_space(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    if (batch->held) {
        return false; /* those that run come first */
    }
    const SpaceNeed others = promised(batch);
    video->need = batch_need(batch, index);
    const SpaceVerdict verdict =
        space_fits(batch->volumes, &video->need, &others, &batch->settings->disk_reserve);
    if (verdict.enough) {
        video->row.note[0] = '\0';
        return true;
    }
    if (batch_waited_too_long(batch, video)) {
        Error err = {0};
        char figures[256];
        (void)error_set(
            &err, ERROR_SPACE, "it waited too long for space", NULL,
            phrase_english(space_text(&verdict, figures, sizeof figures), figures, sizeof figures));
        error_advise(&err, "make room and start again: it goes on where it was");
        batch_fail(batch, index, &err);
    } else {
        wait_for_space(batch, index, &verdict);
    }
    return false;
}

/* ---- start ---- */

static json_t *settings_of_attempt(const Batch *batch, const Retry *retry)
{
    json_t *settings = json_copy(batch->settings_json);
    if (retry->threads != batch->settings->execution_threads) {
        (void)json_object_set_new(settings, "execution-threads", json_integer(retry->threads));
    }
    if (retry->smallest_budget) {
        (void)json_object_set_new(settings, "frame-budget", json_integer(1)); /* frames one at a time */
    }
    return settings;
}

static Status spawn(Batch *batch, size_t index, Runner *runner, Error *err)
{
    const PlanItem *planned = &batch->plan->items[index];
    Video *video = batch->items[index].video;
    json_t *settings = settings_of_attempt(batch, &video->retry);
    char *shared = sharing_path(batch, index);
    Message job = {
        .kind = MESSAGE_JOB,
        .settings = settings,
        .input = planned->input,
        .output = planned->output,
        .temporary = planned->temporary,
        .folder = planned->folder,
        .source = (char *)(uintptr_t)planned->source,
        .people = batch->plan->people,
        .shared = shared,
        .memory_bytes = choosing_worker_most(batch),
    };
    text_copy(job.key, sizeof job.key, video->row.key);
    const RunnerConfig config = {.executable = batch->hooks.worker_executable,
                                 .log_path = planned->log,
                                 .root = batch->hooks.root,
                                 .limiter = batch->limiter,
                                 .memory_bytes = limits_of_worker(batch),
                                 .append = video->report.attempt > 1};
    const Status status = runner_start(runner, &config, &job, batch->now_ms, err);
    json_decref(settings);
    memory_free(shared);
    return status;
}

static Status prepare(const Batch *batch, size_t index, Error *err)
{
    const PlanItem *planned = &batch->plan->items[index];
    Video *video = batch->items[index].video;
    if (unfinished_make_folder(batch->plan->state_dir, planned->folder, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    memory_free(video->row.work);
    video->row.work = text_duplicate(path_name(planned->folder));
    if (video->row.recipe != NULL) {
        const Recipe recipe = {.json = video->row.recipe};
        if (recipe_note_write(&recipe, planned->folder, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return unfinished_make_output(planned->temporary, &video->temporary, err);
}

/* What stands under its name will be replaced: a later run must not take it for what is made now. */
static void note_old_output(const PlanItem *planned, VideoRow *row)
{
    const OutputFile file = output_look(planned->output);
    row->output_bytes = file.bytes;
    row->output_mtime_ns = file.mtime_ns;
}

/* Failed videos of an earlier run are tried again; the user should know. */
static void tell_earlier_failure(Batch *batch, size_t index)
{
    Video *video = batch->items[index].video;
    const VideoState before = batch->items[index].before;
    if (before == VIDEO_FAILED || before == VIDEO_SET_ASIDE) {
        video->report.error = video->row.error;
        batch_tell_video(batch, EVENT_VIDEO_RETRY, video, _("failed in an earlier run, tried again"));
        error_clear(&video->report.error);
    }
}

static void tell_memory_before(Batch *batch, Video *video)
{
    if (batch->memory.total_bytes > 0) {
        batch_tell(batch, &(Event){.kind = EVENT_MEMORY,
                                   .video = &video->report,
                                   .moment = MEMORY_MOMENT_BEFORE,
                                   .memory = batch->memory});
    }
}

/* Its first attempt. */
static void count_in_lot(Batch *batch)
{
    const int64_t size = batch->settings->lot_size;
    if (size > 0 && batch->in_lot >= (size_t)size) {
        batch->in_lot = 0; /* all workers of the lot before have ended: lot_is_full */
    }
    batch->in_lot++;
}

static void begin_attempt(Batch *batch, size_t index, Runner *runner)
{
    const PlanItem *planned = &batch->plan->items[index];
    Item *item = &batch->items[index];
    Video *video = item->video;
    Error err = {0};
    if (video->report.attempt++ == 0) {
        tell_earlier_failure(batch, index);
        note_old_output(planned, &video->row);
        count_in_lot(batch);
    }
    batch_read_memory(batch);
    video->report.frames_done = 0;
    video->report.fps = 0;
    video->report.peak_rss_bytes = 0;
    video->used_before_bytes = batch->memory.used_bytes;
    video->started_ms = batch->now_ms;
    video->reused_frames = 0;
    video->over_limit = false;
    video->wish = WISH_NONE;
    error_clear(&video->row.error);
    error_clear(&video->report.error);
    if (prepare(batch, index, &err) != STATUS_OK || spawn(batch, index, runner, &err) != STATUS_OK) {
        (void)unlink(planned->temporary);
        batch_fail_attempt(batch, index, &err);
        return;
    }
    items_leave_again(batch, index);
    runner->item = index;
    item->state = ITEM_RUNNING;
    video->report.worker = runner->process.pid;
    batch->running++;
    record_started(batch, video);
    batch_tell_video(batch, EVENT_VIDEO_STARTED, video, NULL);
    if (runner->log.fd < 0) {
        batch_warn(batch, video, _("its log file cannot be written, it goes without one"));
    }
    tell_memory_before(batch, video);
}

/* False: no other one may be started before it. */
static bool start_video(Batch *batch, size_t index, Runner *runner)
{
    Video *video = items_video(batch, index);
    Error err = {0};
    if (keys_find(batch, index, &err) != STATUS_OK) {
        batch_fail_attempt(batch, index, &err);
        return !batch->stopping;
    }
    if (!has_space(batch, index)) {
        return batch->items[index].state == ITEM_SETTLED;
    }
    if (!keys_folder_is_clean(batch, video) || frames_wait(batch, index)) {
        return false;
    }
    video->ready = false;
    begin_attempt(batch, index, runner);
    return true;
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
    size_t index = 0;
    Runner *runner = NULL;
    batch->lacks_space = false;
    while (!batch->stopping && batch->admission != GOVERNOR_WAIT && !choosing_is_closed(batch) &&
           (runner = free_runner(batch)) != NULL && choosing_next(batch, &index)) {
        const GovernorAdmission admission = batch->admission;
        if (admission != GOVERNOR_ADMIT) {
            batch->admission = GOVERNOR_WAIT; /* for this one only */
        }
        if (admission == GOVERNOR_GIVE_UP) {
            (void)items_video(batch, index);
            batch_fail_for_memory(batch, index);
        } else if (!start_video(batch, index, runner)) {
            return;
        }
    }
}
