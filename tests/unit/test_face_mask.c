/* --face-mask: where a box, a hull and what generated models tell (tests/support/make_models.py) lie in a
 * turned crop, and how much is shown there. */
#include "face_fixtures.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "face/align.h"
#include "face/face_mask.h"

enum { FRAME = 320, CROP = 512, CLASSES = 19, NOSE = 10 };

static char root[] = "/tmp/runbatch-masks-XXXXXX";
static Affine crop; /* of a parser's picture */
static Affine into_crop;
static Face face;
static AVFrame *frame; /* of the one colour that the parser in "colour" takes */

static int make_all(void **state)
{
    (void)state;
    const char *support = getenv("RUNBATCH_TEST_SUPPORT");
    if (support == NULL || mkdtemp(root) == NULL) {
        return -1;
    }
    char *command = text_format("'%s/make_models.py' '%s' bisenet_resnet_34 xseg_1", support, root);
    const int code = system(command); /* NOLINT(cert-env33-c) */
    memory_free(command);
    crop = crop_at(CROP, 0.4F, 25, FRAME / 2.0F - 9, FRAME / 2.0F + 5);
    assert_true(affine_invert(&crop, &into_crop));
    Point points[5];
    align_points(ALIGN_FFHQ_512, CROP, points);
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&crop, points[i]);
    }
    put_points(&face.mesh, points);
    frame = noisy_frame(AV_PIX_FMT_GBRP, FRAME, FRAME, 0, 1);
    static const int code_of_plane[3] = {100, 51, 200}; /* G, B, R */
    for (int p = 0; p < 3; p++) {
        memset(frame->data[p], code_of_plane[p], (size_t)frame->linesize[p] * FRAME);
    }
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
    av_frame_free(&frame);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static Status try_open(const char *folder, FaceMaskOptions options, FaceMask **mask, Error *err)
{
    char *path = path_join(root, folder);
    options.occluder = options.occluder != NULL ? options.occluder : "xseg_1";
    options.parser = "bisenet_resnet_34";
    const FaceMaskConfig config = {.options = options,
                                   .models_dir = path,
                                   .provider = PROVIDER_CPU,
                                   .sample_aspect_ratio = {1, 1},
                                   .time_base = {1, 25},
                                   .threads = 1,
                                   .frames = 4};
    const Status status = face_mask_open(mask, &config, err);
    memory_free(path);
    return status;
}

/* One plane of a picture as large as the frame: how much is shown. */
static void shown_by(const char *folder, FaceMaskOptions options, const AVFrame *seen, Image *shown)
{
    FaceMask *mask = NULL;
    Error err = {0};
    if (try_open(folder, options, &mask, &err) != STATUS_OK ||
        face_mask_take(mask, 0, seen, &face, &err) != STATUS_OK ||
        image_resize(shown, FRAME, FRAME, 3, &err) != STATUS_OK) {
        fail_msg("%s: %s", err.what, err.why);
    }
    image_fill(shown, 1);
    face_mask_limit(mask, 0, (Rect){0, 0, FRAME, FRAME}, shown);
    face_mask_free(&mask);
}

static Point place_in_crop(int x, int y)
{
    return affine_apply(&into_crop, (Point){(float)x, (float)y});
}

static float value_at(const Image *shown, int x, int y)
{
    return shown->plane[0][y * shown->stride + x];
}

/* Positive inside of x0 .. x1, y0 .. y1 of the crop. */
static float depth_in(Point p, float x0, float x1, float y0, float y1)
{
    return fminf(fminf(p.x - x0, x1 - p.x), fminf(p.y - y0, y1 - p.y));
}

static TextList words(const char *first, const char *second)
{
    TextList list = {0};
    text_list_add(&list, first);
    if (second != NULL) {
        text_list_add(&list, second);
    }
    return list;
}

static void check_rectangle(const Image *shown, const float edge[4], float unsure)
{
    int inside = 0;
    for (int y = 0; y < FRAME; y++) {
        for (int x = 0; x < FRAME; x++) {
            const float depth = depth_in(place_in_crop(x, y), edge[0], edge[1], edge[2], edge[3]);
            if (depth > unsure) {
                assert_float_equal(value_at(shown, x, y), 1, 1e-5);
                inside++;
            } else if (depth < -unsure) {
                assert_float_equal(value_at(shown, x, y), 0, 0);
            }
        }
    }
    assert_true(inside > 300);
}

