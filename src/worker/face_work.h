/* The face part of a job: models, the tracker, the processors, the reference face.
 *
 * face_work_follow is called by one thread with the frames in order, face_work_change by several threads on
 * different frames. Without a processor there is no work: both are not called.
 */
#ifndef RUNBATCH_WORKER_FACE_WORK_H
#define RUNBATCH_WORKER_FACE_WORK_H

#include <stdatomic.h>

#include "base/files.h"
#include "face/face.h"
#include "media/reader.h"
#include "options/settings.h"

typedef struct FaceWorkConfig {
    const Settings *settings;
    const char *input;      /* opened a second time for the reference frame only */
    const char *source;     /* the source face's picture; may be NULL */
    const FileState *video; /* what `input` was before it was opened; for `shared` */
    int shared;             /* file for what is told of the video's faces (face/followed.h); 0: none */
    const char *people;     /* the file of those whom a face map names; may be NULL */
    const char *folder;     /* the video's: for what is noted of the faces in all of it */
    const char *key;        /* what the output is made from */
    const MediaInfo *info;
    FramePool *pool; /* may be NULL; must outlive the work */
    int threads;
    int decoder_threads; /* where the reference frame is read */
    const atomic_bool *stop;
    atomic_llong *work; /* grows with the frames that are read on the way to the reference frame */
} FaceWorkConfig;

typedef struct FaceWork FaceWork;

/* STATUS_STOPPED when `stop` was set meanwhile. On anything but STATUS_OK *work is NULL. */
Status face_work_open(FaceWork **work, const FaceWorkConfig *config, Error *err);
void face_work_free(FaceWork **work);

/* What is to be changed. */
typedef enum FaceChange {
    CHANGE_NOTHING = 0,
    CHANGE_FRAME, /* by processors that work on every frame, faces or not */
    CHANGE_FACES, /* and perhaps the frame */
} FaceChange;

/* The faces of the next frame, and what the processors have to change. */
Status face_work_follow(FaceWork *work, const AVFrame *frame, FrameFaces *faces, FaceChange *change,
                        Error *err);
/* Forgets all frames seen so far: the next one is as if it were the first. */
Status face_work_restart(FaceWork *work, Error *err);
/* See face_tracker_look_around. */
void face_work_look_around(FaceWork *work);

Status face_work_change(FaceWork *work, int thread, AVFrame *frame, const FrameFaces *faces, Error *err);
/* All frames of the video were followed. */
void face_work_finish(FaceWork *work);
FaceTrackerStats face_work_stats(const FaceWork *work);

#endif
