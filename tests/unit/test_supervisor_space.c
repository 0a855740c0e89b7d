#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/space.h"
#include "report/phrase.h"

#define MB (INT64_C(1000) * 1000)
#define GB (1000 * MB)

static const Share standard_reserve = {0};

static int make_settings(void **state)
{
    Settings *settings = memory_alloc(1, sizeof *settings);
    settings_defaults(settings);
    *state = settings;
    return 0;
}

static int free_settings(void **state)
{
    settings_free(*state);
    memory_free(*state);
    return 0;
}

static void replace(char **field, const char *value)
{
    memory_free(*field);
    *field = text_duplicate(value);
}

static void sizes_follow_from_what_is_known(void **state)
{
    Settings *settings = *state;
    SpaceHistory history = {0};
    const SpaceVideo unknown = {.input_bytes = 100 * MB};
    const SpaceVideo known = {
        .input_bytes = 100 * MB, .width = 1920, .height = 1080, .frame_rate = 25, .duration_s = 60};
    /* guesses: better quality takes more, a newer encoder less */
    const int64_t sharp = space_encoded_bytes(&known, settings, &history);
    settings->output_video_quality = 60;
    const int64_t soft = space_encoded_bytes(&known, settings, &history);
    replace(&settings->output_video_encoder, "libx265");
    const int64_t newer = space_encoded_bytes(&known, settings, &history);
    assert_true(sharp > 3 * soft && soft > newer && newer > MB);
    /* of the input's size alone: the same order of magnitude */
    assert_in_range(space_encoded_bytes(&unknown, settings, &history), 25 * MB, 200 * MB);
    settings->output_video_quality = 0;
    assert_in_range(space_encoded_bytes(&unknown, settings, &history), 25 * MB, 200 * MB);
    assert_int_equal(space_encoded_bytes(&(SpaceVideo){.input_bytes = -1}, settings, &history), 0);
    /* history wins: 10 MB for a minute of that size, and for 100 MB of input */
    space_learn(&history, &known, 10 * MB);
    SpaceVideo half = known;
    half.duration_s = 30;
    assert_in_range(space_encoded_bytes(&half, settings, &history), 5 * MB - 1, 5 * MB + 1);
    assert_in_range(space_encoded_bytes(&unknown, settings, &history), 10 * MB - 1, 10 * MB + 1);
    space_learn(&history, &unknown, 0); /* nothing to learn from */
    space_learn(&history, &(SpaceVideo){.input_bytes = -1}, 5);
    assert_in_range(space_encoded_bytes(&unknown, settings, &history), 10 * MB - 1, 10 * MB + 1);
    /* numbers from a hostile file */
    const SpaceVideo huge = {.input_bytes = INT64_MAX, .width = 65535, .height = 65535, .duration_s = 1e18};
    assert_true(space_encoded_bytes(&huge, settings, &history) > 0);
}

static void what_is_there_already_is_not_needed_again(void **state)
{
    Settings *settings = *state;
    SpaceHistory history = {.input_bytes = 1, .output_bytes = 1};
    SpaceVideo video = {.input_bytes = 100 * MB};
    SpaceNeed need = space_need(&video, settings, &history);
    assert_int_equal(need.bytes[SPACE_WORK], 100 * MB);
    assert_int_equal(need.bytes[SPACE_OUTPUT], 100 * MB);
    assert_int_equal(need.bytes[SPACE_FRAMES], 0);
    video.chunk_bytes = 70 * MB;
    need = space_need(&video, settings, &history);
    assert_int_equal(need.bytes[SPACE_WORK], 30 * MB);
    assert_int_equal(need.bytes[SPACE_OUTPUT], 100 * MB);
    video.chunk_bytes = 170 * MB;
    assert_int_equal(space_need(&video, settings, &history).bytes[SPACE_WORK], 0);
    /* two chunks of frame files: 2 x 10 s of 25 pictures of 1000 x 1000 pixels, two bytes each */
    replace(&settings->frame_store, "disk");
    video =
        (SpaceVideo){.input_bytes = MB, .width = 1000, .height = 1000, .frame_rate = 25, .duration_s = 60};
    assert_int_equal(space_need(&video, settings, &history).bytes[SPACE_FRAMES], 1000 * MB);
    video.bit_depth = 10; /* pictures of 16 bits a sample take twice as much */
    assert_int_equal(space_need(&video, settings, &history).bytes[SPACE_FRAMES], 2000 * MB);
    replace(&settings->temp_frame_format, "jpg"); /* have 8 in any case */
    assert_int_equal(space_need(&video, settings, &history).bytes[SPACE_FRAMES], 250 * MB);
    replace(&settings->temp_frame_format, "png");
    video.bit_depth = 8;
    video.duration_s = 4; /* it has no two chunks */
    assert_int_equal(space_need(&video, settings, &history).bytes[SPACE_FRAMES], 200 * MB);
    SpaceNeed sum = {.bytes = {1, 2, INT64_MAX}};
    space_add(&sum, &need);
    assert_int_equal(sum.bytes[SPACE_WORK], 30 * MB + 1);
    assert_true(sum.bytes[SPACE_FRAMES] > 0);
}

