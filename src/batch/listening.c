#include <stdio.h>

#include "base/text.h"
#include "batch/batch_internal.h"

static void update_progress(const Batch *batch, Video *video, const Message *message)
{
    VideoReport *report = &video->report;
    report->frames_done = message->frames;
    report->fps = message->fps;
    report->elapsed_s = (double)(batch->now_ms - video->started_ms) / 1000.0;
    const int64_t left = report->frames_total - report->frames_done;
    report->eta_s =
        report->frames_total > 0 && report->fps > 0 ? (double)(left > 0 ? left : 0) / report->fps : -1.0;
    video->began = video->began || message->frames > video->reused_frames;
}

/* Size and length are known now, and so what it will take. */
static void take_started(Batch *batch, size_t index, const Message *message)
{
    const MediaLook *look = &message->look;
    Video *video = batch->items[index].video;
    VideoReport *report = &video->report;
    report->width = look->width;
    report->height = look->height;
    report->bit_depth = look->bit_depth;
    report->frame_rate = look->frame_rate;
    report->duration_s = look->duration_s;
    report->frames_total = look->frames;
    text_copy(report->codec, sizeof report->codec, look->codec);
    report->shape = message->shape;
    report->estimate = message->estimate;
    video->need = batch_need(batch, index);
    record_input(batch, index, look);
    record_opened(batch, video); /* its length is what a view's progress goes by */
    batch_tell_video(batch, EVENT_VIDEO_OPENED, video, NULL);
}

static int64_t less(int64_t a, int64_t b)
{
    return a > b ? a - b : 0;
}

static void take_chunk(Batch *batch, Video *video, const ChunkReport *chunk)
{
    VideoReport *report = &video->report;
    if (chunk->index == 0) {
        record_no_chunks(batch, video); /* those that are there are told again */
        video->chunk_bytes = 0;
        video->reused_frames = 0;
        video->attempt.frames = 0;
        video->attempt.chunks = 0;
        video->attempt.chunks_reused = 0;
    }
    video->chunk_bytes += chunk->bytes;
    report->chunks = chunk->index + 1;
    video->attempt.frames += chunk->reused ? 0 : chunk->frames;
    video->attempt.chunks += !chunk->reused;
    video->attempt.chunks_reused += chunk->reused;
    if (chunk->reused) {
        video->reused_frames = chunk->first_frame + chunk->frames;
        report->frames_done = video->reused_frames;
    } else {
        video->has_deadline = false;
        video->need.bytes[SPACE_WORK] = less(video->need.bytes[SPACE_WORK], chunk->bytes);
        video->need.bytes[SPACE_OUTPUT] = less(video->need.bytes[SPACE_OUTPUT], chunk->bytes);
    }
    record_chunk(batch, video, chunk);
    batch_tell(batch, &(Event){.kind = EVENT_CHUNK_DONE,
                               .video = report,
                               .chunk = {.index = chunk->index,
                                         .reused = chunk->reused,
                                         .last = chunk->last,
                                         .first_frame = chunk->first_frame,
                                         .frames = chunk->frames,
                                         .bytes = chunk->bytes}});
}

static void take_message(Batch *batch, Runner *runner, const Message *message)
{
    const size_t index = runner->item;
    Video *video = batch->items[index].video;
    switch (message->kind) {
    case MESSAGE_STARTED:
        take_started(batch, index, message);
        break;
    case MESSAGE_CHUNK:
        take_chunk(batch, video, &message->chunk);
        batch_watch_for_leaks(batch, runner, &message->chunk);
        break;
    case MESSAGE_PROGRESS:
        update_progress(batch, video, message);
        batch_tell_video(batch, EVENT_PROGRESS, video, NULL);
        break;
    case MESSAGE_LOG:
        batch_tell(batch, &(Event){.kind = EVENT_LOG,
                                   .video = &video->report,
                                   .level = message->level,
                                   .text = message->text});
        break;
    default:
        break;
    }
}

static void listen_once(Batch *batch, Runner *runner)
{
    Message message;
    while (runner_next(runner, batch->now_ms, &message) == STATUS_OK) {
        take_message(batch, runner, &message);
        message_free(&message);
    }
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
            batch_end_attempt(batch, runner);
        }
    }
}
