#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory/planner.h"

#define GB INT64_C(1000000000)

static uint64_t seed;

static uint64_t chance(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % below;
}

static PlannerMachine machine_of(int64_t total, double cores)
{
    return (PlannerMachine){.total_bytes = total, .cores = cores, .disk_bytes = -1};
}

/* ---- how much ---- */

static void a_worker_gets_what_the_limits_leave(void **state)
{
    (void)state;
    PlannerMachine machine = machine_of(2 * GB, 0);
    machine.high_percent = 80;
    machine.others_bytes = GB; /* comes and goes: the governor's business */
    assert_int_equal(planner_worker_most(&machine, 0), 19 * GB / 10 - PLANNER_OWN_BYTES);
    assert_int_equal(planner_worker_most(&machine, GB), GB);
    assert_int_equal(planner_worker_most(&machine, 3 * GB), 19 * GB / 10 - PLANNER_OWN_BYTES);
    machine.limit_bytes = GB; /* of which more is left at the moment */
    assert_int_equal(planner_worker_most(&machine, 0), 95 * GB / 100 - PLANNER_OWN_BYTES);
    machine.limit_bytes = 0;
    machine.budget_bytes = GB / 2;
    assert_int_equal(planner_worker_most(&machine, 0), 475 * GB / 1000 - PLANNER_OWN_BYTES);
    machine.budget_bytes = 1000;
    assert_int_equal(planner_worker_most(&machine, 0), 1); /* nothing, but not no limit */
    machine = machine_of(0, 0);
    assert_int_equal(planner_worker_most(&machine, 0), 0);
    assert_int_equal(planner_worker_most(&machine, GB), GB);
}

/* ---- how many ---- */

/* The old system's example: 16 GB gives 5.6. */
static void without_history_the_formula_holds(void **state)
{
    (void)state;
    PlannerVideo waiting[20] = {{0}};
    const PlannerMachine machine = machine_of(16 * GB, 0);
    PlannerJobs jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 20);
    assert_int_equal(jobs.jobs, 5);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_MEMORY);
    assert_true(jobs.allows[PLANNER_LIMIT_MEMORY] > 5.59 && jobs.allows[PLANNER_LIMIT_MEMORY] < 5.61);
    assert_true(jobs.allows[PLANNER_LIMIT_CORES] < 0 && jobs.allows[PLANNER_LIMIT_DISK] < 0);

    const PlannerMachine small = machine_of(GB / 2, 0);
    jobs = planner_jobs(&small, PLANNER_NATURAL, NULL, 0, waiting, 20);
    assert_int_equal(jobs.jobs, 1); /* one goes always */
    assert_int_equal(jobs.limit, PLANNER_LIMIT_MEMORY);

    PlannerMachine crowded = machine_of(16 * GB, 0);
    crowded.others_bytes = 10 * GB; /* more than the 2 GB that the formula leaves */
    assert_int_equal(planner_jobs(&crowded, PLANNER_NATURAL, NULL, 0, waiting, 20).jobs, 2);
}

static void estimates_go_up_to_the_high_mark(void **state)
{
    (void)state;
    PlannerVideo waiting[40];
    for (int i = 0; i < 40; i++) {
        waiting[i] = (PlannerVideo){.bytes = GB, .cores = 0.1};
    }
    PlannerMachine machine = machine_of(16 * GB, 8);
    machine.others_bytes = 2 * GB;
    assert_int_equal(planner_room(&machine, false), 13600000000 - 2 * GB);
    PlannerJobs jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 11);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_MEMORY);
    machine.high_percent = 50;
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40).jobs, 6);
    machine.high_percent = 85;
    machine.budget_bytes =
        4 * GB; /* of which the governor wants as much left, and the supervisor takes some */
    assert_int_equal(planner_room(&machine, false), 3400000000 - PLANNER_OWN_BYTES);
    assert_int_equal(planner_room(&machine, true), 3400000000 - PLANNER_OWN_BYTES);
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40).jobs, 3);
    jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 2);
    assert_int_equal(jobs.jobs, 2);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_VIDEOS);
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 0).jobs, 0);
}

static void each_limit_is_named(void **state)
{
    (void)state;
    PlannerVideo waiting[40];
    for (int i = 0; i < 40; i++) {
        waiting[i] = (PlannerVideo){.bytes = GB / 10, .video_bytes = GB, .disk_bytes = GB, .cores = 3};
    }
    PlannerMachine machine = {.total_bytes = 64 * GB, .cores = 16, .disk_bytes = -1};
    PlannerJobs jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 5); /* 16 / 3 = 5.3 */
    assert_int_equal(jobs.limit, PLANNER_LIMIT_CORES);
    machine.cores = 17;
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40).jobs, 6); /* 5.7 */
    machine.video_total_bytes = 10240000000;
    machine.video_others_bytes = 5 * GB; /* of 8.7 below the mark */
    jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 3);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_VIDEO_MEMORY);
    machine.disk_bytes = 2 * GB + 1;
    jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 2);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_DISK);
    machine = (PlannerMachine){.disk_bytes = -1}; /* nothing is known */
    jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 40);
    machine.jobs = 7;
    machine.cores = 1; /* who says how many is not told otherwise by cores */
    jobs = planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40);
    assert_int_equal(jobs.jobs, 7);
    assert_int_equal(jobs.limit, PLANNER_LIMIT_ASKED);
    machine.total_bytes = GB / 4; /* but by memory */
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, NULL, 0, waiting, 40).jobs, 2);
}

