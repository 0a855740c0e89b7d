/* A planar float picture, and the affine maps between pictures.
 *
 * Values are 0..255, gamma-encoded (as in the video), planes R, G, B (or one plane for masks and luma). Rows
 * are padded so that each begins on a 64-byte boundary. Pixel (0, 0) is centred on coordinate (0, 0): a point
 * (x, y) of a landmark lies on the centre of pixel (x, y). Not thread-safe; each thread owns its images.
 * Memory: planes * height * stride * 4 bytes, kept on image_resize to a smaller size, so that a steady job
 * stops allocating.
 */
#ifndef RUNBATCH_IMAGE_IMAGE_H
#define RUNBATCH_IMAGE_IMAGE_H

#include <stddef.h>

#include "base/error.h"

enum { IMAGE_MAX_PLANES = 4 };

typedef struct Image {
    int width;
    int height;
    int planes;
    ptrdiff_t stride; /* floats from one row to the next */
    float *plane[IMAGE_MAX_PLANES];
    /* private */
    float *memory;
    size_t capacity_bytes;
} Image;

typedef struct Point {
    float x;
    float y;
} Point;

/* Half-open: x0 <= x < x1. */
typedef struct Rect {
    int x0;
    int y0;
    int x1;
    int y1;
} Rect;

/* Maps (x, y) to (a x + b y + c, d x + e y + f). */
typedef struct Affine {
    float a, b, c;
    float d, e, f;
} Affine;

/* Gives `image` (zero-initialised or in use) this shape; contents are undefined after. STATUS_FAILED with
 * ERROR_MEMORY, the image emptied, when there is no memory. width, height >= 1, planes 1..IMAGE_MAX_PLANES.
 */
Status image_resize(Image *image, int width, int height, int planes, Error *err);
void image_free(Image *image);
void image_fill(Image *image, float value);
void image_clamp(Image *image, float low, float high);

Point affine_apply(const Affine *map, Point point);
Affine affine_multiply(const Affine *outer, const Affine *inner); /* outer after inner */
/* False when the map is singular. */
int affine_invert(const Affine *map, Affine *inverse);
/* The similarity (scale, rotation, shift; no mirror) that takes `from` to `to` with the least squared error.
 * Source: Umeyama 1991, for two dimensions. False when the points of either side
 * coincide, or no rotation fits better than any other (an even mirror image). */
int affine_similarity(const Point *from, const Point *to, int count, Affine *map);

Rect rect_intersect(Rect a, Rect b);
int rect_is_empty(Rect rect);

#endif
