/* What a batch makes of what earlier runs left: finished outputs, chunks, a store that is old or damaged. */
#include <fcntl.h>
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
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch_bench.h"
#include "faulty_vfs.h"

static void run_again(Bench *bench)
{
    bench_forget(bench);
    bench_run(bench);
}

static void touch_output(const Bench *bench, const char *name)
{
    char *path = bench_path(bench, "out/%s.mp4", name);
    const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    memory_free(path);
}

static void change_store(const Bench *bench, const char *sql)
{
    char *path = bench_path(bench, "out/.runbatch/batch.db");
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    memory_free(path);
}

/* ---- finished outputs ---- */

static void finished_videos_are_skipped_without_being_opened(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1"); /* the probe would say that they are not complete */
    bench_add(bench, "good2");
    bench_run(bench);
    run_again(bench);
    assert_int_equal(bench->result.skipped, 2);
    assert_int_equal(bench->warnings.count, 0);
    assert_int_equal(bench_tries(bench, "good1"), 1);
}

static void a_changed_option_makes_it_anew_and_says_which(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_run(bench);
    bench->settings.output_video_quality = 25;
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->warnings.count, 1);
    assert_string_equal(bench->warnings.items[0], "made anew: output-video-quality changed from 18 to 25");
    /* what does not change the picture changes nothing */
    bench->settings.output_video_quality = 25;
    bench->settings.execution_threads = 7;
    bench->settings.jobs = 2;
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    assert_int_equal(bench_tries(bench, "good1"), 2);
    /* nor does another input of the same size go unnoticed */
    bench_put(bench, "in/good1.mp4", "GOOD1");
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_non_null(strstr(bench->warnings.items[0], "input"));
}

static void the_old_output_stays_until_the_new_one_is_there(void **state)
{
    Bench *bench = *state;
    bench_put(bench, "in/room", "");
    bench_add(bench, "full1");
    bench_run(bench);
    assert_int_equal(bench->result.done, 1);
    char *room = bench_path(bench, "in/room");
    char *output = bench_path(bench, "out/full1.mp4");
    assert_int_equal(unlink(room), 0);
    bench->settings.output_video_quality = 25;
    bench->settings.disk_timeout_s = 0.2;
    run_again(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_int_equal(file_size(output), 7);
    /* and is not taken for the new one then */
    bench_put(bench, "in/room", "");
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.skipped, 0);
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    memory_free(output);
    memory_free(room);
}

static void outputs_of_before_the_store_are_adopted(void **state)
{
    Bench *bench = *state;
    bench_put(bench, "out/complete1.mp4", "an old one");
    bench_add(bench, "complete1");
    bench_run(bench);
    assert_int_equal(bench->result.skipped, 1);
    VideoRow row = bench_row(bench, "complete1");
    assert_int_equal(row.state, VIDEO_DONE);
    assert_null(row.recipe);
    assert_int_equal(row.output_bytes, 10);
    video_row_free(&row);
    /* nobody knows what it was made from, so it stays */
    bench->settings.output_video_quality = 25;
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    bench->settings.restart = true;
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench_size(bench, "out/complete1.mp4"), 7);
}

static void an_output_that_somebody_changed_is_looked_at(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "complete1");
    bench_add(bench, "good2");
    bench_run(bench);
    touch_output(bench, "complete1"); /* copied */
    touch_output(bench, "good2");
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    assert_int_equal(bench->result.done, 1);
    /* the copy is still known for what it is */
    touch_output(bench, "complete1");
    bench->settings.output_video_quality = 25;
    run_again(bench);
    assert_int_equal(bench->result.done, 2);
    /* one of another content is not ours */
    bench_put(bench, "out/complete1.mp4", "cut by hand");
    bench->settings.output_video_quality = 30;
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    assert_int_equal(bench_size(bench, "out/complete1.mp4"), 11);
}

