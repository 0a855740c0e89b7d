#include "ui/report_page.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"
#include "ui/advice.h"
#include "ui/memory_view.h"
#include "ui/removable.h"
#include "ui/snapshot_json.h"
#include "ui/status_page.h"
#include "ui/table.h"

enum { INDENT = 2, TEXT_BYTES = 1600, ADVICE_BYTES = 512 };

/* ---- the tries ---- */

/* How it ended; the names are those of states. */
static const char *result_word(const VideoView *video, const AttemptRow *attempt)
{
    const bool last = attempt == &video->attempts[video->attempt_count - 1];
    const VideoState state = video_state_from_name(attempt->ended);
    if (attempt->ended[0] == '\0') {
        return video->state == VIDEO_RUNNING && last ? video_state_word(VIDEO_RUNNING) : _("cut off");
    }
    if (strcmp(attempt->ended, "requeued") == 0) {
        return _("made room");
    }
    if (strcmp(attempt->ended, "renewed") == 0) {
        return _("renewed");
    }
    return state != VIDEO_NONE ? video_state_word(state) : attempt->ended;
}

/* Why it failed, and what was made of that, or why it was ended; empty where it was neither. */
static void append_reason(Text *text, const VideoView *video, const AttemptRow *attempt)
{
    char reason[TEXT_BYTES];
    char decision[sizeof attempt->decision];
    const bool failed = error_is_set(&attempt->error);
    (void)phrase_text(attempt->decision, decision, sizeof decision);
    text_append(text, failed ? format_reason(&attempt->error, video->row.input, reason, sizeof reason) : "");
    text_appendf(text, failed && decision[0] != '\0' ? " → %s" : "%s", decision);
}

static void add_attempt(Table *table, const VideoView *video, const AttemptRow *attempt)
{
    enum { NUMBER_BYTES = 32 };
    char number[NUMBER_BYTES];
    char began[NUMBER_BYTES];
    char took[NUMBER_BYTES] = "";
    char frames[NUMBER_BYTES];
    char chunks[NUMBER_BYTES];
    char reused[NUMBER_BYTES];
    char threads[NUMBER_BYTES] = "";
    char memory[NUMBER_BYTES] = "";
    Text reason = {0};
    (void)snprintf(number, sizeof number, "%d", attempt->number);
    (void)snprintf(frames, sizeof frames, "%lld", (long long)attempt->frames);
    (void)snprintf(chunks, sizeof chunks, "%d", attempt->chunks);
    (void)snprintf(reused, sizeof reused, "%d", attempt->chunks_reused);
    if (attempt->ended_s > 0) {
        clock_format_duration(attempt->ended_s - attempt->began_s, took, sizeof took);
    }
    if (attempt->threads > 0) {
        (void)snprintf(threads, sizeof threads, "%d", attempt->threads);
    }
    if (attempt->peak_rss_bytes > 0) {
        (void)format_bytes(attempt->peak_rss_bytes, memory, sizeof memory);
    }
    const char *const cells[] = {number, page_time(attempt->began_s, began, sizeof began),
                                 took,   result_word(video, attempt),
                                 frames, chunks,
                                 reused, threads,
                                 memory};
    append_reason(&reason, video, attempt);
    table_add(table, cells, reason.length > 0 ? reason.data : NULL, NULL);
    text_free(&reason);
}

static void append_attempts(Text *page, const VideoView *video, const PageFrame *frame)
{
    const TableColumn columns[] = {
        {.title = _("try"), .right = true},
        {.title = _("begun"), .leaves = 5},
        {.title = _("took"), .right = true, .leaves = 3},
        {.title = _("result")},
        {.title = _("frames"), .right = true, .leaves = 4},
        {.title = _("chunks"), .right = true},
        {.title = _("reused"), .right = true, .leaves = 6},
        {.title = _("threads"), .right = true, .leaves = 1},
        {.title = _("memory"), .right = true, .leaves = 2},
    };
    Table table = {.columns = columns,
                   .column_count = sizeof columns / sizeof columns[0],
                   .indent = INDENT,
                   .whole_notes = true};
    for (size_t i = 0; i < video->attempt_count; i++) {
        add_attempt(&table, video, &video->attempts[i]);
    }
    if (table.rows > 0) {
        table_append(&table, page, frame->columns, false);
    }
    table_free(&table);
}

/* ---- a video ---- */

static void append_title(Text *page, const VideoView *video, const PageFrame *frame)
{
    const VideoRow *row = &video->row;
    Text line = {0};
    if (row->position > 0) {
        text_appendf(&line, "[%d] ", row->position);
    }
    if (row->input != NULL && row->input[0] != '\0') {
        text_appendf(&line, "%s -> ", path_name(row->input));
    }
    text_appendf(&line, "%s: %s", row->output, video_state_word(video->state));
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

/* The last try's reason is in the table already. */
static bool is_told(const VideoView *video)
{
    const Error *error = &video->row.error;
    const AttemptRow *last = video->attempt_count > 0 ? &video->attempts[video->attempt_count - 1] : NULL;
    return last != NULL && error_is_set(&last->error) && strcmp(last->error.what, error->what) == 0 &&
           strcmp(last->error.why, error->why) == 0;
}

static void append_state_reason(Text *page, const VideoView *video, const PageFrame *frame)
{
    char reason[TEXT_BYTES];
    char line[TEXT_BYTES];
    const char *text = video_state_reason(video, reason, sizeof reason);
    if (text != NULL && !(video->row.note[0] == '\0' && is_told(video))) {
        (void)snprintf(line, sizeof line, _("reason: %s"), text);
        page_append_wrapped(page, line, frame->columns, INDENT);
    }
}

/* Whether `clean` would remove its work folder, and not just the output that was not finished. */
static bool loses_work(const Report *report, const VideoView *video)
{
    const CleanList *list = report->removable;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].kind == CLEAN_WORK && strcmp(list->items[i].output, video->row.output) == 0) {
            return true;
        }
    }
    return false;
}

