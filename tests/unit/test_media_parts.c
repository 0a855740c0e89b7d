/* The decisions of src/media that need no file: times, turns, rates, sizes. */
#include <libavutil/avutil.h>
#include <libavutil/display.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* after those above */
#include <cmocka.h>

#include "media/container.h"
#include "media/container_check.h"
#include "media/encoder.h"
#include "media/frame_rate.h"
#include "media/orientation.h"
#include "media/timeline.h"

/* ---- orientation ---- */

/* Where a matrix takes (x, y), for matrices of quarter turns. */
static void map_point(const int32_t matrix[9], int x, int y, int *out_x, int *out_y)
{
    *out_x = (int)(((int64_t)matrix[0] * x + (int64_t)matrix[3] * y) / 65536);
    *out_y = (int)(((int64_t)matrix[1] * x + (int64_t)matrix[4] * y) / 65536);
}

/* What an Orientation says: turns clockwise (y down), then the mirror. */
static void turn_point(Orientation orientation, int x, int y, int *out_x, int *out_y)
{
    for (int i = 0; i < orientation.quarter_turns; i++) {
        const int old = x;
        x = -y;
        y = old;
    }
    *out_x = orientation.mirrored ? -x : x;
    *out_y = y;
}

static void test_matrices(void **state)
{
    (void)state;
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        for (int turns = 0; turns < 4; turns++) {
            int32_t matrix[9];
            av_display_rotation_set(matrix, 90.0 * turns);
            if (mirrored) {
                av_display_matrix_flip(matrix, 1, 0);
            }
            const Orientation found = orientation_from_matrix(matrix);
            for (int i = 0; i < 2; i++) {
                int mx = 0;
                int my = 0;
                int tx = 0;
                int ty = 0;
                map_point(matrix, i, 1 - i, &mx, &my);
                turn_point(found, i, 1 - i, &tx, &ty);
                assert_int_equal(mx, tx);
                assert_int_equal(my, ty);
            }
            assert_int_equal(found.mirrored, mirrored);
        }
    }
    const int32_t nothing[9] = {0};
    assert_int_equal(orientation_from_matrix(nothing).quarter_turns, 0);
}

static void test_exif(void **state)
{
    (void)state;
    /* Where the stored picture's right and bottom edges end up, by the EXIF standard's table of "row 0,
     * column 0". */
    static const struct {
        int value;
        int right_x, right_y, bottom_x, bottom_y;
    } cases[] = {{1, 1, 0, 0, 1},  {2, -1, 0, 0, 1},  {3, -1, 0, 0, -1}, {4, 1, 0, 0, -1}, {5, 0, 1, 1, 0},
                 {6, 0, 1, -1, 0}, {7, 0, -1, -1, 0}, {8, 0, -1, 1, 0},  {0, 1, 0, 0, 1},  {9, 1, 0, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const Orientation found = orientation_from_exif(cases[i].value);
        int x = 0;
        int y = 0;
        turn_point(found, 1, 0, &x, &y);
        assert_int_equal(x, cases[i].right_x);
        assert_int_equal(y, cases[i].right_y);
        turn_point(found, 0, 1, &x, &y);
        assert_int_equal(x, cases[i].bottom_x);
        assert_int_equal(y, cases[i].bottom_y);
    }
}

/* ---- timeline ---- */

enum { DROP = INT32_MIN, NONE = INT32_MAX };

static void check_timeline(AVRational base, int64_t duration, const int *in, const int *out, size_t count)
{
    Timeline timeline = {.time_base = base};
    for (size_t i = 0; i < count; i++) {
        int64_t pts = in[i] == NONE ? AV_NOPTS_VALUE : in[i];
        const bool kept = timeline_place(&timeline, &pts, duration);
        assert_int_equal(kept, out[i] != DROP);
        if (kept) {
            assert_int_equal(pts, out[i]);
        }
    }
}

static void test_timeline(void **state)
{
    (void)state;
    const AVRational fine = {1, 90000};
    const AVRational coarse = {1, 25};
    /* untouched: gaps, a negative start */
    check_timeline(fine, 3600, (int[]){-7200, -3600, 0, 90000, 93600}, (int[]){-7200, -3600, 0, 90000, 93600},
                   5);
    /* missing */
    check_timeline(fine, 3600, (int[]){NONE, NONE, 7200}, (int[]){0, 3600, 7200}, 3);
    /* the same time twice: a tick later, without moving the rest */
    check_timeline(fine, 3600, (int[]){0, 3600, 3600, 7200}, (int[]){0, 3600, 3601, 7200}, 4);
    /* the same where a tick is a frame */
    check_timeline(coarse, 1, (int[]){0, 1, 1, 2, 3}, (int[]){0, 1, DROP, 2, 3}, 5);
    /* a clock that was reset */
    check_timeline(coarse, 1, (int[]){100, 101, 0, 1, 2}, (int[]){100, 101, 102, 103, 104}, 5);
}

/* Whatever the file says, places stay apart, increase, and leave room for a sum (a case for UBSan). */
static void test_hostile_times(void **state)
{
    (void)state;
    static const int64_t usable = INT64_C(1) << 60;
    static const int64_t times[] = {INT64_MAX, INT64_MIN + 1, 0,         1LL << 60, -(1LL << 60),
                                    1LL << 60, -(1LL << 60),  1LL << 60, 5,         INT64_MAX - 1,
                                    -7,        1LL << 61,     0};
    static const int64_t durations[] = {1, INT64_MAX, 1LL << 60, INT64_MIN};
    for (size_t d = 0; d < sizeof durations / sizeof durations[0]; d++) {
        Timeline timeline = {.time_base = {1, 25}};
        int64_t last = INT64_MIN;
        for (size_t round = 0; round < 5; round++) {
            for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
                int64_t pts = times[i];
                if (timeline_place(&timeline, &pts, durations[d])) {
                    assert_true(pts > last && pts >= -usable && pts <= 2 * usable);
                    last = pts;
                }
            }
        }
        assert_true(last >= usable);
    }
    assert_int_equal(timeline_usable(usable), usable);
    assert_true(timeline_usable(usable + 1) == AV_NOPTS_VALUE);
    assert_true(timeline_usable(INT64_MAX) == AV_NOPTS_VALUE);
    assert_int_equal(timeline_usable_length(usable + 1), 0);
    assert_int_equal(timeline_usable_length(-1), 0);
}

