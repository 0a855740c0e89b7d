/* A picture to sample from: four floats a texel (three colours and a weight), with levels of detail.
 *
 * Interleaved, so that one vector load fetches a texel; every level has a border of one repeated texel, so
 * that bilinear sampling needs no test at the edges. There are four levels to a halving: the nearest is sharp
 * enough and not too sharp for bilinear sampling, and when a face comes nearer the change from one to the
 * next is not seen. Texel (0, 0) of level 0 is centred on (0, 0); texel x of another on (x + 0.5) / scale -
 * 0.5. Written by one thread, then immutable and read by any. Memory: width x height x 16 bytes x 3.5.
 */
#ifndef RUNBATCH_IMAGE_TEXTURE_H
#define RUNBATCH_IMAGE_TEXTURE_H

#include "image/simd.h"

#include "image/image.h"

enum { TEXTURE_STEPS = 4 /* levels to a halving */, TEXTURE_MAX_LEVELS = 40 };

typedef float Float4 __attribute__((vector_size(16)));

typedef struct TextureLevel {
    int width;
    int height;
    int stride;     /* texels from one row to the next */
    Float4 *origin; /* texel (0, 0); (-1, -1) .. (width, height) may be read */
    float scale;    /* 2^(-level / TEXTURE_STEPS) */
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
 * a tent filter as wide as the shrink asks; the border included. */
void texture_load(Texture *texture, const Image *rgb, const Image *weight);
/* Repeats the edge texels into the border of a level whose texels were written directly. */
void texture_pad(TextureLevel *level);

/* The level for a footprint of `texels` level-0 texels a pixel; the last where there is none so small. */
const TextureLevel *texture_level(const Texture *texture, float texels);

SIMD_INLINE Float4 float4_all(float value)
{
    return (Float4){value, value, value, value};
}

/* Level-0 coordinates in a level, counted from its border: what texture_fetch takes. */
SIMD_INLINE float texture_coordinate(const TextureLevel *level, float u)
{
    return (u + 0.5F) * level->scale + 0.5F;
}

/* Bilinear. (column, row) is the upper left texel counted from the border, 0..width and 0..height; fx and fy
 * the shares of its right and lower neighbour. */
SIMD_INLINE Float4 texture_fetch(const TextureLevel *level, int column, int row, float fx, float fy)
{
    const Float4 *at = level->origin + (ptrdiff_t)(row - 1) * level->stride + (column - 1);
    const Float4 above = at[0] + float4_all(fx) * (at[1] - at[0]);
    at += level->stride;
    const Float4 below = at[0] + float4_all(fx) * (at[1] - at[0]);
    return above + float4_all(fy) * (below - above);
}

/* Bilinear; u, v in level-0 coordinates, clamped to the level. */
SIMD_INLINE Float4 texture_sample(const TextureLevel *level, float u, float v)
{
    const float right = (float)level->width;
    const float bottom = (float)level->height;
    float x = texture_coordinate(level, u);
    float y = texture_coordinate(level, v);
    x = x > 0.0F ? x : 0.0F;
    y = y > 0.0F ? y : 0.0F;
    x = x < right ? x : right;
    y = y < bottom ? y : bottom;
    const int column = (int)x;
    const int row = (int)y;
    return texture_fetch(level, column, row, x - (float)column, y - (float)row);
}

#endif
