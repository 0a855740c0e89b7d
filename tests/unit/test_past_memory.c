#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/past_memory.h"
#include "options/settings.h"
#include "store_fixture.h"

static PastMemory past;

static int forget(void **state)
{
    (void)state;
    past = (PastMemory){0};
    return 0;
}

static void add(int kind, double ended_s, int64_t estimate, int64_t peak)
{
    past_memory_add(
        &past, kind,
        &(AttemptRow){
            .ended_s = ended_s, .ended = "done", .estimate_bytes = estimate, .peak_rss_bytes = peak});
}

static void kinds_are_told_apart_by_codec_and_size(void **state)
{
    (void)state;
    const int small = past_memory_kind(&past, "h264", 640, 360);
    assert_int_equal(past_memory_kind(&past, "h264", 648, 364), small);
    assert_int_not_equal(past_memory_kind(&past, "hevc", 640, 360), small);
    assert_int_not_equal(past_memory_kind(&past, "h264", 1920, 1080), small);
    char codec[16];
    for (int i = 0; i < PAST_MEMORY_KINDS; i++) {
        (void)snprintf(codec, sizeof codec, "codec%d", i);
        (void)past_memory_kind(&past, codec, 64, 64);
    }
    assert_int_equal(past_memory_kind(&past, "one too many", 64, 64), 0);
    add(0, 1, 100, 100);
    assert_true(past_memory_factor(&past, 0) == 1.0);
    assert_int_equal(past_memory_kind(&past, "h264", 640, 360), small);
}

static void estimates_are_corrected_by_the_last_tries(void **state)
{
    (void)state;
    const int kind = past_memory_kind(&past, "h264", 640, 360);
    add(kind, 1, 100, 90);
    add(kind, 2, 100, 90);
    add(kind, 3, 0, 90);                                 /* not known */
    assert_true(past_memory_factor(&past, kind) == 1.0); /* too few */
    add(kind, 3, 100, 90);
    assert_float_equal(past_memory_factor(&past, kind), 0.9, 1e-9);
    /* newer ones take the places of the oldest, whatever the order they come in */
    for (int i = MEMORY_PAST_MOST; i > 0; i--) {
        add(kind, 10 + i, 100, 120);
    }
    assert_float_equal(past_memory_factor(&past, kind), 1.2, 1e-9);
    for (int i = 0; i < 100; i++) {
        add(kind, 5, 100, 80); /* older */
    }
    assert_float_equal(past_memory_factor(&past, kind), 1.2, 1e-9);
    const int other = past_memory_kind(&past, "vp9", 640, 360);
    assert_true(past_memory_factor(&past, other) == 1.0);
}

static void one_that_did_not_make_the_whole_video_is_passed_over(void **state)
{
    (void)state;
    const int kind = past_memory_kind(&past, "h264", 640, 360);
    const AttemptRow failed = {.ended_s = 1, .ended = "failed", .estimate_bytes = 100, .peak_rss_bytes = 120};
    const AttemptRow end_only = {
        .ended_s = 1, .ended = "done", .chunks_reused = 2, .estimate_bytes = 100, .peak_rss_bytes = 80};
    for (int i = 0; i < MEMORY_PAST_LEAST; i++) {
        past_memory_add(&past, kind, &failed);
        past_memory_add(&past, kind, &end_only);
    }
    assert_true(past_memory_factor(&past, kind) == 1.0);
}

/* ---- from a store ---- */

static void put_try(Store *store, const char *output, const char *options, double ended_s, int64_t peak)
{
    const MediaLook look = {.codec = "h264", .width = 640, .height = 360};
    VideoRow row = {.output = text_duplicate(output),
                    .input = text_format("/in/%s", output),
                    .recipe = text_format("{\"options\":{%s}}", options),
                    .state = VIDEO_DONE,
                    .position = 1};
    assert_int_equal(store_input_save(store, row.input, 1, 1, &look, NULL), STATUS_OK);
    assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
    AttemptRow attempt = {.video = row.id,
                          .began_s = ended_s - 1,
                          .ended_s = ended_s,
                          .ended = "done",
                          .estimate_bytes = 1000,
                          .peak_rss_bytes = peak};
    assert_int_equal(store_attempt_begin(store, &attempt, NULL), STATUS_OK);
    assert_int_equal(store_attempt_save(store, &attempt, NULL), STATUS_OK);
    video_row_free(&row);
}

static void the_store_tells_of_tries_with_the_same_options(void **state)
{
    const Fixture *fixture = *state;
    Store *store = fixture_open(fixture, STORE_WRITE, STORE_MADE);
    Settings settings;
    settings_defaults(&settings);
    past = (PastMemory){0};
    put_try(store, "a.mp4", "\"output-video-encoder\":\"libx264\"", 10, 1200);
    put_try(store, "b.mp4", "", 11, 1200);
    put_try(store, "c.mp4", "\"output-video-encoder\":\"libx265\"", 12, 1400);
    put_try(store, "d.mp4", "\"output-video-preset\":\"placebo\"", 13, 1400);
    put_try(store, "e.mp4", "\"frame-processor\":[\"other\"]", 14, 1400);
    assert_int_equal(past_memory_learn(&past, store, &settings, NULL), STATUS_OK);
    assert_int_equal(past.count, 1);
    assert_int_equal(past.kinds[0].count, 2);
    past = (PastMemory){0};
    put_try(store, "f.mp4", "\"output-video-encoder\":\"libx264\"", 9, 1300);
    assert_int_equal(past_memory_learn(&past, store, &settings, NULL), STATUS_OK);
    assert_float_equal(past_memory_factor(&past, past_memory_kind(&past, "h264", 640, 360)), 1.2, 1e-9);
    assert_int_equal(past.kinds[0].tries[0].past.peak_bytes, 1300);
    assert_int_equal(past_memory_learn(&past, NULL, &settings, NULL), STATUS_OK);
    settings_free(&settings);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kinds_are_told_apart_by_codec_and_size, forget),
        cmocka_unit_test_setup(estimates_are_corrected_by_the_last_tries, forget),
        cmocka_unit_test_setup(one_that_did_not_make_the_whole_video_is_passed_over, forget),
        FIXTURE_TEST(the_store_tells_of_tries_with_the_same_options),
    };
    return cmocka_run_group_tests_name("past_memory", tests, NULL, NULL);
}
