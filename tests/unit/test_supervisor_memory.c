/* The batch on a machine whose memory the test makes up: it waits, shrinks its workers, gives up, and renews
 * those that leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch_bench.h"
#include "memory/machine.h"
#include "worker/job_shape.h"

/* The machine: so many percent of its 1 GB are in use. */
static void use_memory(const Bench *bench, int percent)
{
    char *folder = bench_path(bench, "proc");
    char *path = bench_path(bench, "proc/meminfo");
    char *next = bench_path(bench, "proc/next");
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    FILE *file = fopen(next, "w");
    assert_non_null(file);
    (void)fprintf(file, "MemTotal: 1000000 kB\nMemAvailable: %d kB\n", (100 - percent) * 10000);
    (void)fclose(file);
    assert_int_equal(rename(next, path), 0);
    memory_free(next);
    memory_free(path);
    memory_free(folder);
}

static Bench *bench_with_memory(void **state, int percent)
{
    Bench *bench = *state;
    use_memory(bench, percent);
    bench->hooks.root = bench->root;
    bench->settings.memory_poll_s = 0.1;
    bench->settings.max_memory_bytes = 0; /* on such a machine nothing of a worker can be seen */
    return bench;
}

static void free_memory_when_paused(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_BATCH_PAUSED) {
        assert_int_equal(bench->counts[EVENT_VIDEO_STARTED], 0);
        use_memory(bench, 40);
    }
}

static void a_batch_waits_for_memory(void **state)
{
    Bench *bench = bench_with_memory(state, 90);
    bench->act = free_memory_when_paused;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->counts[EVENT_BATCH_PAUSED], 1);
    assert_int_equal(bench->counts[EVENT_BATCH_RESUMED], 1);
    assert_int_equal(bench_told(bench, "waits for memory: 90.0 % of 976.6 MB used"), 1);
    assert_int_equal(bench->result.statistics.memory_warnings, 1);
}

static void a_pause_times_out_and_the_batch_goes_on(void **state)
{
    Bench *bench = bench_with_memory(state, 70);
    use_memory(bench, 90);
    bench->settings.memory_timeout_s = 0.3;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench->settings.jobs = 2;
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->most_at_once, 1);
    assert_int_equal(bench_told(bench, "going on nevertheless") > 0, 1);
    assert_int_equal(bench->result.statistics.memory_warnings >= 2, 1);
}

static void a_pause_times_out_and_the_videos_fail(void **state)
{
    Bench *bench = bench_with_memory(state, 90);
    bench->settings.memory_timeout_s = 0.3;
    memory_free(bench->settings.on_memory_timeout);
    bench->settings.on_memory_timeout = text_duplicate("fail");
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 2);
    assert_int_equal(bench->counts[EVENT_VIDEO_STARTED], 0);
    assert_non_null(strstr(bench_failure(bench, "good1"), "memory"));
    assert_int_equal(bench_told(bench, "the next video fails"), 2);
}

static void free_group_when_paused(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_BATCH_PAUSED) {
        bench_put(bench, "groups/docker/4f2a/memory.current", "400000\n");
    }
}

static void a_group_that_is_short_of_memory_is_named(void **state)
{
    Bench *bench = bench_with_memory(state, 10);
    bench->act = free_group_when_paused;
    bench_put(bench, "proc/self/cgroup", "0::/docker/4f2a\n");
    bench_put(bench, "proc/self/mountinfo", "34 25 0:29 / /groups rw - cgroup2 cgroup2 rw\n");
    bench_put(bench, "groups/docker/4f2a/memory.max", "1000000\n");
    bench_put(bench, "groups/docker/4f2a/memory.current", "900000\n");
    bench_add(bench, "good1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_told(bench, "waits for memory: 90.0 % of 976.6 kB of control group /docker/4f2a"),
                     1);
}

static void free_card_when_paused(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_BATCH_PAUSED) {
        bench_put(bench, "card", "device 10000 1000 Made-up card\n");
    }
}

/* As tests/support/fake_nvml.c reads it. */
static Bench *bench_with_card(void **state, const char *content)
{
    Bench *bench = bench_with_memory(state, 10);
    char *card = bench_path(bench, "card");
    bench_put(bench, "card", content);
    assert_int_equal(setenv("RUNBATCH_FAKE_GPU", card, 1), 0);
    memory_free(card);
    bench->hooks.gpu_library = getenv("RUNBATCH_FAKE_NVML");
    assert_non_null(bench->hooks.gpu_library);
    memory_free(bench->settings.execution_provider);
    bench->settings.execution_provider = text_duplicate("cuda");
    return bench;
}

static void a_batch_waits_for_the_graphics_card(void **state)
{
    Bench *bench = bench_with_card(state, "device 10000 9000 Made-up card\nprocess 0 4711 8500\n");
    bench_put(bench, "proc/4711/status", "Name:\ttrainer\n");
    bench->act = free_card_when_paused;
    bench_add(bench, "good1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(
        bench_told(bench, "waits for memory: 92.2 % of 9.54 GB of the graphics card used, 0 B of it ours"
                          "; most is held by trainer (4711) 8.30 GB"),
        1);
}

/* 3 GB for each, before it is known what they take. */
static void as_many_at_once_as_the_card_has_room_for(void **state)
{
    Bench *bench = bench_with_card(state, "device 10000 1000 Made-up card\n");
    bench->settings.jobs = 3;
    bench_add(bench, "slow1");
    bench_add(bench, "slow2");
    bench_add(bench, "slow3");
    bench_run(bench);
    assert_int_equal(bench->result.done, 3);
    assert_int_equal(bench->most_at_once, 2);
}

