#include "report/event.h"

#include "base/clock.h"
#include "report/json_text.h"
#include "report/memory_json.h"
#include "report/phrase.h"

static const char *const kind_names[EVENT_KIND_COUNT] = {
    [EVENT_NONE] = "none",
    [EVENT_BATCH_STARTED] = "batch_started",
    [EVENT_BATCH_PAUSED] = "batch_paused",
    [EVENT_BATCH_RESUMED] = "batch_resumed",
    [EVENT_VIDEO_SKIPPED] = "video_skipped",
    [EVENT_VIDEO_STARTED] = "video_started",
    [EVENT_VIDEO_OPENED] = "video_opened",
    [EVENT_CHUNK_DONE] = "chunk_done",
    [EVENT_PROGRESS] = "progress",
    [EVENT_VIDEO_DONE] = "video_done",
    [EVENT_VIDEO_FAILED] = "video_failed",
    [EVENT_VIDEO_RETRY] = "video_retry",
    [EVENT_VIDEO_WAITING] = "video_waiting",
    [EVENT_VIDEO_PAUSED] = "video_paused",
    [EVENT_VIDEO_SET_ASIDE] = "video_set_aside",
    [EVENT_VIDEO_REFUSED] = "video_refused",
    [EVENT_VIDEO_CANCELLED] = "video_cancelled",
    [EVENT_VIDEO_STOPPED] = "video_stopped",
    [EVENT_MEMORY] = "memory",
    [EVENT_NOTE] = "note",
    [EVENT_WARNING] = "warning",
    [EVENT_LOG] = "log",
    [EVENT_BATCH_STOPPING] = "batch_stopping",
    [EVENT_BATCH_DONE] = "batch_done",
};

const char *event_kind_name(EventKind kind)
{
    return kind > EVENT_NONE && kind < EVENT_KIND_COUNT ? kind_names[kind] : kind_names[EVENT_NONE];
}

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *integer_or_null(int64_t value, int64_t least)
{
    return value >= least ? json_integer(value) : json_null();
}

static json_t *positive_or_null(double value)
{
    return value > 0 ? json_rounded(value) : json_null();
}

static void add_text(json_t *object, const Event *event)
{
    enum { TEXT_SIZE = 2048 };
    char text[TEXT_SIZE];
    set(object, "text", json_text(phrase_text(event->text, text, sizeof text)));
}

static void add_opened(json_t *object, const VideoReport *video)
{
    set(object, "codec", json_text(video->codec));
    set(object, "width", json_integer(video->width));
    set(object, "height", json_integer(video->height));
    set(object, "frame_rate", positive_or_null(video->frame_rate));
    set(object, "duration_s", positive_or_null(video->duration_s));
    set(object, "frames_total", integer_or_null(video->frames_total, 1));
    set(object, "shape", worker_shape_to_json(&video->shape));
    set(object, "memory_estimate", memory_estimate_to_json(&video->estimate));
}

static void add_progress(json_t *object, const VideoReport *video)
{
    set(object, "frames_done", json_integer(video->frames_done));
    set(object, "frames_total", integer_or_null(video->frames_total, 1));
    set(object, "fps", json_rounded(video->fps));
    set(object, "elapsed_s", json_rounded(video->elapsed_s));
    set(object, "eta_s", video->eta_s >= 0 ? json_rounded(video->eta_s) : json_null());
    set(object, "rss_bytes", json_integer(video->rss_bytes));
    set(object, "peak_rss_bytes", json_integer(video->peak_rss_bytes));
}

static void add_result(json_t *object, const VideoReport *video)
{
    static const char *const stage_names[] = {"read", "track", "process", "write"};
    const VideoResult *result = &video->result;
    set(object, "frames", json_integer(result->frames));
    set(object, "frames_with_face", json_integer(result->frames_with_face));
    set(object, "frames_swapped", json_integer(result->frames_changed));
    set(object, "isolated_gaps", json_integer(result->isolated_gaps));
    set(object, "scene_cuts", json_integer(result->scene_cuts));
    set(object, "frames_dropped", json_integer(result->frames_dropped));
    set(object, "frames_repeated", json_integer(result->frames_repeated));
    set(object, "corrupt_packets", json_integer(result->corrupt_packets));
    set(object, "bytes", json_integer(result->output_bytes));
    set(object, "audio_streams", json_integer(result->audio_streams));
    set(object, "audio_reencoded", json_integer(result->audio_reencoded));
    set(object, "streams_left_out", json_integer(result->streams_left_out));
    set(object, "elapsed_s", json_rounded(result->elapsed_s));
    set(object, "peak_rss_bytes", json_integer(result->peak_rss_bytes));
    set(object, "frame_budget_bytes", json_integer(result->frame_budget_bytes));
    set(object, "frame_pool_peak_bytes", json_integer(result->pool_peak_bytes));
    set(object, "max_frames_in_flight", json_integer(result->max_in_flight));
    json_t *busy = json_object();
    for (size_t i = 0; i < sizeof stage_names / sizeof stage_names[0]; i++) {
        set(busy, stage_names[i], json_rounded(result->busy_s[i]));
    }
    set(object, "busy_s", busy);
    set(object, "doubts", doubts_to_json(&result->doubts));
}

