/* Seeking: from any place on, frames, times and lengths are those of an unbroken read, or the reader says
 * that it cannot promise them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/compat.h"
#include "media/frame_hash.h"
#include "media/reader.h"
#include "media_fixtures.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=4 "
#define TONE "-f lavfi -i sine=440:d=4.2:r=44100 "

typedef struct Note {
    int64_t pts;
    int64_t duration;
    uint64_t hash;
    bool plain; /* when it was given */
} Note;

typedef struct Notes {
    Note *frames;
    size_t count;
} Notes;

/* Reads from where it is to the end. */
static Notes read_on(Reader *reader)
{
    Notes notes = {0};
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    Status status = STATUS_OK;
    while ((status = reader_next(reader, frame, &err)) == STATUS_OK) {
        notes.frames = memory_resize(notes.frames, notes.count + 1, sizeof *notes.frames);
        notes.frames[notes.count++] =
            (Note){frame->pts, frame_duration(frame), frame_hash(frame), reader_is_plain(reader)};
        av_frame_unref(frame);
    }
    assert_int_equal(status, STATUS_EOF);
    av_frame_free(&frame);
    return notes;
}

static Notes read_whole(const char *path)
{
    Reader *reader = open_clip(path);
    const int64_t first_pts = reader_info(reader)->first_pts;
    const Notes whole = read_on(reader);
    reader_free(&reader);
    assert_true(whole.count > 0);
    assert_int_equal(whole.frames[0].pts, first_pts);
    return whole;
}

/* Where in the whole a rest begins; it must be the same to the end. */
static size_t place_of(const char *path, const Notes *whole, const Notes *rest, size_t wanted)
{
    assert_true(rest->count > 0 && rest->count <= whole->count);
    const size_t begin = whole->count - rest->count;
    for (size_t i = 0; i < rest->count; i++) {
        const Note *a = &whole->frames[begin + i];
        const Note *b = &rest->frames[i];
        if (a->pts != b->pts || a->duration != b->duration || a->hash != b->hash) {
            fail_msg("%s, sought %zu, began at %zu, frame %zu: %lld for %lld (%s) instead of %lld for %lld",
                     path, wanted, begin, begin + i, (long long)b->pts, (long long)b->duration,
                     a->hash == b->hash ? "same" : "other", (long long)a->pts, (long long)a->duration);
        }
    }
    if (begin > wanted) {
        fail_msg("%s: frame %zu was sought, %zu came", path, wanted, begin);
    }
    return begin;
}

/* Seeks to frames all over the clip. `skips_most`: the frames to read over must on the whole be few. */
static void check_clip(const char *path, bool skips_most)
{
    Notes whole = read_whole(path);
    size_t sought = 0;
    size_t skipped = 0;
    for (size_t wanted = 1; wanted < whole.count; wanted += wanted + 9 < whole.count ? 9 : 1) {
        Error err = {0};
        Reader *reader = open_clip(path);
        assert_true(whole.frames[wanted].plain || wanted + 2 > whole.count);
        if (reader_seek(reader, whole.frames[wanted].pts, &err) == STATUS_OK) {
            Notes rest = read_on(reader);
            skipped += place_of(path, &whole, &rest, wanted);
            memory_free(rest.frames);
        } else {
            assert_false(error_is_set(&err));
        }
        sought += wanted;
        reader_free(&reader);
    }
    print_message("%s: %.0f %% left out\n", path, 100.0 * (double)skipped / (double)sought);
    assert_true(!skips_most || skipped * 10 > sought * 6);
    memory_free(whole.frames);
}

