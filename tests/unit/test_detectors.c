/* Users' detectors: what their outputs mean, and through generated models (tests/support/detector_models.py)
 * what they are shown and where the faces are that they find. */
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "face/detect_decode.h"
#include "face/models_internal.h"
#include "face_fixtures.h"

static char root[] = "/tmp/runbatch-detectors-XXXXXX";

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    char *command = text_format("'%s/detector_models.py' '%s'", support, root);
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
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- through the models ---- */

/* As make_models.py has them, in pixels of the 640 x 640 input. */
static const float face[4] = {160, 200, 352, 456};
static const Point face_points[5] = {{220, 300}, {292, 300}, {256, 350}, {226, 392}, {286, 392}};
enum { INPUT = 640, FAR = 16 };

typedef struct Shown {
    int width; /* upright, in square pixels */
    int height;
    Orientation orientation;
    AVRational sar;
} Shown;

static const Shown shown[] = {
    {640, 480, {0}, {0, 1}},      {480, 640, {0}, {1, 1}},     {1279, 717, {0}, {1, 1}},
    {333, 91, {0}, {1, 1}},       {480, 270, {1, false}, {0}}, {270, 480, {2, false}, {0}},
    {720, 1280, {3, false}, {0}}, {1024, 576, {0}, {16, 15}},
};

/* Where a point of the upright picture is stored. */
static Point stored(const Shown *how, float x, float y)
{
    const float width = (float)how->width - 1;
    const float height = (float)how->height - 1;
    const Point turned[4] = {{x, y}, {y, width - x}, {width - x, height - y}, {height - y, x}};
    const float aspect = how->sar.num > 0 ? (float)how->sar.num / (float)how->sar.den : 1;
    Point at = turned[how->orientation.quarter_turns & 3];
    at.x = (at.x + 0.5F) / aspect - 0.5F;
    return at;
}

/* The upright picture is red 200 in its left half, otherwise 10; green 40 in its upper half, otherwise 250;
 * blue 90. */
static AVFrame *draw(const Shown *how)
{
    const bool sideways = (how->orientation.quarter_turns & 1) != 0;
    const int stored_width = how->sar.num > 1 ? how->width * how->sar.den / how->sar.num : how->width;
    AVFrame *frame = noisy_frame(AV_PIX_FMT_GBRP, sideways ? how->height : stored_width,
                                 sideways ? how->width : how->height, 90, 1);
    const int left = frame->width / 2;
    const int top = frame->height / 2;
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            const bool far_x = x >= left;
            const bool far_y = y >= top;
            const bool right[4] = {far_x, !far_y, !far_x, far_y};
            const bool low[4] = {far_y, far_x, !far_y, !far_x};
            const int turn = how->orientation.quarter_turns & 3;
            frame->data[2][(ptrdiff_t)y * frame->linesize[2] + x] = right[turn] ? 10 : 200;
            frame->data[0][(ptrdiff_t)y * frame->linesize[0] + x] = low[turn] ? 250 : 40;
        }
    }
    return frame;
}

static void expect_at(Point found, Point wanted, float tolerance)
{
    if (hypotf(found.x - wanted.x, found.y - wanted.y) > tolerance) {
        fail_msg("(%.4f, %.4f), not (%.4f, %.4f)", (double)found.x, (double)found.y, (double)wanted.x,
                 (double)wanted.y);
    }
}

static void check_shown(const FaceModels *models, const Shown *how)
{
    AVFrame *frame = draw(how);
    Detection found[4];
    int count = 0;
    Error err = {0};
    if (models_detect(models, frame, how->orientation, how->sar, 0, found, 4, &count, &err) != STATUS_OK) {
        fail_msg("%s: %s", err.what, err.why);
    }
    const float scale = fmaxf((float)how->width, (float)how->height) / INPUT;
    const bool inside = face[0] * scale < (float)how->width && face[1] * scale < (float)how->height;
    assert_int_equal(count, inside ? 1 : 0);
    for (int i = 0; i < count; i++) {
        const float tolerance = 2e-3F * fmaxf(scale, 1);
        assert_float_equal(found[i].width, (face[2] - face[0]) * scale, tolerance);
        assert_float_equal(found[i].height, (face[3] - face[1]) * scale, tolerance);
        expect_at(found[i].centre,
                  stored(how, (face[0] + face[2]) / 2 * scale - 0.5F, (face[1] + face[3]) / 2 * scale - 0.5F),
                  tolerance);
        /* Colours of the picture move the points; below or beside it is black. */
        Point points[5];
        memcpy(points, face_points, sizeof points);
        points[0].x += FAR * (200.5F * scale < (float)how->width / 2 ? 200.0F : 10.0F) / 255;
        points[0].y += FAR * (100.5F * scale < (float)how->height / 2 ? 40.0F : 250.0F) / 255;
        points[1].x += FAR * 90 / 255.0F;
        for (int k = 0; k < 5; k++) {
            expect_at(found[i].points[k], stored(how, points[k].x * scale - 0.5F, points[k].y * scale - 0.5F),
                      tolerance);
        }
    }
    av_frame_free(&frame);
}

