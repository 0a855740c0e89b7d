#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <libavutil/pixdesc.h>

#include "face/scene_cut.h"

/* A picture of soft blobs; other `kind`s have others. 0..1. */
static float picture(int kind, float x, float y)
{
    float k = (float)kind;
    float blobs = sinf((9.0f + 4.0f * k) * x + 2.0f * k) * cosf((15.0f - 3.0f * k) * y - k);
    return 0.5f + 0.25f * blobs + 0.2f * cosf((7.0f + 5.0f * k) * (y + k * x) + k * 5.0f);
}

static AVFrame *make_frame(enum AVPixelFormat format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

static void paint(AVFrame *frame, int kind, float gain, float offset, float shift)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    int depth = format->comp[0].depth;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            float value =
                picture(kind, (float)x / (float)frame->width + shift, (float)y / (float)frame->height);
            value = fminf(fmaxf(value * gain + offset, 0.0f), 1.0f) * (float)((1 << depth) - 1);
            uint8_t *at = frame->data[0] + (ptrdiff_t)y * frame->linesize[0] + x * format->comp[0].step;
            for (int c = 0; c < format->nb_components; c++) {
                if (format->comp[c].plane != 0 || (format->flags & AV_PIX_FMT_FLAG_RGB) == 0) {
                    continue;
                }
                at[format->comp[c].offset] = (uint8_t)value;
            }
            if ((format->flags & AV_PIX_FMT_FLAG_RGB) == 0) {
                unsigned bits = (unsigned)value << format->comp[0].shift;
                at[format->comp[0].offset] = (uint8_t)bits;
                if (depth > 8) {
                    at[1] = (uint8_t)(bits >> 8);
                }
            }
        }
    }
}

static void cuts_are_seen_and_other_changes_are_not(void **state)
{
    (void)state;
    const struct {
        int kind;
        float gain, offset, shift;
        bool cut;
    } frames[] = {
        {1, 1.0f, 0.0f, 0.0f, true},                                   /* the first frame */
        {1, 1.0f, 0.0f, 0.01f, false},                                 /* a slow pan */
        {1, 1.0f, 0.0f, 0.02f, false}, {1, 0.5f, 0.45f, 0.02f, false}, /* a flash */
        {1, 1.0f, 0.0f, 0.02f, false}, {2, 1.0f, 0.0f, 0.02f, true},   /* a cut */
        {2, 1.0f, 0.0f, 0.03f, false}, {3, 1.0f, 0.0f, 0.03f, true},   /* and one right after */
        {3, 1.0f, 0.0f, 0.10f, false},                                 /* the camera is swung about */
        {3, 1.0f, 0.0f, 0.18f, false}, {3, 1.0f, 0.0f, 0.11f, false},
        {3, 1.0f, 0.0f, 0.03f, false}, {3, 0.6f, 0.0f, 0.03f, false}, /* fading out */
        {3, 0.3f, 0.0f, 0.03f, false}, {3, 0.1f, 0.0f, 0.03f, false},
    };
    const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_NV12,
                                          AV_PIX_FMT_P010LE, AV_PIX_FMT_RGB24};
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        AVFrame *frame = make_frame(formats[f], 161, 91);
        SceneCut detector = {0};
        for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
            paint(frame, frames[i].kind, frames[i].gain, frames[i].offset, frames[i].shift);
            assert_int_equal(scene_cut_next(&detector, frame), frames[i].cut);
        }
        av_frame_free(&frame);
    }
}

static void thumbnails_of_all_formats_agree(void **state)
{
    (void)state;
    const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_NV12,    AV_PIX_FMT_P010LE,
                                          AV_PIX_FMT_RGB24,       AV_PIX_FMT_YUYV422, AV_PIX_FMT_GRAY16LE};
    AVFrame *plain = make_frame(AV_PIX_FMT_GRAY8, 160, 90);
    paint(plain, 1, 1.0f, 0.0f, 0.0f);
    SceneThumbnail expected;
    assert_true(scene_thumbnail(plain, &expected));
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        AVFrame *frame = make_frame(formats[f], 160, 90);
        paint(frame, 1, 1.0f, 0.0f, 0.0f);
        SceneThumbnail thumbnail;
        assert_true(scene_thumbnail(frame, &thumbnail));
        for (int i = 0; i < SCENE_CELLS; i++) {
            assert_float_equal(thumbnail.cell[i], expected.cell[i], 1.0f);
        }
        av_frame_free(&frame);
    }
    av_frame_free(&plain);
}

static void tiny_flat_and_unreadable_frames_are_survived(void **state)
{
    (void)state;
    SceneCut detector = {0};
    AVFrame *tiny = make_frame(AV_PIX_FMT_YUV420P, 1, 1);
    tiny->data[0][0] = 16;
    assert_true(scene_cut_next(&detector, tiny));
    assert_false(scene_cut_next(&detector, tiny));
    AVFrame *small = make_frame(AV_PIX_FMT_YUV420P, 16, 16);
    paint(small, 1, 0.0f, 0.1f, 0.0f);
    assert_true(scene_cut_next(&detector, small)); /* another size */
    paint(small, 1, 0.0f, 0.9f, 0.0f);
    assert_false(scene_cut_next(&detector, small)); /* black to white: nothing is there to be cut */
    AVFrame *palette = make_frame(AV_PIX_FMT_PAL8, 16, 16);
    assert_false(scene_cut_next(&detector, palette));
    av_frame_free(&palette);
    av_frame_free(&small);
    av_frame_free(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_seen_and_other_changes_are_not),
        cmocka_unit_test(thumbnails_of_all_formats_agree),
        cmocka_unit_test(tiny_flat_and_unreadable_frames_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