static void test_b_frames(void **state)
{
    (void)state;
    check_clip(fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 25 -c:a aac"), true);
    check_clip(fixture_clip("bf.mkv", PATTERN TONE "-c:v libx264 -bf 3 -g 25"), true);
    check_clip(fixture_clip("bf.mov", PATTERN TONE "-c:v libx264 -bf 3 -g 25 -c:a aac"), true);
    check_clip(
        fixture_clip("fragments.mp4", PATTERN "-c:v libx264 -bf 3 -g 25 -movflags frag_keyframe+empty_moov"),
        true);
}

static void test_open_groups(void **state)
{
    (void)state;
    static const char *const names[] = {"open264.mp4", "open264.mkv", "open264.ts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_clip(fixture_clip(names[i],
                                PATTERN "-c:v libx264 -x264-params "
                                        "open-gop=1:keyint=20:min-keyint=20:bframes=4:b-pyramid=2:ref=4"),
                   true);
    }
    static const char *const names265[] = {"open265.mp4", "open265.mkv", "open265.ts"};
    for (size_t i = 0; i < sizeof names265 / sizeof names265[0]; i++) {
        check_clip(fixture_clip(names265[i],
                                PATTERN "-c:v libx265 -x265-params "
                                        "log-level=none:open-gop=1:keyint=20:min-keyint=20:bframes=4"),
                   true);
    }
    check_clip(fixture_clip("open2.ts", PATTERN TONE "-c:v mpeg2video -bf 2 -g 15 -c:a mp2"), true);
}

/* No picture stands for itself; a picture is whole some frames after the place to begin. */
static void test_intra_refresh(void **state)
{
    (void)state;
    check_clip(fixture_clip("refresh.mp4", PATTERN "-c:v libx264 -x264-params intra-refresh=1:keyint=20"),
               false);
    check_clip(fixture_clip("refresh.mkv", PATTERN "-c:v libx264 -x264-params intra-refresh=1:keyint=20"),
               false);
}

static void test_containers(void **state)
{
    (void)state;
    check_clip(fixture_clip("plain.avi", PATTERN TONE "-c:v mpeg4 -g 20 -c:a mp2"), true);
    check_clip(fixture_clip("x.wmv", PATTERN TONE "-g 20"), true);
    check_clip(fixture_clip("x.flv", PATTERN TONE "-c:v libx264 -bf 2 -g 20 -c:a aac"), false);
    check_clip(fixture_clip("x.ts", PATTERN TONE "-c:v libx264 -bf 2 -g 25 -c:a aac"), true);
    check_clip(fixture_clip("x.webm", PATTERN TONE "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20"),
               true);
    check_clip(fixture_clip("vp8.webm", PATTERN "-c:v libvpx -deadline realtime -g 20 -auto-alt-ref 1"),
               true);
    check_clip(fixture_clip("live.mkv", PATTERN TONE "-c:v libx264 -bf 2 -g 20 -f matroska -live 1"), true);
    check_clip(fixture_clip("bigkey.mp4", PATTERN "-c:v libx264 -bf 2 -g 1000"), false);
    check_clip(fixture_clip("all.mov", PATTERN "-c:v mjpeg"), true);
}

static void test_times(void **state)
{
    (void)state;
    check_clip(fixture_clip("vfr.mp4", "-f lavfi -i testsrc2=s=128x96:r=30:d=5 -vf "
                                       "\"select='not(mod(n,7))+gt(mod(n,5),2)'\" -vsync vfr -enc_time_base "
                                       "1/90000 -video_track_timescale 90000 -bf 2 -g 20"),
               true);
    (void)fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 25 -c:a aac");
    check_clip(fixture_clip("edit.mp4", "-ss 0.71 -i %D/bf.mp4 -c copy"), true);
    check_clip(fixture_clip("late.ts", "-itsoffset 1.5 " PATTERN "-c:v libx264 -bf 2 -g 20"), true);
    check_clip(fixture_clip("negative.mp4", PATTERN "-c:v libx264 -bf 2 -g 20 -output_ts_offset -1.5 "
                                                    "-avoid_negative_ts disabled"),
               true);
}

