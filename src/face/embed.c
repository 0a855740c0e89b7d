/* A face's identity: as the embedder's entry in the catalogue says, the output made one unit long. */
#include <math.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/models.h"
#include "face/models_internal.h"

Status face_embed(const FaceModels *models, const AVFrame *frame, const Mesh *mesh,
                  float embedding[EMBEDDING_SIZE], Error *err)
{
    if (models->embedder == NULL) {
        return error_set(err, ERROR_INTERNAL, "cannot compare faces", NULL, "its model was not loaded");
    }
    const KnownModel *model = models->embedder_model;
    Affine to_frame;
    if (!align_mesh(mesh, model->align, model->size, frame->sample_aspect_ratio, &to_frame)) {
        return error_set(err, ERROR_INTERNAL, "cannot compare faces", NULL, "the face has no extent");
    }
    Tensor input;
    Status status = models_sample_known(model, model->size, model->size, frame, &to_frame, &input, err);
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