static void faces_are_where_the_model_says_in_the_stored_frame(void **state)
{
    (void)state;
    static const char *const names[] = {"det_10g", "yunet", "retinaface_r50", "yoloface_8n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        FaceModels models = {0};
        Error err = {0};
        const FaceModelsConfig config = {.models_dir = root, .threads = 1};
        if (detector_open(&models.detector, known_model_find(names[i]), &config, 0, &err) != STATUS_OK) {
            fail_msg("%s: %s: %s", names[i], err.what, err.why);
        }
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++) {
            check_shown(&models, &shown[k]);
        }
        detector_close(&models.detector);
    }
}

static void the_score_asked_for_is_where_faces_begin(void **state)
{
    (void)state;
    AVFrame *frame = draw(&shown[0]);
    for (int i = 0; i < 2; i++) {
        FaceModels models = {0};
        Error err = {0};
        Detection found[4];
        int count = 0;
        const float score = i == 0 ? 0.89F : 0.91F;
        const FaceModelsConfig config = {.models_dir = root, .threads = 1};
        assert_int_equal(detector_open(&models.detector, known_model_find("det_10g"), &config, score, &err),
                         STATUS_OK);
        assert_int_equal(
            models_detect(&models, frame, (Orientation){0}, (AVRational){1, 1}, 0, found, 4, &count, &err),
            STATUS_OK);
        assert_int_equal(count, i == 0 ? 1 : 0);
        detector_close(&models.detector);
    }
    av_frame_free(&frame);
}

/* ---- scores ---- */

static void a_detector_s_threshold_lies_at_the_common_one(void **state)
{
    (void)state;
    const Detector detector = {.threshold = 0.5F};
    assert_float_equal(detector_common_score(&detector, 0.5F), BEGIN_SCORE, 1e-6);
    assert_float_equal(detector_common_score(&detector, 0), 0, 1e-6);
    assert_float_equal(detector_common_score(&detector, 1), 1, 1e-6);
    for (int percent = 0; percent < 100; percent++) {
        const float score = (float)percent / 100;
        const float common = detector_common_score(&detector, score);
        assert_true(common < detector_common_score(&detector, score + 0.01F));
        assert_float_equal(detector_own_score(&detector, common), score, 1e-6);
    }
}

/* ---- outputs ---- */

/* The numbers of cells are rounded up where a side is no multiple of the stride; cells lie row by row. */
static void cells_of_odd_sizes_are_counted(void **state)
{
    (void)state;
    enum { WIDTH = 100, HEIGHT = 72, COLUMNS = 7, ROWS = 5 /* of stride 16 */ };
    const OutputForm *form = output_form_find("yunet");
    assert_int_equal(output_form_rows(form, 0, WIDTH, HEIGHT), 13 * 9);
    assert_int_equal(output_form_rows(form, 4, WIDTH, HEIGHT), COLUMNS * ROWS);
    assert_int_equal(output_form_rows(output_form_find("scrfd"), 5, WIDTH, HEIGHT), 4 * 3 * 2);
    assert_int_equal(output_form_rows(output_form_find("retinaface"), 1, WIDTH, HEIGHT),
                     2 * (13 * 9 + COLUMNS * ROWS + 4 * 3));
    assert_int_equal(output_form_rows(output_form_find("yolov8_face"), 0, INPUT, INPUT), 8400);

    Tensor outputs[12];
    static const int values[4] = {1, 1, 4, 10};
    for (int i = 0; i < 12; i++) {
        outputs[i].data = memory_alloc((size_t)13 * 9 * (size_t)values[i / 3], sizeof(float));
    }
    const int cell = 3 * COLUMNS + 4;
    outputs[1].data[cell] = 0.81F;
    outputs[4].data[cell] = 1.5F; /* more than 1 counts as 1 */
    outputs[7].data[(ptrdiff_t)4 * cell] = 0.25F;
    outputs[10].data[(ptrdiff_t)10 * cell + 9] = -0.5F;
    BoxList faces = {0};
    form->decode(outputs, WIDTH, HEIGHT, 0.5F, &faces);
    assert_int_equal(faces.count, 1);
    assert_float_equal(faces.box[0].score, 0.9, 1e-6);
    assert_float_equal(faces.box[0].x0, 4.25F * 16 - 8, 1e-4);
    assert_float_equal(faces.box[0].y1, 3 * 16 + 8, 1e-4);
    assert_float_equal(faces.box[0].points[4].y, 2.5F * 16, 1e-4);
    faces.count = 0;
    form->decode(outputs, WIDTH, HEIGHT, 0.91F, &faces);
    assert_int_equal(faces.count, 0);
    for (int i = 0; i < 12; i++) {
        memory_free(outputs[i].data);
    }
}

