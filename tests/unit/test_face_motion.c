/* One-euro filter, smoothing of a mesh, the tracker's decisions about shapes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canonical_face.h"
#include "face/one_euro.h"
#include "face/tracker_geometry.h"
#include "face/tracker_smooth.h"

static const Affine identity = {1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};

/* Uniform in -1..1, the same in every run. */
static float noise(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1.0f;
}

static void first_sample_is_taken_as_it_is(void **state)
{
    (void)state;
    const OneEuroParams params = {1.0f, 0.0f, 1.0f, 0.0f};
    OneEuro filter = {0};
    one_euro_step(&filter, &params, (const float[]){3.0f, 4.0f}, 2, 0.04f);
    assert_true(filter.value[0] == 3.0f && filter.value[1] == 4.0f);
    one_euro_step(&filter, &params, (const float[]){9.0f, 9.0f}, 2, 0.0f);
    assert_true(filter.value[0] == 3.0f);
}

static void without_beta_it_is_a_first_order_low_pass(void **state)
{
    (void)state;
    /* tau = 1 / (2 pi 1 Hz); share = dt / (dt + tau), by hand for dt = 0.04: 0.20083. */
    const OneEuroParams params = {1.0f, 0.0f, 1.0f, 0.0f};
    OneEuro filter = {0};
    one_euro_step(&filter, &params, (const float[]){0.0f}, 1, 0.04f);
    one_euro_step(&filter, &params, (const float[]){1.0f}, 1, 0.04f);
    assert_float_equal(filter.value[0], 0.20083f, 1e-4f);
    one_euro_step(&filter, &params, (const float[]){1.0f}, 1, 0.04f);
    assert_float_equal(filter.value[0], 0.36133f, 1e-4f);
}

static void speed_opens_the_filter(void **state)
{
    (void)state;
    OneEuro slow = {0};
    OneEuro fast = {0};
    const OneEuroParams lazy = {1.0f, 0.0f, 1.0f, 0.0f};
    const OneEuroParams keen = {1.0f, 5.0f, 1.0f, 0.0f};
    for (int i = 0; i < 50; i++) {
        float value = (float)i * 0.1f;
        one_euro_step(&slow, &lazy, &value, 1, 0.04f);
        one_euro_step(&fast, &keen, &value, 1, 0.04f);
    }
    assert_true(4.9f - slow.value[0] > 0.3f);
    assert_true(4.9f - fast.value[0] < 0.1f);
}

static void lead_makes_up_for_the_lag_of_steady_motion(void **state)
{
    (void)state;
    const OneEuroParams params = {1.0f, 0.0f, 1.0f, 0.2f};
    OneEuro filter = {0};
    for (int i = 0; i < 100; i++) {
        float value = (float)i * 0.1f; /* 2.5 a second, far above lead_speed */
        one_euro_step(&filter, &params, &value, 1, 0.04f);
    }
    assert_float_equal(filter.value[0], 9.9f, 0.01f);
    for (int i = 0; i < 200; i++) { /* and after a stop it comes to rest on the spot */
        float value = 9.9f;
        one_euro_step(&filter, &params, &value, 1, 0.04f);
        assert_true(filter.value[0] < 9.9f + 0.4f);
    }
    assert_float_equal(filter.value[0], 9.9f, 0.001f);
}

static void real_time_counts_not_frames(void **state)
{
    (void)state;
    /* 25 and 100 frames a second must end at nearly the same place. */
    const OneEuroParams params = {1.0f, 0.0f, 1.0f, 0.0f};
    OneEuro coarse = {0};
    OneEuro fine = {0};
    const float start = 0.0f;
    const float step = 1.0f;
    one_euro_step(&coarse, &params, &start, 1, 0.04f);
    one_euro_step(&fine, &params, &start, 1, 0.01f);
    for (int i = 0; i < 10; i++) {
        one_euro_step(&coarse, &params, &step, 1, 0.04f);
    }
    for (int i = 0; i < 40; i++) {
        one_euro_step(&fine, &params, &step, 1, 0.01f);
    }
    assert_float_equal(coarse.value[0], fine.value[0], 0.04f);
}

