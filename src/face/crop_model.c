#include "face/crop_model.h"

#include "base/alloc.h"
#include "base/text.h"
#include "face/crop_tensor.h"

typedef struct Tensors {
    float *in;
    float *out;
} Tensors;

struct CropModel {
    const KnownModel *known;
    Session *session;
    int threads;
    Tensors *tensors;
};

static size_t tensor_floats(const KnownModel *known)
{
    return (size_t)3 * (size_t)known->size * (size_t)known->size;
}

void crop_model_free(CropModel **model)
{
    CropModel *m = *model;
    if (m == NULL) {
        return;
    }
    for (int i = 0; i < m->threads; i++) {
        memory_free(m->tensors[i].in);
        memory_free(m->tensors[i].out);
    }
    memory_free(m->tensors);
    session_free(&m->session);
    memory_free(m);
    *model = NULL;
}

Status crop_model_open(CropModel **model, const KnownModel *known, const ProcessorConfig *config, Error *err)
{
    CropModel *m = memory_alloc(1, sizeof *m);
    m->known = known;
    m->threads = config->threads > 0 ? config->threads : 1;
    m->tensors = memory_alloc((size_t)m->threads, sizeof *m->tensors);
    for (int i = 0; i < m->threads; i++) {
        m->tensors[i].in = memory_alloc(tensor_floats(known), sizeof(float));
        m->tensors[i].out = memory_alloc(tensor_floats(known), sizeof(float));
    }
    const Status status = known_model_open(&m->session, known, config->models_dir, config->provider, 1, err);
    if (status != STATUS_OK) {
        crop_model_free(&m);
    }
    *model = m;
    return status;
}

Status crop_model_run(const CropModel *model, int thread, const Tensor *second, Image *rgb, Error *err)
{
    const KnownModel *k = model->known;
    const Tensors *tensors = &model->tensors[thread];
    const int64_t side = k->size;
    const Tensor inputs[2] = {{.data = tensors->in, .rank = 4, .shape = {1, 3, side, side}},
                              second != NULL ? *second : (Tensor){0}};
    const Tensor output = {.data = tensors->out, .rank = 4, .shape = {1, 3, side, side}};
    crop_to_tensor(rgb, k->bgr, k->mean, k->scale, tensors->in);
    const Status status = session_run(model->session, inputs, second != NULL ? 2 : 1, &output, 1, err);
    if (status == STATUS_OK) {
        crop_from_tensor(tensors->out, k->bgr, k->out_scale, k->out_mean, rgb);
    }
    return status;
}

int64_t crop_model_bytes(const KnownModel *known)
{
    /* What a convolutional network of this form keeps while it runs: seven layers of 64 channels as large as
     * its picture. Measured over generated ones; history corrects it for the real ones. */
    enum { TENSOR_FLOATS = 2 * 3, RUNNING_FLOATS = 7 * 64 };
    return (int64_t)known->size * known->size * (TENSOR_FLOATS + RUNNING_FLOATS) * (int64_t)sizeof(float);
}

const KnownModel *crop_model_named(const char *name, ModelRole role, const char *what, const char *option,
                                   const char *built_in, Error *err)
{
    const KnownModel *model = known_model_find(name);
    if (model != NULL && model->role == role) {
        return model;
    }
    Text known = {0};
    if (built_in != NULL) {
        text_append(&known, built_in);
    }
    for (size_t i = 0; i < known_model_count; i++) {
        if (known_models[i].role == role) {
            text_appendf(&known, "%s%s", known.length > 0 ? ", " : "", known_models[i].name);
        }
    }
    (void)error_setf(err, ERROR_USAGE, what, NULL, "no model for it is called \"%s\"", name);
    error_advise(err, "--%s can be %s", option, known.data);
    text_free(&known);
    return NULL;
}
