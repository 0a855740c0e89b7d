/* The record of an analysis: what is written is read back, what is damaged is not; and what makes it. */
#include "face_fixtures.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canonical_face.h"
#include "face/record.h"
#include "face/tracklets.h"

static const char key[] = "0123456789abcdef0123456789abcdef";
static char path[64];

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

static FaceRecordWriter *begin(void)
{
    const FaceRecordInfo info = {.width = 640, .height = 360, .time_base = {1, 25}, .first_pts = -5};
    FaceRecordInfo own = info;
    memcpy(own.key, key, sizeof key);
    FaceRecordWriter *writer = NULL;
    assert_int_equal(face_record_create(&writer, path, &own, NULL), STATUS_OK);
    return writer;
}

static FaceSighting sighting_at(int64_t pts, int track)
{
    return (FaceSighting){.pts = pts,
                          .frame = pts + 5,
                          .shot = 1,
                          .track = track,
                          .at = {1.5F, 2.25F, 3, 4, -0.5F},
                          .score = 0.75F,
                          .certainty = 0.5F};
}

static void write_some(void)
{
    static const uint8_t picture[] = {1, 2, 3, 4, 5};
    FaceRecordWriter *writer = begin();
    for (int64_t pts = -5; pts < 95; pts++) {
        for (int track = 1; track <= 2; track++) {
            const FaceSighting sighting = sighting_at(pts, track);
            if (track == 1 || pts < 20 || pts > 40) {
                assert_int_equal(face_record_add(writer, &sighting, NULL), STATUS_OK);
            }
        }
    }
    FaceTrack track = {.track = 2, .shot = 1, .last_frame = 99, .sightings = 79, .weight = 2.5F, .views = 1};
    track.embedding[7] = 1;
    track.view[0] =
        (FaceView){.pts = 11, .frame = 16, .quality = 0.5F, .picture = picture, .picture_bytes = 5};
    assert_int_equal(face_record_add_track(writer, &track, NULL), STATUS_OK);
    const FaceTrack other = {.track = 1, .shot = 1, .last_frame = 99, .sightings = 100};
    assert_int_equal(face_record_add_track(writer, &other, NULL), STATUS_OK);
    assert_int_equal(face_record_finish(writer, 100, 2, NULL), STATUS_OK);
    face_record_writer_free(&writer);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    write_some();
    FaceRecord *record = NULL;
    assert_int_equal(face_record_open(&record, path, key, NULL), STATUS_OK);
    const FaceRecordInfo *info = face_record_info(record);
    assert_int_equal(info->width, 640);
    assert_int_equal(info->first_pts, -5);
    assert_int_equal(info->frames, 100);
    assert_int_equal(info->sightings, 179);
    assert_int_equal(info->shots, 2);
    assert_int_equal(info->tracks, 2);
    FaceSighting faces[FACES_MAX];
    assert_int_equal(face_record_frame(record, 30, faces), 1);
    assert_int_equal(face_record_frame(record, 41, faces), 2);
    assert_true(faces[1].track == 2 && faces[1].at.cy == 2.25F && faces[1].certainty == 0.5F);
    assert_int_equal(face_record_frame(record, 95, faces), 0);
    FaceSighting near;
    assert_true(face_record_before(record, 2, 30, 50, &near));
    assert_int_equal(near.pts, 19);
    assert_true(face_record_after(record, 2, 30, 50, &near));
    assert_int_equal(near.pts, 41);
    assert_false(face_record_before(record, 2, 30, 10, &near));
    assert_false(face_record_after(record, 2, 94, 50, &near));
    FaceTrack *track = calloc(1, sizeof *track);
    int64_t cursor = 0;
    assert_int_equal(face_record_next_track(record, &cursor, track, NULL), STATUS_OK);
    assert_true(track->track == 2 && track->embedding[7] == 1 && track->weight == 2.5F);
    assert_int_equal(track->view[0].picture_bytes, 5);
    assert_int_equal(track->view[0].picture[4], 5);
    assert_int_equal(face_record_next_track(record, &cursor, track, NULL), STATUS_OK);
    assert_int_equal(face_record_next_track(record, &cursor, track, NULL), STATUS_EOF);
    free(track);
    face_record_free(&record);
}

