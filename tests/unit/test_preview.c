#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/glyphs.h"
#include "options/vary.h"
#include "worker/preview_job.h"

static void times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
        int64_t frame;
    } good[] = {{"0", 0, -1},       {"90", 90, -1},          {"1.5", 1.5, -1},
                {"1:30", 90, -1},   {"75:00", 4500, -1},     {"1:02:03.25", 3723.25, -1},
                {"frame:0", -1, 0}, {"frame:2250", -1, 2250}};
    static const char *const bad[] = {"",       "x",   "-1",    "1:60",   "1:2:60",   "1:2:3:4",
                                      "1.5:00", "1:",  ":30",   "frame:", "frame:-1", "frame:x",
                                      "1e99",   "nan", "1:-30", "90 s",   "frame:1.5"};
    double seconds = 0;
    int64_t frame = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(preview_read_time(good[i].text, &seconds, &frame));
        assert_float_equal(seconds, good[i].seconds, 1e-9);
        assert_int_equal(frame, good[i].frame);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (preview_read_time(bad[i], &seconds, &frame)) {
            fail_msg("%s was taken for a time", bad[i]);
        }
    }
}

static void settings_are_varied(void **state)
{
    (void)state;
    Settings base;
    Settings out;
    settings_defaults(&base);
    assert_int_equal(settings_vary(&base, "as it is", &out, NULL), STATUS_OK);
    assert_string_equal(out.face_enhancer_model, "classical");
    settings_free(&out);
    assert_int_equal(
        settings_vary(&base, "frame-processor=face_debugger,face_swapper source=a.png", &out, NULL),
        STATUS_OK);
    assert_int_equal(out.frame_processors.count, 2);
    assert_string_equal(out.frame_processors.items[0], "face_debugger");
    assert_int_equal(out.sources.count, 1);
    assert_string_equal(out.sources.items[0], "a.png");
    Settings other;
    assert_int_equal(settings_vary(&out, "source=b.png", &other, NULL), STATUS_OK);
    assert_int_equal(other.sources.count, 1);
    assert_string_equal(other.sources.items[0], "b.png");
    settings_free(&other);
    settings_free(&out);
    assert_int_equal(settings_vary(&base, "light", &out, NULL), STATUS_OK);
    assert_int_equal(out.frame_processors.count, 1);
    assert_int_equal(out.output_video_quality, 25);
    settings_free(&out);
    static const char *const bad[] = {"nothing", "jobs=3", "no-such=1", "face-enhancer-blend=200",
                                      "frame-processor=x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Error err = {0};
        assert_int_equal(settings_vary(&base, bad[i], &out, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        error_clear(&err);
    }
    base.compare = (TextList){0};
    text_list_add(&base.compare, "as it is");
    Settings variants[PREVIEW_VARIANTS];
    int count = 0;
    assert_int_equal(preview_variants(&base, variants, &count, NULL), STATUS_FAILED);
    assert_int_equal(count, 0);
    text_list_add(&base.compare, "many-faces=off");
    assert_int_equal(preview_variants(&base, variants, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(variants[0].many_faces);
    assert_false(variants[1].many_faces);
    settings_free(&variants[0]);
    settings_free(&variants[1]);
    settings_free(&base);
}

static void text_is_drawn_within_its_bounds(void **state)
{
    (void)state;
    Image picture = {0};
    assert_int_equal(image_resize(&picture, 60, 20, 3, NULL), STATUS_OK);
    image_fill(&picture, 10);
    glyphs_draw(&picture, "aB\xc3\xa9?09:W", (Point){2, 4}, 2, 200, 40);
    glyphs_draw(&picture, "WWWW", (Point){-30, -30}, 9, 200, 40);
    int bright = 0;
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 60; x++) {
            bright += picture.plane[1][y * picture.stride + x] > 100;
            assert_true(x < 40 || picture.plane[1][y * picture.stride + x] == 10);
        }
    }
    assert_in_range(bright, 60, 700);
    Line lines[GLYPH_LINES_MOST];
    for (int sign = -128; sign < 128; sign++) {
        const int count = glyph_lines((char)sign, (Point){0, 0}, 1, lines);
        assert_in_range(count, sign == ' ' ? 0 : 1, GLYPH_LINES_MOST);
        for (int i = 0; i < count; i++) {
            assert_true(lines[i].from.x >= 0 && lines[i].from.x <= 4 && lines[i].to.y >= 0 &&
                        lines[i].to.y <= 6);
        }
    }
    image_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(settings_are_varied),
        cmocka_unit_test(text_is_drawn_within_its_bounds),
    };
    return cmocka_run_group_tests_name("preview", tests, NULL, NULL);
}
