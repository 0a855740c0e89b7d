/* The tracker's course of events, with scripted senses in place of the models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canonical_face.h"
#include "face/tracker_internal.h"

enum { WORLD_FACES = 3 };

typedef struct WorldFace {
    bool there;
    float x, y, width, yaw;
    float detector_score; /* 0: the quick detector misses it */
    float turned_score;   /* of the other detector */
    float flag;           /* what the mesh says of a crop on this face */
    float cosine;         /* to the reference */
} WorldFace;

typedef struct World {
    WorldFace face[WORLD_FACES];
    bool cut;
    bool fail;
    int quick, turned, all, meshes, embeds, skins;
    FaceTracker *tracker;
    AVFrame *frame;
    FrameFaces seen;
    int64_t pts;
    unsigned turns_seen; /* all pictures that a detector was asked to look at */
    int looks;           /* at which way up a face is */
    float way_up;        /* what they say */
} World;

static Status scripted_detect(void *context, const AVFrame *frame, DetectEffort effort, unsigned turns,
                              float threshold, Detection *found, int capacity, int *count, Error *err)
{
    (void)frame;
    World *world = context;
    world->turns_seen |= turns;
    world->quick += effort == DETECT_QUICK ? 1 : 0;
    world->turned += effort == DETECT_TURNED ? 1 : 0;
    world->all += effort == DETECT_ALL ? 1 : 0;
    *count = 0;
    if (world->fail) {
        return error_set(err, ERROR_MODEL, "cannot run", NULL, "a test");
    }
    for (int i = 0; i < WORLD_FACES && *count < capacity; i++) {
        const WorldFace *face = &world->face[i];
        float score = effort == DETECT_QUICK    ? face->detector_score
                      : effort == DETECT_TURNED ? face->turned_score
                                                : fmaxf(face->detector_score, face->turned_score);
        if (face->there && score >= threshold) {
            found[(*count)++] = (Detection){.centre = {face->x, face->y},
                                            .width = face->width,
                                            .height = 1.25f * face->width,
                                            .score = score};
        }
    }
    return STATUS_OK;
}

static Status scripted_turn(void *context, const AVFrame *frame, Detection *face, Error *err)
{
    (void)frame, (void)err;
    World *world = context;
    world->looks++;
    face->angle = world->way_up;
    return STATUS_OK;
}

/* The face whose middle is nearest to the crop's, if it lies well inside; the way up that the crop is. */
static Status scripted_mesh(void *context, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh,
                            float *flag, Error *err)
{
    (void)frame;
    (void)err;
    World *world = context;
    world->meshes++;
    const float middle = 0.5f * MESH_CROP_SIZE;
    const Point centre = affine_apply(crop_to_frame, (Point){middle, middle});
    const float side = MESH_CROP_SIZE * hypotf(crop_to_frame->a, crop_to_frame->d);
    *flag = 0.01f;
    *mesh = canonical_face(centre.x, centre.y, side / 2.0f, 0.0f, 0.0f);
    float nearest = 0.4f * side;
    for (int i = 0; i < WORLD_FACES; i++) {
        const WorldFace *face = &world->face[i];
        float distance = hypotf(face->x - centre.x, face->y - centre.y);
        if (face->there && distance < nearest && side > face->width && side < 4.0f * face->width) {
            nearest = distance;
            *flag = face->flag;
            *mesh = canonical_face(face->x, face->y, face->width, face->yaw,
                                   atan2f(crop_to_frame->d, crop_to_frame->a));
        }
    }
    return STATUS_OK;
}

static const WorldFace *face_at(const World *world, const Mesh *mesh)
{
    Box box = box_of_mesh(mesh);
    for (int i = 0; i < WORLD_FACES; i++) {
        const WorldFace *face = &world->face[i];
        if (face->there && face->x > box.x0 && face->x < box.x1) {
            return face;
        }
    }
    return NULL;
}

static Status scripted_embed(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding,
                             Error *err)
{
    (void)frame;
    (void)err;
    World *world = context;
    world->embeds++;
    const WorldFace *face = face_at(world, mesh);
    memset(embedding, 0, EMBEDDING_SIZE * sizeof *embedding);
    embedding[0] = face != NULL ? face->cosine : 0.0f;
    embedding[1] = sqrtf(1.0f - embedding[0] * embedding[0]);
    return STATUS_OK;
}

