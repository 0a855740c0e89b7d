/* Goes over the pixels of triangles, span by span.
 *
 * A pixel belongs to a triangle when its centre is inside; of a centre on an edge exactly one of the two
 * triangles at that edge has it (spans and rows are half-open, and an edge's crossing with a row is computed
 * from its own two ends alone, the same for both neighbours). Attributes vary linearly over a triangle.
 * Source of the rule: the half-open coverage rule of scan conversion (Foley, van Dam, Feiner, Hughes,
 * "Computer Graphics", 3.5/3.6). No state, no allocation; any thread.
 */
#ifndef RUNBATCH_IMAGE_RASTER_H
#define RUNBATCH_IMAGE_RASTER_H

#include "image/image.h"

enum { RASTER_ATTRIBUTES = 5 };

typedef struct RasterVertex {
    float x;
    float y;
    float attribute[RASTER_ATTRIBUTES];
} RasterVertex;

/* A triangle made ready: corners by rising y, and the plane of each attribute. */
typedef struct RasterTriangle {
    float x[3];
    float y[3];
    float base[RASTER_ATTRIBUTES]; /* at corner 0 */
    float dx[RASTER_ATTRIBUTES];
    float dy[RASTER_ATTRIBUTES];
    int first_row; /* rows with a pixel centre: first_row <= y < end_row */
    int end_row;
} RasterTriangle;

/* Pixels x0 .. x1 - 1 of row y; `at` are the attributes at x0, `step` their change a pixel. */
typedef void (*RasterSpan)(void *context, int y, int x0, int x1, const float at[RASTER_ATTRIBUTES],
                           const float step[RASTER_ATTRIBUTES]);

/* Twice the area, positive when a, b, c are clockwise as seen (y down). */
float raster_area2(const RasterVertex *a, const RasterVertex *b, const RasterVertex *c);

/* False, and nothing to draw, when the triangle has no area, no pixel centre's row, or is not finite. */
int raster_prepare(const RasterVertex *a, const RasterVertex *b, const RasterVertex *c,
                   RasterTriangle *triangle);

/* Calls `span` for every row of the triangle inside `clip` that has pixels there. */
void raster_draw(const RasterTriangle *triangle, Rect clip, RasterSpan span, void *context);

#endif
