#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory/governor.h"

#define MB INT64_C(1000000)
#define GB INT64_C(1000000000)

enum { STEP_MS = 250, MOST_WORKERS = 6 };

static uint64_t seed;

static int64_t chance(int64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)below);
}

/* A governor with what it sees: a machine of 16 GB. */
typedef struct Bench {
    Governor governor;
    GovernorInput input;
    GovernorWorker workers[MOST_WORKERS];
    GovernorDecision decision; /* the last */
} Bench;

static Bench bench_new(void)
{
    Bench bench = {.governor = {.settings = governor_settings(85, 50, 120, 5, false)}};
    bench.input = (GovernorInput){.now_ms = 1000, .some_avg10 = -1, .full_avg10 = -1, .wanted = true};
    bench.input.reading[GOVERNOR_MEMORY] = (GovernorReading){.total = 16 * GB, .available = 16 * GB};
    return bench;
}

static void use(Bench *bench, double percent)
{
    GovernorReading *reading = &bench->input.reading[GOVERNOR_MEMORY];
    reading->available = reading->total - (int64_t)(percent / 100.0 * (double)reading->total);
}

static void add_worker(Bench *bench, int id, int64_t bytes)
{
    bench->workers[bench->input.worker_count++] =
        (GovernorWorker){.id = id, .bytes = {bytes}, .started_ms = 1000 * id};
    bench->input.workers = bench->workers;
}

static GovernorDecision step(Bench *bench)
{
    bench->input.workers = bench->workers;
    bench->decision = governor_step(&bench->governor, &bench->input);
    bench->input.now_ms += STEP_MS;
    return bench->decision;
}

/* Steps on until the state is another, at most for `limit_ms`; how long that took, -1: it did not change. */
static int64_t until_changed(Bench *bench, int64_t limit_ms)
{
    const int64_t began_ms = bench->input.now_ms;
    while (bench->input.now_ms - began_ms <= limit_ms) {
        const int64_t at_ms = bench->input.now_ms;
        if (step(bench).changed) {
            return at_ms - began_ms;
        }
    }
    return -1;
}

/* ---- states ---- */

static void states_rise_at_once_and_fall_slowly(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 84.9);
    assert_int_equal(step(&bench).state, GOVERNOR_OK);
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT);
    assert_int_equal(bench.decision.cause, GOVERNOR_CAUSE_NONE);
    use(&bench, 85.1);
    assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
    assert_true(bench.decision.changed && bench.decision.tell);
    assert_int_equal(bench.decision.reason, GOVERNOR_REASON_USED);
    assert_int_equal(bench.decision.admission, GOVERNOR_WAIT);
    use(&bench, 95.1);
    assert_int_equal(step(&bench).state, GOVERNOR_CRITICAL);
    use(&bench, 86);
    assert_int_equal(until_changed(&bench, 60000), -1); /* not below high */
    use(&bench, 84);
    assert_int_equal(until_changed(&bench, 60000), 2000);
    assert_int_equal(bench.decision.state, GOVERNOR_HIGH);
    use(&bench, 51);
    assert_int_equal(until_changed(&bench, 30000), -1);
    use(&bench, 50);
    assert_int_equal(until_changed(&bench, 60000), 2000);
    assert_int_equal(bench.decision.state, GOVERNOR_OK);
}

static void it_does_not_flap(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.governor.settings.timeout_ms = 0;
    int changes = 0;
    for (int i = 0; i < 4000; i++) { /* each second a dip to 40 % */
        use(&bench, i % 4 == 0 ? 40 : 96);
        changes += step(&bench).changed;
    }
    assert_int_equal(changes, 1);
    use(&bench, 40);
    assert_int_equal(until_changed(&bench, 60000), 2000);
    assert_int_equal(bench.decision.state, GOVERNOR_HIGH);
    assert_int_equal(until_changed(&bench, 60000), 2000);
    assert_int_equal(bench.decision.state, GOVERNOR_OK);
}

static void pressure_counts_where_memory_is_used(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.input.some_avg10 = 99;
    bench.input.full_avg10 = 99;
    use(&bench, 49);
    assert_int_equal(step(&bench).state, GOVERNOR_OK);
    use(&bench, 60);
    bench.input.full_avg10 = 9;
    assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
    assert_int_equal(bench.decision.reason, GOVERNOR_REASON_SOME);
    bench.input.full_avg10 = 10;
    assert_int_equal(step(&bench).state, GOVERNOR_CRITICAL);
    assert_int_equal(bench.decision.reason, GOVERNOR_REASON_FULL);
    bench.input.full_avg10 = 6; /* back below half of the mark only */
    assert_int_equal(until_changed(&bench, 10000), -1);
    bench.input.full_avg10 = 4;
    assert_int_equal(until_changed(&bench, 10000), 2000);
    assert_int_equal(bench.decision.state, GOVERNOR_HIGH);
}

