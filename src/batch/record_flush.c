#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "batch/batch_internal.h"

/* What is written about once a second in one transaction: progress, samples, and rows that could not be saved
 * when they changed. */
enum { FLUSH_MS = 1000, OPEN_AGAIN_MS = 5000, SAMPLES_A_FLUSH = 8, UNSAVED_MOST = 256 };

void record_fill_progress(Video *video)
{
    const VideoReport *report = &video->report;
    VideoRow *row = &video->row;
    row->frames_done = report->frames_done;
    row->fps = report->fps;
    row->rss_bytes = report->rss_bytes;
    if (report->peak_rss_bytes > row->peak_rss_bytes) {
        row->peak_rss_bytes = report->peak_rss_bytes;
    }
}

void record_sample(Batch *batch, int64_t video, int64_t rss_bytes, int64_t limit_bytes)
{
    const size_t most = SAMPLES_A_FLUSH * (batch->slots + 1);
    if (batch->samples == NULL) {
        batch->samples = memory_alloc(most, sizeof *batch->samples);
    }
    if (batch->sample_count < most && batch->store != NULL) {
        batch->samples[batch->sample_count++] = (Sample){video, clock_wall_s(), rss_bytes, limit_bytes};
    }
}

void record_let_go(Batch *batch, Video *video)
{
    if (video->unsaved && batch->unsaved_count < UNSAVED_MOST) {
        batch->unsaved = memory_resize(batch->unsaved, batch->unsaved_count + 1, sizeof *batch->unsaved);
        batch->unsaved[batch->unsaved_count++] = video->row;
        video->row = (VideoRow){0};
    }
    video_row_free(&video->row);
}

void record_forget_unsaved(Batch *batch)
{
    for (size_t i = 0; i < batch->unsaved_count; i++) {
        video_row_free(&batch->unsaved[i]);
    }
    memory_free(batch->unsaved);
    batch->unsaved = NULL;
    batch->unsaved_count = 0;
}

/* Those that run, then those that wait. */
static Video *active_video(const Batch *batch, size_t number)
{
    if (number < batch->slots) {
        return batch->runners[number].used ? batch->items[batch->runners[number].item].video : NULL;
    }
    return batch->items[batch->again[number - batch->slots]].video;
}

static void write_rows(Batch *batch)
{
    for (size_t i = 0; i < batch->unsaved_count; i++) {
        (void)store_video_save(batch->store, &batch->unsaved[i], NULL);
    }
    for (size_t i = 0; i < batch->slots + batch->again_count; i++) {
        Video *video = active_video(batch, i);
        if (video == NULL) {
            continue;
        }
        record_fill_progress(video);
        if (video->unsaved) {
            (void)store_video_save(batch->store, &video->row, NULL);
        } else if (i < batch->slots && video->row.id > 0) {
            (void)store_video_progress(batch->store, &video->row, NULL);
        }
    }
}

/* What a transaction that failed filled in is void. */
static void settle_rows(Batch *batch, bool written)
{
    for (size_t i = 0; i < batch->slots + batch->again_count; i++) {
        Video *video = active_video(batch, i);
        if (video != NULL) {
            video->unsaved = video->unsaved && !written;
            video->row.id = written ? video->row.id : video->report.stored;
            video->report.stored = video->row.id;
        }
    }
    if (written) {
        record_forget_unsaved(batch);
    }
}

void record_flush_now(Batch *batch)
{
    Error err = {0};
    batch->flushed_ms = batch->now_ms;
    store_begin(batch->store);
    write_rows(batch);
    for (size_t i = 0; i < batch->sample_count; i++) {
        const Sample *sample = &batch->samples[i];
        (void)store_sample(batch->store, batch->run, sample->video, sample->wall_s, sample->rss_bytes,
                           sample->limit_bytes, NULL);
    }
    const Status status = store_commit(batch->store, false, &err);
    settle_rows(batch, status == STATUS_OK);
    record_check(batch, status, &err);
    batch->sample_count = 0;
}

void record_flush(Batch *batch)
{
    Error err = {0};
    if (batch->store != NULL && batch->now_ms - batch->flushed_ms >= FLUSH_MS) {
        record_flush_now(batch);
    } else if (batch->store == NULL && batch->now_ms - batch->store_tried_ms >= OPEN_AGAIN_MS) {
        if (record_open(batch, &err) == STATUS_OK && batch->store != NULL) {
            record_plan(batch);
        }
    }
}
