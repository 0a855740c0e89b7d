#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/planning.h"

#define GB INT64_C(1000000000)

static const MemoryReading reading = {
    .total_bytes = 64 * GB, .available_bytes = 2 * GB, .used_bytes = 62 * GB, .least_limit_bytes = 8 * GB};

/* Of what there is in the long run: which limit has the least left changes from moment to moment. */
static void a_share_is_of_the_smallest_limit(void **state)
{
    (void)state;
    Settings settings = {.max_total_memory = {.percent = 50}};
    assert_int_equal(planning_budget(&settings, &reading), 4 * GB);
    settings.max_total_memory = (Share){.bytes = 3 * GB};
    assert_int_equal(planning_budget(&settings, &reading), 3 * GB);
    settings.max_total_memory = (Share){0};
    assert_int_equal(planning_budget(&settings, &reading), 0);
}

static void others_are_all_but_ours(void **state)
{
    (void)state;
    const Settings settings = {.memory_high = 80, .jobs = 3};
    PlannerMachine machine = planning_machine(&settings, &reading, 12 * GB);
    assert_int_equal(machine.total_bytes, 64 * GB);
    assert_int_equal(machine.limit_bytes, 8 * GB);
    assert_int_equal(machine.others_bytes, 50 * GB);
    assert_true(machine.high_percent > 79.9 && machine.high_percent < 80.1);
    assert_int_equal(machine.jobs, 3);
    assert_true(machine.cores >= 1);
    assert_true(machine.disk_bytes < 0);
    machine = planning_machine(&settings, &reading, 63 * GB); /* what processes share counts in each */
    assert_int_equal(machine.others_bytes, 0);
}

static void a_card_is_at_most_what_is_asked(void **state)
{
    (void)state;
    Settings settings = {.max_video_memory_bytes = 10 * GB};
    const GpuReading card = {.total_bytes = 24 * GB, .used_bytes = 7 * GB};
    PlannerMachine machine = {0};
    planning_add_card(&machine, &settings, &card, 5 * GB);
    assert_int_equal(machine.video_total_bytes, 10 * GB);
    assert_int_equal(machine.video_others_bytes, 2 * GB);
    settings.max_video_memory_bytes = 0;
    planning_add_card(&machine, &settings, &card, 9 * GB);
    assert_int_equal(machine.video_total_bytes, 24 * GB);
    assert_int_equal(machine.video_others_bytes, 0);
    const GpuReading none = {0};
    planning_add_card(&machine, &settings, &none, 0);
    assert_int_equal(machine.video_total_bytes, 0); /* limits nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_of_the_smallest_limit),
        cmocka_unit_test(others_are_all_but_ours),
        cmocka_unit_test(a_card_is_at_most_what_is_asked),
    };
    return cmocka_run_group_tests_name("planning", tests, NULL, NULL);
}
