#include "face/pixel_boost.h"

Status pixel_boost_take(const Image *large, int factor, int phase, Image *small, Error *err)
{
    if (image_resize(small, large->width / factor, large->height / factor, large->planes, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const int left = phase % factor;
    const int top = phase / factor;
    for (int i = 0; i < small->planes; i++) {
        for (int y = 0; y < small->height; y++) {
            const float *from = large->plane[i] + (y * factor + top) * large->stride + left;
            float *to = small->plane[i] + y * small->stride;
            for (int x = 0; x < small->width; x++) {
                to[x] = from[x * factor];
            }
        }
    }
    return STATUS_OK;
}

void pixel_boost_put(const Image *small, int factor, int phase, Image *large)
{
    const int left = phase % factor;
    const int top = phase / factor;
    for (int i = 0; i < small->planes; i++) {
        for (int y = 0; y < small->height; y++) {
            const float *from = small->plane[i] + y * small->stride;
            float *to = large->plane[i] + (y * factor + top) * large->stride + left;
            for (int x = 0; x < small->width; x++) {
                to[x * factor] = from[x];
            }
        }
    }
}
