#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/look.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 "
#define TONE "-f lavfi -i sine=440:d=2 "

static void figures_are_the_reader_s(void **state)
{
    (void)state;
    static const char *const clips[][2] = {
        {"plain.mp4", PATTERN TONE "-c:v libx264 -pix_fmt yuv420p -bf 2"},
        {"ten.mkv", PATTERN "-c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le"},
        {"old.avi", PATTERN TONE "-c:v mpeg4 -c:a mp2"},
        {"stream.ts", PATTERN "-c:v libx264 -pix_fmt yuv420p"},
    };
    for (size_t i = 0; i < sizeof clips / sizeof clips[0]; i++) {
        const char *path = fixture_clip(clips[i][0], clips[i][1]);
        MediaLook look;
        MediaLook full;
        Error err = {0};
        assert_int_equal(media_look(path, &look, &err), STATUS_OK);
        Reader *reader = open_clip(path);
        media_look_from(&full, reader_info(reader));
        reader_free(&reader);
        assert_memory_equal(&look, &full, sizeof look);
        assert_true(look.width == 320 && look.height == 180);
        assert_true(look.frames >= 49 && look.frames <= 51);
        assert_true(look.duration_s > 1.9 && look.duration_s < 2.1);
    }
}

static void what_depends_on_the_clip_is_told(void **state)
{
    (void)state;
    MediaLook look;
    assert_int_equal(media_look(fixture_clip("plain.mp4", PATTERN TONE "-c:v libx264 -pix_fmt yuv420p -bf 2"),
                                &look, NULL),
                     STATUS_OK);
    assert_string_equal(look.codec, "h264");
    assert_string_equal(look.pixel_format, "yuv420p");
    assert_int_equal(look.bit_depth, 8);
    assert_int_equal(look.reordered_frames, 2);
    assert_int_equal(look.audio_streams, 1);
    assert_int_equal(look.rotation, 0);
    assert_non_null(strstr(look.container, "mp4"));
    assert_int_equal(media_look(fixture_clip("ten.mkv", PATTERN "-c:v libx265 -x265-params log-level=none "
                                                                "-pix_fmt yuv420p10le"),
                                &look, NULL),
                     STATUS_OK);
    assert_string_equal(look.codec, "hevc");
    assert_int_equal(look.bit_depth, 10);
    assert_int_equal(look.audio_streams, 0);
    (void)fixture_clip("plain.mp4", PATTERN TONE "-c:v libx264 -pix_fmt yuv420p -bf 2");
    assert_int_equal(
        media_look(fixture_clip("turned.mp4", "-i %D/plain.mp4 -c copy -metadata:s:v rotate=270"), &look,
                   NULL),
        STATUS_OK);
    assert_int_equal(look.rotation, 90); /* that tag counts the other way */
}

/* A header that tells of more frames than the file could hold tells nothing. */
static void a_length_that_cannot_be_is_not_known(void **state)
{
    (void)state;
    enum { FRAMES_AT = 32 };
    static const unsigned char most[4] = {0xF0, 0xFF, 0xFF, 0xFF};
    char *data = NULL;
    int64_t size = 0;
    MediaLook look;
    const char *path = fixture_clip("old.avi", PATTERN TONE "-c:v mpeg4 -c:a mp2");
    assert_int_equal(file_read(path, 1 << 20, &data, &size, NULL), STATUS_OK);
    char *header = memmem(data, (size_t)size, "strh", 4);
    assert_non_null(header);
    memcpy(header + 8 + FRAMES_AT, most, sizeof most);
    fixture_write("endless.avi", data, (size_t)size);
    memory_free(data);
    assert_int_equal(media_look(fixture_path("endless.avi"), &look, NULL), STATUS_OK);
    assert_int_equal(look.frames, 0);
    assert_true(look.duration_s < 0.001);
    assert_int_equal(look.width, 320);
}

static void assert_refused(const char *path, const char *why)
{
    static const MediaLook empty;
    MediaLook look;
    Error err = {0};
    assert_int_equal(media_look(path, &look, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INPUT);
    if (strstr(err.why, why) == NULL) {
        fail_msg("%s: %s", path, err.why);
    }
    assert_memory_equal(&look, &empty, sizeof look);
}

static void what_a_job_would_refuse_is_refused(void **state)
{
    (void)state;
    static const char text[] = "no video, only words\n";
    fixture_write("empty.mp4", "", 0);
    fixture_write("words.mp4", text, strlen(text));
    assert_refused(fixture_path("missing.mp4"), "no such file");
    assert_refused(fixture_path("empty.mp4"), "empty");
    assert_refused(fixture_path("words.mp4"), "text");
    assert_refused(fixture_clip("tone.mp4", TONE), "audio only");
    const char *whole = fixture_clip("whole.mkv", PATTERN "-c:v libx264 -pix_fmt yuv420p");
    assert_refused(fixture_cut(whole, "half.mkv", 0.5), "cut off");
    whole = fixture_clip("whole.mp4", PATTERN "-c:v libx264 -pix_fmt yuv420p");
    assert_refused(fixture_cut(whole, "half.mp4", 0.5), "moov");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_the_reader_s),
        cmocka_unit_test(what_depends_on_the_clip_is_told),
        cmocka_unit_test(a_length_that_cannot_be_is_not_known),
        cmocka_unit_test(what_a_job_would_refuse_is_refused),
    };
    return cmocka_run_group_tests(tests, fixtures_make, fixtures_remove);
}
