/* face_enhancer: users' models by generated ones whose answers are known (tests/support/make_models.py), and
 * the built-in way on a photo that is blurred, noisy, or as it was. The models for finding the face, and the
 * photo, come from scripts/setup.sh. */
#include "face_fixtures.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "face/align.h"
#include "face/face_enhancer.h"
#include "face/fineness.h"
#include "face/source.h"
#include "media/frame_view.h"

enum { FRAME = 320 };

static const char *const kinds[] = {
    "gfpgan_1.2",   "gfpgan_1.3",   "gfpgan_1.4",   "codeformer", "restoreformer_plus_plus",
    "gpen_bfr_256", "gpen_bfr_512", "gpen_bfr_1024"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char root[] = "/tmp/runbatch-enhancers-XXXXXX";
static FaceModels *models;
static AVFrame *photo; /* yuv420p */
static FrameFaces photo_faces;
static FaceEllipse photo_face;

static void read_photo(const char *name)
{
    const char *cache = getenv("RUNBATCH_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    char *path = cache != NULL ? text_format("%s/media/%s", cache, name)
                 : xdg != NULL ? text_format("%s/runbatch/media/%s", xdg, name)
                               : text_format("%s/.cache/runbatch/media/%s", getenv("HOME"), name);
    Error err = {0};
    AVFrame *read = NULL;
    photo_faces = (FrameFaces){.count = 1, .face = {{.opacity = 1, .selected = true}}};
    assert_int_equal(source_face_read(&read, &photo_faces.face[0].mesh, models, path, &err), STATUS_OK);
    photo = noisy_frame(AV_PIX_FMT_YUV420P, read->width / 2 * 2, read->height / 2 * 2, 0, 1);
    photo_face = face_ellipse_of_mesh(&photo_faces.face[0].mesh);
    read->width = photo->width;
    read->height = photo->height;
    assert_int_equal(frame_view_convert(read, photo, &err), STATUS_OK);
    av_frame_free(&read);
    memory_free(path);
}

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    char *command = text_format("'%s/make_models.py' '%s'", support, root);
    const int code = system(command); /* NOLINT(cert-env33-c) */
    memory_free(command);
    Error err = {0};
    const Status status = face_models_open(&models, &(FaceModelsConfig){.threads = 1}, &err);
    if (code != 0 || status != STATUS_OK) {
        print_error("%d; %s: %s\n", code, err.what, err.why);
        return -1;
    }
    read_photo("astronaut.png");
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
    av_frame_free(&photo);
    face_models_free(&models);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- users' models ---- */

static Status try_open(const char *folder, const char *kind, float blend, float weight, void **enhancer,
                       Error *err)
{
    char *path = path_join(root, folder);
    const ProcessorConfig config = {
        .models = models,
        .models_dir = path,
        .provider = PROVIDER_CPU,
        .options = {.enhancer_model = kind, .enhancer_blend = blend, .enhancer_weight = weight},
        .threads = 1,
        .sample_aspect_ratio = {1, 1},
    };
    const Status status = face_enhancer_kind.open(enhancer, &config, err);
    memory_free(path);
    return status;
}

static void check_added(const char *kind, float blend, float weight, const int colour[3])
{
    const KnownModel *model = known_model_find(kind);
    void *enhancer = NULL;
    Error err = {0};
    if (try_open("right", kind, blend, weight, &enhancer, &err) != STATUS_OK) {
        fail_msg("%s: %s: %s", kind, err.what, err.why);
    }
    const Affine crop =
        crop_at(model->size, 180.0F / (float)model->size, 25, FRAME / 2.0F - 9, FRAME / 2.0F + 5);
    FrameFaces faces = {.count = 1, .face = {{.opacity = 1, .selected = true}}};
    Point points[5];
    align_points(model->align, model->size, points);
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&crop, points[i]);
    }
    put_points(&faces.face[0].mesh, points);
    AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, FRAME, FRAME, 60, 130);
    AVFrame *changed = copy_frame(frame);
    assert_int_equal(face_enhancer_kind.process(enhancer, 0, changed, &faces, &err), STATUS_OK);
    const float margin = 2.0F / (float)(model->size < 180 ? model->size : 180);
    int inside = 0;
    for (int y = 0; y < FRAME; y++) {
        for (int x = 0; x < FRAME; x++) {
            const float depth = depth_in_crop(&crop, model->size, x, y);
            for (int i = 0; i < 3; i++) {
                const int change = frame_code(changed, i, x, y) - frame_code(frame, i, x, y);
                if (depth < -margin) {
                    assert_int_equal(change, 0);
                } else if (depth > paste_feather + margin) {
                    assert_int_equal(change, colour[i]);
                    inside++;
                }
            }
        }
    }
    assert_true(inside > 20000);
    av_frame_free(&changed);
    av_frame_free(&frame);
    face_enhancer_kind.free(&enhancer);
}

static void a_models_colour_comes_out_in_the_right_channels(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        check_added(kinds[k], 1, 0, (const int[3]){20, -12, 7});
    }
}

