#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "image/image.h"

static void near_point(Point got, float x, float y)
{
    assert_true(fabsf(got.x - x) < 1e-3F * (1 + fabsf(x)));
    assert_true(fabsf(got.y - y) < 1e-3F * (1 + fabsf(y)));
}

static void resize_gives_aligned_rows_and_keeps_memory(void **state)
{
    (void)state;
    Image image = {0};
    assert_int_equal(image_resize(&image, 33, 20, 3, NULL), STATUS_OK);
    assert_int_equal(image.stride, 48);
    for (int i = 0; i < 3; i++) {
        assert_int_equal((uintptr_t)image.plane[i] % 64, 0);
        assert_ptr_equal(image.plane[i], image.plane[0] + i * 48 * 20);
    }
    assert_null(image.plane[3]);
    const float *memory = image.memory;
    assert_int_equal(image_resize(&image, 5, 4, 1, NULL), STATUS_OK);
    assert_ptr_equal(image.memory, memory);
    assert_null(image.plane[1]);
    image_fill(&image, 3.5F);
    assert_true(image.plane[0][0] == 3.5F && image.plane[0][3 * image.stride + 4] == 3.5F);
    assert_int_equal(image_resize(&image, 33, 20, 4, NULL), STATUS_OK);
    image.plane[3][19 * 48 + 32] = 1;
    image_free(&image);
    assert_null(image.memory);
    image_fill(&image, 1);
}

