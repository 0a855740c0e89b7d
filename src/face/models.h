/* The default models' recipes: what goes in, how, and what comes out means. Inside face/ only.
 *
 * Every input is sampled straight from the frame's planes by an affine map (frame_view_warp), so rotated
 * videos and tilted heads cost nothing extra. Immutable after face_models_open; any thread may call; scratch
 * memory is on the heap per call and bounded by the model's input size.
 */
#ifndef RUNBATCH_FACE_MODELS_H
#define RUNBATCH_FACE_MODELS_H

#include "face/face.h"

enum { MESH_CROP_SIZE = 192 };

/* A face box as found by a detector, turned with the head. */
typedef struct Detection {
    Point centre;  /* stored frame */
    float width;   /* of the face box across the face, in stored-frame pixels */
    float height;  /* along the face */
    float angle;   /* radians from the stored frame's up to the head's up, clockwise as seen */
    float score;   /* 0..1 */
    bool mirrored; /* the video is to be shown mirrored */
} Detection;

/* Upright picture coordinates (after rotation and with square pixels) to stored-frame coordinates. */
Affine models_upright_to_stored(int stored_width, int stored_height, Orientation orientation, AVRational sar,
                                int *upright_width, int *upright_height);

/* Finds faces in the whole frame, best first, overlapping ones merged. `threshold` 0 means the default
 * (0.65). */
Status models_detect(const FaceModels *models, const AVFrame *frame, Orientation orientation, AVRational sar,
                     float threshold, Detection *found, int capacity, int *count, Error *err);

/* The crop the mesh model wants to see for a detection, or for where the mesh was a frame ago (bounds x 1.25,
 * eyes level): a map from crop pixels (0..MESH_CROP_SIZE - 1) to the stored frame. */
Affine models_crop_from_detection(const Detection *detection);
Affine models_crop_from_mesh(const Mesh *mesh, bool mirrored);

/* Runs the mesh model on that crop. `flag` is the probability that there is a face in it (use >= 0.3). */
Status models_mesh(const FaceModels *models, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh,
                   float *flag, Error *err);

/* The 68 iBUG landmarks inside a square box. */
Status models_landmarks68(const FaceModels *models, const AVFrame *frame, const Detection *detection,
                          Point points[68], Error *err);

/* Eye centres (image left first on an upright face), nose tip, mouth corners, in the order of the ArcFace
 * template. */
void mesh_five_points(const Mesh *mesh, Point points[5]);

#endif
