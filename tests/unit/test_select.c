#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "face/select.h"

/* A unit vector at `cosine` to the first axis. */
static void direction(float cosine, float out[EMBEDDING_SIZE])
{
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        out[i] = 0.0f;
    }
    out[0] = cosine;
    out[1] = sqrtf(1.0f - cosine * cosine);
}

static void distance_is_roops(void **state)
{
    (void)state;
    float a[EMBEDDING_SIZE];
    float b[EMBEDDING_SIZE];
    direction(1.0f, a);
    const float cosines[] = {1.0f, 0.575f, 0.0f, -1.0f};
    for (int i = 0; i < 4; i++) {
        direction(cosines[i], b);
        assert_float_equal(select_distance(a, b), 2.0f - 2.0f * cosines[i], 1e-5f);
    }
}

static void one_bad_measurement_does_not_turn_a_decision(void **state)
{
    (void)state;
    float reference[EMBEDDING_SIZE];
    float good[EMBEDDING_SIZE];
    float bad[EMBEDDING_SIZE];
    direction(1.0f, reference);
    direction(0.7f, good);
    direction(0.3f, bad);
    FaceIdentity identity = {0};
    assert_true(select_is_due(&identity, 1.0f, 0.0));
    select_measure(&identity, good, 1.0f, reference, 0.85f, 0.0);
    assert_true(identity.alike);
    select_measure(&identity, good, 1.0f, reference, 0.85f, 1.0);
    select_measure(&identity, bad, 1.0f, reference, 0.85f, 2.0);
    assert_true(identity.alike);
    for (int i = 0; i < 10; i++) { /* but another person is seen in the end */
        select_measure(&identity, bad, 1.0f, reference, 0.85f, 3.0 + i);
    }
    assert_false(identity.alike);
}

static void a_face_at_the_limit_does_not_flicker(void **state)
{
    (void)state;
    float reference[EMBEDDING_SIZE];
    float near[EMBEDDING_SIZE];
    float far[EMBEDDING_SIZE];
    direction(1.0f, reference);
    direction(0.65f, near);
    direction(0.5f, far);
    FaceIdentity identity = {0};
    int turns = 0;
    for (int i = 0; i < 40; i++) {
        bool before = identity.alike;
        select_measure(&identity, i % 2 == 0 ? near : far, 1.0f, reference, 0.85f, (double)i);
        turns += before != identity.alike ? 1 : 0;
    }
    assert_int_equal(turns, 1);
}

static void a_poor_first_look_is_soon_put_right(void **state)
{
    (void)state;
    float reference[EMBEDDING_SIZE];
    float poor[EMBEDDING_SIZE];
    float good[EMBEDDING_SIZE];
    direction(1.0f, reference);
    direction(0.2f, poor);
    direction(0.8f, good);
    FaceIdentity identity = {0};
    select_measure(&identity, poor, select_quality(0.95f, 1.0f), reference, 0.85f, 0.0);
    assert_false(identity.alike);
    assert_false(select_is_due(&identity, 1.0f, 0.1));
    assert_true(select_is_due(&identity, 1.0f, 0.25));
    select_measure(&identity, good, 1.0f, reference, 0.85f, 0.25);
    assert_true(identity.alike);
    assert_false(select_is_due(&identity, 1.0f, 0.9));
    assert_true(select_is_due(&identity, 1.0f, 1.3));
    assert_false(select_is_due(&identity, 0.2f, 1.3)); /* better wait for a better look */
}

static void quality_falls_with_yaw_and_doubt(void **state)
{
    (void)state;
    assert_float_equal(select_quality(0.0f, 1.0f), 1.0f, 1e-6f);
    assert_float_equal(select_quality(-1.2f, 1.0f), 0.0f, 1e-6f);
    assert_true(select_quality(0.6f, 1.0f) < select_quality(0.4f, 1.0f));
    assert_true(select_quality(0.0f, 0.5f) < 0.6f);
}

static void the_nearest_is_chosen_and_kept(void **state)
{
    (void)state;
    FaceIdentity a = {.distance = 0.6f, .alike = true};
    FaceIdentity b = {.distance = 0.5f, .alike = true};
    FaceIdentity c = {.distance = 0.3f, .alike = false};
    const FaceIdentity *all[] = {&a, &b, &c};
    assert_int_equal(select_nearest(all, 3, -1), 1);
    b.distance = 0.55f;
    assert_int_equal(select_nearest(all, 3, 0), 0);
    b.distance = 0.4f;
    assert_int_equal(select_nearest(all, 3, 0), 1);
    a.alike = false;
    b.alike = false;
    assert_int_equal(select_nearest(all, 3, 1), -1);
    assert_int_equal(select_nearest(all, 0, -1), -1);
}

static void positions_count_from_the_left_and_are_clamped(void **state)
{
    (void)state;
    const float left[] = {300.0f, 20.0f, 150.0f, 20.0f};
    const int expected[] = {1, 3, 2, 0, 0, 0};
    for (int position = 0; position < 6; position++) {
        assert_int_equal(select_position(left, 4, position), expected[position]);
    }
    assert_int_equal(select_position(left, 4, -3), 1);
    assert_int_equal(select_position(left, 0, 0), -1);
}

static void faces_are_counted_in_any_order(void **state)
{
    (void)state;
    /* left, top, right, bottom, score */
    const float faces[3][5] = {{10, 60, 30, 80, 0.7F}, {40, 20, 100, 75, 0.9F}, {25, 5, 110, 30, 0.8F}};
    static const struct {
        const char *name;
        int order[3];
    } cases[] = {{"left-right", {0, 2, 1}}, {"right-left", {2, 1, 0}},  {"top-bottom", {2, 1, 0}},
                 {"bottom-top", {0, 1, 2}}, {"small-large", {0, 2, 1}}, {"large-small", {1, 2, 0}},
                 {"best-worst", {1, 2, 0}}, {"worst-best", {0, 2, 1}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        float keys[3];
        for (int i = 0; i < 3; i++) {
            keys[i] = select_key(face_order_named(cases[c].name), faces[i], faces[i] + 2, faces[i][4]);
        }
        for (int position = 0; position < 3; position++) {
            assert_int_equal(select_position(keys, 3, position), cases[c].order[position]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_is_roops),
        cmocka_unit_test(one_bad_measurement_does_not_turn_a_decision),
        cmocka_unit_test(a_face_at_the_limit_does_not_flicker),
        cmocka_unit_test(a_poor_first_look_is_soon_put_right),
        cmocka_unit_test(quality_falls_with_yaw_and_doubt),
        cmocka_unit_test(the_nearest_is_chosen_and_kept),
        cmocka_unit_test(positions_count_from_the_left_and_are_clamped),
        cmocka_unit_test(faces_are_counted_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
