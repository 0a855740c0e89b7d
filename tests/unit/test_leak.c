#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/leak.h"

#define MB INT64_C(1000000)

enum { FRAMES = 250 }; /* a chunk of 10 s */

static uint64_t seed;

/* 0 to 1 */
static double chance(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / (double)(UINT64_C(1) << 53);
}

/* The chunk after which a leak is found in a series of resident sets; 0: it is not. */
static int found_after(const double *megabytes, int count)
{
    LeakGuard guard = {0};
    for (int i = 0; i < count; i++) {
        leak_add(&guard, (i + 1) * (int64_t)FRAMES, (int64_t)(megabytes[i] * MB), 0);
        if (leak_judge(&guard).verdict == LEAK_FOUND) {
            return i + 1;
        }
    }
    return 0;
}

static void a_megabyte_a_frame_is_found_after_four_chunks(void **state)
{
    (void)state;
    LeakGuard guard = {0};
    LeakFinding finding = {0};
    int chunk = 0;
    while (finding.verdict != LEAK_FOUND && chunk < 10) {
        chunk++;
        leak_add(&guard, chunk * (int64_t)FRAMES, 600 * MB + chunk * FRAMES * MB, 0);
        finding = leak_judge(&guard);
    }
    assert_int_equal(chunk, 4);
    assert_true(fabs(finding.bytes_per_frame - 1e6) < 1);
    assert_int_equal(finding.grown_bytes, 500 * MB);
    assert_int_equal(finding.frames, 500);
    assert_int_equal(finding.readings, 3);
}

/* Beside a leak of 1 MB a frame, faces come and go. */
static void noise_does_not_hide_it(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 500; run++) {
        seed = run;
        double series[12];
        for (int i = 0; i < 12; i++) {
            series[i] = 600.0 + (i + 1) * FRAMES + 60.0 * chance();
        }
        assert_in_range(found_after(series, 12), 4, 11);
    }
}

static void what_warms_up_is_no_leak(void **state)
{
    (void)state;
    static const double late[] = {400, 600, 850, 880, 885, 886, 886, 886, 886, 886, 886, 886};
    static const double steps[] = {500, 500, 500, 700, 700, 701, 700, 900, 900, 900, 901, 900};
    static const double saw[] = {500, 560, 620, 500, 560, 620, 500, 560, 620, 500, 560, 620};
    static const double shrinks[] = {900, 880, 860, 840, 820, 800, 780, 760, 740, 720, 700, 680};
    static const double still[] = {500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500};
    assert_int_equal(found_after(late, 12), 0);
    assert_int_equal(found_after(steps, 12), 0);
    assert_int_equal(found_after(saw, 12), 0);
    assert_int_equal(found_after(shrinks, 12), 0);
    assert_int_equal(found_after(still, 12), 0);
}

/* Whatever the pace at which it settles. */
static void what_settles_is_no_leak(void **state)
{
    (void)state;
    for (double pace = 0.2; pace < 4.0; pace += 0.1) {
        double series[200];
        for (int i = 0; i < 200; i++) {
            series[i] = 900.0 - 500.0 * exp(-(i + 1) / pace) + (i + 1) * FRAMES * 120e-6 + 2.0 * chance();
        }
        const int chunk = found_after(series, 200);
        if (chunk != 0) {
            fail_msg("pace %.1f: found after chunk %d", pace, chunk);
        }
    }
}

/* Six hours of video at 60 frames per second: 155 MB of index. */
static void the_containers_index_is_no_leak(void **state)
{
    (void)state;
    LeakGuard guard = {0};
    for (int64_t frames = 600; frames < INT64_C(6) * 3600 * 60; frames += 600) {
        leak_add(&guard, frames, 700 * MB + frames * 120, 0);
        const LeakFinding finding = leak_judge(&guard);
        assert_int_equal(finding.verdict, LEAK_NONE);
        assert_in_range(guard.count, 0, LEAK_READINGS);
    }
    assert_true(fabs(leak_judge(&guard).bytes_per_frame - 120) < 1);
}

