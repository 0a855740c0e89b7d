/* Users' swappers of every kind, by generated models of their signatures whose answers are known in closed
 * form (tests/support/swapper_models.py). The models for finding the source's face, and the picture, come
 * from scripts/setup.sh. */
#include "face_fixtures.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "face/align.h"
#include "face/face_swapper.h"
#include "face/model_swapper.h"
#include "face/pixel_boost.h"
#include "face/source.h"
#include "media/frame_view.h"

enum { FRAME = 320 };

static const char *const kinds[] = {"inswapper_128", "inswapper_128_fp16",     "hyperswap_1a_256",
                                    "simswap_256",   "simswap_unofficial_512", "ghost_1_256",
                                    "uniface_256",   "blendswap_256"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char root[] = "/tmp/runbatch-swappers-XXXXXX";
static char *picture;
static FaceModels *models;

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    const char *cache = getenv("RUNBATCH_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    picture = cache != NULL ? text_format("%s/media/joconde.jpg", cache)
              : xdg != NULL ? text_format("%s/runbatch/media/joconde.jpg", xdg)
                            : text_format("%s/.cache/runbatch/media/joconde.jpg", getenv("HOME"));
    char *command = text_format("'%s/swapper_models.py' '%s'", support, root);
    const int code = system(command); /* NOLINT(cert-env33-c) */
    memory_free(command);
    Error err = {0};
    const Status status = face_models_open(&models, &(FaceModelsConfig){.threads = 1}, &err);
    if (code != 0 || status != STATUS_OK) {
        print_error("%d; %s: %s\n", code, err.what, err.why);
        return -1;
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int remove_all(void **state)
{
    (void)state;
    face_models_free(&models);
    memory_free(picture);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static Status try_open(const char *what, const char *kind, int boost, void **swapper, Error *err)
{
    char *folder = path_join(root, what);
    const ProcessorConfig config = {
        .models = models,
        .models_dir = folder,
        .provider = PROVIDER_CPU,
        .options = {.source_path = picture, .swapper_model = kind, .pixel_boost = boost},
        .threads = 1,
        .sample_aspect_ratio = {1, 1},
    };
    const Status status = face_swapper_kind.open(swapper, &config, err);
    memory_free(folder);
    return status;
}

static void *open_swapper(const char *what, const char *kind, int boost)
{
    void *swapper = NULL;
    Error err = {0};
    if (try_open(what, kind, boost, &swapper, &err) != STATUS_OK) {
        fail_msg("%s: %s: %s", kind, err.what, err.why);
    }
    return swapper;
}

/* A face that lies on the model's template where `crop` says. */
static FrameFaces face_in(const KnownModel *model, const Affine *crop)
{
    FrameFaces faces = {.count = 1, .face = {{.opacity = 1, .selected = true}}};
    Point points[5];
    align_points(model->align, model->size, points);
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(crop, points[i]);
    }
    put_points(&faces.face[0].mesh, points);
    return faces;
}

static void process(void *swapper, AVFrame *frame, const FrameFaces *faces)
{
    Error err = {0};
    if (face_swapper_kind.process(swapper, 0, frame, faces, &err) != STATUS_OK) {
        fail_msg("%s: %s", err.what, err.why);
    }
}

/* A crop about 180 frame pixels wide, whatever the model's size. */
static Affine some_crop(const KnownModel *model, float degrees)
{
    return crop_at(model->size, 180.0F / (float)model->size, degrees, FRAME / 2.0F - 9, FRAME / 2.0F + 5);
}

/* A mask's edge is blurred over a pixel of whichever is coarser. */
static float margin_of(const KnownModel *model)
{
    return 2.0F / (float)(model->size < 180 ? model->size : 180);
}

static void give_back_the_target_and_no_bit_changes(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_GBRP};
    for (int k = 0; k < KINDS; k++) {
        const KnownModel *model = known_model_find(kinds[k]);
        void *swapper = open_swapper("same", kinds[k], k % 2 == 0 ? 0 : 512);
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
            AVFrame *frame = noisy_frame(formats[f], FRAME, FRAME, 50, 150);
            AVFrame *changed = copy_frame(frame);
            const Affine crop = some_crop(model, 40 * (float)k);
            const FrameFaces faces = face_in(model, &crop);
            process(swapper, changed, &faces);
            assert_true(same_bits(frame, changed));
            av_frame_free(&changed);
            av_frame_free(&frame);
        }
        face_swapper_kind.free(&swapper);
    }
}

static void check_added(const char *kind, int boost)
{
    static const int colour[3] = {20, -12, 7};
    const KnownModel *model = known_model_find(kind);
    void *swapper = open_swapper("add", kind, boost);
    AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, FRAME, FRAME, 60, 130);
    AVFrame *changed = copy_frame(frame);
    const Affine crop = some_crop(model, 25);
    const FrameFaces faces = face_in(model, &crop);
    process(swapper, changed, &faces);
    int inside = 0;
    for (int y = 0; y < FRAME; y++) {
        for (int x = 0; x < FRAME; x++) {
            const float depth = depth_in_crop(&crop, model->size, x, y);
            for (int i = 0; i < 3; i++) {
                const int change = frame_code(changed, i, x, y) - frame_code(frame, i, x, y);
                if (depth < -margin_of(model)) {
                    assert_int_equal(change, 0);
                } else if (depth > paste_feather + margin_of(model)) {
                    assert_int_equal(change, colour[i]);
                    inside++;
                }
            }
        }
    }
    assert_true(inside > 20000);
    av_frame_free(&changed);
    av_frame_free(&frame);
    face_swapper_kind.free(&swapper);
}

