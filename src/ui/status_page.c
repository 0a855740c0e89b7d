#include "ui/status_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/phrase.h"
#include "ui/progress.h"
#include "ui/table.h"

enum { BAR_COLUMNS = 40, REASON_BYTES = 1600 };

const char *video_state_word(VideoState state)
{
    static const char *const words[VIDEO_STATE_COUNT] = {
        [VIDEO_NONE] = N_("unknown"),        [VIDEO_QUEUED] = N_("queued"),
        [VIDEO_RUNNING] = N_("running"),     [VIDEO_WAITING] = N_("waiting"),
        [VIDEO_PAUSED] = N_("paused"),       [VIDEO_STOPPED] = N_("stopped"),
        [VIDEO_DONE] = N_("done"),           [VIDEO_FAILED] = N_("failed"),
        [VIDEO_SET_ASIDE] = N_("set aside"), [VIDEO_CANCELLED] = N_("cancelled"),
        [VIDEO_REFUSED] = N_("refused"),
    };
    return _(words[state]);
}

static const char *colour_of(VideoState state)
{
    static const char *const colours[VIDEO_STATE_COUNT] = {
        [VIDEO_WAITING] = COLOUR_WARN, [VIDEO_PAUSED] = COLOUR_WARN, [VIDEO_STOPPED] = COLOUR_WARN,
        [VIDEO_DONE] = COLOUR_GOOD,    [VIDEO_FAILED] = COLOUR_BAD,  [VIDEO_SET_ASIDE] = COLOUR_BAD,
        [VIDEO_REFUSED] = COLOUR_WARN,
    };
    return colours[state];
}

/* ---- the head ---- */

static void describe_run(const Snapshot *snapshot, const Standing *standing, Text *line)
{
    char began[32];
    char took[32];
    char note[sizeof snapshot->run.note];
    const RunRow *run = &snapshot->run;
    const double until = run->ended_s > 0 ? run->ended_s : snapshot->wall_s;
    page_time(run->began_s, began, sizeof began);
    clock_format_duration(until - run->began_s, took, sizeof took);
    switch (snapshot->run_state) {
    case RUN_NONE:
        text_appendf(line, _("No batch was run into %s yet: runbatch begins one"), snapshot->output_dir);
        return;
    case RUN_STARTING:
        text_appendf(line, _("Process %ld holds %s and has told nothing yet"), snapshot->holder,
                     snapshot->output_dir);
        return;
    case RUN_KILLED:
        text_appendf(line,
                     _("The run was killed: begun %s by process %lld on %s, it never ended; runbatch "
                       "resume goes on"),
                     began, (long long)run->process, run->host);
        return;
    case RUN_OVER:
        text_appendf(line, _("The run is over: begun %s, it took %s"), began, took);
        if (standing->unfinished > 0) {
            text_append(line, _("; runbatch resume goes on"));
        }
        return;
    case RUN_PAUSED:
        text_append(line, _("Paused (runbatch continue goes on)"));
        break;
    case RUN_WAITING_FOR_SPACE:
        text_append(line, _("Waiting for space"));
        break;
    case RUN_WAITING_FOR_MEMORY:
        text_append(line, _("Waiting for memory"));
        break;
    case RUN_STOPPING:
        text_append(line, _("Stopping"));
        break;
    default:
        text_append(line, _("Running"));
        break;
    }
    text_appendf(line, _(", begun %s (%s ago) by process %lld on %s"), began, took, (long long)run->process,
                 run->host);
    if (run->note[0] != '\0') {
        text_appendf(line, ": %s", phrase_text(run->note, note, sizeof note));
    }
}

static void append_counts(const Snapshot *snapshot, const Standing *standing, const PageFrame *frame,
                          Text *page)
{
    static const VideoState order[] = {VIDEO_RUNNING, VIDEO_WAITING,  VIDEO_PAUSED, VIDEO_STOPPED,
                                       VIDEO_QUEUED,  VIDEO_DONE,     VIDEO_FAILED, VIDEO_SET_ASIDE,
                                       VIDEO_REFUSED, VIDEO_CANCELLED};
    Text line = {0};
    text_appendf(&line, dngettext(I18N_DOMAIN, "%zu video", "%zu videos", snapshot->count), snapshot->count);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (standing->counts[order[i]] > 0) {
            text_appendf(&line, "%s%d %s", strchr(line.data, ':') == NULL ? ": " : ", ",
                         standing->counts[order[i]], video_state_word(order[i]));
        }
    }
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

