/* What is fixed about the 468-point face mesh: a frontal mean shape, its triangles, and named contours.
 *
 * Constant data, any thread. The shape and the triangles are our own (tools/canonical_mesh.py computes them
 * from meshes of some faces); the contours' point numbers are facts of the mesh model. "Left" and "right" are
 * the sides of an unmirrored picture.
 */
#ifndef RUNBATCH_FACE_TOPOLOGY_H
#define RUNBATCH_FACE_TOPOLOGY_H

#include "face/face.h"

enum {
    TOPOLOGY_UNITS = 10000, /* the canonical face's width */
    TOPOLOGY_MAX_TRIANGLES = 900,
};

/* The canonical face, frontal and symmetric, x to the right, y down, z away from the camera, centred. */
extern const short topology_points[MESH_POINTS][3];
/* The point on the other half of the face; points on the middle line are their own. */
extern const short topology_mirror[MESH_POINTS];
/* Corners of the triangles: all wound alike (clockwise as seen), eyes' and mouth's interior included. */
extern const int topology_triangle_count;
extern const short topology_triangles[TOPOLOGY_MAX_TRIANGLES][3];

typedef enum ContourName {
    CONTOUR_OVAL,
    CONTOUR_LIPS_OUTER,
    CONTOUR_LIPS_INNER,
    CONTOUR_EYE_LEFT,
    CONTOUR_EYE_RIGHT,
    CONTOUR_BROW_LEFT,
    CONTOUR_BROW_RIGHT,
    CONTOUR_COUNT,
} ContourName;

typedef struct Contour {
    const short *point; /* closed: the last is followed by the first */
    int count;
} Contour;

Contour topology_contour(ContourName name);

/* In units of the face's width, -0.5..0.5 across. */
Point topology_canonical(int point);

#endif