static Status scripted_skin(void *context, const AVFrame *frame, const Mesh *mesh, SkinStats *stats,
                            Error *err)
{
    (void)frame;
    (void)mesh;
    (void)err;
    ((World *)context)->skins++;
    *stats = (SkinStats){.mean = {180.0f, 140.0f, 120.0f}, .weight = 1.0f};
    return STATUS_OK;
}

static bool scripted_cut(void *context, const AVFrame *frame)
{
    (void)frame;
    return ((World *)context)->cut;
}

static World *world_new(bool many_faces)
{
    World *world = test_calloc(1, sizeof *world);
    FaceTrackerConfig config = {.time_base = {1, 1000},
                                .many_faces = many_faces,
                                .has_reference = !many_faces,
                                .similar_distance = 0.85f};
    config.reference[0] = 1.0f;
    const TrackerSenses senses = {world,          scripted_detect, scripted_turn, scripted_mesh,
                                  scripted_embed, scripted_skin,   scripted_cut};
    assert_int_equal(face_tracker_new_with(&world->tracker, &config, &senses, NULL), STATUS_OK);
    world->frame = av_frame_alloc();
    assert_non_null(world->frame);
    world->frame->width = 640;
    world->frame->height = 360;
    world->cut = true;
    world->face[0] = (WorldFace){.there = true,
                                 .x = 200.0f,
                                 .y = 180.0f,
                                 .width = 80.0f,
                                 .detector_score = 0.9f,
                                 .turned_score = 0.9f,
                                 .flag = 1.0f,
                                 .cosine = 0.8f};
    world->face[1] = world->face[0];
    world->face[1].there = false;
    world->face[1].x = 450.0f;
    world->face[1].cosine = 0.1f;
    return world;
}

static void world_free(World *world)
{
    face_tracker_free(&world->tracker);
    av_frame_free(&world->frame);
    test_free(world);
}

static void step_for(World *world, int duration_ms)
{
    world->frame->pts = world->pts;
    world->pts += duration_ms;
    assert_int_equal(face_tracker_next(world->tracker, world->frame, &world->seen, NULL), STATUS_OK);
    world->cut = false;
}

static void run(World *world, int frames)
{
    for (int i = 0; i < frames; i++) {
        step_for(world, 40);
    }
}

static bool is_shown(const World *world)
{
    return world->seen.count == 1 && world->seen.face[0].selected && world->seen.face[0].opacity == 1.0f;
}

static void a_face_is_there_from_the_first_frame(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 1);
    assert_true(world->seen.scene_cut);
    assert_true(is_shown(world));
    assert_float_equal(world->seen.face[0].mesh.x[1], 200.0f, 3.0f);
    assert_true(world->seen.face[0].skin.weight > 0.0f);
    run(world, 1);
    assert_false(world->seen.scene_cut);
    world_free(world);
}

static float roll_seen(const World *world)
{
    assert_int_equal(world->seen.count, 1);
    return mesh_roll(&world->seen.face[0].mesh, false, (AVRational){1, 1});
}

static void a_new_face_is_looked_at_closely_once(void **state)
{
    (void)state;
    const float half_turn = 3.14159265f;
    World *world = world_new(true);
    world->way_up = half_turn;
    run(world, 1);
    assert_int_equal(world->turns_seen, TURNED_ALL);
    assert_int_equal(world->looks, 1);
    assert_float_equal(fabsf(roll_seen(world)), half_turn, 0.01f);
    /* The quick detector tells no angle; a face that it finds again stays as it was turned. */
    run(world, 50);
    assert_int_equal(world->looks, 1);
    world->face[0].x += 60.0f;
    run(world, 10);
    assert_float_equal(fabsf(roll_seen(world)), half_turn, 0.01f);
    world_free(world);
}

static void a_face_that_is_the_wrong_way_up_is_put_right(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->way_up = 3.14159265f; /* a mistake: the detectors say 0 */
    run(world, 1);
    const int looks = world->looks;
    world->way_up = 0.0f;
    run(world, 80); /* all are asked once in three seconds, and it is looked at again */
    assert_int_equal(world->looks, looks + 1);
    assert_float_equal(roll_seen(world), 0.0f, 0.01f);
    assert_float_equal(world->seen.face[0].mesh.x[1], 200.0f, 3.0f);
    world_free(world);
}

static void what_is_no_face_to_the_mesh_is_not_looked_at_by_and_by(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->face[0].flag = 0.05f;
    world->face[0].turned_score = 0.5f; /* the detector for turned heads does not begin with it */
    run(world, 1);
    const int looks = world->looks;
    run(world, 70);
    assert_int_equal(world->looks, looks);
    assert_true(world->quick > 10);
    world_free(world);
}

