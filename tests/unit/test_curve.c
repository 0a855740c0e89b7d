#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory/curve.h"

static bool is(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void a_point_is_the_most_in_its_span(void **state)
{
    (void)state;
    MemoryCurve curve = {0};
    curve_add(&curve, 1000.0, 30, 0);
    curve_add(&curve, 1000.25, 70, 100);
    curve_add(&curve, 1000.5, 20, 0);
    curve_add(&curve, 1002.0, 40, 0);
    assert_int_equal(curve.count, 5);
    assert_true(is(curve.began_s, 1000) && is(curve.step_s, 0.5));
    const int64_t points[] = {70, 20, -1, -1, 40};
    assert_memory_equal(curve.points, points, sizeof points);
    assert_true(curve.lowest_bytes == 20 && is(curve.lowest_s, 0.5));
    assert_true(curve.peak_bytes == 70 && is(curve.peak_s, 0.25));
    assert_int_equal(curve.limit_bytes, 100);
}

/* Ten hours, four samples a second. */
static void points_are_bounded_and_none_is_lost(void **state)
{
    (void)state;
    enum { SAMPLES = 10 * 3600 * 4, HIGH = 77777, LOW = 55555 };
    MemoryCurve curve = {0};
    for (int i = 0; i < SAMPLES; i++) {
        const int64_t bytes = i == HIGH ? 9000 : i == LOW ? 1 : 1000 + i % 7;
        curve_add(&curve, 5000.0 + i / 4.0, bytes, 0);
        assert_in_range(curve.count, 1, CURVE_POINTS_MOST);
    }
    assert_in_range(curve.count, CURVE_POINTS_MOST / 2, CURVE_POINTS_MOST);
    assert_true(curve.step_s * curve.count >= SAMPLES / 4.0);
    assert_true(curve.step_s * (curve.count - 1) < SAMPLES / 4.0);
    for (int i = 0; i < curve.count; i++) {
        const bool has_peak = i == (int)(HIGH / 4.0 / curve.step_s);
        assert_int_equal(curve.points[i], has_peak ? 9000 : 1006);
    }
    assert_true(curve.peak_bytes == 9000 && is(curve.peak_s, HIGH / 4.0));
    assert_true(curve.lowest_bytes == 1 && is(curve.lowest_s, LOW / 4.0));
}

static void clocks_may_jump(void **state)
{
    (void)state;
    MemoryCurve curve = {0};
    curve_add(&curve, 1000.0, 10, 0);
    curve_add(&curve, 1001.0, 20, 0);
    curve_add(&curve, 3.0, 30, 0); /* set back */
    assert_int_equal(curve.points[0], 30);
    assert_int_equal(curve.count, 3);
    curve_add(&curve, 1.7e9, 40, 0); /* and then right */
    curve_add(&curve, 1.7e308, 50, 0);
    assert_in_range(curve.count, 2, CURVE_POINTS_MOST);
    assert_int_equal(curve.points[curve.count - 1], 50);
    assert_int_equal(curve.points[0], 40);
}

static void shrinking_keeps_the_most(void **state)
{
    (void)state;
    MemoryCurve curve = {0};
    for (int i = 0; i < 100; i++) {
        if (i < 20 || i >= 40) {
            curve_add(&curve, 10.0 + i * 0.5, i == 63 ? 500 : i, 0);
        }
    }
    int64_t values[100];
    curve_shrink(&curve, values, 10);
    const int64_t expected[] = {9, 19, -1, -1, 49, 59, 500, 79, 89, 99};
    assert_memory_equal(values, expected, sizeof expected);
    curve_shrink(&curve, values, 100);
    assert_memory_equal(values, curve.points, sizeof values);
    curve_shrink(&curve, values, 1);
    assert_int_equal(values[0], 500);
    curve_shrink(&curve, values, 7); /* parts that are not equal: each point is in one */
    int64_t most = 0;
    for (int i = 0; i < 7; i++) {
        most = values[i] > most ? values[i] : most;
    }
    assert_int_equal(most, 500);
    assert_int_equal(values[6], 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_is_the_most_in_its_span),
        cmocka_unit_test(points_are_bounded_and_none_is_lost),
        cmocka_unit_test(clocks_may_jump),
        cmocka_unit_test(shrinking_keeps_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
