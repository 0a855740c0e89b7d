/* Where --frame-store disk puts the files, and whose they are. */
#include "frame_fixtures.h"

#include "options/value.h"
#include "worker/frame_store.h"

static Settings settings_of(const char *temp_dir, bool keep)
{
    Settings settings;
    settings_defaults(&settings);
    assert_int_equal(option_assign(option_find("frame-store"), "disk", &settings, NULL), STATUS_OK);
    if (temp_dir != NULL) {
        assert_int_equal(option_assign(option_find("temp-dir"), temp_dir, &settings, NULL), STATUS_OK);
    }
    settings.keep_frames = keep;
    return settings;
}

static char *folder_of(const char *temp_dir, bool keep, const char *output)
{
    Settings settings = settings_of(temp_dir, keep);
    char *path = frame_store_folder(&settings, "out/.runbatch/work/x_1.mp4", output);
    settings_free(&settings);
    return path;
}

static void assert_folder(const char *temp_dir, bool keep, const char *expected)
{
    char *path = folder_of(temp_dir, keep, "out/x_1.mp4");
    assert_string_equal(path, expected);
    memory_free(path);
}

static void frames_have_their_places(void **state)
{
    (void)state;
    Settings memory;
    settings_defaults(&memory);
    assert_null(frame_store_folder(&memory, "work", "out/x_1.mp4"));
    assert_null(frame_store_make(&memory, "work", "out/x_1.mp4"));
    assert_true(frame_store_tidy(&memory, "work", "out/x_1.mp4", 1));
    FrameFiles *files = NULL;
    const FrameFilesConfig none = {0};
    assert_int_equal(frame_store_open(&files, &memory, "work", "out/x_1.mp4", &none, NULL), STATUS_OK);
    assert_null(files);
    settings_free(&memory);
    assert_folder(NULL, false, "out/.runbatch/work/x_1.mp4/frames");
    assert_folder(NULL, true, "out/x_1.mp4.frames");
}

/* Two batches whose outputs have the same names do not meet in one --temp-dir. */
static void outputs_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(chdir(root), 0);
    assert_int_equal(mkdir("a", 0700), 0);
    assert_int_equal(mkdir("b", 0700), 0);
    char *absolute = path_join(root, "a/x_1.mp4");
    char *paths[] = {folder_of("/t", false, "a/x_1.mp4"), folder_of("/t", false, absolute),
                     folder_of("/t", false, "b/x_1.mp4"), folder_of("/t", true, "a/x_1.mp4"),
                     folder_of("/t", false, "a/../a/x_1.mp4")};
    assert_int_equal(strlen(paths[0]), strlen("/t/runbatch-x_1.mp4-") + 8);
    assert_true(text_starts_with(paths[0], "/t/runbatch-x_1.mp4-"));
    assert_string_equal(paths[0], paths[1]);
    assert_string_equal(paths[0], paths[4]);
    assert_string_not_equal(paths[0], paths[2]);
    assert_true(text_starts_with(paths[3], "/t/x_1.mp4-"));
    assert_true(text_ends_with_nocase(paths[3], ".frames"));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        memory_free(paths[i]);
    }
    memory_free(absolute);
}

static void folders_are_made_and_left_behind(void **state)
{
    (void)state;
    char *temp_dir = path_join(root, "deep/er");
    char *output = path_join(root, "x_1.mp4");
    for (int keep = 0; keep < 2; keep++) {
        Settings settings = settings_of(temp_dir, keep == 1);
        char *path = frame_store_make(&settings, root, output);
        assert_true(file_is_folder(path));
        char *file = path_join(path, "frame-00000001.png");
        FILE *made = fopen(file, "wb");
        assert_non_null(made);
        assert_int_equal(fclose(made), 0);
        assert_int_equal(frame_store_tidy(&settings, root, output, 1), keep); /* ours: there may be more */
        assert_int_equal(file_exists(file), keep);
        (void)unlink(file);
        assert_true(frame_store_tidy(&settings, root, output, 1));
        assert_false(file_exists(path));
        assert_true(frame_store_tidy(&settings, root, output, 1));
        memory_free(file);
        memory_free(path);
        settings_free(&settings);
    }
    memory_free(temp_dir);
    memory_free(output);
}

static void options_reach_the_files(void **state)
{
    (void)state;
    static const char *const qualities[] = {"0", "100"};
    char *output = path_join(root, "x_1.mp4");
    int64_t bytes[2];
    for (int i = 0; i < 2; i++) {
        Source source = make_source(AV_PIX_FMT_YUV420P, 2, 1);
        const FrameFilesConfig stages = config_of(&source);
        Settings settings = settings_of(NULL, false);
        (void)option_assign(option_find("temp-frame-format"), "jpg", &settings, NULL);
        (void)option_assign(option_find("temp-frame-quality"), qualities[i], &settings, NULL);
        FrameFiles *files = NULL;
        assert_int_equal(frame_store_open(&files, &settings, root, output, &stages, NULL), STATUS_OK);
        AVFrame *frame = next_frame(files, &(uint64_t){0});
        bytes[i] = file_size(file_path("frame-00000001.jpg"));
        assert_true(bytes[i] > 0);
        av_frame_free(&frame);
        frame_files_free(&files);
        settings_free(&settings);
        free_source(&source);
    }
    assert_true(bytes[0] > 2 * bytes[1]);
    memory_free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_have_their_places),
        cmocka_unit_test(outputs_are_told_apart),
        cmocka_unit_test(folders_are_made_and_left_behind),
        cmocka_unit_test(options_reach_the_files),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
