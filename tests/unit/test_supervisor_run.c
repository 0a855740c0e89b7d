#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/lock.h"
#include "batch/snapshot.h"
#include "batch_bench.h"

static void good_videos_are_published(void **state)
{
    Bench *bench = *state;
    for (int i = 1; i <= 7; i++) {
        char *name = text_format("good%d", i);
        bench_add(bench, name);
        memory_free(name);
    }
    struct sigaction before;
    struct sigaction after;
    assert_int_equal(sigaction(SIGTERM, NULL, &before), 0);
    bench_run(bench);
    assert_int_equal(sigaction(SIGTERM, NULL, &after), 0);
    assert_true(before.sa_handler == after.sa_handler);
    assert_int_equal(bench->result.done, 7);
    assert_int_equal(bench->result.failed, 0);
    assert_false(bench->result.interrupted);
    assert_int_equal(bench->counts[EVENT_VIDEO_STARTED], 7);
    assert_int_equal(bench->counts[EVENT_VIDEO_OPENED], 7);
    assert_int_equal(bench->counts[EVENT_VIDEO_DONE], 7);
    assert_int_equal(bench->counts[EVENT_MEMORY], 14);
    assert_int_equal(bench->most_frames, 10);
    assert_int_equal(bench_size(bench, "out/good7.mp4"), 7);
    assert_true(bench_size(bench, "out/.runbatch/logs/good7.log") > 0);
    assert_int_equal(bench->result.statistics.frames, 70);
    assert_int_equal(bench->result.statistics.output_bytes, 49);
}

/* Too short to be looked at every 250 ms, too. */
static void the_curve_of_a_video_ends_at_its_peak(void **state)
{
    Bench *bench = *state;
    Snapshot snapshot;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    char *out = bench_path(bench, "out");
    assert_int_equal(snapshot_take(out, true, &snapshot, NULL), STATUS_OK);
    assert_int_equal(snapshot.count, 2);
    for (size_t i = 0; i < snapshot.count; i++) {
        const VideoView *video = &snapshot.videos[i];
        assert_non_null(video->memory);
        assert_int_equal(video->memory->peak_bytes, video->row.result.peak_rss_bytes);
        assert_int_equal(video->memory_run, snapshot.run.id);
    }
    snapshot_free(&snapshot);
    memory_free(out);
}

static void every_death_has_its_reason_and_the_batch_goes_on(void **state)
{
    static const struct {
        const char *name;
        const char *class_;
        const char *why;
    } table[] = {
        {"silent", "crash", "without a result (exit code 0)"},
        {"segv", "crash", "SIGSEGV); its last line: something is broken"},
        {"kill", "killed", "SIGKILL"},
        {"memory", "memory", "out of memory"},
        {"garbage", "crash", "nonsense"},
        {"long", "crash", "too long"},
        {"flood", "crash", "too many"},
        {"order", "crash", "only a supervisor sends"},
        {"early", "crash", "hello"},
        {"version", "crash", "another version"},
        {"mute", "timeout", "hello"},
        {"close", "crash", "closed its channel"},
        {"failed", "input", "it is empty"},
        {"nofile", "environment", "No such file"},
    };
    enum { COUNT = sizeof table / sizeof table[0] };
    Bench *bench = *state;
    bench->settings.jobs = 8;
    for (size_t i = 0; i < COUNT; i++) {
        bench_add(bench, table[i].name);
    }
    bench_add(bench, "good1");
    bench_add(bench, "noisy1");
    bench_add(bench, "linger1");
    bench_run(bench);
    for (size_t i = 0; i < COUNT; i++) {
        const char *told = bench_failure(bench, table[i].name);
        if (told == NULL || !text_starts_with(told, table[i].class_) || strstr(told, table[i].why) == NULL) {
            fail_msg("%s: %s", table[i].name, told != NULL ? told : "not failed");
        }
        char *name = text_format("out/%s.mp4", table[i].name);
        assert_int_equal(bench_size(bench, name), -1);
        memory_free(name);
    }
    assert_int_equal(bench->result.failed, COUNT);
    assert_int_equal(bench->result.done, 3);
    assert_int_equal(bench_size(bench, "out/linger1.mp4"), 7);
    /* 12 MB of noise, but the log is bounded */
    assert_true(bench_size(bench, "out/.runbatch/logs/noisy1.log") < 5 * 1024 * 1024);
}

