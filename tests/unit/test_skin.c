#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "canonical_face.h"
#include "face/skin.h"

static const float skin[3] = {200.0f, 150.0f, 120.0f};

static bool is_in_contour(const Mesh *mesh, ContourName name, Point point)
{
    Contour contour = topology_contour(name);
    bool inside = false;
    for (int i = 0, j = contour.count - 1; i < contour.count; j = i++) {
        float xi = mesh->x[contour.point[i]];
        float yi = mesh->y[contour.point[i]];
        float xj = mesh->x[contour.point[j]];
        float yj = mesh->y[contour.point[j]];
        if ((yi > point.y) != (yj > point.y) && point.x < (xj - xi) * (point.y - yi) / (yj - yi) + xi) {
            inside = !inside;
        }
    }
    return inside;
}

static void every_place_lies_on_skin(void **state)
{
    (void)state;
    const Mesh mesh = canonical_face(200.0f, 200.0f, 200.0f, 0.0f, 0.0f);
    static const ContourName not_skin[] = {CONTOUR_LIPS_OUTER, CONTOUR_EYE_LEFT, CONTOUR_EYE_RIGHT,
                                           CONTOUR_BROW_LEFT, CONTOUR_BROW_RIGHT};
    for (int i = 0; i < skin_place_count(); i++) {
        Point point = skin_place(&mesh, i);
        assert_true(is_in_contour(&mesh, CONTOUR_OVAL, point));
        for (size_t k = 0; k < sizeof not_skin / sizeof not_skin[0]; k++) {
            assert_false(is_in_contour(&mesh, not_skin[k], point));
        }
    }
}

static void set(Image *image, int x, int y, float red, float green, float blue)
{
    const float value[3] = {red, green, blue};
    for (int plane = 0; plane < 3; plane++) {
        image->plane[plane][y * image->stride + x] = value[plane];
    }
}

static bool is_on_face(const Mesh *mesh, Point point)
{
    for (int i = 0; i < topology_triangle_count; i++) {
        const short *corner = topology_triangles[i];
        int left = 0;
        for (int k = 0; k < 3; k++) {
            int a = corner[k];
            int b = corner[(k + 1) % 3];
            float side = (mesh->x[b] - mesh->x[a]) * (point.y - mesh->y[a]) -
                         (mesh->y[b] - mesh->y[a]) * (point.x - mesh->x[a]);
            left += side >= 0.0f ? 1 : 0;
        }
        if (left == 0 || left == 3) {
            return true;
        }
    }
    return false;
}

/* Skin with a little structure where the mesh is, lips and the world around in loud colours. */
static void paint(Image *image, const Mesh *mesh)
{
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            Point point = {(float)x, (float)y};
            float wave = 8.0f * sinf(0.21f * (float)x) + 6.0f * cosf(0.17f * (float)y);
            if (is_in_contour(mesh, CONTOUR_LIPS_OUTER, point)) {
                set(image, x, y, 255.0f, 0.0f, 0.0f);
            } else if (is_on_face(mesh, point)) {
                set(image, x, y, skin[0] + wave, skin[1] + wave, skin[2] + wave);
            } else {
                set(image, x, y, 0.0f, 255.0f, 0.0f);
            }
        }
    }
}

static void assert_is_skin(const SkinStats *stats)
{
    for (int plane = 0; plane < 3; plane++) {
        assert_float_equal(stats->mean[plane], skin[plane], 3.0f);
    }
    assert_true(stats->covariance[0] > 10.0f && stats->covariance[0] < 70.0f);
    /* The wave is the same in all planes. */
    assert_float_equal(stats->covariance[1], stats->covariance[0], 0.2f * stats->covariance[0]);
}

static void skin_alone_is_measured(void **state)
{
    (void)state;
    Image image = {0};
    assert_int_equal(image_resize(&image, 400, 400, 3, NULL), STATUS_OK);
    const struct {
        float yaw, roll;
    } poses[] = {{0.0f, 0.0f}, {0.6f, 0.2f}, {-0.6f, -1.6f}};
    for (int i = 0; i < 3; i++) {
        const Mesh mesh = canonical_face(200.0f, 200.0f, 180.0f, poses[i].yaw, poses[i].roll);
        paint(&image, &mesh);
        const SkinStats stats = skin_stats_from_image(&image, &mesh);
        assert_true(stats.weight > 0.5f);
        assert_is_skin(&stats);
    }
    image_free(&image);
}

