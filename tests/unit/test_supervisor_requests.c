/* Pause, continue, cancel from another terminal, and Ctrl+C in the middle of them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "batch_bench.h"

static bool is_about(const Event *event, EventKind kind, const char *name)
{
    return event->kind == kind &&
           (name == NULL || (event->video != NULL && strstr(event->video->input, name) != NULL));
}

static void assert_state(const Bench *bench, const char *name, VideoState state)
{
    VideoRow row = bench_row(bench, name);
    if (row.state != state) {
        fail_msg("%s is %s, not %s", name, video_state_name(row.state), video_state_name(state));
    }
    video_row_free(&row);
}

static int chunks_reused(const Bench *bench, const char *name)
{
    AttemptRow last;
    (void)bench_attempts(bench, name, &last);
    return last.chunks_reused;
}

/* ---- one video ---- */

static void pause_one(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0 && !event->chunk.reused) {
        bench_ask(bench, REQUEST_PAUSE, "slow1");
    } else if (is_about(event, EVENT_VIDEO_DONE, "slow2")) {
        assert_state(bench, "slow1", VIDEO_PAUSED);
        bench_ask(bench, REQUEST_CONTINUE, "slow1");
    }
}

static void a_paused_video_frees_its_memory_and_goes_on(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->act = pause_one;
    bench_add(bench, "slow1");
    bench_add(bench, "slow2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->most_at_once, 1); /* its worker ended */
    assert_int_equal(bench->counts[EVENT_VIDEO_PAUSED], 1);
    assert_true(bench_when(bench, "video_paused slow1.mp4") < bench_when(bench, "video_started slow2.mp4"));
    assert_true(bench_when(bench, "video_done slow2.mp4") < bench_when(bench, "video_done slow1.mp4"));
    assert_true(chunks_reused(bench, "slow1") >= 1);
    AttemptRow last;
    assert_int_equal(bench_attempts(bench, "slow1", &last), 2);
    assert_int_equal(bench->result.statistics.retried, 0);
}

static void pause_before_its_turn(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_STARTED, "slow1")) {
        bench_ask(bench, REQUEST_PAUSE, "good2");
        bench_ask(bench, REQUEST_PAUSE, "good2");
        bench_ask(bench, REQUEST_PAUSE, "nobody");
        bench_ask(bench, REQUEST_PAUSE, "good3");
        bench_ask(bench, REQUEST_CONTINUE, "good3");
    } else if (is_about(event, EVENT_BATCH_PAUSED, NULL)) {
        assert_state(bench, "good2", VIDEO_PAUSED);
        bench_ask(bench, REQUEST_CONTINUE, "good2");
    }
}

static void a_video_can_be_paused_before_its_turn(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->act = pause_before_its_turn;
    bench_add(bench, "slow1");
    bench_add(bench, "good2");
    bench_add(bench, "good3");
    bench_run(bench);
    assert_int_equal(bench->result.done, 3);
    assert_true(bench_when(bench, "video_done good3.mp4") < bench_when(bench, "batch_paused"));
    assert_true(bench_when(bench, "batch_paused") < bench_when(bench, "video_started good2.mp4"));
    assert_true(bench_when(bench, "batch_resumed") > 0);
    assert_int_equal(bench_told(bench, "not of this batch: nobody.mp4"), 1);
}

/* It changes its mind while the worker still ends. */
static void pause_and_continue(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0 && !event->chunk.reused) {
        bench_ask(bench, REQUEST_PAUSE, NULL);
        bench_ask(bench, REQUEST_CONTINUE, NULL);
    }
}

static void a_pause_that_is_taken_back_does_no_harm(void **state)
{
    Bench *bench = *state;
    bench->act = pause_and_continue;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->counts[EVENT_VIDEO_PAUSED], 0);
}

static void cancel_running_and_waiting(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0) {
        bench_ask(bench, REQUEST_CANCEL, "slow1");
        bench_ask(bench, REQUEST_CANCEL, "good2");
    }
}

static void a_cancelled_video_leaves_nothing(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->act = cancel_running_and_waiting;
    bench_add(bench, "slow1");
    bench_add(bench, "good2");
    bench_add(bench, "good3");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.failed, 0);
    assert_int_equal(bench->result.statistics.cancelled, 2);
    assert_int_equal(bench->result.statistics.not_started, 0);
    assert_int_equal(bench->counts[EVENT_VIDEO_CANCELLED], 2);
    assert_false(bench_has(bench, "out/.runbatch/work"));
    assert_false(bench_has(bench, "out/slow1.mp4"));
    assert_int_equal(bench_tries(bench, "good2"), 0);
    assert_state(bench, "slow1", VIDEO_CANCELLED);
    /* the next run begins anew */
    bench->act = NULL;
    bench_forget(bench);
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(chunks_reused(bench, "slow1"), 0);
}

