#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "batch/death.h"
#include "worker/job.h"

/* As waitpid tells it on Linux: the signal in the low seven bits, the exit code above. */
enum { CORE_DUMPED = 0x80 };

static int exited(int code)
{
    return code << 8;
}

static void deaths_are_told_by_their_cause(void **state)
{
    (void)state;
    static const struct {
        int wait_status;
        const char *last_line;
        ErrorClass class_;
        const char *why;
    } table[] = {
        {SIGKILL, "", ERROR_CRASH, "it was killed (SIGKILL), perhaps by the kernel because memory ran out"},
        {SIGSEGV | CORE_DUMPED, NULL, ERROR_CRASH, "it ended by signal 11 (SIGSEGV)"},
        {SIGABRT, "free(): invalid pointer", ERROR_CRASH,
         "it ended by signal 6 (SIGABRT); its last line: free(): invalid pointer"},
        {EXIT_OUT_OF_MEMORY << 8, NULL, ERROR_MEMORY, "it ran out of memory"},
        {0, NULL, ERROR_CRASH, "it ended without a result (exit code 0)"},
        {127 << 8, "cannot load libonnxruntime", ERROR_CRASH,
         "it ended without a result (exit code 127); its last line: cannot load libonnxruntime"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        Error err = {0};
        death_explain(&(Death){.wait_status = table[i].wait_status, .last_line = table[i].last_line}, "a.mp4",
                      &err);
        assert_int_equal(err.class_, table[i].class_);
        assert_string_equal(err.why, table[i].why);
        assert_string_equal(err.file, "a.mp4");
        assert_int_not_equal(err.todo[0], '\0');
    }
}

static void a_defect_explains_the_kill_that_followed(void **state)
{
    (void)state;
    Error defect = {0};
    Error err = {0};
    (void)error_set(&defect, ERROR_TIMEOUT, "the worker was ended", NULL, "it did not say hello in time");
    death_explain(&(Death){.wait_status = SIGKILL, .defect = &defect}, "a.mp4", &err);
    assert_int_equal(err.class_, ERROR_TIMEOUT);
    assert_string_equal(err.why, "it did not say hello in time");
    error_clear(&err);
    error_clear(&defect);
    death_explain(&(Death){.wait_status = exited(3), .defect = &defect}, "a.mp4", &err);
    assert_string_equal(err.why, "it ended without a result (exit code 3)");
}

static void the_frame_budget_is_in_frames(void **state)
{
    (void)state;
    assert_int_equal(job_frame_budget(0, 1000, 1), 8 * 1000);
    assert_int_equal(job_frame_budget(0, 1000, 4), 14 * 1000);
    assert_int_equal(job_frame_budget(12345, 1000, 4), 12345);
    assert_int_equal(job_frame_budget(0, INT64_MAX / 2, 4), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_are_told_by_their_cause),
        cmocka_unit_test(a_defect_explains_the_kill_that_followed),
        cmocka_unit_test(the_frame_budget_is_in_frames),
    };
    return cmocka_run_group_tests_name("supervisor_death", tests, NULL, NULL);
}
