/* What an analysis pass saw in a whole video (worker/analysis.h): where each face was on every frame, and
 * what is to be known of each track: from when to when, who it looks like, its best views as pictures.
 *
 * A file, written in the order of the frames and then read in any order. Sightings lie in it as a table
 * sorted by time, so that any place is found by halving and nothing is loaded: the file is mapped, and its
 * pages are the kernel's to drop. Numbers are little-endian; a digest ends it; what is read is untrusted. A
 * track here is one face on a stretch without a cut and without a change of person, and bears another number
 * than in FrameFaces.
 *
 * A writer belongs to one thread; a record that is open may be asked by any.
 */
#ifndef RUNBATCH_FACE_RECORD_H
#define RUNBATCH_FACE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "face/face.h"

/* In a video's work folder. */
#define FACE_RECORD_NAME "faces.rbf"

enum { FACE_RECORD_VIEWS = 3, FACE_RECORD_PICTURE = 112 /* pixels a side */ };

typedef struct FaceRecordInfo {
    char key[HASH_SIZE]; /* what it was made from: video, models, the way it was looked at */
    int width;           /* of the stored frame */
    int height;
    AVRational time_base;
    int64_t first_pts;
    /* filled by the writer */
    int64_t frames;
    int64_t sightings;
    int shots;
    int tracks;
} FaceRecordInfo;

/* A face about as an ellipse around brow, chin and cheeks, in pixels of the stored frame. */
typedef struct FaceEllipse {
    float cx;
    float cy;
    float rx;    /* half the width across the face */
    float ry;    /* half the height along it */
    float angle; /* radians from the stored frame's up to the head's up, clockwise as seen */
} FaceEllipse;

FaceEllipse face_ellipse_of_mesh(const Mesh *mesh);
/* How far apart two are in units of their size: 0 the same place, 1 side by side. */
float face_ellipse_distance(const FaceEllipse *a, const FaceEllipse *b);

typedef struct FaceSighting {
    int64_t pts;
    int64_t frame; /* number, from 0 */
    int shot;      /* from 0 */
    int track;     /* from 1 */
    FaceEllipse at;
    float score;     /* 0..1, of the mesh's face flag */
    float certainty; /* 0..1: that the face is there (it falls while it is not found), and whose it is */
} FaceSighting;

/* One of the best views of a track. */
typedef struct FaceView {
    int64_t pts;
    int64_t frame;
    float quality; /* 0..1: frontal, sure and large is 1 */
    FaceEllipse at;
    float embedding[EMBEDDING_SIZE]; /* unit length */
    const uint8_t *picture;          /* JPEG, upright, FACE_RECORD_PICTURE square */
    int picture_bytes;
} FaceView;

typedef struct FaceTrack {
    int track;
    int shot;
    int64_t first_frame;
    int64_t last_frame;
    int64_t first_pts;
    int64_t last_pts;
    int64_t sightings;
    float embedding[EMBEDDING_SIZE]; /* mean of all measurements by quality, unit length */
    float weight;                    /* sum of their qualities; 0: it was never measured */
    int views;
    FaceView view[FACE_RECORD_VIEWS]; /* the best first */
} FaceTrack;

/* ---- writing ---- */

typedef struct FaceRecordWriter FaceRecordWriter;

/* Writes `path`.part; of `info` the first five members count. */
Status face_record_create(FaceRecordWriter **writer, const char *path, const FaceRecordInfo *info,
                          Error *err);
/* In the order of pts. */
Status face_record_add(FaceRecordWriter *writer, const FaceSighting *sighting, Error *err);
/* Once it has ended; in any order. */
Status face_record_add_track(FaceRecordWriter *writer, const FaceTrack *track, Error *err);
/* The file is complete, on the disk and under its name then. */
Status face_record_finish(FaceRecordWriter *writer, int64_t frames, int shots, Error *err);
/* Removes what is not finished. Copes with NULL. */
void face_record_writer_free(FaceRecordWriter **writer);

/* ---- reading ---- */

typedef struct FaceRecord FaceRecord;

/* STATUS_AGAIN: there is none of this key (NULL: of any) that is whole, so that it has to be made. */
Status face_record_open(FaceRecord **record, const char *path, const char *key, Error *err);
/* Copes with NULL. */
void face_record_free(FaceRecord **record);

const FaceRecordInfo *face_record_info(const FaceRecord *record);

/* By number from 0 to info->sightings - 1. */
FaceSighting face_record_sighting(const FaceRecord *record, int64_t number);
/* The number of the first sighting at `pts` or later; info->sightings when there is none. */
int64_t face_record_find(const FaceRecord *record, int64_t pts);
/* All faces of the frame with that pts, at most FACES_MAX. */
int face_record_frame(const FaceRecord *record, int64_t pts, FaceSighting faces[FACES_MAX]);
/* The last sighting of a track before `pts` and the first one after it, neither farther than `most` ticks:
 * what bridges a gap. False where there is none on that side. */
bool face_record_before(const FaceRecord *record, int track, int64_t pts, int64_t most, FaceSighting *found);
bool face_record_after(const FaceRecord *record, int track, int64_t pts, int64_t most, FaceSighting *found);

/* The tracks, one after the other; *cursor begins as 0. Pictures point into the record. STATUS_EOF behind the
 * last; ERROR_VERIFY for nonsense. */
Status face_record_next_track(const FaceRecord *record, int64_t *cursor, FaceTrack *track, Error *err);

#endif
