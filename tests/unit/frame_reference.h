/* A plain reference in double precision for the tests of frame_view: frames of any format with random
 * samples, read with libavutil's own av_read_image_line2. Planes are allocated to the byte, so that
 * AddressSanitizer sees a read past their end. */
#ifndef RUNBATCH_TESTS_FRAME_REFERENCE_H
#define RUNBATCH_TESTS_FRAME_REFERENCE_H

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

#include "media/frame_view.h"

static uint32_t random_state = 1;

static inline uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static inline int random_int(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

static inline float random_float(float low, float high)
{
    return low + (high - low) * (float)(random_bits() & 0xFFFFFF) / (float)0xFFFFFF;
}

static inline AVFrame *make_frame(enum AVPixelFormat format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    assert_true(av_image_fill_linesizes(frame->linesize, format, width) >= 0);
    ptrdiff_t linesizes[4];
    size_t sizes[4];
    for (int i = 0; i < 4; i++) {
        linesizes[i] = frame->linesize[i];
    }
    assert_true(av_image_fill_plane_sizes(sizes, format, height, linesizes) >= 0);
    for (int i = 0; i < 4 && sizes[i] > 0; i++) {
        frame->buf[i] = av_buffer_alloc(sizes[i]);
        assert_non_null(frame->buf[i]);
        frame->data[i] = frame->buf[i]->data;
        for (size_t k = 0; k < sizes[i]; k++) {
            frame->data[i][k] = (uint8_t)random_bits();
        }
    }
    return frame;
}

static inline int code_of(const AVFrame *frame, int component, int x, int y)
{
    uint16_t code = 0;
    av_read_image_line2(&code, (const uint8_t **)(uintptr_t)frame->data, frame->linesize,
                        av_pix_fmt_desc_get((enum AVPixelFormat)frame->format), x, y, component, 1, 0, 2);
    return code;
}

/* The reference's view of a frame. */
typedef struct Reference {
    const AVFrame *frame;
    const AVPixFmtDescriptor *desc;
    int components;
    bool rgb;
    double black[3];
    double to[3][3];
    double from[3][3];
    double site_x;
    double site_y;
} Reference;

static inline bool name_starts(const AVPixFmtDescriptor *desc, const char *start)
{
    return strncmp(desc->name, start, strlen(start)) == 0;
}

static inline void invert(double in[3][3], double out[3][3])
{
    double det = 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            const int a = (i + 1) % 3;
            const int b = (i + 2) % 3;
            const int c = (j + 1) % 3;
            const int d = (j + 2) % 3;
            out[j][i] = in[a][c] * in[b][d] - in[a][d] * in[b][c];
        }
    }
    for (int i = 0; i < 3; i++) {
        det += in[0][i] * out[i][0];
    }
    for (int i = 0; i < 9; i++) {
        out[i / 3][i % 3] /= det;
    }
}

static inline Reference reference_of(const AVFrame *frame)
{
    Reference r = {.frame = frame, .desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format)};
    r.components = r.desc->nb_components < 3 ? 1 : 3;
    r.rgb = (r.desc->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    const int depth = r.desc->comp[0].depth;
    const double max = pow(2, depth) - 1;
    const double unit = pow(2, depth - 8);
    bool full = r.rgb || frame->color_range == AVCOL_RANGE_JPEG;
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED && (r.components == 1 || name_starts(r.desc, "yuvj"))) {
        full = true;
    }
    double kr = frame->height > 576 ? 0.2126 : 0.299;
    double kb = frame->height > 576 ? 0.0722 : 0.114;
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
        kr = 0.2126;
        kb = 0.0722;
        break;
    case AVCOL_SPC_SMPTE170M:
        kr = 0.299;
        kb = 0.114;
        break;
    case AVCOL_SPC_BT2020_NCL:
        kr = 0.2627;
        kb = 0.0593;
        break;
    default:
        break;
    }
    const double kg = 1 - kr - kb;
    /* Rows: what each component is made of, for codes in units of its span. */
    double from[3][3] = {{kr, kg, kb},
                         {-kr / (1 - kb) / 2, -kg / (1 - kb) / 2, 0.5},
                         {0.5, -kg / (1 - kr) / 2, -kb / (1 - kr) / 2}};
    if (r.rgb || frame->colorspace == AVCOL_SPC_RGB) {
        static const double plain[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        static const double gbr[3][3] = {{0, 1, 0}, {0, 0, 1}, {1, 0, 0}};
        if (r.rgb || r.components == 3) {
            memcpy(from, r.rgb ? plain : gbr, sizeof from);
        }
    }
    for (int i = 0; i < 3; i++) {
        const bool difference = i > 0 && !r.rgb && frame->colorspace != AVCOL_SPC_RGB;
        const double span = full ? max : (difference ? 224 : 219) * unit;
        r.black[i] = difference ? 128 * unit : (full ? 0 : 16 * unit);
        for (int j = 0; j < 3; j++) {
            r.from[i][j] = from[i][j] * span / 255;
        }
    }
    if (r.components == 3) {
        invert(r.from, r.to);
    } else {
        for (int i = 0; i < 3; i++) {
            r.to[i][0] = 255 / (full ? max : 219 * unit);
        }
    }
    enum AVChromaLocation location = frame->chroma_location;
    if (location == AVCHROMA_LOC_UNSPECIFIED) {
        location = name_starts(r.desc, "yuvj") ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
    }
    const double half_x = ((1 << r.desc->log2_chroma_w) - 1) / 2.0;
    const double half_y = ((1 << r.desc->log2_chroma_h) - 1) / 2.0;
    r.site_x = location == AVCHROMA_LOC_CENTER ? half_x : 0;
    r.site_y = location == AVCHROMA_LOC_TOPLEFT ? 0 : half_y;
    return r;
}

