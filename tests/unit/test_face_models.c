/* The face models on real pictures. They and the models come from scripts/setup.sh. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "face/models.h"
#include "infer/catalogue.h"
#include "media/frame_view.h"
#include "media/still.h"

enum { FACES = 16, PHOTOS = 6, PHOTO_FACES = 22 };

static FaceModels *models;
/* Found once; the tests compare with them. */
static AVFrame *photos[PHOTOS];
static StillFace photo_faces[PHOTOS][FACES];
static int photo_count[PHOTOS];

static char *media_path(const char *name)
{
    const char *media = getenv("RUNBATCH_MEDIA");
    const char *cache = getenv("RUNBATCH_CACHE");
    const char *xdg = getenv("XDG_CACHE_HOME");
    if (media != NULL) {
        return path_join(media, name);
    }
    if (cache != NULL) {
        return text_format("%s/media/%s", cache, name);
    }
    return xdg != NULL ? text_format("%s/runbatch/media/%s", xdg, name)
                       : text_format("%s/.cache/runbatch/media/%s", getenv("HOME"), name);
}

static AVFrame *read_picture(const char *name)
{
    char *path = media_path(name);
    AVFrame *frame = av_frame_alloc();
    Orientation orientation;
    Error err = {0};
    assert_non_null(frame);
    if (still_read(path, frame, &orientation, &err) != STATUS_OK) {
        fail_msg("%s: %s; scripts/setup.sh gets the pictures", path, err.why);
    }
    memory_free(path);
    return frame;
}

static int find(const AVFrame *frame, Orientation orientation, AVRational sar, StillFace faces[FACES])
{
    int count = -1;
    Error err = {0};
    if (face_find_in_frame(models, frame, orientation, sar, faces, FACES, &count, &err) != STATUS_OK) {
        fail_msg("%s: %s", err.what, err.why);
    }
    return count;
}

static int open_all(void **state)
{
    (void)state;
    Error err = {0};
    if (face_models_open(&models, &(FaceModelsConfig){.threads = 1, .with_embedder = true}, &err) !=
        STATUS_OK) {
        print_error("%s: %s\n", err.what, err.why);
        return -1;
    }
    for (int i = 0; i < PHOTOS; i++) {
        char *name = text_format("sample%d.jpg", i + 1);
        photos[i] = read_picture(name);
        memory_free(name);
        photo_count[i] = find(photos[i], (Orientation){0}, (AVRational){1, 1}, photo_faces[i]);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (int i = 0; i < PHOTOS; i++) {
        av_frame_free(&photos[i]);
    }
    face_models_free(&models);
    face_models_free(&models);
    return 0;
}

/* The picture seen through `to_source`, as a frame of its own. */
static AVFrame *redraw(const AVFrame *source, const Affine *to_source, int width, int height)
{
    Image rgb = {0};
    Error err = {0};
    assert_int_equal(frame_view_warp(source, to_source, width, height, 127, &rgb, &err), STATUS_OK);
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_PIX_FMT_GBRP;
    frame->width = width;
    frame->height = height;
    frame->colorspace = AVCOL_SPC_RGB;
    frame->color_range = AVCOL_RANGE_JPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    static const int plane_of[3] = {2, 0, 1};
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const float value = fminf(fmaxf(rgb.plane[p][rgb.stride * y + x], 0), 255);
                frame->data[plane_of[p]][frame->linesize[plane_of[p]] * y + x] = (uint8_t)lroundf(value);
            }
        }
    }
    image_free(&rgb);
    return frame;
}

/* The picture at `scale` in the top left of a canvas. */
static AVFrame *shrink(const AVFrame *source, float scale, int width, int height)
{
    const Affine map = {.a = 1 / scale, .c = 0.5f / scale - 0.5f, .e = 1 / scale, .f = 0.5f / scale - 0.5f};
    return redraw(source, &map, width, height);
}

static Point mesh_centre(const Mesh *mesh)
{
    Point points[5];
    mesh_five_points(mesh, points);
    Point sum = {0};
    for (int i = 0; i < 5; i++) {
        sum.x += points[i].x / 5;
        sum.y += points[i].y / 5;
    }
    return sum;
}

static float box_side(const StillFace *face)
{
    return fmaxf((float)(face->box.x1 - face->box.x0), (float)(face->box.y1 - face->box.y0));
}

