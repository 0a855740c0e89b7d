#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "report/event.h"
#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

static Statistics sample(void)
{
    Statistics statistics = {.planned = 5, .skipped = 1, .elapsed_s = 65.0, .memory_warnings = 2};
    Error err = {0};
    (void)error_set(&err, ERROR_INPUT, "cannot open the video", "in/bad\033.mp4", "the file is empty");
    error_advise(&err, "copy it again");
    statistics_add_done(&statistics, &(VideoResult){.frames = 100,
                                                    .frames_changed = 90,
                                                    .output_bytes = 3 << 20,
                                                    .peak_rss_bytes = 500 << 20});
    statistics_add_done(&statistics, &(VideoResult){.frames = 225,
                                                    .frames_changed = 10,
                                                    .output_bytes = 1 << 20,
                                                    .peak_rss_bytes = 400 << 20});
    statistics_add_failure(&statistics, 4, "in/bad\033.mp4", &err);
    return statistics;
}

static void sums_add_up(void **state)
{
    (void)state;
    Statistics statistics = sample();
    assert_int_equal(statistics.done, 2);
    assert_int_equal(statistics.failed, 1);
    assert_int_equal(statistics.output_bytes, 4 << 20);
    assert_int_equal(statistics.frames, 325);
    assert_int_equal(statistics.peak_rss_bytes, 500 << 20);
    assert_true(statistics_success_percent(&statistics) > 66.6 &&
                statistics_success_percent(&statistics) < 66.7);
    assert_true(statistics_frames_per_second(&statistics) > 4.99 &&
                statistics_frames_per_second(&statistics) < 5.01);
    statistics_free(&statistics);
    assert_null(statistics.failures);
    assert_true(statistics_success_percent(&statistics) < 0);
}

static void text_in(const char *language, Text *text)
{
    assert_int_equal(setenv("LC_ALL", language, 1), 0);
    (void)unsetenv("LANGUAGE");
    i18n_setup();
    Statistics statistics = sample();
    statistics_to_text(&statistics, text);
    text_append(text, "|");
    format_memory(
        text,
        &(MemoryReading){.total_bytes = 16LL << 30, .available_bytes = 15LL << 29, .used_bytes = 17LL << 29});
    statistics_free(&statistics);
}

static void one_frame_is_no_frames(void **state)
{
    (void)state;
    const Statistics statistics = {.done = 1, .frames = 1, .elapsed_s = 1};
    Text text = {0};
    statistics_to_text(&statistics, &text);
    assert_non_null(strstr(text.data, "  Time: 0:01; 1 frame, 1.0 frames per second\n"));
    text_free(&text);
}

static void memory_names_the_group_that_limits_it(void **state)
{
    (void)state;
    Text text = {0};
    format_memory(
        &text, &(MemoryReading){.total_bytes = 2LL << 30, .used_bytes = 1LL << 30, .group = "/docker/4f2a"});
    assert_string_equal(text.data, "Memory: 1.0 GB / 2.0 GB (50.0 %), control group /docker/4f2a");
    text_free(&text);
}

static void without_a_try_there_is_no_rate(void **state)
{
    (void)state;
    const Statistics statistics = {.planned = 1, .skipped = 1};
    Text text = {0};
    statistics_to_text(&statistics, &text);
    assert_non_null(strstr(text.data, ": -\n"));
    text_free(&text);
    json_t *object = statistics_to_json(&statistics);
    assert_true(json_is_null(json_object_get(object, "success_percent")));
    json_decref(object);
}

static void reasons_name_other_files(void **state)
{
    (void)state;
    char line[1600];
    Error err = {0};
    (void)error_set(&err, ERROR_MODEL, "cannot find a model", "swap.onnx", "it is nowhere");
    assert_string_equal(format_reason(&err, "in/a.mp4", line, sizeof line),
                        "cannot find a model: swap.onnx: it is nowhere");
    assert_string_equal(format_reason(&err, "swap.onnx", line, sizeof line),
                        "cannot find a model: it is nowhere");
    assert_string_equal(format_reason(&err, "/models/swap.onnx", line, sizeof line),
                        "cannot find a model: it is nowhere"); /* that one, from where it was started */
    assert_string_equal(format_reason(&err, "/models/inswap.onnx", line, sizeof line),
                        "cannot find a model: swap.onnx: it is nowhere");
}

