/* The swapper on painted faces: what it leaves alone, whose light and whose features it shows, any pose. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "face/colour.h"
#include "face/skin.h"
#include "face/swapper.h"

enum { SIZE = 320 };
static const float face_width = 150;

/* A painted face: skin with a pattern of its own, a light, brows. */
typedef struct Look {
    float skin[3];
    float pattern;    /* amplitude */
    float frequency;  /* radians a face's width */
    float side_light; /* brightness from left (1 - s) to right (1 + s) */
    float brow;       /* brightness of the brows */
    float openings;   /* brightness of eyes and mouth */
    float jaw;        /* darkness towards the chin */
} Look;

static const Look look_a = {{210, 150, 120}, 6, 20, 0, 0.9F, 1, 0};
static const Look look_b = {{150, 105, 80}, 6, 45, 0, 0.3F, 0.2F, 0};

static float brow_share(Point p)
{
    const float x = (fabsf(p.x) - 0.22F) / 0.1F;
    const float y = (p.y + 0.36F) / 0.025F;
    return fmaxf(0, 1 - x * x * x * x - y * y);
}

static Point middle_of(ContourName name)
{
    const Contour contour = topology_contour(name);
    Point middle = {0};
    for (int i = 0; i < contour.count; i++) {
        const Point p = topology_canonical(contour.point[i]);
        middle.x += p.x / (float)contour.count;
        middle.y += p.y / (float)contour.count;
    }
    return middle;
}

static const ContourName opening_names[3] = {CONTOUR_EYE_LEFT, CONTOUR_EYE_RIGHT, CONTOUR_LIPS_INNER};

static bool is_in_opening(Point p)
{
    for (int k = 0; k < 3; k++) {
        const Contour contour = topology_contour(opening_names[k]);
        Point polygon[32];
        for (int i = 0; i < contour.count; i++) {
            polygon[i] = topology_canonical(contour.point[i]);
        }
        if (polygon_distance(polygon, contour.count, p) > 0) {
            return true;
        }
    }
    return false;
}

static void look_colour(const Look *look, Point p, float rgb[3])
{
    const float wave = look->pattern * sinf(look->frequency * p.x) * cosf(look->frequency * p.y);
    const float jaw = 1 - look->jaw * fminf(fmaxf((p.y - 0.3F) / 0.3F, 0), 1);
    const float feature = is_in_opening(p) ? look->openings : 1 - (1 - look->brow) * brow_share(p);
    const float light = (1 + 2 * look->side_light * p.x) * jaw * feature;
    for (int i = 0; i < 3; i++) {
        rgb[i] = fminf(fmaxf((look->skin[i] + wave) * light, 0), 255);
    }
}

/* Where the canonical face lies in a picture. */
static Affine pose(float degrees, bool mirrored, float dx, float dy)
{
    const float angle = degrees * 3.14159265F / 180;
    const float side = mirrored ? -1.0F : 1.0F;
    return (Affine){face_width * cosf(angle) * side, -face_width * sinf(angle), SIZE / 2.0F + dx,
                    face_width * sinf(angle) * side, face_width * cosf(angle),  SIZE / 2.0F + dy};
}

static Mesh mesh_of(const Affine *map)
{
    Mesh mesh;
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point p = affine_apply(map, topology_canonical(i));
        mesh.x[i] = p.x;
        mesh.y[i] = p.y;
        mesh.z[i] = (float)topology_points[i][2] / TOPOLOGY_UNITS * face_width;
    }
    return mesh;
}

/* GBRP holds RGB as it is. */
static AVFrame *paint_frame(const Look *look, const Affine *map)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_GBRP;
    frame->width = SIZE;
    frame->height = SIZE;
    frame->colorspace = AVCOL_SPC_RGB;
    frame->color_range = AVCOL_RANGE_JPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    Affine inverse;
    assert_true(affine_invert(map, &inverse));
    static const int plane_of[3] = {2, 0, 1};
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            float rgb[3];
            look_colour(look, affine_apply(&inverse, (Point){(float)x, (float)y}), rgb);
            for (int i = 0; i < 3; i++) {
                frame->data[plane_of[i]][(ptrdiff_t)y * frame->linesize[plane_of[i]] + x] =
                    (uint8_t)lroundf(rgb[i]);
            }
        }
    }
    return frame;
}