static void what_fails_every_video_ends_the_batch(void **state)
{
    static const char *const ways[] = {"badsource", "badmodel"};
    for (size_t i = 0; i < 2; i++) {
        void *own = NULL;
        assert_int_equal(bench_make(&own), 0);
        Bench *bench = own;
        bench->settings.jobs = 2;
        text_list_add(&bench->plan.sources, "/a/face.jpg");
        for (int number = 1; number <= 6; number++) {
            char *name = text_format("%s%d", ways[i], number);
            bench_add(bench, name);
            bench->plan.items[number - 1].source = bench->plan.sources.items[0];
            memory_free(name);
        }
        assert_int_equal(
            batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err),
            STATUS_FAILED);
        assert_int_equal(bench->err.class_, i == 0 ? ERROR_INPUT : ERROR_MODEL);
        assert_string_equal(bench->err.why, "no use");
        assert_int_equal(bench->last, EVENT_BATCH_DONE);
        assert_int_equal(bench->counts[EVENT_BATCH_STOPPING], 1);
        assert_int_equal(bench->counts[EVENT_VIDEO_STARTED], 2);
        assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 2);
        assert_int_equal(bench->counts[EVENT_VIDEO_FAILED], 0);
        assert_false(bench->result.interrupted);
        assert_int_equal(bench->result.statistics.not_started, 6);
        bench_assert_tidy(bench);
        assert_int_equal(bench_free(&own), 0);
    }
    (void)state;
}

static void a_log_that_is_no_file_is_done_without(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    char *logs = text_format("%s/logs", bench->plan.state_dir);
    char *kept = text_format("%s/kept", bench->root);
    assert_int_equal(folder_make(logs, NULL), STATUS_OK);
    assert_int_equal(mkfifo(bench->plan.items[0].log, 0600), 0);
    FILE *file = fopen(kept, "w");
    assert_non_null(file);
    (void)fputs("kept", file);
    (void)fclose(file);
    assert_int_equal(symlink(kept, bench->plan.items[1].log), 0);
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->warnings.count, 2);
    assert_non_null(strstr(bench->warnings.items[0], "log file"));
    assert_int_equal(file_size(kept), 4);
    memory_free(kept);
    memory_free(logs);
}

static void a_worker_that_beats_but_never_gets_on_is_ended(void **state)
{
    Bench *bench = *state;
    bench->settings.stall_timeout_s = 1.5;
    bench_add(bench, "beats1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.failed, 1);
    const char *told = bench_failure(bench, "beats1");
    assert_non_null(told);
    assert_true(text_starts_with(told, "timeout "));
    assert_non_null(strstr(told, "it hung: it did not get on for 1 s"));
    assert_int_equal(bench->counts[EVENT_VIDEO_SET_ASIDE], 1);
    assert_int_equal(bench_tries(bench, "beats1"), 3);
}

static void complete_outputs_are_skipped_and_others_made_anew(void **state)
{
    Bench *bench = *state;
    static const char *const names[] = {"complete1", "half2", "deadly3", "strange4", "complete5", "new6"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bench_add(bench, names[i]);
    }
    bench_put(bench, "out/complete1.mp4", "the old one");
    bench_put(bench, "out/half2.mp4", "half");
    bench_put(bench, "out/deadly3.mp4", "kills its reader");
    bench_put(bench, "out/strange4.mp4", "strange");
    bench_put(bench, "out/complete5.mp4", "the old one");
    ProbeAnswer answers[6];
    assert_int_equal(batch_probe(&bench->settings, &bench->plan, &bench->hooks, answers, &bench->err),
                     STATUS_OK);
    assert_true(answers[0].exists && answers[0].complete);
    assert_true(answers[1].exists && !answers[1].complete);
    assert_string_equal(answers[1].why, "too short");
    assert_true(answers[2].exists && !answers[2].complete);
    assert_true(answers[4].exists && answers[4].complete);
    assert_false(answers[5].exists);
    bench_run(bench);
    assert_int_equal(bench->result.skipped, 2);
    assert_int_equal(bench->result.done, 4);
    assert_string_equal(bench->skipped.items[0], "complete1.mp4");
    assert_int_equal(bench_size(bench, "out/complete1.mp4"), 11);
    assert_int_equal(bench_size(bench, "out/half2.mp4"), 7);
    assert_int_equal(bench->warnings.count, 3);
    assert_non_null(strstr(bench->warnings.items[0], "too short"));
}

static void a_failed_video_leaves_the_old_output_alone(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "segv1");
    bench_put(bench, "out/segv1.mp4", "old");
    bench_run(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_int_equal(bench_size(bench, "out/segv1.mp4"), 3);
}

static void interrupt(Bench *bench, int number, bool again)
{
    bench->interrupt_at_start = number;
    bench->interrupt_again = again;
    bench->settings.jobs = 3;
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->counts[EVENT_BATCH_STOPPING], 1);
    assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 3);
    assert_int_equal(bench->result.failed, 0);
    assert_int_equal(bench->result.statistics.not_started, 3);
}