static void english_says_it_all(void **state)
{
    (void)state;
    Text text = {0};
    text_in("C.UTF-8", &text);
    assert_string_equal(text.data, "Statistics\n"
                                   "  Videos made: 2 (4.0 MB on disk)\n"
                                   "  Skipped, complete already: 1\n"
                                   "  Failed: 1\n"
                                   "    bad?.mp4: cannot open the video: the file is empty (copy it again)\n"
                                   "  Success rate: 66.7 %\n"
                                   "  Time: 1:05; 325 frames, 5.0 frames per second\n"
                                   "  Frames with a changed face: 100\n"
                                   "  Memory: largest worker 500.0 MB, warnings: 2\n"
                                   "|Memory: 8.5 GB / 16.0 GB (53.1 %)");
    text_free(&text);
}

static void spanish_says_it_too(void **state)
{
    (void)state;
    Text text = {0};
    text_in("es_ES.UTF-8", &text);
    assert_non_null(strstr(text.data, "Vídeos hechos: 2 (4.0 MB en disco)\n"));
    assert_non_null(strstr(text.data, "  Fallidos: 1\n    bad?.mp4: "));
    assert_non_null(strstr(text.data, "Tasa de éxito: 66.7 %\n"));
    assert_non_null(strstr(text.data, "325 fotogramas, "));
    assert_non_null(strstr(text.data, "|Memoria actual: 8.5GB / 16.0GB (53.1%)"));
    text_free(&text);
}

static void json_has_every_figure(void **state)
{
    (void)state;
    Statistics statistics = sample();
    json_t *event = event_to_json(&(Event){.kind = EVENT_BATCH_DONE, .statistics = &statistics});
    assert_string_equal(json_string_value(json_object_get(event, "event")), "batch_done");
    assert_int_equal(json_integer_value(json_object_get(event, "done")), 2);
    assert_int_equal(json_integer_value(json_object_get(event, "skipped")), 1);
    assert_int_equal(json_integer_value(json_object_get(event, "failed")), 1);
    assert_int_equal(json_integer_value(json_object_get(event, "bytes")), 4 << 20);
    assert_int_equal(json_integer_value(json_object_get(event, "memory_warnings")), 2);
    const json_t *failure = json_array_get(json_object_get(event, "failures"), 0);
    assert_int_equal(json_integer_value(json_object_get(failure, "position")), 4);
    const json_t *error = json_object_get(failure, "error");
    assert_string_equal(json_string_value(json_object_get(error, "class")), "input");
    assert_string_equal(json_string_value(json_object_get(error, "why")), "the file is empty");
    json_decref(event);
    statistics_free(&statistics);
}

static void any_bytes_become_json(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"plain", "plain"},
        {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"caf\xE9", "caf\xEF\xBF\xBD"},
        {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"a\xE2\x82", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        json_t *value = json_text(table[i][0]);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), table[i][1]);
        json_decref(value);
    }
}

static void every_kind_of_event_is_json(void **state)
{
    (void)state;
    Statistics statistics = sample();
    const VideoReport video = {.input = "in/a\xFF.mp4", .output = "out/a.mp4", .log = "l", .eta_s = -1.0};
    for (int kind = EVENT_BATCH_STARTED; kind < EVENT_KIND_COUNT; kind++) {
        json_t *event = event_to_json(&(Event){.kind = (EventKind)kind,
                                               .video = &video,
                                               .text = "t",
                                               .level = LOG_LEVEL_INFO,
                                               .statistics = &statistics});
        char *line = json_dumps(event, JSON_COMPACT);
        assert_non_null(line);
        assert_null(strchr(line, '\n'));
        assert_string_not_equal(json_string_value(json_object_get(event, "event")), "none");
        memory_free(line);
        json_decref(event);
    }
    statistics_free(&statistics);
}

static void bytes_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } table[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1536, "1.5 kB"},
                 {851443712, "812.0 MB"},
                 {1288490189, "1.20 GB"},
                 {1LL << 50, "1048576.00 GB"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_string_equal(format_bytes(table[i].bytes, buffer, sizeof buffer), table[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_add_up),
        cmocka_unit_test(one_frame_is_no_frames),
        cmocka_unit_test(memory_names_the_group_that_limits_it),
        cmocka_unit_test(without_a_try_there_is_no_rate),
        cmocka_unit_test(reasons_name_other_files),
        cmocka_unit_test(english_says_it_all),
        cmocka_unit_test(spanish_says_it_too),
        cmocka_unit_test(json_has_every_figure),
        cmocka_unit_test(any_bytes_become_json),
        cmocka_unit_test(every_kind_of_event_is_json),
        cmocka_unit_test(bytes_read_well),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
