#include "batch_bench.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "machine_tree.h"
#include "report/phrase.h"

/* ---- what is told ---- */

static void note(Bench *bench, const Event *event)
{
    char text[2048];
    (void)phrase_english(event->text != NULL ? event->text : "", text, sizeof text);
    if (event->kind != EVENT_PROGRESS && event->kind != EVENT_MEMORY) {
        char *line = text_format("%s %s: %s", event_kind_name(event->kind),
                                 event->video != NULL ? path_name(event->video->input) : "-", text);
        text_list_add(&bench->told, line);
        memory_free(line);
    }
}

static void count_workers(Bench *bench, EventKind kind)
{
    switch (kind) {
    case EVENT_VIDEO_STARTED:
        bench->at_once++;
        bench->most_at_once = bench->at_once > bench->most_at_once ? bench->at_once : bench->most_at_once;
        break;
    default:
        break;
    }
}

static void on_event(void *context, const Event *event)
{
    Bench *bench = context;
    bench->first = bench->first == EVENT_NONE ? event->kind : bench->first;
    bench->last = event->kind;
    bench->counts[event->kind]++;
    note(bench, event);
    count_workers(bench, event->kind);
    if (event->kind == EVENT_MEMORY && event->moment == MEMORY_MOMENT_AFTER) {
        bench->at_once--; /* once for every attempt */
    }
    if (event->kind == EVENT_VIDEO_FAILED || event->kind == EVENT_VIDEO_SET_ASIDE) {
        char *line = text_format("%s %s %s", path_name(event->video->input),
                                 error_class_name(event->video->error.class_), event->video->error.why);
        text_list_add(&bench->failures, line);
        memory_free(line);
    } else if (event->kind == EVENT_VIDEO_SKIPPED) {
        text_list_add(&bench->skipped, path_name(event->video->input));
    } else if (event->kind == EVENT_WARNING) {
        text_list_add(&bench->warnings, event->text);
    } else if (event->kind == EVENT_PROGRESS && event->video->frames_done > bench->most_frames) {
        bench->most_frames = event->video->frames_done;
    } else if (event->kind == EVENT_VIDEO_STARTED && bench->interrupt_at_start != 0 &&
               ++bench->start_count == bench->plan.count) {
        (void)kill(getpid(), bench->interrupt_at_start);
    } else if (event->kind == EVENT_BATCH_STOPPING && bench->interrupt_again) {
        (void)kill(getpid(), SIGINT);
    }
    if (bench->act != NULL) {
        bench->act(bench, event);
    }
}

void bench_forget(Bench *bench)
{
    batch_result_free(&bench->result);
    text_list_free(&bench->told);
    text_list_free(&bench->failures);
    text_list_free(&bench->skipped);
    text_list_free(&bench->warnings);
    memset(bench->counts, 0, sizeof bench->counts);
    error_clear(&bench->err);
    bench->first = EVENT_NONE;
    bench->last = EVENT_NONE;
    bench->most_frames = 0;
    bench->most_at_once = 0;
    bench->at_once = 0;
    bench->start_count = 0;
}

/* ---- the folders ---- */

char *bench_path(const Bench *bench, const char *format, ...)
{
    va_list args;
    char *name = NULL;
    va_start(args, format);
    const int length = vasprintf(&name, format, args);
    va_end(args);
    assert_true(length >= 0);
    char *path = text_format("%s/%s", bench->root, name);
    free(name);
    return path;
}

void bench_put(const Bench *bench, const char *name, const char *content)
{
    tree_put(bench->root, name, content);
}

int64_t bench_size(const Bench *bench, const char *name)
{
    char *path = bench_path(bench, "%s", name);
    const int64_t size = file_size(path);
    memory_free(path);
    return size;
}

bool bench_has(const Bench *bench, const char *name)
{
    char *path = bench_path(bench, "%s", name);
    struct stat status;
    const bool there = lstat(path, &status) == 0;
    memory_free(path);
    return there;
}

int bench_tries(const Bench *bench, const char *name)
{
    char *path = bench_path(bench, "in/%s.mp4.tries", name);
    const int64_t size = file_size(path);
    memory_free(path);
    return size > 0 ? (int)size : 0;
}

void bench_add(Bench *bench, const char *name)
{
    Plan *plan = &bench->plan;
    char *input = text_format("in/%s.mp4", name);
    bench_put(bench, input, name);
    plan->items = memory_resize(plan->items, plan->count + 1, sizeof *plan->items);
    plan->items[plan->count] = (PlanItem){
        .position = (int)plan->count + 1,
        .input = text_format("%s/%s", bench->root, input),
        .output = text_format("%s/out/%s.mp4", bench->root, name),
        .temporary = text_format("%s/out/.%s.mp4.runbatch-part", bench->root, name),
        .folder = text_format("%s/out/.runbatch/work/%s.mp4", bench->root, name),
        .log = text_format("%s/out/.runbatch/logs/%s.log", bench->root, name),
        .size_bytes = 100,
    };
    plan->count++;
    plan->found++;
    memory_free(input);
}