static void another_key_is_another_record(void **state)
{
    (void)state;
    write_some();
    FaceRecord *record = NULL;
    assert_int_equal(face_record_open(&record, path, "00000000000000000000000000000000", NULL), STATUS_AGAIN);
    assert_int_equal(face_record_open(&record, "/tmp/runbatch-no-such-record", key, NULL), STATUS_AGAIN);
    assert_null(record);
}

static void one_that_is_not_whole_is_none(void **state)
{
    (void)state;
    struct stat status;
    FaceRecord *record = NULL;
    write_some();
    assert_int_equal(stat(path, &status), 0);
    for (off_t size = 0; size < status.st_size; size += 61) {
        write_some();
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(face_record_open(&record, path, key, NULL), STATUS_AGAIN);
    }
    for (long at = 0; at < status.st_size; at += 61) {
        write_some();
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        const int byte = fgetc(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fputc(byte ^ 0x10, file), byte ^ 0x10);
        (void)fclose(file);
        assert_int_equal(face_record_open(&record, path, key, NULL), STATUS_AGAIN);
    }
}

static void what_was_not_finished_leaves_nothing(void **state)
{
    (void)state;
    (void)unlink(path);
    FaceRecordWriter *writer = begin();
    const FaceSighting sighting = sighting_at(3, 1);
    assert_int_equal(face_record_add(writer, &sighting, NULL), STATUS_OK);
    face_record_writer_free(&writer);
    char part[80];
    (void)snprintf(part, sizeof part, "%s.part", path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(part, F_OK), 0);
}

/* ---- tracklets ---- */

static Status no_embedding(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding,
                           Error *err)
{
    (void)context, (void)frame, (void)mesh, (void)err;
    memset(embedding, 0, EMBEDDING_SIZE * sizeof *embedding);
    embedding[0] = 1;
    return STATUS_OK;
}

static Status no_picture(void *context, const AVFrame *frame, const Mesh *mesh, AVPacket *picture, Error *err)
{
    (void)context, (void)frame, (void)mesh, (void)picture, (void)err;
    return STATUS_OK;
}

/* A face on all of 20 frames; a place at its side on frames 5 to 9 and, a little moved, 12 to 14; and one on
 * the face itself. */
static void places_are_tracks_of_their_own(void **state)
{
    (void)state;
    const TrackletSenses senses = {NULL, face_likeness(NULL), no_embedding, no_picture};
    FaceRecordWriter *writer = begin();
    Tracklets *tracklets = tracklets_new(&senses, (AVRational){1, 25}, writer);
    AVFrame *frame = av_frame_alloc();
    FrameFaces faces = {.count = 1};
    faces.face[0] = (Face){.track = 4, .score = 1, .seen = true, .opacity = 1};
    faces.face[0].mesh = canonical_face(100, 100, 80, 0, 0);
    for (int i = 0; i < 20; i++) {
        frame->pts = i;
        assert_int_equal(tracklets_next(tracklets, frame, &faces, NULL), STATUS_OK);
        const FaceEllipse known = {102, 100, 40, 50, 0};
        const FaceEllipse other = {300 + (float)i, 100, 40, 50, 0};
        tracklets_add_place(tracklets, &known, 0.9F);
        if ((i >= 5 && i < 10) || (i >= 12 && i < 15)) {
            tracklets_add_place(tracklets, &other, 0.5F);
        }
    }
    assert_int_equal(tracklets_finish(tracklets, NULL), STATUS_OK);
    tracklets_free(&tracklets);
    face_record_writer_free(&writer);
    av_frame_free(&frame);
    FaceRecord *record = NULL;
    assert_int_equal(face_record_open(&record, path, key, NULL), STATUS_OK);
    assert_int_equal(face_record_info(record)->tracks, 2);
    assert_int_equal(face_record_info(record)->sightings, 20 + 5 + 3);
    FaceSighting seen[FACES_MAX];
    assert_int_equal(face_record_frame(record, 12, seen), 2);
    assert_true(seen[1].certainty == 0 && seen[1].at.cx == 312);
    face_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(another_key_is_another_record),
        cmocka_unit_test(one_that_is_not_whole_is_none),
        cmocka_unit_test(what_was_not_finished_leaves_nothing),
        cmocka_unit_test(places_are_tracks_of_their_own),
    };
    return cmocka_run_group_tests_name("record", tests, make_path, remove_path);
}