static void workers_that_do_not_stop_are_killed(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "hang1");
    bench_add(bench, "hang2");
    bench_add(bench, "hang3");
    interrupt(bench, SIGTERM, false);
    assert_int_equal(bench->err.class_, ERROR_NONE);
    /* an impatient user's next one, a moment too late, does not kill us */
    assert_int_equal(kill(getpid(), SIGTERM), 0);
}

static void *wait_for_the_end(void *argument)
{
    atomic_bool *over = argument;
    while (!atomic_load(over)) {
        (void)usleep(20000);
    }
    return NULL;
}

/* A library's thread may take any signal of the process. */
static void signals_count_whichever_thread_takes_them(void **state)
{
    Bench *bench = *state;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    atomic_bool over = false;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_the_end, &over), 0);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bench_add(bench, "hang1");
    bench_add(bench, "hang2");
    bench_add(bench, "hang3");
    interrupt(bench, SIGTERM, false);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_store(&over, true);
    (void)pthread_join(thread, NULL);
}

static void a_second_signal_does_not_wait(void **state)
{
    Bench *bench = *state;
    bench->settings.stop_grace_s = 3600; /* without the second signal this would not end */
    bench_add(bench, "hang1");
    bench_add(bench, "hang2");
    bench_add(bench, "hang3");
    interrupt(bench, SIGINT, true);
}

static void what_was_not_started_stays_so(void **state)
{
    Bench *bench = *state;
    (void)signal(SIGHUP, SIG_DFL); /* under nohup it is ignored, by us as well */
    bench->settings.jobs = 1;
    bench->interrupt_at_start = SIGHUP;
    bench_add(bench, "hang1");
    bench_add(bench, "good2");
    bench_add(bench, "good3");
    bench->start_count = 2; /* the first start is the one */
    bench_run(bench);
    assert_int_equal(bench->counts[EVENT_VIDEO_STARTED], 1);
    assert_int_equal(bench->result.statistics.not_started, 3);
}

static void one_batch_a_folder(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    Lock lock;
    assert_int_equal(lock_take(&lock, bench->plan.state_dir, NULL), STATUS_OK);
    assert_int_equal(batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err),
                     STATUS_FAILED);
    assert_int_equal(bench->err.class_, ERROR_ENVIRONMENT);
    char number[32];
    (void)snprintf(number, sizeof number, "process %ld ", (long)getpid());
    assert_non_null(strstr(bench->err.why, number));
    lock_release(&lock);
    error_clear(&bench->err);
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
}

static void leftovers_of_a_killed_run_are_removed(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_put(bench, "out/.good9.mp4.runbatch-part", "half");
    bench_put(bench, "out/.good8.mp4.part", "another program's");
    bench_put(bench, "out/notes.runbatch-part", "mine");
    bench_put(bench, "out/.notes.runbatch-part", "mine");
    bench_put(bench, "out/.mp4.runbatch-part", "mine");
    assert_true(lock_is_temporary_name(".a.mp4.runbatch-part"));
    assert_true(lock_is_temporary_name(".a.b.MKV.runbatch-part"));
    assert_false(lock_is_temporary_name("clip.mp4.runbatch-part"));
    assert_false(lock_is_temporary_name(".a.mp4.part"));
    assert_false(lock_is_temporary_name(".runbatch-part"));
    assert_int_equal(batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err),
                     STATUS_OK);
    assert_int_equal(bench_size(bench, "out/.good9.mp4.runbatch-part"), -1);
    assert_int_equal(bench_size(bench, "out/.good8.mp4.part"), 17);
    assert_int_equal(bench_size(bench, "out/notes.runbatch-part"), 4);
    assert_int_equal(bench_size(bench, "out/.notes.runbatch-part"), 4);
    assert_int_equal(bench_size(bench, "out/.mp4.runbatch-part"), 4);
    assert_int_equal(bench->warnings.count, 1);
}