static void a_box_is_as_much_smaller_as_is_asked(void **state)
{
    (void)state;
    TextList kinds = words("box", NULL);
    Image shown = {0};
    shown_by("right", (FaceMaskOptions){.kinds = &kinds, .padding = "10,20,30,40"}, frame, &shown);
    check_rectangle(
        &shown,
        (const float[4]){0.4F * CROP - 0.5F, 0.8F * CROP - 0.5F, 0.1F * CROP - 0.5F, 0.7F * CROP - 0.5F}, 3);
    /* Half of it rises softly: at a quarter of the way from the edge to the middle, it is at the half. */
    shown_by("right", (FaceMaskOptions){.kinds = &kinds, .blur = 0.5F, .padding = "0"}, frame, &shown);
    const Point middle = affine_apply(&crop, (Point){255.5F, 255.5F});
    const Point quarter = affine_apply(&crop, (Point){63.5F, 255.5F});
    assert_float_equal(value_at(&shown, (int)lrintf(middle.x), (int)lrintf(middle.y)), 1, 1e-5);
    assert_float_equal(value_at(&shown, (int)lrintf(quarter.x), (int)lrintf(quarter.y)), 0.5, 0.02);
    image_free(&shown);
    text_list_free(&kinds);
}

static void a_hull_is_around_all_points_and_the_smallest_counts(void **state)
{
    (void)state;
    const Mesh kept = face.mesh;
    for (int i = 0; i < MESH_POINTS; i++) {
        if (face.mesh.x[i] == 0) { /* a diamond, and points within */
            const float reach = i < 400 ? 40 : 90;
            const float side = i % 2 == 0 ? 1 : -1;
            face.mesh.x[i] = FRAME / 2.0F + (i % 4 < 2 ? side * reach : 0);
            face.mesh.y[i] = FRAME / 2.0F + (i % 4 < 2 ? 0 : side * reach);
        }
    }
    TextList kinds = words("hull", "box");
    Image shown = {0};
    shown_by("right", (FaceMaskOptions){.kinds = &kinds, .padding = "0,50,0,0"}, frame, &shown);
    for (int y = 0; y < FRAME; y++) {
        for (int x = 0; x < FRAME; x++) {
            const float depth =
                (90 - fabsf((float)x - FRAME / 2.0F) - fabsf((float)y - FRAME / 2.0F)) / 1.4142F;
            const float left = (255.5F - place_in_crop(x, y).x) * 0.4F;
            if (fminf(depth, left) > 1.5F) {
                assert_float_equal(value_at(&shown, x, y), 1, 1e-5);
            } else if (fminf(depth, left) < -1.5F) {
                assert_float_equal(value_at(&shown, x, y), 0, 0);
            }
        }
    }
    image_free(&shown);
    text_list_free(&kinds);
    face.mesh = kept;
}

/* Another colour, or another range of values, would be background. */
static void regions_are_where_the_parser_tells_in_its_colours(void **state)
{
    (void)state;
    TextList kinds = words("region", NULL);
    TextList regions = words("nose", "mouth");
    Image shown = {0};
    shown_by("colour", (FaceMaskOptions){.kinds = &kinds, .regions = &regions}, frame, &shown);
    const float left = (float)NOSE * CROP / CLASSES - 0.5F;
    check_rectangle(&shown, (const float[4]){left, left + 2.0F * CROP / CLASSES, -0.5F, CROP - 0.5F}, 16);
    image_free(&shown);
    text_list_free(&kinds);
    text_list_free(&regions);
}

/* The occluder's picture is blue, green, red; the generated one tells the first. */
static void what_is_hidden_is_not_shown(void **state)
{
    (void)state;
    TextList kinds = words("occlusion", NULL);
    Image shown = {0};
    AVFrame *half = copy_frame(frame);
    for (int y = 0; y < FRAME; y++) {
        memset(half->data[1] + (ptrdiff_t)y * half->linesize[1], 204, FRAME / 2);
    }
    shown_by("right", (FaceMaskOptions){.kinds = &kinds}, half, &shown);
    for (int y = 0; y < FRAME; y++) {
        for (int x = 0; x < FRAME; x++) {
            const bool in = depth_in(place_in_crop(x, y), 0, CROP - 1, 0, CROP - 1) > 4;
            if (in && x < FRAME / 2 - 9) {
                assert_float_equal(value_at(&shown, x, y), 2 * 0.8F - 1, 1e-4);
            } else if (x > FRAME / 2 + 9) {
                assert_float_equal(value_at(&shown, x, y), 0, 0); /* 0.2 */
            }
        }
    }
    av_frame_free(&half);
    image_free(&shown);
    text_list_free(&kinds);
}

