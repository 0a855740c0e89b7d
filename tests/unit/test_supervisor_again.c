/* Failures that pass, and those that do not: what the ladder makes of them in a running batch. */
#include <setjmp.h>
#include <signal.h>
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
#include "base/files.h"
#include "batch_bench.h"
#include "report/phrase.h"

/* A value that the attempt's settings had. */
static int64_t setting_of(const Bench *bench, const char *name, int attempt, const char *key)
{
    char *path = bench_path(bench, "in/%s.mp4.settings.%d", name, attempt);
    json_t *settings = json_load_file(path, 0, NULL);
    const int64_t value = json_integer_value(json_object_get(settings, key));
    json_decref(settings);
    memory_free(path);
    return value;
}

static void assert_state(const Bench *bench, const char *name, VideoState state)
{
    VideoRow row = bench_row(bench, name);
    if (row.state != state) {
        fail_msg("%s is %s, not %s", name, video_state_name(row.state), video_state_name(state));
    }
    video_row_free(&row);
}

static void want_of_memory_gets_less(void **state)
{
    Bench *bench = *state;
    AttemptRow last;
    bench->settings.execution_threads = 5;
    bench->settings.jobs = 1;
    bench_add(bench, "oomtwice1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->result.statistics.retried, 2);
    static const int threads[] = {5, 2, 2};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(setting_of(bench, "oomtwice1", i + 1, "execution-threads"), threads[i]);
        assert_int_equal(setting_of(bench, "oomtwice1", i + 1, "frame-budget"), i > 0);
    }
    /* what the user asked of the picture stays */
    assert_int_equal(setting_of(bench, "oomtwice1", 3, "output-video-quality"),
                     bench->settings.output_video_quality);
    assert_int_equal(bench_attempts(bench, "oomtwice1", &last), 3);
    assert_string_equal(last.ended, "done");
    assert_int_equal(last.threads, 2);
    /* the last time alone, so after all others */
    assert_true(bench_when(bench, "video_done good2.mp4") < bench_when(bench, "video_done oomtwice1.mp4"));
    assert_int_equal(bench_told(bench, "again when memory is back, from the beginning, threads: 2, smallest "
                                       "frame budget, alone"),
                     1);
}

static void give_memory_back(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_VIDEO_DONE) {
        bench_put(bench, "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 400000 kB\n");
    }
}

static void memory_that_is_back_ends_the_wait(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 2;
    bench->hooks.retry_wait_ms = 0; /* 30 s: longer than a test may take */
    bench->hooks.root = bench->root;
    bench->act = give_memory_back;
    bench_put(bench, "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 300000 kB\n");
    bench_add(bench, "oomtwice1");
    bench_add(bench, "slow2");
    bench_put(bench, "in/oomtwice1.mp4.tries", "x"); /* the second time is the first */
    const int64_t began_ms = clock_now_ms();
    bench_run(bench);
    assert_true(clock_now_ms() - began_ms < 15000);
    assert_int_equal(bench->result.done, 2);
    assert_true(bench_when(bench, "video_done slow2.mp4") < bench_when(bench, "video_done oomtwice1.mp4"));
}

static void a_crash_goes_on_from_the_last_chunk(void **state)
{
    Bench *bench = *state;
    AttemptRow last;
    bench_add(bench, "crashonce1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_tries(bench, "crashonce1"), 2);
    assert_int_equal(bench_attempts(bench, "crashonce1", &last), 2);
    assert_int_equal(last.chunks_reused, 2);
    assert_int_equal(last.chunks, 3);
    assert_int_equal(last.frames, 6);
    assert_int_equal(bench_told(bench, "video_retry crashonce1.mp4: again, from chunk 2"), 1);
    assert_int_equal(bench->counts[EVENT_CHUNK_DONE], 2 + 5);
    assert_false(bench_has(bench, "out/.runbatch/work/crashonce1.mp4"));
    VideoRow row = bench_row(bench, "crashonce1");
    assert_null(row.work);
    assert_int_equal(row.state, VIDEO_DONE);
    assert_int_equal(row.output_bytes, 7);
    assert_int_equal(row.result.frames, 10);
    assert_int_equal(row.error.class_, ERROR_NONE);
    video_row_free(&row);
}

/* A kill of the supervisor can be its end: what the store says of it then is this. */
static void look_at_try(Bench *bench, const Event *event)
{
    int *seen = bench->context;
    AttemptRow last;
    if (event->kind == EVENT_CHUNK_DONE) {
        assert_int_equal(bench_attempts(bench, "crashonce1", &last), event->video->attempt);
        assert_string_equal(last.ended, "");
        assert_int_equal(last.chunks + last.chunks_reused, event->chunk.index + 1);
        assert_int_equal(last.chunks_reused, event->video->attempt == 1 ? 0
                                             : event->chunk.reused      ? event->chunk.index + 1
                                                                        : 2);
        assert_int_equal(last.frames, 2 * last.chunks);
        (*seen)++;
    }
}

static void a_try_is_known_chunk_by_chunk(void **state)
{
    Bench *bench = *state;
    int seen = 0;
    bench->act = look_at_try;
    bench->context = &seen;
    bench_add(bench, "crashonce1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(seen, 2 + 5);
}

static void kills_after_progress_count_anew(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "step1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_tries(bench, "step1"), 5);
}

static void troubles_that_pass_are_got_over(void **state)
{
    static const struct {
        const char *name;
        const char *told;
    } table[] = {
        {"io1", "again, from chunk 1"},
        {"nvenc2", "again, from the beginning, alone"},
        {"stallonce3", "again, from chunk 1"},
        {"term4", "again, from the beginning"},
    };
    Bench *bench = *state;
    bench->settings.stall_timeout_s = 1.0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bench_add(bench, table[i].name);
    }
    bench_run(bench);
    assert_int_equal(bench->result.done, 4);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *line = text_format("video_retry %s.mp4: %s", table[i].name, table[i].told);
        assert_int_equal(bench_told(bench, line), 1);
        assert_int_equal(bench_tries(bench, table[i].name), 2);
        memory_free(line);
    }
}

