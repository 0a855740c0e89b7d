/* Frames of every supported format against a plain reference in double precision, which reads the samples
 * with libavutil's own av_read_image_line2. Planes are allocated to the byte, so that AddressSanitizer sees a
 * read past their end. */
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

static uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static int random_int(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

static float random_float(float low, float high)
{
    return low + (high - low) * (float)(random_bits() & 0xFFFFFF) / (float)0xFFFFFF;
}

static AVFrame *make_frame(enum AVPixelFormat format, int width, int height)
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

static int code_of(const AVFrame *frame, int component, int x, int y)
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

static bool name_starts(const AVPixFmtDescriptor *desc, const char *start)
{
    return strncmp(desc->name, start, strlen(start)) == 0;
}

static void invert(double in[3][3], double out[3][3])
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

static Reference reference_of(const AVFrame *frame)
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

static bool is_chroma(const Reference *r, int component)
{
    return component > 0 && !r->rgb;
}

static int clamped(int value, int low, int high)
{
    return value < low ? low : (value > high ? high : value);
}

/* Bilinear between the component's samples, the edge's value outside. */
static double reference_code(const Reference *r, int component, double x, double y)
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

static void codes_to_rgb(const Reference *r, const double codes[3], double rgb[3])
{
    for (int i = 0; i < 3; i++) {
        rgb[i] = 0;
        for (int j = 0; j < r->components; j++) {
            rgb[i] += r->to[i][j] * (codes[j] - r->black[j]);
        }
    }
}

static float pixel(const Image *image, int plane, int x, int y)
{
    return image->plane[plane][y * image->stride + x];
}

static void check_read(const AVFrame *frame, Rect rect)
{
    const Reference r = reference_of(frame);
    Image rgb = {0};
    assert_int_equal(frame_view_read(frame, rect, &rgb, NULL), STATUS_OK);
    assert_int_equal(rgb.width, rect.x1 - rect.x0);
    assert_int_equal(rgb.height, rect.y1 - rect.y0);
    for (int y = 0; y < rgb.height; y++) {
        for (int x = 0; x < rgb.width; x++) {
            double codes[3] = {0};
            double want[3];
            for (int i = 0; i < r.components; i++) {
                codes[i] = reference_code(&r, i, rect.x0 + x, rect.y0 + y);
            }
            codes_to_rgb(&r, codes, want);
            for (int i = 0; i < 3; i++) {
                if (fabs(pixel(&rgb, i, x, y) - want[i]) > 1e-2) {
                    fail_msg("%s: (%d, %d) plane %d: %f, not %f", r.desc->name, x, y, i,
                             (double)pixel(&rgb, i, x, y), want[i]);
                }
            }
        }
    }
    image_free(&rgb);
}

static Rect random_rect(int width, int height)
{
    Rect rect;
    rect.x0 = random_int(0, width - 1);
    rect.y0 = random_int(0, height - 1);
    rect.x1 = random_int(rect.x0 + 1, width);
    rect.y1 = random_int(rect.y0 + 1, height);
    return rect;
}

static enum AVPixelFormat next_format(enum AVPixelFormat format)
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

static void formats(void **state)
{
    (void)state;
    static const enum AVPixelFormat yes[] = {
        AV_PIX_FMT_YUV420P,     AV_PIX_FMT_YUVJ420P,    AV_PIX_FMT_YUV422P,     AV_PIX_FMT_YUV444P,
        AV_PIX_FMT_YUV440P,     AV_PIX_FMT_YUV411P,     AV_PIX_FMT_YUV410P,     AV_PIX_FMT_YUVA420P,
        AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P12LE, AV_PIX_FMT_YUV420P9LE,
        AV_PIX_FMT_YUV444P16LE, AV_PIX_FMT_NV12,        AV_PIX_FMT_NV21,        AV_PIX_FMT_NV24,
        AV_PIX_FMT_P010LE,      AV_PIX_FMT_P016LE,      AV_PIX_FMT_YUYV422,     AV_PIX_FMT_UYVY422,
        AV_PIX_FMT_RGB24,       AV_PIX_FMT_BGR24,       AV_PIX_FMT_BGRA,        AV_PIX_FMT_ARGB,
        AV_PIX_FMT_RGB0,        AV_PIX_FMT_RGB48LE,     AV_PIX_FMT_RGBA64LE,    AV_PIX_FMT_GBRP,
        AV_PIX_FMT_GBRAP,       AV_PIX_FMT_GBRP10LE,    AV_PIX_FMT_GBRP12LE,    AV_PIX_FMT_GBRP16LE,
        AV_PIX_FMT_GRAY8,       AV_PIX_FMT_GRAY10LE,    AV_PIX_FMT_GRAY16LE,    AV_PIX_FMT_YA8,
        AV_PIX_FMT_Y210LE,
    };
    static const enum AVPixelFormat no[] = {
        AV_PIX_FMT_NONE,        AV_PIX_FMT_PAL8,      AV_PIX_FMT_MONOWHITE, AV_PIX_FMT_RGB565LE,
        AV_PIX_FMT_YUV420P10BE, AV_PIX_FMT_GBRPF32LE, AV_PIX_FMT_GRAYF32LE, AV_PIX_FMT_VAAPI,
        AV_PIX_FMT_CUDA,        AV_PIX_FMT_UYYVYY411, AV_PIX_FMT_XYZ12LE,   AV_PIX_FMT_BAYER_BGGR8,
        AV_PIX_FMT_RGB8,        AV_PIX_FMT_X2RGB10LE,
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(frame_view_supports(yes[i]));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(frame_view_supports(no[i]));
    }
}

static void read_matches_the_reference(void **state)
{
    (void)state;
    static const enum AVColorRange ranges[] = {AVCOL_RANGE_UNSPECIFIED, AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG};
    static const enum AVColorSpace spaces[] = {AVCOL_SPC_UNSPECIFIED, AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M,
                                               AVCOL_SPC_BT2020_NCL, AVCOL_SPC_RGB};
    static const enum AVChromaLocation sites[] = {AVCHROMA_LOC_UNSPECIFIED, AVCHROMA_LOC_LEFT,
                                                  AVCHROMA_LOC_CENTER, AVCHROMA_LOC_TOPLEFT};
    FOR_EACH_FORMAT(format)
    {
        for (int i = 0; i < 15; i++) {
            const int width = random_int(1, 40);
            const int height = random_int(1, 24);
            AVFrame *frame = make_frame(format, width, height);
            frame->color_range = ranges[i % 3];
            frame->colorspace = spaces[i / 3];
            frame->chroma_location = sites[i % 4];
            check_read(frame, (Rect){0, 0, width, height});
            check_read(frame, random_rect(width, height));
            av_frame_free(&frame);
        }
    }
}

static void read_of_wide_and_high_frames(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 1301, 8);
    check_read(frame, (Rect){3, 1, 1301, 8});
    av_frame_free(&frame);
    frame = make_frame(AV_PIX_FMT_YUV420P, 8, 577); /* unspecified: BT.709 from here on */
    check_read(frame, (Rect){0, 400, 8, 577});
    av_frame_free(&frame);
}

