/* Crops out of a frame and back: nothing changed is no bit changed, a change is exactly that change. */
#include "face_fixtures.h"

#include "face/crop_tensor.h"
#include "face/paste.h"

enum { SIZE = 64, FRAME = 240 };

static const Face whole_face = {.opacity = 1};

/* Anything at all within the legal range. */
static AVFrame *any_frame(enum AVPixelFormat format)
{
    return noisy_frame(format, FRAME, FRAME - 10, 70, 110);
}

static Affine turned(float scale, float degrees)
{
    return crop_at(SIZE, scale, degrees, FRAME / 2.0F, FRAME / 2.0F);
}

static void take(Paste *paste, const AVFrame *frame, const Affine *map)
{
    Error err = {0};
    assert_int_equal(paste_take(paste, frame, &whole_face, map, SIZE, &err), STATUS_OK);
}

static void give(Paste *paste, AVFrame *frame)
{
    Error err = {0};
    assert_int_equal(paste_give(paste, frame, &err), STATUS_OK);
}

/* The ways models want and give values; BGR for every other. */
static const struct {
    float mean[3], scale[3], out_scale[3], out_offset[3];
} ranges[] = {
    {{0}, {1 / 255.0F, 1 / 255.0F, 1 / 255.0F}, {255, 255, 255}, {0}},
    {{127.5F, 127.5F, 127.5F},
     {1 / 127.5F, 1 / 127.5F, 1 / 127.5F},
     {127.5F, 127.5F, 127.5F},
     {127.5F, 127.5F, 127.5F}},
    {{123.675F, 116.28F, 103.53F},
     {1 / 58.395F, 1 / 57.12F, 1 / 57.375F},
     {58.395F, 57.12F, 57.375F},
     {123.675F, 116.28F, 103.53F}},
};

static void a_model_that_changes_nothing_changes_no_bit(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE,
                                                 AV_PIX_FMT_YUV444P, AV_PIX_FMT_GBRP};
    static const float scales[] = {0.15F, 0.4F, 1, 1.3F, 3.7F, 9};
    static float tensor[3 * SIZE * SIZE];
    Paste *paste = paste_new(NULL, 0);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        AVFrame *frame = any_frame(formats[f]);
        AVFrame *changed = copy_frame(frame);
        for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
            const Affine map = turned(scales[i], 23 * (float)i);
            const size_t r = i % (sizeof ranges / sizeof *ranges);
            take(paste, changed, &map);
            crop_to_tensor(&paste_crop(paste)->rgb, i % 2 == 1, ranges[r].mean, ranges[r].scale, tensor);
            crop_from_tensor(tensor, i % 2 == 1, ranges[r].out_scale, ranges[r].out_offset,
                             paste_result(paste));
            give(paste, changed);
            assert_true(same_bits(frame, changed));
        }
        av_frame_free(&changed);
        av_frame_free(&frame);
    }
    paste_free(&paste);
}

static void add_colour(Paste *paste, const float colour[3])
{
    const Image *rgb = &paste_crop(paste)->rgb;
    Image *result = paste_result(paste);
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                result->plane[i][y * result->stride + x] = rgb->plane[i][y * rgb->stride + x] + colour[i];
            }
        }
    }
}

/* The frame's finest detail stays under a change of colour, whatever the sizes. */
static void a_colour_that_is_added_is_that_colour(void **state)
{
    (void)state;
    static const float colour[3] = {20, -12, 7};
    static const float scales[] = {0.2F, 0.5F, 1, 1.4F, 3, 5};
    Paste *paste = paste_new(NULL, 0);
    AVFrame *frame = any_frame(AV_PIX_FMT_GBRP);
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        AVFrame *changed = copy_frame(frame);
        const Affine map = turned(scales[k], 31 * (float)k);
        take(paste, changed, &map);
        add_colour(paste, colour);
        give(paste, changed);
        /* where several crop pixels make one of the frame, the mask's edge is blurred over a frame pixel */
        const float margin = fmaxf(1 / scales[k], 1) * 1.5F / SIZE;
        int inside = 0;
        for (int y = 0; y < frame->height; y++) {
            for (int x = 0; x < frame->width; x++) {
                const float depth = depth_in_crop(&map, SIZE, x, y);
                for (int i = 0; i < 3; i++) {
                    const int change = frame_code(changed, i, x, y) - frame_code(frame, i, x, y);
                    if (depth < -margin) {
                        assert_int_equal(change, 0);
                    } else if (depth > paste_feather + margin) {
                        assert_int_equal(change, (int)colour[i]);
                        inside++;
                    } else {
                        assert_in_range(change * (colour[i] > 0 ? 1 : -1), 0, (int)fabsf(colour[i]));
                    }
                }
            }
        }
        assert_true(inside > 0);
        av_frame_free(&changed);
    }
    av_frame_free(&frame);
    paste_free(&paste);
}

