#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot_fixture.h"
#include "ui/cells.h"
#include "ui/progress.h"
#include "ui/snapshot_json.h"
#include "ui/status_page.h"
#include "ui/table.h"

/* ---- cells ---- */

static void assert_cell(const char *text, size_t width, CellCut cut, const char *expected, size_t taken)
{
    Text page = {0};
    text_append(&page, "");
    assert_int_equal(cell_append(&page, text, width, cut), taken);
    assert_string_equal(page.data, expected);
    text_free(&page);
}

static void cells_are_cut_where_it_hurts_least(void **state)
{
    (void)state;
    assert_cell("clip_0017.mp4", 20, CELL_CUT_END, "clip_0017.mp4", 13);
    assert_cell("clip_0017.mp4", 8, CELL_CUT_END, "clip_00~", 8);
    assert_cell("clip_0017.mp4", 8, CELL_CUT_MIDDLE, "cli~.mp4", 8);
    assert_cell("clip_0017.mp4", 1, CELL_CUT_MIDDLE, "~", 1);
    assert_cell("clip_0017.mp4", 0, CELL_CUT_END, "", 0);
    assert_cell("", 5, CELL_CUT_END, "", 0);
    assert_cell("日本語の動画.mp4", 16, CELL_CUT_MIDDLE, "日本語の動画.mp4", 16);
    assert_cell("日本語の動画.mp4", 10, CELL_CUT_MIDDLE, "日本~.mp4", 9); /* no half character */
    assert_cell("e\u0301te\u0301.mp4", 7, CELL_CUT_END, "e\u0301te\u0301.mp4", 7);
}

static void cells_cannot_steer_the_terminal(void **state)
{
    (void)state;
    assert_cell("a\033[2J\r\n\tb\x7f", 20, CELL_CUT_END, "a?[2J???b?", 10);
    assert_cell("a\xC2\x9B"
                "2J",
                20, CELL_CUT_END, "a?2J", 4); /* CSI of Latin-1 */
    assert_cell("a\x9B"
                "2J\xFF",
                20, CELL_CUT_END, "a?2J?", 5);
    assert_cell("\u202Egpj.exe", 20, CELL_CUT_END, "?gpj.exe", 8); /* from right to left */
    assert_cell("a\u200Bb\uFEFF", 20, CELL_CUT_END, "a?b?", 4);
    assert_cell("\xED\xA0\x80", 20, CELL_CUT_END, "???", 3); /* a surrogate */
    assert_cell("\xF4\x90\x80\x80", 20, CELL_CUT_END, "????", 4);
    assert_cell("\xE3\x81", 20, CELL_CUT_END, "??", 2); /* breaks off */
}

/* ---- the page ---- */

static void fill(Snapshot *snapshot)
{
    fixture_begin(snapshot);
    (void)fixture_clip(snapshot, VIDEO_DONE);
    VideoView *running = fixture_clip(snapshot, VIDEO_RUNNING);
    running->row.frames_done = 1200;
    running->row.fps = 24.04;
    running->row.rss_bytes = 851443712;
    fixture_chunks(running, 4);
    VideoView *waiting = fixture_clip(snapshot, VIDEO_WAITING);
    text_copy(waiting->row.note, sizeof waiting->row.note, "waits for space on /srv: 1.20 GB needed");
    VideoView *failed = fixture_clip(snapshot, VIDEO_FAILED);
    (void)error_set(&failed->row.error, ERROR_INPUT, "cannot open the video", failed->row.input,
                    "moov atom not found");
    VideoView *queued = fixture_clip(snapshot, VIDEO_QUEUED);
    queued->row.error = snapshot->videos[3].row.error; /* of an earlier run: history */
}

static char *page_of(const Snapshot *snapshot, size_t columns, size_t rows)
{
    bool chosen[64];
    Text page = {0};
    const PageFrame frame = {.columns = columns, .rows = rows};
    memset(chosen, true, sizeof chosen);
    status_page(snapshot, chosen, &frame, &page);
    return page.data;
}