/* Looks at each start whether anything else runs beside one that must be alone. */
static void watch_company(Bench *bench, const Event *event)
{
    int *with_company = bench->context;
    const bool is_kill = event->video != NULL && strstr(event->video->input, "/kill") != NULL;
    if (event->kind == EVENT_VIDEO_STARTED && is_kill && event->video->attempt == 3) {
        *with_company += bench->at_once > 1;
    }
}

static void what_kills_its_worker_again_and_again_is_set_aside(void **state)
{
    Bench *bench = *state;
    AttemptRow last;
    int with_company = 0;
    bench->context = &with_company;
    bench->act = watch_company;
    bench_add(bench, "kill1");
    bench_add(bench, "kill2");
    bench_add(bench, "slow3");
    bench_add(bench, "slow4");
    bench_add(bench, "good5");
    bench_run(bench);
    assert_int_equal(bench->result.done, 3);
    assert_int_equal(bench->result.failed, 2);
    assert_int_equal(bench->result.statistics.set_aside, 2);
    assert_int_equal(bench->most_at_once, 3);
    assert_int_equal(with_company, 0);
    assert_int_equal(bench_tries(bench, "kill1"), 3);
    assert_int_equal(bench_tries(bench, "kill2"), 3);
    assert_non_null(strstr(bench_failure(bench, "kill1"), "again and again"));
    assert_state(bench, "kill1", VIDEO_SET_ASIDE);
    assert_int_equal(bench_attempts(bench, "kill1", &last), 3);
    assert_string_equal(phrase_english(last.decision, last.decision, sizeof last.decision), "set aside");
    assert_int_equal(last.error.class_, ERROR_KILLED);
    /* the next run tries it again, and says so */
    bench->context = &with_company;
    bench_forget(bench);
    bench_run(bench);
    assert_int_equal(bench->result.skipped, 3);
    assert_int_equal(bench->result.failed, 2);
    assert_int_equal(bench_told(bench, "video_retry kill1.mp4: failed in an earlier run, tried again"), 1);
    assert_int_equal(bench_tries(bench, "kill1"), 6);
    assert_int_equal(bench_attempts(bench, "kill1", &last), 6);
    assert_int_equal(last.number, 6);
}

static void bad_input_is_tried_once_and_leaves_nothing(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "failed1");
    bench_add(bench, "forbidden2");
    bench_add(bench, "link3");
    bench_add(bench, "swap4");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 4);
    assert_int_equal(bench_tries(bench, "failed1"), 1);
    assert_int_equal(bench_tries(bench, "forbidden2"), 1);
    assert_state(bench, "failed1", VIDEO_FAILED);
    assert_false(bench_has(bench, "out/.runbatch/work/failed1.mp4"));
    /* nothing but the file that we made is ever published */
    assert_true(text_starts_with(bench_failure(bench, "swap4"), "internal"));
    assert_false(bench_has(bench, "out/swap4.mp4"));
    assert_int_equal(bench_tries(bench, "link3"), 2);
    assert_non_null(strstr(bench_failure(bench, "link3"), "internal"));
    assert_false(bench_has(bench, "out/link3.mp4"));
}

static void a_worker_that_cannot_be_started_is_a_failure_of_the_environment(void **state)
{
    Bench *bench = *state;
    bench->hooks.worker_executable = "/nowhere/worker";
    bench_add(bench, "good1");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_true(text_starts_with(bench_failure(bench, "good1"), "environment"));
    assert_state(bench, "good1", VIDEO_FAILED);
    assert_false(bench_has(bench, "out/.runbatch/work"));
}

static void the_log_tells_of_every_attempt(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "crashonce1");
    bench_run(bench);
    char *log = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(bench->plan.items[0].log, 100000, &log, &size, NULL), STATUS_OK);
    assert_non_null(strstr(log, "SIGKILL"));
    assert_non_null(strstr(log, "runbatch: done"));
    memory_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(want_of_memory_gets_less),
        BENCH_TEST(memory_that_is_back_ends_the_wait),
        BENCH_TEST(a_crash_goes_on_from_the_last_chunk),
        BENCH_TEST(a_try_is_known_chunk_by_chunk),
        BENCH_TEST(kills_after_progress_count_anew),
        BENCH_TEST(troubles_that_pass_are_got_over),
        BENCH_TEST(what_kills_its_worker_again_and_again_is_set_aside),
        BENCH_TEST(bad_input_is_tried_once_and_leaves_nothing),
        BENCH_TEST(a_worker_that_cannot_be_started_is_a_failure_of_the_environment),
        BENCH_TEST(the_log_tells_of_every_attempt),
    };
    return cmocka_run_group_tests_name("supervisor_again", tests, NULL, NULL);
}