static const SandboxFeatures no_landlock = {.error = {[SANDBOX_LANDLOCK] = ENOSYS}};

static void a_missing_layer_of_the_sandbox_is_told_once(void **state)
{
    Bench *bench = *state;
    bench->hooks.sandbox = &no_landlock;
    bench_add(bench, "good1");
    bench_add(bench, "good2");
    bench_run(bench);
    assert_int_equal(bench->result.done, 2);
    assert_int_equal(bench->warnings.count, 1);
    assert_non_null(strstr(bench->warnings.items[0], "Landlock"));
    assert_int_equal(bench_when(bench, bench->warnings.items[0]), 1); /* before the videos */
}

static void a_strict_sandbox_that_cannot_be_refuses_the_batch(void **state)
{
    Bench *bench = *state;
    bench->hooks.sandbox = &no_landlock;
    bench_add(bench, "good1");
    memory_free(bench->settings.sandbox);
    bench->settings.sandbox = text_duplicate("strict");
    assert_int_equal(batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err),
                     STATUS_FAILED);
    assert_int_equal(bench->err.class_, ERROR_ENVIRONMENT);
    assert_non_null(strstr(bench->err.why, "Landlock is not available"));
    assert_int_equal(bench->told.count, 0);
    assert_false(bench_has(bench, "out/.runbatch"));
    error_clear(&bench->err);
    ProbeAnswer answer;
    assert_int_equal(batch_probe(&bench->settings, &bench->plan, &bench->hooks, &answer, &bench->err),
                     STATUS_FAILED);
    assert_int_equal(bench->err.class_, ERROR_ENVIRONMENT);
    error_clear(&bench->err);
    bench->hooks.sandbox = &(SandboxFeatures){.landlock_abi = 1};
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
}

/* What lots are about: seen when workers start. */
typedef struct Lots {
    int started; /* videos */
    int most_at_once;
} Lots;

static void watch_lots(Bench *bench, const Event *event)
{
    Lots *lots = bench->context;
    if (event->kind != EVENT_VIDEO_STARTED) {
        return;
    }
    lots->most_at_once = bench->at_once > lots->most_at_once ? bench->at_once : lots->most_at_once;
    if (event->video->attempt == 1 && lots->started++ % bench->settings.lot_size == 0) {
        assert_int_equal(bench->at_once, 1); /* a new lot: none of the old one runs */
    }
}

static void lots_are_run_one_after_the_other(void **state)
{
    static const char *const names[] = {"slow1", "good2", "crashonce3", "good4", "slow5", "failed6", "good7"};
    enum { COUNT = sizeof names / sizeof names[0] };
    Bench *bench = *state;
    Lots lots = {0};
    bench->act = watch_lots;
    bench->context = &lots;
    bench->settings.jobs = 2;
    bench->settings.lot_size = 3;
    for (size_t i = 0; i < COUNT; i++) {
        bench_add(bench, names[i]);
    }
    bench_run(bench);
    assert_int_equal(bench->result.done, COUNT - 1);
    assert_int_equal(bench->result.failed, 1);
    assert_int_equal(lots.started, COUNT);
    assert_int_equal(lots.most_at_once, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(good_videos_are_published),
        BENCH_TEST(the_curve_of_a_video_ends_at_its_peak),
        BENCH_TEST(every_death_has_its_reason_and_the_batch_goes_on),
        cmocka_unit_test(what_fails_every_video_ends_the_batch),
        BENCH_TEST(a_log_that_is_no_file_is_done_without),
        BENCH_TEST(a_worker_that_beats_but_never_gets_on_is_ended),
        BENCH_TEST(complete_outputs_are_skipped_and_others_made_anew),
        BENCH_TEST(a_failed_video_leaves_the_old_output_alone),
        BENCH_TEST(workers_that_do_not_stop_are_killed),
        BENCH_TEST(signals_count_whichever_thread_takes_them),
        BENCH_TEST(a_second_signal_does_not_wait),
        BENCH_TEST(what_was_not_started_stays_so),
        BENCH_TEST(lots_are_run_one_after_the_other),
        BENCH_TEST(one_batch_a_folder),
        BENCH_TEST(leftovers_of_a_killed_run_are_removed),
        BENCH_TEST(a_missing_layer_of_the_sandbox_is_told_once),
        BENCH_TEST(a_strict_sandbox_that_cannot_be_refuses_the_batch),
    };
    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
