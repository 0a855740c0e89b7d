/* Who a tracker's face is: what was noted is one person's, whoever the tracker goes on with. */
#include "face_fixtures.h"

#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "canonical_face.h"
#include "face/tracklets.h"

enum { FRAMES = 80, NOBODY = 9 };

/* Faces at two places; who is there on a frame is the test's to say. */
typedef struct World {
    int faces;
    float apart;
    float nearer; /* by that much a frame, down to 60 */
    int (*person)(int64_t frame, int place);
    int64_t cut_at;
    int64_t turned_at; /* 0, or from there on badly seen */
    int measured;
} World;

static char path[64];

static float apart_at(const World *world, int64_t frame)
{
    return fmaxf(world->apart - (float)frame * world->nearer, fminf(world->apart, 60));
}

static Status embed(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding, Error *err)
{
    (void)err;
    World *world = context;
    const FaceEllipse at = face_ellipse_of_mesh(mesh);
    const int place = at.cx > 100 + apart_at(world, frame->pts) / 2 ? 1 : 0;
    memset(embedding, 0, EMBEDDING_SIZE * sizeof *embedding);
    embedding[world->person(frame->pts, place)] = 1;
    world->measured++;
    return STATUS_OK;
}

static Status picture(void *context, const AVFrame *frame, const Mesh *mesh, AVPacket *jpeg, Error *err)
{
    (void)context, (void)frame, (void)mesh, (void)err;
    assert_int_equal(av_new_packet(jpeg, 3), 0);
    memcpy(jpeg->data, "abc", 3);
    return STATUS_OK;
}

static FaceRecord *play(World *world)
{
    const FaceRecordInfo info = {
        .key = "0123456789abcdef0123456789abcdef", .width = 640, .height = 360, .time_base = {1, 25}};
    const TrackletSenses senses = {world, face_likeness(NULL), embed, picture};
    FaceRecordWriter *writer = NULL;
    (void)snprintf(path, sizeof path, "/tmp/runbatch-tracklets-%ld", (long)getpid());
    assert_int_equal(face_record_create(&writer, path, &info, NULL), STATUS_OK);
    Tracklets *tracklets = tracklets_new(&senses, info.time_base, writer);
    AVFrame *frame = memory_check(av_frame_alloc());
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    faces->count = world->faces;
    for (int64_t i = 0; i < FRAMES; i++) {
        frame->pts = i;
        faces->scene_cut = i == world->cut_at;
        for (int k = 0; k < world->faces; k++) {
            faces->face[k] = (Face){.track = k + 1, .score = 1, .seen = true, .opacity = 1};
            const float apart = apart_at(world, i);
            faces->face[k].yaw = world->turned_at > 0 && i >= world->turned_at ? 0.9F : 0;
            faces->face[k].mesh = canonical_face(100 + (float)k * apart, 100, 80, 0, 0);
        }
        assert_int_equal(tracklets_next(tracklets, frame, faces, NULL), STATUS_OK);
    }
    assert_int_equal(tracklets_finish(tracklets, NULL), STATUS_OK);
    memory_free(faces);
    av_frame_free(&frame);
    tracklets_free(&tracklets);
    face_record_writer_free(&writer);
    FaceRecord *record = NULL;
    assert_int_equal(face_record_open(&record, path, NULL, NULL), STATUS_OK);
    (void)unlink(path);
    return record;
}

/* Who each track is, by its embedding. */
static void read_people(const FaceRecord *record, int *person, int capacity)
{
    FaceTrack *track = memory_alloc(1, sizeof *track);
    int64_t cursor = 0;
    while (face_record_next_track(record, &cursor, track, NULL) == STATUS_OK) {
        assert_true(track->track >= 1 && track->track < capacity);
        for (int i = 0; i < EMBEDDING_SIZE; i++) {
            person[track->track] = track->embedding[i] > 0.99F ? i : person[track->track];
        }
    }
    memory_free(track);
}

/* How many sightings nobody can tell; none may be told wrong. */
static int check_people(const World *world, const FaceRecord *record)
{
    int person[32] = {0};
    int unknown = 0;
    read_people(record, person, 32);
    assert_int_equal(face_record_info(record)->sightings, FRAMES * world->faces);
    for (int64_t i = 0; i < face_record_info(record)->sightings; i++) {
        const FaceSighting sighting = face_record_sighting(record, i);
        const int place = sighting.at.cx > 100 + world->apart / 2 ? 1 : 0;
        if (sighting.certainty > 0) {
            assert_int_equal(person[sighting.track], world->person(sighting.frame, place));
        } else {
            unknown++;
        }
    }
    return unknown;
}