static void a_colour_is_added_in_the_right_channels(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        check_added(kinds[k], 0);
    }
}

static void a_larger_crop_goes_through_a_small_model(void **state)
{
    (void)state;
    check_added("inswapper_128", 256);
    check_added("inswapper_128", 512);
    check_added("hyperswap_1a_256", 512);
    check_added("simswap_unofficial_512", 256); /* less than its own: its own */
}

/* Each pixel of the frame shows the place of the crop that lies on it. */
static void what_comes_out_lies_where_it_went_in(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        const KnownModel *model = known_model_find(kinds[k]);
        void *swapper = open_swapper("ramp", kinds[k], 0);
        AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, FRAME, FRAME, 128, 1);
        const Affine crop = some_crop(model, 10 + 45 * (float)k);
        Affine inverse;
        assert_true(affine_invert(&crop, &inverse));
        const FrameFaces faces = face_in(model, &crop);
        process(swapper, frame, &faces);
        for (int y = 0; y < FRAME; y++) {
            for (int x = 0; x < FRAME; x++) {
                if (depth_in_crop(&crop, model->size, x, y) < paste_feather + margin_of(model)) {
                    continue;
                }
                const Point at = affine_apply(&inverse, (Point){(float)x, (float)y});
                const float step = 240.0F / (float)model->size;
                assert_float_equal((float)frame_code(frame, 0, x, y), step * at.x, 0.51F);
                assert_float_equal((float)frame_code(frame, 1, x, y), step * at.y, 0.51F);
                assert_int_equal(frame_code(frame, 2, x, y), 128);
            }
        }
        av_frame_free(&frame);
        face_swapper_kind.free(&swapper);
    }
}

/* ---- the source ---- */

/* Means of R, G, B of the source's face, aligned, 0..255. */
static void source_means(AlignTemplate align, int side, double mean[3])
{
    AVFrame *frame = NULL;
    Mesh mesh;
    Error err = {0};
    Affine map;
    Image crop = {0};
    assert_int_equal(source_face_read(&frame, &mesh, models, picture, &err), STATUS_OK);
    assert_true(align_mesh(&mesh, align, side, (AVRational){1, 1}, &map));
    assert_int_equal(frame_view_warp(frame, &map, side, side, -1, &crop, &err), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        mean[i] = 0;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                const float value = crop.plane[i][y * crop.stride + x];
                mean[i] += (double)fminf(fmaxf(value, 0), 255) / (side * side);
            }
        }
    }
    image_free(&crop);
    av_frame_free(&frame);
}

static void make_unit(double e[EMBEDDING_SIZE])
{
    double sum = 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        sum += e[i] * e[i];
    }
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        e[i] /= sqrt(sum);
    }
}

