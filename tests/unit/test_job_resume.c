/* A job that is ended in the middle and run again: the file that comes out in the end is the one of an
 * unbroken run. Frames pass unchanged here; faces are looked at through the program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/container_check.h"
#include "media_fixtures.h"
#include "worker/job.h"

#define PATTERN "-f lavfi -i testsrc2=s=128x96:r=25:d=6 "
#define TONE "-f lavfi -i sine=440:d=6.2:r=44100 "
#define KEY "0123456789abcdef0123456789abcdef"

enum { CHUNKS_MAX = 64, NEVER = -1 };

/* One run, what is to happen in it, and what it told. */
typedef struct Run {
    Settings settings;
    JobControl control;
    VideoResult result;
    Error error;
    int stop_after; /* chunk made: then stop at once; NEVER */
    ChunkInfo chunks[CHUNKS_MAX];
    int count;
    int reused;
} Run;

/* What happens when the input is read from a certain place on. */
static struct {
    ino_t inode; /* 0: nothing */
    bool asleep; /* until a chunk is used again */
    off_t from;
    bool fail;
    atomic_bool *stop;
    int count;
} reading;

/* Stands before the C library's, for FFmpeg as well. */
__attribute__((visibility("default"))) ssize_t read(int fd, void *buffer, size_t size)
{
    struct stat status;
    if (reading.inode != 0 && !reading.asleep && fstat(fd, &status) == 0 && status.st_ino == reading.inode &&
        lseek(fd, 0, SEEK_CUR) >= reading.from) {
        reading.count++;
        if (reading.stop != NULL) {
            atomic_store(reading.stop, true);
        }
        if (reading.fail) {
            errno = EIO;
            return -1;
        }
    }
    return syscall(SYS_read, fd, buffer, size);
}

static void wake_reading(void *context, const MediaInfo *info, const WorkerShape *shape,
                         const MemoryEstimate *estimate)
{
    (void)context, (void)info, (void)shape, (void)estimate;
    reading.asleep = false;
}

static void watch_reading(const char *path, double share)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    reading.inode = status.st_ino;
    reading.from = (off_t)((double)status.st_size * share);
    reading.asleep = false;
    reading.fail = false;
    reading.stop = NULL;
    reading.count = 0;
}

static void note_chunk(void *context, const ChunkInfo *chunk)
{
    Run *run = context;
    assert_true(run->count < CHUNKS_MAX);
    run->chunks[run->count++] = *chunk;
    run->reused += chunk->reused;
    reading.asleep = reading.asleep && !chunk->reused;
    if (!chunk->reused && chunk->index == run->stop_after) {
        atomic_store(&run->control.stop, true);
    }
}

/* What the next runs are asked for. */
static FrameRate wanted_rate;
static const char *wanted_verify = "normal";

static const char *folder_of(const char *output)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.work", path_name(output));
    const char *folder = fixture_path(name);
    (void)mkdir(folder, 0700);
    return folder;
}

static Run *new_run(int stop_after)
{
    Run *run = memory_alloc(1, sizeof *run);
    settings_defaults(&run->settings);
    text_list_free(&run->settings.frame_processors);
    run->settings.chunk_seconds = 1;
    run->settings.execution_threads = 2;
    run->settings.output_fps = wanted_rate;
    memory_free(run->settings.verify);
    run->settings.verify = text_duplicate(wanted_verify);
    run->settings.encoder_threads = 1;
    run->control = (JobControl)JOB_CONTROL_INIT;
    run->control.chunk = note_chunk;
    run->control.context = run;
    run->stop_after = stop_after;
    return run;
}

static Status start(Run *run, const char *input, const char *output)
{
    const JobConfig config = {.settings = &run->settings,
                              .input = input,
                              .output = output,
                              .temporary = output,
                              .folder = folder_of(output),
                              .key = KEY};
    const Status status = job_run(&config, &run->control, &run->result, &run->error);
    if (status == STATUS_FAILED) {
        char text[1600];
        print_message("%s\n", error_text(&run->error, text, sizeof text));
    }
    return status;
}

static void end(Run *run)
{
    settings_free(&run->settings);
    memory_free(run);
}

/* The unbroken run that all others are compared with. */
static const char *whole(const char *input, const char *name)
{
    const char *output = fixture_path(name);
    Run *run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_OK);
    assert_true(run->count >= 5);
    assert_int_equal(run->reused, 0);
    assert_true(run->chunks[run->count - 1].last);
    end(run);
    return output;
}

