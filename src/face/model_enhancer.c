#include "face/model_enhancer.h"

#include <string.h>

#include "base/alloc.h"
#include "face/align.h"
#include "face/crop_model.h"
#include "face/select.h"

struct ModelEnhancer {
    const KnownModel *model;
    CropModel *runner;
    AVRational aspect;
    float blend;
    float weight;
    bool weighted; /* the model has a second input */
    int threads;
    Paste **paste;
};

/* CodeFormer's: how much the face that went in counts (Zhou et al. 2022). */
static bool is_weighted(const KnownModel *model)
{
    return strcmp(model->kind, "codeformer") == 0;
}

void model_enhancer_free(ModelEnhancer **enhancer)
{
    ModelEnhancer *e = *enhancer;
    if (e == NULL) {
        return;
    }
    for (int i = 0; i < e->threads; i++) {
        paste_free(&e->paste[i]);
    }
    memory_free(e->paste);
    crop_model_free(&e->runner);
    memory_free(e);
    *enhancer = NULL;
}

Status model_enhancer_open(ModelEnhancer **enhancer, const KnownModel *model, const ProcessorConfig *config,
                           Error *err)
{
    ModelEnhancer *e = memory_alloc(1, sizeof *e);
    e->model = model;
    e->aspect = config->sample_aspect_ratio;
    e->blend = config->options.enhancer_blend;
    e->weight = config->options.enhancer_weight;
    e->weighted = is_weighted(model);
    e->threads = config->threads > 0 ? config->threads : 1;
    e->paste = memory_alloc((size_t)e->threads, sizeof *e->paste);
    for (int i = 0; i < e->threads; i++) {
        e->paste[i] = paste_new(NULL, i);
        paste_limit(e->paste[i], config->mask);
    }
    const Status status = crop_model_open(&e->runner, model, config, err);
    if (status != STATUS_OK) {
        model_enhancer_free(&e);
    }
    *enhancer = e;
    return status;
}

static void copy_picture(const Image *from, Image *to)
{
    for (int p = 0; p < 3; p++) {
        memcpy(to->plane[p], from->plane[p], (size_t)from->height * (size_t)from->stride * sizeof(float));
    }
}

static void mix(const Image *before, float share, Image *after)
{
    for (int p = 0; p < 3; p++) {
        const ptrdiff_t count = before->height * before->stride;
        for (ptrdiff_t i = 0; i < count; i++) {
            after->plane[p][i] = before->plane[p][i] + share * (after->plane[p][i] - before->plane[p][i]);
        }
    }
}

static Status enhance(const ModelEnhancer *e, int thread, AVFrame *frame, const Face *face, Error *err)
{
    Paste *paste = e->paste[thread];
    Affine to_frame;
    if (!align_mesh(&face->mesh, e->model->align, e->model->size, e->aspect, &to_frame)) {
        return STATUS_OK;
    }
    Status status = paste_take(paste, frame, face, &to_frame, e->model->size, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    float weight = e->weight;
    const Tensor second = {.data = &weight, .rank = 1, .shape = {1}};
    const Image *crop = &paste_crop(paste)->rgb;
    Image *result = paste_result(paste);
    copy_picture(crop, result);
    status = crop_model_run(e->runner, thread, e->weighted ? &second : NULL, result, err);
    if (status != STATUS_OK) {
        return status;
    }
    mix(crop, e->blend, result);
    return paste_give(paste, frame, err);
}

Status model_enhancer_process(ModelEnhancer *enhancer, int thread, AVFrame *frame, const FrameFaces *faces,
                              Error *err)
{
    int order[FACES_MAX];
    const int count = select_far_first(faces, order);
    Status status = STATUS_OK;
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        status = enhance(enhancer, thread, frame, &faces->face[order[i]], err);
    }
    return status;
}

void model_enhancer_needs(const KnownModel *model, ProcessorNeeds *needs)
{
    processor_needs_model(needs, model, false);
    needs->thread_bytes += crop_model_bytes(model) + (int64_t)model->size * model->size * PASTE_PIXEL_BYTES;
}