int bench_make(void **state)
{
    Bench *bench = memory_alloc(1, sizeof *bench);
    /* in memory where that is possible: what is synced is not what these tests are about */
    char folder[64];
    (void)snprintf(folder, sizeof folder, "%s/runbatch-test-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    bench->root = text_duplicate(mkdtemp(folder));
    bench->plan.output_dir = text_format("%s/out", bench->root);
    bench->plan.state_dir = text_format("%s/out/.runbatch", bench->root);
    static const SandboxFeatures all = {.landlock_abi = 1}; /* whatever the machine has: no warnings */
    settings_defaults(&bench->settings);
    bench->settings.jobs = 3;
    bench->settings.stop_grace_s = 0.2;
    bench->hooks = (BatchHooks){.context = bench,
                                .event = on_event,
                                .worker_executable = getenv("RUNBATCH_FAKE_WORKER"),
                                .sandbox = &all,
                                .retry_wait_ms = 300,
                                .hello_timeout_ms = 2000};
    (void)folder_make(bench->plan.output_dir, NULL);
    *state = bench;
    return bench->hooks.worker_executable != NULL ? 0 : -1;
}

int bench_free(void **state)
{
    Bench *bench = *state;
    char *command = text_format("rm -rf '%s'", bench->root);
    const int code = system(command);
    memory_free(command);
    bench_forget(bench);
    plan_free(&bench->plan);
    settings_free(&bench->settings);
    memory_free(bench->root);
    memory_free(bench);
    return code;
}

static void assert_nothing_unfinished(const char *path)
{
    DIR *folder = opendir(path);
    for (const struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (text_ends_with_nocase(entry->d_name, "part")) {
            fail_msg("left over: %s/%s", path, entry->d_name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

void bench_assert_tidy(const Bench *bench)
{
    assert_nothing_unfinished(bench->plan.output_dir);
    for (size_t i = 0; i < bench->plan.count; i++) {
        assert_nothing_unfinished(bench->plan.items[i].folder);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

void bench_run(Bench *bench)
{
    const Status status =
        batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err);
    if (status != STATUS_OK) {
        fail_msg("%s: %s", bench->err.what, bench->err.why);
    }
    assert_int_equal(bench->first, EVENT_BATCH_STARTED);
    assert_int_equal(bench->last, EVENT_BATCH_DONE);
    bench_assert_tidy(bench);
}

/* ---- asking ---- */

const char *bench_failure(const Bench *bench, const char *name)
{
    char *head = text_format("%s.mp4 ", name);
    const char *found = NULL;
    for (size_t i = 0; i < bench->failures.count; i++) {
        if (text_starts_with(bench->failures.items[i], head)) {
            found = bench->failures.items[i] + strlen(head);
        }
    }
    memory_free(head);
    return found;
}

int bench_told(const Bench *bench, const char *part)
{
    int count = 0;
    for (size_t i = 0; i < bench->told.count; i++) {
        count += strstr(bench->told.items[i], part) != NULL;
    }
    return count;
}

int bench_when(const Bench *bench, const char *part)
{
    for (size_t i = 0; i < bench->told.count; i++) {
        if (strstr(bench->told.items[i], part) != NULL) {
            return (int)i;
        }
    }
    return -1;
}

static Store *open_store(const Bench *bench)
{
    Store *store = NULL;
    Error err = {0};
    if (store_open(&store, bench->plan.state_dir, STORE_READ, NULL, NULL, &err) != STATUS_OK) {
        fail_msg("no store: %s %s", err.what, err.why);
    }
    return store;
}

VideoRow bench_row(const Bench *bench, const char *name)
{
    Store *store = open_store(bench);
    char *output = text_format("%s.mp4", name);
    VideoRow row = {0};
    Error err = {0};
    if (store_video_find(store, output, &row, &err) != STATUS_OK) {
        fail_msg("%s has no row: %s", output, err.why);
    }
    memory_free(output);
    store_close(&store);
    return row;
}

typedef struct Count {
    int number;
    AttemptRow *last;
} Count;

static bool count_attempt(void *context, const AttemptRow *row)
{
    Count *count = context;
    count->number++;
    *count->last = *row;
    return true;
}

int bench_attempts(const Bench *bench, const char *name, AttemptRow *last)
{
    VideoRow row = bench_row(bench, name);
    Store *store = open_store(bench);
    Count count = {0, last};
    assert_int_equal(store_each_attempt(store, row.id, count_attempt, &count, NULL), STATUS_OK);
    store_close(&store);
    video_row_free(&row);
    return count.number;
}

void bench_ask(const Bench *bench, RequestKind kind, const char *name)
{
    Store *store = open_store(bench);
    Error err = {0};
    char *output = name != NULL ? text_format("%s.mp4", name) : NULL;
    if (store_ask(store, kind, output, &err) != STATUS_OK) {
        fail_msg("cannot ask: %s", err.why);
    }
    memory_free(output);
    store_close(&store);
}
