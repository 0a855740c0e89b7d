#include "image/texture.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { BORDER = 1, LARGEST_SIDE = 1 << 15 };

static size_t level_texels(int width, int height)
{
    return (size_t)(width + 2 * BORDER) * (size_t)(height + 2 * BORDER);
}

Status texture_resize(Texture *texture, int width, int height, int levels, Error *err)
{
    if (width < 1 || height < 1 || width > LARGEST_SIDE || height > LARGEST_SIDE || levels < 1) {
        return error_setf(err, ERROR_INTERNAL, "cannot make a texture", NULL, "impossible size %d x %d",
                          width, height);
    }
    int count = 0;
    size_t texels = 0;
    size_t offset[TEXTURE_MAX_LEVELS];
    for (int w = width, h = height; count < levels && count < TEXTURE_MAX_LEVELS; count++) {
        texture->level[count] =
            (TextureLevel){.width = w, .height = h, .stride = w + 2 * BORDER, .scale = ldexpf(1.0F, -count)};
        offset[count] = texels + (size_t)BORDER * (size_t)texture->level[count].stride + BORDER;
        texels += level_texels(w, h);
        if (w == 1 && h == 1) {
            count++;
            break;
        }
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    const size_t bytes = texels * sizeof(Float4);
    if (bytes > texture->capacity_bytes) {
        texture_free(texture);
        texture->memory = memory_alloc_aligned(bytes);
        if (texture->memory == NULL) {
            return error_setf(err, ERROR_MEMORY, "cannot make a texture", NULL, "no memory for %d x %d",
                              width, height);
        }
        texture->capacity_bytes = bytes;
        return texture_resize(texture, width, height, levels, err);
    }
    texture->levels = count;
    for (int i = 0; i < count; i++) {
        texture->level[i].origin = texture->memory + offset[i];
    }
    return STATUS_OK;
}

void texture_free(Texture *texture)
{
    memory_free(texture->memory);
    *texture = (Texture){0};
}

void texture_pad(TextureLevel *level)
{
    for (int y = 0; y < level->height; y++) {
        Float4 *row = level->origin + (ptrdiff_t)y * level->stride;
        row[-1] = row[0];
        row[level->width] = row[level->width - 1];
    }
    const size_t bytes = (size_t)level->stride * sizeof(Float4);
    Float4 *first = level->origin - BORDER;
    Float4 *last = first + (ptrdiff_t)(level->height - 1) * level->stride;
    memcpy(first - level->stride, first, bytes);
    memcpy(last + level->stride, last, bytes);
}

/* The last column or row of an odd size is halved with its repeated neighbour in the border. */
static void halve(const TextureLevel *from, TextureLevel *to)
{
    const Float4 quarter = float4_all(0.25F);
    for (int y = 0; y < to->height; y++) {
        const Float4 *above = from->origin + (ptrdiff_t)(2 * y) * from->stride;
        const Float4 *below = above + from->stride;
        Float4 *out = to->origin + (ptrdiff_t)y * to->stride;
        for (int x = 0; x < to->width; x++) {
            const ptrdiff_t k = (ptrdiff_t)2 * x;
            out[x] = (above[k] + above[k + 1] + below[k] + below[k + 1]) * quarter;
        }
    }
}

void texture_load(Texture *texture, const Image *rgb, const Image *weight)
{
    TextureLevel *base = &texture->level[0];
    for (int y = 0; y < base->height; y++) {
        Float4 *out = base->origin + (ptrdiff_t)y * base->stride;
        const ptrdiff_t row = y * rgb->stride;
        const float *w = weight->plane[0] + y * weight->stride;
        for (int x = 0; x < base->width; x++) {
            out[x] = (Float4){rgb->plane[0][row + x], rgb->plane[1][row + x], rgb->plane[2][row + x], w[x]};
        }
    }
    texture_pad(base);
    for (int i = 1; i < texture->levels; i++) {
        halve(&texture->level[i - 1], &texture->level[i]);
        texture_pad(&texture->level[i]);
    }
}

float texture_lod(const Texture *texture, float texels)
{
    if (!(texels > 1.0F)) {
        return 0;
    }
    const float last = (float)(texture->levels - 1);
    const float lod = log2f(texels);
    return lod < last ? lod : last;
}
