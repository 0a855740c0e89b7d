/* Smooths one face's mesh over time without making it lag.
 *
 * A mesh is taken apart into the motion of the head (place, size and angle: the similarity that fits the
 * face's own shape to the mesh with the least squared error) and what remains, the shape in units of the eye
 * distance. The motion is the mean of 468 points and nearly free of noise, so its one-euro filter may follow
 * closely; the points of the shape are noisy and slow and are filtered harder. Plain data, no allocation;
 * zero it to begin anew.
 */
#ifndef RUNBATCH_FACE_TRACKER_SMOOTH_H
#define RUNBATCH_FACE_TRACKER_SMOOTH_H

#include "face/face.h"
#include "face/one_euro.h"

typedef struct SmoothParams {
    OneEuroParams place; /* units: eye distances */
    OneEuroParams size;  /* natural logarithm */
    OneEuroParams angle; /* radians */
    OneEuroParams shape; /* eye distances */
    OneEuroParams depth; /* eye distances */
} SmoothParams;

typedef struct MeshSmoother {
    bool started;
    float unit; /* eye distance in pixels when the face was first seen */
    OneEuro place;
    OneEuro size;
    OneEuro angle;
    OneEuro shape[MESH_POINTS];
    OneEuro depth[MESH_POINTS];
} MeshSmoother;

SmoothParams mesh_smooth_defaults(void);

/* `smooth` may be `raw`. dt_s is the time since the mesh before. */
void mesh_smooth_step(MeshSmoother *smoother, const SmoothParams *params, const Mesh *raw, float dt_s,
                      Mesh *smooth);

#endif