/* Hard stripes of 8 pixels. */
static AVFrame *striped_frame(void)
{
    AVFrame *frame = any_frame(AV_PIX_FMT_GBRP);
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < frame->height; y++) {
            uint8_t *row = frame->data[p] + (ptrdiff_t)y * frame->linesize[p];
            for (int x = 0; x < frame->width; x++) {
                row[x] = x / 8 % 2 == 0 ? 40 : 200;
            }
        }
    }
    return frame;
}

/* A face whose crop is coarser than the frame must not keep edges that the model took away. */
static void old_edges_do_not_show_through(void **state)
{
    (void)state;
    static const float scales[] = {0.3F, 1, 2, 3};
    Paste *paste = paste_new(NULL, 0);
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        AVFrame *frame = striped_frame();
        const Affine map = turned(scales[k], 0);
        take(paste, frame, &map);
        Image *result = paste_result(paste);
        image_fill(result, 120);
        give(paste, frame);
        const float margin = fmaxf(1 / scales[k], 1) * 1.5F / SIZE;
        for (int y = 0; y < frame->height; y++) {
            for (int x = 0; x < frame->width; x++) {
                if (depth_in_crop(&map, SIZE, x, y) > paste_feather + margin) {
                    assert_in_range(frame_code(frame, 0, x, y), 119, 121);
                }
            }
        }
        av_frame_free(&frame);
    }
    paste_free(&paste);
}

/* What is made at a place of the crop is seen at that place of the frame. */
static void results_lie_where_the_crop_was_taken(void **state)
{
    (void)state;
    static const float degrees[] = {0, 90, 200, 315};
    Paste *paste = paste_new(NULL, 0);
    for (size_t k = 0; k < sizeof degrees / sizeof *degrees; k++) {
        AVFrame *frame = any_frame(AV_PIX_FMT_GBRP);
        AVFrame *before = copy_frame(frame);
        const Affine map = turned(2, degrees[k]);
        take(paste, frame, &map);
        add_colour(paste, (const float[3]){0, 0, 0});
        Image *result = paste_result(paste);
        for (int i = -1; i <= 1; i++) {
            for (int j = -1; j <= 1; j++) {
                result->plane[0][(20 + i) * result->stride + 40 + j] += 30; /* x 40, y 20 */
            }
        }
        give(paste, frame);
        Point sum = {0};
        float weight = 0;
        for (int y = 0; y < frame->height; y++) {
            for (int x = 0; x < frame->width; x++) {
                const float change = (float)(frame_code(frame, 0, x, y) - frame_code(before, 0, x, y));
                sum.x += change * (float)x;
                sum.y += change * (float)y;
                weight += change;
            }
        }
        const Point at = affine_apply(&map, (Point){40, 20});
        assert_float_equal(sum.x / weight, at.x, 0.5F);
        assert_float_equal(sum.y / weight, at.y, 0.5F);
        av_frame_free(&before);
        av_frame_free(&frame);
    }
    paste_free(&paste);
}

typedef struct MaskCall {
    int thread;
    const AVFrame *frame;
    const Face *face;
} MaskCall;

static Status right_half(void *context, int thread, const Crop *crop, const Image *result, Image *mask,
                         Error *err)
{
    (void)err;
    assert_int_equal(result->width, crop->rgb.width);
    *(MaskCall *)context = (MaskCall){thread, crop->frame, crop->face};
    for (int y = 0; y < mask->height; y++) {
        for (int x = 0; x < mask->width; x++) {
            mask->plane[0][y * mask->stride + x] = x < SIZE / 2 ? 0 : 1;
        }
    }
    return STATUS_OK;
}