static void blend_and_weight_count(void **state)
{
    (void)state;
    check_added("gpen_bfr_256", 0.25F, 0, (const int[3]){5, -3, 2});
    check_added("gfpgan_1.4", 0, 0, (const int[3]){0, 0, 0});
    check_added("codeformer", 1, 0.5F, (const int[3]){40, 8, 27});
    check_added("codeformer", 0.25F, 1, (const int[3]){15, 7, 12}); /* 11.75 */
}

static void wrong_ones_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"shape", "type"};
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < 2; i++) {
            void *enhancer = NULL;
            Error err = {0};
            assert_int_equal(try_open(wrong[i], kinds[k], 1, 0, &enhancer, &err), STATUS_FAILED);
            assert_int_equal(err.class_, ERROR_MODEL);
            assert_null(enhancer);
            error_clear(&err);
        }
    }
    void *enhancer = NULL;
    Error err = {0};
    assert_int_equal(try_open("right", "gfpgan_9", 1, 0, &enhancer, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_USAGE);
    assert_non_null(strstr(err.todo, "classical, gfpgan_1.2"));
    error_clear(&err);
}

/* ---- the built-in way ---- */

static void enhance(AVFrame *frame, bool after_swap)
{
    void *enhancer = NULL;
    Error err = {0};
    const ProcessorConfig config = {.models = models,
                                    .options = {.enhancer_model = "classical"},
                                    .threads = 1,
                                    .after_swap = after_swap,
                                    .sample_aspect_ratio = {1, 1}};
    assert_int_equal(face_enhancer_kind.open(&enhancer, &config, &err), STATUS_OK);
    assert_int_equal(face_enhancer_kind.process(enhancer, 0, frame, &photo_faces, &err), STATUS_OK);
    face_enhancer_kind.free(&enhancer);
}

static bool is_in_face(int x, int y, float scale)
{
    int span[2];
    return fineness_span(&photo_face, scale, y, 0, photo->width, span) && x >= span[0] && x < span[1];
}

static double face_psnr(const AVFrame *frame)
{
    double sum = 0;
    int count = 0;
    for (int y = 0; y < photo->height; y++) {
        for (int x = 0; x < photo->width; x++) {
            if (is_in_face(x, y, 1)) {
                const int d =
                    frame->data[0][y * frame->linesize[0] + x] - photo->data[0][y * photo->linesize[0] + x];
                sum += d * d;
                count++;
            }
        }
    }
    assert_true(count > 2000);
    return sum > 0 ? 10 * log10(255.0 * 255.0 * count / sum) : INFINITY;
}

static int inside_of(int value, int count)
{
    return value < 0 ? 0 : value < count ? value : count - 1;
}

/* Gaussian, over the face alone or all. */
static AVFrame *blurred(double sigma, bool face_alone)
{
    enum { REACH = 6 };
    AVFrame *frame = copy_frame(photo);
    for (int y = 0; y < photo->height; y++) {
        for (int x = 0; x < photo->width; x++) {
            if (!is_in_face(x, y, face_alone ? 1.0F : 3.0F)) {
                continue;
            }
            double sum = 0;
            double weights = 0;
            for (int dy = -REACH; dy <= REACH; dy++) {
                for (int dx = -REACH; dx <= REACH; dx++) {
                    const double weight = exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
                    weights += weight;
                    sum += weight * photo->data[0][inside_of(y + dy, photo->height) * photo->linesize[0] +
                                                   inside_of(x + dx, photo->width)];
                }
            }
            frame->data[0][y * frame->linesize[0] + x] = (uint8_t)lrint(sum / weights);
        }
    }
    return frame;
}

/* Within the ellipse `scale` times the face's, or beyond it. */
static AVFrame *noisy(AVFrame *frame, double sigma, float scale, bool beyond)
{
    uint32_t seed = 7;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            double sum = 0;
            for (int i = 0; i < 12; i++) {
                seed = seed * 1664525U + 1013904223U;
                sum += (double)(seed >> 8) / (1 << 24);
            }
            uint8_t *code = &frame->data[0][y * frame->linesize[0] + x];
            if (is_in_face(x, y, scale) != beyond) {
                *code = (uint8_t)inside_of((int)lrint(*code + sigma * (sum - 6)), 256);
            }
        }
    }
    return frame;
}

/* What is lost for good looks like blur. */
static void what_coding_took_away_is_not_sharpened(void **state)
{
    (void)state;
    AVFrame *frame = blurred(1.2, false);
    const double before = face_psnr(frame);
    frame->quality = 1 + 40 * FF_QP2LAMBDA;
    enhance(frame, false);
    assert_true(fabs(face_psnr(frame) - before) < 0.02);
    frame->quality = 1 + 20 * FF_QP2LAMBDA;
    enhance(frame, false);
    assert_true(face_psnr(frame) > before + 0.5);
    av_frame_free(&frame);
}