static void resize_refuses_the_impossible(void **state)
{
    (void)state;
    static const struct {
        int width, height, planes;
        ErrorClass class_;
    } cases[] = {
        {0, 1, 1, ERROR_INTERNAL},
        {1, -1, 1, ERROR_INTERNAL},
        {1, 1, 0, ERROR_INTERNAL},
        {1, 1, 5, ERROR_INTERNAL},
        {INT32_MAX, INT32_MAX, 4, ERROR_MEMORY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Image image = {0};
        Error err = {0};
        assert_int_equal(image_resize(&image, 8, 8, 1, NULL), STATUS_OK);
        assert_int_equal(image_resize(&image, cases[i].width, cases[i].height, cases[i].planes, &err),
                         STATUS_FAILED);
        assert_int_equal(err.class_, cases[i].class_);
        assert_null(image.memory);
        assert_int_equal(image.width, 0);
    }
}

static void affine_maps_combine_and_invert(void **state)
{
    (void)state;
    const Affine outer = {2, 1, 3, -1, 4, 5};
    const Affine inner = {0.5F, -2, 7, 1, 0.25F, -6};
    const Affine both = affine_multiply(&outer, &inner);
    const Point p = {11, -13};
    const Point step = affine_apply(&inner, p);
    const Point there = affine_apply(&outer, step);
    near_point(affine_apply(&both, p), there.x, there.y);
    Affine back;
    assert_true(affine_invert(&both, &back));
    near_point(affine_apply(&back, there), p.x, p.y);

    const Affine singular[] = {{0}, {1, 2, 3, 2, 4, 5}, {NAN, 0, 0, 0, 1, 0}, {1, 0, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof singular / sizeof singular[0]; i++) {
        assert_false(affine_invert(&singular[i], &back));
    }
}

static void similarity_is_found(void **state)
{
    (void)state;
    const Point from[] = {{0, 0}, {10, 0}, {3, 8}, {-4, 5}, {100, 40}};
    for (int degrees = -180; degrees < 180; degrees += 15) {
        const float angle = (float)degrees * 0.01745329F;
        const Affine truth = {1.7F * cosf(angle), -1.7F * sinf(angle), 12,
                              1.7F * sinf(angle), 1.7F * cosf(angle),  -40};
        Point to[5];
        for (int i = 0; i < 5; i++) {
            to[i] = affine_apply(&truth, from[i]);
        }
        Affine got;
        assert_true(affine_similarity(from, to, 5, &got));
        near_point((Point){got.a, got.b}, truth.a, truth.b);
        near_point((Point){got.d, got.e}, truth.d, truth.e);
        near_point((Point){got.c, got.f}, truth.c, truth.f);
    }
}

static double squared_error(const Affine *map, const Point *from, const Point *to, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        const Point p = affine_apply(map, from[i]);
        sum += (p.x - to[i].x) * (p.x - to[i].x) + (p.y - to[i].y) * (p.y - to[i].y);
    }
    return sum;
}

/* No similarity nearby fits noisy points better. */
static void similarity_is_the_least_squares_one(void **state)
{
    (void)state;
    srand(5);
    Point from[12];
    Point to[12];
    for (int i = 0; i < 12; i++) {
        from[i] = (Point){(float)(rand() % 1000) * 0.1F, (float)(rand() % 1000) * 0.1F};
        to[i] = (Point){from[i].y * 2 + (float)(rand() % 100) * 0.1F,
                        from[i].x * -2 + (float)(rand() % 100) * 0.1F};
    }
    Affine best;
    assert_true(affine_similarity(from, to, 12, &best));
    const double least = squared_error(&best, from, to, 12);
    for (int i = 0; i < 8; i++) {
        Affine other = best;
        const float sign = i % 2 == 0 ? 1 : -1;
        if (i / 2 == 0) {
            other.a += sign * 1e-2F;
            other.e += sign * 1e-2F;
        } else if (i / 2 == 1) {
            other.b += sign * 1e-2F;
            other.d -= sign * 1e-2F;
        } else if (i / 2 == 2) {
            other.c += sign * 0.1F;
        } else {
            other.f += sign * 0.1F;
        }
        assert_true(squared_error(&other, from, to, 12) > least);
    }
}

static void similarity_never_mirrors(void **state)
{
    (void)state;
    const Point from[] = {{0, 0}, {10, 0}, {10, 1}, {0, 1}};
    Point to[4];
    for (int i = 0; i < 4; i++) {
        to[i] = (Point){-from[i].x, from[i].y};
    }
    Affine got;
    assert_true(affine_similarity(from, to, 4, &got));
    assert_true(got.a * got.e - got.b * got.d > 0);
    /* A square's mirror image fits every rotation equally badly. */
    const Point square[] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    const Point mirrored[] = {{0, 0}, {-1, 0}, {-1, 1}, {0, 1}};
    assert_false(affine_similarity(square, mirrored, 4, &got));
}

static void similarity_refuses_coincident_points(void **state)
{
    (void)state;
    const Point same[] = {{7, 7}, {7, 7}, {7, 7}};
    const Point spread[] = {{0, 0}, {1, 0}, {0, 1}};
    const Point bad[] = {{0, 0}, {NAN, 0}, {0, 1}};
    Affine got;
    assert_false(affine_similarity(same, spread, 3, &got));
    assert_false(affine_similarity(spread, same, 3, &got));
    assert_false(affine_similarity(spread, spread, 1, &got));
    assert_false(affine_similarity(spread, spread, 0, &got));
    assert_false(affine_similarity(bad, spread, 3, &got));
    assert_true(affine_similarity(spread, spread, 2, &got));
}

static void rectangles(void **state)
{
    (void)state;
    const Rect both = rect_intersect((Rect){0, 0, 10, 10}, (Rect){5, -3, 20, 4});
    assert_int_equal(both.x0, 5);
    assert_int_equal(both.y0, 0);
    assert_int_equal(both.x1, 10);
    assert_int_equal(both.y1, 4);
    assert_false(rect_is_empty(both));
    assert_true(rect_is_empty(rect_intersect((Rect){0, 0, 5, 5}, (Rect){5, 0, 9, 5})));
    assert_true(rect_is_empty((Rect){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_gives_aligned_rows_and_keeps_memory),
        cmocka_unit_test(resize_refuses_the_impossible),
        cmocka_unit_test(affine_maps_combine_and_invert),
        cmocka_unit_test(similarity_is_found),
        cmocka_unit_test(similarity_is_the_least_squares_one),
        cmocka_unit_test(similarity_never_mirrors),
        cmocka_unit_test(similarity_refuses_coincident_points),
        cmocka_unit_test(rectangles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
