#include "worker/needed_models.h"

#include "base/alloc.h"
#include "base/files.h"

ProcessorOptions processor_options(const Settings *settings, const char *source)
{
    (void)settings; /* each processor's own options are added here */
    return (ProcessorOptions){.source_path = source};
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

Status needed_models(const Settings *settings, NeededModels *needed, Error *err)
{
    *needed = (NeededModels){0};
    const char *name = NULL;
    for (int i = 0; (name = face_models_name(i, !settings->many_faces)) != NULL; i++) {
        add(needed, (ProcessorModel){known_model_find(name), false});
    }
    const ProcessorOptions options = processor_options(settings, NULL);
    const TextList *processors = &settings->frame_processors;
    for (size_t i = 0; i < processors->count; i++) {
        const ProcessorKind *kind = processor_find(processors->items[i]);
        ProcessorNeeds needs = {0};
        if (kind == NULL || kind->needs == NULL) {
            continue;
        }
        if (kind->needs(&options, &needs, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        needed->thread_bytes += needs.thread_bytes;
        for (int k = 0; k < needs.model_count; k++) {
            add(needed, needs.models[k]);
        }
    }
    return STATUS_OK;
}

static int64_t file_bytes(const KnownModel *model, const char *models_dir)
{
    char *path = NULL;
    int64_t bytes = 0;
    if (known_model_path(model, models_dir, &path, NULL) == STATUS_OK) {
        bytes = file_size(path);
    }
    memory_free(path);
    return bytes > 0 ? bytes : 0;
}

int64_t needed_models_bytes(const NeededModels *needed, const char *models_dir)
{
    int64_t kept = 0;
    int64_t passing = 0;
    for (int i = 0; i < needed->count; i++) {
        const ProcessorModel *m = &needed->models[i];
        if (m->model->package != NULL) {
            continue; /* a default one */
        }
        const int64_t bytes = file_bytes(m->model, models_dir);
        if (!m->passing) {
            kept += bytes;
        } else if (bytes > passing) {
            passing = bytes;
        }
    }
    return kept > passing ? kept : passing;
}