static void what_runs_counts(void **state)
{
    (void)state;
    PlannerVideo waiting[9];
    PlannerVideo running[2] = {{.bytes = 5 * GB}, {.bytes = 6 * GB}};
    for (int i = 0; i < 9; i++) {
        waiting[i] = (PlannerVideo){.bytes = GB};
    }
    const PlannerMachine machine = machine_of(16 * GB, 0);
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, running, 2, waiting, 9).jobs,
                     4);  /* 11 + 2 of 13.6 */
    running[1].bytes = 0; /* nothing is known of it: the formula, 14 in all */
    assert_int_equal(planner_jobs(&machine, PLANNER_NATURAL, running, 2, waiting, 9).jobs,
                     8); /* 5 + 2.5 + 6 */
    running[0].bytes = 30 * GB;
    const PlannerPick pick = planner_pick(&machine, PLANNER_NATURAL, running, 2, waiting, 9);
    assert_false(pick.found);
    assert_int_equal(pick.limit, PLANNER_LIMIT_MEMORY);
    assert_int_equal(pick.blocked, 0);
}

static void cores_are_guessed(void **state)
{
    (void)state;
    assert_true(planner_cores(4, 0, 16) == 7);
    assert_true(planner_cores(4, 1, 16) == 6);
    assert_true(planner_cores(4, 8, 16) == 7);
    assert_true(planner_cores(4, 0, 2) == 2);
    assert_true(planner_cores(1, 0, 0) == 4);
}

/* ---- which one ---- */

/* The order in which all are started when one runs at a time. */
static void expect_order(PlannerOrder order, const PlannerVideo *videos, size_t count, const char *expected)
{
    const PlannerMachine machine = {.jobs = 1, .disk_bytes = -1};
    PlannerVideo waiting[8];
    char names[9] = "";
    char taken[9] = "";
    for (size_t i = 0; i < count; i++) {
        waiting[i] = videos[i];
        names[i] = (char)('a' + i);
    }
    for (size_t left = count; left > 0; left--) {
        const PlannerPick pick = planner_pick(&machine, order, NULL, 0, waiting, left);
        assert_true(pick.found && pick.index < left);
        taken[count - left] = names[pick.index];
        memmove(&waiting[pick.index], &waiting[pick.index + 1], (left - 1 - pick.index) * sizeof waiting[0]);
        memmove(&names[pick.index], &names[pick.index + 1], left - 1 - pick.index);
    }
    assert_string_equal(taken, expected);
}

static void orders_are_kept(void **state)
{
    (void)state;
    const PlannerVideo videos[] = {
        {.length = 30, .bytes = 2 * GB}, {.length = 0, .bytes = GB},  {.length = 10, .bytes = 0},
        {.length = 60, .bytes = 3 * GB}, {.length = 10, .bytes = GB},
    };
    expect_order(PLANNER_NATURAL, videos, 5, "abcde");
    expect_order(PLANNER_SHORTEST, videos, 5, "ceadb");
    expect_order(PLANNER_LONGEST, videos, 5, "daceb");
    expect_order(PLANNER_LARGEST_MEMORY_LAST, videos, 5, "beacd"); /* one that is not known is 2.5 GB */
    for (int i = 0; i < PLANNER_ORDERS; i++) {
        assert_int_equal(planner_order(planner_order_names[i]), i);
    }
    assert_int_equal(planner_order("none"), PLANNER_NATURAL);
    assert_int_equal(planner_order(NULL), PLANNER_NATURAL);
    assert_string_equal(planner_limit_name(PLANNER_LIMIT_VIDEO_MEMORY), "video_memory");
}

/* A small one that fits beside a big one runs beside it; the big one that waits is passed a bounded number of
 * times. */