static void killed_between_the_name_and_the_store(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "complete1");
    bench_run(bench);
    change_store(bench, "UPDATE videos SET state = 'running', output_bytes = 0, output_mtime_ns = 0");
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
    bench->settings.output_video_quality = 25; /* what it was made from is known */
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
}

static void assert_probed(Bench *bench, size_t index, bool complete, bool changed, const char *why)
{
    ProbeAnswer answers[8] = {0};
    assert_int_equal(batch_probe(&bench->settings, &bench->plan, &bench->hooks, answers, &bench->err),
                     STATUS_OK);
    assert_true(answers[index].exists);
    assert_int_equal(answers[index].complete, complete);
    assert_int_equal(answers[index].changed, changed);
    assert_non_null(strstr(answers[index].why, why));
}

static void a_dry_run_knows_what_the_store_knows(void **state)
{
    Bench *bench = *state;
    ProbeAnswer nothing[2];
    bench_add(bench, "good1"); /* the probe would say that it is not complete */
    bench_add(bench, "complete2");
    assert_int_equal(batch_probe(&bench->settings, &bench->plan, &bench->hooks, nothing, &bench->err),
                     STATUS_OK);
    assert_false(nothing[0].exists);
    assert_false(bench_has(bench, "out/.runbatch")); /* looking makes nothing */
    bench_run(bench);
    assert_probed(bench, 0, true, false, "");
    touch_output(bench, "complete2");
    assert_probed(bench, 1, true, false, "");
    bench->settings.output_video_quality = 25;
    assert_probed(bench, 0, false, true, "output-video-quality changed from 18 to 25");
    assert_probed(bench, 1, false, true, "output-video-quality changed from 18 to 25");
    touch_output(bench, "good1");
    assert_probed(bench, 0, false, false, "too short");
    bench->settings.restart = true;
    assert_probed(bench, 0, false, true, "--restart");
    /* a run that had begun to replace it */
    bench->settings.restart = false;
    bench->settings.output_video_quality = 18;
    bench_forget(bench);
    bench_run(bench);
    assert_probed(bench, 1, true, false, "");
    change_store(bench, "UPDATE videos SET state = 'stopped'");
    assert_probed(bench, 1, false, true, "begun to make it anew");
    change_store(bench, "PRAGMA user_version = 99");
    assert_int_equal(batch_probe(&bench->settings, &bench->plan, &bench->hooks, nothing, &bench->err),
                     STATUS_FAILED);
}

/* ---- chunks ---- */

static void interrupt_after_a_chunk(Bench *bench, const Event *event)
{
    if (event->kind == EVENT_CHUNK_DONE && event->chunk.index == 1 && !event->chunk.reused) {
        (void)kill(getpid(), SIGINT);
    }
    (void)bench;
}

static void run_interrupted(Bench *bench)
{
    bench->act = interrupt_after_a_chunk;
    bench_run(bench);
    assert_true(bench->result.interrupted);
    assert_int_equal(bench->counts[EVENT_VIDEO_STOPPED], 1);
    assert_true(bench_has(bench, "out/.runbatch/work/slow1.mp4/chunk-000001.rbc"));
    bench->act = NULL;
}

static int reused_chunks(const Bench *bench, const char *name)
{
    AttemptRow last;
    (void)bench_attempts(bench, name, &last);
    return last.chunks_reused;
}

static void an_interrupted_video_goes_on_where_it_was(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "slow1");
    run_interrupted(bench);
    VideoRow row = bench_row(bench, "slow1");
    assert_int_equal(row.state, VIDEO_STOPPED);
    assert_string_equal(row.work, "slow1.mp4");
    video_row_free(&row);
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_true(reused_chunks(bench, "slow1") >= 2);
    assert_false(bench_has(bench, "out/.runbatch/work"));
}

static void chunks_of_another_recipe_are_not_used(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "slow1");
    run_interrupted(bench);
    bench->settings.output_video_quality = 25;
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(reused_chunks(bench, "slow1"), 0);
    assert_int_equal(bench_told(bench, "not used: output-video-quality changed from 18 to 25"), 1);
}