static void a_blurred_face_comes_nearer_to_what_it_was(void **state)
{
    (void)state;
    static const double sigmas[] = {0.8, 1.2, 2};
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++) {
        AVFrame *frame = blurred(sigmas[i], false);
        const double before = face_psnr(frame);
        enhance(frame, false);
        print_message("# blurred by %.1f: %.2f -> %.2f dB\n", sigmas[i], before, face_psnr(frame));
        assert_true(face_psnr(frame) > before + 0.4);
        av_frame_free(&frame);
    }
}

static void a_noisy_face_comes_nearer_too(void **state)
{
    (void)state;
    AVFrame *frame = noisy(copy_frame(photo), 8, 3, false);
    const double before = face_psnr(frame);
    enhance(frame, false);
    print_message("# noise of 8: %.2f -> %.2f dB\n", before, face_psnr(frame));
    assert_true(face_psnr(frame) > before + 1);
    av_frame_free(&frame);
}

static void a_clean_face_keeps_every_bit(void **state)
{
    (void)state;
    av_frame_free(&photo);
    read_photo("joconde.jpg"); /* fine cracks all over, which are no noise */
    AVFrame *frame = copy_frame(photo);
    enhance(frame, false);
    assert_true(same_bits(frame, photo));
    av_frame_free(&frame);
}

static void nothing_beyond_the_face_is_changed(void **state)
{
    (void)state;
    AVFrame *frame = blurred(1.2, false);
    AVFrame *before = copy_frame(frame);
    enhance(frame, false);
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            if (!is_in_face(x, y, 1.16F)) {
                assert_int_equal(frame->data[0][y * frame->linesize[0] + x],
                                 before->data[0][y * before->linesize[0] + x]);
            }
        }
    }
    for (int p = 1; p < 3; p++) { /* luma alone is changed */
        assert_memory_equal(frame->data[p], before->data[p],
                            (size_t)frame->linesize[p] * (size_t)frame->height / 2);
    }
    av_frame_free(&before);
    av_frame_free(&frame);
}

/* Mean square of the step from pixel to pixel, in the face. */
static double roughness(const AVFrame *frame)
{
    double sum = 0;
    int count = 0;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 1; x < frame->width; x++) {
            if (is_in_face(x, y, 0.95F)) {
                const uint8_t *code = &frame->data[0][y * frame->linesize[0] + x];
                sum += (code[0] - code[-1]) * (code[0] - code[-1]);
                count++;
            }
        }
    }
    return sum / count;
}

static void a_face_that_was_put_in_is_matched_to_the_picture(void **state)
{
    (void)state;
    /* too soft for the picture around it */
    AVFrame *frame = blurred(1.2, true);
    double before = face_psnr(frame);
    enhance(frame, true);
    assert_true(face_psnr(frame) > before + 0.4);
    av_frame_free(&frame);
    /* too smooth for its grain */
    frame = noisy(blurred(1.2, false), 8, 1.1F, true);
    before = roughness(frame);
    enhance(frame, true);
    print_message("# grain: %.1f -> %.1f\n", before, roughness(frame));
    assert_in_range((int)(roughness(frame) - before), 64, 180); /* 2 sigma^2 = 128 */
    AVFrame *again = noisy(blurred(1.2, false), 8, 1.1F, true);
    enhance(again, true);
    assert_true(same_bits(frame, again));
    av_frame_free(&again);
    av_frame_free(&frame);
}

static void an_ellipse_is_cut_by_rows(void **state)
{
    (void)state;
    const FaceEllipse at = {.cx = 50.3F, .cy = 40.7F, .rx = 20, .ry = 31, .angle = 0.6F};
    int inside = 0;
    for (int y = -5; y < 100; y++) {
        int span[2] = {0, 0};
        const bool any = fineness_span(&at, 1.1F, y, 10, 64, span);
        for (int x = 10; x < 64; x++) {
            const float dx = (float)x - at.cx;
            const float dy = (float)y - at.cy;
            const float u = (dx * cosf(at.angle) + dy * sinf(at.angle)) / (1.1F * at.rx);
            const float v = (dy * cosf(at.angle) - dx * sinf(at.angle)) / (1.1F * at.ry);
            const float distance = u * u + v * v;
            if (fabsf(distance - 1) > 1e-3F) {
                assert_int_equal(any && x >= span[0] && x < span[1], distance < 1);
                inside += distance < 1;
            }
        }
    }
    assert_true(inside > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_models_colour_comes_out_in_the_right_channels),
        cmocka_unit_test(blend_and_weight_count),
        cmocka_unit_test(wrong_ones_are_refused),
        cmocka_unit_test(a_blurred_face_comes_nearer_to_what_it_was),
        cmocka_unit_test(what_coding_took_away_is_not_sharpened),
        cmocka_unit_test(a_noisy_face_comes_nearer_too),
        cmocka_unit_test(nothing_beyond_the_face_is_changed),
        cmocka_unit_test(a_face_that_was_put_in_is_matched_to_the_picture),
        cmocka_unit_test(an_ellipse_is_cut_by_rows),
        cmocka_unit_test(a_clean_face_keeps_every_bit),
    };
    return cmocka_run_group_tests_name("face_enhancer", tests, make_all, remove_all);
}