static void shine_and_hair_do_not_spoil_it(void **state)
{
    (void)state;
    Image image = {0};
    assert_int_equal(image_resize(&image, 400, 400, 3, NULL), STATUS_OK);
    const Mesh mesh = canonical_face(200.0f, 200.0f, 180.0f, 0.0f, 0.0f);
    paint(&image, &mesh);
    /* A bright nose and a green strand across a cheek. */
    for (int y = 0; y < 400; y++) {
        for (int x = 0; x < 400; x++) {
            bool nose = hypotf((float)x - mesh.x[195], (float)y - mesh.y[195]) < 9.0f;
            bool strand = fabsf((float)x - mesh.x[205]) < 3.0f;
            if (nose) {
                set(&image, x, y, 255.0f, 255.0f, 255.0f);
            } else if (strand) {
                set(&image, x, y, 60.0f, 160.0f, 60.0f);
            }
        }
    }
    const SkinStats stats = skin_stats_from_image(&image, &mesh);
    assert_true(stats.weight > 0.4f);
    assert_is_skin(&stats);
    image_free(&image);
}

static void size_does_not_change_the_figures(void **state)
{
    (void)state;
    /* The same fine texture on a large face is averaged away, as it is on a small one. */
    Image image = {0};
    assert_int_equal(image_resize(&image, 800, 800, 3, NULL), STATUS_OK);
    for (int plane = 0; plane < 3; plane++) {
        for (int y = 0; y < 800; y++) {
            for (int x = 0; x < 800; x++) {
                image.plane[plane][y * image.stride + x] = skin[plane] + ((x + y) % 2 == 0 ? 40.0f : -40.0f);
            }
        }
    }
    const Mesh mesh = canonical_face(400.0f, 400.0f, 600.0f, 0.0f, 0.0f);
    const SkinStats stats = skin_stats_from_image(&image, &mesh);
    assert_true(stats.covariance[0] < 20.0f);
    image_free(&image);
}

static void faces_outside_say_nothing(void **state)
{
    (void)state;
    Image image = {0};
    assert_int_equal(image_resize(&image, 16, 16, 3, NULL), STATUS_OK);
    image_fill(&image, 100.0f);
    const float far_away[] = {-500.0f, 500.0f, NAN};
    for (int i = 0; i < 3; i++) {
        const Mesh mesh = canonical_face(far_away[i], 8.0f, 40.0f, 0.0f, 0.0f);
        assert_true(skin_stats_from_image(&image, &mesh).weight == 0.0f);
    }
    const Mesh point = canonical_face(8.0f, 8.0f, 0.0f, 0.0f, 0.0f);
    assert_true(skin_stats_from_image(&image, &point).weight == 0.0f);
    image_free(&image);
}

static void following_takes_time(void **state)
{
    (void)state;
    SkinStats smooth = {0};
    const SkinStats dark = {.mean = {100.0f, 80.0f, 60.0f}, .covariance = {10.0f}, .weight = 0.8f};
    const SkinStats light = {.mean = {200.0f, 160.0f, 120.0f}, .covariance = {20.0f}, .weight = 0.8f};
    const SkinStats nothing = {0};
    skin_stats_follow(&smooth, &dark, 0.04f);
    assert_true(smooth.mean[0] == 100.0f);
    skin_stats_follow(&smooth, &nothing, 0.04f);
    assert_true(smooth.mean[0] == 100.0f);
    skin_stats_follow(&smooth, &light, 0.3f); /* one time constant: 1 - 1/e */
    assert_float_equal(smooth.mean[0], 163.2f, 0.1f);
    assert_float_equal(smooth.covariance[0], 16.32f, 0.01f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_lies_on_skin),       cmocka_unit_test(skin_alone_is_measured),
        cmocka_unit_test(shine_and_hair_do_not_spoil_it), cmocka_unit_test(size_does_not_change_the_figures),
        cmocka_unit_test(faces_outside_say_nothing),      cmocka_unit_test(following_takes_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
