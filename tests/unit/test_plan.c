#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/plan.h"

/* Each test runs in an empty folder of its own, as its current one. */
typedef struct Sandbox {
    char folder[64];
    char *before;
} Sandbox;

static int enter(void **state)
{
    Sandbox *sandbox = memory_alloc(1, sizeof *sandbox);
    (void)snprintf(sandbox->folder, sizeof sandbox->folder, "/tmp/runbatch-plan-XXXXXX");
    sandbox->before = get_current_dir_name();
    *state = sandbox;
    return mkdtemp(sandbox->folder) != NULL && chdir(sandbox->folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    Sandbox *sandbox = *state;
    char *command = text_format("chmod -R u+rwx '%s'; rm -rf '%s'", sandbox->folder, sandbox->folder);
    const int failed = chdir(sandbox->before) != 0 || system(command) != 0;
    memory_free(command);
    memory_free(sandbox->before);
    memory_free(sandbox);
    return failed;
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folders(void)
{
    assert_int_equal(folder_make("source", NULL), STATUS_OK);
    assert_int_equal(folder_make("inputVideos", NULL), STATUS_OK);
    write_file("source/face.jpg", "jpg");
}

static void add_videos(const char *const *names)
{
    for (; *names != NULL; names++) {
        char *path = path_join("inputVideos", *names);
        write_file(path, *names);
        memory_free(path);
    }
}

#define VIDEOS(...) add_videos((const char *const[]){__VA_ARGS__, NULL})

static Status plan_with(Settings *settings, Plan *plan, Error *err)
{
    error_clear(err);
    return plan_make(settings, plan, err);
}

/* Expects the default settings, changed by the caller, to fail so. */
static void expect_refusal(Settings *settings, ErrorClass class_, const char *part)
{
    Plan plan;
    Error err = {0};
    char line[1600];
    assert_int_equal(plan_make(settings, &plan, &err), STATUS_FAILED);
    error_text(&err, line, sizeof line);
    if (strstr(line, part) == NULL || err.class_ != class_ || err.todo[0] == '\0') {
        fail_msg("wanted '%s' of class %s and an advice, got (%s) %s", part, error_class_name(class_),
                 error_class_name(err.class_), line);
    }
    assert_int_equal(plan.count, 0);
    settings_free(settings);
}

static void folders_give_a_plan_in_natural_order(void **state)
{
    (void)state;
    make_folders();
    write_file("source/z.png", "");
    write_file("source/a.txt", "");
    write_file("source/.a.png", "");
    VIDEOS("clip10.mp4", "clip2.mp4", "Clip1.MKV", "notes.txt", ".hidden.mp4", "x y\xc3\xb1.webm",
           "z.mp4.part");
    assert_int_equal(mkdir("inputVideos/x.mp4", 0700), 0);
    assert_int_equal(symlink("nowhere", "inputVideos/link3.avi"), 0);
    assert_int_equal(symlink("clip2.mp4", "inputVideos/link4.wmv"), 0);
    Settings settings;
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    static const struct {
        const char *input;
        const char *output;
        int64_t size;
    } wanted[] = {
        {"inputVideos/Clip1.MKV", "outputVideos/face_1.mp4", 9},
        {"inputVideos/clip2.mp4", "outputVideos/face_2.mp4", 9},
        {"inputVideos/clip10.mp4", "outputVideos/face_10.mp4", 10},
        {"inputVideos/link3.avi", "outputVideos/face_3.mp4", -1},
        {"inputVideos/link4.wmv", "outputVideos/face_4.mp4", 9},
        {"inputVideos/x y\xc3\xb1.webm", "outputVideos/face_x y\xc3\xb1.mp4", 10},
        {"inputVideos/x.mp4", "outputVideos/face_x.mp4", -1},
    };
    assert_int_equal(plan.count, sizeof wanted / sizeof wanted[0]);
    assert_int_equal(plan.found, plan.count);
    for (size_t i = 0; i < plan.count; i++) {
        assert_int_equal(plan.items[i].position, i + 1);
        assert_string_equal(plan.items[i].input, wanted[i].input);
        assert_string_equal(plan.items[i].output, wanted[i].output);
        assert_int_equal(plan.items[i].size_bytes, wanted[i].size);
    }
    assert_string_equal(plan.sources.items[0], "source/face.jpg");
    assert_string_equal(plan.output_dir, "outputVideos");
    assert_string_equal(plan.state_dir, "outputVideos/.runbatch");
    assert_string_equal(plan.items[0].temporary, "outputVideos/.face_1.mp4.runbatch-part");
    assert_string_equal(plan.items[0].log, "outputVideos/.runbatch/logs/face_1.log");
    assert_true(file_is_folder("outputVideos"));
    assert_false(file_exists("outputVideos/.runbatch"));
    plan_free(&plan);
    settings_free(&settings);
}

static void ranges_select_and_keep_positions(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("v1.mp4", "v2.mp4", "v3.mp4", "v4.mp4", "v5.mp4");
    Settings settings;
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    text_list_add(&settings.ranges, "4-9");
    text_list_add(&settings.ranges, "2,4");
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.found, 5);
    assert_int_equal(plan.items[0].position, 2);
    assert_int_equal(plan.items[1].position, 4);
    assert_int_equal(plan.items[2].position, 5);
    assert_int_equal(plan.notes.count, 1);
    plan_free(&plan);
    text_list_add(&settings.ranges, "6");
    Error outside = {0};
    assert_int_equal(plan_make(&settings, &plan, &outside), STATUS_FAILED);
    assert_int_equal(outside.class_, ERROR_USAGE);
    assert_non_null(strstr(outside.why, "5 videos"));
    settings_free(&settings);
}

static void a_thousand_videos(void **state)
{
    (void)state;
    make_folders();
    for (int i = 1000; i > 0; i--) {
        char name[64];
        (void)snprintf(name, sizeof name, "inputVideos/take %d.mp4", i);
        write_file(name, "");
    }
    Settings settings;
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    assert_int_equal(plan.count, 1000);
    assert_string_equal(plan.items[999].output, "outputVideos/face_1000.mp4");
    assert_string_equal(plan.items[99].input, "inputVideos/take 100.mp4");
    plan_free(&plan);
    settings_free(&settings);
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "neither a folder source nor a folder inputVideos");

    assert_int_equal(folder_make("inputVideos", NULL), STATUS_OK);
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "source: No such file");

    assert_int_equal(folder_make("source", NULL), STATUS_OK);
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "no source picture: source");

    assert_int_equal(mkdir("source/face.jpg", 0700), 0); /* a folder is no picture */
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "no source picture: source");

    write_file("source/face.png", "");
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "no videos: inputVideos");

    settings_defaults(&settings);
    text_list_add(&settings.sources, "gone.png");
    expect_refusal(&settings, ERROR_ENVIRONMENT, "gone.png: No such file");

    settings_defaults(&settings);
    text_list_add(&settings.sources, "source");
    expect_refusal(&settings, ERROR_ENVIRONMENT, "it is a folder");

    settings_defaults(&settings);
    settings.target = text_duplicate("gone.mp4");
    expect_refusal(&settings, ERROR_ENVIRONMENT, "gone.mp4: No such file");

    assert_int_equal(rmdir("inputVideos"), 0);
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "inputVideos: No such file");
    assert_false(file_exists("outputVideos"));
}

