#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/stall.h"

enum { LOOK_MS = 250, LENGTH_MS = 100000 };

/* Looks for a hundred seconds; what remains still, in ms. */
static int64_t watch(int64_t work_every_ms, int64_t processor_in_10000, bool loading, bool stopped)
{
    Stall stall = {0};
    int64_t still = 0;
    for (int64_t ms = 0; ms <= LENGTH_MS; ms += LOOK_MS) {
        const StallReading reading = {.work = work_every_ms > 0 ? ms / work_every_ms : 0,
                                      .loading = loading,
                                      .stopped = stopped,
                                      .processor_ms = ms * processor_in_10000 / 10000};
        still = stall_look(&stall, 5000 + ms, &reading);
    }
    return still;
}

static void work_is_told_from_waiting(void **state)
{
    (void)state;
    assert_int_equal(watch(0, 0, false, false), LENGTH_MS);
    assert_in_range(watch(20000, 0, false, false), 0, 20000);
    /* turning round and round is no work */
    assert_int_equal(watch(0, 10000, false, false), LENGTH_MS);
    /* but while the models are loaded it is, unless it is what a waiting worker needs */
    assert_in_range(watch(0, 300, true, false), 0, 3000);
    assert_int_equal(watch(0, 5, true, false), LENGTH_MS);
    /* one that is held cannot work */
    assert_int_equal(watch(0, 0, false, true), 0);
}

static void time_away_does_not_count(void **state)
{
    (void)state;
    Stall stall = {0};
    const StallReading nothing = {.processor_ms = -1};
    const StallReading held = {.processor_ms = -1, .held = true, .stopped = true};
    const StallReading stopped = {.processor_ms = -1, .stopped = true};
    (void)stall_look(&stall, 1000, &nothing);
    /* an hour in which we did not run ourselves */
    assert_int_equal(stall_look(&stall, 1000 + 3600000, &nothing), 1000);
    assert_int_equal(stall_look(&stall, 3602000, &held), 1000);
    assert_int_equal(stall_look(&stall, 3602500, &nothing), 1500);
    /* stopped by somebody else: it is known for how long */
    assert_int_equal(stall.stopped_ms, 0);
    assert_int_equal(stall_look(&stall, 3602750, &stopped), 1500);
    assert_int_equal(stall_look(&stall, 3603000, &stopped), 1500);
    assert_int_equal(stall.stopped_ms, 500);
    assert_int_equal(stall_look(&stall, 3603250, &held), 1500);
    assert_int_equal(stall.stopped_ms, 0);
}

static void the_kernel_is_asked(void **state)
{
    (void)state;
    StallReading reading = {0};
    stall_read_process("/", getpid(), &reading);
    assert_true(reading.processor_ms >= 0);
    assert_false(reading.stopped);
    const pid_t child = fork();
    if (child == 0) {
        for (;;) {
            (void)pause();
        }
    }
    assert_true(child > 0);
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
    stall_read_process("/", child, &reading);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    assert_true(reading.stopped);
    stall_read_process("/nowhere", getpid(), &reading);
    assert_true(reading.processor_ms == -1);
    assert_false(reading.stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_told_from_waiting),
        cmocka_unit_test(time_away_does_not_count),
        cmocka_unit_test(the_kernel_is_asked),
    };
    return cmocka_run_group_tests_name("supervisor_stall", tests, NULL, NULL);
}