/* Same times, same key frames; the packets before `same` (seconds) are the same bytes. */
static void assert_same_video(const char *a, const char *b, double same)
{
    FileNote note_a = note_file(a);
    FileNote note_b = note_file(b);
    const StreamNote *video_a = note_stream(&note_a, AVMEDIA_TYPE_VIDEO, 0);
    const StreamNote *video_b = note_stream(&note_b, AVMEDIA_TYPE_VIDEO, 0);
    assert_same_times(video_a, video_b);
    size_t equal = 0;
    for (size_t i = 0; i < video_a->count; i++) {
        const PacketNote *x = &video_a->packets[i];
        const PacketNote *y = &video_b->packets[i];
        assert_int_equal(x->pts, y->pts);
        assert_int_equal(x->flags & AV_PKT_FLAG_KEY, y->flags & AV_PKT_FLAG_KEY);
        equal += x->checksum == y->checksum;
        const double begin_s = (double)(x->pts - video_a->packets[0].pts) * av_q2d(video_a->time_base);
        assert_true(x->checksum == y->checksum || begin_s >= same);
    }
    assert_true(equal > 0);
    const StreamNote *audio_a = note_stream(&note_a, AVMEDIA_TYPE_AUDIO, 0);
    if (audio_a != NULL) {
        assert_same_packets(audio_a, note_stream(&note_b, AVMEDIA_TYPE_AUDIO, 0));
    }
    note_free(&note_a);
    note_free(&note_b);
}

/* Pictures, not bytes: an encoder that begins anew decides a little differently. */
static void assert_alike(const char *a, const char *b)
{
    Text command = {0};
    text_appendf(
        &command,
        "ffmpeg -nostdin -v error -i %s -i %s -lavfi \"psnr=f=- \" -f null - | "
        "awk -F'psnr_avg:' '{split($2,v,\" \"); if (v[1]!=\"inf\" && v[1]<30) bad++} END {exit bad>0}'",
        a, b);
    assert_int_equal(system(command.data), 0);
    text_free(&command);
}

static void assert_totals(const Run *run, const char *input)
{
    size_t count = 0;
    memory_free(frame_checksums(input, &count));
    assert_int_equal(atomic_load(&run->control.frames_done), count);
    assert_int_equal(run->result.frames,
                     (int64_t)count - run->result.frames_dropped + run->result.frames_repeated);
    assert_true(atomic_load(&run->control.work) >= run->result.frames);
    int64_t frames = 0;
    int64_t packets = 0;
    int64_t reused = 0;
    for (int i = 0; i < run->count; i++) {
        assert_int_equal(run->chunks[i].index, i);
        if (i > 0) {
            assert_memory_equal(&run->chunks[i].begin, &run->chunks[i - 1].next, sizeof(ChunkPoint));
        }
        reused += run->chunks[i].reused ? run->chunks[i].counts.frames : 0;
        assert_int_equal(run->chunks[i].begin.frame, frames);
        assert_int_equal(run->chunks[i].last, i == run->count - 1);
        frames += run->chunks[i].counts.frames;
        packets += run->chunks[i].packets;
    }
    assert_int_equal(atomic_load(&run->control.frames_reused), reused);
    assert_int_equal(frames, count);
    assert_int_equal(packets, run->result.frames);
}

/* Ended behind each of `stops`, then run to the end. */
static void check_broken(const char *input, const char *reference, const char *name, const int *stops,
                         int stop_count)
{
    const char *output = fixture_path(name);
    int made = 0;
    for (int i = 0; i <= stop_count; i++) {
        Run *run = new_run(i < stop_count ? stops[i] : NEVER);
        assert_int_equal(start(run, input, output), i < stop_count ? STATUS_STOPPED : STATUS_OK);
        /* what was made is used again, all of it */
        assert_int_equal(run->reused, made);
        made = run->count;
        if (i == stop_count) {
            assert_totals(run, input);
        }
        end(run);
    }
    assert_same_video(reference, output, stops[0] + 1);
    assert_alike(reference, output);
}

static void test_broken_runs(void **state)
{
    (void)state;
    const char *input = fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 30 -c:a aac");
    const char *reference = whole(input, "bf-whole.mp4");
    check_broken(input, reference, "bf-broken.mp4", (const int[]){2}, 1);
    check_broken(input, reference, "bf-often.mp4", (const int[]){0, 1, 3, 4}, 4);
}

