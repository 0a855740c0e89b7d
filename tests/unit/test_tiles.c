/* Tiles: each pixel is in one middle, and no tile is larger than was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "image/tiles.h"

static void check(int width, int height, int side, int overlap)
{
    const Tiling tiling = tiling_of(width, height, side, overlap);
    unsigned char *seen = memory_alloc((size_t)width * (size_t)height, 1);
    for (int i = 0; i < tiling.columns * tiling.rows; i++) {
        const Rect middle = tiling_middle(&tiling, i);
        const Rect whole = tiling_whole(&tiling, i);
        assert_int_equal(whole.x1 - whole.x0, tiling.middle_width + 2 * overlap);
        assert_int_equal(whole.y1 - whole.y0, tiling.middle_height + 2 * overlap);
        assert_true(whole.x1 - whole.x0 <= side && whole.y1 - whole.y0 <= side);
        assert_int_equal((whole.x1 - whole.x0) % 2 + (whole.y1 - whole.y0) % 2, 0);
        assert_int_equal(middle.x0 % 2 + middle.y0 % 2, 0);
        assert_int_equal(whole.x0, middle.x0 - overlap);
        assert_int_equal(whole.y0, middle.y0 - overlap);
        assert_false(rect_is_empty(middle));
        for (int y = middle.y0; y < middle.y1; y++) {
            for (int x = middle.x0; x < middle.x1; x++) {
                seen[y * width + x]++;
            }
        }
    }
    for (int i = 0; i < width * height; i++) {
        assert_int_equal(seen[i], 1);
    }
    memory_free(seen);
}

static void each_pixel_is_in_one_middle(void **state)
{
    (void)state;
    static const int sides[][2] = {{360, 288}, {1, 1}, {31, 500}, {225, 224}, {1000, 3}, {64, 64}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        check(sides[i][0], sides[i][1], 256, 16);
        check(sides[i][0], sides[i][1], 48, 16);
        check(sides[i][0], sides[i][1], 49, 16);
        check(sides[i][0], sides[i][1], 64, 0);
    }
}

static void tiles_are_as_even_as_can_be(void **state)
{
    (void)state;
    const Tiling tiling = tiling_of(360, 288, 256, 16);
    assert_int_equal(tiling.columns, 2);
    assert_int_equal(tiling.middle_width, 180);
    assert_int_equal(tiling.rows, 2);
    assert_int_equal(tiling.middle_height, 144);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pixel_is_in_one_middle),
        cmocka_unit_test(tiles_are_as_even_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