static float frame_value(const AVFrame *frame, int channel, Point p)
{
    static const int plane_of[3] = {2, 0, 1};
    const int plane = plane_of[channel];
    return frame->data[plane][lroundf(p.y) * (ptrdiff_t)frame->linesize[plane] + lroundf(p.x)];
}

static Swapper *make_swapper(const Look *look)
{
    Error err = {0};
    const Affine map = pose(0, false, 0, 0);
    const Mesh mesh = mesh_of(&map);
    Image rgb = {0};
    assert_int_equal(image_resize(&rgb, SIZE, SIZE, 3, &err), STATUS_OK);
    Affine inverse;
    assert_true(affine_invert(&map, &inverse));
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            float colour[3];
            look_colour(look, affine_apply(&inverse, (Point){(float)x, (float)y}), colour);
            for (int i = 0; i < 3; i++) {
                rgb.plane[i][y * rgb.stride + x] = colour[i];
            }
        }
    }
    CanonicalPlane *plane = memory_alloc(1, sizeof *plane);
    canonical_plane_fill(plane);
    Source *source = NULL;
    Swapper *swapper = NULL;
    assert_int_equal(source_from_image(&source, plane, &rgb, &mesh, &err), STATUS_OK);
    assert_int_equal(swapper_new(&swapper, &source, 2, &err), STATUS_OK);
    assert_null(source);
    memory_free(plane);
    image_free(&rgb);
    return swapper;
}

static FrameFaces *one_face(const AVFrame *frame, const Affine *map)
{
    Error err = {0};
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    faces->count = 1;
    faces->face[0] = (Face){.track = 1, .score = 1, .opacity = 1, .selected = true, .mesh = mesh_of(map)};
    Image scratch = {0};
    const bool mirrored = map->a * map->e - map->b * map->d < 0;
    assert_int_equal(skin_stats_from_frame(frame, &faces->face[0].mesh, mirrored, (AVRational){1, 1},
                                           &scratch, &faces->face[0].skin, &err),
                     STATUS_OK);
    assert_true(faces->face[0].skin.weight > 0.3F);
    image_free(&scratch);
    return faces;
}

static AVFrame *copy_of(const AVFrame *frame)
{
    AVFrame *copy = av_frame_clone(frame);
    assert_int_equal(av_frame_make_writable(copy), 0);
    return copy;
}

static int differing_samples(const AVFrame *a, const AVFrame *b)
{
    int count = 0;
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                count += a->data[p][(ptrdiff_t)y * a->linesize[p] + x] !=
                         b->data[p][(ptrdiff_t)y * b->linesize[p] + x];
            }
        }
    }
    return count;
}

/* A swap of look `source` onto look `target` in that pose; the frame before through `before`. */
static AVFrame *swapped(const Look *source, const Look *target, const Affine *map, AVFrame **before)
{
    Error err = {0};
    Swapper *swapper = make_swapper(source);
    AVFrame *frame = paint_frame(target, map);
    FrameFaces *faces = one_face(frame, map);
    *before = copy_of(frame);
    assert_int_equal(swapper_process(swapper, 1, frame, faces, &err), STATUS_OK);
    memory_free(faces);
    swapper_free(&swapper);
    return frame;
}

static void nothing_changes_outside_the_face(void **state)
{
    (void)state;
    static const float turns[] = {0, 30, 90, 200};
    Point oval[64];
    const Contour contour = topology_contour(CONTOUR_OVAL);
    for (size_t k = 0; k < sizeof turns / sizeof turns[0]; k++) {
        const Affine map = pose(turns[k], k == 1, 3, -5);
        AVFrame *before = NULL;
        AVFrame *after = swapped(&look_a, &look_b, &map, &before);
        for (int i = 0; i < contour.count; i++) {
            oval[i] = affine_apply(&map, topology_canonical(contour.point[i]));
        }
        int inside = 0;
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                const Point p = {(float)x, (float)y};
                const bool same = frame_value(before, 0, p) == frame_value(after, 0, p) &&
                                  frame_value(before, 1, p) == frame_value(after, 1, p) &&
                                  frame_value(before, 2, p) == frame_value(after, 2, p);
                if (polygon_distance(oval, contour.count, p) < 0) {
                    assert_true(same);
                } else {
                    inside += !same;
                }
            }
        }
        assert_true(inside > 5000);
        av_frame_free(&before);
        av_frame_free(&after);
    }
}