static void the_reserve_is_as_asked_or_the_smaller_of_two(void **state)
{
    (void)state;
    assert_int_equal(space_reserve(&standard_reserve, 1000 * GB), GB);
    assert_int_equal(space_reserve(&standard_reserve, GB), 20 * MB);
    assert_int_equal(space_reserve(&(Share){.bytes = 5 * GB}, GB), 5 * GB);
    assert_int_equal(space_reserve(&(Share){.percent = 10}, GB), 100 * MB);
}

static void places_on_one_volume_are_added(void **state)
{
    (void)state;
    SpaceVolume volumes[SPACE_PLACES] = {
        [SPACE_WORK] = {true, "/a/work", 1, GB, 500 * MB, -1},
        [SPACE_OUTPUT] = {true, "/a/outputVideos", 1, GB, 500 * MB, -1},
        [SPACE_FRAMES] = {true, "/b/frames", 2, GB, 300 * MB, 1000},
    };
    const SpaceNeed none = {0};
    char text[256];
    SpaceNeed need = {.bytes = {240 * MB, 240 * MB, 0}};
    assert_true(space_fits(volumes, &need, &none, &standard_reserve).enough);
    need.bytes[SPACE_WORK] += MB;
    SpaceVerdict verdict = space_fits(volumes, &need, &none, &standard_reserve);
    assert_false(verdict.enough);
    assert_int_equal(verdict.need, 481 * MB);
    /* on volumes of their own each fits */
    volumes[SPACE_OUTPUT].device = 3;
    assert_true(space_fits(volumes, &need, &none, &standard_reserve).enough);
    need.bytes[SPACE_FRAMES] = 290 * MB;
    verdict = space_fits(volumes, &need, &none, &standard_reserve);
    assert_false(verdict.enough);
    assert_string_equal(phrase_english(space_text(&verdict, text, sizeof text), text, sizeof text),
                        "needs 276.6 MB, 286.1 MB free of 953.7 MB on frames, reserve 19.1 MB");
    /* what others will still write is not free */
    need.bytes[SPACE_FRAMES] = 0;
    const SpaceNeed promised = {.bytes = {300 * MB, 0, 0}};
    verdict = space_fits(volumes, &need, &promised, &standard_reserve);
    assert_false(verdict.enough);
    assert_int_equal(verdict.volume.free, 200 * MB);
    /* a place of which nothing is known, or that is not used, has enough */
    volumes[SPACE_WORK].known = false;
    assert_true(space_fits(volumes, &need, &promised, &standard_reserve).enough);
    /* no more files */
    volumes[SPACE_FRAMES].files_free = 3;
    verdict = space_fits(volumes, &need, &none, &standard_reserve);
    assert_false(verdict.enough);
    assert_non_null(strstr(space_text(&verdict, text, sizeof text), "no more files"));
}

static void holding_has_a_way_back(void **state)
{
    (void)state;
    SpaceVolume volumes[SPACE_PLACES] = {[SPACE_OUTPUT] = {true, "/out", 1, GB, 20 * MB, -1}};
    char text[256];
    assert_true(space_may_go_on(volumes, &standard_reserve, false).enough);
    volumes[SPACE_OUTPUT].free = 20 * MB - 1;
    const SpaceVerdict verdict = space_may_go_on(volumes, &standard_reserve, false);
    assert_false(verdict.enough);
    assert_string_equal(phrase_english(space_text(&verdict, text, sizeof text), text, sizeof text),
                        "19.1 MB free of 953.7 MB on out, below the reserve of 19.1 MB");
    volumes[SPACE_OUTPUT].free = 25 * MB - 1;
    assert_false(space_may_go_on(volumes, &standard_reserve, true).enough);
    volumes[SPACE_OUTPUT].free = 25 * MB;
    assert_true(space_may_go_on(volumes, &standard_reserve, true).enough);
}

static void volumes_are_looked_at(void **state)
{
    (void)state;
    const SpaceVolume here = space_look("/tmp");
    assert_true(here.known && here.total > 0 && here.free >= 0 && here.free <= here.total);
    const SpaceVolume later = space_look("/tmp/not/there/yet");
    assert_true(later.known && later.device == here.device);
    assert_true(space_look("not/there/yet").known);
    assert_false(space_look("/proc/self").known); /* has no blocks */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_settings, free_settings)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sizes_follow_from_what_is_known),
        TEST(what_is_there_already_is_not_needed_again),
        cmocka_unit_test(the_reserve_is_as_asked_or_the_smaller_of_two),
        cmocka_unit_test(places_on_one_volume_are_added),
        cmocka_unit_test(holding_has_a_way_back),
        cmocka_unit_test(volumes_are_looked_at),
    };
    return cmocka_run_group_tests_name("supervisor_space", tests, NULL, NULL);
}