/* The face whose middle lies nearest to `centre`, or NULL when it is farther than `most`. */
static const StillFace *nearest(const StillFace *faces, int count, Point centre, float most)
{
    const StillFace *best = NULL;
    for (int i = 0; i < count; i++) {
        const Point middle = mesh_centre(&faces[i].mesh);
        const float distance = hypotf(middle.x - centre.x, middle.y - centre.y);
        if (distance < most) {
            most = distance;
            best = &faces[i];
        }
    }
    return best;
}

static void the_photos_show_22_faces(void **state)
{
    (void)state;
    static const int expected[PHOTOS] = {3, 3, 3, 4, 5, 4};
    for (int i = 0; i < PHOTOS; i++) {
        assert_int_equal(photo_count[i], expected[i]);
        for (int k = 0; k < photo_count[i]; k++) {
            const StillFace *face = &photo_faces[i][k];
            assert_true(face->score >= MESH_FLAG_MIN && face->score <= 1.0f);
            assert_true(k == 0 || box_side(&face[-1]) * 1.5f > box_side(face));
            assert_float_equal(face_cosine(face->embedding, face->embedding), 1, 1e-4f);
        }
        Detection found[FACES];
        int count = 0;
        Error err = {0};
        assert_int_equal(models_detect(models, photos[i], (Orientation){0}, (AVRational){1, 1}, 0, found,
                                       FACES, &count, &err),
                         STATUS_OK);
        assert_int_equal(count, expected[i]);
        for (int k = 0; k < count; k++) {
            assert_non_null(nearest(photo_faces[i], photo_count[i], found[k].centre, 0.3f * found[k].height));
        }
    }
}

