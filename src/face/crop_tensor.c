#include "face/crop_tensor.h"

#include "image/simd.h"

SIMD_CLONES
static void to_row(const float *restrict values, float mean, float scale, int count, float *restrict data)
{
    SIMD_LOOP
    for (int x = 0; x < count; x++) {
        data[x] = (values[x] - mean) * scale;
    }
}

SIMD_CLONES
static void from_row(const float *restrict data, float scale, float offset, int count, float *restrict values)
{
    SIMD_LOOP
    for (int x = 0; x < count; x++) {
        const float value = data[x] * scale + offset;
        const float low = value > 0.0F ? value : 0.0F;
        values[x] = low < 255.0F ? low : 255.0F;
    }
}

void crop_to_tensor(const Image *rgb, bool bgr, const float mean[3], const float scale[3], float *data)
{
    for (int i = 0; i < 3; i++) {
        const float *plane = rgb->plane[bgr ? 2 - i : i];
        for (int y = 0; y < rgb->height; y++) {
            to_row(plane + y * rgb->stride, mean[i], scale[i], rgb->width, data);
            data += rgb->width;
        }
    }
}

void crop_from_tensor(const float *data, bool bgr, const float scale[3], const float offset[3], Image *rgb)
{
    for (int i = 0; i < 3; i++) {
        float *plane = rgb->plane[bgr ? 2 - i : i];
        for (int y = 0; y < rgb->height; y++) {
            from_row(data, scale[i], offset[i], rgb->width, plane + y * rgb->stride);
            data += rgb->width;
        }
    }
}