static void detection_runs_five_times_a_second(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 1);
    int before = world->quick + world->all;
    run(world, 50);
    assert_int_equal(world->quick + world->all - before, 10);
    assert_int_equal(world->turned, 0);
    world_free(world);

    /* At 100 frames a second as well. */
    world = world_new(true);
    for (int i = 0; i < 201; i++) {
        step_for(world, 10);
    }
    assert_int_equal(world->quick + world->all, 11);
    world_free(world);
}

static void detect_every_is_obeyed(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->tracker->config.detect_every = 1;
    run(world, 30);
    assert_int_equal(world->quick + world->all, 30);
    world_free(world);
}

static void empty_stretches_are_cheap(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->face[0].there = false;
    run(world, 25);
    int before = world->quick;
    run(world, 75);
    assert_in_range(world->quick - before, 20, 26);
    assert_in_range(world->turned, 1, 10);
    assert_int_equal(world->meshes, 0);
    /* A face that appears is there within three frames. */
    world->face[0].there = true;
    run(world, 3);
    assert_true(is_shown(world));
    world_free(world);
}

static void the_face_is_followed_without_the_detector(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 3);
    world->face[0].detector_score = 0.0f;
    world->face[0].turned_score = 0.0f;
    int track = world->seen.face[0].track;
    for (int i = 0; i < 100; i++) {
        world->face[0].x += 2.0f;
        run(world, 1);
        assert_true(is_shown(world));
        assert_int_equal(world->seen.face[0].track, track);
    }
    assert_float_equal(world->seen.face[0].mesh.x[1], 400.0f, 6.0f);
    world_free(world);
}

static void an_unsure_track_that_no_detector_sees_ends(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 3);
    world->face[0].detector_score = 0.0f;
    world->face[0].turned_score = 0.0f;
    world->face[0].flag = 0.4f;
    run(world, 20);
    assert_int_equal(world->seen.count, 1);
    run(world, 25);
    assert_int_equal(world->seen.count, 0);
    /* While one that the detector for turned heads still sees stays. */
    world->face[0].detector_score = 0.9f;
    run(world, 5);
    world->face[0].detector_score = 0.0f;
    world->face[0].turned_score = 0.9f;
    run(world, 100);
    assert_int_equal(world->seen.count, 1);
    world_free(world);
}

static void a_blink_of_the_mesh_leaves_no_gap(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 10);
    for (int i = 0; i < 10; i++) {
        world->face[0].flag = 0.05f;
        world->face[0].detector_score = 0.0f;
        world->face[0].turned_score = 0.0f;
        run(world, 1);
        assert_true(is_shown(world));
        world->face[0].flag = 1.0f;
        world->face[0].detector_score = 0.9f;
        run(world, 1);
        assert_true(is_shown(world));
    }
    FaceTrackerStats stats = face_tracker_stats(world->tracker);
    assert_int_equal(stats.frames_selected, 30);
    assert_int_equal(stats.isolated_gaps, 0);
    world_free(world);
}

static void a_lost_face_goes_on_fades_and_ends(void **state)
{
    (void)state;
    World *world = world_new(true);
    for (int i = 0; i < 20; i++) {
        world->face[0].x += 3.0f;
        run(world, 1);
    }
    float x = world->seen.face[0].mesh.x[1];
    world->face[0].there = false;
    run(world, 2);
    assert_true(is_shown(world));
    assert_true(world->seen.face[0].mesh.x[1] > x + 2.0f); /* where it was going */
    float opacity = 1.0f;
    int frames = 2;
    while (world->seen.count > 0) {
        assert_true(world->seen.face[0].opacity <= opacity);
        opacity = world->seen.face[0].opacity;
        run(world, 1);
        frames++;
    }
    assert_true(opacity < 0.4f);
    assert_in_range(frames, 5, 8);
    world_free(world);
}

static void a_face_that_comes_back_is_the_same(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 5);
    int track = world->seen.face[0].track;
    world->face[0].there = false;
    run(world, 15);
    assert_int_equal(world->seen.count, 0);
    world->face[0].there = true;
    run(world, 3);
    assert_int_equal(world->seen.face[0].track, track);
    /* But not after a second, and not after a cut. */
    world->face[0].there = false;
    run(world, 50);
    world->face[0].there = true;
    run(world, 3);
    assert_int_not_equal(world->seen.face[0].track, track);
    track = world->seen.face[0].track;
    world->cut = true;
    run(world, 1);
    assert_true(is_shown(world));
    assert_int_not_equal(world->seen.face[0].track, track);
    world_free(world);
}