static void run_short_of_memory(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_VIDEO_STARTED) {
        use_memory(bench, 90);
    }
}

static void a_worker_shrinks_when_memory_is_short(void **state)
{
    Bench *bench = bench_with_memory(state, 40);
    bench->act = run_short_of_memory;
    bench_add(bench, "share1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    char *path = bench_path(bench, "in/share1.mp4.share");
    char *content = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(path, 100, &content, &size, NULL), STATUS_OK);
    const long percent = strtol(content, NULL, 10);
    assert_true(percent == 50 || percent == 25);
    assert_int_equal(bench->result.statistics.memory_warnings, 1);
    assert_int_equal(bench->warnings.count, 1);
    assert_non_null(strstr(bench->warnings.items[0], "90.0 %"));
    memory_free(content);
    memory_free(path);
}

/* The machine: everything stands still for so many percent of the time, for want of memory. */
static void stall(const Bench *bench, int percent)
{
    char *folder = bench_path(bench, "proc/pressure");
    char *path = bench_path(bench, "proc/pressure/memory");
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "some avg10=%d.00 avg60=0.00 avg300=0.00 total=1000\n"
                  "full avg10=%d.00 avg60=0.00 avg300=0.00 total=1000\n",
                  percent, percent);
    (void)fclose(file);
    memory_free(path);
    memory_free(folder);
}

/* Two run; the younger one is asked to make room when the machine begins to stall, and goes on when the other
 * is done. Use does not rise: a rise would be taken for a rush, or not, by when the readings fall. */
static void begin_to_stall(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_VIDEO_STARTED && bench->counts[EVENT_VIDEO_STARTED] == 2) {
        stall(bench, 20);
    } else if (event->kind == EVENT_VIDEO_DONE || event->kind == EVENT_VIDEO_WAITING) {
        use_memory(bench, 30);
    }
}

static void the_youngest_makes_room_and_comes_back(void **state)
{
    Bench *bench = bench_with_memory(state, 55);
    bench->act = begin_to_stall;
    bench->settings.jobs = 2;
    bench_add(bench, "share1");
    bench_add(bench, "share2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->result.statistics.retried, 0); /* nothing failed */
    const int tries = bench_tries(bench, "share1") + bench_tries(bench, "share2");
    assert_int_equal(tries, 3); /* begun in the same moment, so either is the younger one */
    assert_int_equal(bench_told(bench, "makes room, memory is short"), 1);
}

static void one_that_leaks_is_renewed(void **state)
{
    Bench *bench = bench_with_memory(state, 40);
    AttemptRow last;
    bench_add(bench, "leak1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.statistics.renewed, 1);
    assert_int_equal(bench_attempts(bench, "leak1", &last), 2);
    assert_int_equal(bench->warnings.count, 1);
    assert_non_null(strstr(bench->warnings.items[0], "100.0 MB"));
}

/* As the supervisor makes it, of what the fake worker tells of each input. */
static int64_t first_estimate(const Settings *settings)
{
    const MediaLook look = {.width = 64, .height = 48, .frames = 24, .codec = "fake"};
    const MemoryTask task = job_memory_task(settings, &look);
    WorkerShape shape;
    assert_int_equal(job_shape_choose(settings, &task, machine_cores(), 0, &shape, NULL), STATUS_OK);
    return memory_estimate(&task, &shape).total_bytes;
}

typedef struct Starts {
    int most_before; /* at once, while fewer than three were done */
    int most_after;
} Starts;

static void count_starts(Bench *bench, const Event *event)
{
    Starts *starts = bench->context;
    if (event->kind == EVENT_VIDEO_STARTED) {
        int *most =
            bench->counts[EVENT_VIDEO_DONE] < MEMORY_PAST_LEAST ? &starts->most_before : &starts->most_after;
        *most = bench->at_once > *most ? bench->at_once : *most;
    }
}

/* Two fit by the estimate, but not by what they took, which is half as much again. */
static void finished_videos_correct_those_that_wait(void **state)
{
    Bench *bench = bench_with_memory(state, 10);
    Starts starts = {0};
    bench->context = &starts;
    bench->act = count_starts;
    bench->settings.jobs = 2;
    bench->settings.max_total_memory = (Share){.bytes = first_estimate(&bench->settings) * 14 / 5};
    bench_add(bench, "larger1");
    bench_add(bench, "larger2");
    bench_add(bench, "larger3");
    bench_add(bench, "larger4");
    bench_add(bench, "larger5");
    bench_add(bench, "larger6");
    bench_run(bench);
    assert_int_equal(bench->result.done, 6);
    assert_int_equal(starts.most_before, 2);
    assert_int_equal(starts.most_after, 1);
    /* and the next batch knows it from the store */
    bench_forget(bench);
    starts = (Starts){0};
    bench_add(bench, "larger7");
    bench_add(bench, "larger8");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(starts.most_before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_batch_waits_for_memory),
        BENCH_TEST(a_pause_times_out_and_the_batch_goes_on),
        BENCH_TEST(a_pause_times_out_and_the_videos_fail),
        BENCH_TEST(a_group_that_is_short_of_memory_is_named),
        BENCH_TEST(a_batch_waits_for_the_graphics_card),
        BENCH_TEST(as_many_at_once_as_the_card_has_room_for),
        BENCH_TEST(a_worker_shrinks_when_memory_is_short),
        BENCH_TEST(the_youngest_makes_room_and_comes_back),
        BENCH_TEST(one_that_leaks_is_renewed),
        BENCH_TEST(finished_videos_correct_those_that_wait),
    };
    return cmocka_run_group_tests_name("supervisor_memory", tests, NULL, NULL);
}
