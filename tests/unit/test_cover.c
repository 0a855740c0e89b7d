/* What is left of a covered face, and that nothing else is touched. */
#include "face_fixtures.h"

#include "face/cover.h"
#include "media/frame_view.h"

enum { WIDTH = 300, HEIGHT = 260 };

static const FaceEllipse face = {.cx = 150, .cy = 120, .rx = 60, .ry = 80, .angle = 0.3F};

static void cover(AVFrame *frame, const FaceEllipse *at, CoverWay way)
{
    Cover *own = cover_new();
    cover_ellipse(own, frame, at, way);
    cover_free(&own);
}

static Image picture_of(const AVFrame *frame)
{
    Image rgb = {0};
    Error err = {0};
    assert_int_equal(frame_view_read(frame, (Rect){0, 0, frame->width, frame->height}, &rgb, &err),
                     STATUS_OK);
    return rgb;
}

/* Distance from the middle in half axes. */
static float place_in(const FaceEllipse *at, int x, int y)
{
    const float dx = (float)x - at->cx;
    const float dy = (float)y - at->cy;
    return hypotf((dx * cosf(at->angle) + dy * sinf(at->angle)) / at->rx,
                  (dy * cosf(at->angle) - dx * sinf(at->angle)) / at->ry);
}

/* The mean difference between neighbours inside. */
static float roughness(const Image *rgb, const FaceEllipse *at)
{
    double sum = 0;
    int count = 0;
    for (int y = 0; y < rgb->height; y++) {
        for (int x = 0; x + 1 < rgb->width; x++) {
            if (place_in(at, x, y) < 0.95F && place_in(at, x + 1, y) < 0.95F) {
                sum += (double)fabsf(rgb->plane[1][y * rgb->stride + x + 1] -
                                     rgb->plane[1][y * rgb->stride + x]);
                count++;
            }
        }
    }
    return (float)(sum / count);
}

static void outside_no_bit_changes(void **state)
{
    (void)state;
    for (int way = COVER_BLUR; way <= COVER_SOLID; way++) {
        AVFrame *frame = noisy_frame(AV_PIX_FMT_YUV444P, WIDTH, HEIGHT, 70, 110);
        AVFrame *before = copy_frame(frame);
        cover(frame, &face, (CoverWay)way);
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                if (place_in(&face, x, y) > 1.13F) {
                    assert_int_equal(frame->data[0][y * frame->linesize[0] + x],
                                     before->data[0][y * before->linesize[0] + x]);
                }
            }
        }
        av_frame_free(&before);
        av_frame_free(&frame);
    }
}

static void detail_is_gone_inside(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_GBRP};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        for (int way = COVER_BLUR; way <= COVER_SOLID; way++) {
            AVFrame *frame = noisy_frame(formats[f], WIDTH, HEIGHT, 70, 110);
            Image before = picture_of(frame);
            cover(frame, &face, (CoverWay)way);
            Image after = picture_of(frame);
            assert_true(roughness(&after, &face) < roughness(&before, &face) / 15);
            image_free(&before);
            image_free(&after);
            av_frame_free(&frame);
        }
    }
}

/* Two faces that differ in their detail alone cannot be told apart: what is left is the cells' means. */
static void what_differs_within_a_cell_is_lost(void **state)
{
    (void)state;
    AVFrame *one = noisy_frame(AV_PIX_FMT_GBRP, WIDTH, HEIGHT, 100, 1);
    AVFrame *other = noisy_frame(AV_PIX_FMT_GBRP, WIDTH, HEIGHT, 100, 1);
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                other->data[p][y * other->linesize[p] + x] = (uint8_t)((x + y) % 2 == 0 ? 60 : 140);
            }
        }
    }
    cover(one, &face, COVER_PIXELATE);
    cover(other, &face, COVER_PIXELATE);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            if (place_in(&face, x, y) < 1) {
                const int a = one->data[0][y * one->linesize[0] + x];
                const int b = other->data[0][y * other->linesize[0] + x];
                assert_in_range(abs(a - b), 0, 1);
            }
        }
    }
    av_frame_free(&one);
    av_frame_free(&other);
}

static void larger_faces_keep_no_more_cells(void **state)
{
    (void)state;
    for (int size = 20; size <= 120; size += 20) {
        const FaceEllipse at = {.cx = 150, .cy = 130, .rx = (float)size, .ry = (float)size};
        AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, WIDTH, HEIGHT, 70, 110);
        cover(frame, &at, COVER_PIXELATE);
        int steps = 0;
        for (int x = 150 - size; x < 150 + size - 1; x++) {
            const uint8_t *row = frame->data[0] + (ptrdiff_t)130 * frame->linesize[0];
            steps += row[x] != row[x + 1];
        }
        assert_in_range(steps, 1, COVER_CELLS + 1);
        av_frame_free(&frame);
    }
}

static void any_ellipse_is_covered_safely(void **state)
{
    (void)state;
    static const FaceEllipse places[] = {
        {-30, 100, 50, 60, 0},       {299, 259, 40, 50, 1},    {150, 120, 4000, 5000, 0},
        {150, 120, 0.2F, 0.3F, 0},   {150, 120, 0, 50, 0},     {NAN, 120, 50, 50, 0},
        {150, 120, 50, INFINITY, 0}, {1e9F, -1e9F, 50, 50, 0}, {150, 120, 50, 50, NAN},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int way = COVER_BLUR; way <= COVER_SOLID; way++) {
            AVFrame *frame = noisy_frame(AV_PIX_FMT_YUV420P, WIDTH + 1, HEIGHT + 1, 70, 110);
            cover(frame, &places[i], (CoverWay)way);
            av_frame_free(&frame);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_no_bit_changes),
        cmocka_unit_test(detail_is_gone_inside),
        cmocka_unit_test(what_differs_within_a_cell_is_lost),
        cmocka_unit_test(larger_faces_keep_no_more_cells),
        cmocka_unit_test(any_ellipse_is_covered_safely),
    };
    return cmocka_run_group_tests_name("cover", tests, NULL, NULL);
}
