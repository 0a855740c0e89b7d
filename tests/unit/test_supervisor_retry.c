#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "batch/retry.h"
#include "report/phrase.h"

typedef struct Step {
    ErrorClass class_;
    int chunks;
    RetryAction action;
    const char *text;
} Step;

/* ERROR_MEMORY by the worker's own limit. */
#define OWN_LIMIT ERROR_CLASS_COUNT

static void walk(const Step *steps, size_t count, int threads)
{
    Retry retry = {.threads = threads};
    for (size_t i = 0; i < count; i++) {
        const bool own = steps[i].class_ == OWN_LIMIT;
        const RetryFailure failure = {own ? ERROR_MEMORY : steps[i].class_, steps[i].chunks, true, own};
        const RetryDecision decision = retry_decide(&retry, &failure);
        char text[256];
        (void)phrase_english(retry_text(&retry, &decision, text, sizeof text), text, sizeof text);
        if (decision.action != steps[i].action || strcmp(text, steps[i].text) != 0) {
            fail_msg("step %zu: action %d, '%s'", i, (int)decision.action, text);
        }
    }
}

#define WALK(threads, ...)                                                                                   \
    do {                                                                                                     \
        static const Step steps[] = {__VA_ARGS__};                                                           \
        walk(steps, sizeof steps / sizeof steps[0], threads);                                                \
    } while (0)

static void every_class_has_its_ladder(void **state)
{
    (void)state;
    WALK(8,
         {ERROR_MEMORY, 0, RETRY_WITH_MEMORY,
          "again when memory is back, from the beginning, threads: 4, smallest frame budget"},
         {ERROR_VIDEO_MEMORY, 0, RETRY_WITH_MEMORY,
          "again when memory is back, from the beginning, threads: 4, smallest frame budget, alone"},
         {ERROR_MEMORY, 0, RETRY_FAIL, "failed"});
    WALK(2, {ERROR_CRASH, 0, RETRY_AGAIN, "again, from the beginning"},
         {ERROR_TIMEOUT, 0, RETRY_AGAIN, "again, from the beginning, alone"},
         {ERROR_KILLED, 0, RETRY_SET_ASIDE, "set aside"});
    WALK(2, {ERROR_DISK, 2, RETRY_AGAIN, "again, from chunk 2"},
         {ERROR_ENVIRONMENT, 2, RETRY_LATER, "again in 30 s, from chunk 2"},
         {ERROR_DISK, 2, RETRY_FAIL, "failed"});
    WALK(2, {ERROR_ENCODER, 0, RETRY_AGAIN, "again, from the beginning, alone"},
         {ERROR_ENCODER, 0, RETRY_FAIL, "failed"});
    WALK(2, {ERROR_VERIFY, 7, RETRY_AGAIN, "again, from chunk 7"}, {ERROR_INTERNAL, 7, RETRY_FAIL, "failed"});
    WALK(2, {ERROR_SPACE, 1, RETRY_WITH_SPACE, "again when there is space, from chunk 1"});
    static const ErrorClass never[] = {ERROR_INPUT, ERROR_MODEL, ERROR_USAGE, ERROR_INTERRUPTED};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        Retry retry = {.threads = 2};
        assert_int_equal(retry_decide(&retry, &(RetryFailure){never[i], 3, true, false}).action, RETRY_FAIL);
    }
    /* what is forbidden from the beginning stays so */
    Retry retry = {.threads = 2};
    assert_int_equal(retry_decide(&retry, &(RetryFailure){ERROR_ENVIRONMENT, 0, false, false}).action,
                     RETRY_FAIL);
}

/* Waiting for others to give memory back, or being alone, would not help. */
static void over_its_own_limit_it_takes_less_at_once(void **state)
{
    (void)state;
    WALK(8, {OWN_LIMIT, 0, RETRY_WITH_LESS, "again, from the beginning, threads: 4, smallest frame budget"},
         {OWN_LIMIT, 0, RETRY_WITH_LESS, "again, from the beginning, threads: 1, smallest frame budget"},
         {OWN_LIMIT, 0, RETRY_FAIL, "failed"});
    WALK(2, {OWN_LIMIT, 0, RETRY_WITH_LESS, "again, from the beginning, threads: 1, smallest frame budget"},
         {OWN_LIMIT, 0, RETRY_FAIL, "failed"});
    /* a chunk gained is a reason to go on */
    WALK(2, {OWN_LIMIT, 1, RETRY_WITH_LESS, "again, from chunk 1, threads: 1, smallest frame budget"},
         {OWN_LIMIT, 2, RETRY_WITH_LESS, "again, from chunk 2, threads: 1, smallest frame budget"},
         {OWN_LIMIT, 2, RETRY_FAIL, "failed"});
    /* the machine's memory is another matter, and counts together */
    WALK(4, {OWN_LIMIT, 0, RETRY_WITH_LESS, "again, from the beginning, threads: 2, smallest frame budget"},
         {ERROR_MEMORY, 0, RETRY_WITH_MEMORY,
          "again when memory is back, from the beginning, threads: 2, smallest frame budget, alone"},
         {OWN_LIMIT, 0, RETRY_FAIL, "failed"});
}