static void small_ones_pass_and_big_ones_do_not_starve(void **state)
{
    (void)state;
    const PlannerMachine machine = machine_of(16 * GB, 0);
    const PlannerVideo running = {.bytes = 8 * GB};
    PlannerVideo waiting[20] = {{.bytes = 12 * GB}};
    size_t left = 20;
    for (size_t i = 1; i < left; i++) {
        waiting[i] = (PlannerVideo){.bytes = GB};
    }
    for (int i = 0; i < PLANNER_PASSED_MOST; i++) { /* each ends before the next is started */
        const PlannerPick pick = planner_pick(&machine, PLANNER_NATURAL, &running, 1, waiting, left);
        assert_true(pick.found);
        assert_int_equal(pick.index, 1);
        left--;
        assert_int_equal(waiting[0].passed, i + 1);
    }
    PlannerPick pick = planner_pick(&machine, PLANNER_NATURAL, &running, 1, waiting, left);
    assert_false(pick.found);
    assert_int_equal(pick.blocked, 0);
    assert_int_equal(pick.limit, PLANNER_LIMIT_MEMORY);
    pick = planner_pick(&machine, PLANNER_NATURAL, NULL, 0, waiting, left);
    assert_true(pick.found);
    assert_int_equal(pick.index, 0);
}

/* ---- any batch ---- */

enum { VIDEOS = 40 };

typedef struct Simulation {
    PlannerMachine machine;
    PlannerOrder order;
    PlannerVideo waiting[VIDEOS];
    int name[VIDEOS];
    size_t left;
    PlannerVideo running[PLANNER_JOBS_MOST];
    size_t run;
    int started[VIDEOS];
} Simulation;

static void check_load(const Simulation *simulation)
{
    int64_t bytes = 0;
    int64_t video_bytes = 0;
    double cores = 0;
    bool guessed = false;
    for (size_t i = 0; i < simulation->run; i++) {
        const PlannerVideo *video = &simulation->running[i];
        guessed |= video->bytes == 0;
        bytes += video->bytes > 0 ? video->bytes : PLANNER_VIDEO_BYTES;
        video_bytes += video->video_bytes;
        cores += video->cores;
    }
    if (simulation->run < 2) {
        return;
    }
    assert_true(bytes <= planner_room(&simulation->machine, guessed));
    assert_true(video_bytes == 0 || simulation->machine.video_total_bytes == 0 ||
                video_bytes <= simulation->machine.video_total_bytes);
    assert_true(cores <= simulation->machine.cores + 4); /* half of the largest */
}

static void start_one(Simulation *simulation, size_t index)
{
    const size_t behind = simulation->left - 1 - index;
    simulation->started[simulation->name[index]]++;
    assert_in_range(simulation->waiting[index].passed, 0, PLANNER_PASSED_MOST);
    simulation->running[simulation->run++] = simulation->waiting[index];
    memmove(&simulation->waiting[index], &simulation->waiting[index + 1],
            behind * sizeof simulation->waiting[0]);
    memmove(&simulation->name[index], &simulation->name[index + 1], behind * sizeof simulation->name[0]);
    simulation->left--;
    check_load(simulation);
}

static void end_one(Simulation *simulation)
{
    if (simulation->run > 0) {
        simulation->running[chance(simulation->run)] = simulation->running[simulation->run - 1];
        simulation->run--;
    }
}

static void any_batch_ends_within_its_limits(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 1000; run++) {
        seed = run;
        Simulation simulation = {.order = (PlannerOrder)chance(PLANNER_ORDERS), .left = VIDEOS};
        simulation.machine = (PlannerMachine){.total_bytes = (int64_t)chance(20) * GB + GB / 2,
                                              .others_bytes = (int64_t)chance(4) * GB,
                                              .video_total_bytes = (int64_t)chance(3) * 5 * GB,
                                              .cores = (double)chance(32) + 1,
                                              .disk_bytes = -1};
        for (int i = 0; i < VIDEOS; i++) {
            simulation.name[i] = i;
            simulation.waiting[i] = (PlannerVideo){.bytes = (int64_t)chance(5) * GB,
                                                   .video_bytes = (int64_t)chance(3) * GB,
                                                   .cores = (double)chance(8) + 1,
                                                   .length = (double)chance(100)};
        }
        for (int turn = 0; simulation.left > 0; turn++) {
            assert_in_range(turn, 0, 10 * VIDEOS);
            const PlannerPick pick = planner_pick(&simulation.machine, simulation.order, simulation.running,
                                                  simulation.run, simulation.waiting, simulation.left);
            if (pick.found) {
                start_one(&simulation, pick.index);
            } else {
                assert_true(simulation.run > 0 && pick.limit != PLANNER_LIMIT_NONE);
                assert_true(pick.blocked < simulation.left);
            }
            if (!pick.found || chance(2) == 0) {
                end_one(&simulation);
            }
        }
        for (int i = 0; i < VIDEOS; i++) {
            assert_int_equal(simulation.started[i], 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_gets_what_the_limits_leave),
        cmocka_unit_test(without_history_the_formula_holds),
        cmocka_unit_test(estimates_go_up_to_the_high_mark),
        cmocka_unit_test(each_limit_is_named),
        cmocka_unit_test(what_runs_counts),
        cmocka_unit_test(cores_are_guessed),
        cmocka_unit_test(orders_are_kept),
        cmocka_unit_test(small_ones_pass_and_big_ones_do_not_starve),
        cmocka_unit_test(any_batch_ends_within_its_limits),
    };
    return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