static void the_unfinished_come_first(void **state)
{
    (void)state;
    Snapshot snapshot;
    fill(&snapshot);
    char *page = page_of(&snapshot, SIZE_MAX, SIZE_MAX);
    assert_string_equal(strchr(page, '\n') + 1,
                        "5 videos: 1 running, 1 waiting, 1 queued, 1 done, 1 failed\n"
                        "[#############-------------------------] 35 %  ETA 5:24\n"
                        "\n"
                        "#  video      state    share     frames  chunks   fps    memory  output\n"
                        "2  clip2.mp4  running   40 %  1200/3000       4  24.0  812.0 MB  joconde_2.mp4\n"
                        "3  clip3.mp4  waiting                                            joconde_3.mp4\n"
                        "    waits for space on /srv: 1.20 GB needed\n"
                        "4  clip4.mp4  failed                                             joconde_4.mp4\n"
                        "    cannot open the video: moov atom not found\n"
                        "5  clip5.mp4  queued                                             joconde_5.mp4\n"
                        "1  clip1.mp4  done                                               joconde_1.mp4\n");
    assert_non_null(strstr(page, "Running, begun 2001-09-"));
    assert_non_null(strstr(page, "(1:40 ago) by process 4711 on here\n"));
    free(page);
    snapshot_free(&snapshot);
}

static void narrow_screens_lose_columns(void **state)
{
    (void)state;
    Snapshot snapshot;
    fill(&snapshot);
    char *page = page_of(&snapshot, 68, SIZE_MAX);
    assert_non_null(strstr(page, "\n2  clip2.mp4  running   40 %  1200/3000       4  24.0  812.0 MB\n"));
    free(page);
    page = page_of(&snapshot, 56, SIZE_MAX);
    assert_non_null(strstr(page, "\n2  clip2.mp4  running   40 %  1200/3000  24.0  812.0 MB\n"));
    free(page);
    page = page_of(&snapshot, 40, SIZE_MAX);
    assert_non_null(strstr(page, "\n2  clip2.mp4  running   40 %  1200/3000\n"));
    assert_non_null(strstr(page, "\n    waits for space on /srv: 1.20 GB ne~\n"));
    free(page);
    snapshot_free(&snapshot);
}

/* Whatever the names and however small the screen: no line is wider, there are no more lines, nothing steers
 * the terminal. */
static void no_page_is_larger_than_its_frame(void **state)
{
    (void)state;
    static const char *const names[] = {"a\033[2J\r\nb.mp4", "日本語の動画ファイル名その一.mp4",
                                        "\xFF\xFE\xC2\x9B.mp4", "-",
                                        "\u202E4pm.a very long name of a video that somebody made of a "
                                        "whole summer at the sea in the year 2026.mp4"};
    Snapshot snapshot;
    fill(&snapshot);
    text_copy(snapshot.run.host, sizeof snapshot.run.host, "h\033]0;x\007");
    for (size_t i = 0; i < 40; i++) {
        VideoView *video = fixture_add(&snapshot, (VideoState)(1 + i % (VIDEO_STATE_COUNT - 1)), names[i % 5],
                                       names[(i + 1) % 5]);
        (void)error_set(&video->row.error, ERROR_CRASH, names[i % 5], names[i % 5], "why\n\033[31m");
        text_copy(video->row.note, sizeof video->row.note, i % 3 == 0 ? "note\033[0m\nnote" : "");
        video->row.frames_total = i % 7 == 0 ? 0 : INT64_MAX / 2;
        video->row.frames_done = i % 7 == 1 ? INT64_MAX / 2 : 0;
        video->row.rss_bytes = INT64_MAX / 2;
        video->row.fps = 1e18;
    }
    for (size_t columns = 20; columns < 160; columns++) {
        for (size_t rows = 1; rows < 60; rows += 7) {
            char *page = page_of(&snapshot, columns, rows);
            size_t lines = 0;
            for (char *rest = page, *line = NULL; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
                assert_null(strpbrk(line, "\033\r\007"));
                if (cell_width(line) > columns) {
                    fail_msg("%zu columns: '%s'", columns, line);
                }
                lines++;
            }
            enum { HEAD_MOST = 14 }; /* is always there */
            assert_true(lines <= (rows > HEAD_MOST ? rows : HEAD_MOST));
            free(page);
        }
    }
    snapshot_free(&snapshot);
}

static void what_did_not_fit_is_counted(void **state)
{
    (void)state;
    Snapshot snapshot;
    fill(&snapshot);
    for (int i = 0; i < 30; i++) {
        (void)fixture_clip(&snapshot, VIDEO_QUEUED);
    }
    char *page = page_of(&snapshot, 100, 11);
    const char *end = strstr(page, "and 32 more: --verbose shows all\n"); /* of 35, one with two lines */
    assert_non_null(end);
    assert_non_null(strstr(page, "joconde_2.mp4"));
    assert_non_null(strstr(page, "joconde_4.mp4"));
    assert_null(strstr(page, "joconde_5.mp4"));
    free(page);
    page = page_of(&snapshot, 100, 42); /* all there is room for */
    assert_null(strstr(page, "more"));
    assert_non_null(strstr(page, "joconde_35.mp4"));
    free(page);
    snapshot_free(&snapshot);
}

