/* Each component is sampled in its own coordinates, along one output row after the other; the three rows of
 * codes then become RGB. Both steps are linear, so their order does not matter. */
#include <math.h>

#include "image/simd.h"
#include "media/frame_view_internal.h"

enum {
    GRID_MAX = 8,
    SOURCE_ROW = 4096, /* source columns that the box path sums up at a time */
};

/* Beyond this shrink a pixel is the mean of several samples. */
static const float shrink_limit = 1.5F;

typedef struct Sampler {
    const ViewComponent *component;
    Affine map; /* output pixel to the component's sample coordinates */
    int grid_x; /* samples across an output pixel */
    int grid_y;
    /* The frame's area in sample coordinates; outside of it `border` (a code) counts. */
    bool has_border;
    float border;
    float x_low, x_high;
    float y_low, y_high;
    /* Up to here all four neighbours of a sample are there, and the border is not; both begin at `inner_low`.
     */
    float inner_x, inner_y;
} Sampler;

/* The margin against the component's edge; far above the rounding of coordinates. */
static const float inner_low = 0.01F;

static int grid_for(float shrink)
{
    if (!(shrink > shrink_limit)) {
        return 1;
    }
    return shrink < (float)GRID_MAX ? (int)ceilf(shrink) : GRID_MAX;
}

static Sampler make_sampler(const ViewLayout *layout, int index, const Affine *map, float border)
{
    const ViewComponent *c = &layout->component[index];
    const float scale_x = 1.0F / (float)(1 << c->log2_w);
    const float scale_y = 1.0F / (float)(1 << c->log2_h);
    Sampler s = {.component = c};
    s.map = (Affine){map->a * scale_x, map->b * scale_x, (map->c - c->site_x) * scale_x,
                     map->d * scale_y, map->e * scale_y, (map->f - c->site_y) * scale_y};
    s.grid_x = grid_for(hypotf(s.map.a, s.map.d));
    s.grid_y = grid_for(hypotf(s.map.b, s.map.e));
    s.has_border = border >= 0;
    const float *weights = layout->from_rgb[index];
    s.border = layout->black[index] + border * (weights[0] + weights[1] + weights[2]);
    s.x_low = (-0.5F - c->site_x) * scale_x;
    s.y_low = (-0.5F - c->site_y) * scale_y;
    s.x_high = ((float)layout->width - 0.5F - c->site_x) * scale_x;
    s.y_high = ((float)layout->height - 0.5F - c->site_y) * scale_y;
    s.inner_x = (float)(c->width - 1) - inner_low;
    s.inner_y = (float)(c->height - 1) - inner_low;
    if (s.has_border) {
        /* Coarse chroma may reach beyond the frame. */
        s.inner_x = fminf(s.inner_x, s.x_high - inner_low);
        s.inner_y = fminf(s.inner_y, s.y_high - inner_low);
    }
    return s;
}

static float clamp_float(float value, float low, float high)
{
    return value < low ? low : (value > high ? high : value);
}

static float code_at(const ViewComponent *c, int x, int y)
{
    const uint8_t *p = c->data + (ptrdiff_t)y * c->linesize + (ptrdiff_t)x * c->step;
    return c->wide ? (float)((*(const uint16_t *)(const void *)p >> c->shift) & c->max) : (float)*p;
}

static float sample_anywhere(const Sampler *s, float x, float y)
{
    if (s->has_border && !(x >= s->x_low && x < s->x_high && y >= s->y_low && y < s->y_high)) {
        return s->border;
    }
    const ViewComponent *c = s->component;
    x = clamp_float(x, 0, (float)(c->width - 1));
    y = clamp_float(y, 0, (float)(c->height - 1));
    const int x0 = (int)x;
    const int y0 = (int)y;
    const int x1 = x0 + 1 < c->width ? x0 + 1 : x0;
    const int y1 = y0 + 1 < c->height ? y0 + 1 : y0;
    const float fx = x - (float)x0;
    const float fy = y - (float)y0;
    const float top = code_at(c, x0, y0) * (1 - fx) + code_at(c, x1, y0) * fx;
    const float bottom = code_at(c, x0, y1) * (1 - fx) + code_at(c, x1, y1) * fx;
    return top * (1 - fy) + bottom * fy;
}

