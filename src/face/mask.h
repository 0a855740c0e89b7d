/* The canonical plane: the face laid out flat and frontal, the place for everything that sticks to a face.
 *
 * A texel of the plane is a place on the face, whatever the pose, the size or the rotation: each has its
 * triangle of the mesh and its barycentric coordinates in it. Masks are painted there once and follow the
 * mesh; light is measured and smoothed there, so its scale is a share of the face and does not change when
 * the face comes nearer. Built once per worker, then immutable; some 600 kB.
 */
#ifndef RUNBATCH_FACE_MASK_H
#define RUNBATCH_FACE_MASK_H

#include "face/topology.h"

enum {
    PLANE_SCALE = 112, /* texels a face's width */
    PLANE_WIDTH = 128,
    PLANE_HEIGHT = 152,
    PLANE_TEXELS = PLANE_WIDTH * PLANE_HEIGHT,
    NODE_STEP = 4, /* light is measured at every fourth texel */
    NODES_X = PLANE_WIDTH / NODE_STEP,
    NODES_Y = PLANE_HEIGHT / NODE_STEP,
    NODES = NODES_X * NODES_Y,
};

/* A place on the mesh; triangle -1: none. */
typedef struct MeshPlace {
    short triangle;
    float second; /* weight of the triangle's second corner; the first's is what is left */
    float third;
} MeshPlace;

typedef struct CanonicalPlane {
    MeshPlace place[PLANE_TEXELS];
    float blend[PLANE_TEXELS]; /* 0..1: how much of the source is shown: less than the oval, softly, with
                                  holes for the eyes' and the mouth's interior */
    float edge[PLANE_TEXELS];  /* the same without the holes */
    float skin[PLANE_TEXELS];  /* 0..1: skin without eyes, brows, lips and nostrils */
    float core[PLANE_TEXELS];  /* 0..1: where dark means brow, nostril or shadow: all but a seam at the edge
                                  and the forehead, where it may be hair */
    float openings[PLANE_TEXELS]; /* 0..1: eyes and lips, where bright may be eyeballs or teeth */
} CanonicalPlane;

void canonical_plane_fill(CanonicalPlane *plane);

/* Texel coordinates of a mesh point. */
Point canonical_plane_point(int point);

/* The texel at the middle of a node's cell. */
Point canonical_node_texel(int node);

Point mesh_place_point(const Mesh *mesh, MeshPlace place);

/* Distance of a point to a closed polygon, positive inside. */
float polygon_distance(const Point *polygon, int count, Point point);

#endif
