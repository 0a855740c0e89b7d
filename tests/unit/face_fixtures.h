/* Faces laid where a test wants them, frames to lay them into, and generated models. */
#ifndef RUNBATCH_TESTS_FACE_FIXTURES_H
#define RUNBATCH_TESTS_FACE_FIXTURES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "face/face.h"

/* The five points of a mesh; the others stay where they are. */
static inline void put_points(Mesh *mesh, const Point points[5])
{
    static const int places[5][2] = {{33, 133}, {362, 263}, {1, 1}, {61, 61}, {291, 291}};
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 2; k++) {
            mesh->x[places[i][k]] = points[i].x;
            mesh->y[places[i][k]] = points[i].y;
        }
    }
}

/* A crop of `size` pixels, `scale` frame pixels each, turned, its middle on (x, y). */
static inline Affine crop_at(int size, float scale, float degrees, float x, float y)
{
    const float a = degrees * 3.14159265F / 180;
    const float middle = (float)(size - 1) / 2;
    Affine map = {scale * cosf(a), -scale * sinf(a), 0, scale * sinf(a), scale * cosf(a), 0};
    map.c = x - (map.a + map.b) * middle;
    map.f = y - (map.d + map.e) * middle;
    return map;
}

/* How far a pixel lies inside a crop: 0 at its edge, 0.5 in its middle, negative outside. */
static inline float depth_in_crop(const Affine *crop, int size, int x, int y)
{
    Affine inverse;
    assert_true(affine_invert(crop, &inverse));
    const Point p = affine_apply(&inverse, (Point){(float)x, (float)y});
    const float side = (float)size;
    return fminf(fminf(p.x + 0.5F, side - 0.5F - p.x), fminf(p.y + 0.5F, side - 0.5F - p.y)) / side;
}

static inline int frame_plane_rows(const AVFrame *frame, int plane)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    return plane > 0 ? AV_CEIL_RSHIFT(frame->height, desc->log2_chroma_h) : frame->height;
}

static inline int frame_plane_columns(const AVFrame *frame, int plane)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    return plane > 0 ? AV_CEIL_RSHIFT(frame->width, desc->log2_chroma_w) : frame->width;
}

/* Codes from `low` up to `low + span` - 1, in units of 8 bits, all over. GBRP is RGB as it is. */
static inline AVFrame *noisy_frame(enum AVPixelFormat format, int width, int height, unsigned low,
                                   unsigned span)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = format;
    frame->width = width;
    frame->height = height;
    frame->color_range = format == AV_PIX_FMT_GBRP ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    frame->colorspace = format == AV_PIX_FMT_GBRP ? AVCOL_SPC_RGB : AVCOL_SPC_BT709;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    const int depth = av_pix_fmt_desc_get(format)->comp[0].depth;
    unsigned seed = 1;
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < frame_plane_rows(frame, p); y++) {
            uint8_t *row = frame->data[p] + (ptrdiff_t)y * frame->linesize[p];
            for (int x = 0; x < frame_plane_columns(frame, p); x++) {
                seed = seed * 1103515245U + 12345U;
                const unsigned value = low + (seed >> 16) % span;
                if (depth > 8) {
                    ((uint16_t *)row)[x] = (uint16_t)(value << (depth - 8));
                } else {
                    row[x] = (uint8_t)value;
                }
            }
        }
    }
    return frame;
}

static inline AVFrame *copy_frame(const AVFrame *frame)
{
    AVFrame *copy = av_frame_clone(frame);
    assert_int_equal(av_frame_make_writable(copy), 0);
    return copy;
}

static inline bool same_bits(const AVFrame *a, const AVFrame *b)
{
    for (int p = 0; p < 3; p++) {
        const int bytes = av_image_get_linesize(a->format, a->width, p);
        for (int y = 0; y < frame_plane_rows(a, p); y++) {
            if (memcmp(a->data[p] + (ptrdiff_t)y * a->linesize[p], b->data[p] + (ptrdiff_t)y * b->linesize[p],
                       (size_t)bytes) != 0) {
                return false;
            }
        }
    }
    return true;
}

/* Of a GBRP frame; channels are R, G, B. */
static inline int frame_code(const AVFrame *frame, int channel, int x, int y)
{
    static const int plane_of[3] = {2, 0, 1};
    const int p = plane_of[channel];
    return frame->data[p][(ptrdiff_t)y * frame->linesize[p] + x];
}

#endif