static void faces_not_meant_are_left_alone(void **state)
{
    (void)state;
    Error err = {0};
    const Affine map = pose(0, false, 0, 0);
    Swapper *swapper = make_swapper(&look_a);
    AVFrame *frame = paint_frame(&look_b, &map);
    AVFrame *before = copy_of(frame);
    FrameFaces *faces = one_face(frame, &map);
    for (int k = 0; k < 5; k++) {
        FrameFaces *changed = memory_alloc(1, sizeof *changed);
        *changed = *faces;
        Face *face = &changed->face[0];
        face->selected = k != 0;
        face->opacity = k == 1 ? 0 : 1;
        changed->count = k == 2 ? 0 : 1;
        for (int i = 0; i < MESH_POINTS; i++) {
            face->mesh.x[i] = k == 3 ? NAN : (k == 4 ? 40 : face->mesh.x[i]);
        }
        assert_int_equal(swapper_process(swapper, 0, frame, changed, &err), STATUS_OK);
        assert_int_equal(differing_samples(frame, before), 0);
        memory_free(changed);
    }
    memory_free(faces);
    swapper_free(&swapper);
    av_frame_free(&frame);
    av_frame_free(&before);
}

static void a_face_onto_itself_stays_the_same(void **state)
{
    (void)state;
    const Affine map = pose(0, false, 0, 0);
    AVFrame *before = NULL;
    AVFrame *after = swapped(&look_a, &look_a, &map, &before);
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            const Point p = {(float)x, (float)y};
            assert_float_equal(frame_value(before, 1, p), frame_value(after, 1, p), 9);
        }
    }
    av_frame_free(&before);
    av_frame_free(&after);
}

/* Mean over a square of the canonical face. */
static float patch_mean(const AVFrame *frame, const Affine *map, int channel, Point centre)
{
    float sum = 0;
    int count = 0;
    for (float y = -0.03F; y <= 0.03F; y += 0.01F) {
        for (float x = -0.03F; x <= 0.03F; x += 0.01F) {
            sum += frame_value(frame, channel, affine_apply(map, (Point){centre.x + x, centre.y + y}));
            count++;
        }
    }
    return sum / (float)count;
}

static void skin_takes_the_targets_colour_and_light(void **state)
{
    (void)state;
    Look target = look_b;
    target.side_light = 0.5F;
    const Affine map = pose(0, false, 0, 0);
    AVFrame *before = NULL;
    AVFrame *after = swapped(&look_a, &target, &map, &before);
    static const Point cheeks[] = {{-0.22F, 0.08F}, {0.22F, 0.08F}, {0, -0.3F}, {0, 0.5F}};
    for (size_t k = 0; k < sizeof cheeks / sizeof cheeks[0]; k++) {
        for (int i = 0; i < 3; i++) {
            const float wanted = patch_mean(before, &map, i, cheeks[k]);
            assert_float_equal(patch_mean(after, &map, i, cheeks[k]), wanted, 0.12F * wanted);
        }
    }
    av_frame_free(&before);
    av_frame_free(&after);
}

static void features_come_from_the_source(void **state)
{
    (void)state;
    const Affine map = pose(0, false, 0, 0);
    const Point brow = {0.22F, -0.36F};
    const Point skin = {0.22F, 0.08F};
    AVFrame *before = NULL;
    AVFrame *after = swapped(&look_a, &look_b, &map, &before);
    /* A light brow instead of a dark one. */
    assert_true(patch_mean(before, &map, 1, brow) < 0.7F * patch_mean(before, &map, 1, skin));
    assert_true(patch_mean(after, &map, 1, brow) > 0.85F * patch_mean(after, &map, 1, skin));
    av_frame_free(&before);
    av_frame_free(&after);
    after = swapped(&look_b, &look_a, &map, &before);
    assert_true(patch_mean(after, &map, 1, brow) < 0.8F * patch_mean(after, &map, 1, skin));
    av_frame_free(&before);
    av_frame_free(&after);
}

static void eyes_and_mouth_stay_the_targets(void **state)
{
    (void)state;
    const Affine map = pose(15, false, 0, 0);
    AVFrame *before = NULL;
    AVFrame *after = swapped(&look_a, &look_b, &map, &before);
    for (int k = 0; k < 3; k++) {
        const Contour contour = topology_contour(opening_names[k]);
        const Point middle = middle_of(opening_names[k]);
        for (int i = 0; i < contour.count; i++) {
            const Point rim = topology_canonical(contour.point[i]);
            for (float share = 0; share < 0.5F; share += 0.2F) {
                const Point p = affine_apply(&map, (Point){middle.x + share * (rim.x - middle.x),
                                                           middle.y + share * (rim.y - middle.y)});
                assert_float_equal(frame_value(before, 0, p), frame_value(after, 0, p), 2);
            }
        }
    }
    av_frame_free(&before);
    av_frame_free(&after);
}

