/* A volume that is too full before a video, while one runs, and in the middle of a write. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch_bench.h"

#define MB (INT64_C(1000) * 1000)

/* One volume of 1000 MB, of which so much is free. */
static int64_t free_bytes;

static SpaceVolume made_up_volume(const char *folder)
{
    return (SpaceVolume){true, folder, 1, 1000 * MB, free_bytes, -1};
}

static int make(void **state)
{
    free_bytes = 500 * MB;
    const int result = bench_make(state);
    Bench *bench = *state;
    bench->hooks.volume = made_up_volume;
    return result;
}

static bool is_about(const Event *event, EventKind kind, const char *name)
{
    return event->kind == kind &&
           (name == NULL || (event->video != NULL && strstr(event->video->input, name) != NULL));
}

static void assert_run_state(const Bench *bench, const char *state, const char *note)
{
    Store *store = NULL;
    RunRow run = {0};
    assert_int_equal(store_open(&store, bench->plan.state_dir, STORE_READ, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_last_run(store, &run, NULL), STATUS_OK);
    assert_string_equal(run.state, state);
    assert_non_null(strstr(run.note, note));
    memory_free(run.options);
    store_close(&store);
}

/* ---- before a video ---- */

static void make_room(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_BATCH_PAUSED, NULL)) {
        assert_run_state(bench, "waiting_for_space", "needs");
        VideoRow row = bench_row(bench, "good1");
        assert_int_equal(row.state, VIDEO_WAITING);
        assert_non_null(strstr(row.note, "waits for space"));
        video_row_free(&row);
        free_bytes = 500 * MB;
    }
}

static void a_video_waits_for_room_and_the_batch_says_so(void **state)
{
    Bench *bench = *state;
    free_bytes = 30 * MB;
    bench->act = make_room;
    bench_add(bench, "good1");
    bench->plan.items[0].size_bytes = 100 * MB;
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->counts[EVENT_VIDEO_WAITING], 1);
    assert_int_equal(bench->counts[EVENT_BATCH_PAUSED], 1);
    assert_int_equal(bench->counts[EVENT_BATCH_RESUMED], 1);
    assert_int_equal(bench_told(bench, "batch_paused -: waits for space: needs 381.5 MB, 28.6 MB free of "
                                       "953.7 MB on out, reserve 19.1 MB"),
                     1);
    assert_int_equal(bench_tries(bench, "good1"), 1);
    /* videos keep their order */
    assert_true(bench_when(bench, "batch_resumed") < bench_when(bench, "video_done good2.mp4"));
}

static void what_running_videos_will_write_is_not_free(void **state)
{
    Bench *bench = *state;
    /* 100 MB of input make 200 of chunks and 200 of output: one fits, until it tells how small it is */
    bench_add(bench, "slow1");
    bench_add(bench, "slow2");
    bench->plan.items[0].size_bytes = 100 * MB;
    bench->plan.items[1].size_bytes = 100 * MB;
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_true(bench_when(bench, "video_waiting slow2.mp4") < bench_when(bench, "video_opened slow1.mp4"));
    assert_true(bench_when(bench, "video_opened slow1.mp4") < bench_when(bench, "video_started slow2.mp4"));
    assert_int_equal(bench->most_at_once, 2);
}

static void a_video_that_waited_too_long_fails(void **state)
{
    Bench *bench = *state;
    free_bytes = 30 * MB;
    bench->settings.disk_timeout_s = 0.5;
    bench_add(bench, "good1");
    bench->plan.items[0].size_bytes = 100 * MB;
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_int_equal(bench->result.done, 1);
    assert_true(text_starts_with(bench_failure(bench, "good1"), "space needs 381.5 MB"));
    assert_int_equal(bench_tries(bench, "good1"), 0);
}

static void interrupt_the_wait(Bench *bench, const Event *event)
{
    (void)bench;
    if (is_about(event, EVENT_BATCH_PAUSED, NULL)) {
        (void)kill(getpid(), SIGINT);
    }
}

static void a_wait_for_room_can_be_interrupted(void **state)
{
    Bench *bench = *state;
    free_bytes = 30 * MB;
    bench->act = interrupt_the_wait;
    bench_add(bench, "good1");
    bench->plan.items[0].size_bytes = 100 * MB;
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->result.statistics.not_started, 1);
}

static void finished_videos_correct_the_estimate(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench_add(bench, "good1"); /* its 7 bytes of output out of 100 */
    bench_add(bench, "good2");
    bench->plan.items[1].size_bytes = 1000 * MB; /* could never fit as it was guessed */
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->counts[EVENT_BATCH_PAUSED], 0);
}

/* ---- while one runs ---- */

typedef struct Hold {
    pid_t worker;
    int ticks;
    bool stopped;
} Hold;

static void fill_the_volume(Bench *bench, const Event *event)
{
    Hold *hold = bench->context;
    if (is_about(event, EVENT_VIDEO_STARTED, "slow1")) {
        hold->worker = event->video->worker;
    } else if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0 && hold->ticks == 0) {
        free_bytes = 19 * MB;
    }
}

static bool is_stopped(pid_t pid)
{
    char path[64];
    char *text = NULL;
    int64_t size = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    const bool stopped =
        file_read(path, 4096, &text, &size, NULL) == STATUS_OK && strstr(text, ") T ") != NULL;
    memory_free(text);
    return stopped;
}

