/* A video that was stopped, killed and gone on with is the one of an unbroken run: with every encoder and
 * container, whatever its times. */
#include <libavcodec/avcodec.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "chunk_runs.h"
#include "media_fixtures.h"

typedef struct Case {
    const char *encoder;
    const char *preset;
    const char *container;
    const char *(*clip)(void);
    AVRational rate;
    double seconds;
} Case;

static Run new_case(const Case *c, const char *name)
{
    char output[64];
    char folder[64];
    WriterConfig config = quick_config(c->clip(), name);
    config.encoder = c->encoder;
    config.preset = c->preset;
    config.output_fps = c->rate;
    (void)snprintf(output, sizeof output, "%s.%s", name, c->container);
    (void)snprintf(folder, sizeof folder, "chunks-%s", name);
    return run_new(config, output, folder, c->seconds);
}

/* Stopped, killed, finished; opened once more. */
static void check_case(const Case *c)
{
    Run whole = new_case(c, "whole");
    run_expect(&whole, STATUS_OK);
    assert_true(whole.made > 3);
    assert_true(whole.last.last);
    assert_int_equal(run_files(&whole), whole.made);
    assert_continuous(whole.output, whole.summary.frames);

    Run parts = new_case(c, "parts");
    parts.stop_after = 1;
    run_expect(&parts, STATUS_STOPPED);
    const int first = parts.made;
    assert_true(first >= 1);
    assert_int_equal(run_files(&parts), first);
    parts.stop_after = NEVER;
    parts.kill_at = whole.counts.frames * 3 / 4;
    run_expect(&parts, STATUS_AGAIN);
    assert_int_equal(parts.reused, first);
    const int second = parts.made;
    assert_int_equal(run_files(&parts), first + second);
    parts.kill_at = NEVER;
    run_expect(&parts, STATUS_OK);
    assert_int_equal(parts.reused, first + second);
    assert_same_result(&whole, &parts);

    run_expect(&parts, STATUS_OK);
    assert_true(parts.resume.complete);
    assert_int_equal(parts.frames_written, 0);
    assert_int_equal(parts.made, 0);
    assert_same_result(&whole, &parts);
}

static void test_x264(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"libx264", NULL, "mp4", clip_plain, {0, 1}, 2},
        {"libx264", "slow", "mkv", clip_varying, {0, 1}, 1.5},
        {"libx264", "fast", "mp4", clip_varying, {0, 1}, 0.5},
        {"libx264", "veryfast", "mov", clip_odd, {10, 1}, 1.7},
        {"libx264", NULL, "mp4", clip_varying, {60, 1}, 1.5},
        {"libx264", NULL, "avi", clip_plain, {0, 1}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

static void test_x265(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"libx265", "fast", "mp4", clip_plain, {0, 1}, 2},
        {"libx265", "ultrafast", "mp4", clip_varying, {0, 1}, 1.5},
        {"libx265", "veryfast", "mkv", clip_odd, {10, 1}, 1.7},
        {"libx265", "ultrafast", "mov", clip_varying, {30, 1}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

static void test_vp9(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"libvpx-vp9", "veryfast", "webm", clip_plain, {0, 1}, 2},
        {"libvpx-vp9", "8", "mp4", clip_varying, {0, 1}, 1.5},
        {"libvpx-vp9", "5", "mkv", clip_odd, {10, 1}, 1.7},
        {"libvpx-vp9", "7", "mp4", clip_varying, {30, 1}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

/* Every picture is that of the unbroken run where the encoder has no memory. */
static void test_lossless(void **state)
{
    (void)state;
    const Case c = {"ffv1", NULL, "mkv", clip_plain, {0, 1}, 1.1};
    check_case(&c);
    size_t count = 0;
    size_t count_in = 0;
    uint32_t *in = frame_checksums(clip_plain(), &count_in);
    uint32_t *out = frame_checksums(fixture_path("parts.mkv"), &count);
    assert_int_equal(count, count_in);
    assert_memory_equal(in, out, count * sizeof *in);
    memory_free(in);
    memory_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x264),
        cmocka_unit_test(test_x265),
        cmocka_unit_test(test_vp9),
        cmocka_unit_test(test_lossless),
    };
    return cmocka_run_group_tests_name("media_chunks", tests, fixtures_make, fixtures_remove);
}
