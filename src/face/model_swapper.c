#include "face/model_swapper.h"

#include "base/alloc.h"
#include "face/align.h"
#include "face/crop_model.h"
#include "face/pixel_boost.h"
#include "face/select.h"
#include "face/swap_source.h"

typedef struct Scratch {
    Paste *paste;
    Image small; /* a phase of the crop, then of the result */
} Scratch;

struct ModelSwapper {
    const KnownModel *model;
    CropModel *runner;
    SwapSource *sources; /* by Face.source */
    int source_count;
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

void model_swapper_free(ModelSwapper **swapper)
{
    ModelSwapper *s = *swapper;
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < s->threads; i++) {
        paste_free(&s->scratch[i].paste);
        image_free(&s->scratch[i].small);
    }
    memory_free(s->scratch);
    for (int i = 0; i < s->source_count; i++) {
        swap_source_free(&s->sources[i]);
    }
    memory_free(s->sources);
    crop_model_free(&s->runner);
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
    s->source_count = processor_source_count(&config->options);
    s->sources = memory_alloc((size_t)s->source_count + 1, sizeof *s->sources);
    s->scratch = memory_alloc((size_t)s->threads, sizeof *s->scratch);
    for (int i = 0; i < s->threads; i++) {
        s->scratch[i].paste = paste_new(NULL, i);
        paste_limit(s->scratch[i].paste, config->mask);
    }
    /* The source first: what it loads is gone again when the swapper's model, the largest, comes. */
    Status status = STATUS_OK;
    for (int i = 0; i < s->source_count && status == STATUS_OK; i++) {
        status = swap_source_open(&s->sources[i], model, config, processor_source(&config->options, i), err);
    }
    if (status == STATUS_OK) {
        status = crop_model_open(&s->runner, model, config, err);
    }
    if (status != STATUS_OK) {
        model_swapper_free(&s);
    }
    *swapper = s;
    return status;
}

static Status swap_face(const ModelSwapper *s, int thread, AVFrame *frame, const Face *face, Error *err)
{
    Scratch *scratch = &s->scratch[thread];
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
            status =
                crop_model_run(s->runner, thread, &s->sources[face->source].tensor, &scratch->small, err);
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
        status = swap_face(swapper, thread, frame, &faces->face[order[i]], err);
    }
    return status;
}

void model_swapper_needs(const KnownModel *model, const ProcessorOptions *options, ProcessorNeeds *needs)
{
    enum { SMALL_FLOATS = 3 };
    const int64_t pixels = (int64_t)model->size * model->size;
    const int64_t factor = boost_factor(model, options);
    if (model->embedder != NULL) {
        processor_needs_model(needs, known_model_find(model->embedder), true);
    }
    if (model->converter != NULL) {
        processor_needs_model(needs, known_model_find(model->converter), true);
    }
    processor_needs_model(needs, model, false);
    needs->thread_bytes += crop_model_bytes(model) + pixels * SMALL_FLOATS * (int64_t)sizeof(float) +
                           pixels * factor * factor * PASTE_PIXEL_BYTES;
}
