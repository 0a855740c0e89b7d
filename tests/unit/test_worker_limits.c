#include <dirent.h>
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
#include "base/text.h"
#include "batch/worker_limits.h"
#include "batch_bench.h"

enum { LIMIT_BYTES = 100 * 1000 * 1000 };

/* Groups of ours: none of a worker that has ended. */
static void count_groups(Bench *bench, const Event *event)
{
    CgroupPlace place;
    char prefix[32];
    int count = 0;
    if (event->kind != EVENT_MEMORY || event->moment != MEMORY_MOMENT_AFTER || !cgroup_find("/", 0, &place)) {
        return;
    }
    (void)snprintf(prefix, sizeof prefix, "runbatch-%ld-", (long)getpid());
    DIR *folder = opendir(place.folder);
    for (const struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += text_starts_with(entry->d_name, prefix);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    assert_in_range(count, 0, bench->at_once);
}

/* What a run with a leak in its middle comes to, by whatever means. */
static void run_with_a_leak(Bench *bench)
{
    bench->settings.max_memory_bytes = LIMIT_BYTES;
    bench->act = count_groups;
    bench_add(bench, "good1");
    bench_add(bench, "hog2");
    bench_add(bench, "slow3");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->result.failed, 1);
    const char *failure = bench_failure(bench, "hog2");
    assert_non_null(failure);
    assert_true(text_starts_with(failure, "memory it "));
    assert_non_null(strstr(failure, " limit"));
    assert_non_null(strstr(failure, "0.10 GB"));
    assert_int_equal(bench_tries(bench, "hog2"), 3); /* half the threads, one thread */
    assert_int_equal(bench_tries(bench, "slow3"), 1);
    assert_int_equal(bench_told(bench, "threads: 2, smallest frame budget"), 1);
    assert_int_equal(bench_told(bench, "when memory is back"), 0); /* there is plenty */
    assert_int_equal(bench_told(bench, "note -: memory limits of workers"), 1);
}

static bool is_sanitized(void)
{
    const char *name = getenv("RUNBATCH_SANITIZER");
    return name != NULL && name[0] != '\0';
}

static void a_leak_ends_its_worker_alone(void **state)
{
    if (is_sanitized()) {
        skip(); /* everything takes several times the memory */
    }
    run_with_a_leak(*state);
}

static void and_so_without_control_groups(void **state)
{
    Bench *bench = *state;
    if (is_sanitized()) {
        skip();
    }
    bench->hooks.without_groups = true;
    run_with_a_leak(bench);
    assert_non_null(strstr(bench_failure(bench, "hog2"), "it took 0."));
    assert_int_equal(bench_told(bench, "they are switched off"), 1);
}

/* How many lines of its log have that. */
static int log_says(const Bench *bench, const char *name, const char *part)
{
    char line[1024];
    int count = 0;
    char *path = bench_path(bench, "out/.runbatch/logs/%s.log", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, part) != NULL;
    }
    (void)fclose(file);
    memory_free(path);
    return count;
}

static void without_a_limit_nothing_is_limited(void **state)
{
    Bench *bench = *state;
    bench->settings.max_memory_bytes = 0;
    bench_add(bench, "hog1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_told(bench, "note"), 0);
    assert_int_equal(log_says(bench, "hog1", "memory limits of workers"), 0);
}

/* Without groups, what ends for want of memory: by its own limit it has less at once, else it waits for what
 * others give back. */
static void whose_want_of_memory_it_is_is_told_apart(void **state)
{
    Bench *bench = *state;
    bench->hooks.without_groups = true;
    bench_add(bench, "overdata1");
    bench_add(bench, "memory2");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 2);
    assert_string_equal(bench_failure(bench, "overdata1"),
                        "memory it needed more memory than its limit, 8.00 GB");
    assert_string_equal(bench_failure(bench, "memory2"), "memory it ran out of memory");
    assert_int_equal(bench_told(bench, "video_retry overdata1.mp4: again when memory is back"), 0);
    assert_true(bench_told(bench, "video_retry memory2.mp4: again when memory is back") > 0);
}

/* As in the old system; which means holds them is proved and told, with the limit in the video's log. */
static void eight_gigabytes_are_the_default(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench_told(bench, "note -: memory limits of workers"), 1);
    assert_int_equal(bench->warnings.count, 0);
    for (int i = 1; i <= 2; i++) {
        const char *name = i == 1 ? "good1" : "good2";
        assert_int_equal(log_says(bench, name, "memory limits of workers: "), 1);
        assert_int_equal(log_says(bench, name, ": 8.00 GB"), 1);
    }
}

/* The score of the worker that was started last, when its first chunk has come. */
static void read_score(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_CHUNK_DONE && event->chunk.index == 0) {
        char path[64];
        int *score = bench->context;
        (void)snprintf(path, sizeof path, "/proc/%ld/oom_score_adj", (long)event->video->worker);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%d", score), 1);
        (void)fclose(file);
    }
}

static void workers_go_before_all_others(void **state)
{
    Bench *bench = *state;
    int score = -1;
    bench->act = read_score;
    bench_add(bench, "slow1");
    bench->hooks.context = bench;
    bench->context = &score;
    bench_run(bench);
    assert_int_equal(score, 500);
}

static void each_finding_has_its_words(void **state)
{
    (void)state;
    static const struct {
        LimiterFindings findings;
        bool holds;
        const char *line;
    } table[] = {
        {{.means = LIMITER_GROUP, .version = 2, .watch = true},
         true,
         "memory limits of workers: a control group each (version 2)"},
        {{.means = LIMITER_WATCH, .obstacle = GROUP_SHARED, .watch = true, .data = true},
         true,
         "memory limits of workers: looked at ten times a second (RLIMIT_DATA); no control groups: other "
         "programs are in the one that runbatch is in"},
        {{.means = LIMITER_WATCH, .obstacle = GROUP_NO_CONTROLLER, .watch = true},
         true,
         "memory limits of workers: looked at ten times a second; no control groups: none that limits memory "
         "is to be seen here"},
        {{.means = LIMITER_WATCH, .obstacle = GROUP_NOT_HELD, .data = true},
         false,
         "memory limits of workers: only what they ask for at once (RLIMIT_DATA); no control groups: a "
         "process "
         "that went over the limit of one was not stopped"},
        {{.obstacle = GROUP_REFUSED, .number = 13},
         false,
         "nothing can hold workers to a limit of memory here; no control groups: Permission denied"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[256];
        assert_int_equal(limits_describe(&table[i].findings, line, sizeof line), table[i].holds);
        assert_string_equal(line, table[i].line);
        assert_int_equal(limits_advice(&table[i].findings)[0] != '\0',
                         table[i].findings.obstacle == GROUP_SHARED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_leak_ends_its_worker_alone),       BENCH_TEST(and_so_without_control_groups),
        BENCH_TEST(without_a_limit_nothing_is_limited), BENCH_TEST(workers_go_before_all_others),
        BENCH_TEST(eight_gigabytes_are_the_default),    BENCH_TEST(whose_want_of_memory_it_is_is_told_apart),
        cmocka_unit_test(each_finding_has_its_words),
    };
    return cmocka_run_group_tests_name("worker_limits", tests, NULL, NULL);
}