static void clashes_are_told_before_anything_is_made(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("a1.mp4", "b1.mp4", "c2.mp4");
    Settings settings;
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_USAGE, "face_1.mp4: 'a1.mp4' and 'b1.mp4'");

    /* a clash with a video outside of the range: its own run would skip it as done */
    settings_defaults(&settings);
    text_list_add(&settings.ranges, "1");
    expect_refusal(&settings, ERROR_USAGE, "face_1.mp4: 'a1.mp4' and 'b1.mp4'");
    assert_false(file_exists("outputVideos"));

    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    text_list_add(&settings.ranges, "3");
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    plan_free(&plan);
    settings_free(&settings);
}

static void an_output_replaces_neither_folder_nor_input(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("a1.mp4", "b2.mp4");
    Settings settings;
    assert_int_equal(folder_make("outputVideos/face_2.mp4", NULL), STATUS_OK);
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_ENVIRONMENT, "outputVideos/face_2.mp4: there is a folder");

    settings_defaults(&settings);
    memory_free(settings.output_name);
    settings.output_name = text_duplicate("{stem}");
    memory_free(settings.output_dir);
    settings.output_dir = text_duplicate("source/../inputVideos");
    expect_refusal(&settings, ERROR_USAGE, "it is the folder of the videos too");

    settings_defaults(&settings);
    settings.target = text_duplicate("inputVideos/a1.mp4");
    settings.output = text_duplicate("./inputVideos/a1.mp4");
    expect_refusal(&settings, ERROR_USAGE, "they are the same file");
}

static void an_output_folder_that_cannot_be_is_told(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("a1.mp4");
    write_file("outputVideos", "a file");
    for (int dry = 0; dry < 2; dry++) {
        Settings settings;
        settings_defaults(&settings);
        settings.dry_run = dry == 1;
        expect_refusal(&settings, ERROR_ENVIRONMENT, "there is a file of that name");
    }
    if (geteuid() == 0) {
        return; /* root writes everywhere */
    }
    assert_int_equal(unlink("outputVideos"), 0);
    assert_int_equal(mkdir("outputVideos", 0500), 0);
    for (int dry = 0; dry < 2; dry++) {
        Settings settings;
        settings_defaults(&settings);
        settings.dry_run = dry == 1;
        expect_refusal(&settings, ERROR_ENVIRONMENT, "Permission denied");
    }
}

