/* A worker's job: what it decides by numbers. The job as a whole is tested through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/job.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_near_end_is_waited_for),
        cmocka_unit_test(a_job_that_does_not_run_is_stopped_at_once),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
