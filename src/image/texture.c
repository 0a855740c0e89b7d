#include "image/texture.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { BORDER = 1, LARGEST_SIDE = 1 << 15, TENT_REACH = 2 /* levels are made by shrinking by 2 at most */ };

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
    for (; count < levels && count < TEXTURE_MAX_LEVELS; count++) {
        const float scale = exp2f(-(float)count / TEXTURE_STEPS);
        const int w = (int)ceilf((float)width * scale);
        const int h = (int)ceilf((float)height * scale);
        texture->level[count] =
            (TextureLevel){.width = w, .height = h, .stride = w + 2 * BORDER, .scale = scale};
        offset[count] = texels + (size_t)BORDER * (size_t)texture->level[count].stride + BORDER;
        texels += level_texels(w, h);
        if (w == 1 && h == 1) {
            count++;
            break;
        }
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

/* A tent around the place of texel `x` of `to` in `from`, as wide as the shrink, clipped to the picture. */
typedef struct Tent {
    int first;
    int count;
    float weight[2 * TENT_REACH + 2];
} Tent;

static Tent tent_at(int x, float shrink, int size)
{
    const float centre = ((float)x + 0.5F) * shrink - 0.5F;
    const int low = (int)ceilf(centre - shrink);
    const int high = (int)floorf(centre + shrink);
    Tent tent = {.first = low > 0 ? low : 0};
    float sum = 0;
    for (int i = tent.first; i <= high && i < size && tent.count < 2 * TENT_REACH + 2; i++) {
        const float weight = fmaxf(1 - fabsf((float)i - centre) / shrink, 1e-6F);
        tent.weight[tent.count++] = weight;
        sum += weight;
    }
    if (tent.count == 0) {
        tent = (Tent){.first = size - 1, .count = 1, .weight = {1}};
        sum = 1;
    }
    for (int i = 0; i < tent.count; i++) {
        tent.weight[i] /= sum;
    }
    return tent;
}

static void reduce(const TextureLevel *from, TextureLevel *to)
{
    const float shrink = from->scale / to->scale;
    for (int y = 0; y < to->height; y++) {
        const Tent down = tent_at(y, shrink, from->height);
        Float4 *out = to->origin + (ptrdiff_t)y * to->stride;
        for (int x = 0; x < to->width; x++) {
            const Tent across = tent_at(x, shrink, from->width);
            Float4 sum = float4_all(0);
            for (int j = 0; j < down.count; j++) {
                const Float4 *row = from->origin + (ptrdiff_t)(down.first + j) * from->stride + across.first;
                Float4 part = float4_all(0);
                for (int i = 0; i < across.count; i++) {
                    part += row[i] * float4_all(across.weight[i]);
                }
                sum += part * float4_all(down.weight[j]);
            }
            out[x] = sum;
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
        reduce(&texture->level[i > TEXTURE_STEPS ? i - TEXTURE_STEPS : 0], &texture->level[i]);
        texture_pad(&texture->level[i]);
    }
}

const TextureLevel *texture_level(const Texture *texture, float texels)
{
    if (!(texels > 1)) {
        return &texture->level[0];
    }
    const float wanted = fminf(log2f(texels) * TEXTURE_STEPS, (float)(texture->levels - 1));
    return &texture->level[lroundf(wanted)];
}