/* A reader that has begun can be sent anywhere, again and again. */
static void test_back_and_forth(void **state)
{
    (void)state;
    const char *path = fixture_clip("bf.mkv", PATTERN TONE "-c:v libx264 -bf 3 -g 25");
    Notes whole = read_whole(path);
    Reader *reader = open_clip(path);
    static const size_t wanted[] = {70, 99, 3, 50, 98, 26};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        Error err = {0};
        assert_int_equal(reader_seek(reader, whole.frames[wanted[i]].pts, &err), STATUS_OK);
        Notes rest = read_on(reader);
        (void)place_of(path, &whole, &rest, wanted[i]);
        memory_free(rest.frames);
    }
    reader_free(&reader);
    memory_free(whole.frames);
}

/* A search can be ended, and tells that it gets on; going round in circles is no getting on. */
static void test_watched(void **state)
{
    (void)state;
    const char *path = fixture_clip("large.mkv", PATTERN "-c:v mjpeg -q:v 1 -f matroska -live 1");
    Notes whole = read_whole(path);
    Reader *reader = open_clip(path);
    Error err = {0};
    atomic_bool stop = false;
    atomic_llong work = 0;
    reader_watch(reader, &stop, &work);
    assert_int_equal(reader_seek(reader, whole.frames[95].pts, &err), STATUS_OK);
    const long long once = atomic_load(&work);
    assert_true(once > 0);
    for (size_t i = 95; i > 5; i -= 30) {
        assert_int_equal(reader_seek(reader, whole.frames[i].pts, &err), STATUS_OK);
    }
    assert_int_equal(atomic_load(&work), once);
    atomic_store(&stop, true);
    Notes rest = read_on(reader);
    assert_true(rest.count < 30);
    assert_int_equal(reader_damage(reader).read_errno, 0);
    memory_free(rest.frames);
    memory_free(whole.frames);
    reader_free(&reader);
}

/* What is guessed or moved on the way to a frame cannot be known when the way is skipped. */
static void test_not_plain(void **state)
{
    (void)state;
    /* FFmpeg cannot read the negative times that it writes there */
    Notes notes = read_whole(fixture_clip("negative.mkv", PATTERN "-c:v libx264 -bf 2 -output_ts_offset -1.5 "
                                                                  "-avoid_negative_ts disabled"));
    assert_false(notes.frames[0].plain);
    assert_false(notes.frames[notes.count - 1].plain);
    memory_free(notes.frames);
    /* one time for several pictures */
    notes = read_whole(fixture_clip("open.mpg", PATTERN TONE "-c:v mpeg2video -bf 2 -g 15 -c:a mp2"));
    assert_false(notes.frames[notes.count / 2].plain);
    memory_free(notes.frames);
    notes = read_whole(fixture_clip("bf.avi", PATTERN TONE "-c:v mpeg4 -bf 2 -g 20 -c:a mp2"));
    assert_false(notes.frames[notes.count / 2].plain);
    memory_free(notes.frames);
    /* a file that is cut off: where frames are missing nobody knows */
    notes = read_whole(fixture_cut(fixture_clip("all.mkv", PATTERN TONE "-g 20"), "cut.mkv", 0.7));
    assert_false(notes.frames[0].plain);
    memory_free(notes.frames);
    /* a clock that is set back */
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(
        file_read(fixture_clip("one.ts", PATTERN "-c:v libx264 -bf 2 -g 20"), 1 << 24, &data, &size, NULL),
        STATUS_OK);
    data = memory_resize(data, (size_t)size * 2, 1);
    memcpy(data + size, data, (size_t)size);
    fixture_write("twice.ts", data, (size_t)size * 2);
    memory_free(data);
    notes = read_whole(fixture_path("twice.ts"));
    assert_int_equal(notes.count, 200);
    assert_true(notes.frames[50].plain);
    assert_false(notes.frames[150].plain);
    memory_free(notes.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_b_frames),      cmocka_unit_test(test_open_groups),
        cmocka_unit_test(test_intra_refresh), cmocka_unit_test(test_containers),
        cmocka_unit_test(test_times),         cmocka_unit_test(test_back_and_forth),
        cmocka_unit_test(test_watched),       cmocka_unit_test(test_not_plain),
    };
    return cmocka_run_group_tests_name("media_seek", tests, fixtures_make, fixtures_remove);
}