static void times_matrix(double e[EMBEDDING_SIZE])
{
    double product[EMBEDDING_SIZE] = {0};
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        for (int j = 0; j < EMBEDDING_SIZE; j++) {
            product[j] += e[i] * ((i * 31 + j * 17) % 23 - 11) / 64.0;
        }
    }
    memcpy(e, product, sizeof product);
}

/* What each kind does with the embedding, in its own words. */
static void expected_embedding(const char *kind, double e[EMBEDDING_SIZE])
{
    double mean[3];
    source_means(ALIGN_ARCFACE_112_V2, 112, mean);
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        e[i] = (i % 5 - 2) / 10.0;
        for (int c = 0; c < 3; c++) {
            e[i] += (mean[c] - 127.5) / 127.5 * (i * (c + 3) % 13 - 6) / 10.0;
        }
    }
    const bool ghost = strncmp(kind, "ghost", 5) == 0;
    const bool simswap = strncmp(kind, "simswap", 7) == 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        e[i] = ghost ? 0.25 - e[i] : (simswap ? 2 * e[i] + 0.5 : e[i]);
    }
    if (!ghost) {
        make_unit(e);
    }
    if (strncmp(kind, "inswapper", 9) == 0) {
        times_matrix(e);
        make_unit(e);
    }
}

static void expected_colour(const char *kind, double colour[3])
{
    if (strcmp(kind, "uniface_256") == 0 || strcmp(kind, "blendswap_256") == 0) {
        const bool uniface = strcmp(kind, "uniface_256") == 0;
        source_means(uniface ? ALIGN_FFHQ_512 : ALIGN_ARCFACE_112_V2, uniface ? 256 : 112, colour);
        for (int i = 0; i < 3; i++) {
            colour[i] = colour[i] / 255 * 200 + 20;
        }
        return;
    }
    double e[EMBEDDING_SIZE];
    expected_embedding(kind, e);
    for (int c = 0; c < 3; c++) {
        colour[c] = 128;
        for (int i = 0; i < EMBEDDING_SIZE; i++) {
            colour[c] += e[i] * (i * (c + 2) % 17 - 8) * 25;
        }
        colour[c] = fmin(fmax(colour[c], 0), 255);
    }
}

static void each_kind_gets_the_source_as_it_wants_it(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        const KnownModel *model = known_model_find(kinds[k]);
        void *swapper = open_swapper("source", kinds[k], 0);
        AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, FRAME, FRAME, 128, 1);
        const Affine crop = some_crop(model, -15);
        const FrameFaces faces = face_in(model, &crop);
        process(swapper, frame, &faces);
        double colour[3];
        expected_colour(kinds[k], colour);
        print_message("%s: %.3f %.3f %.3f\n", kinds[k], colour[0], colour[1], colour[2]);
        for (int i = 0; i < 3; i++) {
            const int code = frame_code(frame, i, FRAME / 2, FRAME / 2);
            assert_true(fabs(code - colour[i]) < 0.502);
        }
        av_frame_free(&frame);
        face_swapper_kind.free(&swapper);
    }
}

/* ---- what cannot be ---- */

static void expect_refusal(const char *what, const char *kind, ErrorClass class_, const char *said)
{
    void *swapper = NULL;
    Error err = {0};
    assert_int_equal(try_open(what, kind, 0, &swapper, &err), STATUS_FAILED);
    assert_null(swapper);
    assert_int_equal(err.class_, class_);
    char text[4096];
    (void)error_text(&err, text, sizeof text);
    if (strstr(text, said) == NULL) {
        fail_msg("\"%s\" is not in: %s", said, text);
    }
}

static void move_file(const char *from, const char *to)
{
    char *a = path_join(root, from);
    char *b = path_join(root, to);
    assert_int_equal(rename(a, b), 0);
    memory_free(a);
    memory_free(b);
}

