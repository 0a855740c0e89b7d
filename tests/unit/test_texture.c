/* Textures and enlarging: levels keep means and places, sampling is bilinear and stays inside. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/resample.h"
#include "image/texture.h"

/* Red rises with x, green with y, blue is flat; the weight is one half. */
static void make_ramp(Texture *texture, int width, int height, int levels)
{
    Error err = {0};
    Image rgb = {0};
    Image weight = {0};
    assert_int_equal(image_resize(&rgb, width, height, 3, &err), STATUS_OK);
    assert_int_equal(image_resize(&weight, width, height, 1, &err), STATUS_OK);
    assert_int_equal(texture_resize(texture, width, height, levels, &err), STATUS_OK);
    image_fill(&weight, 0.5F);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            rgb.plane[0][y * rgb.stride + x] = (float)x;
            rgb.plane[1][y * rgb.stride + x] = 2 * (float)y;
            rgb.plane[2][y * rgb.stride + x] = 77;
        }
    }
    texture_load(texture, &rgb, &weight);
    image_free(&rgb);
    image_free(&weight);
}

static void every_level_shows_the_same_place(void **state)
{
    (void)state;
    Texture texture = {0};
    make_ramp(&texture, 101, 67, TEXTURE_MAX_LEVELS);
    for (int n = 0; n < texture.levels; n++) {
        const TextureLevel *level = &texture.level[n];
        const float margin = 1.5F / level->scale; /* the filter is cut off at the edges */
        for (float u = margin; u < 100 - margin; u += 3.7F) {
            for (float v = margin; v < 66 - margin; v += 4.3F) {
                const Float4 texel = texture_sample(level, u, v);
                assert_float_equal(texel[0], u, 0.05F + 0.02F / level->scale);
                assert_float_equal(texel[1], 2 * v, 0.1F + 0.04F / level->scale);
                assert_float_equal(texel[2], 77, 1e-3);
                assert_float_equal(texel[3], 0.5F, 1e-5);
            }
        }
    }
    texture_free(&texture);
}

static void sampling_outside_gives_the_edge(void **state)
{
    (void)state;
    Texture texture = {0};
    make_ramp(&texture, 20, 10, 1);
    static const float far = 1e7F;
    const Float4 upper_left = texture_sample(&texture.level[0], -far, -3);
    const Float4 lower_right = texture_sample(&texture.level[0], 19.4F, far);
    assert_float_equal(upper_left[0], 0, 1e-4);
    assert_float_equal(upper_left[1], 0, 1e-4);
    assert_float_equal(lower_right[0], 19, 1e-4);
    assert_float_equal(lower_right[1], 18, 1e-4);
    texture_free(&texture);
}

static void the_nearest_level_is_taken(void **state)
{
    (void)state;
    Texture texture = {0};
    make_ramp(&texture, 256, 256, 9);
    static const struct {
        float texels;
        int level;
    } cases[] = {{0.1F, 0}, {1, 0}, {1.05F, 0}, {1.19F, 1}, {1.42F, 2}, {2, 4}, {3.9F, 8}, {1000, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ptr_equal(texture_level(&texture, cases[i].texels), &texture.level[cases[i].level]);
    }
    assert_ptr_equal(texture_level(&texture, NAN), &texture.level[0]);
    assert_true(texture.level[4].width == 128);
    texture_free(&texture);
}

static void small_and_impossible_sizes(void **state)
{
    (void)state;
    Error err = {0};
    Texture texture = {0};
    make_ramp(&texture, 1, 1, TEXTURE_MAX_LEVELS);
    assert_int_equal(texture.levels, 1);
    make_ramp(&texture, 5, 1, TEXTURE_MAX_LEVELS);
    assert_true(texture.levels > 1 && texture.level[texture.levels - 1].width == 1);
    assert_int_equal(texture_resize(&texture, 0, 5, 1, &err), STATUS_FAILED);
    error_clear(&err);
    assert_int_equal(texture_resize(&texture, 1 << 20, 5, 1, &err), STATUS_FAILED);
    texture_free(&texture);
    assert_null(texture.level[0].origin);
}

static void enlarging_keeps_ramps_and_places(void **state)
{
    (void)state;
    Error err = {0};
    Image small = {0};
    Image large = {0};
    assert_int_equal(image_resize(&small, 12, 9, 2, &err), STATUS_OK);
    for (int y = 0; y < 9; y++) {
        for (int x = 0; x < 12; x++) {
            small.plane[0][y * small.stride + x] = 10 * (float)x - 3 * (float)y;
            small.plane[1][y * small.stride + x] = 5;
        }
    }
    static const float factors[] = {1, 1.7F, 3, 4};
    for (size_t k = 0; k < sizeof factors / sizeof factors[0]; k++) {
        const float factor = factors[k];
        assert_int_equal(image_enlarge(&small, factor, &large, &err), STATUS_OK);
        assert_int_equal(large.width, (int)lroundf(12 * factor));
        for (int y = (int)ceilf(2 * factor); y < (int)(7 * factor); y++) {
            for (int x = (int)ceilf(2 * factor); x < (int)(10 * factor); x++) {
                const float u = ((float)x + 0.5F) / factor - 0.5F;
                const float v = ((float)y + 0.5F) / factor - 0.5F;
                assert_float_equal(large.plane[0][y * large.stride + x], 10 * u - 3 * v, 1e-3);
                assert_float_equal(large.plane[1][y * large.stride + x], 5, 1e-4);
            }
        }
    }
    image_free(&small);
    image_free(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_shows_the_same_place), cmocka_unit_test(sampling_outside_gives_the_edge),
        cmocka_unit_test(the_nearest_level_is_taken),       cmocka_unit_test(small_and_impossible_sizes),
        cmocka_unit_test(enlarging_keeps_ramps_and_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