/* A row of samples: pixel u at (x + dx * u, y + dy * u). */
typedef struct Line {
    float x, dx;
    float y, dy;
} Line;

static bool is_interior(const Sampler *s, const Line *line, int u)
{
    const float x = line->x + line->dx * (float)u;
    const float y = line->y + line->dy * (float)u;
    return x >= inner_low && x <= s->inner_x && y >= inner_low && y <= s->inner_y;
}

static void narrow(double start, double step, double low, double high, double *from, double *to)
{
    if (step == 0) {
        if (start < low || start > high) {
            *to = *from;
        }
        return;
    }
    const double a = (low - start) / step;
    const double b = (high - start) / step;
    *from = fmax(*from, fmin(a, b));
    *to = fmin(*to, fmax(a, b) + 1);
}

/* The stretch of pixels whose four neighbours all lie inside the component. */
static void interior_span(const Sampler *s, const Line *line, int count, int *from, int *to)
{
    double low = 0;
    double high = count;
    narrow(line->x, line->dx, inner_low, s->inner_x, &low, &high);
    narrow(line->y, line->dy, inner_low, s->inner_y, &low, &high);
    if (!(low < high)) {
        *from = *to = 0;
        return;
    }
    int first = (int)low;
    int end = (int)ceil(high) < count ? (int)ceil(high) : count;
    while (first < end && !is_interior(s, line, first)) {
        first++;
    }
    while (end > first && !is_interior(s, line, end - 1)) {
        end--;
    }
    *from = first;
    *to = end;
}

SIMD_INLINE void add_bytes_along(const ViewComponent *c, Line line, int step, int from, int to, float *out)
{
    const uint8_t *data = c->data;
    const ptrdiff_t linesize = c->linesize;
    for (int u = from; u < to; u++) {
        const float x = line.x + line.dx * (float)u;
        const float y = line.y + line.dy * (float)u;
        const int xi = (int)x;
        const int yi = (int)y;
        const float fx = x - (float)xi;
        const float fy = y - (float)yi;
        const uint8_t *p = data + yi * linesize + xi * step;
        const float p00 = (float)p[0];
        const float p01 = (float)p[step];
        const float p10 = (float)p[linesize];
        const float p11 = (float)p[linesize + step];
        const float top = p00 + fx * (p01 - p00);
        const float bottom = p10 + fx * (p11 - p10);
        out[u] += top + fy * (bottom - top);
    }
}

SIMD_INLINE void add_words_along(const ViewComponent *c, Line line, int step, int from, int to, float *out)
{
    const uint16_t *data = (const uint16_t *)(const void *)c->data;
    const ptrdiff_t linesize = c->linesize / 2;
    const int shift = c->shift;
    const int max = c->max;
    for (int u = from; u < to; u++) {
        const float x = line.x + line.dx * (float)u;
        const float y = line.y + line.dy * (float)u;
        const int xi = (int)x;
        const int yi = (int)y;
        const float fx = x - (float)xi;
        const float fy = y - (float)yi;
        const uint16_t *p = data + yi * linesize + xi * step;
        const float p00 = (float)((p[0] >> shift) & max);
        const float p01 = (float)((p[step] >> shift) & max);
        const float p10 = (float)((p[linesize] >> shift) & max);
        const float p11 = (float)((p[linesize + step] >> shift) & max);
        const float top = p00 + fx * (p01 - p00);
        const float bottom = p10 + fx * (p11 - p10);
        out[u] += top + fy * (bottom - top);
    }
}