static void append_progress(const Snapshot *snapshot, const Standing *standing, const PageFrame *frame,
                            Text *page)
{
    enum { BESIDE = 24 }; /* " 100 %  ETA 100:00:00" */
    char time[32];
    Text line = {0};
    if (frame->columns >= BAR_COLUMNS + BESIDE) {
        progress_bar(&line, standing->share, BAR_COLUMNS, frame->colour);
        text_append(&line, " ");
    }
    text_appendf(&line, "%.0f %%", 100.0 * standing->share);
    if (snapshot_is_live(snapshot)) {
        clock_format_duration(standing->eta_s, time, sizeof time);
        text_append(&line, "  ");
        text_appendf(&line, _("ETA %s"), time);
    }
    text_appendf(page, "%s\n", line.data);
    text_free(&line);
}

void status_head(const Snapshot *snapshot, const PageFrame *frame, Text *page)
{
    const Standing standing = snapshot_standing(snapshot);
    Text line = {0};
    describe_run(snapshot, &standing, &line);
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
    if (snapshot->count > 0) {
        append_counts(snapshot, &standing, frame, page);
        append_progress(snapshot, &standing, frame, page);
    }
}

/* ---- the table ---- */

/* What a user looks for first. */
static int rank_of(VideoState state)
{
    static const int ranks[VIDEO_STATE_COUNT] = {
        [VIDEO_RUNNING] = 0,   [VIDEO_WAITING] = 1,   [VIDEO_PAUSED] = 1,  [VIDEO_STOPPED] = 1,
        [VIDEO_FAILED] = 2,    [VIDEO_SET_ASIDE] = 2, [VIDEO_REFUSED] = 2, [VIDEO_QUEUED] = 3,
        [VIDEO_CANCELLED] = 4, [VIDEO_DONE] = 5,
    };
    return ranks[state];
}

static int compare(const void *left, const void *right)
{
    const VideoView *a = *(const VideoView *const *)left;
    const VideoView *b = *(const VideoView *const *)right;
    const int ranks = rank_of(a->state) - rank_of(b->state);
    return ranks != 0 ? ranks : (a > b) - (a < b); /* they lie by position */
}

const char *video_state_reason(const VideoView *video, char *buffer, size_t size)
{
    const VideoRow *row = &video->row;
    if (video->state != VIDEO_DONE && row->note[0] != '\0') {
        return phrase_text(row->note, buffer, size);
    }
    return video_view_has_reason(video)
               ? format_reason(&row->error, row->input != NULL ? row->input : "", buffer, size)
               : NULL;
}

static void add_video(Table *table, const VideoView *video)
{
    enum { NUMBER_BYTES = 48 };
    const VideoRow *row = &video->row;
    char position[NUMBER_BYTES] = "";
    char share[NUMBER_BYTES] = "";
    char frames[NUMBER_BYTES] = "";
    char chunks[NUMBER_BYTES] = "";
    char fps[NUMBER_BYTES] = "";
    char memory[NUMBER_BYTES] = "";
    char reason[REASON_BYTES];
    const bool begun = row->frames_done > 0 || video->state == VIDEO_RUNNING;
    if (row->position > 0) {
        (void)snprintf(position, sizeof position, "%d", row->position);
    }
    if (video->state != VIDEO_DONE && begun) {
        const double part = video_view_share(video);
        if (part >= 0) {
            (void)snprintf(share, sizeof share, "%.0f %%", 100.0 * part);
            (void)snprintf(frames, sizeof frames, "%lld/%lld", (long long)row->frames_done,
                           (long long)row->frames_total);
        } else {
            (void)snprintf(frames, sizeof frames, "%lld", (long long)row->frames_done);
        }
    }
    if (video->state == VIDEO_DONE && row->result.frames > 0) {
        (void)snprintf(frames, sizeof frames, "%lld", (long long)row->result.frames);
    }
    if (video->chunks > 0) {
        (void)snprintf(chunks, sizeof chunks, "%d", video->chunks);
    }
    if (row->fps > 0) {
        (void)snprintf(fps, sizeof fps, "%.1f", row->fps);
    }
    if (row->rss_bytes > 0) {
        (void)format_bytes(row->rss_bytes, memory, sizeof memory);
    }
    const char *const cells[] = {position,
                                 row->input != NULL ? path_name(row->input) : row->output,
                                 video_state_word(video->state),
                                 share,
                                 frames,
                                 chunks,
                                 fps,
                                 memory,
                                 row->output};
    table_add(table, cells, video_state_reason(video, reason, sizeof reason), colour_of(video->state));
}

