/* Where an anonymizer covers: what was seen, the gaps between, and a while before and after. */
#include "face_fixtures.h"

#include <stdio.h>
#include <unistd.h>

#include "canonical_face.h"
#include "face/anonymizer.h"

static char path[64];

enum { TICKS = 25 }; /* a second */

static int make_path(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/runbatch-record-%ld", (long)getpid());
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void add(FaceRecordWriter *writer, int64_t pts, int shot, int track, float x)
{
    const FaceSighting sighting = {.pts = pts,
                                   .frame = pts,
                                   .shot = shot,
                                   .track = track,
                                   .at = {.cx = x, .cy = 100, .rx = 30, .ry = 40},
                                   .score = 1,
                                   .certainty = 1};
    assert_int_equal(face_record_add(writer, &sighting, NULL), STATUS_OK);
}

/* Track 1 is seen from 100 to 110 at 50 and from 120 to 130 at 70; track 2 on all frames from 100 to 130, far
 * away. */
static FaceRecord *record(void)
{
    const FaceRecordInfo info = {
        .key = "0123456789abcdef0123456789abcdef", .width = 400, .height = 200, .time_base = {1, TICKS}};
    FaceRecordWriter *writer = NULL;
    FaceRecord *made = NULL;
    assert_int_equal(face_record_create(&writer, path, &info, NULL), STATUS_OK);
    for (int64_t pts = 100; pts <= 130; pts++) {
        if (pts <= 110 || pts >= 120) {
            add(writer, pts, 0, 1, pts <= 110 ? 50 : 70);
        }
        add(writer, pts, 0, 2, 300);
    }
    for (int track = 1; track <= 2; track++) {
        const FaceTrack told = {.track = track, .first_frame = 100, .last_frame = 130, .sightings = 20};
        assert_int_equal(face_record_add_track(writer, &told, NULL), STATUS_OK);
    }
    assert_int_equal(face_record_finish(writer, 200, 1, NULL), STATUS_OK);
    face_record_writer_free(&writer);
    assert_int_equal(face_record_open(&made, path, info.key, NULL), STATUS_OK);
    return made;
}

/* The place nearest to x; the number of all places. */
static int places_at(const FaceRecord *made, const bool *kept, int64_t pts, float x, FaceEllipse *nearest)
{
    static const FrameFaces none;
    FaceEllipse places[COVERS_MAX];
    const int count = anonymizer_places(made, kept, pts, &none, places);
    *nearest = (FaceEllipse){.cx = -1000};
    for (int i = 0; i < count; i++) {
        if (fabsf(places[i].cx - x) < fabsf(nearest->cx - x)) {
            *nearest = places[i];
        }
    }
    return count;
}

static void what_is_seen_is_covered(void **state)
{
    (void)state;
    FaceRecord *made = record();
    FaceEllipse at;
    assert_int_equal(places_at(made, NULL, 105, 50, &at), 2);
    assert_true(fabsf(at.cx - 50) < 0.01F && fabsf(at.rx - 30) < 0.01F);
    face_record_free(&made);
}

static void gaps_are_bridged_from_both_sides(void **state)
{
    (void)state;
    FaceRecord *made = record();
    FaceEllipse at;
    for (int64_t pts = 111; pts < 120; pts++) {
        assert_int_equal(places_at(made, NULL, pts, 60, &at), 2);
        assert_true(fabsf(at.cx - (50 + 2 * (float)(pts - 110))) < 0.01F);
        assert_true(at.rx > 30); /* larger, where it is not sure */
    }
    face_record_free(&made);
}

static void before_and_after_it_is_covered_for_a_while(void **state)
{
    (void)state;
    FaceRecord *made = record();
    FaceEllipse at;
    assert_int_equal(places_at(made, NULL, 100 - 12, 50, &at), 2);
    assert_true(fabsf(at.cx - 50) < 0.01F && at.rx > 30);
    assert_int_equal(places_at(made, NULL, 100 - 13, 50, &at), 0); /* more than half a second */
    assert_int_equal(places_at(made, NULL, 130 + 12, 70, &at), 2);
    assert_int_equal(places_at(made, NULL, 130 + 13, 70, &at), 0);
    face_record_free(&made);
}

static void who_is_kept_is_left(void **state)
{
    (void)state;
    FaceRecord *made = record();
    FaceEllipse at;
    const bool kept[3] = {false, true, false};
    assert_int_equal(places_at(made, kept, 105, 300, &at), 1);
    assert_true(fabsf(at.cx - 300) < 0.01F);
    assert_int_equal(places_at(made, kept, 115, 300, &at), 1);
    face_record_free(&made);
}

static void what_the_tracker_sees_now_is_covered_too(void **state)
{
    (void)state;
    FaceRecord *made = record();
    FaceEllipse places[COVERS_MAX];
    FrameFaces seen = {.count = 2};
    seen.face[0].mesh = canonical_face(180, 100, 60, 0, 0); /* the record does not know it */
    seen.face[1].mesh = canonical_face(50, 100, 60, 0, 0);  /* the one that is kept */
    const bool kept[3] = {false, true, false};
    assert_int_equal(anonymizer_places(made, kept, 105, &seen, places), 2);
    /* where the kept one is not seen by the record, a face is covered */
    assert_int_equal(anonymizer_places(made, kept, 115, &seen, places), 3);
    face_record_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_is_covered),
        cmocka_unit_test(gaps_are_bridged_from_both_sides),
        cmocka_unit_test(before_and_after_it_is_covered_for_a_while),
        cmocka_unit_test(who_is_kept_is_left),
        cmocka_unit_test(what_the_tracker_sees_now_is_covered_too),
    };
    return cmocka_run_group_tests_name("anonymizer", tests, make_path, remove_path);
}