static void a_cut_takes_the_new_face_at_once(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 10);
    world->face[0].x = 500.0f;
    world->face[0].width = 120.0f;
    world->cut = true;
    run(world, 1);
    assert_true(world->seen.scene_cut);
    assert_true(is_shown(world));
    assert_float_equal(world->seen.face[0].mesh.x[1], 500.0f, 5.0f);
    assert_int_equal(face_tracker_stats(world->tracker).scene_cuts, 1);
    world_free(world);
}

static void a_jump_within_a_shot_is_found_by_the_detector(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 10);
    world->face[0].x = 480.0f;
    run(world, 10);
    assert_true(is_shown(world));
    assert_float_equal(world->seen.face[0].mesh.x[1], 480.0f, 5.0f);
    world_free(world);
}

static void two_tracks_on_one_face_become_one(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->face[1].there = true;
    run(world, 5);
    assert_int_equal(world->seen.count, 2);
    /* They meet, and then only one is there. */
    while (world->face[1].x > world->face[0].x) {
        world->face[1].x -= 8.0f;
        run(world, 1);
    }
    world->face[1].there = false;
    run(world, 10);
    assert_int_equal(world->seen.count, 1);
    world_free(world);
}

/* The one whose face was hidden is gone, though it was there first. */
static void the_face_in_front_keeps_its_track(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->face[1].there = true;
    run(world, 5);
    const int front = world->seen.face[0].mesh.x[1] > world->seen.face[1].mesh.x[1] ? 0 : 1;
    const int track = world->seen.face[front].track;
    world->face[0].flag = 0.4f;
    while (world->face[1].x > world->face[0].x) {
        world->face[1].x -= 8.0f;
        run(world, 1);
    }
    world->face[0].there = false;
    run(world, 10);
    assert_int_equal(world->seen.count, 1);
    assert_int_equal(world->seen.face[0].track, track);
    world_free(world);
}

static void profiles_fade_and_come_back(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 5);
    float last = 1.0f;
    for (int i = 0; i < 60; i++) {
        world->face[0].yaw = 1.4f * sinf(3.14159f * (float)i / 60.0f);
        run(world, 1);
        assert_int_equal(world->seen.count, 1);
        assert_true(fabsf(world->seen.face[0].opacity - last) < 0.3f);
        last = world->seen.face[0].opacity;
        if (i == 30) {
            assert_true(last == 0.0f);
            assert_false(world->seen.face[0].selected);
        }
    }
    assert_true(last == 1.0f);
    world_free(world);
}

static void only_the_like_face_is_chosen(void **state)
{
    (void)state;
    World *world = world_new(false);
    world->face[1].there = true;
    run(world, 1);
    for (int frame = 0; frame < 100; frame++) {
        assert_int_equal(world->seen.count, 2);
        for (int i = 0; i < 2; i++) {
            bool like = world->seen.face[i].mesh.x[1] < 300.0f;
            assert_int_equal(world->seen.face[i].selected, like);
        }
        run(world, 1);
    }
    /* Twice a second would be much: identity is measured once a second and face. */
    assert_in_range(world->embeds, 2, 14);
    world_free(world);
}

static void without_a_like_face_none_is_chosen(void **state)
{
    (void)state;
    World *world = world_new(false);
    world->face[0].cosine = 0.5f; /* a distance of 1 */
    run(world, 30);
    assert_int_equal(world->seen.count, 1);
    assert_false(world->seen.face[0].selected);
    assert_int_equal(face_tracker_stats(world->tracker).frames_selected, 0);
    world_free(world);
}

