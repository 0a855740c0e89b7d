#include <math.h>

#include "image/simd.h"
#include "media/frame_view_internal.h"

static int clamp_int(int value, int low, int high)
{
    return value < low ? low : (value > high ? high : value);
}

SIMD_CLONES
static void blend_rows(float *restrict row, const float *restrict other, float weight, int count)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        row[i] += weight * (other[i] - row[i]);
    }
}

/* Where the luma columns of one phase (x mod 2^log2_w) lie between two chroma samples. */
typedef struct Phase {
    int offset; /* of the left one: -1 or 0 */
    float weight;
} Phase;

static Phase chroma_phase(int phase, int log2_w, float site)
{
    const float position = ((float)phase - site) / (float)(1 << log2_w);
    const float left = floorf(position);
    return (Phase){(int)left, position - left};
}

/* `chroma[1]` is the sample of chroma column x >> log2_w for the first `x`. */
static void stretch_scalar(const float *chroma, const ViewComponent *c, int x, int from, int to, float *out)
{
    const int first = x >> c->log2_w;
    for (int i = from; i < to; i++) {
        const int phase_index = (x + i) & ((1 << c->log2_w) - 1);
        const Phase phase = chroma_phase(phase_index, c->log2_w, c->site_x);
        const float *left = chroma + 1 + ((x + i) >> c->log2_w) - first + phase.offset;
        out[i] = left[0] + phase.weight * (left[1] - left[0]);
    }
}

SIMD_CLONES
static void stretch_pairs(const float *restrict even, float even_weight, const float *restrict odd,
                          float odd_weight, int pairs, float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < pairs; i++) {
        out[2 * i] = even[i] + even_weight * (even[i + 1] - even[i]);
        out[2 * i + 1] = odd[i] + odd_weight * (odd[i + 1] - odd[i]);
    }
}

static void stretch_row(const float *chroma, const ViewComponent *c, int x, int count, float *out)
{
    if (c->log2_w != 1) {
        stretch_scalar(chroma, c, x, 0, count, out);
        return;
    }
    const int head = x & 1;
    const int pairs = (count - head) / 2;
    const Phase even = chroma_phase(0, 1, c->site_x);
    const Phase odd = chroma_phase(1, 1, c->site_x);
    const float *base = chroma + 1 + head;
    stretch_scalar(chroma, c, x, 0, head, out);
    stretch_pairs(base + even.offset, even.weight, base + odd.offset, odd.weight, pairs, out + head);
    stretch_scalar(chroma, c, x, head + 2 * pairs, count, out);
}

/* Codes of a component at full resolution for columns x .. x + count - 1 of row y. */
static void read_component(const ViewComponent *c, int x, int y, int count, float *codes)
{
    if (c->log2_w == 0 && c->log2_h == 0) {
        view_fetch(c, y, x, count, codes);
        return;
    }
    float rows[2][VIEW_ROW];
    const float position = ((float)y - c->site_y) / (float)(1 << c->log2_h);
    const float above = floorf(position);
    const float weight = position - above;
    const int first = x >> c->log2_w;
    const int needed = ((x + count - 1) >> c->log2_w) - first + 3;
    const int row = clamp_int((int)above, 0, c->height - 1);
    const int next = clamp_int((int)above + 1, 0, c->height - 1);
    view_fetch(c, row, first - 1, needed, rows[0]);
    if (weight > 0 && next != row) {
        view_fetch(c, next, first - 1, needed, rows[1]);
        blend_rows(rows[0], rows[1], weight, needed);
    }
    stretch_row(rows[0], c, x, count, codes);
}

Status frame_view_read(const AVFrame *frame, Rect rect, Image *rgb, Error *err)
{
    ViewLayout layout;
    if (view_layout(frame, &layout, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (rect_is_empty(rect) || rect.x0 < 0 || rect.y0 < 0 || rect.x1 > layout.width ||
        rect.y1 > layout.height) {
        return error_set(err, ERROR_INTERNAL, "cannot read a frame", NULL, "the region is not inside it");
    }
    const int width = rect.x1 - rect.x0;
    const int height = rect.y1 - rect.y0;
    if (image_resize(rgb, width, height, 3, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += VIEW_TILE) {
            const int count = width - x < VIEW_TILE ? width - x : VIEW_TILE;
            float *row[3];
            for (int i = 0; i < 3; i++) {
                row[i] = rgb->plane[i] + y * rgb->stride + x;
            }
            for (int i = 0; i < 3 && i < layout.components; i++) {
                read_component(&layout.component[i], rect.x0 + x, rect.y0 + y, count, row[i]);
            }
            view_convert(&layout, count, row[0], row[1], row[2]);
        }
    }
    return STATUS_OK;
}
