/* A folder of a thousand videos: the supervisor stays small and is quick about each of them. */
#include <setjmp.h>
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
#include "memory/meminfo.h"

enum { VIDEOS = 1000, FIRST = 10 };

typedef struct Growth {
    int ended;
    int64_t first_bytes;
    int64_t most_bytes;
    void (*event)(void *context, const Event *event);
} Growth;

static int64_t resident(void)
{
    ProcessMemory memory;
    assert_int_equal(meminfo_read_process("/", 0, &memory, NULL), STATUS_OK);
    return memory.rss_bytes;
}

/* In place of the bench's, which keeps what was told. */
static void count(void *context, const Event *event)
{
    Bench *bench = context;
    Growth *growth = bench->context;
    bench->counts[event->kind]++;
    bench->first = bench->first == EVENT_NONE ? event->kind : bench->first;
    bench->last = event->kind;
    if (event->kind == EVENT_VIDEO_DONE || event->kind == EVENT_VIDEO_SKIPPED ||
        event->kind == EVENT_VIDEO_FAILED) {
        const int64_t bytes = resident();
        growth->ended++;
        growth->first_bytes = growth->ended == FIRST ? bytes : growth->first_bytes;
        growth->most_bytes = bytes > growth->most_bytes ? bytes : growth->most_bytes;
    }
}

static void run_counted(Bench *bench, Growth *growth, double most_ms)
{
    const char *sanitizer = getenv("RUNBATCH_SANITIZER");
    const bool plain = sanitizer == NULL || sanitizer[0] == '\0';
    *growth = (Growth){0};
    const int64_t began_ms = clock_now_ms();
    bench_run(bench);
    const double each_ms = (double)(clock_now_ms() - began_ms) / VIDEOS;
    print_message("# %.2f ms a video, %lld kB of growth from video %d on\n", each_ms,
                  (long long)(growth->most_bytes - growth->first_bytes) / 1024, FIRST);
    assert_int_equal(growth->ended, VIDEOS);
    if (plain) {
        assert_true(growth->most_bytes - growth->first_bytes <= 3 * 1024 * 1024);
        assert_true(each_ms < most_ms);
    }
}

static void a_thousand_videos(void **state)
{
    Bench *bench = *state;
    Growth growth;
    bench->context = &growth;
    bench->hooks.event = count;
    bench->settings.jobs = 2;
    for (int i = 1; i <= VIDEOS; i++) {
        char *name = text_format("%s%04d", i % 100 == 0 ? "failed" : "good", i);
        bench_add(bench, name);
        memory_free(name);
    }
    run_counted(bench, &growth, 250.0);
    assert_int_equal(bench->result.done, VIDEOS - VIDEOS / 100);
    bench_forget(bench);
    run_counted(bench, &growth, 25.0); /* most of them skipped */
    assert_int_equal(bench->result.skipped, VIDEOS - VIDEOS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {BENCH_TEST(a_thousand_videos)};
    return cmocka_run_group_tests_name("supervisor_many", tests, NULL, NULL);
}
