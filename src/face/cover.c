#include "face/cover.h"

#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

enum { GRID = COVER_CELLS + 2 }; /* and one cell around, for the soft edge */

/* Fewer cells for small faces, so that a few pixels are always made one. */
static const float cell_least = 5.0F;
static const float edge = 1.12F; /* to where the soft edge goes, in half axes */

typedef struct Cell {
    float sum;
    float count;
} Cell;

/* One component of the frame: its samples lie on a grid of their own. */
typedef struct Component {
    const AVPixFmtDescriptor *desc;
    int index;
    int shift_x; /* one sample stands for 2^shift pixels */
    int shift_y;
    Rect area; /* in its samples */
    float black;
} Component;

struct Cover {
    uint16_t *line;
    size_t line_size;
    CoverWay way;
    FaceEllipse at;
    float cosine; /* of its angle */
    float sine;
    float x0; /* of the first cell */
    float y0;
    float side; /* of a cell */
    Cell cell[GRID][GRID];
    float value[GRID][GRID];
};

Cover *cover_new(void)
{
    return memory_alloc(1, sizeof(Cover));
}

void cover_free(Cover **cover)
{
    if (*cover != NULL) {
        memory_free((*cover)->line);
        memory_free(*cover);
        *cover = NULL;
    }
}

/* ---- a frame's samples ----
 *
 * They are written anew, each component by itself: a difference in RGB (media/frame_view.h) would leave what
 * is finest in the colours. */

static int width_of(const Component *component)
{
    return component->area.x1 - component->area.x0;
}

static void read_row(Cover *cover, const AVFrame *frame, const Component *component, int y)
{
    av_read_image_line2(cover->line, (const uint8_t **)(uintptr_t)frame->data, frame->linesize,
                        component->desc, component->area.x0, y, component->index, width_of(component), 0,
                        sizeof *cover->line);
}

/* libavutil's own only adds bits. */
static void write_row(const Cover *cover, AVFrame *frame, const Component *component, int y)
{
    const AVComponentDescriptor *comp = &component->desc->comp[component->index];
    const bool big = (component->desc->flags & AV_PIX_FMT_FLAG_BE) != 0;
    const unsigned mask = ((1U << comp->depth) - 1) << comp->shift;
    uint8_t *to = frame->data[comp->plane] + (ptrdiff_t)y * frame->linesize[comp->plane] +
                  (ptrdiff_t)component->area.x0 * comp->step + comp->offset;
    for (int i = 0; i < width_of(component); i++, to += comp->step) {
        const unsigned sample = (unsigned)cover->line[i] << comp->shift;
        if (comp->shift + comp->depth <= 8) {
            *to = (uint8_t)((*to & ~mask) | sample);
        } else if (big) {
            AV_WB16(to, (uint16_t)((AV_RB16(to) & ~mask) | sample));
        } else {
            AV_WL16(to, (uint16_t)((AV_RL16(to) & ~mask) | sample));
        }
    }
}

/* The middle of a sample, in pixels. */
static float middle_of(int sample, int shift)
{
    const int pixels = 1 << shift;
    return (float)(sample * pixels) + (float)(pixels - 1) / 2;
}