/* In how many of 500 series of 100 chunks a leak is found that is none. */
static int found_in_noise(double megabytes)
{
    int found = 0;
    for (uint64_t run = 1; run <= 500; run++) {
        seed = run;
        double series[100];
        for (int i = 0; i < 100; i++) {
            series[i] = 600.0 + megabytes * chance();
        }
        found += found_after(series, 100) != 0;
    }
    return found;
}

static void noise_alone_is_no_leak(void **state)
{
    (void)state;
    assert_in_range(found_in_noise(40), 0, 1); /* of 50,000 judgements; one series does rise by chance */
    assert_in_range(found_in_noise(80), 0, 1);
}

/* 20 KB a frame, 5 MB a chunk: it takes longer, and is found in the end, also where readings are thinned. */
static void a_slow_leak_is_found_too(void **state)
{
    (void)state;
    double series[200];
    seed = 5;
    for (int i = 0; i < 200; i++) {
        series[i] = 600.0 + (i + 1) * FRAMES * 20e-3 + 10.0 * chance();
    }
    assert_in_range(found_after(series, 200), 8, 20);
    for (int i = 0; i < 200; i++) {
        series[i] = 600.0 + (i + 1) * FRAMES * 2e-3;
    }
    assert_in_range(found_after(series, 200), 60, 90); /* 32 MiB at 0.5 MB a chunk */
}

static void another_load_begins_anew(void **state)
{
    (void)state;
    LeakGuard guard = {0};
    for (int i = 1; i <= 3; i++) {
        leak_add(&guard, i * (int64_t)FRAMES, i * FRAMES * MB, 0);
    }
    assert_int_equal(guard.count, 2);
    leak_add(&guard, 4 * (int64_t)FRAMES, 4 * FRAMES * MB, 1);
    assert_int_equal(guard.count, 0);
    leak_add(&guard, 5 * (int64_t)FRAMES, 5 * FRAMES * MB, 1);
    assert_int_equal(guard.count, 1);
    assert_int_equal(leak_judge(&guard).verdict, LEAK_NONE);
}

static void what_cannot_be_is_passed_over(void **state)
{
    (void)state;
    LeakGuard guard = {0};
    assert_int_equal(leak_judge(&guard).verdict, LEAK_NONE);
    for (int i = 1; i <= 9; i++) {
        leak_add(&guard, FRAMES, i * FRAMES * MB, 0); /* no frame more */
        leak_add(&guard, 0, 5, 0);
        leak_add(&guard, i * (int64_t)FRAMES, -1, 0);
    }
    assert_int_equal(guard.count, 0);
}

/* Any numbers: bounded, in order, and no judgement that is not finite. */
static void it_copes_with_anything(void **state)
{
    (void)state;
    seed = 99;
    LeakGuard guard = {0};
    for (int i = 0; i < 20000; i++) {
        leak_add(&guard, (int64_t)(chance() * 1e6) + i * INT64_C(100), (int64_t)(chance() * 1e12),
                 chance() < 0.001);
        assert_in_range(guard.count, 0, LEAK_READINGS);
        for (int j = 1; j < guard.count; j++) {
            assert_true(guard.reading[j].frames > guard.reading[j - 1].frames);
        }
        assert_true(isfinite(leak_judge(&guard).bytes_per_frame));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_megabyte_a_frame_is_found_after_four_chunks),
        cmocka_unit_test(noise_does_not_hide_it),
        cmocka_unit_test(what_warms_up_is_no_leak),
        cmocka_unit_test(what_settles_is_no_leak),
        cmocka_unit_test(the_containers_index_is_no_leak),
        cmocka_unit_test(noise_alone_is_no_leak),
        cmocka_unit_test(a_slow_leak_is_found_too),
        cmocka_unit_test(another_load_begins_anew),
        cmocka_unit_test(what_cannot_be_is_passed_over),
        cmocka_unit_test(it_copes_with_anything),
    };
    return cmocka_run_group_tests_name("leak", tests, NULL, NULL);
}
