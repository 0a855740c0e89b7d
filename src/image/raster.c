#include "image/raster.h"

#include <math.h>

static const float largest_coordinate = 1e6F;

float raster_area2(const RasterVertex *a, const RasterVertex *b, const RasterVertex *c)
{
    return (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
}

static int is_drawable(const RasterVertex *v)
{
    return fabsf(v->x) < largest_coordinate && fabsf(v->y) < largest_coordinate;
}

int raster_prepare(const RasterVertex *a, const RasterVertex *b, const RasterVertex *c,
                   RasterTriangle *triangle)
{
    const RasterVertex *corner[3] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        if (!is_drawable(corner[i])) {
            return 0;
        }
    }
    for (int i = 1; i < 3; i++) {
        for (int k = i; k > 0 && corner[k]->y < corner[k - 1]->y; k--) {
            const RasterVertex *swap = corner[k];
            corner[k] = corner[k - 1];
            corner[k - 1] = swap;
        }
    }
    const float area2 = raster_area2(corner[0], corner[1], corner[2]);
    triangle->first_row = (int)ceilf(corner[0]->y);
    triangle->end_row = (int)ceilf(corner[2]->y);
    if (!(fabsf(area2) > 1e-6F) || triangle->end_row <= triangle->first_row) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        triangle->x[i] = corner[i]->x;
        triangle->y[i] = corner[i]->y;
    }
    const float x1 = corner[1]->x - corner[0]->x;
    const float y1 = corner[1]->y - corner[0]->y;
    const float x2 = corner[2]->x - corner[0]->x;
    const float y2 = corner[2]->y - corner[0]->y;
    for (int i = 0; i < RASTER_ATTRIBUTES; i++) {
        const float d1 = corner[1]->attribute[i] - corner[0]->attribute[i];
        const float d2 = corner[2]->attribute[i] - corner[0]->attribute[i];
        triangle->base[i] = corner[0]->attribute[i];
        triangle->dx[i] = (d1 * y2 - d2 * y1) / area2;
        triangle->dy[i] = (d2 * x1 - d1 * x2) / area2;
    }
    return 1;
}

/* Where the edge from corner a to corner b (of higher or equal y) crosses row y. Kept between its ends, so
 * that rounding cannot push a span out of the triangle. */
static float edge_crossing(const RasterTriangle *t, int a, int b, float y)
{
    const float height = t->y[b] - t->y[a];
    const float share = height > 0 ? (y - t->y[a]) / height : 0;
    return t->x[a] + (t->x[b] - t->x[a]) * share;
}

void raster_draw(const RasterTriangle *triangle, Rect clip, RasterSpan span, void *context)
{
    const int first = triangle->first_row > clip.y0 ? triangle->first_row : clip.y0;
    const int end = triangle->end_row < clip.y1 ? triangle->end_row : clip.y1;
    for (int y = first; y < end; y++) {
        const float fy = (float)y;
        const float long_side = edge_crossing(triangle, 0, 2, fy);
        /* y < y[1] is the half-open rule again: a corner on the row belongs to the edge below it. */
        const float short_side =
            fy < triangle->y[1] ? edge_crossing(triangle, 0, 1, fy) : edge_crossing(triangle, 1, 2, fy);
        const float left = long_side < short_side ? long_side : short_side;
        const float right = long_side < short_side ? short_side : long_side;
        int x0 = (int)ceilf(left);
        int x1 = (int)ceilf(right);
        x0 = x0 > clip.x0 ? x0 : clip.x0;
        x1 = x1 < clip.x1 ? x1 : clip.x1;
        if (x0 >= x1) {
            continue;
        }
        float at[RASTER_ATTRIBUTES];
        const float offset_x = (float)x0 - triangle->x[0];
        const float offset_y = fy - triangle->y[0];
        for (int i = 0; i < RASTER_ATTRIBUTES; i++) {
            at[i] = triangle->base[i] + triangle->dx[i] * offset_x + triangle->dy[i] * offset_y;
        }
        span(context, y, x0, x1, at, triangle->dx);
    }
}
