/* The check of finished files: what is wrong with a file must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/verify.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=2 "
#define TONE "-f lavfi -i sine=440:d=2.2:r=44100 "

static const VerifyExpectation right = {
    .frames = 50, .duration_s = 2.0, .tolerance_s = 0.04, .audio_streams = 1};

static void assert_found(const char *path, VerifyExpectation expected, const char *reason)
{
    Error err = {0};
    assert_int_equal(verify_output(path, &expected, NULL, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_VERIFY);
    if (strstr(err.why, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.why, reason);
    }
}

static void assert_good(const char *path, VerifyExpectation expected)
{
    Error err = {0};
    char text[1600];
    if (verify_output(path, &expected, NULL, &err) != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
}

static const char *good(const char *name)
{
    return fixture_clip(name, PATTERN TONE "-g 20 -bf 2");
}

static void test_good(void **state)
{
    (void)state;
    assert_good(good("good.mp4"), right);
    assert_good(good("good.mkv"), right);
    assert_good(fixture_clip("good.webm", PATTERN TONE "-c:v libvpx -deadline realtime"), right);
    assert_good(fixture_clip("good.avi", PATTERN TONE), right);
    VerifyExpectation loose = right;
    loose.frames = 0;
    loose.duration_s = -1;
    assert_good(good("good.mp4"), loose);
}

/* The distance to a frame far away is the duration of one decoded before it, but shown after it. */
static void test_gap_before_the_last(void **state)
{
    (void)state;
    const VerifyExpectation gap = {.frames = 6, .duration_s = 100.04, .tolerance_s = 0.04};
    const char *path = fixture_clip("gap.mp4", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.24 -vf "
                                               "\"setpts='if(eq(N,5),100/TB,PTS)'\" -fps_mode vfr -bf 3");
    assert_good(path, gap);
}

static void test_wrong_numbers(void **state)
{
    (void)state;
    VerifyExpectation expected = right;
    expected.frames = 51;
    assert_found(good("good.mp4"), expected, "50 frames instead of 51");
    expected.frames = 49;
    assert_found(good("good.mkv"), expected, "50 frames instead of 49");
    expected = right;
    expected.duration_s = 2.1;
    assert_found(good("good.mp4"), expected, "2.000 s instead of 2.100 s");
    expected = right;
    expected.audio_streams = 2;
    assert_found(good("good.mp4"), expected, "1 audio streams instead of 2");
    assert_found(fixture_clip("sound.mp4", TONE), right, "no video stream");
    assert_found(fixture_path("missing.mp4"), right, "does not open");
}

static void test_cut(void **state)
{
    (void)state;
    assert_found(fixture_cut(good("good.mp4"), "cut.mp4", 0.7), right, "does not open");
    assert_found(
        fixture_cut(fixture_clip("fast.mp4", PATTERN TONE "-movflags faststart"), "cutfast.mp4", 0.9), right,
        "shorter than");
    assert_found(fixture_cut(good("good.mkv"), "cut.mkv", 0.98), right, "shorter than");
    assert_found(fixture_cut(fixture_clip("good.avi", PATTERN TONE), "cut.avi", 0.9), right, "shorter than");
}

/* A writer that dies leaves no trailer. */
static void test_no_trailer(void **state)
{
    (void)state;
    static const char *const names[] = {"dead.mkv", "dead.mp4", "dead.avi"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Error err = {0};
        Reader *reader = NULL;
        Writer *writer = NULL;
        const char *input = good("good.mp4");
        const ReaderConfig source = {.path = input};
        assert_int_equal(reader_open(&reader, &source, &err), STATUS_OK);
        WriterConfig config = quick_config(input, names[i]);
        config.source = reader_info(reader);
        config.quality = 5;
        assert_int_equal(writer_open(&writer, &config, &err), STATUS_OK);
        AVFrame *frame = av_frame_alloc();
        while (reader_next(reader, frame, &err) == STATUS_OK) {
            assert_int_equal(writer_frame(writer, frame, NULL, 0, &err), STATUS_OK);
            av_frame_unref(frame);
        }
        av_frame_free(&frame);
        writer_free(&writer);
        reader_free(&reader);
        assert_found(config.path, right, "");
    }
}

/* Matroska's muxer writes the length of the whole when it finishes; all else may be there without it. */
static void test_unfinished(void **state)
{
    (void)state;
    static const unsigned char segment_id[4] = {0x18, 0x53, 0x80, 0x67};
    static const unsigned char unknown[8] = {0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(good("good.mkv"), 1 << 24, &data, &size, NULL), STATUS_OK);
    char *segment = memmem(data, (size_t)size, segment_id, sizeof segment_id);
    assert_non_null(segment);
    memcpy(segment + sizeof segment_id, unknown, sizeof unknown);
    fixture_write("unfinished.mkv", data, (size_t)size);
    memory_free(data);
    assert_found(fixture_path("unfinished.mkv"), right, "trailer is missing");
}

