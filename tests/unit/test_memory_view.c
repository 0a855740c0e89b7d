#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/i18n.h"
#include "snapshot_fixture.h"
#include "ui/cells.h"
#include "ui/memory_view.h"
#include "ui/sparkline.h"

#define MIB (INT64_C(1) << 20)

/* A video whose worker began with 8 MiB and had up to 136 MiB, one sample a second. */
static VideoView *fill(Snapshot *snapshot, int samples)
{
    fixture_begin(snapshot);
    VideoView *video = fixture_clip(snapshot, VIDEO_DONE);
    video->attempts = memory_alloc(2, sizeof *video->attempts);
    video->attempts[0] = (AttemptRow){.run = 1, .began_s = 1000000000.0, .ended_s = 1000000000.0 + samples};
    video->attempt_count = 1;
    video->memory = memory_alloc(1, sizeof *video->memory);
    video->memory_run = 1;
    for (int i = 0; i < samples; i++) {
        curve_add(video->memory, 1000000000.0 + i, (8 + 128 * i / (samples - 1)) * MIB, 0);
        curve_add(&snapshot->machine, 1000000000.0 + i, (1024 + i) * MIB, 4096 * MIB);
    }
    return video;
}

static char *line_of(const VideoView *video, size_t columns)
{
    Text page = {0};
    const PageFrame frame = {.columns = columns, .rows = SIZE_MAX};
    memory_view_video(video, &frame, 2, &page);
    return page.data;
}

static void blocks_are_as_high_as_their_figures(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, 12, 13, 26, 38, 51, 63, 76, 88, 100, 120, -1};
    Text text = {0};
    sparkline_append(&text, values, 13, 100);
    assert_string_equal(text.data, "▁▁▁▂▃▄▅▆▇███_");
    text_free(&text);
    assert_non_null(setlocale(LC_CTYPE, "C"));
    sparkline_append(&text, values, 13, 100);
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    assert_string_equal(text.data, "...:-=+*#@@@_");
    text_free(&text);
}

static void a_video_has_one_line(void **state)
{
    (void)state;
    Snapshot snapshot;
    VideoView *video = fill(&snapshot, 60);
    char *line = line_of(video, 80);
    assert_string_equal(line,
                        "  memory ▁▁▁▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████ 8.0 MB (0:00) to 136.0 MB (0:59)\n");
    free(line);
    video->memory->count = 1;
    line = line_of(video, 80);
    assert_string_equal(line, "  memory ▁ 8.0 MB (0:00) to 136.0 MB (0:59)\n");
    free(line);
    memory_free(video->memory);
    video->memory = NULL;
    assert_null(line_of(video, 80));
    snapshot_free(&snapshot);
}

static void the_estimate_stands_beside(void **state)
{
    (void)state;
    Snapshot snapshot;
    VideoView *video = fill(&snapshot, 60);
    video->attempts[0].estimate_bytes = 140 * MIB;
    char *line = line_of(video, 80);
    assert_string_equal(line,
                        "  memory ▁▂▂▂▃▃▄▄▅▅▅▆▆▇▇███ 8.0 MB (0:00) to 136.0 MB (0:59), estimated 140.0 MB\n");
    free(line);
    video->memory_run = 2; /* of another try */
    line = line_of(video, 80);
    assert_null(strstr(line, "estimated"));
    free(line);
    snapshot_free(&snapshot);
}

static void lines_are_as_wide_as_the_screen_at_most(void **state)
{
    (void)state;
    Snapshot snapshot;
    const VideoView *video = fill(&snapshot, 60);
    for (size_t columns = 20; columns < 140; columns++) {
        Text page = {0};
        const PageFrame frame = {.columns = columns, .rows = SIZE_MAX};
        memory_view_machine(&snapshot, &frame, &page);
        memory_view_video(video, &frame, 2, &page);
        size_t lines = 0;
        for (char *rest = page.data, *line = NULL; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
            assert_true(cell_width(line) <= columns);
            lines++;
        }
        assert_true(columns < 72 || lines == 2);
        text_free(&page);
    }
    char *line = line_of(video, SIZE_MAX);
    assert_int_equal(cell_width(line), 2 + 6 + 1 + 40 + 1 + 32 + 1); /* the newline counts as one */
    free(line);
    snapshot_free(&snapshot);
}