/* Where the reader cannot seek, or must not trust the times, it counts. */
static void test_counted(void **state)
{
    (void)state;
    const char *input = fixture_clip("bf.avi", PATTERN TONE "-c:v mpeg4 -bf 2 -g 30 -c:a mp2");
    const char *reference = whole(input, "avi-whole.mp4");
    check_broken(input, reference, "avi-broken.mp4", (const int[]){1, 3}, 2);
    /* one key frame only */
    input = fixture_clip("one-key.mkv", PATTERN "-c:v libx264 -bf 2 -g 1000");
    reference = whole(input, "one-whole.mkv");
    check_broken(input, reference, "one-broken.mkv", (const int[]){1, 3}, 2);
}

static void test_times(void **state)
{
    (void)state;
    const char *input = fixture_clip("vfr.mp4", "-f lavfi -i testsrc2=s=128x96:r=30:d=7 -vf "
                                                "\"select='not(mod(n,7))+gt(mod(n,5),2)'\" -vsync vfr "
                                                "-enc_time_base 1/90000 -video_track_timescale 90000 -bf 2");
    check_broken(input, whole(input, "vfr-whole.mp4"), "vfr-broken.mp4", (const int[]){1, 3}, 2);
    (void)fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 30 -c:a aac");
    input = fixture_clip("edit.mp4", "-ss 0.71 -i %D/bf.mp4 -c copy");
    check_broken(input, whole(input, "edit-whole.mkv"), "edit-broken.mkv", (const int[]){2}, 1);
    input = fixture_clip("late.ts", "-itsoffset 1.5 " PATTERN "-c:v libx264 -bf 2 -g 20");
    check_broken(input, whole(input, "late-whole.mp4"), "late-broken.mp4", (const int[]){0, 2}, 2);
}

/* A rate of the output's own: the slots go on where they were. */
static void test_constant_rate(void **state)
{
    (void)state;
    const char *input = fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 30 -c:a aac");
    wanted_rate = (FrameRate){30, 1};
    check_broken(input, whole(input, "30-whole.mp4"), "30-broken.mp4", (const int[]){1, 3}, 2);
    wanted_rate = (FrameRate){12, 1};
    check_broken(input, whole(input, "12-whole.mp4"), "12-broken.mp4", (const int[]){0, 2}, 2);
    wanted_rate = (FrameRate){0, 0};
}

static void test_verified_in_full(void **state)
{
    (void)state;
    const char *input = fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 30 -c:a aac");
    wanted_verify = "full";
    check_broken(input, whole(input, "full-whole.mp4"), "full-broken.mp4", (const int[]){2}, 1);
    wanted_verify = "normal";
}

/* All is written, but nobody gave the file its name: nothing is read or encoded again. */
static void test_complete(void **state)
{
    (void)state;
    const char *input =
        fixture_clip("noisy.ts", "-itsoffset 1.5 " PATTERN TONE "-c:v libx264 -bf 2 -c:a aac");
    const char *first = whole(input, "complete.mp4");
    FileNote before = note_file(first);
    Run *run = new_run(NEVER);
    assert_int_equal(start(run, input, first), STATUS_OK);
    assert_int_equal(run->reused, run->count);
    assert_totals(run, input);
    end(run);
    FileNote after = note_file(first);
    assert_same_packets(note_stream(&before, AVMEDIA_TYPE_VIDEO, 0),
                        note_stream(&after, AVMEDIA_TYPE_VIDEO, 0));
    assert_same_packets(note_stream(&before, AVMEDIA_TYPE_AUDIO, 0),
                        note_stream(&after, AVMEDIA_TYPE_AUDIO, 0));
    note_free(&before);
    note_free(&after);
}

/* The same pictures at other times. */
static void test_other_times(void **state)
{
    (void)state;
#define STILL                                                                                                \
    "-f lavfi -i color=red:s=128x96:r=25:d=6 -c:v libx264 -fps_mode vfr -enc_time_base 1/90000 "             \
    "-video_track_timescale 90000 -vf settb=1/90000"
    const char *input = fixture_clip("still.mp4", STILL);
    const char *other = fixture_clip("late-still.mp4", STILL ",\"setpts='PTS+if(eq(N,50),900,0)'\"");
    const char *output = fixture_path("still-out.mp4");
    wanted_rate = (FrameRate){25, 1};
    Run *run = new_run(1);
    assert_int_equal(start(run, input, output), STATUS_STOPPED);
    end(run);
    assert_int_equal(rename(other, input), 0);
    run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_OK);
    assert_int_equal(run->reused, 2);
    assert_int_equal(atomic_load(&run->control.frames_reused), 0);
    end(run);
    wanted_rate = (FrameRate){0, 0};
}