/* Holds it for longer than the stall watch would allow. */
static void look_and_make_room(void *context, int64_t now_ms)
{
    Bench *bench = context;
    Hold *hold = bench->context;
    (void)now_ms;
    if (bench->counts[EVENT_BATCH_PAUSED] > 0 && ++hold->ticks == 25) {
        hold->stopped = is_stopped(hold->worker);
        assert_run_state(bench, "waiting_for_space", "held");
        free_bytes = 26 * MB;
    }
}

static void workers_are_held_below_the_reserve(void **state)
{
    Bench *bench = *state;
    Hold hold = {0};
    bench->context = &hold;
    bench->act = fill_the_volume;
    bench->hooks.tick = look_and_make_room;
    bench->settings.stall_timeout_s = 1;
    bench->hooks.hello_timeout_ms = 1000;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_true(hold.stopped);
    assert_int_equal(bench_tries(bench, "slow1"), 1);
    assert_int_equal(bench->counts[EVENT_BATCH_PAUSED], 1);
    assert_int_equal(bench->counts[EVENT_BATCH_RESUMED], 1);
    assert_int_equal(bench_told(bench, "running videos are held: 18.1 MB free of 953.7 MB on out, below the "
                                       "reserve of 19.1 MB"),
                     1);
}

static void interrupt_when_held(void *context, int64_t now_ms)
{
    Bench *bench = context;
    Hold *hold = bench->context;
    (void)now_ms;
    if (bench->counts[EVENT_BATCH_PAUSED] > 0 && ++hold->ticks == 5) {
        (void)kill(getpid(), SIGINT);
    }
}

static void held_workers_can_be_interrupted(void **state)
{
    Bench *bench = *state;
    Hold hold = {0};
    bench->context = &hold;
    bench->act = fill_the_volume;
    bench->hooks.tick = interrupt_when_held;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 1);
    assert_true(bench_has(bench, "out/.runbatch/work/slow1.mp4/chunk-000000.rbc"));
}

static void a_hold_that_lasts_too_long_fails_the_video(void **state)
{
    Bench *bench = *state;
    Hold hold = {0};
    bench->context = &hold;
    bench->act = fill_the_volume;
    bench->settings.disk_timeout_s = 0.5;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_true(text_starts_with(bench_failure(bench, "slow1"), "space"));
    assert_true(bench_has(bench, "out/.runbatch/work/slow1.mp4/chunk-000000.rbc")); /* to go on from */
}

/* ---- in the middle of a write ---- */

static void make_room_for_real(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_RETRY, "full1") && bench->counts[EVENT_VIDEO_RETRY] == 2) {
        bench_put(bench, "in/room", "");
    }
}

static void a_write_that_failed_for_want_of_room_is_made_again(void **state)
{
    Bench *bench = *state;
    AttemptRow last;
    bench->act = make_room_for_real;
    bench_add(bench, "full1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_attempts(bench, "full1", &last), 3);
    assert_int_equal(last.chunks_reused, 2);
}

static void want_of_room_that_never_ends_fails_in_time(void **state)
{
    Bench *bench = *state;
    bench->settings.disk_timeout_s = 0.8;
    bench_add(bench, "full1");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_true(text_starts_with(bench_failure(bench, "full1"), "space"));
    assert_in_range(bench_tries(bench, "full1"), 2, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, bench_free)

static void move_output_folder(const Bench *bench, const char *from, const char *to)
{
    char *old = bench_path(bench, "%s", from);
    char *new = bench_path(bench, "%s", to);
    assert_int_equal(rename(old, new), 0);
    memory_free(old);
    memory_free(new);
}

/* A cable that is pulled out and put in again. */
static void take_away_and_bring_back(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_STARTED, "crashonce1") && event->video->attempt == 1) {
        move_output_folder(bench, "out", "away");
    } else if (is_about(event, EVENT_VIDEO_RETRY, "good3") && !bench_has(bench, "out")) {
        move_output_folder(bench, "away", "out");
    }
}

static void an_output_folder_that_is_gone_for_a_moment_fails_no_video(void **state)
{
    Bench *bench = *state;
    bench->act = take_away_and_bring_back;
    bench->settings.jobs = 1;
    bench_add(bench, "crashonce1");
    bench_add(bench, "good2");
    bench_add(bench, "good3");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 0);
    assert_int_equal(bench->result.done, 3);
}

static void remove_state_folder(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_STARTED, "good1")) {
        move_output_folder(bench, "out/.runbatch", "tidied");
    }
}

static void a_state_folder_that_is_removed_is_made_again(void **state)
{
    Bench *bench = *state;
    bench->act = remove_state_folder;
    bench->settings.jobs = 1;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_video_waits_for_room_and_the_batch_says_so),
        TEST(what_running_videos_will_write_is_not_free),
        TEST(a_video_that_waited_too_long_fails),
        TEST(a_wait_for_room_can_be_interrupted),
        TEST(finished_videos_correct_the_estimate),
        TEST(workers_are_held_below_the_reserve),
        TEST(held_workers_can_be_interrupted),
        TEST(a_hold_that_lasts_too_long_fails_the_video),
        TEST(a_write_that_failed_for_want_of_room_is_made_again),
        TEST(want_of_room_that_never_ends_fails_in_time),
        TEST(an_output_folder_that_is_gone_for_a_moment_fails_no_video),
        TEST(a_state_folder_that_is_removed_is_made_again),
    };
    return cmocka_run_group_tests_name("supervisor_volume", tests, NULL, NULL);
}
