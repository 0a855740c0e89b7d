#include "face/tracker_geometry.h"

#include <math.h>

/* MediaPipe's points: corners of the eye on the left of the picture, then of the other. */
enum { EYE_A_OUTER = 33, EYE_A_INNER = 133, EYE_B_INNER = 362, EYE_B_OUTER = 263 };

static const float degree = 0.0174532925f;
static const float full_absence_s = 0.12f;
static const float end_absence_s = 0.28f;

Box box_of_mesh(const Mesh *mesh)
{
    Box box = {mesh->x[0], mesh->y[0], mesh->x[0], mesh->y[0]};
    for (int i = 1; i < MESH_POINTS; i++) {
        box.x0 = fminf(box.x0, mesh->x[i]);
        box.y0 = fminf(box.y0, mesh->y[i]);
        box.x1 = fmaxf(box.x1, mesh->x[i]);
        box.y1 = fmaxf(box.y1, mesh->y[i]);
    }
    return box;
}

Box box_of_detection(const Detection *detection)
{
    float c = fabsf(cosf(detection->angle));
    float s = fabsf(sinf(detection->angle));
    float aspect = detection->aspect > 0.0f ? detection->aspect : 1.0f;
    float half_width = 0.5f * (c * detection->width + s * detection->height) / aspect;
    float half_height = 0.5f * (s * detection->width + c * detection->height);
    return (Box){detection->centre.x - half_width, detection->centre.y - half_height,
                 detection->centre.x + half_width, detection->centre.y + half_height};
}

static float box_area(Box box)
{
    return fmaxf(0.0f, box.x1 - box.x0) * fmaxf(0.0f, box.y1 - box.y0);
}

float box_shared(Box a, Box b)
{
    Box both = {fmaxf(a.x0, b.x0), fmaxf(a.y0, b.y0), fminf(a.x1, b.x1), fminf(a.y1, b.y1)};
    float shared = box_area(both);
    float all = box_area(a) + box_area(b) - shared;
    return all > 0.0f ? shared / all : 0.0f;
}

void box_match(const Box *a, int a_count, const Box *b, int b_count, float min_overlap, int *partner)
{
    bool taken[FACES_MAX] = {false};
    for (int i = 0; i < a_count; i++) {
        partner[i] = -1;
    }
    for (int round = 0; round < a_count; round++) {
        int best_a = -1;
        int best_b = -1;
        float best = min_overlap;
        for (int i = 0; i < a_count; i++) {
            for (int j = 0; j < b_count && partner[i] < 0; j++) {
                float overlap = taken[j] ? 0.0f : box_shared(a[i], b[j]);
                if (overlap > best) {
                    best = overlap;
                    best_a = i;
                    best_b = j;
                }
            }
        }
        if (best_a < 0) {
            return;
        }
        partner[best_a] = best_b;
        taken[best_b] = true;
    }
}

float mesh_eye_distance(const Mesh *mesh)
{
    float dx = mesh->x[EYE_B_OUTER] + mesh->x[EYE_B_INNER] - mesh->x[EYE_A_OUTER] - mesh->x[EYE_A_INNER];
    float dy = mesh->y[EYE_B_OUTER] + mesh->y[EYE_B_INNER] - mesh->y[EYE_A_OUTER] - mesh->y[EYE_A_INNER];
    float dz = mesh->z[EYE_B_OUTER] + mesh->z[EYE_B_INNER] - mesh->z[EYE_A_OUTER] - mesh->z[EYE_A_INNER];
    return 0.5f * sqrtf(dx * dx + dy * dy + dz * dz);
}

float mesh_yaw(const Mesh *mesh, const Affine *stored_to_upright)
{
    /* Points that mirror each other across the face: outer eye corners, temples, cheekbones, jaw. */
    static const short pair[][2] = {{33, 263}, {127, 356}, {234, 454}, {132, 361}, {93, 323}};
    float depth = 0.0f;
    float across_x = 0.0f;
    float across_y = 0.0f;
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        Point a = affine_apply(stored_to_upright, (Point){mesh->x[pair[i][0]], mesh->y[pair[i][0]]});
        Point b = affine_apply(stored_to_upright, (Point){mesh->x[pair[i][1]], mesh->y[pair[i][1]]});
        across_x += b.x - a.x;
        across_y += b.y - a.y;
        depth += mesh->z[pair[i][1]] - mesh->z[pair[i][0]];
    }
    /* The half that the head turns away from comes nearer to the camera. */
    return atan2f(depth, sqrtf(across_x * across_x + across_y * across_y));
}

void mesh_shift(Mesh *mesh, float dx, float dy)
{
    for (int i = 0; i < MESH_POINTS; i++) {
        mesh->x[i] += dx;
        mesh->y[i] += dy;
    }
}

bool mesh_is_possible(const Mesh *mesh, int width, int height)
{
    const float min_size = 4.0f;
    int outside = 0;
    for (int i = 0; i < MESH_POINTS; i++) {
        if (!isfinite(mesh->x[i]) || !isfinite(mesh->y[i]) || !isfinite(mesh->z[i])) {
            return false;
        }
        bool inside = mesh->x[i] >= 0.0f && mesh->y[i] >= 0.0f && mesh->x[i] < (float)width &&
                      mesh->y[i] < (float)height;
        outside += inside ? 0 : 1;
    }
    Box box = box_of_mesh(mesh);
    float box_width = box.x1 - box.x0;
    float box_height = box.y1 - box.y0;
    /* Half a face at the frame's border is still followed well. Profile and open mouth make a face narrow, a
     * head laid on its side makes it wide. */
    return outside <= MESH_POINTS * 3 / 4 && box_width >= min_size && box_height >= min_size &&
           box_width < 2.8f * box_height && box_height < 2.8f * box_width;
}

bool mesh_follows(const Mesh *now, const Mesh *before, float dt_s)
{
    Box a = box_of_mesh(now);
    Box b = box_of_mesh(before);
    float size_a = sqrtf(box_area(a));
    float size_b = sqrtf(box_area(b));
    float dx = 0.5f * (a.x0 + a.x1 - b.x0 - b.x1);
    float dy = 0.5f * (a.y0 + a.y1 - b.y0 - b.y1);
    /* A quick head moves by some four of its sizes a second and doubles its size in a third of one. */
    float reach = fminf(0.2f + 4.0f * dt_s, 0.8f) * size_b;
    float growth = fminf(1.25f + 3.0f * dt_s, 2.0f);
    return dx * dx + dy * dy <= reach * reach && size_a <= growth * size_b && size_b <= growth * size_a;
}

static float smooth_fall(float value, float from, float to)
{
    float share = (value - from) / (to - from);
    share = fmaxf(0.0f, fminf(1.0f, share));
    return 1.0f - share * share * (3.0f - 2.0f * share);
}

float opacity_for_yaw(float yaw)
{
    return smooth_fall(fabsf(yaw), 45.0f * degree, 70.0f * degree);
}

float opacity_for_absence(float unseen_s)
{
    return smooth_fall(unseen_s, full_absence_s, end_absence_s);
}

float longest_absence_s(void)
{
    return end_absence_s;
}