static void a_dry_run_makes_nothing(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("a1.mp4");
    Settings settings;
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    settings.dry_run = true;
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    assert_int_equal(plan.count, 1);
    assert_false(file_exists("outputVideos"));
    plan_free(&plan);
    settings_free(&settings);
}

static void one_target_goes_where_it_is_told(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("-clip7.mp4", "b2.mp4");
    assert_int_equal(folder_make("made", NULL), STATUS_OK);
    static const struct {
        const char *target;
        const char *output;
        const char *wanted; /* of the first item */
        size_t count;
    } cases[] = {
        {"inputVideos/-clip7.mp4", "out.mp4", "out.mp4", 1},
        {"inputVideos/-clip7.mp4", "deep/er/out.MKV", "deep/er/out.MKV", 1},
        {"inputVideos/-clip7.mp4", "made", "made/face_7.mp4", 1},
        {"inputVideos/-clip7.mp4", "new/", "new/face_7.mp4", 1},
        {"inputVideos/-clip7.mp4", "new2", "new2/face_7.mp4", 1},
        {"inputVideos/-clip7.mp4", NULL, "outputVideos/face_7.mp4", 1},
        {"inputVideos", "made", "made/face_7.mp4", 2},
        {"inputVideos/", "v1.2/", "v1.2/face_7.mp4", 2},
        {"inputVideos", NULL, "outputVideos/face_7.mp4", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        Plan plan;
        Error err = {0};
        settings_defaults(&settings);
        settings.target = text_duplicate(cases[i].target);
        settings.output = cases[i].output != NULL ? text_duplicate(cases[i].output) : NULL;
        if (plan_with(&settings, &plan, &err) != STATUS_OK) {
            fail_msg("case %zu: %s: %s", i, err.what, err.why);
        }
        assert_int_equal(plan.count, cases[i].count);
        assert_string_equal(path_name(plan.items[0].input), "-clip7.mp4");
        char *plain = plan.items[0].output;
        assert_string_equal(plain, cases[i].wanted);
        plan_free(&plan);
        settings_free(&settings);
    }
}

static void outputs_that_cannot_be_are_told(void **state)
{
    (void)state;
    make_folders();
    VIDEOS("a1.mp4");
    static const struct {
        const char *target;
        const char *output;
        const char *range;
        const char *part;
    } cases[] = {
        {"inputVideos/a1.mp4", "a.gif", NULL, "'.gif' is not a container"},
        {"inputVideos", "out.mp4", NULL, "the output must be one"},
        {"inputVideos/a1.mp4", "a.webm", NULL, "libx264 does not make VP9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        settings_defaults(&settings);
        settings.target = text_duplicate(cases[i].target);
        settings.output = text_duplicate(cases[i].output);
        expect_refusal(&settings, ERROR_USAGE, cases[i].part);
    }
    Settings settings;
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    settings.target = text_duplicate("inputVideos/a1.mp4");
    text_list_add(&settings.ranges, "1");
    assert_int_equal(plan_make(&settings, &plan, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_USAGE);
    settings_free(&settings);
}

static void names_too_long_are_told_only_when_selected(void **state)
{
    (void)state;
    make_folders();
    char name[256] = {0};
    memset(name, 'n', 251);
    memcpy(name + 247, ".mp4", 5);
    VIDEOS("a1.mp4");
    add_videos((const char *const[]){name, NULL});
    Settings settings;
    settings_defaults(&settings);
    expect_refusal(&settings, ERROR_USAGE, "the output's name is too long");
    Plan plan;
    Error err = {0};
    settings_defaults(&settings);
    text_list_add(&settings.ranges, "1");
    assert_int_equal(plan_with(&settings, &plan, &err), STATUS_OK);
    assert_int_equal(plan.count, 1);
    plan_free(&plan);
    settings_free(&settings);
}

#define IN_SANDBOX(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SANDBOX(folders_give_a_plan_in_natural_order),
        IN_SANDBOX(ranges_select_and_keep_positions),
        IN_SANDBOX(a_thousand_videos),
        IN_SANDBOX(what_is_missing_is_told),
        IN_SANDBOX(clashes_are_told_before_anything_is_made),
        IN_SANDBOX(an_output_replaces_neither_folder_nor_input),
        IN_SANDBOX(an_output_folder_that_cannot_be_is_told),
        IN_SANDBOX(a_dry_run_makes_nothing),
        IN_SANDBOX(one_target_goes_where_it_is_told),
        IN_SANDBOX(outputs_that_cannot_be_are_told),
        IN_SANDBOX(names_too_long_are_told_only_when_selected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
