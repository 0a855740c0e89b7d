#include "ui/memory_view.h"

#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "ui/cells.h"
#include "ui/snapshot_json.h"
#include "ui/sparkline.h"

enum { COLUMNS_LEAST = 8, COLUMNS_MOST = 40, NUMBER_BYTES = 32, WORDS_BYTES = 256 };

/* ---- for people ---- */

/* Whether one of the video's workers was there then; the machine (NULL) always is. */
static bool was_there(const VideoView *video, double from_s, double to_s)
{
    for (size_t i = 0; video != NULL && i < video->attempt_count; i++) {
        const AttemptRow *attempt = &video->attempts[i];
        if (attempt->run == video->memory_run && attempt->began_s < to_s &&
            (attempt->ended_s <= 0 || attempt->ended_s > from_s)) {
            return true;
        }
    }
    return video == NULL;
}

/* Older samples are thinned: where there is none, it is as it was before. */
static void fill_up(const MemoryCurve *curve, const VideoView *video, int64_t *values, int count)
{
    const double width_s = curve->step_s * curve->count / count;
    for (int i = 1; i < count; i++) {
        const double from_s = curve->began_s + i * width_s;
        if (values[i] < 0 && was_there(video, from_s, from_s + width_s)) {
            values[i] = values[i - 1];
        }
    }
}

static void append_line(const MemoryCurve *curve, const VideoView *video, const char *title,
                        const char *words, const PageFrame *frame, size_t indent, Text *page)
{
    int64_t values[COLUMNS_MOST];
    Text line = {0};
    enum { BLANKS = 2 };
    const size_t beside = indent + cell_width(title) + BLANKS + cell_width(words);
    const size_t room = frame->columns > beside ? frame->columns - beside : 0;
    int columns = room < COLUMNS_MOST ? (int)room : COLUMNS_MOST;
    columns = columns > COLUMNS_LEAST ? columns : COLUMNS_LEAST;
    columns = columns < curve->count ? columns : curve->count;
    const int64_t top = video == NULL && curve->limit_bytes > 0 ? curve->limit_bytes : curve->peak_bytes;
    curve_shrink(curve, values, columns);
    fill_up(curve, video, values, columns);
    text_appendf(&line, "%s ", title);
    sparkline_append(&line, values, columns, top > 0 ? top : 1);
    text_appendf(&line, " %s", words);
    page_append_wrapped(page, line.data, frame->columns, indent);
    text_free(&line);
}

/* "41.2 MB (0:00) to 131.0 MB (0:42)" */
static void append_range(Text *words, const MemoryCurve *curve)
{
    char lowest[NUMBER_BYTES];
    char lowest_at[NUMBER_BYTES];
    char peak[NUMBER_BYTES];
    char peak_at[NUMBER_BYTES];
    clock_format_duration(curve->lowest_s, lowest_at, sizeof lowest_at);
    clock_format_duration(curve->peak_s, peak_at, sizeof peak_at);
    /* figures, each with the time of the run or the video in brackets */
    text_appendf(words, _("%s (%s) to %s (%s)"), format_bytes(curve->lowest_bytes, lowest, sizeof lowest),
                 lowest_at, format_bytes(curve->peak_bytes, peak, sizeof peak), peak_at);
}

/* Of the last try that the curve is of; 0 unknown. */
static int64_t estimate_of(const VideoView *video)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < video->attempt_count; i++) {
        const AttemptRow *attempt = &video->attempts[i];
        bytes = attempt->run == video->memory_run ? attempt->estimate_bytes : bytes;
    }
    return bytes;
}

void memory_view_video(const VideoView *video, const PageFrame *frame, size_t indent, Text *page)
{
    char estimate[NUMBER_BYTES];
    Text words = {0};
    if (video->memory == NULL || video->memory->count == 0) {
        return;
    }
    append_range(&words, video->memory);
    if (estimate_of(video) > 0) {
        text_appendf(&words, _(", estimated %s"),
                     format_bytes(estimate_of(video), estimate, sizeof estimate));
    }
    append_line(video->memory, video, _("memory"), words.data, frame, indent, page);
    text_free(&words);
}

void memory_view_machine(const Snapshot *snapshot, const PageFrame *frame, Text *page)
{
    const MemoryCurve *curve = &snapshot->machine;
    char limit[NUMBER_BYTES];
    Text words = {0};
    if (curve->count == 0) {
        return;
    }
    append_range(&words, curve);
    if (curve->limit_bytes > 0) {
        text_append(&words, " ");
        text_appendf(&words, _("of %s"), format_bytes(curve->limit_bytes, limit, sizeof limit));
    }
    append_line(curve, NULL, _("Memory in use"), words.data, frame, 0, page);
    text_free(&words);
}

/* ---- for programs ---- */

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

json_t *memory_view_json(const MemoryCurve *curve)
{
    if (curve == NULL || curve->count == 0) {
        return json_null();
    }
    json_t *object = json_object();
    json_t *points = json_array();
    for (int i = 0; i < curve->count; i++) {
        if (curve->points[i] >= 0) {
            json_t *point = json_array();
            (void)json_array_append_new(point, json_rounded(i * curve->step_s));
            (void)json_array_append_new(point, json_integer(curve->points[i]));
            (void)json_array_append_new(points, point);
        }
    }
    set(object, "began", json_time(curve->began_s));
    set(object, "lowest_bytes", json_integer(curve->lowest_bytes));
    set(object, "lowest_s", json_rounded(curve->lowest_s));
    set(object, "peak_bytes", json_integer(curve->peak_bytes));
    set(object, "peak_s", json_rounded(curve->peak_s));
    set(object, "limit_bytes", curve->limit_bytes > 0 ? json_integer(curve->limit_bytes) : json_null());
    set(object, "step_s", json_rounded(curve->step_s));
    set(object, "points", points);
    return object;
}