static void test_damaged_end(void **state)
{
    (void)state;
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(
        file_read(fixture_clip("fast.mp4", PATTERN TONE "-movflags faststart"), 1 << 24, &data, &size, NULL),
        STATUS_OK);
    for (int64_t i = size * 9 / 10; i < size; i++) {
        data[i] = (char)(data[i] ^ 0x5A);
    }
    fixture_write("damaged.mp4", data, (size_t)size);
    memory_free(data);
    assert_found(fixture_path("damaged.mp4"), right, "does not decode");
}

/* Turns over the bits of some bytes behind `share` of the file. */
static const char *spoil(const char *from, const char *to, double share)
{
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(from, 1 << 24, &data, &size, NULL), STATUS_OK);
    const int64_t begin = (int64_t)((double)size * share);
    for (int64_t i = begin; i < begin + size / 50; i++) {
        data[i] = (char)(data[i] ^ 0x5A);
    }
    fixture_write(to, data, (size_t)size);
    memory_free(data);
    return fixture_path(to);
}

static void test_whole(void **state)
{
    (void)state;
    VerifyExpectation whole = right;
    whole.whole = true;
    assert_good(good("good.mp4"), whole);
    assert_good(good("good.mkv"), whole);
    assert_good(fixture_clip("good.avi", PATTERN TONE), whole);
    assert_good(fixture_clip("good9.webm", PATTERN TONE "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
                whole);
    assert_good(fixture_clip("good265.mp4", PATTERN TONE "-c:v libx265 -x265-params log-level=none"), whole);
    const char *spoilt =
        spoil(fixture_clip("fast20.mp4", PATTERN TONE "-g 20 -bf 2 -movflags faststart"), "spoilt.mp4", 0.3);
    assert_good(spoilt, right);
    assert_found(spoilt, whole, "of its 50 frames decode, with");
    /* two frames at one time, each decoded later than the one before */
    (void)fixture_clip("simple.mp4", PATTERN "-bf 0 -g 20 -video_track_timescale 12800");
    const char *twins =
        fixture_clip("twins.mp4", "-i %D/simple.mp4 -c copy -bsf:v \"setts=pts='PTS+512-512*eq(N,30)'\"");
    whole.audio_streams = 0;
    whole.duration_s = -1;
    assert_found(twins, whole, "0 packets and 1 frames do not rise");
    whole.whole = false;
    assert_good(twins, whole);
}

static void test_watched(void **state)
{
    (void)state;
    Error err = {0};
    atomic_bool stop = false;
    atomic_llong work = 0;
    const VerifyWatch watch = {.stop = &stop, .work = &work};
    assert_int_equal(verify_output(good("good.mp4"), &right, &watch, &err), STATUS_OK);
    assert_true(atomic_load(&work) > right.frames);
    atomic_store(&stop, true);
    assert_int_equal(verify_output(good("good.mp4"), &right, &watch, &err), STATUS_STOPPED);
    assert_false(error_is_set(&err));
}

static void check_complete(const char *input, const char *output, bool expected, const char *reason)
{
    Error err = {0};
    bool complete = !expected;
    char why[200];
    assert_int_equal(verify_is_complete(input, output, &complete, why, sizeof why, &err), STATUS_OK);
    if (complete != expected || strstr(why, reason) == NULL) {
        fail_msg("complete: %d \"%s\"", complete, why);
    }
}

static void test_complete(void **state)
{
    (void)state;
    const char *input = good("good.mp4");
    const char *shorter = fixture_clip("short.mp4", "-f lavfi -i testsrc2=s=128x96:r=25:d=1");
    check_complete(input, good("good.mkv"), true, "");
    check_complete(input, shorter, false, "1.0 s instead of 2.0 s");
    check_complete(input, fixture_path("missing.mp4"), false, "no such file");
    check_complete(input, fixture_cut(good("good.mkv"), "cut.mkv", 0.9), false, "cut off");
    check_complete(input, fixture_cut(input, "cut.mp4", 0.5), false, "moov");
    check_complete(input, fixture_clip("sound.mp4", TONE), false, "no video");
    /* a container that tells only the length of the sound, and an output without it */
    check_complete(fixture_clip("hum.flv", PATTERN "-f lavfi -i sine=440:d=9 -c:v flv"), input, true, "");
    Error err = {0};
    bool complete = true;
    char why[200];
    assert_int_equal(verify_is_complete(fixture_path("missing.mp4"), input, &complete, why, sizeof why, &err),
                     STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_gap_before_the_last),
        cmocka_unit_test(test_wrong_numbers), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_no_trailer),    cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_damaged_end),   cmocka_unit_test(test_complete),
        cmocka_unit_test(test_whole),         cmocka_unit_test(test_watched),
    };
    return cmocka_run_group_tests_name("media_verify", tests, fixtures_make, fixtures_remove);
}