static void the_machine_is_shown_against_all_there_is(void **state)
{
    (void)state;
    Snapshot snapshot;
    (void)fill(&snapshot, 10);
    Text page = {0};
    const PageFrame frame = {.columns = 60, .rows = SIZE_MAX};
    memory_view_machine(&snapshot, &frame, &page);
    assert_string_equal(page.data, "Memory in use ▂▃▃▃▃▃▃▃ 1.00 GB (0:00) to 1.01 GB (0:09) of\n  4.00 GB\n");
    text_free(&page);
    snapshot.machine = (MemoryCurve){0};
    memory_view_machine(&snapshot, &frame, &page);
    assert_null(page.data);
    snapshot_free(&snapshot);
}

/* 20 seconds of a worker, 20 of none, 20 of the next one, of which few samples are left. */
static void where_no_worker_was_is_nothing(void **state)
{
    (void)state;
    Snapshot snapshot;
    VideoView *video = fill(&snapshot, 20);
    *video->memory = (MemoryCurve){0};
    for (int i = 0; i < 60; i++) {
        if (i <= 20 || (i >= 40 && i % 5 == 0) || i == 59) {
            curve_add(video->memory, 1000000000.0 + i, 100 * MIB, 0);
        }
    }
    video->attempts[video->attempt_count++] =
        (AttemptRow){.run = 1, .began_s = 1000000040.0, .ended_s = 1000000060.0};
    char *line = line_of(video, 72);
    assert_string_equal(line, "  memory ██████████_________█████████ 100.0 MB (0:00) to 100.0 MB (0:00)\n");
    free(line);
    video->attempts[1].run = 2; /* another story */
    line = line_of(video, 72);
    assert_non_null(strstr(line, "██████████_________█_█_█__██"));
    free(line);
    snapshot_free(&snapshot);
}

static void programs_get_points(void **state)
{
    (void)state;
    MemoryCurve curve = {0};
    curve_add(&curve, 1000000000.0, 50, 0);
    curve_add(&curve, 1000000000.6, 70, 0);
    curve_add(&curve, 1000000002.0, 60, 0);
    json_t *object = memory_view_json(&curve);
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"began\":\"2001-09-09T01:46:40Z\",\"limit_bytes\":null,\"lowest_bytes\":50,"
                              "\"lowest_s\":0.0,\"peak_bytes\":70,\"peak_s\":0.59999999999999998,"
                              "\"points\":[[0.0,50],[0.5,70],[2.0,60]],\"step_s\":0.5}");
    free(text);
    json_decref(object);
    object = memory_view_json(NULL);
    assert_true(json_is_null(object));
    json_decref(object);
}

static void spanish(void **state)
{
    (void)state;
    Snapshot snapshot;
    const VideoView *video = fill(&snapshot, 3);
    assert_int_equal(setenv("LC_ALL", "es_ES.UTF-8", 1), 0);
    (void)unsetenv("LANGUAGE");
    i18n_setup();
    char *line = line_of(video, 80);
    assert_string_equal(line, "  memoria ▁▁▅▅█ de 8.0 MB (0:00) a 136.0 MB (0:02)\n");
    free(line);
    snapshot_free(&snapshot);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_as_high_as_their_figures),
        cmocka_unit_test(a_video_has_one_line),
        cmocka_unit_test(the_estimate_stands_beside),
        cmocka_unit_test(lines_are_as_wide_as_the_screen_at_most),
        cmocka_unit_test(the_machine_is_shown_against_all_there_is),
        cmocka_unit_test(where_no_worker_was_is_nothing),
        cmocka_unit_test(programs_get_points),
        cmocka_unit_test(spanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
