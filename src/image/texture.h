/* A picture to sample from: four floats a texel (three colours and a weight), with mip levels.
 *
 * Interleaved, so that one vector load fetches a texel; every level has a border of one repeated texel, so
 * that bilinear sampling needs no test at the edges. Texel (0, 0) of level 0 is centred on (0, 0); texel x of
 * level n on (x + 0.5) 2^n - 0.5. Written by one thread, then immutable and read by any. Memory: width x
 * height x 16 bytes x 4/3.
 */
#ifndef RUNBATCH_IMAGE_TEXTURE_H
#define RUNBATCH_IMAGE_TEXTURE_H

#include "image/simd.h"

#include "image/image.h"

enum { TEXTURE_MAX_LEVELS = 12 };

typedef float Float4 __attribute__((vector_size(16)));

typedef struct TextureLevel {
    int width;
    int height;
    int stride;     /* texels from one row to the next */
    Float4 *origin; /* texel (0, 0); (-1, -1) .. (width, height) may be read */
    float scale;    /* 2^-level */
} TextureLevel;

typedef struct Texture {
    int levels;
    TextureLevel level[TEXTURE_MAX_LEVELS];
    /* private */
    Float4 *memory;
    size_t capacity_bytes;
} Texture;

/* Gives `texture` (zero-initialised or in use) this size; contents are undefined after. `levels` are cut down
 * to what the size allows. ERROR_MEMORY when there is none. */
Status texture_resize(Texture *texture, int width, int height, int levels, Error *err);
void texture_free(Texture *texture);

/* Fills level 0 from three colour planes and a weight plane (all of the texture's size), then the others by
 * means of 2 x 2 texels; the border included. */
void texture_load(Texture *texture, const Image *rgb, const Image *weight);
/* Repeats the edge texels into the border of a level whose texels were written directly. */
void texture_pad(TextureLevel *level);

/* Level for a footprint of `texels` level-0 texels a pixel: 0 for 1, 1 for 2 …, clamped to what there is. */
float texture_lod(const Texture *texture, float texels);

SIMD_INLINE Float4 float4_all(float value)
{
    return (Float4){value, value, value, value};
}

/* Bilinear; u, v in level-0 coordinates, clamped to the level. */
SIMD_INLINE Float4 texture_sample(const TextureLevel *level, float u, float v)
{
    /* (u + 0.5) scale - 0.5 is the level's coordinate; one more, as the border begins at -1, makes the
     * cast to int a floor. */
    float x = (u + 0.5F) * level->scale + 0.5F;
    float y = (v + 0.5F) * level->scale + 0.5F;
    const float right = (float)level->width;
    const float bottom = (float)level->height;
    x = x > 0.0F ? x : 0.0F;
    y = y > 0.0F ? y : 0.0F;
    x = x < right ? x : right;
    y = y < bottom ? y : bottom;
    const int column = (int)x;
    const int row = (int)y;
    const Float4 *at = level->origin + (ptrdiff_t)(row - 1) * level->stride + (column - 1);
    const Float4 fx = float4_all(x - (float)column);
    const Float4 fy = float4_all(y - (float)row);
    const Float4 above = at[0] + fx * (at[1] - at[0]);
    const Float4 below = at[level->stride] + fx * (at[level->stride + 1] - at[level->stride]);
    return above + fy * (below - above);
}

#endif