/* Codes and colours worked out by hand from the standards. */
static void known_colours(void **state)
{
    (void)state;
    static const struct {
        enum AVColorSpace space;
        enum AVColorRange range;
        int y, u, v;
        double rgb[3];
        double tolerance;
    } cases[] = {
        {AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG, 235, 128, 128, {255, 255, 255}, 0.01},
        {AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 16, 128, 128, {0, 0, 0}, 0.01},
        {AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG, 81, 90, 240, {255, 0, 0}, 1.5},
        {AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 63, 102, 240, {255, 0, 0}, 1.5},
        {AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, 173, 42, 26, {0, 255, 0}, 1.5},
        {AVCOL_SPC_SMPTE170M, AVCOL_RANGE_JPEG, 29, 255, 107, {0, 0, 254}, 1.5},
        {AVCOL_SPC_BT709, AVCOL_RANGE_JPEG, 255, 128, 128, {255, 255, 255}, 0.01},
        {AVCOL_SPC_RGB, AVCOL_RANGE_JPEG, 10, 20, 30, {30, 10, 20}, 0.01},
        {AVCOL_SPC_YCGCO, AVCOL_RANGE_JPEG, 100, 138, 148, {110, 110, 70}, 0.01},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AVFrame *frame = make_frame(AV_PIX_FMT_YUV444P, 4, 4);
        frame->colorspace = cases[i].space;
        frame->color_range = cases[i].range;
        memset(frame->data[0], cases[i].y, 16);
        memset(frame->data[1], cases[i].u, 16);
        memset(frame->data[2], cases[i].v, 16);
        Image rgb = {0};
        assert_int_equal(frame_view_read(frame, (Rect){1, 1, 3, 3}, &rgb, NULL), STATUS_OK);
        for (int k = 0; k < 3; k++) {
            assert_true(fabs(pixel(&rgb, k, 1, 1) - cases[i].rgb[k]) < cases[i].tolerance);
        }
        image_free(&rgb);
        av_frame_free(&frame);
    }
}