static void marks_are_settable(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.governor.settings = governor_settings(97, 20, 1, 0, true);
    assert_true(bench.governor.settings.critical_percent > 98.49);
    use(&bench, 96);
    assert_int_equal(step(&bench).state, GOVERNOR_OK);
    use(&bench, 98);
    assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
    use(&bench, 21);
    assert_int_equal(until_changed(&bench, 20000), -1);
    assert_int_equal(governor_settings(60, 20, 1, 0, true).critical_percent, 95);
}

static void a_reading_that_fails_changes_nothing(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 90);
    assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
    const GovernorReading before = bench.input.reading[GOVERNOR_MEMORY];
    bench.input.reading[GOVERNOR_MEMORY] = (GovernorReading){0};
    for (int i = 0; i < 40; i++) {
        assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
    }
    bench.input.reading[GOVERNOR_MEMORY] = before;
    assert_int_equal(step(&bench).state, GOVERNOR_HIGH);
}

static void whose_it_is_is_told(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.input.own_bytes = GB;
    add_worker(&bench, 1, 6 * GB);
    use(&bench, 90);
    assert_int_equal(step(&bench).cause, GOVERNOR_CAUSE_OTHERS);
    assert_int_equal(bench.decision.ours_bytes, 7 * GB);
    assert_int_equal(bench.decision.others_bytes, bench.decision.used_bytes - 7 * GB);
    bench.workers[0].bytes[GOVERNOR_MEMORY] = 7 * GB;
    assert_int_equal(step(&bench).cause, GOVERNOR_CAUSE_OURS);
    bench.workers[0].bytes[GOVERNOR_MEMORY] = 90 * GB; /* sums of processes may be more than what is used */
    assert_int_equal(step(&bench).others_bytes, 0);
}

/* ---- the pause before a video ---- */

static void a_pause_ends_when_memory_is_back(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 90);
    assert_int_equal(step(&bench).admission, GOVERNOR_WAIT);
    assert_true(bench.decision.tell && !bench.decision.timed_out);
    int told = 0;
    for (int i = 0; i < 40; i++) {
        told += step(&bench).tell;
    }
    assert_int_equal(told, 2); /* every 5 s */
    use(&bench, 45);
    int64_t waited_ms = 0;
    while (step(&bench).admission == GOVERNOR_WAIT) {
        waited_ms += STEP_MS;
    }
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT);
    assert_in_range(waited_ms, 2000, 5000); /* the hold, and the next poll */
    assert_false(bench.decision.timed_out);
    assert_int_equal(step(&bench).admission, GOVERNOR_ADMIT);
}

/* Steps until admission is another; how long it waited. */
static int64_t wait_out(Bench *bench, int64_t limit_ms)
{
    const int64_t began_ms = bench->input.now_ms;
    int64_t at_ms = began_ms;
    do {
        at_ms = bench->input.now_ms;
        step(bench);
    } while (bench->decision.admission == GOVERNOR_WAIT && at_ms - began_ms < limit_ms);
    return at_ms - began_ms;
}

/* Others keep 60 % for ever, and nothing of ours runs. */
static void others_who_never_let_go_are_waited_out(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 86);
    step(&bench);
    use(&bench, 60);
    assert_int_equal(wait_out(&bench, 1000000), 120000 - STEP_MS);
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT);
    assert_true(bench.decision.timed_out);
    assert_int_equal(bench.decision.cause, GOVERNOR_CAUSE_OTHERS);
    assert_int_equal(bench.decision.waited_ms, 120000);
    assert_int_equal(step(&bench).state, GOVERNOR_OK); /* the next one does not wait again */
    assert_false(bench.decision.timed_out);
}

static void above_the_mark_one_at_a_time_goes_on(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 88);
    assert_int_equal(wait_out(&bench, 1000000), 120000);
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT_ONE);
    assert_true(bench.decision.timed_out);
    assert_int_equal(step(&bench).admission, GOVERNOR_ADMIT_ONE); /* until it is there */
    assert_false(bench.decision.timed_out);
    add_worker(&bench, 1, 100 * MB);
    assert_int_equal(wait_out(&bench, 600000), 600000); /* beside one of ours nobody */
    bench.input.worker_count = 0;
    assert_int_equal(step(&bench).admission, GOVERNOR_ADMIT_ONE);
    use(&bench, 96); /* by now it would be killed */
    assert_int_equal(step(&bench).admission, GOVERNOR_GIVE_UP);
    assert_int_equal(step(&bench).admission, GOVERNOR_WAIT); /* the next video has its own pause */
    assert_in_range(wait_out(&bench, 1000000), 119000, 120000);
    assert_int_equal(bench.decision.admission, GOVERNOR_GIVE_UP);
}

