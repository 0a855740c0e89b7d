/* frame_enhancer by generated models whose answers are known (tests/support/make_models.py): every pixel of
 * what comes out, in several formats, with tiles of several sizes. */
#include "face_fixtures.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "face/frame_enhancer.h"

static const int more[3] = {20, -12, 7}; /* red, green, blue: what the models add */
static char root[] = "/tmp/runbatch-frames-XXXXXX";
static char *folder;

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    char *command = text_format("'%s/make_models.py' '%s' real_esrgan_x2 real_esrgan_x4 real_esrgan_x2_fp16",
                                support, root);
    folder = text_format("%s/right", root);
    const int code = system(command); /* NOLINT(cert-env33-c) */
    memory_free(command);
    return code;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int remove_all(void **state)
{
    (void)state;
    memory_free(folder);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static AVFrame *enhance(const AVFrame *frame, const char *model, int tile, float blend)
{
    const ProcessorConfig config = {
        .models_dir = folder,
        .threads = 1,
        .options = {.frame_enhancer_model = model, .frame_enhancer_blend = blend, .tile = tile}};
    const FrameFaces nobody = {0};
    Error err = {0};
    void *state = NULL;
    if (frame_enhancer_kind.open(&state, &config, &err) != STATUS_OK) {
        fail_msg("%s: %s: %s", err.what, err.file, err.why);
    }
    AVFrame *result = av_frame_clone(frame);
    assert_int_equal(frame_enhancer_kind.process(state, 0, result, &nobody, &err), STATUS_OK);
    frame_enhancer_kind.free(&state);
    assert_null(state);
    return result;
}

static int code_at(const AVFrame *frame, int plane, int x, int y)
{
    const uint8_t *row = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
    return av_pix_fmt_desc_get((enum AVPixelFormat)frame->format)->comp[0].depth > 8
               ? ((const uint16_t *)(const void *)row)[x]
               : row[x];
}

/* RGB goes in and comes out as it is. */
static void check_rgb(const char *model, int tile, int width, int height)
{
    static const int channel_of[3] = {1, 2, 0}; /* of planes: green, blue, red */
    AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, width, height, 30, 180);
    frame->pts = 77;
    AVFrame *larger = enhance(frame, model, tile, 1);
    const int factor = frame_enhancer_factor(model);
    const int allowed = strstr(model, "fp16") != NULL ? 1 : 0; /* 11 bits of mantissa */
    assert_int_equal(larger->width, width * factor);
    assert_int_equal(larger->height, height * factor);
    assert_int_equal(larger->pts, 77);
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < larger->height; y++) {
            for (int x = 0; x < larger->width; x++) {
                const int wanted = code_at(frame, p, x / factor, y / factor) + more[channel_of[p]];
                assert_in_range(code_at(larger, p, x, y), wanted - allowed, wanted + allowed);
            }
        }
    }
    av_frame_free(&larger);
    av_frame_free(&frame);
}

static void every_pixel_is_the_models(void **state)
{
    (void)state;
    check_rgb("real_esrgan_x2", 48, 61, 47);
    check_rgb("real_esrgan_x2", 256, 61, 47);
    check_rgb("real_esrgan_x4", 64, 90, 33);
    check_rgb("real_esrgan_x2_fp16", 64, 40, 40);
    check_rgb("real_esrgan_x4", 48, 1, 1);
}

/* Colours that do not change within a tile's pixels come out the same in each format; more red is more V. */
static void formats_keep_their_depth_and_chroma(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12,  AV_PIX_FMT_YUV422P10LE,
                                                 AV_PIX_FMT_YUV444P, AV_PIX_FMT_GRAY8, AV_PIX_FMT_RGB24};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        AVFrame *frame = av_frame_alloc();
        frame->format = (int)formats[i];
        frame->width = 70;
        frame->height = 50;
        frame->color_range = AVCOL_RANGE_MPEG;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);
        const int scale = av_pix_fmt_desc_get(formats[i])->comp[0].depth > 8 ? 4 : 1;
        for (int p = 0; p < 4 && frame->data[p] != NULL; p++) {
            const int rows = formats[i] == AV_PIX_FMT_RGB24 ? 50 : frame_plane_rows(frame, p);
            for (int y = 0; y < rows; y++) {
                uint8_t *row = frame->data[p] + (ptrdiff_t)y * frame->linesize[p];
                for (int x = 0; x < abs(frame->linesize[p]) / (scale > 1 ? 2 : 1); x++) {
                    if (scale > 1) {
                        ((uint16_t *)(void *)row)[x] = (uint16_t)((p == 0 ? 110 : 128) * scale);
                    } else {
                        row[x] = p == 0 ? 110 : 128;
                    }
                }
            }
        }
        AVFrame *larger = enhance(frame, "real_esrgan_x2", 64, 1);
        assert_int_equal(larger->format, formats[i]);
        assert_int_equal(larger->width, 140);
        assert_int_equal(larger->height, 100);
        /* BT.601 by the source's 50 lines: Y' += 0.859 (0.299 * 20 - 0.587 * 12 + 0.114 * 7) */
        if (formats[i] != AV_PIX_FMT_RGB24) {
            const float range = formats[i] != AV_PIX_FMT_GRAY8 ? 219.0F / 255 : 1; /* grey: its codes */
            const float luma = range * (0.299F * 20 - 0.587F * 12 + 0.114F * 7);
            for (int y = 0; y < 100; y += 7) {
                for (int x = 0; x < 140; x += 9) {
                    assert_float_equal((float)code_at(larger, 0, x, y), (110 + luma) * (float)scale, 0.51F);
                }
            }
            if (formats[i] != AV_PIX_FMT_GRAY8) {
                assert_int_equal(larger->colorspace, AVCOL_SPC_SMPTE170M);
            }
        }
        av_frame_free(&larger);
        av_frame_free(&frame);
    }
}

static void half_of_it_is_half_way(void **state)
{
    (void)state;
    AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, 60, 40, 100, 1);
    AVFrame *larger = enhance(frame, "real_esrgan_x2", 64, 0.5F);
    assert_int_equal(code_at(larger, 2, 33, 21), 110);
    assert_int_equal(code_at(larger, 0, 33, 21), 94);
    av_frame_free(&larger);
    av_frame_free(&frame);
}

static void tiles_go_by_what_memory_there_is(void **state)
{
    (void)state;
    assert_int_equal(frame_enhancer_tile(0, "real_esrgan_x2"), 256);
    assert_int_equal(frame_enhancer_tile(0, "real_esrgan_x4"), 128);
    assert_int_equal(frame_enhancer_tile(300, "real_esrgan_x4"), 300);
    assert_int_equal(frame_enhancer_factor("real_esrgan_x4"), 4);
    assert_int_equal(frame_enhancer_factor("gfpgan_1.4"), 1);
    assert_int_equal(frame_enhancer_factor(NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pixel_is_the_models),
        cmocka_unit_test(formats_keep_their_depth_and_chroma),
        cmocka_unit_test(half_of_it_is_half_way),
        cmocka_unit_test(tiles_go_by_what_memory_there_is),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