static int changes_at_43(int64_t frame, int place)
{
    return frame < 43 ? place : 1 - place;
}

static void a_face_that_becomes_another_ones_is_another_track(void **state)
{
    (void)state;
    enum { INTERVAL = 10 }; /* frames from one measurement to the next */
    World world = {.faces = 1, .person = changes_at_43, .cut_at = -1};
    FaceRecord *record = play(&world);
    assert_int_equal(face_record_info(record)->tracks, 2);
    assert_in_range(check_people(&world, record), 1, INTERVAL);
    face_record_free(&record);
}

/* Two that cross are measured on every frame. */
/* Seen as somebody else once, and badly from then on: nobody knows. */
static void a_doubt_stays_until_a_face_is_well_seen(void **state)
{
    (void)state;
    enum { MEASURED = 52 };
    World world = {.faces = 1, .person = changes_at_43, .cut_at = -1, .turned_at = MEASURED + 1};
    FaceRecord *record = play(&world);
    for (int64_t i = 0; i < face_record_info(record)->sightings; i++) {
        const FaceSighting sighting = face_record_sighting(record, i);
        assert_int_equal(sighting.certainty > 0, sighting.frame < MEASURED);
    }
    face_record_free(&record);
}

static void faces_that_change_places_are_told_at_once(void **state)
{
    (void)state;
    World world = {.faces = 2, .apart = 90, .person = changes_at_43, .cut_at = -1};
    FaceRecord *record = play(&world);
    assert_int_equal(face_record_info(record)->tracks, 4);
    assert_int_equal(check_people(&world, record), 0);
    face_record_free(&record);

    World distant = {.faces = 2, .apart = 400, .person = changes_at_43, .cut_at = -1};
    record = play(&distant);
    assert_true(distant.measured < world.measured / 3);
    face_record_free(&record);
}

static int one_is_hidden_at_19(int64_t frame, int place)
{
    return frame < 19 || place == 1 ? place : NOBODY;
}

/* At 16 pixels a frame one takes the other's place before they have been near for long. */
static void who_comes_near_fast_is_measured_in_time(void **state)
{
    (void)state;
    World world = {.faces = 2, .apart = 440, .nearer = 16, .person = one_is_hidden_at_19, .cut_at = -1};
    FaceRecord *record = play(&world);
    const int64_t end = face_record_info(record)->sightings;
    int unknown = 0;
    for (int64_t i = 0; i < end; i++) {
        unknown += face_record_sighting(record, i).certainty > 0 ? 0 : 1;
    }
    assert_int_equal(unknown, 0);
    face_record_free(&record);
}

static int odd_once(int64_t frame, int place)
{
    return frame == 40 ? NOBODY : place;
}

static void one_odd_measurement_is_no_other_person(void **state)
{
    (void)state;
    World world = {.faces = 2, .apart = 90, .person = odd_once, .cut_at = -1};
    FaceRecord *record = play(&world);
    assert_int_equal(face_record_info(record)->tracks, 2);
    assert_int_equal(check_people(&world, record), 2);
    face_record_free(&record);
}

static int stays(int64_t frame, int place)
{
    (void)frame;
    return place;
}

static void a_cut_ends_tracks(void **state)
{
    (void)state;
    World world = {.faces = 1, .person = stays, .cut_at = 30};
    FaceRecord *record = play(&world);
    FaceTrack *track = memory_alloc(1, sizeof *track);
    int64_t cursor = 0;
    assert_int_equal(face_record_info(record)->shots, 2);
    const int64_t last[] = {29, FRAMES - 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(face_record_next_track(record, &cursor, track, NULL), STATUS_OK);
        assert_int_equal(track->shot, i);
        assert_int_equal(track->last_frame, last[i]);
        for (int k = 1; k < track->views; k++) { /* half a second from each other */
            assert_true(llabs(track->view[k].pts - track->view[k - 1].pts) >= 13);
        }
        assert_true(track->views >= 2);
        assert_memory_equal(track->view[0].picture, "abc", 3);
    }
    assert_int_equal(face_record_next_track(record, &cursor, track, NULL), STATUS_EOF);
    memory_free(track);
    face_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_face_that_becomes_another_ones_is_another_track),
        cmocka_unit_test(a_doubt_stays_until_a_face_is_well_seen),
        cmocka_unit_test(faces_that_change_places_are_told_at_once),
        cmocka_unit_test(who_comes_near_fast_is_measured_in_time),
        cmocka_unit_test(one_odd_measurement_is_no_other_person),
        cmocka_unit_test(a_cut_ends_tracks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
