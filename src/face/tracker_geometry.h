/* What the tracker has to decide about shapes and places. Pure functions; inside face/ only. */
#ifndef RUNBATCH_FACE_TRACKER_GEOMETRY_H
#define RUNBATCH_FACE_TRACKER_GEOMETRY_H

#include <stdbool.h>

#include "face/models.h"

/* Upright in the stored frame, in pixels. */
typedef struct Box {
    float x0;
    float y0;
    float x1;
    float y1;
} Box;

Box box_of_mesh(const Mesh *mesh);
/* The turned rectangle's upright bounds. */
Box box_of_detection(const Detection *detection);
/* Their common part: intersection over union, 0..1. */
float box_shared(Box a, Box b);

/* Pairs `a` with `b`, the greatest overlap first, one to one; pairs below min_overlap are not made.
 * partner[i] is the index in `b` of a[i]'s partner or -1. At most FACES_MAX each. */
void box_match(const Box *a, int a_count, const Box *b, int b_count, float min_overlap, int *partner);

/* Distance of the eyes' centres with depth, so that turning the head does not shrink it; pixels. */
float mesh_eye_distance(const Mesh *mesh);

/* Turn of the head around the upright axis in radians, from the depth of the left and right half of the face;
 * positive: to the upright picture's right. */
float mesh_yaw(const Mesh *mesh, const Affine *stored_to_upright);

void mesh_shift(Mesh *mesh, float dx, float dy);

/* Whether a mesh can be a face in a frame of this size at all: finite, big enough, of a face's proportions
 * and not mostly outside. */
bool mesh_is_possible(const Mesh *mesh, int width, int height);

/* Whether `now` can be the same face as `before` dt_s later: no jump in place or size that a head cannot
 * make. */
bool mesh_follows(const Mesh *now, const Mesh *before, float dt_s);

/* 1 for a face that can be changed well, falling smoothly to 0 where it is nearly a profile. */
float opacity_for_yaw(float yaw);

/* 1 for a face seen just now, falling to 0 as it is unseen for longer. */
float opacity_for_absence(float unseen_s);

/* Longest time a face that cannot be found is carried on. */
float longest_absence_s(void);

#endif