static void add_memory(json_t *object, const Event *event)
{
    static const char *const moments[] = {"sample", "before", "after"};
    set(object, "moment", json_string(moments[event->moment]));
    set(object, "used_bytes", json_integer(event->memory.used_bytes));
    set(object, "available_bytes", json_integer(event->memory.available_bytes));
    set(object, "total_bytes", json_integer(event->memory.total_bytes));
    set(object, "used_percent", json_rounded(memory_used_percent(&event->memory)));
    if (event->memory.group[0] != '\0') {
        set(object, "control_group", json_text(event->memory.group));
    }
    if (event->moment == MEMORY_MOMENT_AFTER) {
        set(object, "difference_bytes", json_integer(event->difference_bytes));
    }
}

static void add_chunk(json_t *object, const ChunkNews *chunk)
{
    set(object, "index", json_integer(chunk->index));
    set(object, "reused", json_boolean(chunk->reused));
    set(object, "last", json_boolean(chunk->last));
    set(object, "first_frame", json_integer(chunk->first_frame));
    set(object, "frames", json_integer(chunk->frames));
    set(object, "bytes", json_integer(chunk->bytes));
}

static void add_failure(json_t *object, const VideoReport *video)
{
    set(object, "error", json_error(&video->error));
    set(object, "attempt", json_integer(video->attempt));
    set(object, "chunks", json_integer(video->chunks));
    set(object, "log", json_text(video->log));
    set(object, "peak_rss_bytes", json_integer(video->peak_rss_bytes));
}

static void add_video(json_t *object, const VideoReport *video)
{
    set(object, "position", json_integer(video->position));
    set(object, "ordinal", json_integer(video->ordinal));
    set(object, "input", json_text(video->input));
    set(object, "output", json_text(video->output));
}

static json_t *json_from_texts(const TextList *list)
{
    json_t *array = json_array();
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        (void)json_array_append_new(array, json_text(list->items[i]));
    }
    return array;
}

static void add_kind(json_t *object, const Event *event)
{
    static const VideoReport nothing;
    const VideoReport *video = event->video != NULL ? event->video : &nothing;
    switch (event->kind) {
    case EVENT_BATCH_STARTED:
        set(object, "version", json_string(RUNBATCH_VERSION));
        set(object, "videos", json_integer(event->videos));
        set(object, "found", json_integer(event->found));
        set(object, "input_bytes", json_integer(event->input_bytes));
        set(object, "source",
            event->sources != NULL && event->sources->count > 0 ? json_text(event->sources->items[0])
                                                                : json_null());
        set(object, "sources", json_from_texts(event->sources));
        set(object, "output_dir", json_text(event->output_dir));
        break;
    case EVENT_VIDEO_STARTED:
        set(object, "log", json_text(video->log));
        set(object, "size_bytes", integer_or_null(video->size_bytes, 0));
        set(object, "worker", json_integer(video->worker));
        set(object, "attempt", json_integer(video->attempt));
        set(object, "chunks", json_integer(video->chunks));
        break;
    case EVENT_VIDEO_OPENED:
        add_opened(object, video);
        break;
    case EVENT_VIDEO_STOPPED:
    case EVENT_PROGRESS:
        add_progress(object, video);
        break;
    case EVENT_VIDEO_DONE:
        add_result(object, video);
        break;
    case EVENT_VIDEO_RETRY:
        add_text(object, event);
        add_failure(object, video);
        break;
    case EVENT_VIDEO_FAILED:
    case EVENT_VIDEO_SET_ASIDE:
    case EVENT_VIDEO_REFUSED:
        add_failure(object, video);
        break;
    case EVENT_VIDEO_PAUSED:
        set(object, "chunks", json_integer(video->chunks));
        break;
    case EVENT_CHUNK_DONE:
        add_chunk(object, &event->chunk);
        break;
    case EVENT_MEMORY:
        add_memory(object, event);
        break;
    case EVENT_LOG:
        set(object, "level", json_string(log_level_name(event->level)));
        set(object, "text", json_text(event->text));
        break;
    case EVENT_NOTE:
    case EVENT_WARNING:
    case EVENT_BATCH_PAUSED:
    case EVENT_VIDEO_WAITING:
    case EVENT_BATCH_STOPPING:
        add_text(object, event);
        break;
    case EVENT_BATCH_DONE: {
        json_t *statistics = statistics_to_json(event->statistics);
        (void)json_object_update(object, statistics);
        json_decref(statistics);
        break;
    }
    default:
        break;
    }
}

json_t *event_to_json(const Event *event)
{
    char time[32];
    clock_format_utc(event->wall_s, time, sizeof time);
    json_t *object = json_object();
    set(object, "event", json_string(event_kind_name(event->kind)));
    set(object, "time", json_string(time));
    if (event->video != NULL) {
        add_video(object, event->video);
    }
    add_kind(object, event);
    return object;
}
