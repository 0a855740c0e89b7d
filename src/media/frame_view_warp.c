/* Each component is sampled in its own coordinates, tile by tile: the part of it that a tile shows is
 * averaged in blocks into a patch of floats on the stack, and the tile's pixels are interpolated in the
 * patch. The three rows of codes then become RGB; both steps are linear, so their order does not matter. */
#include <math.h>
#include <string.h>

#include "image/simd.h"
#include "media/frame_view_internal.h"

enum {
    TILE_WIDTH = 64,
    TILE_HEIGHT = 32,
    /* A tile is at most 1.5 * hypot(64, 32) = 107.4 blocks wide and high, and 3 more for its neighbours. */
    PATCH_WIDTH = 111,
    PATCH_FLOATS = PATCH_WIDTH * PATCH_WIDTH,
    BLOCK_MAX = 64,
};

/* More than this many source samples (or blocks of them) from one pixel to the next would alias. */
static const float shrink_limit = 1.5F;

typedef struct Sampler {
    const ViewComponent *component;
    int block_w; /* samples averaged into one block, which the map and all below count in */
    int block_h;
    Affine map;  /* output pixel to block coordinates */
    float x_max; /* of the last block */
    float y_max;
    /* The frame's area; outside of it `border` (a code) counts. */
    float x_low, x_high;
    float y_low, y_high;
    float border;
    int tile_width;
    int tile_height;
} Sampler;

static int block_for(float shrink)
{
    const float blocks = ceilf(shrink / shrink_limit);
    return blocks < 1 ? 1 : (blocks < (float)BLOCK_MAX ? (int)blocks : BLOCK_MAX);
}

static Sampler make_sampler(const ViewLayout *layout, int index, const Affine *map, float border)
{
    const ViewComponent *c = &layout->component[index];
    Sampler s = {.component = c};
    const float coarse_x = 1.0F / (float)(1 << c->log2_w);
    const float coarse_y = 1.0F / (float)(1 << c->log2_h);
    const float shrink_x = hypotf(map->a, map->b) * coarse_x;
    const float shrink_y = hypotf(map->d, map->e) * coarse_y;
    s.block_w = block_for(shrink_x);
    s.block_h = block_for(shrink_y);
    const bool small = shrink_x <= (float)s.block_w * shrink_limit * 1.0001F &&
                       shrink_y <= (float)s.block_h * shrink_limit * 1.0001F;
    s.tile_width = small ? TILE_WIDTH : 1;
    s.tile_height = small ? TILE_HEIGHT : 1;

    /* Frame coordinate x lies at (x - origin) * scale in blocks. */
    const float scale_x = coarse_x / (float)s.block_w;
    const float scale_y = coarse_y / (float)s.block_h;
    const float origin_x = c->site_x + 0.5F * (float)((s.block_w - 1) << c->log2_w);
    const float origin_y = c->site_y + 0.5F * (float)((s.block_h - 1) << c->log2_h);
    s.map = (Affine){map->a * scale_x, map->b * scale_x, (map->c - origin_x) * scale_x,
                     map->d * scale_y, map->e * scale_y, (map->f - origin_y) * scale_y};
    s.x_max = (float)((c->width + s.block_w - 1) / s.block_w - 1);
    s.y_max = (float)((c->height + s.block_h - 1) / s.block_h - 1);
    s.x_low = s.y_low = -INFINITY;
    s.x_high = s.y_high = INFINITY;
    if (border >= 0) {
        s.x_low = (-0.5F - origin_x) * scale_x;
        s.y_low = (-0.5F - origin_y) * scale_y;
        s.x_high = ((float)layout->width - 0.5F - origin_x) * scale_x;
        s.y_high = ((float)layout->height - 0.5F - origin_y) * scale_y;
        const float *weights = layout->from_rgb[index];
        s.border = layout->black[index] + border * (weights[0] + weights[1] + weights[2]);
    }
    return s;
}

SIMD_CLONES
static void add_row(const float *restrict row, int count, float *restrict sum)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        sum[i] += row[i];
    }
}

SIMD_INLINE void average_by(const float *restrict sum, int width, float scale, int count, float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        float total = 0;
        for (int k = 0; k < width; k++) {
            total += sum[i * width + k];
        }
        out[i] = scale * total;
    }
}

SIMD_CLONES
static void average_columns(const float *restrict sum, int width, float scale, int count, float *restrict out)
{
    switch (width) {
    case 1:
        average_by(sum, 1, scale, count, out);
        break;
    case 2:
        average_by(sum, 2, scale, count, out);
        break;
    case 3:
        average_by(sum, 3, scale, count, out);
        break;
    case 4:
        average_by(sum, 4, scale, count, out);
        break;
    default:
        average_by(sum, width, scale, count, out);
        break;
    }
}

