/* What a batch will take: the pace, the states, the sums. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "batch/forecast.h"

#define MB INT64_C(1000000)
#define GB INT64_C(1000000000)

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

/* ---- pace ---- */

static void tries_one_after_the_other_give_the_speed_of_one(void **state)
{
    (void)state;
    PaceTry tries[] = {{100, 110, 1000}, {0, 10, 3000}, {20, 30, 2000}};
    const Pace pace = pace_of(tries, 3);
    assert_int_equal(pace.tries, 3);
    assert_true(is_near(pace.pixels_a_second, 200));
    assert_true(is_near(pace.at_once, 1));
    assert_true(is_near(pace_seconds(&pace, 1000), 5));
    /* two at once are no faster together than what was measured */
    assert_true(is_near(pace_batch_seconds(&pace, 100, 10, 1), 100));
    assert_true(is_near(pace_batch_seconds(&pace, 100, 10, 2), 100));
}

static void tries_side_by_side_are_told_from_those_behind_each_other(void **state)
{
    (void)state;
    /* four tries of 10 s, two at a time; one within another's time */
    PaceTry tries[] = {{10, 20, 500}, {0, 10, 500}, {0, 10, 500}, {10, 20, 500}};
    const Pace pace = pace_of(tries, 4);
    assert_true(is_near(pace.pixels_a_second, 50));
    assert_true(is_near(pace.at_once, 2));
    assert_true(is_near(pace_batch_seconds(&pace, 100, 10, 1), 100));
    assert_true(is_near(pace_batch_seconds(&pace, 100, 10, 2), 50));
    assert_true(is_near(pace_batch_seconds(&pace, 100, 10, 8), 50));
    assert_true(is_near(pace_batch_seconds(&pace, 100, 90, 2), 90)); /* the longest must end too */
    PaceTry nested[] = {{0, 100, 1}, {10, 20, 1}, {50, 60, 1}};
    assert_true(is_near(pace_of(nested, 3).at_once, 1.2));
}

static void tries_that_cannot_be_count_for_nothing(void **state)
{
    (void)state;
    PaceTry tries[] = {{10, 10, 5}, {10, 5, 5}, {0, 10, 0}, {0, NAN, 5}, {0, 10, NAN}};
    assert_int_equal(pace_of(tries, 5).tries, 0);
    assert_int_equal(pace_of(NULL, 0).tries, 0);
}

static void the_first_guess_goes_by_encoder_and_cores(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    const Pace one = pace_guess(&settings, 1);
    const Pace four = pace_guess(&settings, 4);
    assert_int_equal(one.tries, 0);
    assert_true(is_near(four.pixels_a_second, 4 * one.pixels_a_second));
    settings.output_video_encoder[strlen("libx26")] = '5';
    assert_true(pace_guess(&settings, 1).pixels_a_second < one.pixels_a_second);
    settings_free(&settings);
}

/* ---- forecasts ---- */

enum { VIDEOS = 6 };

typedef struct Bench {
    Settings settings;
    PlanItem items[VIDEOS];
    Plan plan;
    ProbeAnswer answers[VIDEOS];
    InputLook looks[VIDEOS];
    ForecastFacts facts;
} Bench;

static int bench_make(void **state)
{
    static Bench bench;
    bench = (Bench){.plan = {.items = bench.items, .count = VIDEOS}};
    settings_defaults(&bench.settings);
    for (int i = 0; i < VIDEOS; i++) {
        bench.items[i] = (PlanItem){.position = i + 1, .size_bytes = 10 * MB};
        bench.looks[i] = (InputLook){
            .known = true,
            .look = {.width = 1000, .height = 1000, .frame_rate = 25, .frames = 250, .duration_s = 10}};
    }
    const SpaceVolume volume = {
        .known = true, .folder = "out", .device = 1, .total = 100 * GB, .free = 50 * GB, .files_free = -1};
    bench.facts = (ForecastFacts){.settings = &bench.settings,
                                  .plan = &bench.plan,
                                  .answers = bench.answers,
                                  .looks = bench.looks,
                                  .pace = {.pixels_a_second = 25e6, .at_once = 4, .tries = 7},
                                  .volumes = {volume, volume},
                                  .machine = {.total_bytes = 16 * GB, .cores = 64}};
    *state = &bench;
    return 0;
}