static void append_table(const VideoView *const *videos, size_t count, const PageFrame *frame, Text *page)
{
    enum { NAME_LEAST = 12 };
    const TableColumn columns[] = {
        {.title = "#", .right = true},
        {.title = _("video"), .least = NAME_LEAST, .cut = CELL_CUT_MIDDLE},
        {.title = _("state")},
        {.title = _("share"), .right = true},
        {.title = _("frames"), .right = true, .leaves = 5},
        {.title = _("chunks"), .right = true, .leaves = 2},
        {.title = _("fps"), .right = true, .leaves = 3},
        {.title = _("memory"), .right = true, .leaves = 4},
        {.title = _("output"), .least = NAME_LEAST, .cut = CELL_CUT_MIDDLE, .leaves = 1},
    };
    Table table = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]};
    for (size_t i = 0; i < count; i++) {
        add_video(&table, videos[i]);
    }
    text_append(page, "\n");
    table_append(&table, page, frame->columns, frame->colour);
    table_free(&table);
}

static size_t count_lines(const Text *page)
{
    size_t lines = 0;
    for (size_t i = 0; i < page->length; i++) {
        lines += page->data[i] == '\n';
    }
    return lines;
}

/* How many of the videos there is room for, and for the line about the rest where there are more. */
static size_t count_fitting(const VideoView *const *videos, size_t count, size_t room)
{
    size_t used = 0;
    size_t fitting = 0;
    char reason[REASON_BYTES];
    for (size_t i = 0; i < count; i++) {
        used += video_state_reason(videos[i], reason, sizeof reason) != NULL ? 2 : 1;
        if (used + (i + 1 < count) <= room) {
            fitting = i + 1;
        }
    }
    return fitting;
}

void status_page(const Snapshot *snapshot, const bool *chosen, const PageFrame *frame, Text *page)
{
    enum { ABOVE = 2 }; /* the empty line, the titles */
    status_head(snapshot, frame, page);
    const VideoView **videos = memory_alloc(snapshot->count + 1, sizeof(const VideoView *));
    size_t count = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        if (chosen[i]) {
            videos[count++] = &snapshot->videos[i];
        }
    }
    qsort(videos, count, sizeof(const VideoView *), compare);
    const size_t used = count_lines(page) + ABOVE;
    const size_t shown = count_fitting(videos, count, frame->rows > used ? frame->rows - used : 0);
    if (shown > 0) {
        append_table(videos, shown, frame, page);
    }
    if (count > shown && used <= frame->rows) {
        char more[96];
        (void)snprintf(more, sizeof more, _("and %zu more: --verbose shows all"), count - shown);
        (void)cell_append(page, more, frame->columns, CELL_CUT_END);
        text_append(page, "\n");
    }
    memory_free(videos);
}

bool status_differs(const Snapshot *before, const Snapshot *after)
{
    if (before->run_state != after->run_state || before->count != after->count ||
        before->run.id != after->run.id || strcmp(before->run.note, after->run.note) != 0) {
        return true;
    }
    for (size_t i = 0; i < after->count; i++) {
        const VideoView *a = &before->videos[i];
        const VideoView *b = &after->videos[i];
        if (a->state != b->state || a->chunks != b->chunks || a->row.id != b->row.id ||
            strcmp(a->row.note, b->row.note) != 0 || strcmp(a->row.error.why, b->row.error.why) != 0) {
            return true;
        }
    }
    return false;
}
