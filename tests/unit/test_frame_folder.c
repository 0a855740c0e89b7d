/* The folder of frame files: what is damaged or in the way, and what is left behind. */
#include "frame_fixtures.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

static void cut(const char *name)
{
    assert_int_equal(truncate(file_path(name), file_size(file_path(name)) / 2), 0);
}

static void empty(const char *name)
{
    assert_int_equal(truncate(file_path(name), 0), 0);
}

static void make_link(const char *name)
{
    assert_int_equal(unlink(file_path(name)), 0);
    assert_int_equal(symlink("frame-00000002.png", file_path(name)), 0);
}

static void make_pipe(const char *name)
{
    assert_int_equal(unlink(file_path(name)), 0);
    assert_int_equal(mkfifo(file_path(name), 0600), 0);
}

static void resize(const char *name)
{
    draw(name, "36:21 -c:v png");
}

static void scribble(const char *name)
{
    put_file(name, "no picture at all", 17);
}

static void erase(const char *name)
{
    assert_int_equal(unlink(file_path(name)), 0);
}

static void damaged_files_are_named(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(const char *name);
        const char *why;
    } cases[] = {
        {cut, "damaged or cut off"},
        {empty, ""},
        {make_link, "links"},
        {make_pipe, "Invalid"},
        {resize, "it is 36x21 now, the video's frames are 37x21"},
        {scribble, "not a picture"},
        {erase, "No such file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Source source = make_source(AV_PIX_FMT_YUV420P, 3, 3);
        const FrameFilesConfig config = config_of(&source);
        FrameFiles *files = open_files(&config);
        AVFrame *first = next_frame(files, &(uint64_t){0});
        AVFrame *picture = av_frame_alloc();
        /* one that waits for the encoder, and one that waits to be worked on */
        for (int k = 0; k < 2; k++) {
            Error err = {0};
            const char *name = k == 0 ? "frame-00000001.png" : "frame-00000002.png";
            if (k == 1 && cases[i].damage == make_link) {
                continue;
            }
            cases[i].damage(name);
            assert_int_equal(k == 0 ? frame_files_take(files, first, picture, &err)
                                    : frame_files_next(files, picture, &(uint64_t){0}, &err),
                             STATUS_FAILED);
            assert_int_equal(err.class_, ERROR_ENVIRONMENT);
            assert_string_equal(err.file, file_path(name));
            if (strstr(err.why, cases[i].why) == NULL) {
                fail_msg("\"%s\" does not say \"%s\"", err.why, cases[i].why);
            }
        }
        av_frame_free(&picture);
        av_frame_free(&first);
        frame_files_free(&files);
        assert_false(file_exists(folder));
        free_source(&source);
    }
}

static void assert_refused(const FrameFilesConfig *config, const char *why)
{
    Error err = {0};
    FrameFiles *files = NULL;
    assert_int_equal(frame_files_open(&files, config, &err), STATUS_FAILED);
    assert_null(files);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_string_equal(err.file, config->folder);
    if (strstr(err.why, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.why, why);
    }
}

static void foreign_folders_are_refused(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_GRAY8, 1, 1);
    FrameFilesConfig config = config_of(&source);
    char elsewhere[96];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, folder), 0);
    char *bait = path_join(elsewhere, "frame-00000001.png");
    assert_int_equal(close(creat(bait, 0600)), 0);
    assert_refused(&config, "link");
    assert_true(file_exists(bait));
    memory_free(bait);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(close(creat(folder, 0600)), 0);
    assert_refused(&config, "there is a file of that name");
    assert_int_equal(unlink(folder), 0);
    if (geteuid() == 0) {
        assert_int_equal(mkdir(folder, 0777), 0);
        assert_int_equal(chown(folder, 12345, 12345), 0);
        assert_refused(&config, "another user");
        assert_int_equal(rmdir(folder), 0);
    }
    char *missing = path_join(folder, "deeper");
    config.folder = missing;
    assert_refused(&config, "No such file");
    memory_free(missing);
    free_source(&source);
}