static int bench_free(void **state)
{
    Bench *bench = *state;
    settings_free(&bench->settings);
    return 0;
}

static void each_state_is_told_from_the_others(void **state)
{
    Bench *bench = *state;
    static Error broken = {.class_ = ERROR_INPUT, .why = "broken"};
    static char clash[] = "the same as b.mp4";
    bench->answers[1] = (ProbeAnswer){.exists = true, .changed = true};
    bench->answers[2] = (ProbeAnswer){.chunks = 2, .frames = 100, .chunk_bytes = MB};
    bench->answers[3] = (ProbeAnswer){.exists = true, .complete = true};
    bench->looks[3] = (InputLook){.error = &broken}; /* skipped, whatever has become of its input */
    bench->items[4].clash = clash;
    bench->looks[5] = (InputLook){.error = &broken};
    Forecast forecast;
    forecast_make(&bench->facts, &forecast);
    for (int i = 0; i < VIDEOS; i++) {
        assert_int_equal(forecast.videos[i].state, i);
        assert_int_equal(forecast.states[i], 1);
        assert_true(forecast_state_name((ForecastState)i)[0] != '\0');
    }
    assert_int_equal(forecast.to_make, 3);
    assert_int_equal(forecast.frames, 250 + 250 + 150);
    assert_false(forecast.all_go);
    assert_true(is_near(forecast.videos[0].seconds, 10));
    assert_true(is_near(forecast.videos[2].seconds, 6));
    assert_true(forecast.videos[3].seconds == 0 && forecast.videos[3].output_bytes == 0);
    /* what its chunks hold need not be written again */
    assert_int_equal(forecast.videos[2].need.bytes[SPACE_WORK],
                     forecast.videos[0].need.bytes[SPACE_WORK] - MB);
    forecast_free(&forecast);
    assert_null(forecast.videos);
}

static void each_fault_keeps_it_from_going(void **state)
{
    Bench *bench = *state;
    static char clash[] = "x";
    static Error broken = {.class_ = ERROR_INPUT, .why = "broken"};
    Forecast forecast;
    forecast_make(&bench->facts, &forecast);
    assert_true(forecast.all_go && forecast.space.enough);
    forecast_free(&forecast);
    bench->items[0].clash = clash;
    forecast_make(&bench->facts, &forecast);
    assert_false(forecast.all_go);
    forecast_free(&forecast);
    bench->items[0].clash = NULL;
    bench->looks[0].known = false;
    bench->looks[0].error = &broken;
    forecast_make(&bench->facts, &forecast);
    assert_false(forecast.all_go);
    forecast_free(&forecast);
    bench->looks[0].known = true;
    bench->facts.volumes[SPACE_OUTPUT].free = bench->facts.volumes[SPACE_WORK].free = GB + MB;
    forecast_make(&bench->facts, &forecast);
    assert_false(forecast.all_go);
    assert_false(forecast.space.enough);
    forecast_free(&forecast);
    for (int i = 0; i < VIDEOS; i++) { /* nothing is to be written any more */
        bench->answers[i] = (ProbeAnswer){.exists = true, .complete = true};
    }
    forecast_make(&bench->facts, &forecast);
    assert_true(forecast.all_go);
    assert_true(forecast.to_make == 0 && forecast.seconds == 0);
    forecast_free(&forecast);
}

static void earlier_videos_correct_the_memory_of_their_kind(void **state)
{
    Bench *bench = *state;
    static PastMemory past;
    const AttemptRow earlier = {
        .ended_s = 1, .ended = "done", .estimate_bytes = 1000, .peak_rss_bytes = 1250};
    Forecast before;
    Forecast after;
    bench->looks[1].look.width *= 4; /* another kind */
    forecast_make(&bench->facts, &before);
    for (int i = 0; i < MEMORY_PAST_LEAST; i++) {
        past_memory_add(&past, past_memory_kind(&past, "", 1000, 1000), &earlier);
    }
    bench->facts.past = &past;
    forecast_make(&bench->facts, &after);
    const MemoryEstimate *plain = &before.videos[0].memory;
    const MemoryEstimate *corrected = &after.videos[0].memory;
    assert_true(before.videos[0].memory_factor == 1.0 && after.videos[1].memory_factor == 1.0);
    assert_true(after.videos[0].memory_factor == 1.25);
    assert_true(is_near((double)corrected->part_bytes[MEMORY_ENCODER],
                        1.25 * (double)plain->part_bytes[MEMORY_ENCODER]));
    assert_in_range(corrected->total_bytes, plain->total_bytes * 5 / 4 - MEMORY_PART_COUNT,
                    plain->total_bytes * 5 / 4);
    /* how many go at once goes by it */
    assert_true(after.jobs.allows[PLANNER_LIMIT_MEMORY] < before.jobs.allows[PLANNER_LIMIT_MEMORY]);
    forecast_free(&before);
    forecast_free(&after);
}