static void it_may_fail_instead(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.governor.settings = governor_settings(85, 50, 10, 1, true);
    use(&bench, 86);
    step(&bench);
    use(&bench, 60);
    add_worker(&bench, 1, GB);
    assert_int_equal(wait_out(&bench, 60000), 60000); /* ours will end */
    bench.input.worker_count = 0;
    assert_int_equal(step(&bench).admission, GOVERNOR_GIVE_UP);
    assert_true(bench.decision.timed_out);
    assert_int_equal(wait_out(&bench, 60000), 9750);
    assert_int_equal(bench.decision.admission, GOVERNOR_GIVE_UP);
    use(&bench, 30);
    (void)wait_out(&bench, 60000);
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT);
}

static void the_time_out_lets_ours_go_on_beside_each_other(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 8 * GB);
    use(&bench, 86);
    step(&bench);
    use(&bench, 60);
    assert_int_equal(wait_out(&bench, 1000000), 120000 - STEP_MS);
    assert_int_equal(bench.decision.admission, GOVERNOR_ADMIT);
    assert_true(bench.decision.timed_out);
}

static void without_a_time_out_it_waits(void **state)
{
    (void)state;
    Bench bench = bench_new();
    bench.governor.settings.timeout_ms = 0;
    use(&bench, 86);
    assert_int_equal(wait_out(&bench, 10000000), 10000000);
    bench.input.wanted = false;
    assert_int_equal(step(&bench).admission, GOVERNOR_WAIT);
    assert_false(bench.decision.tell);
}

/* ---- actions ---- */

static void expect_action(Bench *bench, GovernorActionKind kind, int worker, int level)
{
    const GovernorAction action = step(bench).action;
    assert_int_equal(action.kind, kind);
    assert_int_equal(action.worker, worker);
    assert_int_equal(action.level, level);
}

/* Steps on until there is an action; obeys it where that is to shrink or to grow. */
static GovernorAction next_action(Bench *bench, int64_t limit_ms)
{
    const int64_t began_ms = bench->input.now_ms;
    while (bench->input.now_ms - began_ms <= limit_ms) {
        const GovernorAction action = step(bench).action;
        for (size_t i = 0; i < bench->input.worker_count; i++) {
            GovernorWorker *worker = &bench->workers[i];
            if (worker->id == action.worker && action.kind != GOVERNOR_NOTHING) {
                worker->shrunk = action.kind <= GOVERNOR_GROW ? action.level : worker->shrunk;
                worker->leaves |= action.kind == GOVERNOR_REQUEUE;
                worker->ended |= action.kind == GOVERNOR_END;
            }
        }
        if (action.kind != GOVERNOR_NOTHING) {
            return action;
        }
    }
    return (GovernorAction){0};
}

static void high_shrinks_the_largest_first(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 2 * GB);
    add_worker(&bench, 2, 5 * GB);
    add_worker(&bench, 3, 3 * GB);
    bench.workers[2].cannot_shrink = true;
    use(&bench, 90);
    const int expected[][2] = {{2, 1}, {1, 1}, {2, 2}, {1, 2}};
    for (int i = 0; i < 4; i++) {
        const GovernorAction action = next_action(&bench, 2000);
        assert_int_equal(action.kind, GOVERNOR_SHRINK);
        assert_int_equal(action.worker, expected[i][0]);
        assert_int_equal(action.level, expected[i][1]);
    }
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_NOTHING);
    assert_int_equal(governor_shrunk(8, 0), 8);
    assert_int_equal(governor_shrunk(8, 2), 2);
    assert_int_equal(governor_shrunk(1, 2), 1);
}

static void they_grow_back_with_patience(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, GB);
    bench.workers[0].estimate[GOVERNOR_MEMORY] = 2 * GB;
    int64_t calm_ms[3];
    for (int round = 0; round < 3; round++) {
        use(&bench, 90);
        assert_int_equal(next_action(&bench, 2000).kind, GOVERNOR_SHRINK);
        use(&bench, 45);
        const int64_t began_ms = bench.input.now_ms;
        const GovernorAction action = next_action(&bench, 600000);
        assert_int_equal(action.kind, GOVERNOR_GROW);
        assert_int_equal(action.level, 0);
        calm_ms[round] = bench.input.now_ms - began_ms;
    }
    assert_in_range(calm_ms[0], 12000, 13000); /* the hold and 10 s */
    assert_in_range(calm_ms[1], 22000, 23000); /* growing led back to high: twice as long */
    assert_in_range(calm_ms[2], 42000, 43000);
}

