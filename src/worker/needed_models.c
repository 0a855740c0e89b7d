#include "worker/needed_models.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/files.h"
#include "face/frame_enhancer.h"
#include "options/face_map.h"
#include "worker/gate_pass.h"

/* "off" is 0. */
static int boost_side(const char *text)
{
    return text != NULL ? (int)strtol(text, NULL, 10) : 0;
}

ProcessorOptions processor_options(const Settings *settings, const char *source)
{
    return (ProcessorOptions){
        .source_path = source,
        .swapper_model = settings->face_swapper_model,
        .enhancer_model = settings->face_enhancer_model,
        .enhancer_blend = (float)settings->face_enhancer_blend / 100,
        .frame_enhancer_model = settings->frame_enhancer_model,
        .frame_enhancer_blend = (float)settings->frame_enhancer_blend / 100,
        .tile = frame_enhancer_tile((int)settings->tile_size, settings->frame_enhancer_model),
        .enhancer_weight = (float)settings->face_enhancer_weight,
        .pixel_boost = boost_side(settings->pixel_boost),
        .mask = {.kinds = &settings->face_masks,
                 .blur = (float)settings->face_mask_blur,
                 .padding = settings->face_mask_padding,
                 .regions = &settings->face_mask_regions,
                 .occluder = settings->face_occluder_model,
                 .parser = settings->face_parser_model},
        .anonymizer_way = settings->anonymizer_way,
        .anonymizer_face = settings->anonymizer_face,
        .keep_identities = &settings->keep_identities,
    };
}

int output_factor(const Settings *settings)
{
    int factor = 1;
    for (size_t i = 0; i < settings->frame_processors.count; i++) {
        if (processor_find(settings->frame_processors.items[i]) == &frame_enhancer_kind) {
            factor *= frame_enhancer_factor(settings->frame_enhancer_model);
        }
    }
    return factor;
}

/* Who is to be seen is asked where a reference face is compared with, and in records of whole videos. */
static bool embedder_is_wanted(const Settings *settings)
{
    bool wanted = !settings->many_faces || settings->face_map != NULL;
    for (size_t i = 0; i < settings->frame_processors.count; i++) {
        const ProcessorKind *kind = processor_find(settings->frame_processors.items[i]);
        wanted = wanted || (kind != NULL && kind->needs_record);
    }
    return wanted;
}

FaceModelsConfig face_models_config(const Settings *settings)
{
    return (FaceModelsConfig){
        .models_dir = settings->models_dir,
        .provider = provider_from_name(settings->execution_provider),
        .threads = 1,
        .with_embedder = embedder_is_wanted(settings),
        .detector = settings->face_detector_model,
        .embedder = settings->face_embedder_model,
        .detector_score = (float)settings->face_detector_score,
    };
}

bool needed_models_has(const NeededModels *needed, const KnownModel *model)
{
    for (int i = 0; i < needed->count; i++) {
        if (needed->models[i].model == model) {
            return true;
        }
    }
    return false;
}

/* One that is kept by anybody is kept. */
static void add(NeededModels *needed, ProcessorModel more)
{
    for (int i = 0; i < needed->count; i++) {
        if (needed->models[i].model == more.model) {
            needed->models[i].passing = needed->models[i].passing && more.passing;
            return;
        }
    }
    if (needed->count < NEEDED_MODELS_MOST) {
        needed->models[needed->count++] = more;
    }
}

static Status add_processors(NeededModels *needed, const TextList *names, const ProcessorOptions *options,
                             Error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        const ProcessorKind *kind = processor_find(names->items[i]);
        ProcessorNeeds needs = {0};
        if (kind == &frame_enhancer_kind && i + 1 < names->count) {
            (void)error_setf(err, ERROR_USAGE, "cannot use the frame processors", NULL,
                             "frame_enhancer makes frames larger, and %s comes behind it",
                             names->items[i + 1]);
            error_advise(err, "put frame_enhancer at the end of --frame-processor");
            return STATUS_FAILED;
        }
        if (kind == NULL || kind->needs == NULL) {
            continue;
        }
        if (kind->needs(options, &needs, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        needed->once_bytes += needs.once_bytes;
        needed->thread_bytes += needs.thread_bytes;
        needed->column_bytes += needs.column_bytes;
        for (int k = 0; k < needs.model_count; k++) {
            add(needed, needs.models[k]);
        }
    }
    return STATUS_OK;
}

Status needed_models(const Settings *settings, NeededModels *needed, Error *err)
{
    *needed = (NeededModels){0};
    const FaceModelsConfig faces = face_models_config(settings);
    const KnownModel *list[FACE_MODELS_MOST];
    int count = 0;
    if (face_models_list(&faces, list, &count, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    for (int i = 0; i < count; i++) {
        add(needed, (ProcessorModel){.model = list[i]});
    }
    needed->once_bytes = face_models_running_bytes(&faces);
    if (gate_is_wanted(settings)) {
        const KnownModel *gate = known_model_find(settings->content_gate_model);
        if (gate == NULL || gate->role != MODEL_CONTENT_GATE) {
            return gate_refuse_model(settings->content_gate_model, err);
        }
        add(needed, (ProcessorModel){.model = gate, .passing = true, .judge = true});
    }
    ProcessorOptions options = processor_options(settings, NULL);
    const KnownModel *masks[FACE_MASK_MODELS_MOST];
    int64_t running = 0;
    if (face_mask_models(&options.mask, masks, &count, &running, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    needed->once_bytes += running;
    for (int i = 0; i < count; i++) {
        add(needed, (ProcessorModel){.model = masks[i]});
    }
    FaceMap map = {0};
    Status status = STATUS_OK;
    if (settings->face_map != NULL) {
        status = face_map_read(settings->face_map, &map, err);
        options.sources = &map.sources;
    }
    if (status == STATUS_OK) {
        status = add_processors(needed, &settings->frame_processors, &options, err);
    }
    face_map_free(&map);
    return status;
}

Status needed_models_check(const Settings *settings, Error *err)
{
    NeededModels needed;
    Status status = needed_models(settings, &needed, err);
    for (int i = 0; status == STATUS_OK && i < needed.count; i++) {
        if (needed.models[i].model->package == NULL) {
            status = known_model_check(needed.models[i].model, settings->models_dir, err);
        }
    }
    return status;
}

/* In memory weights are of 32 bits. */
static int64_t weight_bytes(const KnownModel *model, const char *models_dir)
{
    char *path = NULL;
    int64_t bytes = 0;
    if (known_model_path(model, models_dir, &path, NULL) == STATUS_OK) {
        bytes = file_size(path) * (model->half_weights ? 2 : 1);
    }
    memory_free(path);
    return bytes > 0 ? bytes : 0;
}

OwnModelsMemory needed_models_memory(const NeededModels *needed, const char *models_dir)
{
    int64_t kept = needed->once_bytes;
    int64_t most = 0;
    for (int i = 0; i < needed->count; i++) {
        const ProcessorModel *m = &needed->models[i];
        if (m->model->package != NULL) {
            continue; /* a default one */
        }
        const int64_t bytes = weight_bytes(m->model, models_dir);
        most = kept + 2 * bytes > most ? kept + 2 * bytes : most;
        kept += m->passing ? 0 : bytes;
    }
    return (OwnModelsMemory){kept, most > kept ? most - kept : 0};
}