static float distance(const Mesh *a, const Mesh *b)
{
    float sum = 0.0f;
    for (int i = 0; i < MESH_POINTS; i++) {
        sum += hypotf(a->x[i] - b->x[i], a->y[i] - b->y[i]) / (float)MESH_POINTS;
    }
    return sum;
}

static void smoothing_calms_a_still_face(void **state)
{
    (void)state;
    const SmoothParams params = mesh_smooth_defaults();
    MeshSmoother smoother = {0};
    const Mesh truth = canonical_face(200.0f, 150.0f, 120.0f, 0.2f, 0.3f);
    unsigned seed = 7;
    float raw_step = 0.0f;
    float smooth_step = 0.0f;
    Mesh raw_before = truth;
    Mesh smooth_before = truth;
    for (int frame = 0; frame < 200; frame++) {
        Mesh raw = truth;
        for (int i = 0; i < MESH_POINTS; i++) {
            raw.x[i] += 0.5f * noise(&seed);
            raw.y[i] += 0.5f * noise(&seed);
        }
        Mesh smooth;
        mesh_smooth_step(&smoother, &params, &raw, 0.04f, &smooth);
        if (frame > 20) {
            raw_step += distance(&raw, &raw_before);
            smooth_step += distance(&smooth, &smooth_before);
            assert_true(distance(&smooth, &truth) < 0.3f);
        }
        raw_before = raw;
        smooth_before = smooth;
    }
    assert_true(smooth_step < raw_step / 3.0f);
}

static void smoothing_does_not_lag_behind_a_moving_head(void **state)
{
    (void)state;
    const SmoothParams params = mesh_smooth_defaults();
    MeshSmoother smoother = {0};
    float worst = 0.0f;
    float sum = 0.0f;
    float eye = 1.0f;
    for (int frame = 0; frame < 100; frame++) {
        float t = (float)frame * 0.04f;
        /* Half a face's width to and fro, nodding and coming nearer, in two seconds. */
        const Mesh raw =
            canonical_face(200.0f + 60.0f * sinf(3.14f * t), 150.0f + 10.0f * cosf(3.14f * t),
                           120.0f * (1.0f + 0.1f * sinf(3.14f * t)), 0.1f, 0.2f * sinf(2.0f * t));
        Mesh smooth;
        mesh_smooth_step(&smoother, &params, &raw, 0.04f, &smooth);
        float error = distance(&smooth, &raw);
        eye = mesh_eye_distance(&raw);
        worst = fmaxf(worst, error / eye);
        sum += error / eye / 100.0f;
    }
    assert_true(sum < 0.03f);
    assert_true(worst < 0.08f);
}

static void smoothing_in_place_is_allowed(void **state)
{
    (void)state;
    const SmoothParams params = mesh_smooth_defaults();
    MeshSmoother a = {0};
    MeshSmoother b = {0};
    for (int frame = 0; frame < 3; frame++) {
        Mesh raw = canonical_face(100.0f + (float)frame, 100.0f, 80.0f, 0.0f, 0.1f * (float)frame);
        Mesh out;
        mesh_smooth_step(&a, &params, &raw, 0.04f, &out);
        mesh_smooth_step(&b, &params, &raw, 0.04f, &raw);
        assert_memory_equal(&raw, &out, sizeof out);
    }
}

static void a_head_may_turn_all_the_way_round(void **state)
{
    (void)state;
    const SmoothParams params = mesh_smooth_defaults();
    MeshSmoother smoother = {0};
    for (int frame = 0; frame < 100; frame++) {
        const Mesh raw = canonical_face(200.0f, 200.0f, 100.0f, 0.0f, 0.1f * (float)frame);
        Mesh smooth;
        mesh_smooth_step(&smoother, &params, &raw, 0.04f, &smooth);
        assert_true(distance(&smooth, &raw) < 0.12f * mesh_eye_distance(&raw));
    }
}

