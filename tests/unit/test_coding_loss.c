/* How coarsely a frame was coded, as its decoder tells. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libavutil/video_enc_params.h>

#include "media/coding_loss.h"

static enum AVPixelFormat pixels = AV_PIX_FMT_YUV420P;

static AVFrame *told(enum AVVideoEncParamsType type, int base, const int *delta, unsigned count)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = (int)pixels;
    AVVideoEncParams *params = av_video_enc_params_create_side_data(frame, type, count);
    assert_non_null(params);
    params->qp = base;
    for (unsigned i = 0; i < count; i++) {
        av_video_enc_params_block(params, i)->delta_qp = delta[i];
    }
    coding_loss_note(frame);
    assert_null(av_frame_get_side_data(frame, AV_FRAME_DATA_VIDEO_ENC_PARAMS));
    return frame;
}

static void the_mean_of_its_blocks_counts(void **state)
{
    (void)state;
    AVFrame *frame = told(AV_VIDEO_ENC_PARAMS_H264, 30, (const int[]){0, 4, -1, 5}, 4);
    assert_float_equal(coding_quantiser(frame), 32, 0.01F);
    AVFrame *copy = av_frame_alloc();
    assert_int_equal(av_frame_copy_props(copy, frame), 0);
    assert_float_equal(coding_quantiser(copy), 32, 0.01F);
    av_frame_free(&copy);
    av_frame_free(&frame);
    frame = told(AV_VIDEO_ENC_PARAMS_H264, 0, (const int[]){0}, 1);
    assert_float_equal(coding_quantiser(frame), 0, 0.01F);
    av_frame_free(&frame);
}

static void a_bit_more_is_six_steps_more(void **state)
{
    (void)state;
    pixels = AV_PIX_FMT_YUV420P10LE;
    AVFrame *frame = told(AV_VIDEO_ENC_PARAMS_H264, 42, (const int[]){0, 2}, 2);
    assert_float_equal(coding_quantiser(frame), 31, 0.01F);
    av_frame_free(&frame);
    pixels = AV_PIX_FMT_YUV420P;
}

static void what_is_not_told_is_not_known(void **state)
{
    (void)state;
    AVFrame *frame = told(AV_VIDEO_ENC_PARAMS_VP9, 200, (const int[]){0}, 1);
    assert_true(coding_quantiser(frame) < 0);
    frame->quality = 12345; /* of some decoder's own */
    coding_loss_note(frame);
    assert_true(coding_quantiser(frame) < 0);
    av_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_of_its_blocks_counts),
        cmocka_unit_test(a_bit_more_is_six_steps_more),
        cmocka_unit_test(what_is_not_told_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