static void add_along(const ViewComponent *c, Line line, int from, int to, float *out)
{
    if (c->wide) {
        add_words_along(c, line, c->step / 2, from, to, out);
    } else if (c->step == 1) {
        add_bytes_along(c, line, 1, from, to, out);
    } else {
        add_bytes_along(c, line, c->step, from, to, out);
    }
}

/* Adds one sample a pixel. */
static void add_line(const Sampler *s, const Line *line, int count, float *out)
{
    int from = 0;
    int to = 0;
    interior_span(s, line, count, &from, &to);
    add_along(s->component, *line, from, to, out);
    for (int u = 0; u < count; u++) {
        if (u == from) {
            u = to;
        }
        if (u < count) {
            out[u] += sample_anywhere(s, line->x + line->dx * (float)u, line->y + line->dy * (float)u);
        }
    }
}

SIMD_CLONES
static void scale_row(float *row, float scale, int count)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        row[i] *= scale;
    }
}

/* Sample `index` of `grid` in an output pixel, from its centre, in output pixels. */
static float grid_offset(int index, int grid)
{
    return ((float)index + 0.5F) / (float)grid - 0.5F;
}

static void sample_row(const Sampler *s, int v, int width, float *out)
{
    for (int u = 0; u < width; u++) {
        out[u] = 0;
    }
    for (int j = 0; j < s->grid_y; j++) {
        for (int i = 0; i < s->grid_x; i++) {
            const float u = grid_offset(i, s->grid_x);
            const float w = (float)v + grid_offset(j, s->grid_y);
            const Line line = {s->map.a * u + s->map.b * w + s->map.c, s->map.a,
                               s->map.d * u + s->map.e * w + s->map.f, s->map.d};
            add_line(s, &line, width, out);
        }
    }
    if (s->grid_x * s->grid_y > 1) {
        scale_row(out, 1.0F / (float)(s->grid_x * s->grid_y), width);
    }
}

SIMD_CLONES
static void add_weighted(const float *restrict row, float weight, int count, float *restrict sum)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        sum[i] += weight * row[i];
    }
}

/* The vertical part of a row's mean: the weighted sum of source rows for columns first .. first + count - 1.
 */
static void sum_rows(const Sampler *s, int v, int first, int count, float *sum)
{
    float fetched[SOURCE_ROW];
    const ViewComponent *c = s->component;
    const float share = 1.0F / (float)s->grid_y;
    float weight[2 * GRID_MAX] = {0};
    int row[2 * GRID_MAX] = {0};
    int rows = 0;
    float outside = 0;
    for (int j = 0; j < s->grid_y; j++) {
        float y = s->map.e * ((float)v + grid_offset(j, s->grid_y)) + s->map.f;
        if (s->has_border && !(y >= s->y_low && y < s->y_high)) {
            outside += share;
            continue;
        }
        y = clamp_float(y, 0, (float)(c->height - 1));
        const int above = (int)y;
        const float part = y - (float)above;
        for (int k = 0; k < 2; k++) {
            const int at = above + k;
            const float w = share * (k == 0 ? 1 - part : part);
            if (rows > 0 && row[rows - 1] == at) {
                weight[rows - 1] += w;
            } else if (w > 0) {
                row[rows] = at;
                weight[rows++] = w;
            }
        }
    }
    for (int i = 0; i < count; i++) {
        sum[i] = outside * s->border;
    }
    for (int k = 0; k < rows; k++) {
        view_fetch(c, row[k], first, count, fetched);
        add_weighted(fetched, weight[k], count, sum);
    }
}

/* `border` counts below x_low and from x_high on. */
typedef struct Gather {
    float x, dx;
    float low, high; /* clamped to */
    float x_low, x_high;
    float border;
} Gather;

