#include "face/face_swapper.h"

#include <string.h>

#include "base/alloc.h"
#include "face/crop_model.h"
#include "face/model_swapper.h"
#include "face/swapper.h"

/* One of the two. */
typedef struct FaceSwapper {
    Swapper *mesh;
    ModelSwapper *model;
} FaceSwapper;

static const char built_in[] = "mesh";

/* *model NULL: the built-in method. */
static Status find_model(const ProcessorOptions *options, const KnownModel **model, Error *err)
{
    *model = NULL;
    const char *name = options->swapper_model;
    if (name == NULL || strcmp(name, built_in) == 0) {
        return STATUS_OK;
    }
    *model = crop_model_named(name, MODEL_SWAPPER, "cannot swap faces", "face-swapper-model", built_in, err);
    return *model != NULL ? STATUS_OK : STATUS_FAILED;
}

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    const KnownModel *model = NULL;
    const Status status = find_model(options, &model, err);
    const int sources = processor_source_count(options);
    if (status == STATUS_OK && model != NULL) {
        model_swapper_needs(model, options, needs);
    } else if (status == STATUS_OK && sources > 1) {
        needs->once_bytes += (sources - 1) * SOURCE_BYTES;
    }
    return status;
}

static void kind_free(void **state)
{
    FaceSwapper *s = *state;
    if (s != NULL) {
        swapper_free(&s->mesh);
        model_swapper_free(&s->model);
        memory_free(s);
        *state = NULL;
    }
}

static Status kind_open(void **state, const ProcessorConfig *config, Error *err)
{
    FaceSwapper *s = memory_alloc(1, sizeof *s);
    const KnownModel *model = NULL;
    *state = s;
    Status status = find_model(&config->options, &model, err);
    if (status == STATUS_OK && model == NULL) {
        status = swapper_open(&s->mesh, config, err);
    } else if (status == STATUS_OK) {
        status = model_swapper_open(&s->model, model, config, err);
    }
    if (status != STATUS_OK) {
        kind_free(state);
    }
    return status;
}

static Status kind_process(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err)
{
    const FaceSwapper *s = state;
    return s->model != NULL ? model_swapper_process(s->model, thread, frame, faces, err)
                            : swapper_process(s->mesh, thread, frame, faces, err);
}

const ProcessorKind face_swapper_kind = {
    .name = "face_swapper",
    .help = "put the source's face onto the target's",
    .needs_source = true,
    .needs = kind_needs,
    .open = kind_open,
    .process = kind_process,
    .free = kind_free,
};