static void cancel_the_started(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_STARTED, "sore1")) {
        bench_ask(bench, REQUEST_CANCEL, "sore1");
    }
}

static void a_video_that_fails_while_it_is_cancelled_is_cancelled(void **state)
{
    Bench *bench = *state;
    bench->act = cancel_the_started;
    bench_add(bench, "sore1");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 0);
    assert_int_equal(bench->result.statistics.cancelled, 1);
    assert_state(bench, "sore1", VIDEO_CANCELLED);
}

static void cancel_and_pause_what_is_done(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_VIDEO_STARTED, "slow1")) {
        bench_ask(bench, REQUEST_CANCEL, "good3");
        bench_ask(bench, REQUEST_PAUSE, "good4");
    }
}

/* While the probe is busy the batch does not come to them. */
static void a_finished_video_stays_finished(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->hooks.probe_timeout_ms = 1000;
    bench_add(bench, "slow1");
    bench_add(bench, "ponder2");
    bench_add(bench, "good3");
    bench_add(bench, "good4");
    bench_run(bench);
    char *gone = bench_path(bench, "out/slow1.mp4");
    assert_int_equal(unlink(gone), 0);
    memory_free(gone);
    bench_put(bench, "out/ponder2.mp4", "somebody else's");
    bench_forget(bench);
    bench->act = cancel_and_pause_what_is_done;
    bench_run(bench);
    assert_int_equal(bench->result.skipped, 2);
    assert_int_equal(bench->result.done, 2);
    assert_state(bench, "good3", VIDEO_DONE);
    assert_state(bench, "good4", VIDEO_DONE);
}

/* ---- all ---- */

static void pause_all_then_one_then_all(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0 && !event->chunk.reused) {
        bench_ask(bench, REQUEST_PAUSE, NULL);
    } else if (is_about(event, EVENT_VIDEO_PAUSED, NULL) && bench->counts[EVENT_VIDEO_PAUSED] == 2) {
        bench_ask(bench, REQUEST_CONTINUE, "good3");
    } else if (is_about(event, EVENT_VIDEO_DONE, "good3")) {
        assert_state(bench, "slow1", VIDEO_PAUSED);
        assert_state(bench, "slow2", VIDEO_PAUSED);
        assert_state(bench, "good4", VIDEO_QUEUED);
        bench_ask(bench, REQUEST_CONTINUE, NULL);
    }
}

static void all_are_paused_one_goes_on_all_go_on(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 2;
    bench->act = pause_all_then_one_then_all;
    bench_add(bench, "slow1");
    bench_add(bench, "slow2");
    bench_add(bench, "good3");
    bench_add(bench, "good4");
    bench_run(bench);
    assert_int_equal(bench->result.done, 4);
    assert_true(bench_when(bench, "batch_paused -: paused by the user") >= 0);
    assert_true(bench_when(bench, "video_done good3.mp4") < bench_when(bench, "batch_resumed"));
    assert_true(bench_when(bench, "batch_resumed") < bench_when(bench, "video_started good4.mp4"));
    assert_true(chunks_reused(bench, "slow1") >= 1);
}

static void pause_and_wait(Bench *bench, const Event *event)
{
    int64_t *const numbers = bench->context; /* ticks, processor time, when */
    if (is_about(event, EVENT_VIDEO_STARTED, "slow1") && event->video->attempt == 1) {
        bench_ask(bench, REQUEST_PAUSE, NULL);
    } else if (is_about(event, EVENT_VIDEO_PAUSED, NULL)) {
        numbers[0] = 0;
        numbers[1] = (int64_t)clock();
    }
}

static void continue_after_a_while(void *context, int64_t now_ms)
{
    Bench *bench = context;
    int64_t *const numbers = bench->context;
    (void)now_ms;
    if (numbers[0] >= 0 && ++numbers[0] == 8) {
        numbers[2] = (int64_t)clock();
        bench_ask(bench, REQUEST_CONTINUE, NULL);
    }
}

static void a_paused_batch_sleeps(void **state)
{
    Bench *bench = *state;
    int64_t numbers[3] = {-1};
    bench->context = numbers;
    bench->act = pause_and_wait;
    bench->hooks.tick = continue_after_a_while;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    /* two seconds of pause, not a tenth of one of work */
    assert_true((double)(numbers[2] - numbers[1]) / CLOCKS_PER_SEC < 0.1);
}

static void cancel_all(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, NULL) && bench->counts[EVENT_CHUNK_DONE] == 1) {
        bench_ask(bench, REQUEST_CANCEL, NULL);
    }
}

