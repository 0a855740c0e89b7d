#include "image/octaves.h"

#include "image/simd.h"

enum { SCRATCH = OCTAVES_MOST + 1, ENERGY = OCTAVES_MOST, ENERGY_REACH = 2 };

Status octaves_resize(Octaves *octaves, int width, int height, Error *err)
{
    Status status = image_resize(&octaves->memory[0], width, height, IMAGE_MAX_PLANES, err);
    if (status == STATUS_OK) {
        status = image_resize(&octaves->memory[1], width, height, 1, err);
    }
    if (status == STATUS_OK) {
        octaves->width = width;
        octaves->height = height;
        octaves->stride = octaves->memory[0].stride;
        for (int i = 0; i < IMAGE_MAX_PLANES; i++) {
            octaves->plane[i] = octaves->memory[0].plane[i];
        }
        octaves->plane[SCRATCH] = octaves->memory[1].plane[0];
    }
    return status;
}

void octaves_free(Octaves *octaves)
{
    image_free(&octaves->memory[0]);
    image_free(&octaves->memory[1]);
    *octaves = (Octaves){0};
}

static int inside(int index, int count)
{
    return index < 0 ? 0 : index < count ? index : count - 1;
}

/* out[i] = binomial mean of the five rows. */
SIMD_CLONES static void mix_rows(const float *restrict a, const float *restrict b, const float *restrict c,
                                 const float *restrict d, const float *restrict e, int count,
                                 float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        out[i] = ((a[i] + e[i]) + 4.0F * (b[i] + d[i]) + 6.0F * c[i]) * (1.0F / 16.0F);
    }
}

static void smooth_row(const float *row, int width, int step, float *out)
{
    const int reach = 2 * step;
    const int first = reach < width ? reach : width;
    const int last = width - reach > first ? width - reach : first;
    for (int x = 0; x < width; x = x + 1 == first ? last : x + 1) {
        out[x] = ((row[inside(x - reach, width)] + row[inside(x + reach, width)]) +
                  4.0F * (row[inside(x - step, width)] + row[inside(x + step, width)]) + 6.0F * row[x]) *
                 (1.0F / 16.0F);
    }
    if (last > first) {
        mix_rows(row + first - reach, row + first - step, row + first, row + first + step,
                 row + first + reach, last - first, out + first);
    }
}

void octaves_smooth(Octaves *octaves, int from, int to)
{
    const int width = octaves->width;
    const int height = octaves->height;
    const ptrdiff_t stride = octaves->stride;
    float *across = octaves->plane[SCRATCH];
    for (int level = from; level < to; level++) {
        const int step = 1 << level;
        for (int y = 0; y < height; y++) {
            smooth_row(octaves->plane[level] + y * stride, width, step, across + y * stride);
        }
        for (int y = 0; y < height; y++) {
            mix_rows(across + inside(y - 2 * step, height) * stride,
                     across + inside(y - step, height) * stride, across + y * stride,
                     across + inside(y + step, height) * stride,
                     across + inside(y + 2 * step, height) * stride, width,
                     octaves->plane[level + 1] + y * stride);
        }
    }
}

SIMD_CLONES static void square_difference(const float *restrict a, const float *restrict b, int count,
                                          float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        const float difference = a[i] - b[i];
        out[i] = difference * difference;
    }
}

/* The mean over up to five neighbours of `step` distance; `at` is the place on an axis of `count`. */
static float mean_around(const float *value, int at, int count, ptrdiff_t step)
{
    const int first = at < ENERGY_REACH ? at : ENERGY_REACH;
    const int last = count - 1 - at < ENERGY_REACH ? count - 1 - at : ENERGY_REACH;
    float sum = 0;
    for (int i = -first; i <= last; i++) {
        sum += value[i * step];
    }
    return sum / (float)(first + last + 1);
}

void octaves_energy(Octaves *octaves)
{
    const int width = octaves->width;
    const int height = octaves->height;
    const ptrdiff_t stride = octaves->stride;
    float *energy = octaves->plane[ENERGY];
    float *across = octaves->plane[SCRATCH];
    for (int y = 0; y < height; y++) {
        float *row = energy + y * stride;
        square_difference(octaves->plane[0] + y * stride, octaves->plane[1] + y * stride, width, row);
        for (int x = 0; x < width; x++) {
            across[y * stride + x] = mean_around(row + x, x, width, 1);
        }
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            energy[y * stride + x] = mean_around(across + y * stride + x, y, height, stride);
        }
    }
}