static void what_is_no_number_is_no_face(void **state)
{
    (void)state;
    enum { SIDE = 32 };
    Tensor outputs[9];
    for (int i = 0; i < 9; i++) {
        const size_t count = 320; /* the most: 16 cells with 2 anchors of 5 points */
        outputs[i].data = memory_alloc(count, sizeof(float));
        for (size_t k = 0; k < count; k++) {
            outputs[i].data[k] = i < 3 && k % 2 == 0 ? 0.9F : NAN;
        }
    }
    BoxList faces = {0};
    output_form_find("scrfd")->decode(outputs, SIDE, SIDE, 0.5F, &faces);
    assert_true(faces.count > 0);
    box_list_keep_inside(&faces, SIDE, SIDE);
    assert_int_equal(faces.count, 0);
    for (int i = 0; i < 9; i++) {
        memory_free(outputs[i].data);
    }
}

/* ---- which way up ---- */

static void the_way_up_is_the_one_that_scores_more(void **state)
{
    (void)state;
    const float pi = 3.14159265F;
    const struct {
        TurnLook a, b;
        float told, angle;
    } cases[] = {
        {{.score = 0.9F, .angle = 0.1F}, {.score = 0.7F, .angle = pi}, 0, 0},      /* small tilts are not */
        {{.score = 0.9F, .angle = 0.5F}, {.score = 0.7F, .angle = pi}, 0, 0.5F},   /* larger ones are */
        {{.score = 0.7F, .angle = 0.1F}, {.score = 0.9F, .angle = 3}, 0, 3},       /* upside down */
        {{.score = 0.9F, .angle = 3}, {.score = 0.7F, .angle = 0.1F}, 0, 3},       /* in either order */
        {{.score = 0.70F, .angle = 0}, {.score = 0.71F, .angle = pi}, 0.1F, 0.1F}, /* in doubt as told */
        {{.score = 0.2F, .angle = 2}, {.score = 0.1F, .angle = -1}, 0.3F, 0.3F},   /* nothing was seen */
        {{.score = 0.9F, .angle = -3}, {.score = 0.6F, .angle = 0.2F}, 3, 3},      /* across the half turn */
        {{.score = 0.9F, .angle = 4}, {.score = 0.6F, .angle = 1}, 0, 4 - 2 * pi},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_float_equal(turn_choose(&cases[i].a, &cases[i].b, cases[i].told), cases[i].angle, 1e-5);
    }
}

static void two_looks_are_enough_where_they_agree(void **state)
{
    (void)state;
    const TurnLook left = {.score = 0.93F, .angle = 3.1F};
    const TurnLook right = {.score = 0.89F, .angle = -3.1F};
    const TurnLook other = {.score = 0.93F, .angle = 2};
    const TurnLook weak = {.score = 0.7F, .angle = 3.1F};
    assert_true(turn_is_sure(&left, &right));
    assert_false(turn_is_sure(&left, &other));
    assert_false(turn_is_sure(&weak, &right));
    assert_float_equal(fabsf(remainderf(turn_together(&left, &right).angle, 6.2831853F)), 3.14159265F, 1e-4);
    assert_float_equal(turn_together(&left, &right).score, 0.91, 1e-6);
    assert_float_equal(turn_together(&weak, &other).angle, 2,
                       0); /* the better one's where they do not agree */
}

/* ---- names ---- */

static void names_that_are_no_detector_s_are_refused(void **state)
{
    (void)state;
    const KnownModel *list[FACE_MODELS_MOST];
    int count = 0;
    Error err = {0};
    FaceModelsConfig config = {.detector = "inswapper_128"};
    assert_int_equal(face_models_list(&config, list, &count, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_USAGE);
    assert_non_null(strstr(err.todo, "fr_detect"));
    assert_non_null(strstr(err.todo, "yoloface_8n"));
    config = (FaceModelsConfig){.embedder = "det_10g"};
    error_clear(&err);
    assert_int_equal(face_models_list(&config, list, &count, &err), STATUS_FAILED);
    assert_non_null(strstr(err.todo, "w600k_r50"));
    config = (FaceModelsConfig){.detector = "det_10g", .embedder = "w600k_r50", .with_embedder = true};
    assert_int_equal(face_models_list(&config, list, &count, &err), STATUS_OK);
    assert_int_equal(count, 4);
    assert_string_equal(list[0]->name, "det_10g");
    assert_string_equal(list[3]->name, "w600k_r50");
    assert_true(face_models_running_bytes(&config) > INPUT * INPUT * 3 * 4);
    assert_int_equal(face_models_running_bytes(&(FaceModelsConfig){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faces_are_where_the_model_says_in_the_stored_frame),
        cmocka_unit_test(the_score_asked_for_is_where_faces_begin),
        cmocka_unit_test(a_detector_s_threshold_lies_at_the_common_one),
        cmocka_unit_test(cells_of_odd_sizes_are_counted),
        cmocka_unit_test(what_is_no_number_is_no_face),
        cmocka_unit_test(the_way_up_is_the_one_that_scores_more),
        cmocka_unit_test(two_looks_are_enough_where_they_agree),
        cmocka_unit_test(names_that_are_no_detector_s_are_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
