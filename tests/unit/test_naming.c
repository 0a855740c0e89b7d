#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "batch/clash.h"
#include "batch/naming.h"

static const char usual[] = "{source}_{number}";

static void names_come_from_the_template(void **state)
{
    (void)state;
    static const struct {
        const char *template_;
        const char *source;
        const char *video;
        const char *name;
    } cases[] = {
        {usual, "source/face.jpg", "clip12.mp4", "face_12.mp4"},
        {usual, "source/face.jpg", "12.mp4", "face_12.mp4"},
        {usual, "source/face.jpg", "a1b22c333d.mkv", "face_333.mp4"},
        {usual, "source/face.jpg", "clip007.mp4", "face_007.mp4"},
        {usual, "source/face.jpg", "holiday.MOV", "face_holiday.mp4"},
        {usual, "source/face.jpg", "a 1.5.mp4", "face_5.mp4"},
        {usual, "source/face.jpg", "clip.mp4", "face_clip.mp4"}, /* not the 4 of .mp4 */
        {usual, "my face.v2.png", "clip 3 .mp4", "my face.v2_3.mp4"},
        {usual, "/a/b/ñandú.jpeg", "día 9.webm", "ñandú_9.mp4"},
        {usual, "-x.png", "-1.mp4", "-x_1.mp4"},
        {usual, "f.png", "123456789012345678901234567890.mp4", "f_123456789012345678901234567890.mp4"},
        {usual, "f.png", "clip", "f_clip.mp4"},
        {"{stem}", "f.png", "clip.v2.mp4", "clip.v2.mp4"},
        {"{stem}", "f.png", "movie.mkv.mp4", "movie.mkv.mp4"},
        {"{stem}.mkv", "f.png", "a.mp4", "a.mkv"},
        {"{stem}.WEBM", "f.png", "a.mp4", "a.WEBM"},
        {"{stem}.v2", "f.png", "a.mp4", "a.v2.mp4"},
        {"{index}-{stem}", "f.png", "a.mp4", "7-a.mp4"},
        {"{{{stem}}}", "f.png", "a.mp4", "{a}.mp4"},
        {"fixed", "f.png", "a.mp4", "fixed.mp4"},
        {"{source}{source}", "f.png", "a.mp4", "ff.mp4"},
        {"{stem}", NULL, "a.mp4", "a.mp4"},
        {"{stem}", "f.png", "a\nb\x7f.mp4", "a_b_.mp4"},
        {"{stem}", "f.png", "{number}.mp4", "{number}.mp4"}, /* not expanded again */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const NameParts parts = {cases[i].source, cases[i].video, 7};
        char *name = NULL;
        Error err = {0};
        assert_int_equal(naming_expand(cases[i].template_, &parts, &name, &err), STATUS_OK);
        assert_string_equal(name, cases[i].name);
        memory_free(name);
    }
}

static void bad_templates_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *template_;
        const char *source;
    } cases[] = {
        {"{sauce}", "f.png"}, {"{", "f.png"},    {"}", "f.png"},        {"{stem", "f.png"},
        {"stem}", "f.png"},   {"{}", "f.png"},   {"a/{stem}", "f.png"}, {"../x", "f.png"},
        {"{source}", NULL},   {".mp4", "f.png"}, {"{{stem}", "f.png"},  {"{a{stem}}", "f.png"},
        {"{Stem}", "f.png"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const NameParts parts = {cases[i].source, "a1.mp4", 1};
        char *name = NULL;
        Error err = {0};
        if (naming_expand(cases[i].template_, &parts, &name, &err) != STATUS_FAILED) {
            fail_msg("'%s' gave '%s'", cases[i].template_, name);
        }
        assert_null(name);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_non_null(strstr(err.todo, "{number}"));
    }
}