static void another_mask_decides(void **state)
{
    (void)state;
    MaskCall call = {0};
    const CropMask mask = {right_half, &call};
    Paste *paste = paste_new(&mask, 3);
    AVFrame *frame = any_frame(AV_PIX_FMT_GBRP);
    AVFrame *before = copy_frame(frame);
    const Affine map = {.a = 1, .c = 50, .e = 1, .f = 60};
    Face half = {.opacity = 0.5F};
    Error err = {0};
    assert_int_equal(paste_take(paste, frame, &half, &map, SIZE, &err), STATUS_OK);
    add_colour(paste, (const float[3]){40, 40, 40});
    give(paste, frame);
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            const bool inside = x >= 50 + SIZE / 2 && x < 50 + SIZE && y >= 60 && y < 60 + SIZE;
            assert_int_equal(frame_code(frame, 1, x, y) - frame_code(before, 1, x, y), inside ? 20 : 0);
        }
    }
    assert_int_equal(call.thread, 3);
    assert_ptr_equal(call.frame, frame);
    assert_ptr_equal(call.face, &half);
    av_frame_free(&before);
    av_frame_free(&frame);
    paste_free(&paste);
}

static void faces_at_the_edge_and_beyond_it(void **state)
{
    (void)state;
    Paste *paste = paste_new(NULL, 0);
    AVFrame *frame = any_frame(AV_PIX_FMT_YUV420P);
    AVFrame *before = copy_frame(frame);
    Error err = {0};
    static const float places[][2] = {{-30, -20}, {FRAME - 30, FRAME - 50}, {-60, 50}, {90, FRAME - 12}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const Affine map = {.a = 1, .c = places[i][0], .e = 1, .f = places[i][1]};
        take(paste, frame, &map);
        add_colour(paste, (const float[3]){0, 0, 0});
        give(paste, frame);
    }
    assert_true(same_bits(before, frame));
    static const float outside[][2] = {{-64, 0}, {FRAME, 0}, {0, FRAME - 9}, {10, -70}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        const Affine map = {.a = 1, .c = outside[i][0], .e = 1, .f = outside[i][1]};
        assert_int_equal(paste_take(paste, frame, &whole_face, &map, SIZE, &err), STATUS_AGAIN);
    }
    const Affine flat = {0};
    assert_int_equal(paste_take(paste, frame, &whole_face, &flat, SIZE, &err), STATUS_AGAIN);
    av_frame_free(&before);
    av_frame_free(&frame);
    paste_free(&paste);
}

static void what_is_no_number_does_no_harm(void **state)
{
    (void)state;
    static float tensor[3 * 4] = {NAN, INFINITY, -INFINITY, 0.5F, 2, -1, 0, 1, 0, 0, 0, 0};
    static const float expected[4] = {0, 255, 0, 127.5F};
    static const float scale[3] = {255, 255, 255};
    static const float offset[3] = {0};
    Image rgb = {0};
    Error err = {0};
    assert_int_equal(image_resize(&rgb, 2, 2, 3, &err), STATUS_OK);
    crop_from_tensor(tensor, true, scale, offset, &rgb);
    for (int i = 0; i < 4; i++) {
        assert_float_equal(rgb.plane[2][i / 2 * rgb.stride + i % 2], expected[i], 1e-4F);
    }
    assert_float_equal(rgb.plane[1][0], 255, 1e-4F);
    assert_float_equal(rgb.plane[1][1], 0, 1e-4F);
    image_free(&rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_changes_nothing_changes_no_bit),
        cmocka_unit_test(a_colour_that_is_added_is_that_colour),
        cmocka_unit_test(old_edges_do_not_show_through),
        cmocka_unit_test(results_lie_where_the_crop_was_taken),
        cmocka_unit_test(another_mask_decides),
        cmocka_unit_test(faces_at_the_edge_and_beyond_it),
        cmocka_unit_test(what_is_no_number_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
