/* Reading and changing frames of every supported format, against the plain reference. */
#include "frame_reference.h"

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
    for (int height = 576; height <= 577; height++) { /* unspecified: BT.601 up to here, BT.709 above */
        frame = make_frame(AV_PIX_FMT_YUV420P, 8, height);
        check_read(frame, (Rect){0, 400, 8, height});
        av_frame_free(&frame);
    }
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

/* Wide enough for several tiles; no chroma sample may be changed by halves at a seam. */
static void add_on_wide_frames(void **state)
{
    (void)state;
    for (int shift = 0; shift < 6; shift++) {
        AVFrame *before = make_frame(AV_PIX_FMT_YUV420P, 1301, 8);
        AVFrame *after = copy_of(before);
        const Rect rect = {shift, 1, 1301 - shift % 2, 8};
        Image delta = {0};
        random_delta(&delta, rect.x1 - rect.x0, 7, 40);
        assert_int_equal(frame_view_add(after, rect, &delta, NULL), STATUS_OK);
        const Reference r = reference_of(before);
        for (int i = 0; i < 3; i++) {
            for (int y = 0; y < (i > 0 ? 4 : 8); y++) {
                for (int x = 0; x < (i > 0 ? 651 : 1301); x++) {
                    check_sample(&r, after, i, x, y, rect, &delta);
                }
            }
        }
        image_free(&delta);
        av_frame_free(&before);
        av_frame_free(&after);
    }
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
        cmocka_unit_test(misuse_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
