#include <libavutil/pixdesc.h>

#include "image/simd.h"
#include "media/frame_view_internal.h"

enum { BAND = 32 }; /* rows worked on at a time; a multiple of every chroma height */

SIMD_INLINE void repeat_by(const float *restrict samples, int span, int count, float *restrict out)
{
    SIMD_LOOP
    for (int i = 0; i < count; i++) {
        out[i] = samples[i / span];
    }
}

SIMD_CLONES
static void repeat(const float *restrict samples, int span, int count, float *restrict out)
{
    if (span == 2) {
        repeat_by(samples, 2, count, out);
    } else {
        repeat_by(samples, span, count, out);
    }
}

/* Codes of columns x .. x + count - 1 of row y of the frame; x is a multiple of VIEW_TILE. */
static void read_repeated(const ViewComponent *c, int x, int y, int count, float *codes)
{
    if (c->log2_w == 0) {
        view_fetch(c, y >> c->log2_h, x, count, codes);
        return;
    }
    float samples[VIEW_ROW];
    const int first = x >> c->log2_w;
    view_fetch(c, y >> c->log2_h, first, ((x + count - 1) >> c->log2_w) - first + 1, samples);
    repeat(samples, 1 << c->log2_w, count, codes);
}

static void read_band(const ViewLayout *layout, int top, Image *band)
{
    for (int y = 0; y < band->height; y++) {
        for (int x = 0; x < band->width; x += VIEW_TILE) {
            const int count = band->width - x < VIEW_TILE ? band->width - x : VIEW_TILE;
            const ptrdiff_t at = y * band->stride + x;
            float *const row[3] = {band->plane[0] + at, band->plane[1] + at, band->plane[2] + at};
            for (int i = 0; i < 3 && i < layout->components; i++) {
                read_repeated(&layout->component[i], x, top + y, count, row[i]);
            }
            view_convert(layout, count, row[0], row[1], row[2]);
        }
    }
}

static void fill(const ViewComponent *c, int code)
{
    for (int y = 0; y < c->height; y++) {
        uint8_t *row = c->data + y * c->linesize;
        for (int x = 0; x < c->width; x++) {
            if (c->wide) {
                *(uint16_t *)(void *)(row + (ptrdiff_t)x * c->step) = (uint16_t)(code << c->shift);
            } else {
                row[(ptrdiff_t)x * c->step] = (uint8_t)code;
            }
        }
    }
}

/* Makes the frame black, and opaque where it could be transparent. */
static void blacken(const AVFrame *frame, const ViewLayout *layout)
{
    for (int i = 0; i < layout->components; i++) {
        fill(&layout->component[i], (int)layout->black[i]);
    }
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if ((desc->flags & AV_PIX_FMT_FLAG_ALPHA) != 0) {
        const AVComponentDescriptor *c = &desc->comp[desc->nb_components - 1];
        ViewComponent alpha = layout->component[0];
        alpha.data = frame->data[c->plane] + c->offset;
        alpha.linesize = frame->linesize[c->plane];
        alpha.step = c->step;
        fill(&alpha, alpha.max);
    }
}

/* Grey codes are what they are: a range that is stretched for RGB would lose what lies outside of it. */
static void take_grey_as_full(ViewLayout *layout)
{
    if (layout->components == 1) {
        const float luma = layout->from_rgb[0][0] + layout->from_rgb[0][1] + layout->from_rgb[0][2];
        const float full = (float)layout->component[0].max / 255.0F;
        for (int i = 0; i < 3; i++) {
            layout->to_rgb[i][0] = 1.0F / full;
            layout->offset[i] = 0;
            layout->from_rgb[0][i] *= full / luma;
        }
        layout->black[0] = 0;
    }
}

Status frame_view_convert(const AVFrame *source, AVFrame *target, Error *err)
{
    ViewLayout from;
    ViewLayout to;
    if (view_layout(source, &from, err) != STATUS_OK || view_layout(target, &to, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (from.width != to.width || from.height != to.height) {
        return error_setf(err, ERROR_INTERNAL, "cannot convert a frame", NULL, "%dx%d is not %dx%d",
                          from.width, from.height, to.width, to.height);
    }
    take_grey_as_full(&from);
    take_grey_as_full(&to);
    blacken(target, &to);
    Image band = {0};
    Status status = STATUS_OK;
    for (int top = 0; status == STATUS_OK && top < to.height; top += BAND) {
        const int rows = to.height - top < BAND ? to.height - top : BAND;
        status = image_resize(&band, to.width, rows, 3, err);
        if (status == STATUS_OK) {
            read_band(&from, top, &band);
            view_add(&to, (Rect){0, top, to.width, top + rows}, &band);
        }
    }
    image_free(&band);
    return status;
}
