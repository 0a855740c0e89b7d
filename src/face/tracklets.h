/* Makes a record (face/record.h) of what the tracker tells frame by frame.
 *
 * A tracklet is one person's face on a stretch without a cut. The tracker follows a place; where two faces
 * cross, it may go on with the other one. So each face is measured again and again, on every frame where
 * another one is near, and a face that has become another one's begins a tracklet of its own: what was noted
 * of the last frames is held back until that is known. Frames on which it is not clear whose face it is get
 * certainty 0.
 *
 * One thread, frames in order. Memory: under 4 MB, whatever the video's length.
 */
#ifndef RUNBATCH_FACE_TRACKLETS_H
#define RUNBATCH_FACE_TRACKLETS_H

#include <libavcodec/avcodec.h>

#include "face/record.h"

/* How it looks at a picture; tests have their own. */
typedef struct TrackletSenses {
    void *context;
    FaceLikeness likeness; /* of what `embed` tells */
    Status (*embed)(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding, Error *err);
    /* A JPEG of the face into `picture`, which is blank before. */
    Status (*picture)(void *context, const AVFrame *frame, const Mesh *mesh, AVPacket *picture, Error *err);
} TrackletSenses;

typedef struct Tracklets Tracklets;

/* Writes into `writer`, which must outlive it; as does what the senses use. */
Tracklets *tracklets_new(const TrackletSenses *senses, AVRational time_base, FaceRecordWriter *writer);
void tracklets_free(Tracklets **tracklets);

Status tracklets_next(Tracklets *tracklets, const AVFrame *frame, const FrameFaces *faces, Error *err);
/* A place on the frame of the last tracklets_next where there may be a face; what is a face's already counts
 * nothing. Such places are tracks without measurements (weight 0): what detectors see and the tracker does
 * not take for a face. */
void tracklets_add_place(Tracklets *tracklets, const FaceEllipse *at, float score);
/* Writes what was held back, and finishes the record. */
Status tracklets_finish(Tracklets *tracklets, Error *err);

#endif