static void append_doubts(Text *page, const Doubts *doubts, const PageFrame *frame)
{
    enum { SHOWN = 8 };
    Text line = {0};
    if (doubts->count > 0) {
        text_append(&line, _("not sure of a face, look there: "));
        doubts_to_text(doubts, SHOWN, &line);
        page_append_wrapped(page, line.data, frame->columns, INDENT);
    }
    text_free(&line);
}

static void append_files(Text *page, const Report *report, size_t index, const PageFrame *frame)
{
    const VideoView *video = &report->snapshot->videos[index];
    const WorkFiles *work = &report->work[index];
    char size[32];
    char line[TEXT_BYTES];
    int64_t bytes = 0;
    const bool is_kept = video->state != VIDEO_RUNNING && !loses_work(report, video);
    if (video->state == VIDEO_DONE && video->row.output_bytes > 0) {
        (void)snprintf(line, sizeof line, _("finished output: %s, frames: %lld"),
                       format_bytes(video->row.output_bytes, size, sizeof size),
                       (long long)video->row.result.frames);
        page_append_wrapped(page, line, frame->columns, INDENT);
        append_doubts(page, &video->row.result.doubts, frame);
    }
    if (work->files > 0) {
        (void)snprintf(line, sizeof line,
                       _("partial work on disk: %s, files: %d, chunks: %d, frames: %lld%s"),
                       format_bytes(work->bytes, size, sizeof size), work->files, video->chunks,
                       (long long)video->chunk_frames, is_kept ? _("; kept to go on from") : "");
        page_append_wrapped(page, line, frame->columns, INDENT);
    }
    if (removable_count(report->removable, video->row.output, &bytes) > 0) {
        (void)snprintf(line, sizeof line, _("runbatch clean would remove %s:"),
                       format_bytes(bytes, size, sizeof size));
        page_append_wrapped(page, line, frame->columns, INDENT);
        removable_append(page, report->removable, video->row.output,
                         &(RemovableFrame){.columns = frame->columns, .indent = INDENT});
    }
}

static void append_video(Text *page, const Report *report, size_t index, const PageFrame *frame)
{
    const VideoView *video = &report->snapshot->videos[index];
    char advice[ADVICE_BYTES];
    char line[TEXT_BYTES];
    text_append(page, "\n");
    append_title(page, video, frame);
    append_attempts(page, video, frame);
    memory_view_video(video, frame, INDENT, page);
    append_state_reason(page, video, frame);
    append_files(page, report, index, frame);
    if (advice_text(report->snapshot, video, advice, sizeof advice)[0] != '\0') {
        (void)snprintf(line, sizeof line, _("how to go on: %s"), advice);
        page_append_wrapped(page, line, frame->columns, INDENT);
    }
}

/* ---- the whole ---- */

static void append_logs(Text *page, const Report *report, const PageFrame *frame)
{
    int64_t bytes = 0;
    char size[32];
    const size_t count = removable_count(report->removable, NULL, &bytes);
    if (count > 0) {
        text_append(page, "\n");
        text_appendf(page, _("Old logs and damaged stores that runbatch clean would remove: %zu, %s\n"),
                     count, format_bytes(bytes, size, sizeof size));
    }
    if (report->every_log) {
        removable_append(page, report->removable, NULL,
                         &(RemovableFrame){.columns = frame->columns, .indent = INDENT});
    }
}

void report_page(const Report *report, const PageFrame *frame, Text *page)
{
    status_head(report->snapshot, frame, page);
    memory_view_machine(report->snapshot, frame, page);
    for (size_t i = 0; i < report->snapshot->count; i++) {
        if (report->chosen[i]) {
            append_video(page, report, i, frame);
        }
    }
    append_logs(page, report, frame);
}

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

json_t *report_to_json(const Report *report)
{
    json_t *object = snapshot_to_json(report->snapshot, report->chosen);
    json_t *videos = json_object_get(object, "videos");
    size_t at = 0;
    for (size_t i = 0; i < report->snapshot->count; i++) {
        if (report->chosen[i]) {
            const VideoView *video = &report->snapshot->videos[i];
            json_t *row = json_array_get(videos, at++);
            json_t *removable = removable_to_json(report->removable, video->row.output);
            char advice[ADVICE_BYTES];
            int64_t bytes = 0;
            (void)removable_count(report->removable, video->row.output, &bytes);
            set(row, "attempts", attempts_to_json(video));
            set(row, "memory", memory_view_json(video->memory));
            set(row, "partial_bytes", json_integer(report->work[i].bytes));
            set(row, "would_be_removed", json_boolean(loses_work(report, video)));
            set(row, "removable_bytes", json_integer(bytes));
            set(row, "removable", removable);
            set(row, "advice", json_string(advice_text(report->snapshot, video, advice, sizeof advice)));
        }
    }
    set(object, "memory", memory_view_json(&report->snapshot->machine));
    set(object, "removable_logs", removable_to_json(report->removable, NULL));
    return object;
}
