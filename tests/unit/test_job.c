/* A worker's job: what it decides by numbers. The job as a whole is tested through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/job.h"
#include "worker/job_shape.h"

static void a_near_end_is_waited_for(void **state)
{
    (void)state;
    static const struct {
        double done_s, length_s, frame_rate, fps;
        int64_t grace_ms;
        bool near;
    } cases[] = {
        {8.0, 10.0, 25, 25, 2000, true}, /* 50 frames */
        {7.9, 10.0, 25, 25, 2000, false},  {0.0, 10.0, 25, 125, 2000, true},
        {8.0, 10.0, 50, 25, 2000, false},  {8.0, 10.0, 0, 25, 2000, true}, /* rate not known: 25 */
        {9.0, 10.0, 25, 0, 2000, false},                                   /* not one frame so far */
        {0.1, 10.0, 25, 1, 3600000, true}, {10.0, 10.0, 25, 0, 1, true},   /* it ends here anyway */
        {10.5, 10.0, 25, 0, 1, true},      {10.0, 10.0, 25, 25, 0, false}, /* no time at all */
        {0.0, 0.0, 25, 25, 5000, false},                                   /* no chunks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(job_is_near(cases[i].done_s, cases[i].length_s, cases[i].frame_rate, cases[i].fps,
                                     cases[i].grace_ms),
                         cases[i].near);
    }
}

static void a_job_that_does_not_run_is_stopped_at_once(void **state)
{
    (void)state;
    JobControl control = JOB_CONTROL_INIT;
    assert_false(job_stop_at_chunk(&control, 3600000, 25));
    control.phase = JOB_FINISHING;
    assert_true(job_stop_at_chunk(&control, 1000, 0));
    assert_false(job_stop_at_chunk(&control, 0, 0));
}

static const MediaLook clip = {.codec = "h264",
                               .pixel_format = "yuv420p",
                               .width = 1280,
                               .height = 720,
                               .bit_depth = 8,
                               .reference_frames = 4,
                               .frames = 500,
                               .audio_streams = 1};

static void the_shape_follows_the_options(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    MemoryTask task = job_memory_task(&settings, &clip);
    assert_true(task.faces);
    assert_int_equal(task.audio_streams, 1);
    assert_int_equal(task.chroma_width_shift, 1);
    WorkerShape shape = job_shape_asked(&settings, &task, 64);
    assert_int_equal(shape.execution_threads, 4);
    assert_int_equal(shape.decoder_threads, READER_THREADS_MAX);
    assert_int_equal(shape.encoder_threads, WRITER_THREADS_MAX);
    assert_int_equal(shape.frame_budget_bytes, 14 * memory_frame_bytes(&task));
    shape = job_shape_asked(&settings, &task, 2);
    assert_int_equal(shape.decoder_threads, 2);
    assert_int_equal(shape.encoder_threads, 2);
    settings.decoder_threads = 9;
    settings.encoder_threads = 31;
    settings.skip_audio = true;
    settings.frame_budget_bytes = 1;
    task = job_memory_task(&settings, &clip);
    shape = job_shape_asked(&settings, &task, 2);
    assert_int_equal(task.audio_streams, 0);
    assert_int_equal(shape.decoder_threads, 9);
    assert_int_equal(shape.encoder_threads, 31);
    assert_int_equal(shape.frame_budget_bytes, 1);
    settings.frame_budget_bytes = INT64_C(1) << 40; /* no more than the pipeline can hold */
    shape = job_shape_asked(&settings, &task, 2);
    assert_int_equal(shape.frame_budget_bytes, 20 * memory_frame_bytes(&task));
    settings_free(&settings);
}

/* What is told as the least, to two places, does work; a hundredth less does not. */
static void what_is_told_as_the_least_works(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    const MemoryTask task = job_memory_task(&settings, &clip);
    WorkerShape shape;
    Error err = {0};
    assert_int_equal(job_shape_choose(&settings, &task, 2, 50000000, &shape, &err), STATUS_FAILED);
    assert_string_equal(err.what, "cannot work within 0.05 GB, which is all there is for a worker here");
    assert_non_null(strstr(err.todo, "--max-total-memory"));
    error_clear(&err);
    /* a default is not told as something that was asked for */
    assert_int_equal(settings.max_memory_bytes, 8000000000);
    MemoryTask vast = task;
    vast.width = 32768;
    vast.height = 32768;
    assert_int_equal(job_shape_choose(&settings, &vast, 2, settings.max_memory_bytes, &shape, &err),
                     STATUS_FAILED);
    assert_string_equal(err.what, "cannot work within 8.00 GB, the default of --max-memory");
    assert_non_null(strstr(err.todo, "is the least that works"));
    error_clear(&err);
    settings.max_memory_bytes = 50000000;
    assert_int_equal(job_shape_choose(&settings, &task, 2, 50000000, &shape, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_USAGE);
    assert_string_equal(err.what, "cannot work within --max-memory 0.05 GB");
    double least = 0;
    assert_int_equal(sscanf(err.todo, "--max-memory %lf is the least that works", &least), 1);
    char needs[64];
    (void)snprintf(needs, sizeof needs, "needs at least %.2f GB: program 0.", least);
    assert_memory_equal(err.why, needs, strlen(needs));
    assert_non_null(strstr(err.why, ", decoder 0."));
    const int64_t enough = (int64_t)(least * 1e9 + 0.5);
    assert_int_equal(job_shape_choose(&settings, &task, 2, enough, &shape, NULL), STATUS_OK);
    assert_true(memory_needed(&task, &shape).total_bytes <= enough);
    assert_int_equal(job_shape_choose(&settings, &task, 2, enough - 10000000, &shape, NULL), STATUS_FAILED);
    assert_int_equal(job_shape_choose(&settings, &task, 2, 0, &shape, NULL), STATUS_OK);
    assert_int_equal(shape.execution_threads, 4);
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_near_end_is_waited_for),
        cmocka_unit_test(a_job_that_does_not_run_is_stopped_at_once),
        cmocka_unit_test(the_shape_follows_the_options),
        cmocka_unit_test(what_is_told_as_the_least_works),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