static void what_is_missing_or_wrong_is_said(void **state)
{
    (void)state;
    expect_refusal("same", "inswapper_129", ERROR_USAGE, "hyperswap_1a_256");
    expect_refusal("same", "w600k_r50", ERROR_USAGE, "no model for it is called \"w600k_r50\"");
    expect_refusal("same", "ghost_2_256", ERROR_MODEL, "ghost_2_256.onnx");
    move_file("same/w600k_r50.onnx", "same/away");
    expect_refusal("same", "inswapper_128", ERROR_MODEL, "w600k_r50.onnx");
    void *swapper = open_swapper("same", "uniface_256", 0); /* needs no embedding */
    face_swapper_kind.free(&swapper);
    move_file("same/away", "same/w600k_r50.onnx");
    move_file("same/crossface_ghost.onnx", "same/away");
    expect_refusal("same", "ghost_1_256", ERROR_MODEL, "crossface_ghost.onnx");
    move_file("same/away", "same/crossface_ghost.onnx");
    move_file("same/uniface_256.onnx", "same/away");
    move_file("same/blendswap_256.onnx", "same/uniface_256.onnx");
    expect_refusal("same", "uniface_256", ERROR_MODEL, "[1,3,112,112]");
}

static void needs_are_told_before_anything_is_opened(void **state)
{
    (void)state;
    ProcessorNeeds needs = {0};
    Error err = {0};
    assert_int_equal(face_swapper_kind.needs(&(ProcessorOptions){.swapper_model = "mesh"}, &needs, &err),
                     STATUS_OK);
    assert_int_equal(needs.model_count, 0);
    ProcessorOptions options = {.swapper_model = "simswap_256"};
    assert_int_equal(face_swapper_kind.needs(&options, &needs, &err), STATUS_OK);
    assert_int_equal(needs.model_count, 3);
    static const char *const names[3] = {"w600k_r50", "crossface_simswap", "simswap_256"};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(needs.models[i].model->name, names[i]);
        assert_int_equal(needs.models[i].passing, i < 2);
    }
    const int64_t plain = needs.thread_bytes;
    options.pixel_boost = 1024;
    needs = (ProcessorNeeds){0};
    assert_int_equal(face_swapper_kind.needs(&options, &needs, &err), STATUS_OK);
    assert_int_equal(needs.thread_bytes - plain, (1024 * 1024 - 256 * 256) * (int64_t)PASTE_PIXEL_BYTES);
}

/* ---- phases ---- */

static void phases_are_every_nth_pixel(void **state)
{
    (void)state;
    Image large = {0};
    Image small = {0};
    Image again = {0};
    Error err = {0};
    assert_int_equal(image_resize(&large, 12, 12, 3, &err), STATUS_OK);
    assert_int_equal(image_resize(&again, 12, 12, 3, &err), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < 12; y++) {
            for (int x = 0; x < 12; x++) {
                large.plane[i][y * large.stride + x] = (float)(10000 * i + 100 * y + x);
            }
        }
    }
    for (int phase = 0; phase < 9; phase++) {
        assert_int_equal(pixel_boost_take(&large, 3, phase, &small, &err), STATUS_OK);
        assert_int_equal(small.width, 4);
        assert_int_equal(small.height, 4);
        /* the second row's third pixel */
        assert_float_equal(small.plane[1][small.stride + 2],
                           10000 + 100.0F * (float)(3 + phase / 3) + (float)(6 + phase % 3), 0);
        pixel_boost_put(&small, 3, phase, &again);
    }
    for (int i = 0; i < 3; i++) {
        for (int y = 0; y < 12; y++) {
            assert_memory_equal(again.plane[i] + y * again.stride, large.plane[i] + y * large.stride,
                                12 * sizeof(float));
        }
    }
    image_free(&large);
    image_free(&small);
    image_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(give_back_the_target_and_no_bit_changes),
        cmocka_unit_test(a_colour_is_added_in_the_right_channels),
        cmocka_unit_test(a_larger_crop_goes_through_a_small_model),
        cmocka_unit_test(what_comes_out_lies_where_it_went_in),
        cmocka_unit_test(each_kind_gets_the_source_as_it_wants_it),
        cmocka_unit_test(needs_are_told_before_anything_is_opened),
        cmocka_unit_test(phases_are_every_nth_pixel),
        cmocka_unit_test(what_is_missing_or_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
