#!/usr/bin/env python3
"""Makes src/face/topology_table.c: a frontal, symmetric mean shape of the 468 mesh points and its triangles.

Input: text files with one mesh each (468 lines "x y z"), as the mesh model gives them for some faces, some of
them with an open mouth so that the lips' inner contour encloses an area.

Method: the meshes are brought together by a generalised Procrustes analysis (Gower 1975); the mirror partner
of every point is found as its mutual nearest neighbour in the reflected shape while the plane of symmetry is
fitted again and again; the shape is averaged with its mirror image. The triangles are the Delaunay
triangulation of the frontal projection (Bowyer 1981, Watson 1981) in exact integer arithmetic, without those
outside the face's outline.
"""
import sys

import numpy as np

POINTS = 468
UNITS = 10000  # of the face's width
# The face oval, with the four points that stand out over it in the frontal view.
OUTLINE = [10, 338, 297, 332, 284, 251, 389, 356, 447, 454, 366, 323, 361, 288, 397, 365, 379, 378, 400, 377,
           152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 137, 234, 227, 127, 162, 21, 54, 103, 67, 109]


def centred(mesh):
    mesh = mesh - mesh.mean(axis=0)
    return mesh / np.sqrt((mesh ** 2).sum(axis=1).mean())


def mean_shape(meshes):
    mean = meshes[0]
    for _ in range(10):
        turned = []
        for mesh in meshes:
            u, _, v = np.linalg.svd(mesh.T @ mean)
            turned.append(mesh @ (u @ v))
        mean = centred(np.mean(turned, axis=0))
    return mean


def mirror(mesh):
    return mesh * np.array([-1.0, 1.0, 1.0])


def partners(mesh):
    distance = ((mesh[:, None] - mirror(mesh)[None]) ** 2).sum(axis=2)
    return distance.argmin(axis=1)


def symmetric(mesh):
    for _ in range(20):
        other = partners(mesh)
        mutual = other[other] == np.arange(POINTS)
        pairs = mutual & (other != np.arange(POINTS))
        axis = mesh[other][pairs] - mesh[pairs]
        axis = (axis * np.sign(axis[:, :1])).sum(axis=0)
        axis /= np.linalg.norm(axis)
        down = np.array([0.0, 1.0, 0.0])
        down -= axis * (axis @ down)
        down /= np.linalg.norm(down)
        middle = (((mesh[other] + mesh) / 2)[mutual] @ axis).mean()
        mesh = mesh @ np.stack([axis, down, np.cross(axis, down)], axis=1)
        mesh[:, 0] -= middle
    other = partners(mesh)
    if (other[other] != np.arange(POINTS)).any():
        sys.exit("the mirror partners are not mutual: give more, or more frontal, meshes")
    return (mesh + mirror(mesh)[other]) / 2, other


def orient(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def in_circle(a, b, c, p):
    rows = [(q[0] - p[0], q[1] - p[1]) for q in (a, b, c)]
    square = [x * x + y * y for x, y in rows]
    (ax, ay), (bx, by), (cx, cy) = rows
    return (square[0] * (bx * cy - by * cx) - square[1] * (ax * cy - ay * cx)
            + square[2] * (ax * by - ay * bx)) > 0


def delaunay(points):
    far = 1000 * UNITS
    vertices = list(points) + [(-3 * far, -far), (3 * far, -far), (0, 3 * far)]
    count = len(points)
    triangles = {(count, count + 1, count + 2)}
    for index in range(count):
        bad = [t for t in triangles if in_circle(*(vertices[k] for k in t), vertices[index])]
        edges = {}
        for a, b, c in bad:
            for edge in ((a, b), (b, c), (c, a)):
                edges[tuple(sorted(edge))] = None if tuple(sorted(edge)) in edges else edge
        triangles.difference_update(bad)
        triangles.update((edge[0], edge[1], index) for edge in edges.values() if edge is not None)
    return [t for t in triangles if max(t) < count]


def inside(polygon, x, y):
    hit = False
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1]):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            hit = not hit
    return hit


def main():
    meshes = [centred(np.loadtxt(name)) for name in sys.argv[1:]]
    shape, other = symmetric(mean_shape(meshes))
    width = shape[:, 0].max() - shape[:, 0].min()
    grid = np.rint(shape / width * UNITS).astype(int)
    points = [(int(x), int(y)) for x, y, _ in grid]
    outline = [points[i] for i in OUTLINE]
    triangles = []
    for t in delaunay(points):
        middle = [sum(points[k][axis] for k in t) / 3 for axis in (0, 1)]
        if inside(outline, *middle):
            first = t.index(min(t))
            triangles.append(t[first:] + t[:first])
    triangles.sort()

    print("/* Made by tools/canonical_mesh.py; not edited by hand. */")
    print('#include "face/topology.h"\n')
    print("/* clang-format off */")
    print("const short topology_points[MESH_POINTS][3] = {")
    for start in range(0, POINTS, 4):
        print("    " + " ".join("{%d, %d, %d}," % tuple(p) for p in grid[start:start + 4]))
    print("};\n\nconst short topology_mirror[MESH_POINTS] = {")
    for start in range(0, POINTS, 16):
        print("    " + " ".join("%d," % p for p in other[start:start + 16]))
    print("};\n\nconst int topology_triangle_count = %d;\n" % len(triangles))
    print("const short topology_triangles[TOPOLOGY_MAX_TRIANGLES][3] = {")
    for start in range(0, len(triangles), 6):
        print("    " + " ".join("{%d, %d, %d}," % t for t in triangles[start:start + 6]))
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