/* ---- constant rate ---- */

typedef struct RateCase {
    AVRational base, rate;
    int64_t step; /* of the input, in base */
    int frames;
    int64_t expected; /* slots in all */
} RateCase;

static void test_rates(void **state)
{
    (void)state;
    static const RateCase cases[] = {
        {{1, 25}, {25, 1}, 1, 100, 100},
        {{1, 25}, {50, 1}, 1, 100, 200},
        {{1, 25}, {10, 1}, 1, 100, 40},
        {{1, 30000}, {25, 1}, 1001, 300, 250},
        {{1, 24000}, {30000, 1001}, 1001, 240, 300},
        {{1, 1000}, {30, 1}, 40, 75, 90},
        {{1, 25}, {1, 10}, 1, 100, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FrameRateConverter converter;
        frame_rate_init(&converter, cases[i].base, cases[i].rate);
        int64_t next = 0;
        for (int f = 0; f < cases[i].frames; f++) {
            const FrameSlots slots = frame_rate_take(&converter, f * cases[i].step, cases[i].step);
            if (slots.count > 0) {
                assert_int_equal(slots.first, next);
                next += slots.count;
            }
        }
        assert_int_equal(next, cases[i].expected);
    }
}

static void test_rate_start_and_gap(void **state)
{
    (void)state;
    FrameRateConverter converter;
    frame_rate_init(&converter, (AVRational){1, 1000}, (AVRational){10, 1});
    FrameSlots slots = frame_rate_take(&converter, 2000, 1); /* shorter than a slot, but the first */
    assert_int_equal(slots.first, 20);
    assert_int_equal(slots.count, 1);
    slots = frame_rate_take(&converter, 2500, 100); /* a gap in front: filled */
    assert_int_equal(slots.first, 21);
    assert_int_equal(slots.count, 5);
    slots = frame_rate_take(&converter, 2600, 36000000); /* ten hours: ten minutes of them are filled */
    assert_int_equal(slots.first, 26);
    assert_int_equal(slots.count, 6000);
    frame_rate_init(&converter, (AVRational){1, 1}, (AVRational){240, 1});
    slots = frame_rate_take(&converter, INT64_C(1) << 60, 1); /* no such slot in 64 bits */
    assert_int_equal(slots.count, 0);
    slots = frame_rate_take(&converter, 1, 1);
    assert_int_equal(slots.count, 240);
}

/* ---- small numbers ---- */

static void test_rate_factor(void **state)
{
    (void)state;
    assert_int_equal(encoder_rate_factor(0, 51), 0);
    assert_int_equal(encoder_rate_factor(18, 51), 9);
    assert_int_equal(encoder_rate_factor(100, 51), 51);
    assert_int_equal(encoder_rate_factor(100, 63), 63);
    assert_int_equal(encoder_rate_factor(50, 63), 32);
}

static void test_movie_timescale(void **state)
{
    (void)state;
    const AVRational bases[] = {{1, 12288}, {1, 44100}, {1001, 30000}, {1, 1000003}};
    assert_int_equal(container_movie_timescale((int64_t[]){0, -1024}, bases, 2), 1000);
    assert_int_equal(container_movie_timescale((int64_t[]){1, AV_NOPTS_VALUE}, bases, 2), 1536000);
    assert_int_equal(container_movie_timescale((int64_t[]){0, 7}, bases, 2), 441000);
    assert_int_equal(container_movie_timescale((int64_t[]){0, 0, 1}, bases, 3), 30000);
    /* too large: what fits */
    assert_int_equal(container_movie_timescale((int64_t[]){1, 1, 1, 1}, bases, 4), 225792000);
}

static void test_tags(void **state)
{
    (void)state;
    AVDictionary *source = NULL;
    AVDictionary *target = NULL;
    (void)av_dict_set(&source, "title", "Film", 0);
    (void)av_dict_set(&source, "ENCODER", "other", 0);
    (void)av_dict_set(&source, "major_brand", "isom", 0);
    (void)av_dict_set(&source, "DURATION-eng", "0:01", 0);
    (void)av_dict_set(&source, "comment", "mine", 0);
    container_copy_tags(&target, source);
    assert_int_equal(av_dict_count(target), 2);
    const char *const plain[][2] = {{"comment", "made"}, {NULL, NULL}};
    const char *const special[][2] = {{"x-made-with", "us"}, {NULL, NULL}};
    assert_false(container_add_tags(&target, plain));
    assert_string_equal(av_dict_get(target, "comment", NULL, 0)->value, "mine; made");
    assert_false(container_add_tags(&target, plain)); /* once is enough */
    assert_string_equal(av_dict_get(target, "comment", NULL, 0)->value, "mine; made");
    assert_true(container_add_tags(&target, special));
    av_dict_free(&source);
    av_dict_free(&target);
}

/* ---- is it whole? ---- */

static ContainerCheck check_bytes(const void *bytes, size_t count, size_t file_bytes)
{
    char path[] = "/tmp/runbatch-check-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), (ssize_t)count);
    assert_int_equal(ftruncate(fd, (off_t)file_bytes), 0);
    const ContainerCheck check = container_check(path);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    return check;
}

#define CHECK(literal, file_bytes) check_bytes(literal, sizeof(literal) - 1, file_bytes)

static void test_container_check(void **state)
{
    (void)state;
    ContainerCheck check = CHECK("\0\0\0\x10"
                                 "ftypisom\0\0\0\0\0\0\0\x08moov\0\0\0\x20mdat",
                                 16 + 8 + 32);
    assert_int_equal(check.kind, CONTAINER_ISO);
    assert_int_equal(check.wholeness, WHOLENESS_WHOLE);
    check = CHECK("\0\0\0\x10"
                  "ftypisom\0\0\0\0\0\0\0\x08moov\0\0\0\x20mdat",
                  16 + 8 + 31);
    assert_int_equal(check.wholeness, WHOLENESS_CUT);
    check = CHECK("\0\0\0\x10"
                  "ftypisom\0\0\0\0\0\0\0\x20mdat",
                  16 + 32); /* no index */
    assert_int_equal(check.wholeness, WHOLENESS_CUT);
    /* 64-bit size; padding behind the last box does not matter */
    check = CHECK("\0\0\0\x08moov\0\0\0\x01mdat\0\0\0\0\0\0\0\x40", 8 + 64 + 100);
    assert_int_equal(check.wholeness, WHOLENESS_WHOLE);
    check = CHECK("\0\0\0\x08moov\0\0\0\0mdat", 5000); /* up to the end */
    assert_int_equal(check.wholeness, WHOLENESS_WHOLE);
    check = CHECK("\x1A\x45\xDF\xA3\x81\0\x18\x53\x80\x67\x40\x64", 12 + 100);
    assert_int_equal(check.kind, CONTAINER_MATROSKA);
    assert_int_equal(check.wholeness, WHOLENESS_WHOLE);
    check = CHECK("\x1A\x45\xDF\xA3\x81\0\x18\x53\x80\x67\x40\x64", 12 + 99);
    assert_int_equal(check.wholeness, WHOLENESS_CUT);
    check = CHECK("\x1A\x45\xDF\xA3\x81\0\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 500);
    assert_int_equal(check.wholeness, WHOLENESS_UNKNOWN);
    check = CHECK("\x1A\x45\xDF\xA3\x81", 5);
    assert_int_equal(check.wholeness, WHOLENESS_CUT);
    check = CHECK("RIFF\0\x10\0\0AVI ", 8 + 0x1000);
    assert_int_equal(check.kind, CONTAINER_RIFF);
    assert_int_equal(check.wholeness, WHOLENESS_WHOLE);
    check = CHECK("RIFF\0\x10\0\0AVI ", 2000);
    assert_int_equal(check.wholeness, WHOLENESS_CUT);
    check = CHECK("this is no video\n", 17);
    assert_int_equal(check.kind, CONTAINER_TEXT);
    check = CHECK("\x01\x02\x03", 3);
    assert_int_equal(check.kind, CONTAINER_OTHER);
    check = container_check("/nonexistent/file");
    assert_int_equal(check.kind, CONTAINER_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),    cmocka_unit_test(test_exif),
        cmocka_unit_test(test_timeline),    cmocka_unit_test(test_hostile_times),
        cmocka_unit_test(test_rates),       cmocka_unit_test(test_rate_start_and_gap),
        cmocka_unit_test(test_rate_factor), cmocka_unit_test(test_movie_timescale),
        cmocka_unit_test(test_tags),        cmocka_unit_test(test_container_check),
    };
    return cmocka_run_group_tests_name("media_parts", tests, NULL, NULL);
}