static void nobody_grows_into_the_mark(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, GB);
    bench.workers[0].shrunk = 2;
    bench.workers[0].estimate[GOVERNOR_MEMORY] = 3 * GB;
    use(&bench, 73); /* and 2 GB are 85.5 % */
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_NOTHING);
    use(&bench, 72);
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_GROW);
}

static void critical_requeues_the_youngest(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, GB);
    add_worker(&bench, 3, 2 * GB);
    add_worker(&bench, 2, 9 * GB);
    use(&bench, 96);
    expect_action(&bench, GOVERNOR_REQUEUE, 3, 0);
    bench.workers[1].leaves = true;
    expect_action(&bench, GOVERNOR_SHRINK, 2, 1); /* those that stay help meanwhile */
    bench.workers[2].shrunk = 2;
    bench.workers[0].shrunk = 2;
    bench.workers[1].shrunk = 2;
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_NOTHING); /* it has not left yet */
    bench.workers[1] = bench.workers[2];
    bench.input.worker_count = 2;
    const GovernorAction action = next_action(&bench, 60000);
    assert_int_equal(action.kind, GOVERNOR_REQUEUE);
    assert_int_equal(action.worker, 2);
    bench.input.worker_count = 1;
    bench.workers[0].leaves = false;
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_NOTHING); /* the last goes on */
}

static void priority_goes_before_age_and_size(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 2 * GB);
    add_worker(&bench, 2, 9 * GB);
    bench.workers[0].priority = -1;
    use(&bench, 96);
    expect_action(&bench, GOVERNOR_REQUEUE, 1, 0);
    bench = bench_new();
    add_worker(&bench, 1, 2 * GB);
    add_worker(&bench, 2, 9 * GB);
    bench.workers[0].priority = -1;
    use(&bench, 99.5);
    bench.input.full_avg10 = 80;
    bench.workers[1].leaves = true;
    while (step(&bench).action.kind != GOVERNOR_END) {
        assert_in_range(bench.input.now_ms, 0, 4000);
        bench.workers[0].shrunk = bench.workers[1].shrunk = 2;
    }
    assert_int_equal(bench.decision.action.worker, 1);
}

/* From 80 % on `rate` bytes a second are taken; the use in percent at which somebody is ended, 0: nobody. */
static double use_when_ended(Bench *bench, int64_t rate)
{
    double percent = 80;
    while (percent < 100) {
        use(bench, percent);
        if (step(bench).action.kind == GOVERNOR_END) {
            return percent;
        }
        for (size_t i = 0; i < bench->input.worker_count; i++) {
            bench->workers[i].shrunk = 2;
        }
        percent += 100.0 * (double)rate / (double)(16 * GB) * STEP_MS / 1000.0;
    }
    return 0;
}

static void who_rushes_into_the_limit_is_ended_before(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 9 * GB);
    add_worker(&bench, 2, 3 * GB);
    bench.workers[1].leaves = true;
    const double fast = use_when_ended(&bench, GB);
    assert_true(fast >= 95 && fast < 97);
    assert_int_equal(bench.decision.action.worker, 1);
    bench.workers[0].ended = true;
    for (int i = 0; i < 3; i++) { /* it is not gone yet */
        assert_int_equal(step(&bench).action.kind, GOVERNOR_NOTHING);
    }
    bench = bench_new();
    add_worker(&bench, 1, 9 * GB);
    const double slow = use_when_ended(&bench, 200 * MB);
    assert_true(slow >= 98 && slow < 99.5);
    bench = bench_new();
    add_worker(&bench, 1, 9 * GB);
    assert_true(use_when_ended(&bench, 5 * MB) > 99); /* nothing is left for two seconds */
}

static void the_last_goes_on_where_memory_is_others(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 3 * GB);
    assert_true(use_when_ended(&bench, GB) == 0);
    bench = bench_new();
    add_worker(&bench, 1, 3 * GB);
    add_worker(&bench, 2, 2 * GB); /* leaves: the one that stays is not ended, though it is the largest */
    bench.workers[1].leaves = true;
    assert_true(use_when_ended(&bench, GB) > 0);
    assert_int_equal(bench.decision.action.worker, 2);
}