/* Blocks first .. first + count - 1 of block row `row`. */
static void average_blocks(const Sampler *s, int row, int first, int count, float *out)
{
    const ViewComponent *c = s->component;
    float sum[VIEW_TILE];
    float more[VIEW_TILE];
    const float scale = 1.0F / (float)(s->block_w * s->block_h);
    const int at_a_time = VIEW_TILE / s->block_w;
    for (int i = 0; i < count; i += at_a_time) {
        const int blocks = count - i < at_a_time ? count - i : at_a_time;
        const int samples = blocks * s->block_w;
        for (int k = 0; k < s->block_h; k++) {
            const int y = row * s->block_h + k;
            view_fetch(c, y < c->height ? y : c->height - 1, (first + i) * s->block_w, samples,
                       k == 0 ? sum : more);
            if (k > 0) {
                add_row(more, samples, sum);
            }
        }
        average_columns(sum, s->block_w, scale, blocks, out + i);
    }
}

/* The blocks that a tile shows. Coordinates in a patch are relative to its first block. */
typedef struct Patch {
    int columns;
    int rows;
    double x, y;         /* of the tile's first pixel */
    float x_low, x_high; /* where its pixels may lie after clamping to the component */
    float y_low, y_high;
    float blocks[PATCH_FLOATS];
} Patch;

static double clamp_double(double value, double low, double high)
{
    return value < low ? low : (value > high ? high : value);
}

/* The range of from + i * by_u + k * by_v over a tile, within 0 .. max. */
static void find_range(double from, double by_u, double by_v, double max, double *low, double *high)
{
    *low = clamp_double(from + fmin(by_u, 0) + fmin(by_v, 0), 0, max);
    *high = clamp_double(from + fmax(by_u, 0) + fmax(by_v, 0), 0, max);
}

static void fill_patch(const Sampler *s, int u, int v, int width, int height, Patch *patch)
{
    const Affine *m = &s->map;
    const double x = (double)m->a * u + (double)m->b * v + m->c;
    const double y = (double)m->d * u + (double)m->e * v + m->f;
    double x_low = 0;
    double x_high = 0;
    double y_low = 0;
    double y_high = 0;
    find_range(x, (double)m->a * (width - 1), (double)m->b * (height - 1), s->x_max, &x_low, &x_high);
    find_range(y, (double)m->d * (width - 1), (double)m->e * (height - 1), s->y_max, &y_low, &y_high);
    const int first_column = (int)x_low;
    const int first_row = (int)y_low;
    patch->columns = (int)x_high - first_column + 2;
    patch->rows = (int)y_high - first_row + 2;
    patch->x = x - first_column;
    patch->y = y - first_row;
    patch->x_low = (float)(x_low - first_column);
    patch->x_high = (float)(x_high - first_column);
    patch->y_low = (float)(y_low - first_row);
    patch->y_high = (float)(y_high - first_row);
    for (int k = 0; k < patch->rows; k++) {
        average_blocks(s, first_row + k, first_column, patch->columns, patch->blocks + k * patch->columns);
    }
}

/* Where the pixels of a line lie in the patch. */
typedef struct Places {
    int at[TILE_WIDTH]; /* the neighbour to the left above */
    float fx[TILE_WIDTH];
    float fy[TILE_WIDTH];
} Places;

/* `count` pixels from (x, y) in steps of (dx, dy). */
SIMD_CLONES
static void find_places(const Patch *patch, float x, float y, float dx, float dy, int count,
                        Places *restrict places)
{
    const float x_low = patch->x_low, x_high = patch->x_high;
    const float y_low = patch->y_low, y_high = patch->y_high;
    const int columns = patch->columns;
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        float px = x + dx * (float)i;
        float py = y + dy * (float)i;
        px = px > x_low ? px : x_low;
        px = px < x_high ? px : x_high;
        py = py > y_low ? py : y_low;
        py = py < y_high ? py : y_high;
        const int left = (int)px;
        const int top = (int)py;
        places->at[i] = top * columns + left;
        places->fx[i] = px - (float)left;
        places->fy[i] = py - (float)top;
    }
}

/* Two neighbours of a row, loaded and moved at once; the processors' gather instructions are slower. */
typedef float Pair __attribute__((vector_size(8)));

SIMD_INLINE Pair load_pair(const float *p)
{
    Pair pair;
    memcpy(&pair, p, sizeof pair);
    return pair;
}