static void a_head_upside_down_is_as_calm_as_any(void **state)
{
    (void)state;
    const SmoothParams params = mesh_smooth_defaults();
    MeshSmoother smoother = {0};
    Mesh raw_before;
    Mesh before;
    float raw_step = 0.0f;
    float step = 0.0f;
    for (int frame = 0; frame < 120; frame++) {
        float roll = frame < 31 ? 0.1f * (float)frame : 3.14f + (frame % 2 == 0 ? 0.02f : -0.02f);
        const Mesh raw = canonical_face(200.0f, 200.0f, 100.0f, 0.0f, roll);
        Mesh smooth;
        mesh_smooth_step(&smoother, &params, &raw, 0.04f, &smooth);
        if (frame > 60) {
            raw_step += distance(&raw, &raw_before);
            step += distance(&smooth, &before);
        }
        raw_before = raw;
        before = smooth;
    }
    assert_true(step < 0.6f * raw_step);
}

static void yaw_has_its_size_and_sign(void **state)
{
    (void)state;
    for (int degrees = -60; degrees <= 60; degrees += 15) {
        float yaw = (float)degrees * 0.01745f;
        const Mesh mesh = canonical_face(300.0f, 200.0f, 100.0f, yaw, 0.4f);
        assert_float_equal(mesh_yaw(&mesh, &identity), yaw, 0.02f);
    }
    /* The nose goes where the head turns. */
    const Mesh right = canonical_face(300.0f, 200.0f, 100.0f, 0.5f, 0.0f);
    assert_true(right.x[1] > 0.5f * (right.x[33] + right.x[263]));
}

static void yaw_is_the_upright_pictures(void **state)
{
    (void)state;
    /* Stored a quarter turn to the left of upright: stored (x, y) is upright (100 - y, x). */
    const Affine to_upright = {0.0f, -1.0f, 100.0f, 1.0f, 0.0f, 0.0f};
    const Mesh upright = canonical_face(50.0f, 40.0f, 60.0f, 0.5f, 0.0f);
    Mesh stored = upright;
    for (int i = 0; i < MESH_POINTS; i++) {
        stored.x[i] = upright.y[i];
        stored.y[i] = 100.0f - upright.x[i];
    }
    assert_float_equal(mesh_yaw(&stored, &to_upright), 0.5f, 0.02f);
}

static void opacity_falls_from_45_to_70_degrees(void **state)
{
    (void)state;
    assert_true(opacity_for_yaw(0.0f) == 1.0f);
    assert_true(opacity_for_yaw(-0.78f) == 1.0f);
    assert_true(opacity_for_yaw(1.23f) == 0.0f);
    float last = 1.0f;
    for (float yaw = 0.0f; yaw < 1.5f; yaw += 0.01f) {
        assert_true(opacity_for_yaw(yaw) <= last && last - opacity_for_yaw(yaw) < 0.05f);
        last = opacity_for_yaw(-yaw);
    }
    assert_true(opacity_for_absence(0.08f) == 1.0f);
    assert_true(opacity_for_absence(longest_absence_s()) == 0.0f);
}