static void progress_counts_anew_and_reductions_stay(void **state)
{
    (void)state;
    WALK(4, {ERROR_KILLED, 0, RETRY_AGAIN, "again, from the beginning"},
         {ERROR_KILLED, 0, RETRY_AGAIN, "again, from the beginning, alone"},
         {ERROR_KILLED, 1, RETRY_AGAIN, "again, from chunk 1, alone"},
         {ERROR_KILLED, 1, RETRY_AGAIN, "again, from chunk 1, alone"},
         {ERROR_KILLED, 1, RETRY_SET_ASIDE, "set aside"});
    WALK(4,
         {ERROR_MEMORY, 1, RETRY_WITH_MEMORY,
          "again when memory is back, from chunk 1, threads: 2, smallest frame budget"},
         {ERROR_MEMORY, 2, RETRY_WITH_MEMORY,
          "again when memory is back, from chunk 2, threads: 1, smallest frame budget"},
         {ERROR_MEMORY, 3, RETRY_WITH_MEMORY,
          "again when memory is back, from chunk 3, threads: 1, smallest frame budget, alone"},
         {ERROR_MEMORY, 3, RETRY_FAIL, "failed"});
    /* chunks that were thrown away and made again are no progress */
    WALK(4, {ERROR_CRASH, 5, RETRY_AGAIN, "again, from chunk 5"},
         {ERROR_CRASH, 2, RETRY_AGAIN, "again, from chunk 5, alone"},
         {ERROR_CRASH, 5, RETRY_SET_ASIDE, "set aside"});
}

static void space_waits_longer_each_time(void **state)
{
    (void)state;
    static const int64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    Retry retry = {.threads = 1};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        const RetryDecision decision = retry_decide(&retry, &(RetryFailure){ERROR_SPACE, 1, true, false});
        assert_int_equal(decision.wait_ms, waits[i]);
    }
    assert_int_equal(retry_decide(&retry, &(RetryFailure){ERROR_SPACE, 2, true, false}).wait_ms, 1000);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* Whatever fails in whatever order: it ends, and bad input ends at once. */
static void it_always_ends(void **state)
{
    (void)state;
    enum { RUNS = 20000, CHUNKS = 6 };
    uint32_t seed = 4;
    for (int run = 0; run < RUNS; run++) {
        Retry retry = {.threads = 1 + (int)(next_random(&seed) % 16)};
        int chunks = 0;
        int tries = 0; /* since the last progress */
        int threads = retry.threads;
        bool alone = false;
        for (RetryAction action = RETRY_AGAIN; action != RETRY_FAIL && action != RETRY_SET_ASIDE;) {
            const ErrorClass class_ = (ErrorClass)(next_random(&seed) % ERROR_CLASS_COUNT);
            const bool gains = chunks < CHUNKS && next_random(&seed) % 4 == 0;
            chunks += gains;
            tries = gains ? 0 : tries;
            const RetryDecision decision = retry_decide(
                &retry, &(RetryFailure){class_, chunks, chunks > 0 || next_random(&seed) % 2 == 0,
                                        next_random(&seed) % 2 == 0});
            action = decision.action;
            tries += class_ != ERROR_SPACE;
            assert_in_range(tries, 0, RETRY_MOST_TRIES);
            assert_in_range(retry.threads, 1, threads); /* never more again */
            assert_true(retry.alone || !alone);
            assert_in_range(decision.wait_ms, 0, RETRY_SPACE_LONGEST_MS);
            threads = retry.threads;
            alone = retry.alone;
            if (class_ == ERROR_INPUT || class_ == ERROR_NONE) {
                assert_int_equal(action, RETRY_FAIL);
            }
            assert_int_equal(action == RETRY_WITH_SPACE, class_ == ERROR_SPACE);
            assert_true(action != RETRY_NONE);
        }
    }
}

static void memory_must_be_clearly_back(void **state)
{
    (void)state;
    assert_false(retry_memory_is_back(100, 100, 1000));
    assert_false(retry_memory_is_back(100, 199, 1000));
    assert_true(retry_memory_is_back(100, 200, 1000));
    assert_false(retry_memory_is_back(0, 0, 0)); /* nothing could be read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_ladder),
        cmocka_unit_test(over_its_own_limit_it_takes_less_at_once),
        cmocka_unit_test(progress_counts_anew_and_reductions_stay),
        cmocka_unit_test(space_waits_longer_each_time),
        cmocka_unit_test(it_always_ends),
        cmocka_unit_test(memory_must_be_clearly_back),
    };
    return cmocka_run_group_tests_name("supervisor_retry", tests, NULL, NULL);
}