/* Half way through the mask's edge the two are of one tone even where the target's light changes fast. */
static void the_edge_has_one_tone(void **state)
{
    (void)state;
    Look target = look_b;
    target.pattern = 0;
    target.jaw = 0.45F;
    Look source = look_a;
    source.pattern = 0;
    const Affine map = pose(0, false, 0, 0);
    AVFrame *before = NULL;
    AVFrame *after = swapped(&source, &target, &map, &before);
    static const Point edge[] = {{0, 0.535F}, {-0.12F, 0.51F}, {0.12F, 0.51F}};
    for (size_t k = 0; k < sizeof edge / sizeof edge[0]; k++) {
        const float wanted = patch_mean(before, &map, 1, edge[k]);
        assert_float_equal(patch_mean(after, &map, 1, edge[k]), wanted, 0.03F * wanted);
    }
    av_frame_free(&before);
    av_frame_free(&after);
}

static void any_turn_of_the_picture_is_alike(void **state)
{
    (void)state;
    const Affine upright = pose(0, false, 0, 0);
    Look target = look_b;
    target.openings = 1; /* a hard edge would be cut by other pixels at every turn */
    AVFrame *before = NULL;
    AVFrame *expected = swapped(&look_a, &target, &upright, &before);
    av_frame_free(&before);
    for (int k = 1; k < 8; k++) {
        const Affine map = pose((float)(k % 4) * 90, k >= 4, 0, 0);
        AVFrame *turned = swapped(&look_a, &target, &map, &before);
        for (float y = -0.5F; y <= 0.5F; y += 0.05F) {
            for (float x = -0.4F; x <= 0.4F; x += 0.05F) {
                const Point p = {x, y};
                assert_float_equal(patch_mean(turned, &map, 1, p), patch_mean(expected, &upright, 1, p), 6);
            }
        }
        av_frame_free(&before);
        av_frame_free(&turned);
    }
    av_frame_free(&expected);
}

/* Whole pixels further down the bands cut the face elsewhere. */
static void bands_leave_no_trace(void **state)
{
    (void)state;
    const Affine here = pose(0, false, 0, 0);
    const Affine there = pose(0, false, 0, 13);
    AVFrame *before = NULL;
    AVFrame *one = swapped(&look_a, &look_b, &here, &before);
    av_frame_free(&before);
    AVFrame *other = swapped(&look_a, &look_b, &there, &before);
    av_frame_free(&before);
    for (int y = 40; y < SIZE - 40; y++) {
        for (int x = 40; x < SIZE - 40; x++) {
            assert_float_equal(frame_value(one, 0, (Point){(float)x, (float)y}),
                               frame_value(other, 0, (Point){(float)x, (float)y + 13}), 3);
        }
    }
    av_frame_free(&one);
    av_frame_free(&other);
}

/* Grey, so that what the source brings is all the colour there is. */
static AVFrame *grey_420_frame(void)
{
    static const int levels[3] = {150, 128, 128};
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = SIZE;
    frame->height = SIZE;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int p = 0; p < 3; p++) {
        memset(frame->data[p], levels[p], (size_t)frame->linesize[p] * (size_t)(p == 0 ? SIZE : SIZE / 2));
    }
    return frame;
}

/* Chroma that lies between rows of two bands is read before either is changed. */
static void bands_leave_no_line_in_the_chroma(void **state)
{
    (void)state;
    enum { DOWN = 14 };
    Error err = {0};
    Swapper *swapper = make_swapper(&look_a);
    AVFrame *made[2];
    for (int k = 0; k < 2; k++) {
        const Affine map = pose(0, false, 0, (float)(k * DOWN));
        made[k] = grey_420_frame();
        FrameFaces *faces = one_face(made[k], &map);
        static const float reddish[3] = {190, 140, 110};
        memcpy(faces->face[0].skin.mean, reddish, sizeof reddish);
        assert_int_equal(swapper_process(swapper, 0, made[k], faces, &err), STATUS_OK);
        memory_free(faces);
    }
    int coloured = 0;
    int differing = 0;
    for (int p = 1; p < 3; p++) {
        for (int y = 20; y < SIZE / 2 - 20; y++) {
            for (int x = 20; x < SIZE / 2 - 20; x++) {
                const int here = made[0]->data[p][(ptrdiff_t)y * made[0]->linesize[p] + x];
                const int there = made[1]->data[p][(ptrdiff_t)(y + DOWN / 2) * made[1]->linesize[p] + x];
                differing += abs(here - there);
                coloured += abs(here - 128);
            }
        }
    }
    assert_true(coloured > 1000);
    assert_true(differing < 20); /* 71 when a band is read after the one above it was changed */
    av_frame_free(&made[0]);
    av_frame_free(&made[1]);
    swapper_free(&swapper);
}

