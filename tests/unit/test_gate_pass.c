/* What decides whether a video is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/gate_pass.h"

static float decisive(const float *scores, int count)
{
    GateScores all = {0};
    for (int i = 0; i < count; i++) {
        gate_scores_add(&all, scores[i]);
    }
    assert_int_equal(all.count, count);
    return gate_scores_decisive(&all);
}

static void the_third_highest_decides(void **state)
{
    (void)state;
    static const float scores[] = {0.1F, 0.9F, 0.2F, 0.8F, 0.3F, 0.7F, 0.05F};
    assert_true(decisive(scores, 7) == 0.7F);
    assert_true(decisive(scores, 5) == 0.3F);
    static const float rising[] = {0.1F, 0.2F, 0.3F, 0.4F};
    assert_true(decisive(rising, 4) == 0.2F);
    static const float falling[] = {0.4F, 0.3F, 0.2F, 0.1F};
    assert_true(decisive(falling, 4) == 0.2F);
    static const float same[] = {0.5F, 0.5F, 0.5F, 0.5F};
    assert_true(decisive(same, 4) == 0.5F);
}

static void of_fewer_the_lowest(void **state)
{
    (void)state;
    static const float scores[] = {0.9F, 0.4F};
    assert_true(decisive(scores, 1) == 0.9F);
    assert_true(decisive(scores, 2) == 0.4F);
    assert_true(decisive(scores, 0) == 0);
}

static void only_swaps_are_looked_at(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    assert_true(gate_is_wanted(&settings));
    settings.content_gate = false;
    assert_false(gate_is_wanted(&settings));
    settings.content_gate = true;
    text_list_free(&settings.frame_processors);
    text_list_add(&settings.frame_processors, "face_anonymizer");
    assert_false(gate_is_wanted(&settings));
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_third_highest_decides),
        cmocka_unit_test(of_fewer_the_lowest),
        cmocka_unit_test(only_swaps_are_looked_at),
    };
    return cmocka_run_group_tests_name("gate_pass", tests, NULL, NULL);
}
