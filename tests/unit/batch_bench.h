/* A batch of made-up videos in a folder of its own, run by tests/unit/fake_worker.c: what the supervisor's
 * tests share. */
#ifndef RUNBATCH_TESTS_BATCH_BENCH_H
#define RUNBATCH_TESTS_BATCH_BENCH_H

#include "batch/store.h"
#include "batch/supervisor.h"

typedef struct Bench {
    char *root;
    Settings settings;
    Plan plan;
    BatchHooks hooks;
    BatchResult result;
    Error err;
    /* what was told */
    int counts[EVENT_KIND_COUNT];
    EventKind first;
    EventKind last;
    TextList told;     /* "kind name: text", of all but progress and memory */
    TextList failures; /* "name class why" */
    TextList skipped;
    TextList warnings;
    int64_t most_frames;
    int most_at_once; /* workers */
    int at_once;
    /* signals to send to ourselves */
    int interrupt_at_start; /* the signal, 0 none */
    bool interrupt_again;
    size_t start_count;
    /* Called for every event. */
    void (*act)(struct Bench *bench, const Event *event);
    void *context;
} Bench;

/* Setup and teardown of cmocka. */
int bench_make(void **state);
int bench_free(void **state);

/* The input is made too; its content is its name. */
void bench_add(Bench *bench, const char *name);
/* Runs it; it must not fail, begin and end as batches do, and leave nothing unfinished. */
void bench_run(Bench *bench);
/* Forgets what was told, for another run on the same folders. */
void bench_forget(Bench *bench);

/* Paths in the bench's folder, new memory. */
char *bench_path(const Bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_put(const Bench *bench, const char *name, const char *content);
/* -1: there is no such file. */
int64_t bench_size(const Bench *bench, const char *name);
bool bench_has(const Bench *bench, const char *name);
/* How many attempts a video had. */
int bench_tries(const Bench *bench, const char *name);
void bench_assert_tidy(const Bench *bench);

/* The class and reason of a failed video; NULL: it has not failed. */
const char *bench_failure(const Bench *bench, const char *name);
/* How many of the lines told hold `part`. */
int bench_told(const Bench *bench, const char *part);
/* The place of the first line that holds `part`, -1 none. */
int bench_when(const Bench *bench, const char *part);

/* The row of NAME.mp4; freed by the caller. Must be there. */
VideoRow bench_row(const Bench *bench, const char *name);
/* The last attempt's `ended` and `decision` of NAME.mp4, and how many it had. */
int bench_attempts(const Bench *bench, const char *name, AttemptRow *last);
/* As another terminal does. NULL: all. */
void bench_ask(const Bench *bench, RequestKind kind, const char *name);

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_free)

#endif
