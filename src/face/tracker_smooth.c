#include "face/tracker_smooth.h"

#include <math.h>

#include "face/tracker_geometry.h"

/* The head's place, and its size and angle as a complex factor: point = centre + factor * shape. */
typedef struct Pose {
    float x;
    float y;
    float real;
    float imaginary;
} Pose;

SmoothParams mesh_smooth_defaults(void)
{
    /* Found by random search on the demo clips, lips included, and for the place by bench/jitter.py: little
     * error in motion, with the second differences of a still face at a quarter of the raw mesh's. */
    return (SmoothParams){
        .place = {0.2f, 10.0f, 3.0f, 0.3f},
        .size = {0.3f, 12.0f, 1.0f, 0.0f},
        .angle = {0.5f, 20.0f, 2.0f, 0.0f},
        .shape = {0.6f, 6.0f, 1.5f, 0.0f},
        .depth = {0.6f, 4.0f, 1.0f, 0.0f},
    };
}

static void begin(MeshSmoother *smoother, const Mesh *raw)
{
    *smoother = (MeshSmoother){.started = true, .unit = fmaxf(mesh_eye_distance(raw), 1.0f)};
    float centre_x = 0.0f;
    float centre_y = 0.0f;
    for (int i = 0; i < MESH_POINTS; i++) {
        centre_x += raw->x[i] / (float)MESH_POINTS;
        centre_y += raw->y[i] / (float)MESH_POINTS;
    }
    for (int i = 0; i < MESH_POINTS; i++) {
        smoother->shape[i].value[0] = (raw->x[i] - centre_x) / smoother->unit;
        smoother->shape[i].value[1] = (raw->y[i] - centre_y) / smoother->unit;
    }
}

/* The similarity from the smoothed shape to `raw`: a complex linear regression. */
static Pose fit(const MeshSmoother *smoother, const Mesh *raw)
{
    const float count = (float)MESH_POINTS;
    float mean_x = 0.0f;
    float mean_y = 0.0f;
    float mean_u = 0.0f;
    float mean_v = 0.0f;
    for (int i = 0; i < MESH_POINTS; i++) {
        mean_x += raw->x[i] / count;
        mean_y += raw->y[i] / count;
        mean_u += smoother->shape[i].value[0] / count;
        mean_v += smoother->shape[i].value[1] / count;
    }
    float real = 0.0f;
    float imaginary = 0.0f;
    float norm = 0.0f;
    for (int i = 0; i < MESH_POINTS; i++) {
        float x = raw->x[i] - mean_x;
        float y = raw->y[i] - mean_y;
        float u = smoother->shape[i].value[0] - mean_u;
        float v = smoother->shape[i].value[1] - mean_v;
        real += u * x + v * y;
        imaginary += u * y - v * x;
        norm += u * u + v * v;
    }
    real /= fmaxf(norm, 1e-6f);
    imaginary /= fmaxf(norm, 1e-6f);
    return (Pose){mean_x - (real * mean_u - imaginary * mean_v),
                  mean_y - (imaginary * mean_u + real * mean_v), real, imaginary};
}

static Pose smooth_pose(MeshSmoother *smoother, const SmoothParams *params, Pose pose, float dt_s)
{
    const float tau = 6.28318531f;
    float size = logf(fmaxf(hypotf(pose.real, pose.imaginary), 1e-3f));
    float angle = atan2f(pose.imaginary, pose.real);
    /* A head that turns past upside down goes on turning. */
    angle += tau * roundf((smoother->angle.value[0] - angle) / tau);
    const float place[2] = {pose.x / smoother->unit, pose.y / smoother->unit};
    one_euro_step(&smoother->place, &params->place, place, 2, dt_s);
    one_euro_step(&smoother->size, &params->size, &size, 1, dt_s);
    one_euro_step(&smoother->angle, &params->angle, &angle, 1, dt_s);
    float factor = expf(smoother->size.value[0]);
    return (Pose){smoother->place.value[0] * smoother->unit, smoother->place.value[1] * smoother->unit,
                  factor * cosf(smoother->angle.value[0]), factor * sinf(smoother->angle.value[0])};
}

void mesh_smooth_step(MeshSmoother *smoother, const SmoothParams *params, const Mesh *raw, float dt_s,
                      Mesh *smooth)
{
    if (!smoother->started) {
        begin(smoother, raw);
    }
    const Pose pose = fit(smoother, raw);
    const Pose calm = smooth_pose(smoother, params, pose, dt_s);
    const float norm = fmaxf(pose.real * pose.real + pose.imaginary * pose.imaginary, 1e-6f);
    const float size = sqrtf(norm);
    const float calm_size = hypotf(calm.real, calm.imaginary);
    for (int i = 0; i < MESH_POINTS; i++) {
        float x = raw->x[i] - pose.x;
        float y = raw->y[i] - pose.y;
        const float shape[2] = {(pose.real * x + pose.imaginary * y) / norm,
                                (pose.real * y - pose.imaginary * x) / norm};
        const float depth = raw->z[i] / size;
        one_euro_step(&smoother->shape[i], &params->shape, shape, 2, dt_s);
        one_euro_step(&smoother->depth[i], &params->depth, &depth, 1, dt_s);
        const float *calm_shape = smoother->shape[i].value;
        smooth->x[i] = calm.x + calm.real * calm_shape[0] - calm.imaginary * calm_shape[1];
        smooth->y[i] = calm.y + calm.imaginary * calm_shape[0] + calm.real * calm_shape[1];
        smooth->z[i] = calm_size * smoother->depth[i].value[0];
    }
}