static void names_must_fit_file_system_and_container(void **state)
{
    (void)state;
    char name[260];
    memset(name, 'n', sizeof name);
    memcpy(name + 240 - 4, ".mp4", 5);
    assert_int_equal(naming_check(name, "libx264", NULL), STATUS_OK);
    memset(name, 'n', sizeof name);
    memcpy(name + 241 - 4, ".mp4", 5);
    Error err = {0};
    assert_int_equal(naming_check(name, "libx264", &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_USAGE);
    error_clear(&err);
    assert_int_equal(naming_check("a.webm", "libx264", &err), STATUS_FAILED);
    assert_int_equal(naming_check("a.webm", "libvpx-vp9", NULL), STATUS_OK);
    assert_int_equal(naming_check("a.mp4", "libvpx-vp9", NULL), STATUS_OK);
    static const struct {
        const char *name;
        const char *encoder;
        Status status;
    } cases[] = {
        {"a.mov", "libvpx-vp9", STATUS_FAILED}, {"a.MOV", "libx265", STATUS_OK},
        {"a.m4v", "libx265", STATUS_FAILED},    {"a.m4v", "hevc_nvenc", STATUS_FAILED},
        {"a.M4V", "libvpx-vp9", STATUS_FAILED}, {"a.m4v", "libx264", STATUS_OK},
        {"a.mkv", "libvpx-vp9", STATUS_OK},     {"a.mp4", "libx265", STATUS_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        error_clear(&err);
        assert_int_equal(naming_check(cases[i].name, cases[i].encoder, &err), cases[i].status);
        assert_int_equal(err.class_, cases[i].status == STATUS_OK ? ERROR_NONE : ERROR_USAGE);
    }
    assert_true(naming_is_container(".MKV"));
    assert_false(naming_is_container(".gif"));
    assert_false(naming_is_container(""));
}

typedef struct Named {
    const char *video;
    const char *output;
    bool selected;
} Named;

static void clashes_name_both_videos(void **state)
{
    (void)state;
    static const struct {
        Named entries[4];
        const char *why; /* NULL: no clash */
        const char *todo;
    } cases[] = {
        {{{"a1.mp4", "f_1.mp4", true}, {"b2.mp4", "f_2.mp4", true}}, NULL, NULL},
        {{{"a1.mp4", "f_1.mp4", true}, {"b1.mp4", "f_1.mp4", true}},
         "'a1.mp4' and 'b1.mp4'",
         "give each its own: --output-name '{source}_{stem}'"},
        {{{"a1.mkv", "f_1.mp4", true}, {"a1.mp4", "f_1.mp4", true}},
         "'a1.mkv' and 'a1.mp4'",
         "give each its own: --output-name '{source}_{stem}_{index}'"},
        {{{"a1.mp4", "f_1.mp4", false}, {"b1.mp4", "f_1.mp4", true}},
         "'a1.mp4' and 'b1.mp4'",
         "give each its own: --output-name '{source}_{stem}'"},
        {{{"a1.mp4", "f_1.mp4", false}, {"b1.mp4", "f_1.mp4", false}}, NULL, NULL},
        {{{"a1.mp4", NULL, false}, {"b1.mp4", NULL, false}}, NULL, NULL},
        {{{"a2.mp4", "f_2.mp4", true},
          {"a1.mp4", "f_1.mp4", true},
          {"b2.mp4", "f_2.mp4", true},
          {"b1.mp4", "f_1.mp4", true}},
         "'a2.mp4' and 'b2.mp4' (one of 2 clashes)",
         "give each its own: --output-name '{source}_{stem}'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = 0;
        ClashEntry entries[4] = {0};
        for (; count < 4 && cases[i].entries[count].video != NULL; count++) {
            const Named *named = &cases[i].entries[count];
            entries[count].video = named->video;
            entries[count].output = (char *)(uintptr_t)named->output;
            entries[count].selected = named->selected;
        }
        Error err = {0};
        const Status status = clash_of_names(entries, count, &err);
        assert_int_equal(status, cases[i].why == NULL ? STATUS_OK : STATUS_FAILED);
        if (cases[i].why != NULL) {
            assert_int_equal(err.class_, ERROR_USAGE);
            assert_string_equal(err.why, cases[i].why);
            assert_string_equal(err.todo, cases[i].todo);
        }
        for (size_t a = 0; a < count; a++) { /* each of a pair knows one of the others */
            const bool clashes = entries[a].other != NULL;
            for (size_t b = 0; clashes && b < count; b++) {
                if (strcmp(entries[b].video, entries[a].other) == 0) {
                    assert_string_equal(entries[b].output, entries[a].output);
                }
            }
            assert_true(!clashes || cases[i].why != NULL);
        }
        assert_true(cases[i].why == NULL || entries[0].other != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_the_template),
        cmocka_unit_test(bad_templates_are_told),
        cmocka_unit_test(names_must_fit_file_system_and_container),
        cmocka_unit_test(clashes_name_both_videos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
