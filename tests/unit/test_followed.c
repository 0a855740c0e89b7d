/* What a tracker told, for others: all of it once it is complete, or nothing. */
#include "face_fixtures.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "face/followed.h"

static const FileState video = {1, 2, 3, 4, 5};

enum { FRAMES = 5, FIRST = 100, STEP = 40 };

static FrameFaces *faces_of(int number)
{
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    faces->count = number % 3;
    faces->scene_cut = number == 3;
    for (int i = 0; i < faces->count; i++) {
        faces->face[i] = (Face){.track = i + 1, .score = 0.5F, .opacity = 1, .seen = true, .selected = true};
        faces->face[i].mesh.x[7] = (float)(10 * number + i);
    }
    return faces;
}

static FaceTrackerStats stats_of(int number)
{
    return (FaceTrackerStats){.frames = 1, .frames_with_face = number % 3 > 0, .scene_cuts = number == 3};
}

static void write_some(int fd, int first, int count, bool finish)
{
    Followed *followed = followed_open(fd, &video, FIRST);
    for (int i = first; i < first + count; i++) {
        FrameFaces *faces = faces_of(i);
        const FaceTrackerStats stats = stats_of(i);
        followed_add(followed, FIRST + STEP * i, faces, &stats);
        memory_free(faces);
    }
    if (finish) {
        followed_finish(followed);
    }
    followed_free(&followed);
}

static bool read_one(Followed *followed, int number)
{
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    FrameFaces *wanted = faces_of(number);
    const FaceTrackerStats stats = stats_of(number);
    FaceTrackerStats more;
    const bool found = followed_next(followed, FIRST + STEP * number, faces, &more);
    if (found) {
        assert_int_equal(faces->count, wanted->count);
        assert_int_equal(faces->scene_cut, wanted->scene_cut);
        assert_memory_equal(&more, &stats, sizeof more);
        for (int i = 0; i < wanted->count; i++) {
            assert_memory_equal(&faces->face[i], &wanted->face[i], sizeof wanted->face[i]);
        }
    }
    memory_free(wanted);
    memory_free(faces);
    return found;
}

static int new_file(void)
{
    const int fd = memfd_create("followed", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void what_was_told_is_read_from_any_place(void **state)
{
    (void)state;
    const int fd = new_file();
    assert_false(followed_is_complete(fd));
    write_some(fd, 0, FRAMES, true);
    assert_true(followed_is_complete(fd));
    static const int order[] = {0, 1, 2, 4, 3, 0};
    Followed *followed = followed_open(fd, &video, FIRST);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_true(read_one(followed, order[i]));
    }
    followed_restart(followed);
    assert_true(read_one(followed, 2));
    assert_false(read_one(followed, 9));
    assert_false(read_one(followed, 2)); /* the tracker has taken over */
    followed_free(&followed);
    assert_true(followed_is_complete(fd));
    assert_int_equal(close(fd), 0);
}

static void what_is_not_all_is_nothing(void **state)
{
    (void)state;
    const int fd = new_file();
    write_some(fd, 0, 3, false);
    assert_false(followed_is_complete(fd));
    write_some(fd, 1, 3, true); /* not from its first frame on */
    assert_false(followed_is_complete(fd));
    write_some(fd, 0, 0, true);
    assert_false(followed_is_complete(fd));
    Followed *followed = followed_open(fd, &video, FIRST);
    assert_false(read_one(followed, 0));
    FrameFaces *faces = faces_of(0);
    const FaceTrackerStats stats = stats_of(0);
    followed_add(followed, FIRST, faces, &stats);
    followed_restart(followed); /* the video is begun anew */
    followed_add(followed, FIRST, faces, &stats);
    followed_finish(followed);
    followed_free(&followed);
    memory_free(faces);
    followed = followed_open(fd, &video, FIRST);
    assert_true(read_one(followed, 0));
    assert_false(read_one(followed, 1));
    followed_free(&followed);
    assert_int_equal(close(fd), 0);
}

/* A video that took the name of another one while the batch ran. */
static void another_videos_faces_are_not_taken(void **state)
{
    (void)state;
    FileState other[] = {video, video, video, video};
    other[0].inode++;
    other[1].bytes++;
    other[2].changed_ns++;
    other[3].device++;
    const int fd = new_file();
    write_some(fd, 0, FRAMES, true);
    assert_true(followed_is_of(fd, &video));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        assert_false(followed_is_of(fd, &other[i]));
        Followed *followed = followed_open(fd, &other[i], FIRST);
        assert_false(read_one(followed, 0));
        followed_finish(followed);
        followed_free(&followed);
    }
    Followed *followed = followed_open(fd, &video, FIRST); /* and is left as it is */
    assert_true(read_one(followed, 0));
    followed_free(&followed);
    assert_int_equal(close(fd), 0);
}

/* Another worker wrote it. */
static void nonsense_is_not_believed(void **state)
{
    (void)state;
    for (int64_t place = 0; place < 400; place += 3) {
        const int fd = new_file();
        write_some(fd, 0, FRAMES, true);
        assert_int_equal(pwrite(fd, "\xff\xff\xff\x7f", 4, place), 4);
        Followed *followed = followed_open(fd, &video, FIRST);
        FrameFaces *faces = memory_alloc(1, sizeof *faces);
        FaceTrackerStats more;
        for (int i = 0; i < FRAMES && followed_next(followed, FIRST + STEP * i, faces, &more); i++) {
            assert_in_range(faces->count, 0, FACES_MAX);
        }
        memory_free(faces);
        followed_free(&followed);
        assert_int_equal(close(fd), 0);
    }
    const int fd = new_file();
    write_some(fd, 0, FRAMES, true);
    assert_int_equal(ftruncate(fd, 3000), 0);
    Followed *followed = followed_open(fd, &video, FIRST);
    assert_true(read_one(followed, 0));
    assert_false(read_one(followed, 1));
    followed_free(&followed);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_is_read_from_any_place),
        cmocka_unit_test(what_is_not_all_is_nothing),
        cmocka_unit_test(another_videos_faces_are_not_taken),
        cmocka_unit_test(nonsense_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
