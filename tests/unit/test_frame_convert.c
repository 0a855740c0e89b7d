/* Frames to RGB and back, against the plain reference. */
#include "frame_reference.h"

static const enum AVColorRange ranges[] = {AVCOL_RANGE_UNSPECIFIED, AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG};
static const enum AVColorSpace spaces[] = {AVCOL_SPC_UNSPECIFIED, AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M,
                                           AVCOL_SPC_BT2020_NCL, AVCOL_SPC_RGB};

static enum AVPixelFormat file_format(const Reference *r)
{
    if (r->desc->comp[0].depth > 8) {
        return r->components == 1 ? AV_PIX_FMT_GRAY16LE : AV_PIX_FMT_RGB48LE;
    }
    return r->components == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
}

static AVFrame *converted(const AVFrame *frame, enum AVPixelFormat format, const AVFrame *colours)
{
    AVFrame *target = make_frame(format, frame->width, frame->height);
    if (colours != NULL) {
        target->color_range = colours->color_range;
        target->colorspace = colours->colorspace;
    }
    assert_int_equal(frame_view_convert(frame, target, NULL), STATUS_OK);
    return target;
}

static void assert_same_codes(const AVFrame *a, const AVFrame *b)
{
    const Reference r = reference_of(a);
    for (int i = 0; i < r.components; i++) {
        for (int y = 0; y < AV_CEIL_RSHIFT(a->height, log2_h(&r, i)); y++) {
            for (int x = 0; x < AV_CEIL_RSHIFT(a->width, log2_w(&r, i)); x++) {
                if (code_of(a, i, x, y) != code_of(b, i, x, y)) {
                    fail_msg("%s, range %d, matrix %d: component %d at (%d, %d): %d became %d", r.desc->name,
                             a->color_range, a->colorspace, i, x, y, code_of(a, i, x, y),
                             code_of(b, i, x, y));
                }
            }
        }
    }
}

static void pictures_come_back_bit_for_bit(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        for (int turn = 0; turn < 15; turn++) {
            const int width = turn == 14 ? 521 : random_int(1, 40);
            AVFrame *frame =
                make_moderate_frame(format, width, random_int(1, 40), ranges[turn % 3], spaces[turn / 3]);
            const Reference r = reference_of(frame);
            AVFrame *picture = converted(frame, file_format(&r), NULL);
            AVFrame *back = converted(picture, format, frame);
            assert_same_codes(frame, back);
            if ((r.desc->flags & AV_PIX_FMT_FLAG_ALPHA) != 0) {
                assert_int_equal(code_of(back, r.desc->nb_components - 1, width - 1, frame->height - 1),
                                 (1 << r.desc->comp[0].depth) - 1);
            }
            av_frame_free(&frame);
            av_frame_free(&picture);
            av_frame_free(&back);
        }
    }
}

/* Also those that RGB cannot show: clipped. */
static void to_rgb_is_the_references(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        for (int turn = 0; turn < 15; turn++) {
            AVFrame *frame = make_frame(format, random_int(1, 40), random_int(1, 24));
            frame->color_range = ranges[turn % 3];
            frame->colorspace = spaces[turn / 3];
            const Reference r = reference_of(frame);
            if (r.components == 1) {
                frame->color_range = AVCOL_RANGE_JPEG; /* grey is taken so, see the other test */
            }
            const Reference full = reference_of(frame);
            AVFrame *picture = converted(frame, AV_PIX_FMT_RGB48LE, NULL);
            for (int k = 0; k < frame->width * frame->height; k++) {
                const int x = k % frame->width;
                const int y = k / frame->width;
                double codes[3] = {0};
                double want[3];
                for (int i = 0; i < r.components; i++) {
                    codes[i] = code_of(frame, i, x >> log2_w(&r, i), y >> log2_h(&r, i));
                }
                codes_to_rgb(&full, codes, want);
                for (int i = 0; i < 3; i++) {
                    const double clipped = fmin(fmax(want[i] * 257, 0), 65535);
                    assert_float_equal(code_of(picture, i, x, y), clipped, 0.6);
                }
            }
            av_frame_free(&frame);
            av_frame_free(&picture);
        }
    }
}

static double mean_of_rgb(const AVFrame *picture, const Reference *r, int component, int x, int y)
{
    double sum = 0;
    int count = 0;
    const int w = 1 << log2_w(r, component);
    const int h = 1 << log2_h(r, component);
    for (int v = y * h; v < (y + 1) * h && v < picture->height; v++) {
        for (int u = x * w; u < (x + 1) * w && u < picture->width; u++) {
            for (int i = 0; i < 3; i++) {
                sum += r->from[component][i] * code_of(picture, i, u, v);
            }
            count++;
        }
    }
    return sum / count + r->black[component];
}

