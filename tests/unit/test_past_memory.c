#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "batch/past_memory.h"

static PastMemory past;

static int forget(void **state)
{
    (void)state;
    past = (PastMemory){0};
    return 0;
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
    past_memory_add(&past, 0, 1, 100, 100);
    assert_true(past_memory_factor(&past, 0) == 1.0);
    assert_int_equal(past_memory_kind(&past, "h264", 640, 360), small);
}

static void estimates_are_corrected_by_the_last_tries(void **state)
{
    (void)state;
    const int kind = past_memory_kind(&past, "h264", 640, 360);
    past_memory_add(&past, kind, 1, 100, 90);
    past_memory_add(&past, kind, 2, 100, 90);
    past_memory_add(&past, kind, 3, 0, 90);              /* not known */
    assert_true(past_memory_factor(&past, kind) == 1.0); /* too few */
    past_memory_add(&past, kind, 3, 100, 90);
    assert_float_equal(past_memory_factor(&past, kind), 0.9, 1e-9);
    /* newer ones take the places of the oldest, whatever the order they come in */
    for (int i = MEMORY_PAST_MOST; i > 0; i--) {
        past_memory_add(&past, kind, 10 + i, 100, 120);
    }
    assert_float_equal(past_memory_factor(&past, kind), 1.2, 1e-9);
    for (int i = 0; i < 100; i++) {
        past_memory_add(&past, kind, 5, 100, 80); /* older */
    }
    assert_float_equal(past_memory_factor(&past, kind), 1.2, 1e-9);
    const int other = past_memory_kind(&past, "vp9", 640, 360);
    assert_true(past_memory_factor(&past, other) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kinds_are_told_apart_by_codec_and_size, forget),
        cmocka_unit_test_setup(estimates_are_corrected_by_the_last_tries, forget),
    };
    return cmocka_run_group_tests_name("past_memory", tests, NULL, NULL);
}