/* Noise with a rectangle of zeros in it. */
static void random_delta(Image *delta, int width, int height, float amplitude)
{
    assert_int_equal(image_resize(delta, width, height, 3, NULL), STATUS_OK);
    const Rect zero = random_rect(width, height);
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const bool inside = x >= zero.x0 && x < zero.x1 && y >= zero.y0 && y < zero.y1;
                delta->plane[i][y * delta->stride + x] = inside ? 0 : random_float(-amplitude, amplitude);
            }
        }
    }
}

static void check_sample(const Reference *before, const AVFrame *after, int component, int x, int y,
                         Rect rect, const Image *delta)
{
    const int span_w = is_chroma(before, component) ? 1 << before->desc->log2_chroma_w : 1;
    const int span_h = is_chroma(before, component) ? 1 << before->desc->log2_chroma_h : 1;
    double sum = 0;
    int covered = 0;
    bool zero = true;
    for (int j = y * span_h; j < (y + 1) * span_h && j < after->height; j++) {
        for (int i = x * span_w; i < (x + 1) * span_w && i < after->width; i++) {
            covered++;
            if (i < rect.x0 || i >= rect.x1 || j < rect.y0 || j >= rect.y1) {
                continue;
            }
            for (int k = 0; k < 3; k++) {
                const float d = pixel(delta, k, i - rect.x0, j - rect.y0);
                sum += before->from[component][k] * d;
                zero = zero && d == 0.0F;
            }
        }
    }
    const int old = code_of(before->frame, component, x, y);
    const int got = code_of(after, component, x, y);
    const double max = (1 << before->desc->comp[component].depth) - 1;
    const double want = fmin(fmax(old + sum / covered, 0), max);
    if (zero ? got != old : fabs(got - want) > 0.501 + max * 1e-6) {
        fail_msg("%s: component %d (%d, %d): %d became %d, not %f", before->desc->name, component, x, y, old,
                 got, want);
    }
}

/* Bytes and bits that belong to no component, and alpha, must be as before: compared with all that add may
 * change blanked out. */
static void check_rest(const AVFrame *before, AVFrame *after, int components)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)before->format);
    uint16_t line[64];
    for (int i = 0; i < components; i++) {
        const bool chroma = i > 0 && (desc->flags & AV_PIX_FMT_FLAG_RGB) == 0;
        const int width = chroma ? AV_CEIL_RSHIFT(before->width, desc->log2_chroma_w) : before->width;
        const int height = chroma ? AV_CEIL_RSHIFT(before->height, desc->log2_chroma_h) : before->height;
        const AVComponentDescriptor *c = &desc->comp[i];
        for (int y = 0; y < height; y++) {
            av_read_image_line2(line, (const uint8_t **)(uintptr_t)before->data, before->linesize, desc, 0, y,
                                i, width, 0, 2);
            for (int x = 0; x < width; x++) {
                uint8_t *p = after->data[c->plane] + y * after->linesize[c->plane] + x * c->step + c->offset;
                if (c->depth + c->shift <= 8) {
                    *p = (uint8_t)line[x];
                } else {
                    uint16_t word;
                    memcpy(&word, p, sizeof word);
                    word = (uint16_t)((word & ~(((1U << c->depth) - 1) << c->shift)) |
                                      ((unsigned)line[x] << c->shift));
                    memcpy(p, &word, sizeof word);
                }
            }
        }
    }
    for (int i = 0; i < 4 && before->buf[i] != NULL; i++) {
        assert_memory_equal(before->buf[i]->data, after->buf[i]->data, before->buf[i]->size);
    }
}

