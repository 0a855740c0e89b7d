#include "face/swap_source.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/crop_tensor.h"
#include "face/source.h"
#include "infer/initializer.h"
#include "media/frame_view.h"

static const char cannot[] = "cannot prepare the source face";

/* ---- pictures ---- */

static Status sample_face(const AVFrame *frame, const Mesh *mesh, const ModelPicture *picture, bool bgr,
                          float *data, Error *err)
{
    Affine to_frame;
    if (!align_mesh(mesh, picture->align, picture->side, (AVRational){1, 1}, &to_frame)) {
        return error_set(err, ERROR_INTERNAL, cannot, NULL, "the face has no extent");
    }
    Image crop = {0};
    const Status status = frame_view_warp(frame, &to_frame, picture->side, picture->side, -1, &crop, err);
    if (status == STATUS_OK) {
        image_clamp(&crop, 0, 255);
        crop_to_tensor(&crop, bgr, picture->mean, picture->scale, data);
    }
    image_free(&crop);
    return status;
}

/* ---- embeddings ---- */

static Status run_once(const KnownModel *model, const ProcessorConfig *config, const Tensor *input,
                       float embedding[EMBEDDING_SIZE], Error *err)
{
    Session *session = NULL;
    const Tensor output = {.data = embedding, .rank = 2, .shape = {1, EMBEDDING_SIZE}};
    Status status = known_model_open(&session, model, config->models_dir, config->provider, 1, err);
    if (status == STATUS_OK) {
        status = session_run(session, input, 1, &output, 1, err);
    }
    session_free(&session);
    return status;
}

static Status embed(const KnownModel *embedder, const ProcessorConfig *config, const AVFrame *frame,
                    const Mesh *mesh, float embedding[EMBEDDING_SIZE], Error *err)
{
    ModelPicture picture = {.side = embedder->size, .align = embedder->align};
    memcpy(picture.mean, embedder->mean, sizeof picture.mean);
    memcpy(picture.scale, embedder->scale, sizeof picture.scale);
    const int64_t side = picture.side;
    const Tensor input = {.data = memory_alloc((size_t)(3 * side * side), sizeof(float)),
                          .rank = 4,
                          .shape = {1, 3, side, side}};
    Status status = sample_face(frame, mesh, &picture, embedder->bgr, input.data, err);
    if (status == STATUS_OK) {
        status = run_once(embedder, config, &input, embedding, err);
    }
    memory_free(input.data);
    return status;
}

static Status convert(const KnownModel *converter, const ProcessorConfig *config,
                      float embedding[EMBEDDING_SIZE], Error *err)
{
    float before[EMBEDDING_SIZE];
    memcpy(before, embedding, sizeof before);
    const Tensor input = {.data = before, .rank = 2, .shape = {1, EMBEDDING_SIZE}};
    return run_once(converter, config, &input, embedding, err);
}

/* The embedding as a row times the matrix that the swapper's file holds. */
static Status multiply(const KnownModel *swapper, const ProcessorConfig *config,
                       float embedding[EMBEDDING_SIZE], Error *err)
{
    char *path = NULL;
    float *matrix = NULL;
    Status status = known_model_path(swapper, config->models_dir, &path, err);
    if (status == STATUS_OK) {
        matrix = memory_alloc((size_t)EMBEDDING_SIZE * EMBEDDING_SIZE, sizeof *matrix);
        status = last_initializer_read(path, EMBEDDING_SIZE, EMBEDDING_SIZE, matrix, err);
    }
    double product[EMBEDDING_SIZE] = {0};
    for (int i = 0; status == STATUS_OK && i < EMBEDDING_SIZE; i++) {
        for (int j = 0; j < EMBEDDING_SIZE; j++) {
            product[j] += (double)embedding[i] * (double)matrix[(size_t)i * EMBEDDING_SIZE + (size_t)j];
        }
    }
    for (int j = 0; status == STATUS_OK && j < EMBEDDING_SIZE; j++) {
        embedding[j] = (float)product[j];
    }
    memory_free(path);
    memory_free(matrix);
    return status;
}

/* ERROR_MODEL where there is no direction: what a damaged model gives. */
static Status make_unit(const KnownModel *from, float embedding[EMBEDDING_SIZE], Error *err)
{
    double sum = 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        sum += (double)embedding[i] * (double)embedding[i];
    }
    if (!(sum > 0) || !isfinite(sum)) {
        return error_setf(err, ERROR_MODEL, cannot, NULL, "the model %s gives no usable embedding",
                          from->name);
    }
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        embedding[i] = (float)((double)embedding[i] / sqrt(sum));
    }
    return STATUS_OK;
}

static Status fill_embedding(const KnownModel *swapper, const ProcessorConfig *config, const AVFrame *frame,
                             const Mesh *mesh, float embedding[EMBEDDING_SIZE], Error *err)
{
    const KnownModel *embedder = known_model_find(swapper->embedder);
    const bool converted =
        swapper->source == SOURCE_EMBEDDING_CONVERTED || swapper->source == SOURCE_EMBEDDING_CONVERTED_UNIT;
    Status status = embed(embedder, config, frame, mesh, embedding, err);
    if (status == STATUS_OK && !converted) {
        status = make_unit(embedder, embedding, err);
    }
    if (status == STATUS_OK && converted) {
        status = convert(known_model_find(swapper->converter), config, embedding, err);
    }
    if (status == STATUS_OK && swapper->source == SOURCE_EMBEDDING_MATRIX) {
        status = multiply(swapper, config, embedding, err);
    }
    if (status == STATUS_OK && swapper->source != SOURCE_EMBEDDING_CONVERTED) {
        status = make_unit(swapper, embedding, err);
    }
    return status;
}

/* ---- the source ---- */

static Status fill(SwapSource *source, const KnownModel *swapper, const ProcessorConfig *config,
                   const AVFrame *frame, const Mesh *mesh, Error *err)
{
    if (swapper->source != SOURCE_IMAGE) {
        source->tensor = (Tensor){
            .data = memory_alloc(EMBEDDING_SIZE, sizeof(float)), .rank = 2, .shape = {1, EMBEDDING_SIZE}};
        return fill_embedding(swapper, config, frame, mesh, source->tensor.data, err);
    }
    const int64_t side = swapper->source_picture.side;
    source->tensor = (Tensor){.data = memory_alloc((size_t)(3 * side * side), sizeof(float)),
                              .rank = 4,
                              .shape = {1, 3, side, side}};
    return sample_face(frame, mesh, &swapper->source_picture, swapper->bgr, source->tensor.data, err);
}

Status swap_source_open(SwapSource *source, const KnownModel *swapper, const ProcessorConfig *config,
                        const char *path, Error *err)
{
    *source = (SwapSource){0};
    AVFrame *frame = NULL;
    Mesh mesh = {0};
    Status status = source_face_read(&frame, &mesh, config->models, path, err);
    if (status == STATUS_OK) {
        status = fill(source, swapper, config, frame, &mesh, err);
    }
    if (status != STATUS_OK) {
        swap_source_free(source);
    }
    av_frame_free(&frame);
    return status;
}

void swap_source_free(SwapSource *source)
{
    memory_free(source->tensor.data);
    *source = (SwapSource){0};
}
