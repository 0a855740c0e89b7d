#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "batch/cleaner.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "cmd/view.h"
#include "report/format.h"
#include "report/i18n.h"
#include "ui/advice.h"
#include "ui/snapshot_json.h"

static void append_attempt(Text *page, const AttemptRow *attempt, const PageFrame *frame)
{
    char began[32];
    char line[1600];
    char reason[1600];
    const int made =
        snprintf(line, sizeof line, _("  try %d, %s: %s, %lld frames, %d chunks (%d used again)"),
                 attempt->number, page_time(attempt->began_s, began, sizeof began),
                 attempt->ended[0] != '\0' ? attempt->ended : _("cut off"), (long long)attempt->frames,
                 attempt->chunks, attempt->chunks_reused);
    if (error_is_set(&attempt->error) && made > 0 && (size_t)made < sizeof line) {
        (void)snprintf(line + made, sizeof line - (size_t)made, ": %.900s%s%.120s",
                       error_text(&attempt->error, reason, sizeof reason),
                       attempt->decision[0] != '\0' ? " → " : "", attempt->decision);
    }
    page_append_wrapped(page, line, frame, 4);
}

static void append_video(Text *page, const Snapshot *snapshot, const VideoView *video, const PageFrame *frame)
{
    char size[32];
    char line[1600];
    char reason[1600];
    (void)snprintf(line, sizeof line, "[%d] %.400s: %s", video->row.position, video->row.output,
                   video_state_word(video->state));
    page_append_wrapped(page, line, frame, 2);
    if (video_view_has_reason(video) && error_is_set(&video->row.error)) {
        (void)snprintf(line, sizeof line, _("  reason: %s"),
                       error_text(&video->row.error, reason, sizeof reason));
        page_append_wrapped(page, line, frame, 4);
    }
    for (size_t i = 0; i < video->attempt_count; i++) {
        append_attempt(page, &video->attempts[i], frame);
    }
    int files = 0;
    const int64_t bytes = cleaner_work_bytes(snapshot->state_dir, video->row.output, &files);
    if (files > 0) {
        const char *useless = cleaner_reason(&video->row, snapshot->wall_s);
        format_bytes(bytes, size, sizeof size);
        text_appendf(page, _("  on disk: %d chunks, %lld frames, %s in %d files; %s\n"), video->chunks,
                     (long long)video->chunk_frames, size, files,
                     useless != NULL ? _("runbatch clean would remove them") : _("kept to go on from"));
    }
    char advice[512];
    if (advice_text(snapshot, video, advice, sizeof advice)[0] != '\0') {
        (void)snprintf(line, sizeof line, _("  how to go on: %s"), advice);
        page_append_wrapped(page, line, frame, 4);
    }
}

static void append_totals(Text *page, const Snapshot *snapshot)
{
    const Standing standing = snapshot_standing(snapshot);
    text_append(page, _("In all:"));
    for (int state = VIDEO_QUEUED; state < VIDEO_STATE_COUNT; state++) {
        if (standing.counts[state] > 0) {
            text_appendf(page, " %d %s", standing.counts[state], video_state_word((VideoState)state));
        }
    }
    text_append(page, "\n");
}

static void report_text(const View *view, Text *page)
{
    const PageFrame frame = terminal_frame();
    if (view->snapshot.run_state == RUN_NONE) {
        text_append(page, _("No batch was ever run here.\n"));
        return;
    }
    for (size_t i = 0; i < view->snapshot.count; i++) {
        if (view->chosen[i]) {
            append_video(page, &view->snapshot, &view->snapshot.videos[i], &frame);
        }
    }
    append_totals(page, &view->snapshot);
}

static void report_json(const View *view, Text *page)
{
    json_t *object = snapshot_to_json(&view->snapshot, view->chosen);
    json_t *videos = json_object_get(object, "videos");
    size_t at = 0;
    for (size_t i = 0; i < view->snapshot.count; i++) {
        if (!view->chosen[i]) {
            continue;
        }
        const VideoView *video = &view->snapshot.videos[i];
        json_t *row = json_array_get(videos, at++);
        int files = 0;
        char advice[512];
        const int64_t bytes = cleaner_work_bytes(view->snapshot.state_dir, video->row.output, &files);
        (void)json_object_set_new(row, "attempts", attempts_to_json(video));
        (void)json_object_set_new(row, "partial_bytes", json_integer(bytes));
        (void)json_object_set_new(
            row, "would_be_removed",
            json_boolean(files > 0 && cleaner_reason(&video->row, view->snapshot.wall_s) != NULL));
        (void)json_object_set_new(row, "advice",
                                  json_string(advice_text(&view->snapshot, video, advice, sizeof advice)));
    }
    json_append_line(page, object);
    json_decref(object);
}

int cmd_report(int argc, char **argv)
{
    Settings settings;
    int code = EXIT_CODE_DONE;
    if (!command_begin("report", argc, argv, &settings, &code)) {
        return code;
    }
    View view;
    Error err = {0};
    if (view_open(&view, &settings, true, &err) == STATUS_OK) {
        Text page = {0};
        (settings.json ? report_json : report_text)(&view, &page);
        code = print_page(&page, EXIT_CODE_DONE);
        text_free(&page);
        view_close(&view);
    } else {
        code = print_error(&err);
    }
    settings_free(&settings);
    return code;
}