static void a_stall_ends_the_largest(void **state)
{
    (void)state;
    Bench bench = bench_new();
    add_worker(&bench, 1, 9 * GB);
    bench.workers[0].shrunk = 2;
    use(&bench, 80);
    bench.input.full_avg10 = 59;
    assert_int_equal(next_action(&bench, 20000).kind, GOVERNOR_NOTHING);
    bench.input.full_avg10 = 61;
    const int64_t began_ms = bench.input.now_ms;
    assert_int_equal(next_action(&bench, 20000).kind, GOVERNOR_END);
    assert_int_equal(bench.input.now_ms - began_ms, 2000 + STEP_MS);
}

static void video_memory_is_governed_alike(void **state)
{
    (void)state;
    Bench bench = bench_new();
    use(&bench, 30);
    bench.input.reading[GOVERNOR_VIDEO_MEMORY] = (GovernorReading){.total = 10 * GB, .available = GB};
    add_worker(&bench, 1, 9 * GB);
    add_worker(&bench, 2, GB);
    add_worker(&bench, 3, GB);
    bench.workers[1].bytes[GOVERNOR_VIDEO_MEMORY] = 6 * GB;
    bench.workers[0].bytes[GOVERNOR_VIDEO_MEMORY] = 2 * GB;
    expect_action(&bench, GOVERNOR_SHRINK, 2, 1);
    assert_int_equal(bench.decision.resource, GOVERNOR_VIDEO_MEMORY);
    assert_int_equal(bench.decision.ours_bytes, 8 * GB);
    assert_int_equal(bench.decision.admission, GOVERNOR_WAIT);
    bench.input.reading[GOVERNOR_VIDEO_MEMORY].available = 0;
    expect_action(&bench, GOVERNOR_REQUEUE, 2, 0); /* the youngest of those on the card; nobody is killed */
    bench.workers[1].leaves = true;
    bench.workers[0].shrunk = bench.workers[1].shrunk = 2;
    assert_int_equal(next_action(&bench, 60000).kind, GOVERNOR_NOTHING);
}

/* ---- any trace ---- */

static size_t count_staying(const Bench *bench)
{
    size_t count = 0;
    for (size_t i = 0; i < bench->input.worker_count; i++) {
        count += !bench->workers[i].leaves && !bench->workers[i].ended;
    }
    return count;
}

static GovernorWorker *find_worker(Bench *bench, int id)
{
    for (size_t i = 0; i < bench->input.worker_count; i++) {
        if (bench->workers[i].id == id) {
            return &bench->workers[i];
        }
    }
    fail_msg("an action for a worker that is not there: %d", id);
    return NULL;
}

static void check_action(Bench *bench)
{
    const GovernorDecision *decision = &bench->decision;
    const GovernorAction *action = &decision->action;
    if (action->kind == GOVERNOR_NOTHING) {
        return;
    }
    GovernorWorker *worker = find_worker(bench, action->worker);
    assert_false(worker->ended);
    switch (action->kind) {
    case GOVERNOR_SHRINK:
        assert_true(decision->state >= GOVERNOR_HIGH && !worker->cannot_shrink);
        assert_int_equal(action->level, worker->shrunk + 1);
        assert_in_range(action->level, 1, GOVERNOR_SHRUNK_MOST);
        break;
    case GOVERNOR_GROW:
        assert_true(decision->state == GOVERNOR_OK && !worker->leaves);
        assert_int_equal(action->level, worker->shrunk - 1);
        assert_true(action->level >= 0);
        break;
    case GOVERNOR_REQUEUE:
        assert_true(decision->state == GOVERNOR_CRITICAL ||
                    (decision->state == GOVERNOR_HIGH && decision->growth > 0));
        assert_int_equal(count_staying(bench), bench->input.worker_count); /* one at a time */
        assert_true(count_staying(bench) >= 2);
        break;
    default:
        assert_int_equal(decision->state, GOVERNOR_CRITICAL);
        assert_int_equal(decision->resource, GOVERNOR_MEMORY);
        assert_true(decision->cause == GOVERNOR_CAUSE_OURS ||
                    (bench->input.worker_count >= 2 && (worker->leaves || count_staying(bench) >= 2)));
        break;
    }
}