/* A link where a file is to be written is not written through. */
static void links_are_not_followed(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_GRAY8, 2, 1);
    const FrameFilesConfig config = config_of(&source);
    FrameFiles *files = open_files(&config);
    char *target = path_join(root, "precious");
    assert_int_equal(close(creat(target, 0600)), 0);
    assert_int_equal(symlink(target, file_path("frame-00000001.png")), 0);
    AVFrame *frame = next_frame(files, &(uint64_t){0});
    assert_int_equal(file_size(target), 0);
    struct stat status;
    assert_int_equal(lstat(file_path("frame-00000001.png"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(symlink(target, file_path("frame-00000001.png.part")), 0);
    Error err = {0};
    assert_int_equal(frame_files_replace(files, frame, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_int_equal(file_size(target), 0);
    assert_int_equal(unlink(file_path("frame-00000001.png.part")), 0);
    av_frame_free(&frame);
    frame_files_free(&files);
    memory_free(target);
    free_source(&source);
}

/* What a run that was killed left. */
static void leftovers_are_cleared_in_steps(void **state)
{
    (void)state;
    Source source = make_source(AV_PIX_FMT_GRAY8, 1, 1);
    assert_true(frame_files_clear(folder, 3)); /* there is none */
    assert_int_equal(frame_files_make(folder, false, NULL), STATUS_OK);
    assert_int_equal(frame_files_make(folder, false, NULL), STATUS_OK);
    struct stat status;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    for (int i = 0; i < 7; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "frame-%08d.%s", i + 1, i == 3 ? "png.part" : "jpg");
        put_file(name, "x", 1);
    }
    assert_false(frame_files_clear(folder, 3));
    assert_false(frame_files_clear(folder, 3));
    assert_true(frame_files_clear(folder, 3));
    assert_false(file_exists(folder));
    /* what cannot be removed does not keep the caller for ever */
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(file_path("frame-00000001.png"), 0700), 0);
    assert_true(frame_files_clear(folder, 1));
    assert_int_equal(rmdir(file_path("frame-00000001.png")), 0);
    assert_int_equal(rmdir(folder), 0);
    /* not through a link, and nothing foreign */
    char *elsewhere = path_join(root, "elsewhere2");
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    char *bait = path_join(elsewhere, "frame-00000001.png");
    char *foreign = path_join(elsewhere, "frame-00000001.gif");
    assert_int_equal(close(creat(bait, 0600)), 0);
    assert_int_equal(close(creat(foreign, 0600)), 0);
    assert_int_equal(symlink(elsewhere, folder), 0);
    assert_true(frame_files_clear(folder, 3));
    assert_true(file_exists(bait));
    assert_int_equal(unlink(folder), 0);
    assert_true(frame_files_clear(elsewhere, 3));
    assert_false(file_exists(bait));
    assert_true(file_exists(foreign));
    memory_free(elsewhere);
    memory_free(bait);
    memory_free(foreign);
    free_source(&source);
}

/* On a volume of its own, which goes with this process. */
static void a_full_volume_is_told_and_left_clean(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        skip();
    }
    char *volume = path_join(root, "volume");
    assert_int_equal(mkdir(volume, 0700), 0);
    assert_int_equal(mount("none", volume, "tmpfs", 0, "size=32k"), 0);
    char *frames = path_join(volume, "frames");
    for (int keep = 0; keep < 2; keep++) {
        Source source = make_source(AV_PIX_FMT_RGB24, MOST_FRAMES, 40);
        FrameFilesConfig config = config_of(&source);
        config.folder = frames;
        config.keep = keep == 1;
        FrameFiles *files = open_files(&config);
        Error err = {0};
        AVFrame *frame = av_frame_alloc();
        Status status = STATUS_AGAIN;
        while (status == STATUS_AGAIN) {
            status = frame_files_next(files, frame, &(uint64_t){0}, &err);
        }
        assert_int_equal(status, STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_SPACE);
        assert_in_range(frame_files_stats(files).files, 5, 20);
        av_frame_free(&frame);
        frame_files_free(&files);
        assert_false(file_exists(frames));
        free_source(&source);
    }
    assert_int_equal(umount(volume), 0);
    memory_free(volume);
    memory_free(frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files_are_named),
        cmocka_unit_test(foreign_folders_are_refused),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(leftovers_are_cleared_in_steps),
        cmocka_unit_test(a_full_volume_is_told_and_left_clean),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
