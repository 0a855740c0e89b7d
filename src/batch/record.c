#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch/batch_internal.h"
#include "batch/verdict.h"
#include "report/i18n.h"

/* ---- troubles ---- */

static void tell_trouble(Batch *batch, const Error *error)
{
    char line[1600];
    char text[1800];
    if (batch->store_warned) {
        return;
    }
    batch->store_warned = true;
    (void)snprintf(text, sizeof text, _("the store cannot be written, the batch goes on without: %s"),
                   error_text(error, line, sizeof line));
    batch_warn(batch, NULL, text);
}

void record_check(Batch *batch, Status status, const Error *error)
{
    if (status == STATUS_FAILED) {
        tell_trouble(batch, error);
    }
}

/* ---- open and close ---- */

static void fill_run(const Batch *batch, RunRow *run)
{
    json_t *options = settings_to_json_anywhere(batch->settings);
    *run = (RunRow){.began_s = clock_wall_s(),
                    .process = getpid(),
                    .version = RUNBATCH_VERSION,
                    .state = "running",
                    .planned = (int)batch->plan->count,
                    .options = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS)};
    json_decref(options);
    if (gethostname(run->host, sizeof run->host - 1) != 0) {
        run->host[0] = '\0';
    }
}

static void begin_run(Batch *batch)
{
    RunRow run;
    Error err = {0};
    fill_run(batch, &run);
    record_check(batch, store_run_begin(batch->store, &run, &batch->run, &err), &err);
    free(run.options); /* jansson's */
}

static void tell_opened(Batch *batch, StoreOpened how, const char *aside)
{
    char text[512];
    Error err = {0};
    int videos = 0;
    if (how == STORE_RESCUED) {
        (void)snprintf(text, sizeof text, _("the store was damaged: it is kept as %s, a new one is made"),
                       aside);
        batch_warn(batch, NULL, text);
    }
    if (how != STORE_MADE && how != STORE_RESCUED) {
        return;
    }
    record_check(batch, store_rebuild(batch->store, batch->plan->state_dir, &videos, &err), &err);
    if (videos > 0) {
        (void)snprintf(text, sizeof text,
                       _("unfinished videos that were found on disk without the store: %d"), videos);
        batch_warn(batch, NULL, text);
    }
}

Status record_open(Batch *batch, Error *err)
{
    Error trouble = {0};
    batch->store_tried_ms = batch->now_ms;
    const Status status = store_open(&batch->store, batch->plan->state_dir, STORE_WRITE, &batch->store_how,
                                     batch->store_aside, &trouble);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    batch->store = NULL;
    batch->store_trouble = trouble;
    if (trouble.class_ == ERROR_SPACE || trouble.class_ == ERROR_DISK || trouble.class_ == ERROR_MEMORY) {
        return STATUS_OK; /* the videos come first */
    }
    *err = trouble;
    return STATUS_FAILED;
}

void record_close(Batch *batch)
{
    Error err = {0};
    if (batch->store == NULL && record_open(batch, &err) == STATUS_OK && batch->store != NULL) {
        record_plan(batch); /* better late than never */
    }
    if (batch->store != NULL) {
        record_flush_now(batch);
        record_check(batch, store_run_end(batch->store, batch->run, &err), &err);
    }
    store_close(&batch->store);
    record_forget_unsaved(batch);
    memory_free(batch->samples);
}

/* ---- the plan ---- */

/* What an earlier run told about a video it had not finished is history now. */
static void queue_video(Batch *batch, size_t index, Error *err)
{
    const PlanItem *planned = &batch->plan->items[index];
    Item *item = &batch->items[index];
    VideoRow row = {0};
    const Status found = store_video_find(batch->store, path_name(planned->output), &row, err);
    if (found == STATUS_FAILED || item->video != NULL || item->state == ITEM_SETTLED) {
        video_row_free(&row);
        return;
    }
    if (found != STATUS_OK) {
        row = (VideoRow){.output = text_duplicate(path_name(planned->output)), .input_bytes = -1};
    }
    item->before = row.state;
    row.state = row.state == VIDEO_DONE ? VIDEO_DONE : VIDEO_QUEUED;
    memory_free(row.input);
    row.input = path_absolute(planned->input);
    row.input_bytes = planned->size_bytes;
    row.position = planned->position;
    row.worker = 0;
    row.rss_bytes = 0;
    row.fps = 0;
    (void)store_video_save(batch->store, &row, err);
    video_row_free(&row);
}