/* Jumps and walks of all that is read; workers come, obey or do not, and go. */
static void shake(Bench *bench, double *percent)
{
    GovernorInput *input = &bench->input;
    *percent += (double)(chance(2001) - 1000) / 100.0 * (chance(4) == 0);
    *percent = chance(40) == 0 ? (double)chance(101) : *percent;
    *percent = *percent < 0 ? 0 : *percent > 100 ? 100 : *percent;
    use(bench, *percent);
    input->some_avg10 = (double)(chance(10) == 0 ? chance(101) : chance(3)) - 1;
    input->full_avg10 = chance(20) == 0 ? (double)chance(101) : input->full_avg10 * 0.97;
    input->wanted = chance(50) != 0;
    input->reading[GOVERNOR_VIDEO_MEMORY].total = chance(100) == 0 ? 0 : 10 * GB;
    input->reading[GOVERNOR_VIDEO_MEMORY].available =
        chance(30) == 0 ? chance(10 * GB) : input->reading[GOVERNOR_VIDEO_MEMORY].available;
    input->now_ms += chance(10) == 0 ? chance(3000) : 0;
    if (input->worker_count < MOST_WORKERS && chance(30) == 0) {
        bench->workers[input->worker_count++] = (GovernorWorker){.id = (int)chance(1000000),
                                                                 .started_ms = input->now_ms,
                                                                 .priority = (int)chance(3),
                                                                 .cannot_shrink = chance(5) == 0};
    }
    for (size_t i = 0; i < input->worker_count; i++) {
        bench->workers[i].bytes[GOVERNOR_MEMORY] = chance(6 * GB);
        bench->workers[i].bytes[GOVERNOR_VIDEO_MEMORY] = chance(2) * chance(4 * GB);
        bench->workers[i].estimate[GOVERNOR_MEMORY] = chance(2) * chance(6 * GB);
    }
    if (input->worker_count > 0 && chance(40) == 0) {
        bench->workers[chance((int64_t)input->worker_count)] = bench->workers[input->worker_count - 1];
        input->worker_count--;
    }
}

static void obey(Bench *bench)
{
    const GovernorAction *action = &bench->decision.action;
    if (action->kind == GOVERNOR_NOTHING || chance(10) == 0) {
        return;
    }
    GovernorWorker *worker = find_worker(bench, action->worker);
    worker->shrunk = action->kind <= GOVERNOR_GROW ? action->level : worker->shrunk;
    worker->leaves |= action->kind == GOVERNOR_REQUEUE;
    worker->ended |= action->kind == GOVERNOR_END;
}

/* When a reading last forbade the state to fall. */
typedef struct Marks {
    GovernorState state[GOVERNOR_RESOURCES];
    int64_t forbidden_ms[GOVERNOR_RESOURCES];
    bool released; /* the pause has timed out before */
} Marks;

/* Each resource: up at once, down by one state and only after the hold. */
static void check_moves(const Bench *bench, Marks *marks, int64_t now_ms)
{
    const GovernorSettings *settings = &bench->governor.settings;
    for (int i = 0; i < GOVERNOR_RESOURCES; i++) {
        const GovernorState state = bench->governor.level[i].state;
        const GovernorReading *reading = &bench->input.reading[i];
        const double used = 100.0 - 100.0 * (double)reading->available / (double)reading->total;
        if (reading->total > 0 && used >= settings->critical_percent) {
            assert_int_equal(state, GOVERNOR_CRITICAL);
        } else if (reading->total > 0 && used >= settings->high_percent) {
            assert_true(state >= GOVERNOR_HIGH);
        }
        if (state < marks->state[i] && !bench->decision.timed_out && !marks->released) {
            assert_int_equal(state, marks->state[i] - 1);
            assert_true(now_ms - marks->forbidden_ms[i] > settings->hold_ms);
        }
        const double mark =
            marks->state[i] == GOVERNOR_CRITICAL ? settings->high_percent : settings->resume_percent;
        if (state != marks->state[i] || reading->total == 0 || used > mark) {
            marks->forbidden_ms[i] = now_ms;
        }
        marks->state[i] = state;
    }
}

