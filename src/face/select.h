/* Which faces are to be changed: the reference by its place, the others by their likeness to it.
 *
 * As in roop, the distance of two faces is the squared Euclidean distance of their unit-length embeddings,
 * |a - b|² = 2 - 2 cos: 0 the same, 2 unrelated; roop's default limit 0.85 is a cosine of 0.575. A face's
 * embedding is measured now and then, not on every frame; the measurements of one track are averaged, newer
 * ones with more weight, and a decision once made is only turned by a distance clearly on the other side of
 * the limit. So the choice does not flicker. Pure functions of their arguments.
 */
#ifndef RUNBATCH_FACE_SELECT_H
#define RUNBATCH_FACE_SELECT_H

#include <stdbool.h>

#include "face/face.h"

/* What is known of who a track is. Zero it for a new track. */
typedef struct FaceIdentity {
    float mean[EMBEDDING_SIZE]; /* unit length */
    float weight;               /* of the measurements in the mean; 0: none yet */
    float distance;             /* of the mean to the reference */
    bool alike;
    double measured_s; /* when the last measurement was taken */
} FaceIdentity;

float select_distance(const float a[EMBEDDING_SIZE], const float b[EMBEDDING_SIZE]);

/* Adds a measurement of the given quality (0..1: frontal and sure is 1) taken at now_s. */
void select_measure(FaceIdentity *identity, const float embedding[EMBEDDING_SIZE], float quality,
                    const float reference[EMBEDDING_SIZE], float limit, double now_s);

/* Whether a face of this quality should be measured now: at once when never measured, soon while only poor
 * measurements are there, once a second or two later. */
bool select_is_due(const FaceIdentity *identity, float quality, double now_s);

/* How much a measurement is worth for a face turned by `yaw` and found with `score`. */
float select_quality(float yaw, float score);

/* Of those that are alike the nearest one is changed, as roop changes one face a frame; the one chosen before
 * (index `before`, or -1) stays unless another is clearly nearer. -1 when none is alike. */
int select_nearest(const FaceIdentity *const *identities, int count, int before);

/* What a face with these bounds in the upright picture and that score is sorted by, the least first. */
float select_key(FaceOrder order, const float low[2], const float high[2], float score);

/* The index of the face at `position` (0 first) among faces sorted by these keys; a position past the end
 * means the last one. -1 without faces. */
int select_position(const float *key, int count, int position);

/* The numbers of the faces that are to be changed, far ones (small) before near ones, so that a face in front
 * is painted over those behind it. Returns how many. */
int select_far_first(const FrameFaces *faces, int order[FACES_MAX]);

#endif