static AVFrame *copy_of(const AVFrame *frame)
{
    AVFrame *copy = make_frame((enum AVPixelFormat)frame->format, frame->width, frame->height);
    assert_true(av_frame_copy_props(copy, frame) >= 0);
    for (int i = 0; i < 4 && frame->buf[i] != NULL; i++) {
        memcpy(copy->buf[i]->data, frame->buf[i]->data, frame->buf[i]->size);
    }
    return copy;
}

static void check_add(enum AVPixelFormat format, int round)
{
    const int width = random_int(1, 40);
    const int height = random_int(1, 24);
    AVFrame *before = make_frame(format, width, height);
    before->color_range = round % 2 == 0 ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
    before->colorspace = round % 5 == 0 ? AVCOL_SPC_RGB : AVCOL_SPC_BT709;
    AVFrame *after = copy_of(before);
    const Rect rect = round == 0 ? (Rect){0, 0, width, height} : random_rect(width, height);
    Image delta = {0};
    random_delta(&delta, rect.x1 - rect.x0, rect.y1 - rect.y0, round % 3 == 0 ? 2000.0F : 60.0F);
    assert_int_equal(frame_view_add(after, rect, &delta, NULL), STATUS_OK);
    const Reference r = reference_of(before);
    for (int i = 0; i < r.components; i++) {
        const int w = is_chroma(&r, i) ? AV_CEIL_RSHIFT(width, r.desc->log2_chroma_w) : width;
        const int h = is_chroma(&r, i) ? AV_CEIL_RSHIFT(height, r.desc->log2_chroma_h) : height;
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                check_sample(&r, after, i, x, y, rect, &delta);
            }
        }
    }
    check_rest(before, after, r.components);
    image_free(&delta);
    av_frame_free(&before);
    av_frame_free(&after);
}

static void add_changes_only_what_it_should(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        for (int round = 0; round < 10; round++) {
            check_add(format, round);
        }
    }
}

static void add_on_wide_frames(void **state)
{
    (void)state;
    AVFrame *before = make_frame(AV_PIX_FMT_YUV420P, 1301, 4);
    AVFrame *after = copy_of(before);
    const Rect rect = {5, 1, 1300, 4};
    Image delta = {0};
    random_delta(&delta, 1295, 3, 40);
    assert_int_equal(frame_view_add(after, rect, &delta, NULL), STATUS_OK);
    const Reference r = reference_of(before);
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < (i > 0 ? 2 : 4); y++) {
            for (int x = 0; x < (i > 0 ? 651 : 1301); x++) {
                check_sample(&r, after, i, x, y, rect, &delta);
            }
        }
    }
    image_free(&delta);
    av_frame_free(&before);
    av_frame_free(&after);
}

static void zero_delta_keeps_every_byte(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        AVFrame *before = make_frame(format, 37, 21);
        AVFrame *after = copy_of(before);
        Image delta = {0};
        assert_int_equal(image_resize(&delta, 37, 21, 3, NULL), STATUS_OK);
        image_fill(&delta, 0);
        assert_int_equal(frame_view_add(after, (Rect){0, 0, 37, 21}, &delta, NULL), STATUS_OK);
        for (int i = 0; i < 4 && before->buf[i] != NULL; i++) {
            assert_memory_equal(before->buf[i]->data, after->buf[i]->data, before->buf[i]->size);
        }
        image_free(&delta);
        av_frame_free(&before);
        av_frame_free(&after);
    }
}