static inline bool is_chroma(const Reference *r, int component)
{
    return component > 0 && !r->rgb;
}

static inline int clamped(int value, int low, int high)
{
    return value < low ? low : (value > high ? high : value);
}

/* Bilinear between the component's samples, the edge's value outside. */
static inline double reference_code(const Reference *r, int component, double x, double y)
{
    int width = r->frame->width;
    int height = r->frame->height;
    if (is_chroma(r, component)) {
        x = (x - r->site_x) / (1 << r->desc->log2_chroma_w);
        y = (y - r->site_y) / (1 << r->desc->log2_chroma_h);
        width = AV_CEIL_RSHIFT(width, r->desc->log2_chroma_w);
        height = AV_CEIL_RSHIFT(height, r->desc->log2_chroma_h);
    }
    const int x0 = (int)floor(x);
    const int y0 = (int)floor(y);
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        const double wx = k % 2 == 0 ? x0 + 1 - x : x - x0;
        const double wy = k / 2 == 0 ? y0 + 1 - y : y - y0;
        sum += wx * wy *
               code_of(r->frame, component, clamped(x0 + k % 2, 0, width - 1),
                       clamped(y0 + k / 2, 0, height - 1));
    }
    return sum;
}

static inline void codes_to_rgb(const Reference *r, const double codes[3], double rgb[3])
{
    for (int i = 0; i < 3; i++) {
        rgb[i] = 0;
        for (int j = 0; j < r->components; j++) {
            rgb[i] += r->to[i][j] * (codes[j] - r->black[j]);
        }
    }
}

static inline int log2_w(const Reference *r, int component)
{
    return is_chroma(r, component) ? r->desc->log2_chroma_w : 0;
}

static inline int log2_h(const Reference *r, int component)
{
    return is_chroma(r, component) ? r->desc->log2_chroma_h : 0;
}

static inline void set_code(AVFrame *frame, int component, int x, int y, int code)
{
    const uint16_t value = (uint16_t)code;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    const AVComponentDescriptor *c = &desc->comp[component];
    /* av_write_image_line2 adds to what is there */
    uint8_t *at = frame->data[c->plane] + y * frame->linesize[c->plane] + x * c->step + c->offset;
    memset(at, 0, c->depth + c->shift > 8 ? 2 : 1);
    av_write_image_line2(&value, frame->data, frame->linesize, desc, x, y, component, 1, 2);
}

/* Colours that RGB can show, whatever the matrix. */
static inline AVFrame *make_moderate_frame(enum AVPixelFormat format, int width, int height,
                                           enum AVColorRange range, enum AVColorSpace space)
{
    AVFrame *frame = make_frame(format, width, height);
    frame->color_range = range;
    frame->colorspace = space;
    const Reference r = reference_of(frame);
    const int unit = 1 << (r.desc->comp[0].depth - 8);
    for (int i = 0; i < r.components && !r.rgb && r.components == 3; i++) {
        const int low = is_chroma(&r, i) ? 103 : 90;
        const int high = is_chroma(&r, i) ? 153 : 150;
        for (int y = 0; y < AV_CEIL_RSHIFT(height, log2_h(&r, i)); y++) {
            for (int x = 0; x < AV_CEIL_RSHIFT(width, log2_w(&r, i)); x++) {
                set_code(frame, i, x, y, random_int(low * unit, high * unit));
            }
        }
    }
    return frame;
}

static inline float pixel(const Image *image, int plane, int x, int y)
{
    return image->plane[plane][y * image->stride + x];
}

static inline enum AVPixelFormat next_format(enum AVPixelFormat format)
{
    for (int i = (int)format + 1; i < AV_PIX_FMT_NB; i++) {
        if (frame_view_supports((enum AVPixelFormat)i)) {
            return (enum AVPixelFormat)i;
        }
    }
    return AV_PIX_FMT_NONE;
}

#define FOR_EACH_FORMAT(f)                                                                                   \
    for (enum AVPixelFormat f = next_format(AV_PIX_FMT_NONE); f != AV_PIX_FMT_NONE; f = next_format(f))

#endif