static float shown_of(FaceMask *mask, const AVFrame *seen, const Face *of)
{
    Image shown = {0};
    Error err = {0};
    assert_int_equal(face_mask_take(mask, 0, seen, of, &err), STATUS_OK);
    assert_int_equal(image_resize(&shown, FRAME, FRAME, 3, &err), STATUS_OK);
    image_fill(&shown, 1);
    face_mask_limit(mask, 0, (Rect){0, 0, FRAME, FRAME}, &shown);
    const float value = value_at(&shown, FRAME / 2, FRAME / 2);
    image_free(&shown);
    return value;
}

/* A model that tells something else for one frame hardly shows; a cut, another face, and a long absence begin
 * anew. */
static void what_models_tell_is_smoothed_over_time(void **state)
{
    (void)state;
    TextList kinds = words("occlusion", NULL);
    FaceMask *mask = NULL;
    Error err = {0};
    AVFrame *light = copy_frame(frame);
    AVFrame *dark = copy_frame(frame);
    memset(light->data[1], 255, (size_t)light->linesize[1] * FRAME);
    memset(dark->data[1], 0, (size_t)dark->linesize[1] * FRAME);
    assert_int_equal(try_open("right", (FaceMaskOptions){.kinds = &kinds}, &mask, &err), STATUS_OK);
    const float kept = expf(-0.04F / 0.08F); /* of what was, from frame to frame */
    const struct {
        bool light;
        int64_t pts;
        int track;
        bool cut;
        float shown;
    } steps[] = {
        {true, 0, 1, false, 1},  {false, 1, 1, false, kept}, {true, 2, 1, false, kept * kept + 1 - kept},
        {false, 3, 2, false, 0}, {false, 4, 1, true, 0},     {true, 5, 1, false, 1 - kept},
        {true, 30, 1, false, 1}};
    FrameFaces *earlier = memory_alloc(1, sizeof *earlier);
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        AVFrame *seen = steps[i].light ? light : dark;
        *faces = (FrameFaces){.count = 1, .scene_cut = steps[i].cut};
        faces->face[0] = face;
        faces->face[0].track = steps[i].track;
        faces->face[0].selected = true;
        faces->face[0].opacity = 1;
        seen->pts = steps[i].pts;
        assert_int_equal(face_mask_follow(mask, seen, faces, &err), STATUS_OK);
        assert_float_equal(shown_of(mask, seen, &faces->face[0]), steps[i].shown, 0.005F);
        if (i == 1) {
            *earlier = *faces; /* on its way while others come */
        } else if (i == 2 || i == 3) {
            assert_float_equal(shown_of(mask, dark, &earlier->face[0]), kept, 0.005F);
        }
    }
    faces->face[0].kept_mask = 0;
    assert_float_equal(shown_of(mask, dark, &faces->face[0]), 0, 0);
    memory_free(earlier);
    memory_free(faces);
    face_mask_free(&mask);
    av_frame_free(&light);
    av_frame_free(&dark);
    text_list_free(&kinds);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    TextList both = words("occlusion", NULL);
    TextList region = words("region", NULL);
    const struct {
        const char *folder;
        FaceMaskOptions options;
        ErrorClass class_;
    } wrong[] = {
        {"shape", {.kinds = &both}, ERROR_MODEL},
        {"type", {.kinds = &both}, ERROR_MODEL},
        {"shape", {.kinds = &region}, ERROR_MODEL},
        {"type", {.kinds = &region}, ERROR_MODEL},
        {"nowhere", {.kinds = &region}, ERROR_MODEL},
        {"right", {.kinds = &both, .occluder = "gfpgan_1.4"}, ERROR_USAGE},
        {"right", {.kinds = &both, .padding = "1,2,3,4,5"}, ERROR_USAGE},
        {"right", {.kinds = &both, .padding = "50,0,50"}, ERROR_USAGE},
        {"right", {.kinds = &both, .padding = "-1"}, ERROR_USAGE},
        {"right", {.kinds = &both, .padding = "a"}, ERROR_USAGE},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FaceMask *mask = NULL;
        Error err = {0};
        assert_int_equal(try_open(wrong[i].folder, wrong[i].options, &mask, &err), STATUS_FAILED);
        assert_int_equal(err.class_, wrong[i].class_);
        assert_null(mask);
        error_clear(&err);
    }
    FaceMask *mask = NULL;
    Error err = {0};
    assert_int_equal(try_open("right", (FaceMaskOptions){0}, &mask, &err), STATUS_OK);
    assert_null(mask);
    text_list_free(&both);
    text_list_free(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_is_as_much_smaller_as_is_asked),
        cmocka_unit_test(a_hull_is_around_all_points_and_the_smallest_counts),
        cmocka_unit_test(regions_are_where_the_parser_tells_in_its_colours),
        cmocka_unit_test(what_is_hidden_is_not_shown),
        cmocka_unit_test(what_models_tell_is_smoothed_over_time),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