/* A damaged input: what was damaged on the way is known only by reading it. */
static void test_damaged(void **state)
{
    (void)state;
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(
        file_read(fixture_clip("fast.mp4", PATTERN TONE "-c:v libx264 -g 20 -movflags faststart"), 1 << 24,
                  &data, &size, NULL),
        STATUS_OK);
    for (int64_t i = size / 5; i < size / 5 + size / 40; i++) {
        data[i] = (char)(data[i] ^ 0x5A);
    }
    fixture_write("damaged.mp4", data, (size_t)size);
    memory_free(data);
    const char *input = fixture_path("damaged.mp4");
    const char *reference = fixture_path("damaged-whole.mp4");
    Run *run = new_run(NEVER);
    assert_int_equal(start(run, input, reference), STATUS_OK);
    const int64_t damage = run->result.corrupt_packets;
    const int64_t frames = run->result.frames;
    assert_true(damage > 0);
    end(run);
    run = new_run(3);
    assert_int_equal(start(run, input, fixture_path("damaged-out.mp4")), STATUS_STOPPED);
    assert_true(run->chunks[3].next.check == 0);
    end(run);
    run = new_run(NEVER);
    assert_int_equal(start(run, input, fixture_path("damaged-out.mp4")), STATUS_OK);
    assert_int_equal(run->reused, 4);
    assert_int_equal(run->result.corrupt_packets, damage);
    assert_int_equal(run->result.frames, frames);
    end(run);
    assert_same_video(reference, fixture_path("damaged-out.mp4"), 0);
}

/* A disk that fails, or a stop, while the place is looked for, says nothing about the chunks. */
static void test_cut_short(void **state)
{
    (void)state;
    const char *input = fixture_clip("silent.avi", PATTERN "-c:v mpeg4 -bf 2 -g 30");
    const char *output = fixture_path("cut-short.mp4");
    Run *run = new_run(3);
    assert_int_equal(start(run, input, output), STATUS_STOPPED);
    end(run);
    watch_reading(input, 0.4);
    reading.fail = true;
    reading.asleep = true;
    run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_FAILED);
    assert_int_equal(run->error.class_, ERROR_DISK);
    assert_int_equal(run->reused, 4);
    assert_int_equal(run->count, 4);
    end(run);
    run = new_run(NEVER);
    watch_reading(input, 0.4);
    reading.stop = &run->control.stop;
    reading.asleep = true;
    assert_int_equal(start(run, input, output), STATUS_STOPPED);
    assert_int_equal(run->count, 4);
    assert_true(reading.count > 0);
    end(run);
    reading.inode = 0;
    run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_OK);
    assert_int_equal(run->reused, 4);
    assert_totals(run, input);
    end(run);
    /* what fails once the end was asked for is no failure */
    input = fixture_clip("noisy.avi", PATTERN TONE "-c:v mpeg4 -bf 2 -g 30 -c:a mp2");
    run = new_run(NEVER);
    watch_reading(input, 0.4);
    reading.stop = &run->control.stop;
    reading.fail = true;
    reading.asleep = true;
    run->control.opened = wake_reading;
    assert_int_equal(start(run, input, fixture_path("noisy-out.mp4")), STATUS_STOPPED);
    end(run);
    reading.inode = 0;
}

/* The same on the way through the video: it is not taken for one that is cut off. */
static void test_disk_fails(void **state)
{
    (void)state;
    static const char *const names[] = {"noisy.mp4", "silent.mkv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *input =
            i == 0 ? fixture_clip(names[i], PATTERN TONE "-c:v libx264 -g 30 -movflags faststart")
                   : fixture_clip(names[i], PATTERN "-c:v libx264 -g 30");
        watch_reading(input, 0.5);
        reading.fail = true;
        Run *run = new_run(NEVER);
        assert_int_equal(start(run, input, fixture_path("disk-fails.mkv")), STATUS_FAILED);
        assert_int_equal(run->error.class_, ERROR_DISK);
        end(run);
        reading.inode = 0;
        run = new_run(NEVER);
        assert_int_equal(start(run, input, fixture_path("disk-fails.mkv")), STATUS_OK);
        assert_true(run->reused > 0);
        end(run);
        assert_int_equal(chunk_folder_clear(folder_of("disk-fails.mkv"), 0, NULL), STATUS_OK);
    }
}