static void boxes_overlap_by_their_share(void **state)
{
    (void)state;
    const Box a = {0.0f, 0.0f, 10.0f, 10.0f};
    const struct {
        Box b;
        float overlap;
    } cases[] = {
        {{0.0f, 0.0f, 10.0f, 10.0f}, 1.0f},  {{5.0f, 0.0f, 15.0f, 10.0f}, 1.0f / 3.0f},
        {{10.0f, 0.0f, 20.0f, 10.0f}, 0.0f}, {{2.0f, 2.0f, 4.0f, 4.0f}, 0.04f},
        {{4.0f, 4.0f, 2.0f, 2.0f}, 0.0f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_float_equal(box_shared(a, cases[i].b), cases[i].overlap, 1e-5f);
    }
}

static void detections_boxes_know_angle_and_pixel_shape(void **state)
{
    (void)state;
    Detection lying = {.centre = {50.0f, 50.0f}, .width = 20.0f, .height = 30.0f, .angle = 1.570796f};
    Box box = box_of_detection(&lying);
    assert_float_equal(box.x0, 35.0f, 0.01f);
    assert_float_equal(box.y1, 60.0f, 0.01f);
    lying.angle = 0.0f;
    lying.aspect = 2.0f; /* pixels twice as wide as high: half as many of them */
    box = box_of_detection(&lying);
    assert_float_equal(box.x0, 45.0f, 0.01f);
    assert_float_equal(box.y1, 65.0f, 0.01f);
}

static void pairs_are_made_best_first_and_one_to_one(void **state)
{
    (void)state;
    /* The first track overlaps both, the second only the first detection, and more. */
    const Box tracks[] = {{0.0f, 0.0f, 10.0f, 10.0f}, {3.0f, 0.0f, 13.0f, 10.0f}, {90.0f, 0.0f, 99.0f, 9.0f}};
    const Box found[] = {{3.0f, 0.0f, 13.0f, 10.0f}, {-4.0f, 0.0f, 6.0f, 10.0f}};
    int partner[3];
    box_match(tracks, 3, found, 2, 0.2f, partner);
    assert_int_equal(partner[0], 1);
    assert_int_equal(partner[1], 0);
    assert_int_equal(partner[2], -1);
    box_match(tracks, 3, found, 2, 0.7f, partner);
    assert_int_equal(partner[0], -1);
    assert_int_equal(partner[1], 0);
}

static void impossible_meshes_are_known(void **state)
{
    (void)state;
    Mesh face = canonical_face(100.0f, 100.0f, 80.0f, 0.0f, 0.0f);
    assert_true(mesh_is_possible(&face, 200, 200));
    assert_true(mesh_is_possible(&face, 95, 200));
    assert_false(mesh_is_possible(&face, 75, 200)); /* mostly outside */
    Mesh flat = face;
    for (int i = 0; i < MESH_POINTS; i++) {
        flat.y[i] = 100.0f + 0.2f * (flat.y[i] - 100.0f);
    }
    assert_false(mesh_is_possible(&flat, 200, 200));
    Mesh tiny = canonical_face(100.0f, 100.0f, 3.0f, 0.0f, 0.0f);
    assert_false(mesh_is_possible(&tiny, 200, 200));
    face.x[400] = NAN;
    assert_false(mesh_is_possible(&face, 200, 200));
}

static void jumps_are_not_followed(void **state)
{
    (void)state;
    const Mesh before = canonical_face(100.0f, 100.0f, 60.0f, 0.0f, 0.0f);
    const struct {
        float x, width, dt_s;
        bool follows;
    } cases[] = {
        {105.0f, 62.0f, 0.04f, true},   {170.0f, 60.0f, 0.04f, false}, {140.0f, 60.0f, 0.2f, true},
        {100.0f, 110.0f, 0.04f, false}, {100.0f, 30.0f, 0.04f, false}, {100.0f, 90.0f, 0.2f, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const Mesh now = canonical_face(cases[i].x, 100.0f, cases[i].width, 0.0f, 0.0f);
        assert_int_equal(mesh_follows(&now, &before, cases[i].dt_s), cases[i].follows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_sample_is_taken_as_it_is),
        cmocka_unit_test(without_beta_it_is_a_first_order_low_pass),
        cmocka_unit_test(speed_opens_the_filter),
        cmocka_unit_test(lead_makes_up_for_the_lag_of_steady_motion),
        cmocka_unit_test(real_time_counts_not_frames),
        cmocka_unit_test(smoothing_calms_a_still_face),
        cmocka_unit_test(smoothing_does_not_lag_behind_a_moving_head),
        cmocka_unit_test(smoothing_in_place_is_allowed),
        cmocka_unit_test(a_head_may_turn_all_the_way_round),
        cmocka_unit_test(a_head_upside_down_is_as_calm_as_any),
        cmocka_unit_test(yaw_has_its_size_and_sign),
        cmocka_unit_test(yaw_is_the_upright_pictures),
        cmocka_unit_test(opacity_falls_from_45_to_70_degrees),
        cmocka_unit_test(boxes_overlap_by_their_share),
        cmocka_unit_test(detections_boxes_know_angle_and_pixel_shape),
        cmocka_unit_test(pairs_are_made_best_first_and_one_to_one),
        cmocka_unit_test(impossible_meshes_are_known),
        cmocka_unit_test(jumps_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