static void blend_pairs(const Patch *patch, const Places *places, int count, Pair *restrict middle)
{
    const float *blocks = patch->blocks;
    const int columns = patch->columns;
    for (int i = 0; i < count; i++) {
        const float *p = blocks + places->at[i];
        const float fy = places->fy[i];
        const Pair above = load_pair(p);
        const Pair below = load_pair(p + columns);
        middle[i] = above + (Pair){fy, fy} * (below - above);
    }
}

SIMD_CLONES
static void blend_rows(const float *restrict above, const float *restrict below, float weight, int count,
                       float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        out[i] = above[i] + weight * (below[i] - above[i]);
    }
}

/* The same for a line along the patch's rows. */
static void blend_pairs_straight(const Patch *patch, const Places *places, int count, Pair *restrict middle)
{
    float row[PATCH_WIDTH];
    const int start = places->at[0] / patch->columns * patch->columns;
    const float *above = patch->blocks + start;
    blend_rows(above, above + patch->columns, places->fy[0], patch->columns, row);
    for (int i = 0; i < count; i++) {
        middle[i] = load_pair(row + (places->at[i] - start));
    }
}

SIMD_CLONES
static void blend_columns(const float *restrict pairs, const Places *restrict places, int count,
                          float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        out[i] = pairs[2 * i] + places->fx[i] * (pairs[2 * i + 1] - pairs[2 * i]);
    }
}

static void sample_line(const Patch *patch, float x, float y, float dx, float dy, int count, float *out)
{
    Places places;
    Pair middle[TILE_WIDTH];
    float pairs[2 * TILE_WIDTH];
    find_places(patch, x, y, dx, dy, count, &places);
    if (dy == 0.0F) {
        blend_pairs_straight(patch, &places, count, middle);
    } else {
        blend_pairs(patch, &places, count, middle);
    }
    memcpy(pairs, middle, sizeof pairs[0] * 2 * (size_t)count);
    blend_columns(pairs, &places, count, out);
}

static bool is_inside(const Sampler *s, float x, float y)
{
    return x >= s->x_low && x < s->x_high && y >= s->y_low && y < s->y_high;
}

/* Writes the border's code where a row's pixels, from (x, y), lie outside of the frame. */
SIMD_CLONES
static void write_border(const Sampler *s, float x, float y, int count, float *restrict out)
{
    const float dx = s->map.a, dy = s->map.d, border = s->border;
    const float x_low = s->x_low, x_high = s->x_high, y_low = s->y_low, y_high = s->y_high;
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        const float px = x + dx * (float)i;
        const float py = y + dy * (float)i;
        const int inside = (px >= x_low) & (px < x_high) & (py >= y_low) & (py < y_high);
        out[i] = inside ? out[i] : border;
    }
}

static void mark_border(const Sampler *s, float x, float y, int count, float *out)
{
    const float last = (float)(count - 1);
    if (!is_inside(s, x, y) || !is_inside(s, x + s->map.a * last, y + s->map.d * last)) {
        write_border(s, x, y, count, out);
    }
}

static void sample_tile(const Sampler *s, int u, int v, int width, int height, Patch *patch, float *out,
                        ptrdiff_t stride)
{
    fill_patch(s, u, v, width, height, patch);
    for (int k = 0; k < height; k++) {
        const double x = patch->x + (double)s->map.b * k;
        const double y = patch->y + (double)s->map.e * k;
        sample_line(patch, (float)x, (float)y, s->map.a, s->map.d, width, out + k * stride);
        if (isfinite(s->x_high)) {
            const double row_x = (double)s->map.a * u + (double)s->map.b * (v + k) + s->map.c;
            const double row_y = (double)s->map.d * u + (double)s->map.e * (v + k) + s->map.f;
            mark_border(s, (float)row_x, (float)row_y, width, out + k * stride);
        }
    }
}

static void sample_plane(const Sampler *s, int width, int height, float *out, ptrdiff_t stride)
{
    Patch patch;
    for (int v = 0; v < height; v += s->tile_height) {
        const int rows = height - v < s->tile_height ? height - v : s->tile_height;
        for (int u = 0; u < width; u += s->tile_width) {
            const int columns = width - u < s->tile_width ? width - u : s->tile_width;
            sample_tile(s, u, v, columns, rows, &patch, out + v * stride + u, stride);
        }
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
    for (int i = 0; i < layout.components; i++) {
        const Sampler sampler = make_sampler(&layout, i, to_frame, border);
        sample_plane(&sampler, width, height, rgb->plane[i], rgb->stride);
    }
    for (int v = 0; v < height; v++) {
        const ptrdiff_t at = v * rgb->stride;
        view_convert(&layout, width, rgb->plane[0] + at, rgb->plane[1] + at, rgb->plane[2] + at);
    }
    return STATUS_OK;
}