static void gaps_of_one_frame_are_counted_inside_a_shot(void **state)
{
    (void)state;
    /* x: a face chosen, -: none, |: a cut before the frame. */
    const struct {
        const char *course;
        int gaps;
    } cases[] = {
        {"xx-xx", 1},  {"xx--xx", 0}, {"x-x-x", 2},    {"-xxx-", 0},
        {"xx|-xx", 0}, {"xx-|xx", 0}, {"|xx--x-x", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        World *world = world_new(true);
        world->tracker->config.detect_every = 1;
        for (const char *at = cases[i].course; *at != 0; at++) {
            world->cut = world->cut || *at == '|';
            if (*at == '|') {
                continue;
            }
            world->face[0].there = *at == 'x';
            if (*at == '-') { /* as if it had ended long ago */
                tracker_end_all(world->tracker, false);
            }
            run(world, 1);
        }
        assert_int_equal(face_tracker_stats(world->tracker).isolated_gaps, cases[i].gaps);
        world_free(world);
    }
}

static void faces_beyond_the_limit_are_left_out(void **state)
{
    (void)state;
    World *world = world_new(true);
    run(world, 1);
    for (int i = 1; i < FACES_MAX; i++) { /* all slots taken by faces that are nowhere */
        world->tracker->track[i] = world->tracker->track[0];
        world->tracker->track[i].id = 100 + i;
        mesh_shift(&world->tracker->track[i].mesh, 2.0f * (float)i, 150.0f);
    }
    world->face[1].there = true;
    run(world, 1);
    assert_in_range(world->seen.count, 1, FACES_MAX);
    world_free(world);
}

static void odd_times_are_survived(void **state)
{
    (void)state;
    World *world = world_new(true);
    const int64_t pts[] = {0, 40, 40, 20, AV_NOPTS_VALUE, 80, 1000000000, INT64_MAX / 2, 81, AV_NOPTS_VALUE};
    for (size_t i = 0; i < sizeof pts / sizeof pts[0]; i++) {
        world->frame->pts = pts[i];
        assert_int_equal(face_tracker_next(world->tracker, world->frame, &world->seen, NULL), STATUS_OK);
        assert_true(is_shown(world));
        assert_true(isfinite(world->seen.face[0].mesh.x[7]));
        world->cut = false;
    }
    world_free(world);
}

/* Small and turned faces are searched every three seconds, and at the end of a warm-up. */
static void looking_around_finds_what_is_searched_rarely(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->face[1].detector_score = 0.0f;
    run(world, 2);
    world->face[1].there = true;
    run(world, 20);
    assert_int_equal(world->seen.count, 1);
    face_tracker_look_around(world->tracker);
    run(world, 1);
    assert_int_equal(world->seen.count, 2);
    assert_int_equal(world->all, 2);
    run(world, 20);
    assert_int_equal(world->all, 2);
    world_free(world);
}

static void failures_reach_the_caller(void **state)
{
    (void)state;
    World *world = world_new(true);
    world->fail = true;
    Error err = {0};
    assert_int_equal(face_tracker_next(world->tracker, world->frame, &world->seen, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_MODEL);
    world_free(world);

    FaceTracker *tracker = NULL;
    error_clear(&err);
    const FaceTrackerConfig no_reference = {.similar_distance = 0.85f};
    assert_int_equal(face_tracker_new(&tracker, &no_reference, &err), STATUS_FAILED);
    assert_null(tracker);
    face_tracker_free(&tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_face_is_there_from_the_first_frame),
        cmocka_unit_test(a_new_face_is_looked_at_closely_once),
        cmocka_unit_test(a_face_that_is_the_wrong_way_up_is_put_right),
        cmocka_unit_test(what_is_no_face_to_the_mesh_is_not_looked_at_by_and_by),
        cmocka_unit_test(detection_runs_five_times_a_second),
        cmocka_unit_test(detect_every_is_obeyed),
        cmocka_unit_test(empty_stretches_are_cheap),
        cmocka_unit_test(the_face_is_followed_without_the_detector),
        cmocka_unit_test(an_unsure_track_that_no_detector_sees_ends),
        cmocka_unit_test(a_blink_of_the_mesh_leaves_no_gap),
        cmocka_unit_test(a_lost_face_goes_on_fades_and_ends),
        cmocka_unit_test(a_face_that_comes_back_is_the_same),
        cmocka_unit_test(a_cut_takes_the_new_face_at_once),
        cmocka_unit_test(a_jump_within_a_shot_is_found_by_the_detector),
        cmocka_unit_test(two_tracks_on_one_face_become_one),
        cmocka_unit_test(the_face_in_front_keeps_its_track),
        cmocka_unit_test(profiles_fade_and_come_back),
        cmocka_unit_test(only_the_like_face_is_chosen),
        cmocka_unit_test(without_a_like_face_none_is_chosen),
        cmocka_unit_test(gaps_of_one_frame_are_counted_inside_a_shot),
        cmocka_unit_test(faces_beyond_the_limit_are_left_out),
        cmocka_unit_test(odd_times_are_survived),
        cmocka_unit_test(looking_around_finds_what_is_searched_rarely),
        cmocka_unit_test(failures_reach_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