/* Where every pixel has its own samples, adding the difference to a target gives the target. */
static void difference_reaches_the_target(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat format;
        float tolerance;
    } cases[] = {
        {AV_PIX_FMT_YUV444P16LE, 0.02F}, {AV_PIX_FMT_YUV444P10LE, 0.5F}, {AV_PIX_FMT_YUV444P, 2.0F},
        {AV_PIX_FMT_GBRP16LE, 0.02F},    {AV_PIX_FMT_BGRA, 0.6F},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        AVFrame *frame = make_frame(cases[k].format, 50, 30);
        const Rect all = {0, 0, 50, 30};
        Image now = {0};
        Image target = {0};
        Image delta = {0};
        assert_int_equal(image_resize(&target, 50, 30, 3, NULL), STATUS_OK);
        assert_int_equal(image_resize(&delta, 50, 30, 3, NULL), STATUS_OK);
        assert_int_equal(frame_view_read(frame, all, &now, NULL), STATUS_OK);
        const ptrdiff_t floats = now.stride * 30 * 3;
        for (ptrdiff_t i = 0; i < floats; i++) {
            target.memory[i] = random_float(0, 255);
            delta.memory[i] = target.memory[i] - now.memory[i];
        }
        assert_int_equal(frame_view_add(frame, all, &delta, NULL), STATUS_OK);
        assert_int_equal(frame_view_read(frame, all, &now, NULL), STATUS_OK);
        for (int i = 0; i < 3 * 30 * 50; i++) {
            const int plane = i / 1500;
            const int y = i / 50 % 30;
            const int x = i % 50;
            assert_true(fabsf(pixel(&now, plane, x, y) - pixel(&target, plane, x, y)) < cases[k].tolerance);
        }
        image_free(&now);
        image_free(&target);
        image_free(&delta);
        av_frame_free(&frame);
    }
}

/* A flat change on 4:2:0 arrives in full, also at odd borders of the frame. */
static void flat_change_arrives_on_420(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P10LE, 21, 13);
    for (int i = 0; i < 3; i++) {
        uint16_t *samples = (uint16_t *)(void *)frame->data[i];
        for (size_t k = 0; k < frame->buf[i]->size / 2; k++) {
            samples[k] = i == 0 ? 400 : 512;
        }
    }
    Image delta = {0};
    assert_int_equal(image_resize(&delta, 21, 13, 3, NULL), STATUS_OK);
    image_fill(&delta, 0);
    for (ptrdiff_t i = 0; i < delta.stride * 13; i++) {
        delta.plane[0][i] = 40;
        delta.plane[2][i] = -20;
    }
    const Rect all = {0, 0, 21, 13};
    Image before = {0};
    Image after = {0};
    assert_int_equal(frame_view_read(frame, all, &before, NULL), STATUS_OK);
    assert_int_equal(frame_view_add(frame, all, &delta, NULL), STATUS_OK);
    assert_int_equal(frame_view_read(frame, all, &after, NULL), STATUS_OK);
    for (int y = 0; y < 13; y++) {
        for (int x = 0; x < 21; x++) {
            for (int i = 0; i < 3; i++) {
                const float change = pixel(&after, i, x, y) - pixel(&before, i, x, y);
                assert_true(fabsf(change - pixel(&delta, i, x, y)) < 0.5F);
            }
        }
    }
    image_free(&delta);
    image_free(&before);
    image_free(&after);
    av_frame_free(&frame);
}

static int block_for(double samples)
{
    return clamped((int)ceil(samples / 1.5 - 1e-6), 1, 64);
}

static double block_mean(const Reference *r, int component, int block_w, int block_h, int column, int row)
{
    const bool chroma = is_chroma(r, component);
    const int width = chroma ? AV_CEIL_RSHIFT(r->frame->width, r->desc->log2_chroma_w) : r->frame->width;
    const int height = chroma ? AV_CEIL_RSHIFT(r->frame->height, r->desc->log2_chroma_h) : r->frame->height;
    column = clamped(column, 0, (width + block_w - 1) / block_w - 1);
    row = clamped(row, 0, (height + block_h - 1) / block_h - 1);
    double sum = 0;
    for (int j = 0; j < block_h; j++) {
        for (int i = 0; i < block_w; i++) {
            sum += code_of(r->frame, component, clamped(column * block_w + i, 0, width - 1),
                           clamped(row * block_h + j, 0, height - 1));
        }
    }
    return sum / (block_w * block_h);
}