/* Turned by `yaw`, faces larger than the frame, half outside: whatever comes, only pixels may change. */
static void hard_poses_do_no_harm(void **state)
{
    (void)state;
    Error err = {0};
    Swapper *swapper = make_swapper(&look_a);
    const Affine map = pose(0, false, 0, 0);
    AVFrame *frame = paint_frame(&look_b, &map);
    FrameFaces *faces = one_face(frame, &map);
    const Mesh frontal = faces->face[0].mesh;
    static const float yaws[] = {0.5F, 1.0F, 1.4F, 1.57F, 2.5F};
    static const float scales[] = {0.02F, 1, 7};
    for (size_t k = 0; k < 5 * 3; k++) {
        const float c = cosf(yaws[k % 5]);
        const float s = sinf(yaws[k % 5]);
        const float scale = scales[k / 5];
        for (int i = 0; i < MESH_POINTS; i++) {
            const float x = frontal.x[i] - SIZE / 2.0F;
            faces->face[0].mesh.x[i] = (c * x - s * frontal.z[i]) * scale + 100;
            faces->face[0].mesh.z[i] = (s * x + c * frontal.z[i]) * scale;
            faces->face[0].mesh.y[i] = (frontal.y[i] - SIZE / 2.0F) * scale + 60;
        }
        assert_int_equal(swapper_process(swapper, 0, frame, faces, &err), STATUS_OK);
    }
    memory_free(faces);
    swapper_free(&swapper);
    av_frame_free(&frame);
}

static void colours_map_mean_to_mean(void **state)
{
    (void)state;
    SkinStats from = {{200, 150, 120}, {100, 60, 40, 80, 50, 70}, 1};
    SkinStats to = {{100, 80, 70}, {25, 15, 10, 20, 12, 18}, 1};
    const ColourMap map = colour_map_between(&from, &to);
    float out[3];
    colour_map_apply(&map, from.mean, out);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(out[i], to.mean[i], 0.01);
    }
    /* Half as bright a skin gives half as bright a skin. */
    const float shadow[3] = {100, 75, 60};
    colour_map_apply(&map, shadow, out);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(out[i], to.mean[i] / 2, 0.5);
    }
    to.weight = 0;
    const ColourMap none = colour_map_between(&from, &to);
    colour_map_apply(&none, shadow, out);
    assert_float_equal(out[2], 60, 0);
}

static void skin_distance_counts_deviations(void **state)
{
    (void)state;
    const SkinStats skin = {{100, 90, 80}, {25, 0, 0, 16, 0, 9}, 1};
    const SkinDistance distance = skin_distance_prepare(&skin, 1, 0, 0);
    assert_float_equal(skin_distance(&distance, (float[3]){110, 90, 80}), 4, 1e-4);
    assert_float_equal(skin_distance(&distance, (float[3]){100, 98, 83}), 5, 1e-4);
    const SkinStats none = {0};
    const SkinDistance unknown = skin_distance_prepare(&none, 1, 0.1F, 1);
    assert_float_equal(skin_distance(&unknown, (float[3]){1, 2, 3}), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_outside_the_face),
        cmocka_unit_test(faces_not_meant_are_left_alone),
        cmocka_unit_test(a_face_onto_itself_stays_the_same),
        cmocka_unit_test(skin_takes_the_targets_colour_and_light),
        cmocka_unit_test(features_come_from_the_source),
        cmocka_unit_test(eyes_and_mouth_stay_the_targets),
        cmocka_unit_test(the_edge_has_one_tone),
        cmocka_unit_test(any_turn_of_the_picture_is_alike),
        cmocka_unit_test(bands_leave_no_trace),
        cmocka_unit_test(bands_leave_no_line_in_the_chroma),
        cmocka_unit_test(hard_poses_do_no_harm),
        cmocka_unit_test(colours_map_mean_to_mean),
        cmocka_unit_test(skin_distance_counts_deviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
