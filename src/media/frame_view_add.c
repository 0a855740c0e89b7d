#include <string.h>

#include "image/simd.h"
#include "media/frame_view_internal.h"

SIMD_CLONES
static void weigh(const float *restrict r, const float *restrict g, const float *restrict b,
                  const float weights[3], int count, float *restrict out)
{
    const float wr = weights[0];
    const float wg = weights[1];
    const float wb = weights[2];
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        out[i] = wr * r[i] + wg * g[i] + wb * b[i];
    }
}

SIMD_CLONES
static void weigh_more(const float *restrict r, const float *restrict g, const float *restrict b,
                       const float weights[3], int count, float *restrict sum)
{
    const float wr = weights[0];
    const float wg = weights[1];
    const float wb = weights[2];
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        sum[i] += wr * r[i] + wg * g[i] + wb * b[i];
    }
}

SIMD_CLONES
static void mean_of_pairs(const float *restrict sums, float scale, int count, float *restrict means)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        means[i] = scale * (sums[2 * i] + sums[2 * i + 1]);
    }
}

SIMD_CLONES
static void scale_row(const float *restrict sums, float scale, int count, float *restrict means)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        means[i] = scale * sums[i];
    }
}

/* `sums` begins at the first luma column that the first sample covers; `rows` is how many rows of the frame
 * each sample covers. The frame's last sample may cover fewer columns. */
static void add_means(const ViewComponent *c, int frame_width, int first, int count, int row, int rows,
                      const float *sums)
{
    float means[VIEW_ROW];
    const int span = 1 << c->log2_w;
    const float scale = 1.0F / (float)(span * rows);
    if (span == 1) {
        scale_row(sums, scale, count, means);
    } else if (span == 2) {
        mean_of_pairs(sums, scale, count, means);
    } else {
        for (int i = 0; i < count; i++) {
            float sum = 0;
            for (int k = 0; k < span; k++) {
                sum += sums[i * span + k];
            }
            means[i] = scale * sum;
        }
    }
    const int covered = frame_width - (c->width - 1) * span;
    if (first + count == c->width && covered < span) {
        means[count - 1] *= (float)span / (float)covered;
    }
    view_add_codes(c, row, first, count, means);
}

/* Components at full resolution, for one stretch of a row. */
static void add_direct(const ViewLayout *layout, int from, int to, int x, int y, int count,
                       const float *const delta[3])
{
    float change[VIEW_TILE];
    for (int i = from; i < to; i++) {
        weigh(delta[0], delta[1], delta[2], layout->from_rgb[i], count, change);
        view_add_codes(&layout->component[i], y, x, count, change);
    }
}

/* Everything in the frame's luma rows of chroma row `row` between columns x0 and x1. */
static void add_band(const ViewLayout *layout, Rect rect, int row, int x0, int x1, const Image *delta)
{
    const ViewComponent *chroma = &layout->component[1];
    const int span = 1 << chroma->log2_w;
    const int count = x1 - x0;
    const int first = x0 >> chroma->log2_w;
    const int lead = x0 - (first << chroma->log2_w);
    const int samples = ((x1 - 1) >> chroma->log2_w) - first + 1;
    float sums[2][VIEW_ROW];
    for (int i = 0; i < 2; i++) {
        memset(sums[i], 0, sizeof(float) * (size_t)(samples * span));
    }
    const int top = row << chroma->log2_h;
    const int bottom = (row + 1) << chroma->log2_h;
    for (int y = top > rect.y0 ? top : rect.y0; y < bottom && y < rect.y1; y++) {
        const ptrdiff_t at = (y - rect.y0) * delta->stride + (x0 - rect.x0);
        const float *const pixel[3] = {delta->plane[0] + at, delta->plane[1] + at, delta->plane[2] + at};
        add_direct(layout, 0, 1, x0, y, count, pixel);
        for (int i = 0; i < 2; i++) {
            weigh_more(pixel[0], pixel[1], pixel[2], layout->from_rgb[1 + i], count, sums[i] + lead);
        }
    }
    const int rows = (bottom < layout->height ? bottom : layout->height) - top;
    for (int i = 0; i < 2; i++) {
        add_means(&layout->component[1 + i], layout->width, first, samples, row, rows, sums[i]);
    }
}

static void add_subsampled(const ViewLayout *layout, Rect rect, const Image *delta)
{
    const int log2_h = layout->component[1].log2_h;
    for (int row = rect.y0 >> log2_h; row <= (rect.y1 - 1) >> log2_h; row++) {
        /* Tiles end on multiples of VIEW_TILE, so no chroma sample lies in two. */
        for (int x = rect.x0; x < rect.x1;) {
            const int next = (x / VIEW_TILE + 1) * VIEW_TILE;
            const int end = next < rect.x1 ? next : rect.x1;
            add_band(layout, rect, row, x, end, delta);
            x = end;
        }
    }
}

static void add_full(const ViewLayout *layout, Rect rect, const Image *delta)
{
    const int width = rect.x1 - rect.x0;
    for (int y = rect.y0; y < rect.y1; y++) {
        for (int x = 0; x < width; x += VIEW_TILE) {
            const int count = width - x < VIEW_TILE ? width - x : VIEW_TILE;
            const ptrdiff_t at = (y - rect.y0) * delta->stride + x;
            const float *const pixel[3] = {delta->plane[0] + at, delta->plane[1] + at, delta->plane[2] + at};
            add_direct(layout, 0, layout->components, rect.x0 + x, y, count, pixel);
        }
    }
}

void view_add(const ViewLayout *layout, Rect rect, const Image *delta)
{
    const ViewComponent *chroma = &layout->component[1];
    if (layout->components == 3 && (chroma->log2_w > 0 || chroma->log2_h > 0)) {
        add_subsampled(layout, rect, delta);
    } else {
        add_full(layout, rect, delta);
    }
}

Status frame_view_add(AVFrame *frame, Rect rect, const Image *delta, Error *err)
{
    ViewLayout layout;
    if (view_layout(frame, &layout, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (rect_is_empty(rect) || rect.x0 < 0 || rect.y0 < 0 || rect.x1 > layout.width ||
        rect.y1 > layout.height || delta->planes < 3 || delta->width != rect.x1 - rect.x0 ||
        delta->height != rect.y1 - rect.y0) {
        return error_set(err, ERROR_INTERNAL, "cannot change a frame", NULL,
                         "the region is not inside it or not of the difference's size");
    }
    view_add(&layout, rect, delta);
    return STATUS_OK;
}
