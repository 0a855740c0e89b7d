#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
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

static void a_kill_by_the_kernel_for_memory_is_told(void **state)
{
    (void)state;
    static const struct {
        int wait_status;
        int64_t before;
        int64_t after;
        ErrorClass class_;
    } table[] = {
        {SIGKILL, 3, 4, ERROR_MEMORY}, {SIGKILL, 3, 3, ERROR_CRASH}, {SIGKILL, -1, 4, ERROR_CRASH},
        {SIGKILL, 3, -1, ERROR_CRASH}, {SIGSEGV, 3, 4, ERROR_CRASH}, {1 << 8, 3, 4, ERROR_CRASH},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        Error err = {0};
        death_explain(&(Death){.wait_status = table[i].wait_status,
                               .oom_kills_before = table[i].before,
                               .oom_kills_after = table[i].after},
                      "a.mp4", &err);
        assert_int_equal(err.class_, table[i].class_);
        assert_int_equal(strstr(err.why, "out-of-memory killer") != NULL, table[i].class_ == ERROR_MEMORY);
    }
    char folder[] = "/tmp/runbatch-death-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_true(death_oom_kills(folder) == -1);
    char *path = path_join(folder, "vmstat");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("oom_kills_x 9\npgfault 12\noom_kill 7\n", file);
    (void)fclose(file);
    assert_true(death_oom_kills(folder) == 7);
    (void)unlink(path);
    (void)rmdir(folder);
    memory_free(path);
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
        cmocka_unit_test(a_kill_by_the_kernel_for_memory_is_told),
        cmocka_unit_test(a_defect_explains_the_kill_that_followed),
        cmocka_unit_test(the_frame_budget_is_in_frames),
    };
    return cmocka_run_group_tests_name("supervisor_death", tests, NULL, NULL);
}