static float black_of(const AVFrame *frame, const AVPixFmtDescriptor *desc, int index)
{
    const int depth = desc->comp[index].depth;
    const bool rgb = (desc->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    if (index > 0 && !rgb) {
        return (float)(1 << (depth - 1));
    }
    const bool full = rgb || desc->nb_components < 3 || frame->color_range == AVCOL_RANGE_JPEG;
    return full ? 0 : (float)(16 << (depth - 8));
}

/* False for what is not seen: transparency stays. */
static bool choose_component(const AVFrame *frame, int index, Rect area, Component *component)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    const bool alpha = (desc->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 && index == desc->nb_components - 1;
    const bool chroma = (index == 1 || index == 2) && (desc->flags & AV_PIX_FMT_FLAG_RGB) == 0;
    const int shift_x = chroma ? desc->log2_chroma_w : 0;
    const int shift_y = chroma ? desc->log2_chroma_h : 0;
    *component = (Component){
        .desc = desc,
        .index = index,
        .shift_x = shift_x,
        .shift_y = shift_y,
        .area = {area.x0 >> shift_x, area.y0 >> shift_y, AV_CEIL_RSHIFT(area.x1, shift_x),
                 AV_CEIL_RSHIFT(area.y1, shift_y)},
        .black = black_of(frame, desc, index),
    };
    return !alpha;
}

/* ---- its cells ---- */

static int cell_at(float place, float first, float side)
{
    const int index = (int)floorf((place - first) / side);
    return index < 0 ? 0 : index < GRID ? index : GRID - 1;
}

static void measure(Cover *cover, const AVFrame *frame, const Component *component)
{
    memset(cover->cell, 0, sizeof cover->cell);
    for (int y = component->area.y0; y < component->area.y1; y++) {
        Cell *cells = cover->cell[cell_at(middle_of(y, component->shift_y), cover->y0, cover->side)];
        read_row(cover, frame, component, y);
        for (int x = component->area.x0; x < component->area.x1; x++) {
            Cell *cell = &cells[cell_at(middle_of(x, component->shift_x), cover->x0, cover->side)];
            cell->sum += (float)cover->line[x - component->area.x0];
            cell->count += 1;
        }
    }
}

/* The mean over a cell and, by binomial weights, those around it. */
static float mix_cell(const Cover *cover, int row, int column, int reach)
{
    float sum = 0;
    float weight = 0;
    for (int y = row - reach; y <= row + reach; y++) {
        for (int x = column - reach; x <= column + reach; x++) {
            if (y < 0 || y >= GRID || x < 0 || x >= GRID || cover->cell[y][x].count == 0) {
                continue;
            }
            const float share = (y == row ? 2.0F : 1.0F) * (x == column ? 2.0F : 1.0F);
            weight += share;
            sum += share * cover->cell[y][x].sum / cover->cell[y][x].count;
        }
    }
    return weight > 0 ? sum / weight : 0;
}

static void mix(Cover *cover)
{
    for (int row = 0; row < GRID; row++) {
        for (int column = 0; column < GRID; column++) {
            /* The soft blend looks at cells outside the frame too. */
            const bool around = cover->way == COVER_BLUR || cover->cell[row][column].count == 0;
            cover->value[row][column] = mix_cell(cover, row, column, around ? 1 : 0);
        }
    }
}

/* Weights of a quadratic B-spline for the three cells around `place`, in cells. */
static int spline(float place, float weight[3])
{
    const int middle = (int)floorf(place);
    const float t = place - (float)middle;
    weight[0] = 0.5F * (1 - t) * (1 - t);
    weight[1] = 0.5F + t * (1 - t);
    weight[2] = 0.5F * t * t;
    return middle;
}

static int into_grid(int index)
{
    return index < 0 ? 0 : index < GRID ? index : GRID - 1;
}

static float soft_value(const Cover *cover, float x, float y)
{
    float across[3];
    float down[3];
    const int column = spline((x - cover->x0) / cover->side, across);
    const int row = spline((y - cover->y0) / cover->side, down);
    float value = 0;
    for (int k = 0; k < 9; k++) {
        value += down[k / 3] * across[k % 3] *
                 cover->value[into_grid(row + k / 3 - 1)][into_grid(column + k % 3 - 1)];
    }
    return value;
}

static float value_at(const Cover *cover, const Component *component, float x, float y)
{
    switch (cover->way) {
    case COVER_SOLID:
        return component->black;
    case COVER_BLUR:
        return soft_value(cover, x, y);
    default:
        return cover->value[cell_at(y, cover->y0, cover->side)][cell_at(x, cover->x0, cover->side)];
    }
}

/* 1 in the ellipse, 0 beyond its edge. */
static float shown(const Cover *cover, float x, float y)
{
    const float dx = x - cover->at.cx;
    const float dy = y - cover->at.cy;
    const float u = (dx * cover->cosine + dy * cover->sine) / cover->at.rx;
    const float v = (dy * cover->cosine - dx * cover->sine) / cover->at.ry;
    const float distance = sqrtf(u * u + v * v);
    const float t = fminf(fmaxf((edge - distance) / (edge - 1), 0), 1);
    return t * t * (3 - 2 * t);
}

static void paint(Cover *cover, AVFrame *frame, const Component *component)
{
    for (int y = component->area.y0; y < component->area.y1; y++) {
        const float at_y = middle_of(y, component->shift_y);
        read_row(cover, frame, component, y);
        for (int x = component->area.x0; x < component->area.x1; x++) {
            const float at_x = middle_of(x, component->shift_x);
            const float weight = shown(cover, at_x, at_y);
            uint16_t *sample = &cover->line[x - component->area.x0];
            if (weight > 0) {
                const float before = (float)*sample;
                const float value = value_at(cover, component, at_x, at_y);
                *sample = (uint16_t)lrintf(before + weight * (value - before));
            }
        }
        write_row(cover, frame, component, y);
    }
}

static bool is_somewhere(const FaceEllipse *at)
{
    return isfinite(at->cx) && isfinite(at->cy) && isfinite(at->angle) && at->rx > 0 && at->ry > 0 &&
           isfinite(at->rx) && isfinite(at->ry);
}

/* The frame's pixels that the ellipse with its edge can reach. */
static Rect reach(const Cover *cover, const AVFrame *frame)
{
    const FaceEllipse *at = &cover->at;
    const float width = edge * hypotf(at->rx * cover->cosine, at->ry * cover->sine);
    const float height = edge * hypotf(at->rx * cover->sine, at->ry * cover->cosine);
    const float right = (float)frame->width;
    const float bottom = (float)frame->height;
    return (Rect){(int)fminf(fmaxf(floorf(at->cx - width), 0), right),
                  (int)fminf(fmaxf(floorf(at->cy - height), 0), bottom),
                  (int)fminf(fmaxf(ceilf(at->cx + width) + 1, 0), right),
                  (int)fminf(fmaxf(ceilf(at->cy + height) + 1, 0), bottom)};
}

void cover_ellipse(Cover *cover, AVFrame *frame, const FaceEllipse *at, CoverWay way)
{
    if (!is_somewhere(at)) {
        return;
    }
    cover->at = *at;
    cover->way = way;
    cover->cosine = cosf(at->angle);
    cover->sine = sinf(at->angle);
    const Rect area = reach(cover, frame);
    if (rect_is_empty(area)) {
        return;
    }
    const float largest = fmaxf(at->rx, at->ry);
    cover->side = fmaxf(2 * largest / COVER_CELLS, cell_least);
    cover->x0 = at->cx - cover->side * GRID / 2;
    cover->y0 = at->cy - cover->side * GRID / 2;
    const size_t width = (size_t)(area.x1 - area.x0) + 1;
    if (width > cover->line_size) {
        cover->line = memory_resize(cover->line, width, sizeof *cover->line);
        cover->line_size = width;
    }
    const int components = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format)->nb_components;
    for (int i = 0; i < components; i++) {
        Component component;
        if (choose_component(frame, i, area, &component)) {
            measure(cover, frame, &component);
            mix(cover);
            paint(cover, frame, &component);
        }
    }
}
