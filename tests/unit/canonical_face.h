/* A synthetic face for tests: the canonical mesh, turned and placed. */
#ifndef RUNBATCH_TESTS_CANONICAL_FACE_H
#define RUNBATCH_TESTS_CANONICAL_FACE_H

#include <math.h>

#include "face/topology.h"

/* `width` pixels across around (x, y), turned by `yaw` to the right and tilted by `roll`, both in radians. */
static inline Mesh canonical_face(float x, float y, float width, float yaw, float roll)
{
    Mesh mesh = {0};
    const float scale = width / (float)TOPOLOGY_UNITS;
    for (int i = 0; i < MESH_POINTS; i++) {
        float u = (float)topology_points[i][0] * scale;
        float v = (float)topology_points[i][1] * scale;
        float w = (float)topology_points[i][2] * scale;
        float across = cosf(yaw) * u - sinf(yaw) * w;
        mesh.x[i] = x + cosf(roll) * across - sinf(roll) * v;
        mesh.y[i] = y + sinf(roll) * across + cosf(roll) * v;
        mesh.z[i] = sinf(yaw) * u + cosf(yaw) * w;
    }
    return mesh;
}

#endif
