#include "face/model_swapper.h"

#include "base/alloc.h"
#include "face/align.h"
#include "face/crop_tensor.h"
#include "face/pixel_boost.h"
#include "face/select.h"
#include "face/swap_source.h"

typedef struct Scratch {
    Paste *paste;
    Image small; /* a phase of the crop, then of the result */
    float *in;
    float *out;
} Scratch;

struct ModelSwapper {
    const KnownModel *model;
    Session *session;
    SwapSource source;
    AVRational aspect;
    int factor; /* how many times larger than the model's picture the crop is */
    int threads;
    Scratch *scratch;
};

static int boost_factor(const KnownModel *model, const ProcessorOptions *options)
{
    const int factor = options->pixel_boost / model->size;
    return factor > 1 ? factor : 1;
}

static size_t tensor_floats(const KnownModel *model)
{
    return (size_t)3 * (size_t)model->size * (size_t)model->size;
}

void model_swapper_free(ModelSwapper **swapper)
{
    ModelSwapper *s = *swapper;
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < s->threads; i++) {
        paste_free(&s->scratch[i].paste);
        image_free(&s->scratch[i].small);
        memory_free(s->scratch[i].in);
        memory_free(s->scratch[i].out);
    }
    memory_free(s->scratch);
    swap_source_free(&s->source);
    session_free(&s->session);
    memory_free(s);
    *swapper = NULL;
}

Status model_swapper_open(ModelSwapper **swapper, const KnownModel *model, const ProcessorConfig *config,
                          Error *err)
{
    ModelSwapper *s = memory_alloc(1, sizeof *s);
    s->model = model;
    s->aspect = config->sample_aspect_ratio;
    s->factor = boost_factor(model, &config->options);
    s->threads = config->threads > 0 ? config->threads : 1;
    s->scratch = memory_alloc((size_t)s->threads, sizeof *s->scratch);
    for (int i = 0; i < s->threads; i++) {
        s->scratch[i].paste = paste_new(config->mask, i);
        s->scratch[i].in = memory_alloc(tensor_floats(model), sizeof(float));
        s->scratch[i].out = memory_alloc(tensor_floats(model), sizeof(float));
    }
    /* The source first: what it loads is gone again when the swapper's model, the largest, comes. */
    Status status = swap_source_open(&s->source, model, config, err);
    if (status == STATUS_OK) {
        status = known_model_open(&s->session, model, config->models_dir, config->provider, 1, err);
    }
    if (status != STATUS_OK) {
        model_swapper_free(&s);
    }
    *swapper = s;
    return status;
}

/* The picture in `rgb` through the model, in place. */
static Status run(const ModelSwapper *s, Scratch *scratch, Image *rgb, Error *err)
{
    const KnownModel *m = s->model;
    const int64_t side = m->size;
    const Tensor inputs[2] = {{.data = scratch->in, .rank = 4, .shape = {1, 3, side, side}},
                              s->source.tensor};
    const Tensor output = {.data = scratch->out, .rank = 4, .shape = {1, 3, side, side}};
    crop_to_tensor(rgb, m->bgr, m->mean, m->scale, scratch->in);
    const Status status = session_run(s->session, inputs, 2, &output, 1, err);
    if (status == STATUS_OK) {
        crop_from_tensor(scratch->out, m->bgr, m->out_scale, m->out_mean, rgb);
    }
    return status;
}

static Status swap_face(const ModelSwapper *s, Scratch *scratch, AVFrame *frame, const Face *face, Error *err)
{
    const int factor = s->factor;
    Affine to_frame;
    if (!align_mesh(&face->mesh, s->model->align, s->model->size, s->aspect, &to_frame)) {
        return STATUS_OK;
    }
    to_frame = align_finer(&to_frame, factor);
    Status status = paste_take(scratch->paste, frame, face, &to_frame, s->model->size * factor, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    const Image *crop = &paste_crop(scratch->paste)->rgb;
    for (int phase = 0; status == STATUS_OK && phase < factor * factor; phase++) {
        status = pixel_boost_take(crop, factor, phase, &scratch->small, err);
        if (status == STATUS_OK) {
            status = run(s, scratch, &scratch->small, err);
        }
        if (status == STATUS_OK) {
            pixel_boost_put(&scratch->small, factor, phase, paste_result(scratch->paste));
        }
    }
    return status == STATUS_OK ? paste_give(scratch->paste, frame, err) : status;
}

Status model_swapper_process(ModelSwapper *swapper, int thread, AVFrame *frame, const FrameFaces *faces,
                             Error *err)
{
    int order[FACES_MAX];
    const int count = select_far_first(faces, order);
    Status status = STATUS_OK;
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        status = swap_face(swapper, &swapper->scratch[thread], frame, &faces->face[order[i]], err);
    }
    return status;
}

void model_swapper_needs(const KnownModel *model, const ProcessorOptions *options, ProcessorNeeds *needs)
{
    /* What a convolutional network of this form keeps while it runs: seven layers of 64 channels as large as
     * its picture. Measured over generated ones; history corrects it for the real ones. */
    enum { TENSORS = 3 /* in, out, small */, RUNNING_FLOATS = 7 * 64 };
    const int64_t pixels = (int64_t)model->size * model->size;
    const int64_t factor = boost_factor(model, options);
    if (model->embedder != NULL) {
        processor_needs_model(needs, known_model_find(model->embedder), true);
    }
    if (model->converter != NULL) {
        processor_needs_model(needs, known_model_find(model->converter), true);
    }
    processor_needs_model(needs, model, false);
    needs->thread_bytes += pixels * (TENSORS * 3 + RUNNING_FLOATS) * (int64_t)sizeof(float) +
                           pixels * factor * factor * PASTE_PIXEL_BYTES;
}
