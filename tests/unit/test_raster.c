/* Triangles: every pixel once, attributes linear, clipping without a trace. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/raster.h"

enum { SIZE = 64, CELLS = 9 };

typedef struct Canvas {
    int hits[SIZE][SIZE];
    float value[SIZE][SIZE][RASTER_ATTRIBUTES];
} Canvas;

static void count_hits(void *context, int y, int x0, int x1, const float at[RASTER_ATTRIBUTES],
                       const float step[RASTER_ATTRIBUTES])
{
    Canvas *canvas = context;
    assert_true(x0 < x1);
    for (int x = x0; x < x1; x++) {
        canvas->hits[y][x]++;
        for (int i = 0; i < RASTER_ATTRIBUTES; i++) {
            canvas->value[y][x][i] = at[i] + step[i] * (float)(x - x0);
        }
    }
}

static float random_unit(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (float)(*state >> 8) / (float)(1U << 24);
}

static RasterVertex vertex_at(float x, float y)
{
    return (RasterVertex){x, y, {2 * x - y + 3, y, x, 1, -x * 0.5F}};
}

/* A net whose inner points are moved about (some onto pixel centres) and whose border is the canvas'. */
static void draw_net(uint32_t seed, Rect clip, Canvas *canvas)
{
    RasterVertex net[CELLS + 1][CELLS + 1];
    for (int j = 0; j <= CELLS; j++) {
        for (int i = 0; i <= CELLS; i++) {
            const float pitch = (float)(SIZE - 1) / CELLS;
            float x = (float)i * pitch;
            float y = (float)j * pitch;
            if (i > 0 && i < CELLS && j > 0 && j < CELLS) {
                x += (random_unit(&seed) - 0.5F) * pitch * 0.6F;
                y += (random_unit(&seed) - 0.5F) * pitch * 0.6F;
                if (random_unit(&seed) < 0.5F) {
                    x = roundf(x);
                    y = roundf(y);
                }
            }
            net[j][i] = vertex_at(x, y);
        }
    }
    for (int j = 0; j < CELLS; j++) {
        for (int i = 0; i < CELLS; i++) {
            const RasterVertex *corner[4] = {&net[j][i], &net[j][i + 1], &net[j + 1][i + 1], &net[j + 1][i]};
            static const int halves[2][3] = {{0, 1, 2}, {2, 3, 0}};
            for (int k = 0; k < 2; k++) {
                RasterTriangle triangle;
                if (raster_prepare(corner[halves[k][0]], corner[halves[k][1]], corner[halves[k][2]],
                                   &triangle)) {
                    raster_draw(&triangle, clip, count_hits, canvas);
                }
            }
        }
    }
}

static void each_pixel_belongs_to_one_triangle(void **state)
{
    (void)state;
    const Rect whole = {0, 0, SIZE, SIZE};
    for (uint32_t seed = 1; seed <= 200; seed++) {
        Canvas *canvas = calloc(1, sizeof *canvas);
        draw_net(seed, whole, canvas);
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                /* The last row and column lie on the net's far border, which is half-open. */
                assert_int_equal(canvas->hits[y][x], x < SIZE - 1 && y < SIZE - 1 ? 1 : 0);
            }
        }
        free(canvas);
    }
}

static void attributes_are_linear(void **state)
{
    (void)state;
    const Rect whole = {0, 0, SIZE, SIZE};
    Canvas *canvas = calloc(1, sizeof *canvas);
    draw_net(7, whole, canvas);
    for (int y = 0; y < SIZE - 1; y++) {
        for (int x = 0; x < SIZE - 1; x++) {
            const RasterVertex expected = vertex_at((float)x, (float)y);
            for (int i = 0; i < RASTER_ATTRIBUTES; i++) {
                assert_float_equal(canvas->value[y][x][i], expected.attribute[i], 2e-3);
            }
        }
    }
    free(canvas);
}

static void bands_make_the_whole(void **state)
{
    (void)state;
    const Rect whole = {0, 0, SIZE, SIZE};
    Canvas *once = calloc(1, sizeof *once);
    Canvas *banded = calloc(1, sizeof *banded);
    draw_net(3, whole, once);
    for (int y = 0; y < SIZE; y += 10) {
        for (int x = 0; x < SIZE; x += 17) {
            const Rect part = {x, y, x + 17 < SIZE ? x + 17 : SIZE, y + 10 < SIZE ? y + 10 : SIZE};
            draw_net(3, part, banded);
        }
    }
    assert_memory_equal(once->hits, banded->hits, sizeof once->hits);
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            assert_float_equal(once->value[y][x][0], banded->value[y][x][0], 1e-3);
        }
    }
    free(once);
    free(banded);
}

static void what_cannot_be_drawn_is_refused(void **state)
{
    (void)state;
    RasterTriangle triangle;
    const RasterVertex a = vertex_at(1, 1);
    const RasterVertex b = vertex_at(9, 9);
    const RasterVertex on_line = vertex_at(5, 5);
    const RasterVertex nowhere = vertex_at(NAN, 2);
    const RasterVertex far = vertex_at(1e9F, 2);
    const RasterVertex endless = vertex_at(2, INFINITY);
    assert_false(raster_prepare(&a, &b, &on_line, &triangle));
    assert_false(raster_prepare(&a, &b, &nowhere, &triangle));
    assert_false(raster_prepare(&far, &a, &b, &triangle));
    assert_false(raster_prepare(&a, &endless, &b, &triangle));
    const RasterVertex p = vertex_at(3, 1.1F);
    const RasterVertex q = vertex_at(8, 1.2F);
    const RasterVertex r = vertex_at(5, 1.3F);
    assert_false(raster_prepare(&p, &q, &r, &triangle));
}

static void winding_shows_in_the_area(void **state)
{
    (void)state;
    const RasterVertex a = vertex_at(0, 0);
    const RasterVertex b = vertex_at(4, 0);
    const RasterVertex c = vertex_at(0, 2);
    assert_float_equal(raster_area2(&a, &b, &c), 8, 1e-6);
    assert_float_equal(raster_area2(&a, &c, &b), -8, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pixel_belongs_to_one_triangle),
        cmocka_unit_test(attributes_are_linear),
        cmocka_unit_test(bands_make_the_whole),
        cmocka_unit_test(what_cannot_be_drawn_is_refused),
        cmocka_unit_test(winding_shows_in_the_area),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