static void any_trace_keeps_the_promises(void **state)
{
    (void)state;
    int actions[GOVERNOR_END + 1] = {0};
    int admissions[GOVERNOR_GIVE_UP + 1] = {0};
    for (uint64_t run = 1; run <= 300; run++) {
        seed = run;
        Bench bench = bench_new();
        bench.governor.settings = governor_settings(60 + (double)chance(39), 10 + (double)chance(49),
                                                    (double)chance(20), (double)chance(6), chance(2) == 0);
        double percent = 50;
        Marks marks = {0};
        GovernorState before = GOVERNOR_OK;
        for (int i = 0; i < 2000; i++) {
            shake(&bench, &percent);
            const size_t workers = bench.input.worker_count;
            marks.released = bench.governor.released;
            const int64_t now_ms = bench.input.now_ms;
            const GovernorDecision decision = step(&bench);
            check_moves(&bench, &marks, now_ms);
            assert_true(decision.changed == (decision.state != before));
            before = decision.state;
            if (percent >= bench.governor.settings.critical_percent) {
                assert_true(decision.admission == GOVERNOR_WAIT || decision.admission == GOVERNOR_GIVE_UP);
            }
            if (decision.admission == GOVERNOR_ADMIT) {
                assert_int_equal(decision.state, GOVERNOR_OK);
            } else if (decision.admission != GOVERNOR_WAIT) {
                assert_int_equal(workers, 0);
                assert_true(bench.input.wanted);
            }
            assert_true(decision.ours_bytes >= 0 && decision.others_bytes >= 0);
            check_action(&bench);
            actions[decision.action.kind]++;
            admissions[decision.admission]++;
            obey(&bench);
        }
    }
    for (int i = 0; i <= GOVERNOR_END; i++) {
        assert_true(actions[i] > 50); /* all of it was seen */
    }
    for (int i = 0; i <= GOVERNOR_GIVE_UP; i++) {
        assert_true(admissions[i] > 50);
    }
}

/* However high, with nothing of ours running and readings that stay, a pause ends. */
static void no_pause_is_for_ever(void **state)
{
    (void)state;
    for (double percent = 0; percent <= 100; percent += 0.5) {
        Bench bench = bench_new();
        use(&bench, 86);
        step(&bench);
        use(&bench, percent);
        bench.input.some_avg10 = (int)percent % 3 == 0 ? 90 : 0;
        assert_true(wait_out(&bench, 1000000) <= 120000);
    }
}

/* ---- the loop closed: workers that obey, and a hog ---- */

typedef struct World {
    Bench bench;
    int64_t system; /* bytes of the rest */
    int64_t hog;
    int64_t full[MOST_WORKERS]; /* what each grows to */
    int64_t left[MOST_WORKERS]; /* work, ms at full speed */
    int to_do;
    int next;
    int failed;
    int ended;
    double most_percent;
} World;

enum { CHUNK_MS = 4000, VIDEO_MS = 40000, RISE_MB_A_STEP = 60 };

static void world_start(World *world, int64_t full)
{
    GovernorInput *input = &world->bench.input;
    const size_t i = input->worker_count++;
    world->bench.workers[i] = (GovernorWorker){
        .id = ++world->next, .started_ms = input->now_ms, .bytes = {50 * MB}, .estimate = {full}};
    world->full[i] = full;
    world->left[i] = VIDEO_MS;
    world->to_do--;
}

static void world_remove(World *world, size_t i, bool done)
{
    const size_t last = --world->bench.input.worker_count;
    world->bench.workers[i] = world->bench.workers[last];
    world->full[i] = world->full[last];
    world->left[i] = world->left[last];
    world->to_do += !done;
}

/* A quarter of a second passes. Shrunk workers are smaller and slower; half of one is in its pools. */
static void world_work(World *world)
{
    for (size_t i = 0; i < world->bench.input.worker_count;) {
        GovernorWorker *worker = &world->bench.workers[i];
        const int64_t goal = world->full[i] / 2 + world->full[i] / 2 / (INT64_C(1) << worker->shrunk);
        const int64_t rise = RISE_MB_A_STEP * MB;
        const int64_t bytes = worker->bytes[GOVERNOR_MEMORY];
        worker->bytes[GOVERNOR_MEMORY] = bytes + rise < goal ? bytes + rise : goal;
        world->left[i] -= STEP_MS >> worker->shrunk;
        const bool chunk_ends = world->left[i] % CHUNK_MS == 0;
        if (world->left[i] <= 0 || worker->ended || (worker->leaves && chunk_ends)) {
            world_remove(world, i, world->left[i] <= 0);
        } else {
            i++;
        }
    }
}

static void world_read(World *world)
{
    GovernorReading *reading = &world->bench.input.reading[GOVERNOR_MEMORY];
    int64_t used = world->system + world->hog;
    for (size_t i = 0; i < world->bench.input.worker_count; i++) {
        used += world->bench.workers[i].bytes[GOVERNOR_MEMORY];
    }
    reading->available = reading->total - used;
    const double percent = 100.0 * (double)used / (double)reading->total;
    world->most_percent = percent > world->most_percent ? percent : world->most_percent;
    world->bench.input.wanted = world->to_do > 0;
}

/* As the planner would say: four at most, and below the high mark with all that is to come. */
static bool world_fits(const World *world, int64_t full)
{
    int64_t bytes = world->system + world->hog + full;
    for (size_t i = 0; i < world->bench.input.worker_count; i++) {
        bytes += world->full[i];
    }
    return world->bench.input.worker_count == 0 ||
           (world->bench.input.worker_count < 4 && bytes <= 16 * GB * 85 / 100);
}