static double reference_warped(const Reference *r, int component, const Affine *map, int u, int v,
                               double border)
{
    const bool chroma = is_chroma(r, component);
    const double div_x = chroma ? 1 << r->desc->log2_chroma_w : 1;
    const double div_y = chroma ? 1 << r->desc->log2_chroma_h : 1;
    const double x = (double)map->a * u + (double)map->b * v + map->c;
    const double y = (double)map->d * u + (double)map->e * v + map->f;
    if (border >= 0 && (x < -0.5 || x >= r->frame->width - 0.5 || y < -0.5 || y >= r->frame->height - 0.5)) {
        double grey = r->black[component];
        for (int k = 0; k < 3; k++) {
            grey += r->from[component][k] * border;
        }
        return grey;
    }
    const int block_w = block_for(hypot(map->a, map->b) / div_x);
    const int block_h = block_for(hypot(map->d, map->e) / div_y);
    const double in_x = ((x - (chroma ? r->site_x : 0)) / div_x - (block_w - 1) / 2.0) / block_w;
    const double in_y = ((y - (chroma ? r->site_y : 0)) / div_y - (block_h - 1) / 2.0) / block_h;
    const int column = (int)floor(fmin(fmax(in_x, -10), 1e6));
    const int row = (int)floor(fmin(fmax(in_y, -10), 1e6));
    const double fx = column == -10 || in_x > 1e6 ? 0 : in_x - column;
    const double fy = row == -10 || in_y > 1e6 ? 0 : in_y - row;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        sum += (k % 2 == 0 ? 1 - fx : fx) * (k / 2 == 0 ? 1 - fy : fy) *
               block_mean(r, component, block_w, block_h, column + k % 2, row + k / 2);
    }
    return sum;
}

/* Samples that lie on the frame's very border may fall to either side of it; `strays` says how many pixels of
 * a thousand may differ. */
static void check_warp(const AVFrame *frame, Affine map, int width, int height, float border, int strays)
{
    const Reference r = reference_of(frame);
    Image rgb = {0};
    assert_int_equal(frame_view_warp(frame, &map, width, height, border, &rgb, NULL), STATUS_OK);
    int wrong = 0;
    for (int v = 0; v < height; v++) {
        for (int u = 0; u < width; u++) {
            double codes[3] = {0};
            double want[3];
            for (int i = 0; i < r.components; i++) {
                codes[i] = reference_warped(&r, i, &map, u, v, border);
            }
            codes_to_rgb(&r, codes, want);
            double error = 0;
            for (int i = 0; i < 3; i++) {
                error = fmax(error, fabs(pixel(&rgb, i, u, v) - want[i]));
            }
            wrong += error > 0.1;
        }
    }
    if (wrong * 1000 > strays * width * height) {
        fail_msg("%s: %d of %d pixels differ (%f %f %f %f %f %f, border %f)", r.desc->name, wrong,
                 width * height, (double)map.a, (double)map.b, (double)map.c, (double)map.d, (double)map.e,
                 (double)map.f, (double)border);
    }
    image_free(&rgb);
}

static Affine random_map(float scale, bool upright, const AVFrame *frame, int width, int height)
{
    const float angle = upright ? 0 : random_float(-3.2F, 3.2F);
    Affine map = {scale * cosf(angle), -scale * sinf(angle), 0, scale * sinf(angle), scale * cosf(angle), 0};
    if (random_bits() % 4 == 0) {
        map.a = -map.a;
        map.d = -map.d;
    }
    if (random_bits() % 4 == 0) {
        map.e *= 0.6F;
        map.b *= 0.6F;
    }
    const Point centre = affine_apply(&map, (Point){(float)width / 2, (float)height / 2});
    map.c = (float)frame->width * random_float(0.3F, 0.7F) - centre.x;
    map.f = (float)frame->height * random_float(0.3F, 0.7F) - centre.y;
    return map;
}

static void warp_matches_the_reference(void **state)
{
    (void)state;
    static const float scales[] = {0.3F, 1.0F, 1.4F, 1.7F, 2.6F, 4.0F, 11.0F};
    FOR_EACH_FORMAT(format)
    {
        for (size_t i = 0; i < sizeof scales / sizeof scales[0] * 2; i++) {
            AVFrame *frame = make_frame(format, random_int(1, 60), random_int(1, 50));
            frame->chroma_location = i % 3 == 0 ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
            const int width = random_int(1, 24);
            const Affine map = random_map(scales[i / 2], i % 2 == 0, frame, width, 17);
            check_warp(frame, map, width, 17, -1, 0);
            check_warp(frame, map, width, 17, 77, 20);
            av_frame_free(&frame);
        }
    }
}