/* What is over; of the videos of this batch those that are not done may go on. */
static void clean_what_is_over(void *context, const char *output)
{
    Batch *batch = context;
    VideoRow row = {0};
    if (store_video_find(batch->store, output, &row, NULL) == STATUS_OK) {
        const bool planned = items_find(batch, output) < batch->plan->count;
        if (planned ? row.state == VIDEO_DONE : cleaner_reason(&row, clock_wall_s()) != NULL) {
            cleaner_add_work(&batch->cleaner, output);
        }
    }
    video_row_free(&row);
}

void record_plan(Batch *batch)
{
    Error err = {0};
    if (batch->store == NULL) {
        tell_trouble(batch, &batch->store_trouble);
        return;
    }
    tell_opened(batch, batch->store_how, batch->store_aside);
    frames_tidy_killed_run(batch);
    begin_run(batch);
    store_begin(batch->store);
    for (size_t i = 0; i < batch->plan->count; i++) {
        queue_video(batch, i, &err);
    }
    error_clear(&err);
    record_check(batch, store_commit(batch->store, true, &err), &err);
    cleaner_each_work(batch->plan->state_dir, clean_what_is_over, batch);
    for (size_t i = 0; i < batch->slots; i++) {
        /* those that began before the store could be opened */
        if (batch->runners[i].used) {
            record_state(batch, batch->items[batch->runners[i].item].video, VIDEO_RUNNING);
        }
    }
}

/* ---- one video ---- */

void record_load(Batch *batch, size_t index, Video *video)
{
    const PlanItem *planned = &batch->plan->items[index];
    Error err = {0};
    Status status = STATUS_AGAIN;
    if (batch->store != NULL) {
        status = store_video_find(batch->store, path_name(planned->output), &video->row, &err);
        record_check(batch, status, &err);
    }
    if (status != STATUS_OK) {
        video_row_free(&video->row);
        video->row = (VideoRow){.output = text_duplicate(path_name(planned->output)),
                                .input = path_absolute(planned->input),
                                .state = VIDEO_QUEUED,
                                .position = planned->position};
    }
    video->row.input_bytes = planned->size_bytes;
    video->report.stored = video->row.id;
}

static void fill_row(Video *video, VideoState state)
{
    VideoRow *row = &video->row;
    record_fill_progress(video);
    row->state = state;
    row->changed_s = clock_wall_s();
    row->frames_total = video->report.frames_total > 0 ? video->report.frames_total : row->frames_total;
    row->duration_s = video->report.duration_s > 0 ? video->report.duration_s : row->duration_s;
    row->worker = state == VIDEO_RUNNING ? video->report.worker : 0;
    row->rss_bytes = state == VIDEO_RUNNING ? row->rss_bytes : 0;
    row->fps = state == VIDEO_RUNNING ? row->fps : 0;
    if (state != VIDEO_DONE) {
        row->result = (VideoResult){0};
    }
}

void record_state(Batch *batch, Video *video, VideoState state)
{
    Error err = {0};
    fill_row(video, state);
    if (batch->store != NULL) {
        const Status status = store_video_save(batch->store, &video->row, &err);
        video->unsaved = status != STATUS_OK;
        record_check(batch, status, &err);
        video->report.stored = video->row.id;
    } else {
        video->unsaved = true;
    }
}

/* What store_begin began; a row that was not stored has no number. */
static void commit(Batch *batch, Video *video)
{
    Error err = {0};
    const Status status = store_commit(batch->store, true, &err);
    video->unsaved = status != STATUS_OK;
    video->row.id = status == STATUS_OK ? video->row.id : video->report.stored;
    video->report.stored = video->row.id;
    record_check(batch, status, &err);
}

static void save_running(Batch *batch, Video *video, Status (*save)(Store *, AttemptRow *, Error *))
{
    fill_row(video, VIDEO_RUNNING);
    if (batch->store == NULL) {
        video->unsaved = true;
        return;
    }
    store_begin(batch->store);
    if (store_video_save(batch->store, &video->row, NULL) == STATUS_OK) {
        video->attempt.video = video->row.id;
        (void)save(batch->store, &video->attempt, NULL);
    }
    commit(batch, video);
}

void record_started(Batch *batch, Video *video)
{
    video->attempt =
        (AttemptRow){.run = batch->run, .began_s = clock_wall_s(), .threads = video->retry.threads};
    save_running(batch, video, store_attempt_begin);
}