static void world_step(World *world, int64_t full)
{
    world_read(world);
    const GovernorDecision decision = step(&world->bench);
    if (decision.action.kind != GOVERNOR_NOTHING) {
        GovernorWorker *worker = find_worker(&world->bench, decision.action.worker);
        worker->shrunk = decision.action.kind <= GOVERNOR_GROW ? decision.action.level : worker->shrunk;
        worker->leaves |= decision.action.kind == GOVERNOR_REQUEUE;
        worker->ended |= decision.action.kind == GOVERNOR_END;
        world->ended += decision.action.kind == GOVERNOR_END;
    }
    if (decision.admission == GOVERNOR_GIVE_UP) {
        world->failed++;
        world->to_do--;
    } else if (world->to_do > 0 && (decision.admission == GOVERNOR_ADMIT_ONE ||
                                    (decision.admission == GOVERNOR_ADMIT && world_fits(world, full)))) {
        world_start(world, full);
    }
    world_work(world);
}

/* Eight videos of 2 GB, four at once, on 16 GB of which 2 GB are taken; in the middle a hog takes up to 60 %.
 */
static World world_run(int64_t hog_bytes, int64_t hog_until_ms)
{
    World world = {.bench = bench_new(), .system = 2 * GB, .to_do = 8};
    for (int64_t ms = 0; world.to_do > 0 || world.bench.input.worker_count > 0; ms += STEP_MS) {
        assert_in_range(ms, 0, 4000000);
        const int64_t goal = ms > 15000 && ms < hog_until_ms ? hog_bytes : 0;
        world.hog = goal == 0 ? 0 : world.hog + 100 * MB < goal ? world.hog + 100 * MB : goal;
        world_step(&world, 2 * GB);
    }
    return world;
}

static void a_hog_that_lets_go_costs_no_video(void **state)
{
    (void)state;
    const World world = world_run(16 * GB * 6 / 10, 90000);
    assert_int_equal(world.failed, 0);
    assert_int_equal(world.ended, 0);
    assert_true(world.most_percent > 85 && world.most_percent < 97);
}

static void a_hog_that_never_lets_go_costs_no_video(void **state)
{
    (void)state;
    const World world = world_run(16 * GB * 6 / 10, INT64_MAX);
    assert_int_equal(world.failed, 0);
    assert_true(world.most_percent < 97);
}

static void without_a_hog_nobody_is_bothered(void **state)
{
    (void)state;
    const World world = world_run(0, 0);
    assert_int_equal(world.ended + world.failed, 0);
    assert_int_equal(world.next, 8); /* started once each */
    assert_true(world.most_percent < 85);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_rise_at_once_and_fall_slowly),
        cmocka_unit_test(it_does_not_flap),
        cmocka_unit_test(pressure_counts_where_memory_is_used),
        cmocka_unit_test(marks_are_settable),
        cmocka_unit_test(a_reading_that_fails_changes_nothing),
        cmocka_unit_test(whose_it_is_is_told),
        cmocka_unit_test(a_pause_ends_when_memory_is_back),
        cmocka_unit_test(others_who_never_let_go_are_waited_out),
        cmocka_unit_test(above_the_mark_one_at_a_time_goes_on),
        cmocka_unit_test(it_may_fail_instead),
        cmocka_unit_test(the_time_out_lets_ours_go_on_beside_each_other),
        cmocka_unit_test(without_a_time_out_it_waits),
        cmocka_unit_test(high_shrinks_the_largest_first),
        cmocka_unit_test(they_grow_back_with_patience),
        cmocka_unit_test(nobody_grows_into_the_mark),
        cmocka_unit_test(critical_requeues_the_youngest),
        cmocka_unit_test(priority_goes_before_age_and_size),
        cmocka_unit_test(who_rushes_into_the_limit_is_ended_before),
        cmocka_unit_test(the_last_goes_on_where_memory_is_others),
        cmocka_unit_test(a_stall_ends_the_largest),
        cmocka_unit_test(video_memory_is_governed_alike),
        cmocka_unit_test(any_trace_keeps_the_promises),
        cmocka_unit_test(no_pause_is_for_ever),
        cmocka_unit_test(a_hog_that_lets_go_costs_no_video),
        cmocka_unit_test(a_hog_that_never_lets_go_costs_no_video),
        cmocka_unit_test(without_a_hog_nobody_is_bothered),
    };
    return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
