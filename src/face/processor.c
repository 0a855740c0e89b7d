#include "face/processor.h"

#include <string.h>

#include "face/anonymizer.h"
#include "face/debugger.h"
#include "face/face_enhancer.h"
#include "face/face_swapper.h"
#include "face/frame_enhancer.h"
#include "face/plugin.h"

static const ProcessorKind *const kinds[] = {
    &face_swapper_kind, &face_enhancer_kind, &frame_enhancer_kind, &anonymizer_kind, &debugger_kind,
};

const ProcessorKind *const *processor_all(int *count)
{
    *count = (int)(sizeof kinds / sizeof kinds[0]);
    return kinds;
}

const ProcessorKind *processor_find(const char *name)
{
    int count = 0;
    const ProcessorKind *const *all = processor_all(&count);
    if (plugin_is_path(name)) {
        return &plugin_kind;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

void processor_needs_model(ProcessorNeeds *needs, const KnownModel *model, bool passing)
{
    if (needs->model_count < PROCESSOR_MODELS_MOST) {
        needs->models[needs->model_count++] = (ProcessorModel){.model = model, .passing = passing};
    }
}

int processor_source_count(const ProcessorOptions *options)
{
    return options->sources != NULL ? (int)options->sources->count : 1;
}

const char *processor_source(const ProcessorOptions *options, int number)
{
    return options->sources != NULL ? options->sources->items[number] : options->source_path;
}