void record_opened(Batch *batch, Video *video)
{
    video->attempt.estimate_bytes = video->report.estimate.total_bytes;
    save_running(batch, video, store_attempt_save);
}

void record_ended(Batch *batch, Video *video, VideoState state, const char *ended, const char *decision)
{
    AttemptRow *attempt = &video->attempt;
    const int64_t made = video->report.frames_done - video->reused_frames;
    fill_row(video, state);
    attempt->ended_s = clock_wall_s();
    attempt->frames = made > 0 ? made : 0;
    attempt->peak_rss_bytes = video->report.peak_rss_bytes;
    text_copy(attempt->ended, sizeof attempt->ended, ended);
    text_copy(attempt->decision, sizeof attempt->decision, decision);
    attempt->error = video->row.error;
    if (batch->store == NULL) {
        video->unsaved = true;
        return;
    }
    store_begin(batch->store);
    if (store_video_save(batch->store, &video->row, NULL) == STATUS_OK && attempt->began_s > 0) {
        attempt->video = video->row.id;
        (void)store_attempt_save(batch->store, attempt, NULL);
    }
    if (video->row.work == NULL && video->row.id > 0) {
        (void)store_chunks_forget(batch->store, video->row.id, NULL);
    }
    commit(batch, video);
    attempt->began_s = 0;
}

void record_input(Batch *batch, size_t index, const MediaLook *look)
{
    const char *path = batch->plan->items[index].input;
    const OutputFile file = output_look(path);
    Error err = {0};
    if (batch->store != NULL && file.exists && !look->cut_off) {
        record_check(batch, store_input_save(batch->store, path, file.bytes, file.mtime_ns, look, &err),
                     &err);
    }
}

void record_chunk(Batch *batch, Video *video, const ChunkReport *chunk)
{
    Error err = {0};
    if (batch->store == NULL || video->row.id <= 0) {
        return;
    }
    store_begin(batch->store);
    (void)store_chunk_save(batch->store, video->row.id, chunk, NULL);
    if (video->attempt.began_s > 0) { /* a kill may be its end */
        video->attempt.video = video->row.id;
        (void)store_attempt_save(batch->store, &video->attempt, NULL);
    }
    record_check(batch, store_commit(batch->store, true, &err), &err);
}

void record_no_chunks(Batch *batch, Video *video)
{
    Error err = {0};
    if (batch->store != NULL && video->row.id > 0) {
        record_check(batch, store_chunks_forget(batch->store, video->row.id, &err), &err);
    }
}

static bool count_chunk(void *context, const ChunkReport *chunk)
{
    Video *video = context;
    if (chunk->index != video->report.chunks) {
        return false;
    }
    video->report.chunks++;
    video->chunk_bytes += chunk->bytes;
    return true;
}

void record_count_chunks(Batch *batch, Video *video)
{
    Error err = {0};
    video->report.chunks = 0;
    video->chunk_bytes = 0;
    if (batch->store != NULL && video->row.id > 0) {
        record_check(batch, store_each_chunk(batch->store, video->row.id, count_chunk, video, &err), &err);
    }
}

/* ---- the run ---- */

void record_run_state(Batch *batch, const char *state, const char *note)
{
    Error err = {0};
    if (batch->store != NULL) {
        record_check(batch, store_run_state(batch->store, batch->run, state, note, &err), &err);
    }
}

static bool is_kept(const Event *event)
{
    switch (event->kind) {
    case EVENT_PROGRESS:
    case EVENT_MEMORY:
    case EVENT_CHUNK_DONE:
    case EVENT_VIDEO_OPENED:
        return false;
    case EVENT_LOG:
        return event->level <= LOG_LEVEL_WARN;
    default:
        return true;
    }
}

void record_event(Batch *batch, const Event *event)
{
    char line[1600] = "";
    Error err = {0};
    if (batch->store == NULL || !is_kept(event)) {
        return;
    }
    const VideoReport *video = event->video;
    const char *text = event->text;
    if (text == NULL && video != NULL && error_is_set(&video->error)) {
        text = error_text(&video->error, line, sizeof line);
    }
    const Status status =
        store_event(batch->store, batch->run, video != NULL ? video->stored : 0, event->wall_s,
                    event_kind_name(event->kind), text != NULL ? text : "", &err);
    record_check(batch, status, &err);
}
