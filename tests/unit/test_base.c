#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

static void first_error_wins(void **state)
{
    (void)state;
    Error err = {0};
    assert_int_equal(error_set(&err, ERROR_INPUT, "cannot open", "a.mp4", "it is empty"), STATUS_FAILED);
    error_set(&err, ERROR_SPACE, "cannot write", "b.mp4", "disk full");
    error_advise(&err, "copy %s again", "it");
    char line[512];
    assert_string_equal(error_text(&err, line, sizeof line),
                        "cannot open: a.mp4: it is empty (copy it again)");
    assert_int_equal(err.class_, ERROR_INPUT);
}

static void errno_decides_the_class(void **state)
{
    (void)state;
    Error err = {0};
    error_set_errno(&err, ERROR_ENCODER, "cannot write", "x", ENOSPC);
    assert_int_equal(err.class_, ERROR_SPACE);
    error_clear(&err);
    error_set_errno(&err, ERROR_INPUT, "cannot read", "x", EACCES);
    assert_int_equal(err.class_, ERROR_INPUT);
}

static void every_class_has_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CLASS_COUNT; i++) {
        assert_int_equal(error_class_from_name(error_class_name((ErrorClass)i)), i);
    }
}

static void error_text_cannot_steer_a_terminal(void **state)
{
    (void)state;
    Error err = {0};
    error_set(&err, ERROR_INPUT, "cannot open", "a\033[2J\n.mp4", "why");
    char line[512];
    error_text(&err, line, sizeof line);
    assert_null(strchr(line, '\033'));
    assert_null(strchr(line, '\n'));
}

static void copies_cut_between_characters(void **state)
{
    (void)state;
    char small[6];
    text_copy(small, sizeof small, "abcd\xC3\xA9");
    assert_string_equal(small, "abcd");
    text_copy(small, sizeof small, "abc\xC3\xA9");
    assert_string_equal(small, "abc\xC3\xA9");
}

static void distance_counts_swaps_once(void **state)
{
    (void)state;
    assert_int_equal(text_distance("skip-audio", "skip-aduio"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("same", "same"), 0);
}

static void paths_are_taken_apart(void **state)
{
    (void)state;
    char *stem = path_stem("in/clip.v2.mp4");
    char *folder = path_folder("/a");
    char *joined = path_join("in/", "x.mp4");
    char *hidden = path_stem("in/.mp4");
    assert_string_equal(stem, "clip.v2");
    assert_string_equal(folder, "/");
    assert_string_equal(joined, "in/x.mp4");
    assert_string_equal(hidden, ".mp4");
    assert_string_equal(path_extension("a.b/c"), "");
    char *absolute = path_absolute("/a/../b");
    char *relative = path_absolute("in/x.mp4");
    char *here = getcwd(NULL, 0);
    char *there = path_join(here, "in/x.mp4");
    assert_string_equal(absolute, "/a/../b");
    assert_string_equal(relative, there);
    assert_int_equal(relative[0], '/');
    memory_free(absolute);
    memory_free(relative);
    free(here);
    memory_free(there);
    memory_free(stem);
    memory_free(folder);
    memory_free(joined);
    memory_free(hidden);
}

static void publishing_replaces_the_target(void **state)
{
    (void)state;
    char folder[] = "/tmp/runbatch-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *deep = path_join(folder, "a/b");
    char *from = path_join(folder, "a/b/part");
    char *to = path_join(folder, "a/b/done");
    Error err = {0};
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_check_writable(deep, &err), STATUS_OK);
    FILE *file = fopen(from, "w");
    assert_non_null(file);
    fputs("new", file);
    fclose(file);
    assert_int_equal(file_publish(from, to, &err), STATUS_OK);
    assert_false(file_exists(from));
    assert_int_equal(file_size(to), 3);
    assert_int_equal(file_publish(from, to, &err), STATUS_FAILED);
    assert_int_equal(file_size(to), 3);
    char *above = path_join(folder, "a");
    unlink(to);
    rmdir(deep);
    rmdir(above);
    rmdir(folder);
    memory_free(above);
    memory_free(deep);
    memory_free(from);
    memory_free(to);
}

static void durations_read_well(void **state)
{
    (void)state;
    char text[32];
    clock_format_duration(3723.4, text, sizeof text);
    assert_string_equal(text, "1:02:03");
    clock_format_duration(59.6, text, sizeof text);
    assert_string_equal(text, "1:00");
    clock_format_duration(-1.0, text, sizeof text);
    assert_string_equal(text, "-:--");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(errno_decides_the_class),
        cmocka_unit_test(every_class_has_its_name),
        cmocka_unit_test(error_text_cannot_steer_a_terminal),
        cmocka_unit_test(copies_cut_between_characters),
        cmocka_unit_test(distance_counts_swaps_once),
        cmocka_unit_test(paths_are_taken_apart),
        cmocka_unit_test(publishing_replaces_the_target),
        cmocka_unit_test(durations_read_well),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