static void restart_uses_nothing(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "slow1");
    run_interrupted(bench);
    bench->settings.restart = true;
    bench->act = interrupt_after_a_chunk;
    run_again(bench);
    assert_int_equal(reused_chunks(bench, "slow1"), 0);
    /* what that run made is of use */
    bench->settings.restart = false;
    bench->act = NULL;
    run_again(bench);
    assert_true(reused_chunks(bench, "slow1") >= 2);
    bench->settings.restart = true;
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.skipped, 0);
}

/* A disk that is not mounted for a night must not cost what was done. */
static void an_input_that_is_gone_for_a_time_keeps_its_chunks(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "slow1");
    run_interrupted(bench);
    char *input = bench_path(bench, "in/slow1.mp4");
    char *elsewhere = bench_path(bench, "elsewhere");
    assert_int_equal(rename(input, elsewhere), 0);
    run_again(bench);
    assert_int_equal(bench->result.failed, 1);
    assert_true(text_starts_with(bench_failure(bench, "slow1"), "input"));
    assert_true(bench_has(bench, "out/.runbatch/work/slow1.mp4/chunk-000001.rbc"));
    assert_int_equal(rename(elsewhere, input), 0);
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_true(reused_chunks(bench, "slow1") >= 2);
    memory_free(elsewhere);
    memory_free(input);
}

static pid_t start_run(Bench *bench)
{
    const pid_t pid = fork();
    if (pid == 0) {
        bench->hooks.event = NULL;
        (void)batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err);
        _exit(0);
    }
    return pid;
}

static void wait_for(const Bench *bench, const char *name)
{
    for (int i = 0; i < 1000 && !bench_has(bench, name); i++) {
        (void)usleep(10000);
    }
    assert_true(bench_has(bench, name));
}

static void a_killed_supervisor_loses_nothing(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 2;
    bench_add(bench, "good1");
    bench_add(bench, "slow2");
    bench_add(bench, "slow3");
    const pid_t pid = start_run(bench);
    wait_for(bench, "out/.runbatch/work/slow2.mp4/chunk-000001.rbc");
    wait_for(bench, "out/good1.mp4");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)usleep(100000); /* its workers end with it */
    VideoRow row = bench_row(bench, "slow2");
    assert_int_equal(row.state, VIDEO_RUNNING);
    video_row_free(&row);
    bench_run(bench);
    assert_int_equal(bench->result.skipped, 1);
    assert_int_equal(bench->result.done, 2);
    assert_true(reused_chunks(bench, "slow2") >= 2);
    assert_false(bench_has(bench, "out/.runbatch/work"));
}

/* ---- the store ---- */

static void a_damaged_store_is_set_aside_and_nothing_is_lost(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "slow1");
    run_interrupted(bench);
    bench_put(bench, "out/.runbatch/batch.db", "this is no database, and it is long enough to be told so");
    bench_put(bench, "out/complete2.mp4", "an old one");
    bench_add(bench, "complete2");
    run_again(bench);
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->result.skipped, 1);
    assert_int_equal(bench_told(bench, "the store was damaged"), 1);
    assert_int_equal(bench_told(bench, "found on disk"), 1);
    assert_true(reused_chunks(bench, "slow1") >= 2);
}

static void a_store_of_a_newer_runbatch_is_left_alone(void **state)
{
    Bench *bench = *state;
    bench_add(bench, "good1");
    bench_run(bench);
    bench_forget(bench);
    change_store(bench, "PRAGMA user_version = 99");
    assert_int_equal(batch_run(&bench->settings, &bench->plan, &bench->hooks, &bench->result, &bench->err),
                     STATUS_FAILED);
    assert_int_equal(bench->err.class_, ERROR_ENVIRONMENT);
    assert_int_equal(bench->told.count, 0);
    char *back = text_format("PRAGMA user_version = %d", STORE_SCHEMA);
    change_store(bench, back);
    memory_free(back);
    run_again(bench);
    assert_int_equal(bench->result.skipped, 1);
}

