/* What face_cosine measures in one frame of a result, and in the same frame of its original where that is
 * given.
 *
 * Faces are looked for in each frame for itself, without the program's tracker, so that a face the tracker
 * loses is not lost here too. With an original the face's place comes from there. Any thread.
 */
#ifndef RUNBATCH_BENCH_FACE_MEASURE_H
#define RUNBATCH_BENCH_FACE_MEASURE_H

#include "face/models.h"

typedef struct MeasureConfig {
    const FaceModels *models;
    Orientation orientation;
    AVRational sample_aspect_ratio;
    float source[EMBEDDING_SIZE];
    int every;   /* frames between those whose identity is measured */
    bool jitter; /* the mesh of every frame */
} MeasureConfig;

typedef struct Measure {
    bool has_face; /* looked for in sampled frames, with an original or for jitter in all */
    bool has_cosine;
    float cosine;        /* to the source */
    float before;        /* the original's, to the source */
    float kept;          /* between the result's face and the original's */
    bool unswapped;      /* against the original */
    float face_change;   /* mean absolute difference in the middle of the face, RGB 0..255, seen coarsely */
    float ground_change; /* the same around the faces: what encoding alone does */
    bool has_mesh;
    Point five[5]; /* of the result */
    Point before_five[5];
    float side; /* of the face */
} Measure;

/* `original` may be NULL. */
Status measure_frame(const MeasureConfig *config, int64_t number, const AVFrame *frame,
                     const AVFrame *original, Measure *measure, Error *err);

#endif
