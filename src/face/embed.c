/* A face's identity. Recipe: similarity of five points to the ArcFace template, 112 x 112, (x - 127) / 128,
 * the output made one unit long. */
#include <math.h>

#include "base/alloc.h"
#include "face/models.h"
#include "face/models_internal.h"

enum { INPUT_SIZE = 112 };

static const InputRecipe recipe = {INPUT_SIZE, INPUT_SIZE, LAYOUT_PLANES, 127.0f, 1 / 128.0f};

/* Eyes, nose, mouth corners in 112 x 112 pixels. Source: the alignment template of ArcFace (Deng 2019). */
static const Point template_points[5] = {
    {38.2946f, 51.6963f}, {73.5318f, 51.5014f}, {56.0252f, 71.7366f},
    {41.5493f, 92.3655f}, {70.7299f, 92.2041f},
};

/* Input pixels to the stored frame; false when the points lie on one spot. */
static bool align(const Mesh *mesh, float aspect, Affine *to_frame)
{
    const Affine to_square = models_stored_to_square(aspect);
    Point points[5];
    mesh_five_points(mesh, points);
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&to_square, points[i]);
    }
    /* In a video that is to be shown mirrored the mouth lies on the other side of the eyes' line. */
    const float side = (points[1].x - points[0].x) * (points[3].y - points[0].y) -
                       (points[1].y - points[0].y) * (points[3].x - points[0].x);
    const Affine mirror = {.a = side < 0 ? -1.0f : 1.0f, .e = 1};
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&mirror, points[i]);
    }
    Affine map;
    if (!affine_similarity(template_points, points, 5, &map)) {
        return false;
    }
    const Affine to_stored = models_square_to_stored(aspect);
    map = affine_multiply(&mirror, &map);
    *to_frame = affine_multiply(&to_stored, &map);
    return true;
}

Status face_embed(const FaceModels *models, const AVFrame *frame, const Mesh *mesh,
                  float embedding[EMBEDDING_SIZE], Error *err)
{
    if (models->embedder == NULL) {
        return error_set(err, ERROR_INTERNAL, "cannot compare faces", NULL, "its model was not loaded");
    }
    Affine to_frame;
    if (!align(mesh, models_aspect(frame->sample_aspect_ratio), &to_frame)) {
        return error_set(err, ERROR_INTERNAL, "cannot compare faces", NULL, "the face has no extent");
    }
    Tensor input;
    Status status = models_sample(&recipe, frame, &to_frame, &input, err);
    if (status == STATUS_OK) {
        const Tensor output = {.data = embedding, .rank = 2, .shape = {1, EMBEDDING_SIZE}};
        status = session_run(models->embedder, &input, 1, &output, 1, err);
    }
    memory_free(input.data);
    if (status != STATUS_OK) {
        return status;
    }
    const float length = sqrtf(face_cosine(embedding, embedding));
    for (int i = 0; i < EMBEDDING_SIZE && length > 0; i++) {
        embedding[i] /= length;
    }
    return STATUS_OK;
}

float face_cosine(const float a[EMBEDDING_SIZE], const float b[EMBEDDING_SIZE])
{
    double sum = 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return (float)sum;
}
