/* The face mesh: its crop, its run, its named points. Recipe: square crop of 1.4 x the detection's box, eyes
 * level, RGB / 255, 192 x 192; points come in crop pixels, the flag as a probability. */
#include <float.h>
#include <math.h>

#include "base/alloc.h"
#include "face/models.h"
#include "face/models_internal.h"

static const InputRecipe recipe = {MESH_CROP_SIZE, MESH_CROP_SIZE, LAYOUT_INTERLEAVED, 0, 1 / 255.0f};
static const float detection_margin = 1.4f;
/* As in MediaPipe. With less a mouth that opens leaves the crop and the next meshes shrink onto the upper
 * face. */
static const float mesh_margin = 1.5f;

/* Point numbers of MediaPipe's topology; left and right as seen. */
enum {
    POINT_NOSE_TIP = 1,
    POINT_LEFT_EYE_OUTER = 33,
    POINT_LEFT_EYE_INNER = 133,
    POINT_RIGHT_EYE_INNER = 362,
    POINT_RIGHT_EYE_OUTER = 263,
    POINT_MOUTH_LEFT = 61,
    POINT_MOUTH_RIGHT = 291,
};

Affine models_crop_around(Point centre, float side, int size, float angle, bool mirrored, float aspect)
{
    const float scale = side / (float)size;
    const float middle = (float)(size - 1) / 2.0f;
    const float right = mirrored ? -scale : scale;
    Affine map = {.a = right * cosf(angle),
                  .b = -scale * sinf(angle),
                  .d = right * sinf(angle),
                  .e = scale * cosf(angle)};
    map.c = centre.x - (map.a + map.b) * middle;
    map.f = centre.y - (map.d + map.e) * middle;
    const Affine to_stored = models_square_to_stored(aspect);
    return affine_multiply(&to_stored, &map);
}

Affine models_crop_from_detection(const Detection *detection)
{
    const float aspect = detection->aspect > 0 ? detection->aspect : 1;
    const Affine to_square = models_stored_to_square(aspect);
    const float side = detection_margin * fmaxf(detection->width, detection->height);
    return models_crop_around(affine_apply(&to_square, detection->centre), side, MESH_CROP_SIZE,
                              detection->angle, detection->mirrored, aspect);
}

static Point middle_of(const Mesh *mesh, int a, int b)
{
    return (Point){(mesh->x[a] + mesh->x[b]) / 2, (mesh->y[a] + mesh->y[b]) / 2};
}

void mesh_five_points(const Mesh *mesh, Point points[5])
{
    points[0] = middle_of(mesh, POINT_LEFT_EYE_OUTER, POINT_LEFT_EYE_INNER);
    points[1] = middle_of(mesh, POINT_RIGHT_EYE_INNER, POINT_RIGHT_EYE_OUTER);
    points[2] = (Point){mesh->x[POINT_NOSE_TIP], mesh->y[POINT_NOSE_TIP]};
    points[3] = (Point){mesh->x[POINT_MOUTH_LEFT], mesh->y[POINT_MOUTH_LEFT]};
    points[4] = (Point){mesh->x[POINT_MOUTH_RIGHT], mesh->y[POINT_MOUTH_RIGHT]};
}

float mesh_roll(const Mesh *mesh, bool mirrored, AVRational sar)
{
    const Affine to_square = models_stored_to_square(models_aspect(sar));
    Point five[5];
    mesh_five_points(mesh, five);
    const Point left = affine_apply(&to_square, five[0]);
    const Point right = affine_apply(&to_square, five[1]);
    const float sign = mirrored ? -1.0f : 1.0f;
    return atan2f(sign * (right.y - left.y), sign * (right.x - left.x));
}

Affine models_crop_from_mesh(const Mesh *mesh, bool mirrored, AVRational sar)
{
    const float aspect = models_aspect(sar);
    const Affine to_square = models_stored_to_square(aspect);
    const float angle = mesh_roll(mesh, mirrored, sar);

    const float cosine = cosf(angle);
    const float sine = sinf(angle);
    float x0 = FLT_MAX;
    float y0 = FLT_MAX;
    float x1 = -FLT_MAX;
    float y1 = -FLT_MAX;
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point point = affine_apply(&to_square, (Point){mesh->x[i], mesh->y[i]});
        const float x = cosine * point.x + sine * point.y;
        const float y = cosine * point.y - sine * point.x;
        x0 = fminf(x0, x);
        x1 = fmaxf(x1, x);
        y0 = fminf(y0, y);
        y1 = fmaxf(y1, y);
    }
    const Point centre = {cosine * (x0 + x1) / 2 - sine * (y0 + y1) / 2,
                          sine * (x0 + x1) / 2 + cosine * (y0 + y1) / 2};
    return models_crop_around(centre, mesh_margin * fmaxf(x1 - x0, y1 - y0), MESH_CROP_SIZE, angle, mirrored,
                              aspect);
}

Status models_mesh(const FaceModels *models, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh,
                   float *flag, Error *err)
{
    *flag = 0;
    float points[MESH_POINTS][3];
    Tensor input;
    Status status = models_sample(&recipe, frame, crop_to_frame, &input, err);
    if (status == STATUS_OK) {
        const Tensor outputs[2] = {
            {.data = &points[0][0], .rank = 2, .shape = {1, 3L * MESH_POINTS}},
            {.data = flag, .rank = 2, .shape = {1, 1}},
        };
        status = session_run(models->mesh, &input, 1, outputs, 2, err);
    }
    memory_free(input.data);
    if (status != STATUS_OK) {
        return status;
    }
    /* The model's points count from the crop's edge, ours from the middle of the first pixel: mirroring the
     * crop moves the mean point by 0.4 pixels otherwise. Rows are one unit high whatever the pixels' aspect.
     */
    const float scale = hypotf(crop_to_frame->d, crop_to_frame->e);
    for (int i = 0; i < MESH_POINTS; i++) {
        const Point point = affine_apply(crop_to_frame, (Point){points[i][0] - 0.5f, points[i][1] - 0.5f});
        mesh->x[i] = point.x;
        mesh->y[i] = point.y;
        mesh->z[i] = points[i][2] * scale;
    }
    return STATUS_OK;
}
