#include "face/face_enhancer.h"

#include <string.h>

#include "base/alloc.h"
#include "face/classical_enhancer.h"
#include "face/crop_model.h"
#include "face/model_enhancer.h"

/* One of the two. */
typedef struct FaceEnhancer {
    ClassicalEnhancer *classical;
    ModelEnhancer *model;
} FaceEnhancer;

static const char built_in[] = "classical";

/* *model NULL: the built-in method. */
static Status find_model(const ProcessorOptions *options, const KnownModel **model, Error *err)
{
    *model = NULL;
    const char *name = options->enhancer_model;
    if (name == NULL || strcmp(name, built_in) == 0) {
        return STATUS_OK;
    }
    *model = crop_model_named(name, MODEL_FACE_ENHANCER, "cannot enhance faces", "face-enhancer-model",
                              built_in, err);
    return *model != NULL ? STATUS_OK : STATUS_FAILED;
}

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    const KnownModel *model = NULL;
    const Status status = find_model(options, &model, err);
    if (status == STATUS_OK && model != NULL) {
        model_enhancer_needs(model, needs);
    } else if (status == STATUS_OK) {
        needs->column_bytes += classical_enhancer_column_bytes;
    }
    return status;
}

static void kind_free(void **state)
{
    FaceEnhancer *e = *state;
    if (e != NULL) {
        classical_enhancer_free(&e->classical);
        model_enhancer_free(&e->model);
        memory_free(e);
        *state = NULL;
    }
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    FaceEnhancer *e = memory_alloc(1, sizeof *e);
    const KnownModel *model = NULL;
    *state = e;
    Status status = find_model(&config->options, &model, err);
    if (status == STATUS_OK && model == NULL) {
        e->classical = classical_enhancer_new(config->threads, config->after_swap, config->mask);
    } else if (status == STATUS_OK) {
        status = model_enhancer_open(&e->model, model, config, err);
    }
    if (status != STATUS_OK) {
        kind_free(state);
    }
    return status;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    const FaceEnhancer *e = state;
    return e->model != NULL ? model_enhancer_process(e->model, thread, frame, faces, err)
                            : classical_enhancer_process(e->classical, thread, frame, faces, err);
}

const ProcessorKind face_enhancer_kind = {
    .name = "face_enhancer",
    .help = "make faces clearer",
    .needs = kind_needs,
    .open = kind_open,
    .process = kind_process,
    .free = kind_free,
};