SIMD_CLONES
static void gather_row(const float *restrict sum, const Gather *g, int count, float *restrict out)
{
    const float x = g->x, dx = g->dx, low = g->low, high = g->high;
    const float x_low = g->x_low, x_high = g->x_high, border = g->border;
    SIMD_LOOP
    for (int u = 0; u < count; u++) {
        const float wanted = x + dx * (float)u;
        float at = wanted > low ? wanted : low;
        at = at < high ? at : high;
        const int left = (int)at;
        const float value = sum[left] + (at - (float)left) * (sum[left + 1] - sum[left]);
        out[u] += wanted >= x_low && wanted < x_high ? value : border;
    }
}

/* Pixels from .. to - 1 of row v where the map keeps rows rows: source rows are averaged first, then columns.
 */
static void box_tile(const Sampler *s, int v, int from, int to, float *out)
{
    float sum[SOURCE_ROW];
    const ViewComponent *c = s->component;
    const float edge = fabsf(s->map.a) * 0.5F;
    const float x0 = s->map.a * (float)from + s->map.c;
    const float x1 = s->map.a * (float)(to - 1) + s->map.c;
    const float low = clamp_float(fminf(x0, x1) - edge, 0, (float)(c->width - 1));
    const float high = clamp_float(fmaxf(x0, x1) + edge, 0, (float)(c->width - 1));
    const int first = (int)low;
    sum_rows(s, v, first, (int)high - first + 2, sum);
    for (int u = from; u < to; u++) {
        out[u] = 0;
    }
    const float origin = (float)first;
    Gather g = {.dx = s->map.a, .high = high - origin, .x_low = -INFINITY, .x_high = INFINITY};
    if (s->has_border) {
        g.x_low = s->x_low - origin;
        g.x_high = s->x_high - origin;
        g.border = s->border;
    }
    for (int i = 0; i < s->grid_x; i++) {
        g.x = s->map.a * ((float)from + grid_offset(i, s->grid_x)) + s->map.c - origin;
        gather_row(sum, &g, to - from, out + from);
    }
    scale_row(out + from, 1.0F / (float)s->grid_x, to - from);
}

/* How many pixels box_tile can do at a time; 0 when it cannot do this map. */
static int box_pixels(const Sampler *s, int width)
{
    const float step = fabsf(s->map.a);
    if (s->map.b != 0 || s->map.d != 0 || s->grid_x * s->grid_y == 1 || !(step < SOURCE_ROW / 8)) {
        return 0;
    }
    const float pixels = (SOURCE_ROW - 8) / fmaxf(step, 1e-6F) - 1;
    return pixels < (float)width ? (int)pixels : width;
}

static void warp_row(const Sampler *s, int v, int width, float *out)
{
    const int pixels = box_pixels(s, width);
    if (pixels == 0) {
        sample_row(s, v, width, out);
        return;
    }
    for (int u = 0; u < width; u += pixels) {
        box_tile(s, v, u, u + pixels < width ? u + pixels : width, out);
    }
}

Status frame_view_warp(const AVFrame *frame, const Affine *to_frame, int width, int height, float border,
                       Image *rgb, Error *err)
{
    ViewLayout layout;
    if (view_layout(frame, &layout, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const float total = fabsf(to_frame->a) + fabsf(to_frame->b) + fabsf(to_frame->c) + fabsf(to_frame->d) +
                        fabsf(to_frame->e) + fabsf(to_frame->f);
    if (!(total < 1e9F)) {
        return error_set(err, ERROR_INTERNAL, "cannot sample a frame", NULL, "the map is not finite");
    }
    if (image_resize(rgb, width, height, 3, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Sampler sampler[3];
    for (int i = 0; i < layout.components; i++) {
        sampler[i] = make_sampler(&layout, i, to_frame, border);
    }
    for (int v = 0; v < height; v++) {
        float *row[3];
        for (int i = 0; i < 3; i++) {
            row[i] = rgb->plane[i] + v * rgb->stride;
        }
        for (int i = 0; i < layout.components; i++) {
            warp_row(&sampler[i], v, width, row[i]);
        }
        view_convert(&layout, width, row[0], row[1], row[2]);
    }
    return STATUS_OK;
}