/* The same while the input is opened: at its beginning, in the index, among the first frames. */
static void test_disk_fails_at_once(void **state)
{
    (void)state;
    static const char *const inputs[][2] = {
        {"noisy.mp4", PATTERN TONE "-c:v libx264 -g 30 -movflags faststart"},
        {"index-last.mp4", PATTERN "-c:v libx264 -g 30"},
        {"silent.mkv", PATTERN "-c:v libx264 -g 30"},
        {"silent.ts", PATTERN "-c:v libx264 -g 30"},
        {"far.mp4",
         PATTERN "-c:v libx264 -g 30 -moov_size 300000"}, /* the first frame is not read with the index */
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char *input = text_duplicate(fixture_clip(inputs[i][0], inputs[i][1]));
        static const double shares[] = {0, 0.002, 0.05};
        for (size_t j = 0; j < sizeof shares / sizeof shares[0]; j++) {
            watch_reading(input, shares[j]);
            reading.fail = true;
            Run *run = new_run(NEVER);
            assert_int_equal(start(run, input, fixture_path("disk-fails.mkv")), STATUS_FAILED);
            assert_true(reading.count > 0);
            assert_string_equal(error_class_name(run->error.class_), "disk");
            end(run);
            reading.inode = 0;
            assert_int_equal(chunk_folder_clear(folder_of("disk-fails.mkv"), 0, NULL), STATUS_OK);
        }
        assert_false(container_check(input).unreadable);
        memory_free(input);
    }
    assert_true(container_check("/proc/self/mem").unreadable); /* nothing is mapped at its beginning */
}

/* Another video came into the input's place, and nobody changed the key. */
static void test_other_input(void **state)
{
    (void)state;
    const char *input = fixture_clip("swapped.mp4", PATTERN "-c:v libx264 -bf 2 -g 30");
    const char *output = fixture_path("swapped-out.mp4");
    Run *run = new_run(1);
    assert_int_equal(start(run, input, output), STATUS_STOPPED);
    end(run);
    const char *other = fixture_clip("other.mp4", PATTERN "-vf negate -c:v libx264 -bf 2 -g 30");
    assert_int_equal(rename(other, input), 0);
    run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_OK);
    assert_int_equal(run->reused, 2);
    assert_int_equal(run->result.frames, 150);
    assert_int_equal(atomic_load(&run->control.frames_done), 150);
    assert_int_equal(atomic_load(&run->control.frames_reused), 0);
    assert_int_equal(run->chunks[2].index, 0);
    end(run);
    assert_alike(input, output);
}

/* ---- stopping at a chunk's end ---- */

static void stop_at_chunk_behind_first(void *context, const ChunkInfo *chunk)
{
    Run *run = context;
    note_chunk(context, chunk);
    if (chunk->index == 0) {
        assert_true(job_stop_at_chunk(&run->control, 1000000, 1000));
    }
}

static void test_stop_at_chunk(void **state)
{
    (void)state;
    const char *input = fixture_clip("bf.mp4", PATTERN TONE "-c:v libx264 -bf 3 -g 30 -c:a aac");
    const char *output = fixture_path("graceful.mp4");
    Run *run = new_run(NEVER);
    run->control.chunk = stop_at_chunk_behind_first;
    assert_int_equal(start(run, input, output), STATUS_STOPPED);
    assert_true(run->count >= 1);
    const int made = run->count;
    end(run);
    run = new_run(NEVER);
    assert_int_equal(start(run, input, output), STATUS_OK);
    assert_int_equal(run->reused, made);
    assert_totals(run, input);
    end(run);
    /* what the encoder had looked ahead at is gone when it ends early */
    assert_same_video(fixture_path("bf-whole.mp4"), output, 0);
    assert_alike(fixture_path("bf-whole.mp4"), output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_runs),
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_constant_rate),
        cmocka_unit_test(test_verified_in_full),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_other_input),
        cmocka_unit_test(test_other_times),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_disk_fails),
        cmocka_unit_test(test_disk_fails_at_once),
        cmocka_unit_test(test_stop_at_chunk),
    };
    return cmocka_run_group_tests_name("job_resume", tests, fixtures_make, fixtures_remove);
}
