/* The maps and boxes of the face models' recipes, without models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "face/models.h"
#include "face/models_internal.h"

static void expect_point(Point found, float x, float y)
{
    if (fabsf(found.x - x) > 2e-3f || fabsf(found.y - y) > 2e-3f) {
        fail_msg("(%g, %g) instead of (%g, %g)", (double)found.x, (double)found.y, (double)x, (double)y);
    }
}

/* A stored frame of 40 x 30: where the upright picture's first pixel, its last, and the one right of the
 * first lie. */
static void upright_pixels_lie_where_the_player_takes_them_from(void **state)
{
    (void)state;
    const struct {
        Orientation orientation;
        int width, height;
        Point first, last, right;
    } cases[] = {
        {{0, false}, 40, 30, {0, 0}, {39, 29}, {1, 0}},   {{1, false}, 30, 40, {0, 29}, {39, 0}, {0, 28}},
        {{2, false}, 40, 30, {39, 29}, {0, 0}, {38, 29}}, {{3, false}, 30, 40, {39, 0}, {0, 29}, {39, 1}},
        {{0, true}, 40, 30, {39, 0}, {0, 29}, {38, 0}},   {{1, true}, 30, 40, {0, 0}, {39, 29}, {0, 1}},
        {{2, true}, 40, 30, {0, 29}, {39, 0}, {1, 29}},   {{3, true}, 30, 40, {39, 29}, {0, 0}, {39, 28}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int width = 0;
        int height = 0;
        const Affine map =
            models_upright_to_stored(40, 30, cases[i].orientation, (AVRational){0, 1}, &width, &height);
        assert_int_equal(width, cases[i].width);
        assert_int_equal(height, cases[i].height);
        expect_point(affine_apply(&map, (Point){0, 0}), cases[i].first.x, cases[i].first.y);
        expect_point(affine_apply(&map, (Point){(float)width - 1, (float)height - 1}), cases[i].last.x,
                     cases[i].last.y);
        expect_point(affine_apply(&map, (Point){1, 0}), cases[i].right.x, cases[i].right.y);
    }
}

static void edges_stay_edges_with_wide_pixels(void **state)
{
    (void)state;
    int width = 0;
    int height = 0;
    const AVRational wide = {4, 3};
    Affine map = models_upright_to_stored(30, 20, (Orientation){0}, wide, &width, &height);
    assert_int_equal(width, 40);
    assert_int_equal(height, 20);
    expect_point(affine_apply(&map, (Point){-0.5f, 0}), -0.5f, 0);
    expect_point(affine_apply(&map, (Point){39.5f, 0}), 29.5f, 0);

    map = models_upright_to_stored(30, 20, (Orientation){.quarter_turns = 1}, wide, &width, &height);
    assert_int_equal(width, 20);
    assert_int_equal(height, 40);
    expect_point(affine_apply(&map, (Point){0, -0.5f}), -0.5f, 19);
    expect_point(affine_apply(&map, (Point){0, 39.5f}), 29.5f, 19);
}

static void absurd_aspects_count_as_square(void **state)
{
    (void)state;
    const struct {
        AVRational sar;
        float aspect;
    } cases[] = {
        {{0, 1}, 1},    {{1, 0}, 1},       {{-4, 3}, 1},      {{4, 3}, 4 / 3.0f},
        {{1, 2}, 0.5f}, {{1000000, 1}, 1}, {{1, 1000000}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_float_equal(models_aspect(cases[i].sar), cases[i].aspect, 1e-6f);
    }
}

static const float middle = (MESH_CROP_SIZE - 1) / 2.0f;

/* From the crop's middle, a step to its right and a step up, in stored pixels per crop pixel. */
static void expect_crop(const Affine *crop, Point centre, Point right, Point up)
{
    expect_point(affine_apply(crop, (Point){middle, middle}), centre.x, centre.y);
    const Point to_right = affine_apply(crop, (Point){middle + 96, middle});
    expect_point((Point){(to_right.x - centre.x) / 96, (to_right.y - centre.y) / 96}, right.x, right.y);
    const Point to_top = affine_apply(crop, (Point){middle, middle - 96});
    expect_point((Point){(to_top.x - centre.x) / 96, (to_top.y - centre.y) / 96}, up.x, up.y);
}

static void a_detection_gives_a_crop_of_1_4_boxes_along_the_head(void **state)
{
    (void)state;
    const float quarter = 1.57079633f;
    const Detection upright = {.centre = {100, 80}, .width = 90, .height = 120};
    const float s = 1.4f * 120 / 192;
    Affine crop = models_crop_from_detection(&upright);
    expect_crop(&crop, upright.centre, (Point){s, 0}, (Point){0, -s});

    Detection turned = upright; /* the head's up points to the stored frame's right */
    turned.angle = quarter;
    crop = models_crop_from_detection(&turned);
    expect_crop(&crop, upright.centre, (Point){0, s}, (Point){s, 0});

    Detection mirrored = upright;
    mirrored.mirrored = true;
    crop = models_crop_from_detection(&mirrored);
    expect_crop(&crop, upright.centre, (Point){-s, 0}, (Point){0, -s});

    mirrored.angle = quarter;
    crop = models_crop_from_detection(&mirrored);
    expect_crop(&crop, upright.centre, (Point){0, -s}, (Point){s, 0});

    Detection wide = upright;
    wide.aspect = 2;
    crop = models_crop_from_detection(&wide);
    expect_crop(&crop, upright.centre, (Point){s / 2, 0}, (Point){0, -s});
}

/* Points on a box of 60 x 80 around (200, 100), eyes level, turned clockwise by `angle`; x is divided by
 * `aspect` and mirrored on request. */
static Mesh box_mesh(float angle, bool mirrored, float aspect)
{
    Mesh mesh = {0};
    static const struct {
        int index;
        float x, y;
    } named[] = {{33, -20, -10}, {133, -10, -10}, {362, 10, -10}, {263, 20, -10}, {1, 0, 5},
                 {61, -10, 20},  {291, 10, 20},   {10, -30, -40}, {152, 30, 40}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        const float x = named[i].x * cosf(angle) - named[i].y * sinf(angle);
        mesh.x[named[i].index] = x;
        mesh.y[named[i].index] = named[i].x * sinf(angle) + named[i].y * cosf(angle);
    }
    for (int i = 0; i < MESH_POINTS; i++) {
        const float square = 200 + (mirrored ? -mesh.x[i] : mesh.x[i]);
        mesh.x[i] = (square + 0.5f) / aspect - 0.5f;
        mesh.y[i] += 100;
    }
    return mesh;
}

static void a_mesh_gives_a_crop_with_level_eyes(void **state)
{
    (void)state;
    const float s = 1.5f * 80 / 192;
    const float angles[] = {0, 0.4f, -1.2f, 3.0f};
    for (size_t i = 0; i < sizeof angles / sizeof *angles; i++) {
        const float c = s * cosf(angles[i]);
        const float d = s * sinf(angles[i]);
        Mesh mesh = box_mesh(angles[i], false, 1);
        Affine crop = models_crop_from_mesh(&mesh, false, (AVRational){0, 1});
        expect_crop(&crop, (Point){200, 100}, (Point){c, d}, (Point){d, -c});

        mesh = box_mesh(angles[i], true, 1);
        crop = models_crop_from_mesh(&mesh, true, (AVRational){0, 1});
        expect_crop(&crop, (Point){200, 100}, (Point){-c, d}, (Point){-d, -c});

        mesh = box_mesh(angles[i], false, 2);
        crop = models_crop_from_mesh(&mesh, false, (AVRational){2, 1});
        expect_crop(&crop, (Point){99.75f, 100}, (Point){c / 2, d}, (Point){d / 2, -c});
    }
}

static void five_points_are_in_the_template_s_order(void **state)
{
    (void)state;
    const Mesh mesh = box_mesh(0, false, 1);
    Point points[5];
    mesh_five_points(&mesh, points);
    expect_point(points[0], 185, 90);
    expect_point(points[1], 215, 90);
    expect_point(points[2], 200, 105);
    expect_point(points[3], 190, 120);
    expect_point(points[4], 210, 120);
}

static UprightBox box(float x0, float y0, float x1, float y1, float score)
{
    return (UprightBox){.x0 = x0, .y0 = y0, .x1 = x1, .y1 = y1, .score = score};
}

static void boxes_overlap_by_their_shared_area(void **state)
{
    (void)state;
    const UprightBox a = box(0, 0, 10, 10, 1);
    const struct {
        UprightBox box;
        float overlap, containment;
    } cases[] = {
        {box(0, 0, 10, 10, 1), 1, 1},  {box(5, 0, 15, 10, 1), 1 / 3.0f, 0.5f}, {box(2, 2, 4, 4, 1), 0.04f, 1},
        {box(10, 0, 20, 10, 1), 0, 0}, {box(-30, -30, -20, -20, 1), 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_float_equal(box_overlap(&a, &cases[i].box), cases[i].overlap, 1e-5f);
        assert_float_equal(box_containment(&a, &cases[i].box), cases[i].containment, 1e-5f);
    }
}

static void the_best_of_overlapping_boxes_stays(void **state)
{
    (void)state;
    BoxList list = {.count = 5,
                    .box = {box(0, 0, 10, 10, 0.7f), box(1, 0, 11, 10, 0.9f), box(40, 0, 50, 10, 0.8f),
                            box(4, 4, 7, 7, 0.6f), box(8, 0, 18, 10, 0.65f)}};
    BoxList nested = list;
    box_list_suppress(&list, 0.4f, 1);
    assert_int_equal(list.count, 4);
    assert_float_equal(list.box[0].score, 0.9f, 0);
    assert_float_equal(list.box[1].score, 0.8f, 0);
    assert_float_equal(list.box[2].score, 0.65f, 0);
    assert_float_equal(list.box[3].score, 0.6f, 0);
    box_list_suppress(&nested, 0.4f, 0.7f);
    assert_int_equal(nested.count, 3);
    assert_float_equal(nested.box[2].score, 0.65f, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upright_pixels_lie_where_the_player_takes_them_from),
        cmocka_unit_test(edges_stay_edges_with_wide_pixels),
        cmocka_unit_test(absurd_aspects_count_as_square),
        cmocka_unit_test(a_detection_gives_a_crop_of_1_4_boxes_along_the_head),
        cmocka_unit_test(a_mesh_gives_a_crop_with_level_eyes),
        cmocka_unit_test(five_points_are_in_the_template_s_order),
        cmocka_unit_test(boxes_overlap_by_their_shared_area),
        cmocka_unit_test(the_best_of_overlapping_boxes_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
