#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/files.h"
#include "batch/lock.h"
#include "batch/select.h"
#include "batch/snapshot.h"
#include "snapshot_fixture.h"

static char folder[64];
static char state_dir[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/runbatch-snapshot-XXXXXX");
    (void)snprintf(state_dir, sizeof state_dir, "%.60s/.runbatch", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- the state of the run ---- */

static void the_run_and_the_lock_tell_the_state(void **state)
{
    (void)state;
    static const struct {
        const char *said; /* NULL: no run */
        double ended_s;
        bool held;
        long holder;
        RunState expected;
    } cases[] = {
        {NULL, 0, false, 0, RUN_NONE},
        {NULL, 0, true, 99, RUN_STARTING},
        {"running", 0, true, 7, RUN_RUNNING},
        {"running", 0, true, 0, RUN_RUNNING}, /* who holds it is not told */
        {"paused", 0, true, 7, RUN_PAUSED},
        {"waiting_for_space", 0, true, 7, RUN_WAITING_FOR_SPACE},
        {"stopping", 0, true, 7, RUN_STOPPING},
        {"something of later", 0, true, 7, RUN_RUNNING},
        {"running", 0, true, 99, RUN_STARTING}, /* of another process: the next run, or clean */
        {"running", 0, false, 0, RUN_KILLED},
        {"paused", 0, false, 0, RUN_KILLED},
        {"over", 5, false, 0, RUN_OVER},
        {"over", 5, true, 99, RUN_STARTING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RunRow run = {.process = 7, .ended_s = cases[i].ended_s};
        text_copy(run.state, sizeof run.state, cases[i].said != NULL ? cases[i].said : "");
        const RunState found =
            run_state_of(cases[i].said != NULL ? &run : NULL, cases[i].held, cases[i].holder);
        if (found != cases[i].expected) {
            fail_msg("case %zu: %s", i, run_state_name(found));
        }
    }
}

/* ---- reading ---- */

static void a_folder_without_a_store_is_no_error(void **state)
{
    (void)state;
    Snapshot snapshot;
    assert_int_equal(snapshot_take("/nowhere/at/all", true, &snapshot, NULL), STATUS_OK);
    assert_int_equal(snapshot.run_state, RUN_NONE);
    assert_int_equal(snapshot.count, 0);
    snapshot_free(&snapshot);
}

static void save(Store *store, VideoState state, int number, int chunks)
{
    char input[32];
    char output[32];
    (void)snprintf(input, sizeof input, "in/clip%d.mp4", number);
    (void)snprintf(output, sizeof output, "o_%d.mp4", number);
    VideoRow row = {.output = output,
                    .input = input,
                    .state = state,
                    .position = number,
                    .frames_total = 1000,
                    .frames_done = 600,
                    .fps = 20,
                    .worker = 99};
    assert_int_equal(store_video_save(store, &row, NULL), STATUS_OK);
    for (int i = 0; i < chunks; i++) {
        const ChunkReport chunk = {.index = i,
                                   .first_frame = i * 250,
                                   .frames = 250,
                                   .packets = 250,
                                   .bytes = 1000,
                                   .last = i == 3,
                                   .checksum = "00112233445566778899aabbccddeeff"};
        assert_int_equal(store_chunk_save(store, row.id, &chunk, NULL), STATUS_OK);
    }
    AttemptRow attempt = {.video = row.id, .began_s = 5, .threads = 4};
    assert_int_equal(store_attempt_begin(store, &attempt, NULL), STATUS_OK);
}

static void it_tells_what_the_store_says(void **state)
{
    (void)state;
    Lock lock;
    Store *store = NULL;
    Snapshot snapshot;
    int64_t id = 0;
    const RunRow run = {.began_s = 5, .process = getpid(), .state = "running", .options = "{\"jobs\":2}"};
    assert_int_equal(lock_take(&lock, state_dir, NULL), STATUS_OK);
    assert_int_equal(store_open(&store, state_dir, STORE_WRITE, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_run_begin(store, &run, &id, NULL), STATUS_OK);
    save(store, VIDEO_RUNNING, 1, 2);
    save(store, VIDEO_STOPPED, 2, 4);
    save(store, VIDEO_DONE, 3, 0);
    const struct {
        int64_t run;
        int64_t video;
        int64_t bytes;
    } samples[] = {{id, 0, 900}, {7, 2, 99}, {7, 0, 5}, {id, 3, 40}, {id, 2, 10}, {id, 3, 60}, {id, 77, 3}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        assert_int_equal(store_sample(store, samples[i].run, samples[i].video, 10.0 + (double)i,
                                      samples[i].bytes, 1000, NULL),
                         STATUS_OK);
    }

    assert_int_equal(snapshot_take(folder, true, &snapshot, NULL), STATUS_OK);
    assert_int_equal(snapshot.run_state, RUN_RUNNING);
    assert_true(snapshot_is_live(&snapshot));
    assert_int_equal(snapshot.holder, getpid());
    assert_string_equal(snapshot.run.options, "{\"jobs\":2}");
    assert_int_equal(snapshot.count, 3);
    assert_string_equal(snapshot.videos[0].row.input, "in/clip1.mp4");
    assert_int_equal(snapshot.videos[0].state, VIDEO_RUNNING);
    assert_int_equal(snapshot.videos[0].row.frames_done, 600);
    assert_int_equal(snapshot.videos[0].chunks, 2);
    assert_int_equal(snapshot.videos[0].chunk_frames, 500);
    assert_int_equal(snapshot.videos[0].attempt_count, 1);
    assert_int_equal(snapshot.videos[1].row.frames_done, 1000); /* what is on disk */
    assert_true(snapshot.videos[1].chunks_end);
    assert_true(snapshot.videos[1].row.fps < 0.001);
    /* each has its own samples, of the last run with any; the machine those of the last run */
    assert_null(snapshot.videos[0].memory);
    assert_int_equal(snapshot.videos[1].memory->peak_bytes, 10);
    assert_int_equal(snapshot.videos[1].memory_run, id);
    assert_int_equal(snapshot.videos[2].memory->lowest_bytes, 40);
    assert_int_equal(snapshot.videos[2].memory->peak_bytes, 60);
    assert_int_equal(snapshot.machine.peak_bytes, 900);
    assert_int_equal(snapshot.machine.lowest_bytes, 900);
    assert_int_equal(snapshot.machine.limit_bytes, 1000);
    snapshot_free(&snapshot);

    lock_release(&lock); /* as a kill does */
    assert_int_equal(snapshot_take(folder, false, &snapshot, NULL), STATUS_OK);
    assert_int_equal(snapshot.run_state, RUN_KILLED);
    assert_int_equal(snapshot.videos[0].state, VIDEO_STOPPED);
    assert_int_equal(snapshot.videos[0].row.frames_done, 500);
    assert_int_equal(snapshot.videos[0].row.worker, 0);
    assert_int_equal(snapshot.videos[0].attempt_count, 0);
    assert_null(snapshot.videos[1].memory);
    assert_int_equal(snapshot.machine.count, 0);
    snapshot_free(&snapshot);

    assert_int_equal(store_run_end(store, id, NULL), STATUS_OK);
    assert_int_equal(snapshot_take(folder, false, &snapshot, NULL), STATUS_OK);
    assert_int_equal(snapshot.run_state, RUN_OVER);
    snapshot_free(&snapshot);
    store_close(&store);
}

/* ---- what follows ---- */

static bool near(double a, double b)
{
    return a - b < 0.001 && b - a < 0.001;
}

static void the_standing_goes_by_the_size_of_the_inputs(void **state)
{
    (void)state;
    Snapshot snapshot;
    fixture_begin(&snapshot);
    assert_true(near(snapshot_standing(&snapshot).share, 0));
    (void)fixture_clip(&snapshot, VIDEO_DONE);
    VideoView *half = fixture_clip(&snapshot, VIDEO_RUNNING);
    half->row.frames_done = 1500;
    half->row.fps = 30; /* 10,000 bytes of input a second */
    (void)fixture_clip(&snapshot, VIDEO_QUEUED);
    (void)fixture_clip(&snapshot, VIDEO_FAILED);
    (void)fixture_clip(&snapshot, VIDEO_CANCELLED);
    const Standing standing = snapshot_standing(&snapshot);
    assert_true(near(standing.share, 0.5)); /* 1.5 of the three that can still be */
    assert_int_equal(standing.unfinished, 2);
    assert_int_equal(standing.counts[VIDEO_FAILED], 1);
    assert_true(near(standing.eta_s, 150.0 + 0.00015));
    snapshot_free(&snapshot);
}

static void the_rest_of_a_chunk_takes_so_long(void **state)
{
    (void)state;
    Snapshot snapshot;
    fixture_begin(&snapshot);
    VideoView *video = fixture_clip(&snapshot, VIDEO_RUNNING);
    assert_true(near(video_view_chunk_left_s(video, 10), -1)); /* its speed is not known */
    fixture_chunks(video, 4);
    video->row.frames_done = 1050;
    video->row.fps = 25;
    assert_true(near(video_view_chunk_left_s(video, 10), 8)); /* 200 of 250 frames */
    video->row.frames_done = 1300;                            /* told before its chunk was */
    assert_true(near(video_view_chunk_left_s(video, 10), 0));
    video->row.frames_done = 2950; /* the end is nearer than the chunk's */
    video->chunk_frames = 2900;
    assert_true(near(video_view_chunk_left_s(video, 10), 2));
    snapshot_free(&snapshot);
}

/* ---- which videos are meant ---- */

static void make_names(Snapshot *snapshot)
{
    static const char *const names[][2] = {{"clip1.mp4", "joconde_1.mp4"},
                                           {"clip2.mkv", "joconde_2.mp4"},
                                           {"clip10.mp4", "joconde_10.mp4"},
                                           {"7.mp4", "joconde_7.mp4"},
                                           {"same.mp4", "a.mp4"},
                                           {"same.mkv", "b.mp4"},
                                           {"holiday.mp4", "joconde_holiday.mp4"}};
    fixture_begin(snapshot);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)fixture_add(snapshot, VIDEO_QUEUED, names[i][0], names[i][1]);
    }
}

/* "1 2": the positions that the words mean; "" and the advice where they are refused. */
static void assert_means(const Snapshot *snapshot, const char *words, const char *expected,
                         const char *advice)
{
    TextList list = {0};
    char copy[128];
    text_copy(copy, sizeof copy, words);
    for (char *rest = copy, *word = NULL; (word = strsep(&rest, " ")) != NULL;) {
        if (word[0] != '\0') {
            text_list_add(&list, word);
        }
    }
    bool chosen[16] = {false};
    Error err = {0};
    Text found = {0};
    text_append(&found, "");
    const Status status = select_videos(snapshot, &list, chosen, &err);
    for (size_t i = 0; i < snapshot->count && status == STATUS_OK; i++) {
        if (chosen[i]) {
            text_appendf(&found, "%s%d", found.length > 0 ? " " : "", snapshot->videos[i].row.position);
        }
    }
    assert_string_equal(found.data, expected);
    if (status != STATUS_OK) {
        assert_int_equal(err.class_, ERROR_USAGE);
        if (strstr(err.todo, advice) == NULL) {
            fail_msg("%s: '%s' has no '%s'", words, err.todo, advice);
        }
    }
    text_list_free(&list);
    text_free(&found);
}

static void words_mean_videos(void **state)
{
    (void)state;
    Snapshot snapshot;
    make_names(&snapshot);
    assert_means(&snapshot, "", "1 2 3 4 5 6 7", "");
    assert_means(&snapshot, "clip1.mp4", "1", "");
    assert_means(&snapshot, "clip1", "1", ""); /* not the beginning of clip10 */
    assert_means(&snapshot, "joconde_10", "3", "");
    assert_means(&snapshot, "outputVideos/joconde_2.mp4", "2", "");
    assert_means(&snapshot, "/videos/clip2.mkv", "2", "");
    assert_means(&snapshot, "2 clip2 joconde_2.mp4", "2", "");
    assert_means(&snapshot, "2-3 1", "1 2 3", "");
    assert_means(&snapshot, "1,6-", "1 6 7", "");
    assert_means(&snapshot, "7.mp4", "4", "");
    assert_means(&snapshot, "7", "", "4 7.mp4 (joconde_7.mp4), 7 holiday.mp4"); /* name or position? */
    assert_means(&snapshot, "same", "", "5 same.mp4 (a.mp4), 6 same.mkv (b.mp4)");
    assert_means(&snapshot, "a", "5", "");
    assert_means(&snapshot, "99", "", "runbatch status --verbose lists the videos");
    assert_means(&snapshot, "50-60", "", "runbatch status --verbose lists the videos");
    assert_means(&snapshot, "clpi1", "", "did you mean 1 clip1.mp4 (joconde_1.mp4)");
    assert_means(&snapshot, "holi", "", "did you mean 7 holiday.mp4 (joconde_holiday.mp4)?");
    assert_means(&snapshot, "clip1 xyzzy", "", "");
    assert_means(&snapshot, "0", "", "");
    snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_and_the_lock_tell_the_state),
        cmocka_unit_test(a_folder_without_a_store_is_no_error),
        cmocka_unit_test(it_tells_what_the_store_says),
        cmocka_unit_test(the_standing_goes_by_the_size_of_the_inputs),
        cmocka_unit_test(the_rest_of_a_chunk_takes_so_long),
        cmocka_unit_test(words_mean_videos),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