static void cancelling_all_ends_the_batch(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 2;
    bench->act = cancel_all;
    bench_add(bench, "slow1");
    bench_add(bench, "slow2");
    bench_add(bench, "slow3");
    bench_run(bench);
    assert_int_equal(bench->result.statistics.cancelled, 3);
    assert_false(bench->result.interrupted);
    assert_false(bench_has(bench, "out/.runbatch/work"));
}

static void requests_of_before_the_run_are_dropped(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_run(bench);
    bench_ask(bench, REQUEST_CANCEL, NULL);
    bench->settings.restart = true;
    bench_forget(bench);
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
}

/* ---- Ctrl+C in every state ---- */

static void interrupt_when_paused(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0) {
        bench_ask(bench, REQUEST_PAUSE, NULL);
    } else if (is_about(event, EVENT_VIDEO_PAUSED, NULL)) {
        (void)kill(getpid(), SIGINT);
    }
}

static void a_paused_batch_can_be_interrupted(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->act = interrupt_when_paused;
    bench_add(bench, "slow1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->result.statistics.not_started, 2);
    assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 1);
    assert_state(bench, "slow1", VIDEO_STOPPED);
    assert_state(bench, "good2", VIDEO_QUEUED);
    bench->act = NULL;
    bench_forget(bench);
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_true(chunks_reused(bench, "slow1") >= 1);
}

static void interrupt_when_pausing(Bench *bench, const Event *event)
{
    if (is_about(event, EVENT_CHUNK_DONE, "slow1") && event->chunk.index == 0) {
        bench_ask(bench, REQUEST_PAUSE, NULL);
    } else if (is_about(event, EVENT_BATCH_PAUSED, NULL)) {
        (void)kill(getpid(), SIGTERM);
    }
}

static void a_batch_that_is_about_to_pause_can_be_interrupted(void **state)
{
    Bench *bench = *state;
    bench->act = interrupt_when_pausing;
    bench_add(bench, "slow1");
    const int64_t began_ms = clock_now_ms();
    bench_run(bench);
    assert_true(clock_now_ms() - began_ms < 10000);
    assert_true(bench->result.interrupted);
    assert_state(bench, "slow1", VIDEO_STOPPED);
}

static void interrupt_when_it_waits(Bench *bench, const Event *event)
{
    (void)bench;
    if (is_about(event, EVENT_VIDEO_RETRY, NULL)) {
        (void)kill(getpid(), SIGINT);
    }
}

static void a_video_that_waits_can_be_interrupted(void **state)
{
    Bench *bench = *state;
    bench->hooks.retry_wait_ms = 0; /* 30 s */
    bench->act = interrupt_when_it_waits;
    bench_add(bench, "oomtwice1");
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 1);
    assert_state(bench, "oomtwice1", VIDEO_STOPPED);
}

static void the_grace_is_used_to_finish_a_chunk(void **state)
{
    Bench *bench = *state;
    bench->settings.stop_grace_s = 5;
    bench->interrupt_at_start = SIGINT;
    bench_add(bench, "slow1");
    bench_run(bench);
    assert_int_equal(bench->counts[EVENT_CHUNK_DONE], 1); /* in the grace */
    assert_true(bench_has(bench, "out/.runbatch/work/slow1.mp4/chunk-000000.rbc"));
    bench->settings.stop_grace_s = 0;
    bench_forget(bench);
    bench_run(bench);
    assert_int_equal(bench->counts[EVENT_CHUNK_DONE], 1); /* only the old one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_paused_video_frees_its_memory_and_goes_on),
        BENCH_TEST(a_video_can_be_paused_before_its_turn),
        BENCH_TEST(a_pause_that_is_taken_back_does_no_harm),
        BENCH_TEST(a_cancelled_video_leaves_nothing),
        BENCH_TEST(a_video_that_fails_while_it_is_cancelled_is_cancelled),
        BENCH_TEST(a_finished_video_stays_finished),
        BENCH_TEST(all_are_paused_one_goes_on_all_go_on),
        BENCH_TEST(a_paused_batch_sleeps),
        BENCH_TEST(cancelling_all_ends_the_batch),
        BENCH_TEST(requests_of_before_the_run_are_dropped),
        BENCH_TEST(a_paused_batch_can_be_interrupted),
        BENCH_TEST(a_batch_that_is_about_to_pause_can_be_interrupted),
        BENCH_TEST(a_video_that_waits_can_be_interrupted),
        BENCH_TEST(the_grace_is_used_to_finish_a_chunk),
    };
    return cmocka_run_group_tests_name("supervisor_requests", tests, NULL, NULL);
}
