#include "image/resample.h"

#include <math.h>

static int clamp_index(int value, int count)
{
    return value < 0 ? 0 : (value < count ? value : count - 1);
}

static void cubic_weights(float t, float weight[4])
{
    const float t2 = t * t;
    const float t3 = t2 * t;
    weight[0] = 0.5F * (-t3 + 2 * t2 - t);
    weight[1] = 0.5F * (3 * t3 - 5 * t2 + 2);
    weight[2] = 0.5F * (-3 * t3 + 4 * t2 + t);
    weight[3] = 0.5F * (t3 - t2);
}

static void cubic_position(int x, float factor, float weight[4], int count, int tap[4])
{
    const float at = ((float)x + 0.5F) / factor - 0.5F;
    const float left = floorf(at);
    cubic_weights(at - left, weight);
    for (int i = 0; i < 4; i++) {
        tap[i] = clamp_index((int)left - 1 + i, count);
    }
}

static void enlarge_columns(const Image *from, float factor, Image *wide)
{
    for (int x = 0; x < wide->width; x++) {
        float weight[4];
        int tap[4];
        cubic_position(x, factor, weight, from->width, tap);
        for (int p = 0; p < from->planes; p++) {
            for (int y = 0; y < from->height; y++) {
                const float *row = from->plane[p] + y * from->stride;
                wide->plane[p][y * wide->stride + x] = weight[0] * row[tap[0]] + weight[1] * row[tap[1]] +
                                                       weight[2] * row[tap[2]] + weight[3] * row[tap[3]];
            }
        }
    }
}

static void enlarge_rows(const Image *wide, float factor, Image *to)
{
    for (int y = 0; y < to->height; y++) {
        float weight[4];
        int tap[4];
        cubic_position(y, factor, weight, wide->height, tap);
        for (int p = 0; p < to->planes; p++) {
            const float *plane = wide->plane[p];
            float *out = to->plane[p] + y * to->stride;
            for (int x = 0; x < to->width; x++) {
                out[x] = weight[0] * plane[tap[0] * wide->stride + x] +
                         weight[1] * plane[tap[1] * wide->stride + x] +
                         weight[2] * plane[tap[2] * wide->stride + x] +
                         weight[3] * plane[tap[3] * wide->stride + x];
            }
        }
    }
}

Status image_enlarge(const Image *from, float factor, Image *to, Error *err)
{
    const int width = (int)lroundf((float)from->width * factor);
    const int height = (int)lroundf((float)from->height * factor);
    Image wide = {0};
    Status status = image_resize(&wide, width > 0 ? width : 1, from->height, from->planes, err);
    if (status == STATUS_OK) {
        status = image_resize(to, wide.width, height > 0 ? height : 1, from->planes, err);
    }
    if (status == STATUS_OK) {
        enlarge_columns(from, factor, &wide);
        enlarge_rows(&wide, factor, to);
    }
    image_free(&wide);
    return status;
}

static float block_mean(const float *block, ptrdiff_t stride, int width, int height)
{
    float sum = 0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            sum += block[y * stride + x];
        }
    }
    return sum / (float)(width * height);
}

/* What is written was read before, or lies in a row that was read before. */
void image_shrink(Image *image, int factor)
{
    if (factor <= 1) {
        return;
    }
    const int width = (image->width + factor - 1) / factor;
    const int height = (image->height + factor - 1) / factor;
    for (int p = 0; p < image->planes; p++) {
        float *plane = image->plane[p];
        for (int y = 0; y < height; y++) {
            const int rows = image->height - y * factor < factor ? image->height - y * factor : factor;
            for (int x = 0; x < width; x++) {
                const int columns = image->width - x * factor < factor ? image->width - x * factor : factor;
                const float *block = plane + y * factor * image->stride + x * factor;
                plane[y * image->stride + x] = block_mean(block, image->stride, columns, rows);
            }
        }
    }
    image->width = width;
    image->height = height;
}