static void from_rgb_is_the_references(void **state)
{
    (void)state;
    FOR_EACH_FORMAT(format)
    {
        for (int turn = 0; turn < 15; turn++) {
            AVFrame *picture = make_frame(AV_PIX_FMT_RGB24, random_int(1, 40), random_int(1, 24));
            AVFrame *tags = av_frame_alloc();
            tags->color_range = ranges[turn % 3];
            tags->colorspace = spaces[turn / 3];
            AVFrame *frame = converted(picture, format, tags);
            const Reference r = reference_of(frame);
            const double max = (1 << r.desc->comp[0].depth) - 1;
            for (int i = 0; i < r.components && r.components == 3; i++) {
                for (int y = 0; y < AV_CEIL_RSHIFT(frame->height, log2_h(&r, i)); y++) {
                    for (int x = 0; x < AV_CEIL_RSHIFT(frame->width, log2_w(&r, i)); x++) {
                        const double want = mean_of_rgb(picture, &r, i, x, y);
                        assert_float_equal(code_of(frame, i, x, y), fmin(fmax(want, 0), max), 0.51);
                    }
                }
            }
            av_frame_free(&picture);
            av_frame_free(&tags);
            av_frame_free(&frame);
        }
    }
}

/* Grey of limited range has codes outside of it, and they stay. */
static void grey_goes_code_by_code(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_GRAY8, 256, 2);
    frame->color_range = AVCOL_RANGE_MPEG;
    for (int i = 0; i < 256; i++) {
        set_code(frame, 0, i, 0, i);
    }
    AVFrame *rgb = converted(frame, AV_PIX_FMT_RGB24, NULL);
    AVFrame *jpeg = converted(frame, AV_PIX_FMT_YUVJ420P, NULL);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(code_of(rgb, 1, i, 0), i);
        assert_int_equal(code_of(jpeg, 0, i, 0), i);
    }
    AVFrame *back = converted(rgb, AV_PIX_FMT_GRAY8, frame);
    AVFrame *again = converted(jpeg, AV_PIX_FMT_GRAY8, frame);
    assert_same_codes(frame, back);
    assert_same_codes(frame, again);
    av_frame_free(&frame);
    av_frame_free(&rgb);
    av_frame_free(&jpeg);
    av_frame_free(&back);
    av_frame_free(&again);
}

/* Green, worked out by hand: what JPEG files hold has a matrix and a range of its own. */
static void matrix_and_range_change(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV444P, 4, 4);
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_MPEG;
    for (int i = 0; i < 48; i++) {
        set_code(frame, i / 16, i % 4, i / 4 % 4, (const int[]){173, 42, 26}[i / 16]);
    }
    AVFrame *tags = av_frame_alloc();
    tags->colorspace = AVCOL_SPC_BT470BG;
    tags->color_range = AVCOL_RANGE_JPEG;
    AVFrame *jpeg = converted(frame, AV_PIX_FMT_YUV420P, tags);
    assert_in_range(code_of(jpeg, 0, 1, 1), 149, 151);
    assert_in_range(code_of(jpeg, 1, 1, 1), 43, 45);
    assert_in_range(code_of(jpeg, 2, 1, 1), 20, 22);
    av_frame_free(&frame);
    av_frame_free(&tags);
    av_frame_free(&jpeg);
}

static void misuse_is_an_error(void **state)
{
    (void)state;
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 16, 8);
    AVFrame *smaller = make_frame(AV_PIX_FMT_RGB24, 16, 7);
    AVFrame *odd = make_frame(AV_PIX_FMT_RGB565LE, 16, 8);
    Error err = {0};
    assert_int_equal(frame_view_convert(frame, smaller, &err), STATUS_FAILED);
    assert_string_equal(err.why, "16x8 is not 16x7");
    assert_int_equal(frame_view_convert(frame, odd, NULL), STATUS_FAILED);
    assert_int_equal(frame_view_convert(odd, frame, NULL), STATUS_FAILED);
    av_frame_free(&frame);
    av_frame_free(&smaller);
    av_frame_free(&odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_come_back_bit_for_bit), cmocka_unit_test(to_rgb_is_the_references),
        cmocka_unit_test(from_rgb_is_the_references),     cmocka_unit_test(grey_goes_code_by_code),
        cmocka_unit_test(matrix_and_range_change),        cmocka_unit_test(misuse_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
