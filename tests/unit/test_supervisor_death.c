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

#include "batch/death.h"
#include "machine_tree.h"

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
        {SIGKILL, "", ERROR_KILLED, "it was killed (SIGKILL)"},
        {SIGTERM, NULL, ERROR_KILLED, "it was killed (SIGTERM)"},
        {SIGSEGV | CORE_DUMPED, NULL, ERROR_CRASH, "it ended by signal 11 (SIGSEGV)"},
        {SIGABRT, "free(): invalid pointer", ERROR_CRASH,
         "it ended by signal 6 (SIGABRT); its last line: free(): invalid pointer"},
        {EXIT_OUT_OF_MEMORY << 8, NULL, ERROR_MEMORY, "it ran out of memory"},
        {EXIT_OVER_DATA_LIMIT << 8, NULL, ERROR_MEMORY, "it may not allocate more memory (ulimit -d)"},
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
        OomKills before;
        OomKills after;
        ErrorClass class_;
    } table[] = {
        {SIGKILL, {3, -1}, {4, -1}, ERROR_MEMORY},
        {SIGKILL, {3, -1}, {3, -1}, ERROR_KILLED},
        {SIGKILL, {-1, -1}, {4, -1}, ERROR_KILLED},
        {SIGKILL, {3, -1}, {-1, -1}, ERROR_KILLED},
        {SIGSEGV, {3, 1}, {4, 2}, ERROR_CRASH},
        {1 << 8, {3, 1}, {4, 2}, ERROR_CRASH},
        /* the group's own number counts: the machine's may have grown by another's death */
        {SIGKILL, {3, 1}, {4, 1}, ERROR_KILLED},
        {SIGKILL, {3, 1}, {3, 2}, ERROR_MEMORY},
        {SIGKILL, {3, 1}, {4, -1}, ERROR_MEMORY},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        Error err = {0};
        death_explain(
            &(Death){.wait_status = table[i].wait_status, .before = table[i].before, .after = table[i].after},
            "a.mp4", &err);
        assert_int_equal(err.class_, table[i].class_);
        assert_int_equal(strstr(err.why, "out-of-memory killer") != NULL, table[i].class_ == ERROR_MEMORY);
    }
    /* a group of its own tells exactly, whatever happened to others */
    for (int kills = 0; kills < 2; kills++) {
        Error own = {0};
        death_explain(&(Death){.wait_status = SIGKILL,
                               .before = {3, 1},
                               .after = {4, 2},
                               .in_group = true,
                               .own_kills = kills},
                      "a.mp4", &own);
        assert_int_equal(own.class_, kills > 0 ? ERROR_MEMORY : ERROR_KILLED);
    }
    Error limit = {0};
    death_explain(&(Death){.wait_status = SIGKILL,
                           .in_group = true,
                           .own_kills = 1,
                           .limit_bytes = 620000000,
                           .over_limit = true},
                  "a.mp4", &limit);
    assert_int_equal(limit.class_, ERROR_MEMORY);
    assert_string_equal(limit.why, "it needed more memory than its limit, 0.62 GB");
    assert_non_null(strstr(limit.todo, "--max-memory"));
    /* nothing could be counted: the kernel is one who may have done it */
    Error err = {0};
    death_explain(&(Death){.wait_status = SIGKILL, .before = {-1, -1}, .after = {-1, -1}}, "a.mp4", &err);
    assert_string_equal(err.why, "it was killed (SIGKILL), perhaps by the kernel because memory ran out");
}

static void assert_kills(const char *root, int64_t machine, int64_t group)
{
    const OomKills kills = death_oom_kills(root);
    assert_int_equal(kills.machine, machine);
    assert_int_equal(kills.group, group);
}

static void the_kernels_kills_are_counted(void **state)
{
    const char *root = *state;
    assert_kills(root, -1, -1);
    tree_put(root, "proc/vmstat", "oom_kills_x 9\npgfault 12\noom_kill 7\n");
    assert_kills(root, 7, -1);
    tree_put(root, "proc/self/cgroup", "0::/a/b\n");
    assert_kills(root, 7, -1);
    tree_put(root, "proc/self/mountinfo", "34 25 0:29 / /cgroup rw - cgroup2 cgroup2 rw\n");
    tree_put(root, "cgroup/a/b/memory.events", "low 0\noom 5\noom_kill 2\noom_group_kill 4\n");
    assert_kills(root, 7, 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_are_told_by_their_cause),
        cmocka_unit_test(a_kill_by_the_kernel_for_memory_is_told),
        TREE_TEST(the_kernels_kills_are_counted),
        cmocka_unit_test(a_defect_explains_the_kill_that_followed),
    };
    return cmocka_run_group_tests_name("supervisor_death", tests, NULL, NULL);
}