static void break_store(Bench *bench, const Event *event)
{
    (void)bench;
    if (event->kind == EVENT_BATCH_STARTED) {
        faulty_vfs.write_code = SQLITE_FULL;
    } else if (event->kind == EVENT_VIDEO_DONE && strstr(event->video->input, "good2") != NULL) {
        faulty_vfs.write_code = 0;
    }
}

static void a_store_that_cannot_be_written_does_not_stop_the_batch(void **state)
{
    Bench *bench = *state;
    bench->settings.jobs = 1;
    bench->act = break_store;
    bench_add(bench, "complete1");
    bench_add(bench, "good2");
    bench_add(bench, "good3");
    faulty_vfs_install();
    bench_run(bench);
    faulty_vfs_remove();
    assert_int_equal(bench->result.done, 3);
    assert_int_equal(bench->warnings.count, 1);
    assert_non_null(strstr(bench->warnings.items[0], "the store cannot be written"));
    /* once it can be, it is, also what happened before */
    bench->act = NULL;
    run_again(bench);
    assert_int_equal(bench->result.skipped, 3);
}

static void a_store_that_cannot_be_made_is_made_later(void **state)
{
    Bench *bench = *state;
    bench->act = break_store; /* until it is done */
    bench_add(bench, "good2");
    faulty_vfs_install();
    faulty_vfs.write_code = SQLITE_FULL;
    bench_run(bench);
    faulty_vfs_remove();
    assert_int_equal(bench->result.done, 1);
    assert_int_equal(bench->warnings.count, 1);
    VideoRow row = bench_row(bench, "good2");
    assert_int_equal(row.state, VIDEO_DONE);
    assert_int_equal(row.output_bytes, 7);
    video_row_free(&row);
}

static void the_run_is_told(void **state)
{
    Bench *bench = *state;
    Store *store = NULL;
    RunRow run = {0};
    bench_add(bench, "good1");
    bench_run(bench);
    assert_int_equal(store_open(&store, bench->plan.state_dir, STORE_READ, NULL, NULL, NULL), STATUS_OK);
    assert_int_equal(store_last_run(store, &run, NULL), STATUS_OK);
    assert_string_equal(run.state, "over");
    assert_int_equal(run.process, getpid());
    assert_int_equal(run.planned, 1);
    assert_true(run.ended_s >= run.began_s);
    assert_non_null(strstr(run.options, "output-video-quality"));
    memory_free(run.options);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(finished_videos_are_skipped_without_being_opened),
        BENCH_TEST(a_changed_option_makes_it_anew_and_says_which),
        BENCH_TEST(the_old_output_stays_until_the_new_one_is_there),
        BENCH_TEST(outputs_of_before_the_store_are_adopted),
        BENCH_TEST(an_output_that_somebody_changed_is_looked_at),
        BENCH_TEST(killed_between_the_name_and_the_store),
        BENCH_TEST(a_dry_run_knows_what_the_store_knows),
        BENCH_TEST(an_interrupted_video_goes_on_where_it_was),
        BENCH_TEST(chunks_of_another_recipe_are_not_used),
        BENCH_TEST(restart_uses_nothing),
        BENCH_TEST(an_input_that_is_gone_for_a_time_keeps_its_chunks),
        BENCH_TEST(a_killed_supervisor_loses_nothing),
        BENCH_TEST(a_damaged_store_is_set_aside_and_nothing_is_lost),
        BENCH_TEST(a_store_of_a_newer_runbatch_is_left_alone),
        BENCH_TEST(a_store_that_cannot_be_written_does_not_stop_the_batch),
        BENCH_TEST(a_store_that_cannot_be_made_is_made_later),
        BENCH_TEST(the_run_is_told),
    };
    return cmocka_run_group_tests_name("supervisor_resume", tests, NULL, NULL);
}
