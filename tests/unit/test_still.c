/* Reading source pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/frame_view.h"
#include "media/still.h"
#include "media_fixtures.h"

static void assert_no_still(const char *path, const char *reason)
{
    Error err = {0};
    Orientation orientation = {0};
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(still_read(path, frame, &orientation, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INPUT);
    if (strstr(err.why, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.why, reason);
    }
    av_frame_free(&frame);
}

static Orientation read_still(const char *path)
{
    Error err = {0};
    char text[1600];
    Orientation orientation = {0};
    AVFrame *frame = av_frame_alloc();
    if (still_read(path, frame, &orientation, &err) != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    assert_int_equal(frame->width, 60);
    assert_int_equal(frame->height, 40);
    assert_true(frame_view_supports((enum AVPixelFormat)frame->format));
    av_frame_free(&frame);
    return orientation;
}

/* Puts an EXIF block with nothing but an orientation behind a JPEG's first marker. */
static const char *with_exif(const char *jpeg, const char *name, int value)
{
    unsigned char exif[] = {0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                            0,    1,    1, 18, 0,   3,   0,   0,   0, 1, 0,   0,   0, 0,  0, 0, 0, 0};
    exif[29] = (unsigned char)value;
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(jpeg, 1 << 20, &data, &size, NULL), STATUS_OK);
    char *longer = memory_alloc((size_t)size + sizeof exif, 1);
    memcpy(longer, data, 2);
    memcpy(longer + 2, exif, sizeof exif);
    memcpy(longer + 2 + sizeof exif, data + 2, (size_t)size - 2);
    fixture_write(name, longer, (size_t)size + sizeof exif);
    memory_free(longer);
    memory_free(data);
    return fixture_path(name);
}

static void test_stills(void **state)
{
    (void)state;
    static const char *const names[] = {"a.jpg", "a.png", "a.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const Orientation upright =
            read_still(fixture_clip(names[i], "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1"));
        assert_int_equal(upright.quarter_turns, 0);
        assert_false(upright.mirrored);
    }
    (void)read_still(fixture_clip("pal.png", "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1 -pix_fmt pal8"));
    (void)read_still(
        fixture_clip("deep.png", "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1 -pix_fmt rgba64be"));
    for (int value = 1; value <= 8; value++) {
        const Orientation found = read_still(with_exif(fixture_path("a.jpg"), "turned.jpg", value));
        assert_int_equal(found.quarter_turns, ((int[]){0, 0, 0, 2, 2, 1, 1, 3, 3})[value]);
        assert_int_equal(found.mirrored, value == 2 || value == 4 || value == 5 || value == 7);
    }
}

/* 0x24, 0x6c, 0xaa is one of the colours that ffmpeg's palettes have. */
static void test_colours(void **state)
{
    (void)state;
    static const char *const kinds[] = {"rgb24", "rgba", "pal8"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char arguments[128];
        char name[32];
        (void)snprintf(arguments, sizeof arguments,
                       "-f lavfi -i color=c=0x246caa:s=60x40,format=rgb24 -frames:v 1 -pix_fmt %s", kinds[i]);
        (void)snprintf(name, sizeof name, "%s-blue.png", kinds[i]);
        Orientation orientation = {0};
        AVFrame *frame = av_frame_alloc();
        assert_int_equal(still_read(fixture_clip(name, arguments), frame, &orientation, NULL), STATUS_OK);
        Image rgb = {0};
        assert_int_equal(frame_view_read(frame, (Rect){5, 5, 6, 6}, &rgb, NULL), STATUS_OK);
        assert_float_equal(rgb.plane[0][0], 0x24, 0.01);
        assert_float_equal(rgb.plane[1][0], 0x6c, 0.01);
        assert_float_equal(rgb.plane[2][0], 0xaa, 0.01);
        image_free(&rgb);
        av_frame_free(&frame);
    }
}

static void test_bad_stills(void **state)
{
    (void)state;
    fixture_write("text.jpg", "no picture", 10);
    fixture_write("empty.png", "", 0);
    const char *png = fixture_clip("a.png", "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1");
    assert_no_still(fixture_path("text.jpg"), "not a picture");
    assert_no_still(fixture_path("empty.png"), "empty");
    assert_no_still(fixture_cut(png, "cut.png", 0.03), "damaged");
    assert_no_still(fixture_path("missing.png"), "No such file");
    char *folder = path_folder(png);
    assert_no_still(folder, "folder");
    memory_free(folder);
    /* the name does not matter */
    (void)read_still(fixture_cut(png, "misnamed.jpg", 1.0));
}

/* What is missing would be grey or green, in every video made of it. */
static void test_cut_stills(void **state)
{
    (void)state;
    (void)fixture_clip("a.jpg", "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1");
    (void)fixture_clip("a.png", "-f lavfi -i testsrc=s=60x40:d=1 -frames:v 1");
    static const double shares[] = {0.3, 0.5, 0.9, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        assert_no_still(fixture_cut(fixture_path("a.jpg"), "cut.jpg", shares[i]), "");
    }
    assert_no_still(fixture_cut(fixture_path("a.jpg"), "cut.jpg", 0.9), "damaged");
    assert_no_still(fixture_cut(fixture_path("a.png"), "cut.png", 0.8), "damaged");
    /* an end marker in the header, as that of the small picture in an EXIF block, is not the picture's */
    char *data = NULL;
    int64_t size = 0;
    const char *exif = with_exif(fixture_path("a.jpg"), "thumb.jpg", 0xFF);
    assert_int_equal(file_read(exif, 1 << 20, &data, &size, NULL), STATUS_OK);
    data[2 + 30] = (char)0xFF;
    data[2 + 31] = (char)0xD9;
    fixture_write("thumb.jpg", data, (size_t)size - 200);
    memory_free(data);
    assert_no_still(fixture_path("thumb.jpg"), "damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stills), cmocka_unit_test(test_colours),
                                       cmocka_unit_test(test_bad_stills), cmocka_unit_test(test_cut_stills)};
    return cmocka_run_group_tests_name("still", tests, fixtures_make, fixtures_remove);
}
