/* The fixed mesh and the canonical plane painted from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "face/mask.h"
#include "face/topology.h"

static Point mean_of(ContourName name)
{
    const Contour contour = topology_contour(name);
    Point sum = {0};
    for (int i = 0; i < contour.count; i++) {
        const Point p = topology_canonical(contour.point[i]);
        sum.x += p.x / (float)contour.count;
        sum.y += p.y / (float)contour.count;
    }
    return sum;
}

static void triangles_cover_the_face_once(void **state)
{
    (void)state;
    static int edges[MESH_POINTS][MESH_POINTS];
    bool used[MESH_POINTS] = {false};
    memset(edges, 0, sizeof edges);
    assert_true(topology_triangle_count <= TOPOLOGY_MAX_TRIANGLES);
    for (int t = 0; t < topology_triangle_count; t++) {
        const short *c = topology_triangles[t];
        const Point a = topology_canonical(c[0]);
        const Point b = topology_canonical(c[1]);
        const Point d = topology_canonical(c[2]);
        assert_true((b.x - a.x) * (d.y - a.y) - (b.y - a.y) * (d.x - a.x) > 0);
        for (int i = 0; i < 3; i++) {
            used[c[i]] = true;
            assert_int_equal(++edges[c[i]][c[(i + 1) % 3]], 1);
        }
    }
    int border = 0;
    for (int i = 0; i < MESH_POINTS; i++) {
        assert_true(used[i]);
        for (int k = 0; k < MESH_POINTS; k++) {
            border += edges[i][k] == 1 && edges[k][i] == 0;
        }
    }
    /* Euler: a disc with V points, B of them on its border, has 2 V - 2 - B triangles. */
    assert_int_equal(topology_triangle_count, 2 * MESH_POINTS - 2 - border);
}

static void halves_mirror_each_other(void **state)
{
    (void)state;
    for (int i = 0; i < MESH_POINTS; i++) {
        const int other = topology_mirror[i];
        assert_int_equal(topology_mirror[other], i);
        assert_true(abs(topology_points[i][0] + topology_points[other][0]) <= 1);
        assert_true(abs(topology_points[i][1] - topology_points[other][1]) <= 1);
    }
}

static void contours_lie_where_they_should(void **state)
{
    (void)state;
    bool seen[CONTOUR_COUNT][MESH_POINTS] = {{false}};
    for (int name = 0; name < CONTOUR_COUNT; name++) {
        const Contour contour = topology_contour((ContourName)name);
        for (int i = 0; i < contour.count; i++) {
            assert_false(seen[name][contour.point[i]]);
            seen[name][contour.point[i]] = true;
        }
    }
    const Point mouth = mean_of(CONTOUR_LIPS_INNER);
    const Point left_eye = mean_of(CONTOUR_EYE_LEFT);
    const Point right_eye = mean_of(CONTOUR_EYE_RIGHT);
    const Point left_brow = mean_of(CONTOUR_BROW_LEFT);
    assert_true(left_brow.y < left_eye.y && left_eye.y < 0 && mouth.y > 0);
    assert_true(left_eye.x < -0.1F && right_eye.x > 0.1F && fabsf(mouth.x) < 0.01F);
    const Contour left = topology_contour(CONTOUR_EYE_LEFT);
    const Contour right = topology_contour(CONTOUR_EYE_RIGHT);
    for (int i = 0; i < left.count; i++) {
        assert_int_equal(topology_mirror[left.point[i]], right.point[i]);
    }
}

static void distances_to_a_polygon(void **state)
{
    (void)state;
    static const Point square[4] = {{0, 0}, {4, 0}, {4, 4}, {0, 4}};
    assert_float_equal(polygon_distance(square, 4, (Point){2, 1}), 1, 1e-6);
    assert_float_equal(polygon_distance(square, 4, (Point){2, -3}), -3, 1e-6);
    assert_float_equal(polygon_distance(square, 4, (Point){7, 8}), -5, 1e-5);
    assert_float_equal(polygon_distance(square, 4, (Point){4, 2}), 0, 1e-6);
}

static float at(const float *values, Point p)
{
    const int x = (int)lroundf(p.x * PLANE_SCALE + (PLANE_WIDTH - 1) * 0.5F);
    const int y = (int)lroundf(p.y * PLANE_SCALE + (PLANE_HEIGHT - 1) * 0.5F);
    return values[y * PLANE_WIDTH + x];
}

static void the_mask_is_soft_and_has_holes(void **state)
{
    (void)state;
    CanonicalPlane *plane = memory_alloc(1, sizeof *plane);
    canonical_plane_fill(plane);
    assert_float_equal(at(plane->blend, mean_of(CONTOUR_EYE_LEFT)), 0, 0);
    assert_float_equal(at(plane->blend, mean_of(CONTOUR_LIPS_INNER)), 0, 0);
    assert_float_equal(at(plane->blend, topology_canonical(1)), 1, 1e-3);  /* the nose's tip */
    assert_float_equal(at(plane->blend, topology_canonical(50)), 1, 1e-3); /* a cheek */
    assert_float_equal(at(plane->blend, topology_canonical(9)), 1, 0.02);  /* between the brows */
    assert_float_equal(at(plane->edge, mean_of(CONTOUR_EYE_LEFT)), 1, 1e-3);
    const Contour oval = topology_contour(CONTOUR_OVAL);
    for (int i = 0; i < oval.count; i++) {
        assert_float_equal(at(plane->blend, topology_canonical(oval.point[i])), 0, 0.01);
    }
    for (int i = 0; i < PLANE_TEXELS; i++) {
        assert_true(plane->blend[i] >= 0 && plane->blend[i] <= 1);
        assert_true(plane->place[i].triangle >= 0 || plane->blend[i] == 0);
        const int x = i % PLANE_WIDTH;
        if (x > 0 && x < PLANE_WIDTH - 1) { /* no hard edge anywhere */
            assert_true(fabsf(plane->edge[i] - plane->edge[i - 1]) < 0.25F);
            const int mirrored = i - x + PLANE_WIDTH - 1 - x;
            assert_true(fabsf(plane->edge[i] - plane->edge[mirrored]) < 0.05F);
        }
    }
    memory_free(plane);
}

static void places_lead_back_to_their_texel(void **state)
{
    (void)state;
    CanonicalPlane *plane = memory_alloc(1, sizeof *plane);
    canonical_plane_fill(plane);
    Mesh mesh = {0};
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point p = canonical_plane_point(i);
        mesh.x[i] = p.x;
        mesh.y[i] = p.y;
    }
    int found = 0;
    for (int i = 0; i < PLANE_TEXELS; i++) {
        if (plane->place[i].triangle >= 0) {
            const Point p = mesh_place_point(&mesh, plane->place[i]);
            assert_float_equal(p.x, (float)(i % PLANE_WIDTH), 0.01);
            assert_float_equal(p.y, (float)(i / PLANE_WIDTH), 0.01);
            found++;
        }
    }
    assert_true(found > PLANE_TEXELS / 2);
    memory_free(plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triangles_cover_the_face_once),  cmocka_unit_test(halves_mirror_each_other),
        cmocka_unit_test(contours_lie_where_they_should), cmocka_unit_test(distances_to_a_polygon),
        cmocka_unit_test(the_mask_is_soft_and_has_holes), cmocka_unit_test(places_lead_back_to_their_texel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