static void chunks_count_for_those_at_once_and_outputs_for_all(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 2;
    bench->facts.machine.jobs = 2;
    Forecast forecast;
    forecast_make(&bench->facts, &forecast);
    const SpaceNeed *one = &forecast.videos[0].need;
    assert_int_equal(forecast.jobs.jobs, 2);
    assert_int_equal(forecast.need.bytes[SPACE_OUTPUT], VIDEOS * one->bytes[SPACE_OUTPUT]);
    assert_int_equal(forecast.need.bytes[SPACE_WORK], 2 * one->bytes[SPACE_WORK]);
    assert_int_equal(forecast.output_bytes, VIDEOS * forecast.videos[0].output_bytes);
    assert_true(is_near(forecast.seconds, 30));
    forecast_free(&forecast);
}

static void memory_says_how_many_and_what_cannot_be(void **state)
{
    Bench *bench = *state;
    bench->facts.machine.jobs = 0;
    Forecast forecast;
    forecast_make(&bench->facts, &forecast);
    const int64_t one = forecast.videos[0].memory.total_bytes;
    assert_true(one > 50 * MB && one < 2 * GB);
    forecast_free(&forecast);
    bench->facts.machine.budget_bytes = 4 * one + one / 2; /* less what governor keeps free of it */
    forecast_make(&bench->facts, &forecast);
    assert_in_range(forecast.jobs.jobs, 3, 4);
    assert_int_equal(forecast.jobs.limit, PLANNER_LIMIT_MEMORY);
    forecast_free(&forecast);
    /* less than asked makes it smaller, far less is refused */
    bench->settings.max_memory_bytes = one - one / 20;
    forecast_make(&bench->facts, &forecast);
    assert_int_equal(forecast.videos[0].state, FORECAST_NEW);
    assert_true(forecast.videos[0].memory.total_bytes <= bench->settings.max_memory_bytes);
    forecast_free(&forecast);
    bench->settings.max_memory_bytes = 20 * MB;
    forecast_make(&bench->facts, &forecast);
    assert_int_equal(forecast.states[FORECAST_TOO_LARGE], VIDEOS);
    assert_non_null(strstr(forecast.videos[0].refused->why, "needs at least"));
    assert_false(forecast.all_go);
    forecast_free(&forecast);
}

static void a_length_that_is_not_known_is_said_so(void **state)
{
    Bench *bench = *state;
    bench->looks[0].look.frames = 0;
    bench->looks[0].look.duration_s = 0;
    Forecast forecast;
    forecast_make(&bench->facts, &forecast);
    assert_int_equal(forecast.untimed, 1);
    assert_true(forecast.all_go);
    forecast_free(&forecast);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_one_after_the_other_give_the_speed_of_one),
        cmocka_unit_test(tries_side_by_side_are_told_from_those_behind_each_other),
        cmocka_unit_test(tries_that_cannot_be_count_for_nothing),
        cmocka_unit_test(the_first_guess_goes_by_encoder_and_cores),
        BENCH_TEST(each_state_is_told_from_the_others),
        BENCH_TEST(each_fault_keeps_it_from_going),
        BENCH_TEST(earlier_videos_correct_the_memory_of_their_kind),
        BENCH_TEST(chunks_count_for_those_at_once_and_outputs_for_all),
        BENCH_TEST(memory_says_how_many_and_what_cannot_be),
        BENCH_TEST(a_length_that_is_not_known_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
