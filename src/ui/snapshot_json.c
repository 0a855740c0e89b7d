#include "ui/snapshot_json.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/json_text.h"
#include "report/phrase.h"

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

/* Numbers of which 0 says that they are not known. */
static json_t *json_known(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *json_known_real(double number)
{
    return number > 0 ? json_rounded(number) : json_null();
}

json_t *json_time(double wall_s)
{
    char text[32];
    if (wall_s <= 0) {
        return json_null();
    }
    clock_format_utc(wall_s, text, sizeof text);
    return json_string(text);
}

static json_t *json_text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_text(text) : json_null();
}

void json_append_line(Text *page, const json_t *value)
{
    enum { DIGITS = 12 };
    char *line = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    text_appendf(page, "%s\n", line != NULL ? line : "null");
    free(line); /* jansson's */
}

/* Of a phrase, in English. */
static json_t *json_phrase(const char *phrase)
{
    char text[256];
    return json_text_or_null(phrase_english(phrase, text, sizeof text));
}

static json_t *run_to_json(const Snapshot *snapshot)
{
    const RunRow *run = &snapshot->run;
    if (!snapshot->has_run) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "began", json_time(run->began_s));
    set(object, "ended", json_time(run->ended_s));
    set(object, "process", json_integer(run->process));
    set(object, "host", json_text(run->host));
    set(object, "version", json_text(run->version));
    set(object, "planned", json_integer(run->planned));
    set(object, "note", json_phrase(run->note));
    return object;
}

json_t *attempts_to_json(const VideoView *video)
{
    json_t *list = json_array();
    for (size_t i = 0; i < video->attempt_count; i++) {
        const AttemptRow *attempt = &video->attempts[i];
        json_t *object = json_object();
        set(object, "number", json_integer(attempt->number));
        set(object, "began", json_time(attempt->began_s));
        set(object, "ended", json_time(attempt->ended_s));
        set(object, "result", json_text_or_null(attempt->ended));
        set(object, "error", error_is_set(&attempt->error) ? json_error(&attempt->error) : json_null());
        set(object, "decision", json_phrase(attempt->decision));
        set(object, "frames", json_integer(attempt->frames));
        set(object, "chunks", json_integer(attempt->chunks));
        set(object, "chunks_reused", json_integer(attempt->chunks_reused));
        set(object, "threads", json_known(attempt->threads));
        set(object, "peak_rss_bytes", json_known(attempt->peak_rss_bytes));
        set(object, "estimate_bytes", json_known(attempt->estimate_bytes));
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *video_view_to_json(const VideoView *video)
{
    const VideoRow *row = &video->row;
    const double share = video_view_share(video);
    json_t *object = json_object();
    set(object, "position", json_known(row->position));
    set(object, "input", json_text(row->input));
    set(object, "output", json_text(row->output));
    set(object, "state", json_string(video_state_name(video->state)));
    set(object, "changed", json_time(row->changed_s));
    set(object, "input_bytes", row->input_bytes >= 0 ? json_integer(row->input_bytes) : json_null());
    set(object, "duration_s", json_known_real(row->duration_s));
    set(object, "frames_done",
        json_integer(video->state == VIDEO_DONE && row->result.frames > 0 ? row->result.frames
                                                                          : row->frames_done));
    set(object, "frames_total", json_known(row->frames_total));
    set(object, "share", share >= 0 ? json_rounded(share) : json_null());
    set(object, "chunks", json_integer(video->chunks));
    set(object, "chunk_bytes", json_integer(video->chunk_bytes));
    set(object, "fps", json_known_real(row->fps));
    set(object, "worker", json_known(row->worker));
    set(object, "rss_bytes", json_known(row->rss_bytes));
    set(object, "peak_rss_bytes", json_known(row->peak_rss_bytes));
    set(object, "output_bytes", video->state == VIDEO_DONE ? json_known(row->output_bytes) : json_null());
    set(object, "doubts", video->state == VIDEO_DONE ? doubts_to_json(&row->result.doubts) : json_null());
    set(object, "note", json_phrase(row->note));
    set(object, "error", video_view_has_reason(video) ? json_error(&row->error) : json_null());
    return object;
}

json_t *snapshot_to_json(const Snapshot *snapshot, const bool *chosen)
{
    const Standing standing = snapshot_standing(snapshot);
    json_t *object = json_object();
    json_t *counts = json_object();
    json_t *videos = json_array();
    for (int state = VIDEO_NONE + 1; state < VIDEO_STATE_COUNT; state++) {
        set(counts, video_state_name((VideoState)state), json_integer(standing.counts[state]));
    }
    for (size_t i = 0; i < snapshot->count; i++) {
        if (chosen[i]) {
            (void)json_array_append_new(videos, video_view_to_json(&snapshot->videos[i]));
        }
    }
    set(object, "time", json_time(snapshot->wall_s));
    set(object, "state", json_string(run_state_name(snapshot->run_state)));
    set(object, "output_dir", json_text(snapshot->output_dir));
    set(object, "run", run_to_json(snapshot));
    set(object, "counts", counts);
    set(object, "unfinished", json_integer(standing.unfinished));
    set(object, "share", json_rounded(standing.share));
    set(object, "eta_s",
        snapshot_is_live(snapshot) && standing.eta_s >= 0 ? json_rounded(standing.eta_s) : json_null());
    set(object, "videos", videos);
    return object;
}