static void largest_faces_come_first_and_capacity_holds(void **state)
{
    (void)state;
    StillFace faces[2];
    int count = 0;
    Error err = {0};
    assert_int_equal(face_find_in_still(models, photos[4], (Orientation){0}, faces, 2, &count, &err),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(&faces[0].box, &photo_faces[4][0].box, sizeof(Rect));
    for (int k = 1; k < photo_count[4]; k++) {
        const Rect *before = &photo_faces[4][k - 1].box;
        const Rect *here = &photo_faces[4][k].box;
        assert_true((before->x1 - before->x0) * (before->y1 - before->y0) >=
                    (here->x1 - here->x0) * (here->y1 - here->y0));
    }
}

static void single_portraits_show_one_face(void **state)
{
    (void)state;
    static const char *const names[] = {"astronaut.png", "joconde.jpg", "average.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AVFrame *frame = read_picture(names[i]);
        StillFace faces[FACES];
        assert_int_equal(find(frame, (Orientation){0}, (AVRational){1, 1}, faces), 1);
        assert_true(faces[0].score > 0.9f);
        av_frame_free(&frame);
    }
}

static void different_people_differ_and_the_same_one_stays(void **state)
{
    (void)state;
    int alike = 0;
    int close = 0;
    for (int i = 0; i < PHOTOS; i++) {
        /* Within one photo all are different people. */
        for (int a = 0; a < photo_count[i]; a++) {
            for (int b = 0; b < a; b++) {
                alike += face_cosine(photo_faces[i][a].embedding, photo_faces[i][b].embedding) > 0.45f;
            }
        }
        AVFrame *small = shrink(photos[i], 0.25f, photos[i]->width / 4, photos[i]->height / 4);
        StillFace faces[FACES];
        const int count = find(small, (Orientation){0}, (AVRational){1, 1}, faces);
        for (int k = 0; k < photo_count[i]; k++) {
            if (photo_faces[i][k].score < 0.9f) {
                continue; /* in full profile: half its points lie behind the head */
            }
            const Point centre = mesh_centre(&photo_faces[i][k].mesh);
            const StillFace *same =
                nearest(faces, count, (Point){centre.x / 4, centre.y / 4}, box_side(&photo_faces[i][k]) / 8);
            if (same == NULL) {
                fail_msg("photo %d face %d is not found", i + 1, k);
                continue;
            }
            const float cosine = face_cosine(same->embedding, photo_faces[i][k].embedding);
            if (!(cosine >= 0.8f)) {
                fail_msg("photo %d face %d: %g", i + 1, k, (double)cosine);
            }
            close += cosine >= 0.9f;
        }
        av_frame_free(&small);
    }
    assert_int_equal(alike, 0);
    assert_in_range(close, PHOTO_FACES - 3, PHOTO_FACES);
}

/* The stored frame of a video whose player turns it by `orientation` and shows pixels `aspect` wide. */
static void check_stored(const AVFrame *picture, const StillFace *expected, int expected_count,
                         Orientation orientation, AVRational sar)
{
    const float aspect = sar.num > 0 ? (float)sar.num / (float)sar.den : 1;
    const bool sideways = orientation.quarter_turns % 2 == 1;
    const int width = (int)lroundf((float)(sideways ? picture->height : picture->width) / aspect);
    const int height = sideways ? picture->width : picture->height;
    int upright_width = 0;
    int upright_height = 0;
    const Affine to_stored =
        models_upright_to_stored(width, height, orientation, sar, &upright_width, &upright_height);
    assert_in_range(upright_width, picture->width - 1, picture->width + 1);
    Affine to_upright;
    assert_true(affine_invert(&to_stored, &to_upright));
    AVFrame *stored = redraw(picture, &to_upright, width, height);
    stored->sample_aspect_ratio = sar;
    StillFace faces[FACES];
    const int count = find(stored, orientation, sar, faces);
    assert_int_equal(count, expected_count);
    for (int k = 0; k < count; k++) {
        Mesh upright = faces[k].mesh;
        for (int p = 0; p < MESH_POINTS; p++) {
            const Point point = affine_apply(&to_upright, (Point){upright.x[p], upright.y[p]});
            upright.x[p] = point.x;
            upright.y[p] = point.y;
        }
        const StillFace *same = nearest(expected, expected_count, mesh_centre(&upright), 100);
        assert_non_null(same);
        float worst = 0;
        for (int p = 0; p < MESH_POINTS; p++) {
            worst = fmaxf(worst, hypotf(upright.x[p] - same->mesh.x[p], upright.y[p] - same->mesh.y[p]));
        }
        const float cosine = face_cosine(same->embedding, faces[k].embedding);
        if (worst > 0.06f * box_side(same) || cosine < 0.95f) {
            fail_msg("%d turns%s: face %d is %g off, cosine %g", orientation.quarter_turns,
                     orientation.mirrored ? " mirrored" : "", k, (double)(worst / box_side(same)),
                     (double)cosine);
        }
    }
    av_frame_free(&stored);
}

static void turned_mirrored_and_squeezed_videos_show_the_same_faces(void **state)
{
    (void)state;
    AVFrame *picture = shrink(photos[5], 0.3333333f, photos[5]->width / 3, photos[5]->height / 3);
    StillFace expected[FACES];
    const int count = find(picture, (Orientation){0}, (AVRational){1, 1}, expected);
    assert_int_equal(count, 4);
    for (int turns = 0; turns < 4; turns++) {
        check_stored(picture, expected, count, (Orientation){turns, false}, (AVRational){0, 1});
        check_stored(picture, expected, count, (Orientation){turns, true}, (AVRational){1, 1});
    }
    check_stored(picture, expected, count, (Orientation){0, false}, (AVRational){4, 3});
    check_stored(picture, expected, count, (Orientation){1, false}, (AVRational){4, 3});
    av_frame_free(&picture);
}

static void tilted_heads_are_found_with_their_angle(void **state)
{
    (void)state;
    AVFrame *portrait = read_picture("astronaut.png");
    StillFace upright[FACES];
    assert_int_equal(find(portrait, (Orientation){0}, (AVRational){1, 1}, upright), 1);
    const Point face = mesh_centre(&upright[0].mesh);
    static const float angles[] = {-1.0f, 0.5f, 1.0f, 1.9f, 3.1f, -2.4f};
    for (size_t i = 0; i < sizeof angles / sizeof *angles; i++) {
        const float c = cosf(angles[i]);
        const float s = sinf(angles[i]);
        /* Turned clockwise around the face, which comes to lie at (200, 200). */
        const Affine map = {c, s, face.x - 200 * c - 200 * s, -s, c, face.y + 200 * s - 200 * c};
        AVFrame *tilted = redraw(portrait, &map, 400, 400);
        Detection found[FACES];
        int count = 0;
        Error err = {0};
        assert_int_equal(models_detect_rotated(models, tilted, (Orientation){0}, (AVRational){1, 1},
                                               i < 3 ? TURNED_NOT : TURNED_ALL, 0, found, FACES, &count,
                                               &err),
                         STATUS_OK);
        assert_true(count >= 1);
        assert_true(fabsf(remainderf(found[0].angle - angles[i], 6.2831853f)) < 0.2f);
        found[0].angle = 0; /* as a detector of upright faces tells */
        assert_int_equal(models_find_turn(models, tilted, &found[0], &err), STATUS_OK);
        assert_true(fabsf(remainderf(found[0].angle - angles[i], 6.2831853f)) < 0.2f);
        assert_true(hypotf(found[0].centre.x - 200, found[0].centre.y - 200) < 30);
        StillFace faces[FACES];
        assert_int_equal(find(tilted, (Orientation){0}, (AVRational){1, 1}, faces), 1);
        assert_true(face_cosine(faces[0].embedding, upright[0].embedding) > 0.9f);
        av_frame_free(&tilted);
    }
    av_frame_free(&portrait);
}

static void small_faces_are_found_in_large_pictures(void **state)
{
    (void)state;
    int found = 0;
    int invented = 0;
    for (int i = 0; i < PHOTOS; i++) {
        AVFrame *canvas = shrink(photos[i], 0.25f, 1920, 1440);
        StillFace faces[FACES];
        const int count = find(canvas, (Orientation){0}, (AVRational){1, 1}, faces);
        int matched = 0;
        for (int k = 0; k < photo_count[i]; k++) {
            const Point centre = mesh_centre(&photo_faces[i][k].mesh);
            matched += nearest(faces, count, (Point){centre.x / 4, centre.y / 4},
                               box_side(&photo_faces[i][k]) / 8) != NULL;
        }
        found += matched;
        invented += count - matched;
        av_frame_free(&canvas);
    }
    assert_in_range(found, PHOTO_FACES - 1, PHOTO_FACES);
    assert_in_range(invented, 0, 1);
}

static void an_empty_picture_shows_none(void **state)
{
    (void)state;
    const Affine outside = {.a = 1, .c = 1e6f, .e = 1};
    AVFrame *grey = redraw(photos[0], &outside, 1000, 700);
    StillFace faces[FACES];
    assert_int_equal(find(grey, (Orientation){0}, (AVRational){1, 1}, faces), 0);
    av_frame_free(&grey);
    AVFrame *tiny = redraw(photos[0], &outside, 16, 16);
    assert_int_equal(find(tiny, (Orientation){0}, (AVRational){1, 1}, faces), 0);
    av_frame_free(&tiny);
}

/* The mesh must not lean to one side: a mirrored look at the same crop gives the mirrored points. */
static void the_mesh_has_no_side(void **state)
{
    (void)state;
    double offset = 0;
    int count = 0;
    for (int i = 0; i < PHOTOS; i++) {
        for (int k = 0; k < photo_count[i]; k++) {
            const Mesh *known = &photo_faces[i][k].mesh;
            const Affine crop = models_crop_from_mesh(known, false, (AVRational){1, 1});
            const Affine mirror = {.a = -1, .c = MESH_CROP_SIZE - 1, .e = 1};
            const Affine mirrored_crop = affine_multiply(&crop, &mirror);
            Affine to_crop;
            assert_true(affine_invert(&crop, &to_crop));
            Mesh meshes[2];
            float flag = 0;
            Error err = {0};
            assert_int_equal(models_mesh(models, photos[i], &crop, &meshes[0], &flag, &err), STATUS_OK);
            if (flag < 0.95f) {
                continue;
            }
            assert_int_equal(models_mesh(models, photos[i], &mirrored_crop, &meshes[1], &flag, &err),
                             STATUS_OK);
            for (int p = 0; p < MESH_POINTS; p++) {
                offset += (double)affine_apply(&to_crop, (Point){meshes[0].x[p], meshes[0].y[p]}).x;
                offset -= (double)affine_apply(&to_crop, (Point){meshes[1].x[p], meshes[1].y[p]}).x;
            }
            count++;
        }
    }
    assert_true(count > 15);
    /* Counting from the crop's edge instead of the first pixel's middle would give about 0.9. */
    assert_float_equal((float)(offset / count / MESH_POINTS), 0.0f, 0.4f);
}

static int64_t resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0;
    long resident = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    (void)fclose(file);
    return (int64_t)resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void three_hundred_runs_do_not_grow(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* a sanitiser keeps what was freed; leaks are found by itself */
#endif
    AVFrame *frame = shrink(photos[0], 0.25f, 480, 320);
    StillFace faces[FACES];
    const int count = find(frame, (Orientation){0}, (AVRational){1, 1}, faces);
    assert_true(count > 0);
    int64_t before = 0;
    for (int i = 0; i < 350; i++) {
        if (i == 50) {
            before = resident_kb();
        }
        Error err = {0};
        Detection found[FACES];
        int detected = 0;
        float flag = 0;
        Mesh mesh;
        const Affine crop = models_crop_from_mesh(&faces[0].mesh, false, (AVRational){1, 1});
        assert_int_equal(models_mesh(models, frame, &crop, &mesh, &flag, &err), STATUS_OK);
        if (i % 10 == 0) {
            assert_int_equal(models_detect(models, frame, (Orientation){0}, (AVRational){1, 1}, 0, found,
                                           FACES, &detected, &err),
                             STATUS_OK);
            assert_int_equal(face_embed(models, frame, &mesh, faces[0].embedding, &err), STATUS_OK);
        }
    }
    /* One leaked crop a run would be 300 x 440 KB = 130 MB. */
    assert_in_range(resident_kb(), 0, before + 8192);
    av_frame_free(&frame);
}

typedef struct Job {
    const AVFrame *frame;
    Affine crop;
    Mesh mesh;
    Status status;
} Job;

static void *run_mesh(void *argument)
{
    Job *job = argument;
    float flag = 0;
    for (int i = 0; i < 5; i++) {
        job->status = models_mesh(models, job->frame, &job->crop, &job->mesh, &flag, NULL);
    }
    return NULL;
}

static void threads_share_the_models(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    Job jobs[THREADS];
    pthread_t threads[THREADS];
    const Affine crop = models_crop_from_mesh(&photo_faces[0][0].mesh, false, (AVRational){1, 1});
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (Job){.frame = photos[0], .crop = crop};
        assert_int_equal(pthread_create(&threads[i], NULL, run_mesh, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(jobs[i].status, STATUS_OK);
        assert_memory_equal(&jobs[i].mesh, &jobs[0].mesh, sizeof(Mesh));
    }
}

static void a_model_of_another_kind_is_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/runbatch-models-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *mesh = NULL;
    Error err = {0};
    assert_int_equal(catalogue_find(NULL, "facemesh.onnx", &mesh, &err), STATUS_OK);
    char *wrong = path_join(folder, "fr_detect.onnx");
    assert_int_equal(symlink(mesh, wrong), 0);
    FaceModels *none = NULL;
    assert_int_equal(face_models_open(&none, &(FaceModelsConfig){.models_dir = folder}, &err), STATUS_FAILED);
    assert_null(none);
    assert_int_equal(err.class_, ERROR_MODEL);
    assert_string_equal(err.file, wrong);
    assert_non_null(strstr(err.why, "[1,192,192,3], expected [1,3,240,320]"));
    assert_int_equal(unlink(wrong), 0);
    assert_int_equal(rmdir(folder), 0);
    memory_free(wrong);
    memory_free(mesh);
}

static void comparing_needs_the_embedder(void **state)
{
    (void)state;
    FaceModels *plain = NULL;
    Error err = {0};
    assert_int_equal(face_models_open(&plain, &(FaceModelsConfig){.threads = 1}, &err), STATUS_OK);
    float embedding[EMBEDDING_SIZE];
    assert_int_equal(face_embed(plain, photos[0], &photo_faces[0][0].mesh, embedding, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INTERNAL);
    error_clear(&err);
    const Mesh point = {0};
    assert_int_equal(face_embed(models, photos[0], &point, embedding, &err), STATUS_FAILED);
    face_models_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_photos_show_22_faces),
        cmocka_unit_test(largest_faces_come_first_and_capacity_holds),
        cmocka_unit_test(single_portraits_show_one_face),
        cmocka_unit_test(different_people_differ_and_the_same_one_stays),
        cmocka_unit_test(turned_mirrored_and_squeezed_videos_show_the_same_faces),
        cmocka_unit_test(tilted_heads_are_found_with_their_angle),
        cmocka_unit_test(small_faces_are_found_in_large_pictures),
        cmocka_unit_test(an_empty_picture_shows_none),
        cmocka_unit_test(the_mesh_has_no_side),
        cmocka_unit_test(three_hundred_runs_do_not_grow),
        cmocka_unit_test(threads_share_the_models),
        cmocka_unit_test(a_model_of_another_kind_is_refused),
        cmocka_unit_test(comparing_needs_the_embedder),
    };
    /* the others compute in one thread, and take minutes there */
    const char *sanitizer = getenv("RUNBATCH_SANITIZER");
    if (sanitizer != NULL && strcmp(sanitizer, "thread") == 0) {
        cmocka_set_test_filter("threads_*");
    }
    return cmocka_run_group_tests(tests, open_all, close_all);
}
