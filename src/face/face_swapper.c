#include "face/face_swapper.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "face/model_swapper.h"
#include "face/swapper.h"

/* One of the two. */
typedef struct FaceSwapper {
    Swapper *mesh;
    ModelSwapper *model;
} FaceSwapper;

static const char built_in[] = "mesh";

static Status refuse_model(const char *name, Error *err)
{
    Text known = {0};
    text_append(&known, built_in);
    for (size_t i = 0; i < known_model_count; i++) {
        if (known_models[i].role == MODEL_SWAPPER) {
            text_appendf(&known, ", %s", known_models[i].name);
        }
    }
    (void)error_setf(err, ERROR_USAGE, "cannot swap faces", NULL, "no swapper is called \"%s\"", name);
    error_advise(err, "--face-swapper-model can be %s", known.data);
    text_free(&known);
    return STATUS_FAILED;
}

/* *model NULL: the built-in method. */
static Status find_model(const ProcessorOptions *options, const KnownModel **model, Error *err)
{
    *model = NULL;
    const char *name = options->swapper_model;
    if (name == NULL || strcmp(name, built_in) == 0) {
        return STATUS_OK;
    }
    *model = known_model_find(name);
    return *model != NULL && (*model)->role == MODEL_SWAPPER ? STATUS_OK : refuse_model(name, err);
}

static Status kind_needs(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err)
{
    const KnownModel *model = NULL;
    const Status status = find_model(options, &model, err);
    if (status == STATUS_OK && model != NULL) {
        model_swapper_needs(model, options, needs);
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