static void warp_by_the_identity_is_read(void **state)
{
    (void)state;
    static const enum AVPixelFormat some[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_P010LE, AV_PIX_FMT_YUYV422,
                                              AV_PIX_FMT_RGB24};
    for (size_t k = 0; k < sizeof some / sizeof some[0]; k++) {
        AVFrame *frame = make_frame(some[k], 64, 48);
        Image read = {0};
        Image warped = {0};
        const Affine shift = {1, 0, 11, 0, 1, 7};
        assert_int_equal(frame_view_read(frame, (Rect){11, 7, 64, 48}, &read, NULL), STATUS_OK);
        assert_int_equal(frame_view_warp(frame, &shift, 53, 41, -1, &warped, NULL), STATUS_OK);
        for (int i = 0; i < 3 * 53 * 41; i++) {
            assert_true(fabsf(pixel(&read, i / 2173, i % 53, i / 53 % 41) -
                              pixel(&warped, i / 2173, i % 53, i / 53 % 41)) < 1e-2F);
        }
        image_free(&read);
        image_free(&warped);
        av_frame_free(&frame);
    }
}

/* Large shrinks of wide frames go in several tiles; far-off and degenerate maps must not read astray. */
static void warp_of_extreme_maps(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 5003, 6);
    check_warp(frame, (Affine){4.1F, 0, 1, 0, 1, 0}, 1220, 6, -1, 0);
    check_warp(frame, (Affine){-4.1F, 0, 5000, 0, 1, 0}, 1220, 6, 0, 1);
    check_warp(frame, (Affine){900, 0, 0, 0, 3, 0}, 6, 2, -1, 0);
    av_frame_free(&frame);
    frame = make_frame(AV_PIX_FMT_NV12, 30, 20);
    check_warp(frame, (Affine){0, 0, 12.25F, 0, 0, 3.5F}, 5, 5, -1, 0);
    check_warp(frame, (Affine){1e6F, 0, -1e6F, 0, 1e6F, 1e5F}, 5, 5, 9, 0);
    check_warp(frame, (Affine){0, 1, 0, -1, 0, 0}, 9, 9, -1, 0);
    check_warp(frame, (Affine){1, 0, 1e8F, 0, 1, -1e8F}, 9, 9, -1, 0);
    av_frame_free(&frame);
}

static void misuse_is_an_error(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 16, 16);
    Image image = {0};
    static const Rect bad[] = {{0, 0, 17, 16}, {-1, 0, 4, 4}, {4, 4, 4, 8}, {0, 0, 4, 17}, {0, -2, 4, 4}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Error err = {0};
        assert_int_equal(frame_view_read(frame, bad[i], &image, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_INTERNAL);
    }
    assert_int_equal(image_resize(&image, 4, 4, 3, NULL), STATUS_OK);
    assert_int_equal(frame_view_add(frame, (Rect){0, 0, 5, 4}, &image, NULL), STATUS_FAILED);
    assert_int_equal(frame_view_add(frame, (Rect){14, 0, 18, 4}, &image, NULL), STATUS_FAILED);
    const Affine nan_map = {NAN, 0, 0, 0, 1, 0};
    const Affine far_map = {1, 0, INFINITY, 0, 1, 0};
    assert_int_equal(frame_view_warp(frame, &nan_map, 4, 4, 0, &image, NULL), STATUS_FAILED);
    assert_int_equal(frame_view_warp(frame, &far_map, 4, 4, 0, &image, NULL), STATUS_FAILED);
    frame->format = AV_PIX_FMT_RGB565LE;
    assert_int_equal(frame_view_read(frame, (Rect){0, 0, 4, 4}, &image, NULL), STATUS_FAILED);
    image_free(&image);
    av_frame_free(&frame);
    frame = av_frame_alloc();
    assert_int_equal(frame_view_read(frame, (Rect){0, 0, 4, 4}, &image, NULL), STATUS_FAILED);
    av_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(read_matches_the_reference),
        cmocka_unit_test(read_of_wide_and_high_frames),
        cmocka_unit_test(known_colours),
        cmocka_unit_test(add_changes_only_what_it_should),
        cmocka_unit_test(add_on_wide_frames),
        cmocka_unit_test(zero_delta_keeps_every_byte),
        cmocka_unit_test(difference_reaches_the_target),
        cmocka_unit_test(flat_change_arrives_on_420),
        cmocka_unit_test(warp_matches_the_reference),
        cmocka_unit_test(warp_by_the_identity_is_read),
        cmocka_unit_test(warp_of_extreme_maps),
        cmocka_unit_test(misuse_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