static void each_state_of_a_run_has_its_words(void **state)
{
    (void)state;
    static const char *const words[RUN_STATE_COUNT] = {
        [RUN_NONE] = "No batch was run into outputVideos yet",
        [RUN_STARTING] = "Process 4711 holds outputVideos",
        [RUN_RUNNING] = "Running, begun",
        [RUN_PAUSED] = "Paused (runbatch continue goes on), begun",
        [RUN_WAITING_FOR_SPACE] = "Waiting for space, begun",
        [RUN_WAITING_FOR_MEMORY] = "Waiting for memory, begun",
        [RUN_STOPPING] = "Stopping, begun",
        [RUN_KILLED] = "The run was killed: begun",
        [RUN_OVER] = "The run is over: begun",
    };
    Snapshot snapshot;
    fixture_begin(&snapshot);
    for (int i = 0; i < RUN_STATE_COUNT; i++) {
        snapshot.run_state = (RunState)i;
        snapshot.run.ended_s = i == RUN_OVER ? snapshot.run.began_s + 60 : 0;
        char *page = page_of(&snapshot, SIZE_MAX, SIZE_MAX);
        assert_ptr_equal(strstr(page, words[i]), page);
        free(page);
    }
    snapshot.run_state = RUN_WAITING_FOR_SPACE;
    text_copy(snapshot.run.note, sizeof snapshot.run.note, "300 MB free on /srv");
    char *page = page_of(&snapshot, SIZE_MAX, SIZE_MAX);
    assert_non_null(strstr(page, ": 300 MB free on /srv\n"));
    free(page);
    snapshot_free(&snapshot);
}

static void growing_figures_are_no_difference(void **state)
{
    (void)state;
    Snapshot before;
    Snapshot after;
    fill(&before);
    fill(&after);
    after.videos[1].row.frames_done += 100;
    assert_false(status_differs(&before, &after));
    after.videos[1].chunks++;
    assert_true(status_differs(&before, &after));
    after.videos[1].chunks--;
    after.videos[4].state = VIDEO_RUNNING;
    assert_true(status_differs(&before, &after));
    after.videos[4].state = VIDEO_QUEUED;
    after.run_state = RUN_PAUSED;
    assert_true(status_differs(&before, &after));
    snapshot_free(&before);
    snapshot_free(&after);
}

/* ---- JSON ---- */

static void json_tells_the_same(void **state)
{
    (void)state;
    static const bool chosen[] = {false, true, false, true, true};
    Snapshot snapshot;
    fill(&snapshot);
    snapshot.videos[1].row.input[0] = '\xFF';
    json_t *object = snapshot_to_json(&snapshot, chosen);
    Text page = {0};
    json_append_line(&page, object);
    json_decref(object);
    assert_ptr_equal(strchr(page.data, '\n'), page.data + page.length - 1);
    object = json_loads(page.data, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "state")), "running");
    assert_string_equal(json_string_value(json_object_get(object, "time")), "2001-09-09T01:48:20Z");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "counts"), "failed")), 1);
    assert_int_equal(json_integer_value(json_object_get(object, "unfinished")), 3);
    const json_t *videos = json_object_get(object, "videos");
    assert_int_equal(json_array_size(videos), 3);
    const json_t *running = json_array_get(videos, 0);
    assert_string_equal(json_string_value(json_object_get(running, "state")), "running");
    assert_int_equal(json_integer_value(json_object_get(running, "frames_done")), 1200);
    assert_int_equal(json_integer_value(json_object_get(running, "chunks")), 4);
    assert_true(json_is_null(json_object_get(running, "error")));
    const json_t *failed = json_object_get(json_array_get(videos, 1), "error");
    assert_string_equal(json_string_value(json_object_get(failed, "class")), "input");
    assert_true(json_is_null(json_object_get(json_array_get(videos, 2), "error")));
    json_decref(object);
    text_free(&page);
    snapshot_free(&snapshot);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_cut_where_it_hurts_least),
        cmocka_unit_test(cells_cannot_steer_the_terminal),
        cmocka_unit_test(the_unfinished_come_first),
        cmocka_unit_test(narrow_screens_lose_columns),
        cmocka_unit_test(no_page_is_larger_than_its_frame),
        cmocka_unit_test(what_did_not_fit_is_counted),
        cmocka_unit_test(each_state_of_a_run_has_its_words),
        cmocka_unit_test(growing_figures_are_no_difference),
        cmocka_unit_test(json_tells_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
