/* The models that a run with some settings loads: for recipes, estimates of memory, doctor. Pure but for
 * needed_models_bytes, which looks for files. */
#ifndef RUNBATCH_WORKER_NEEDED_MODELS_H
#define RUNBATCH_WORKER_NEEDED_MODELS_H

#include "face/processor.h"
#include "options/settings.h"

enum { NEEDED_MODELS_MOST = 32 };

typedef struct NeededModels {
    ProcessorModel models[NEEDED_MODELS_MOST]; /* each once */
    int count;
    int64_t thread_bytes; /* of the processors, for each thread */
} NeededModels;

/* What the settings ask of the processors; `source` may be NULL. Strings are those of the arguments. */
ProcessorOptions processor_options(const Settings *settings, const char *source);

/* ERROR_USAGE for settings that no run can have. */
Status needed_models(const Settings *settings, NeededModels *needed, Error *err);
bool needed_models_has(const NeededModels *needed, const KnownModel *model);

/* Bytes of the files of the users' own models that are loaded at the same time; those that are missing count
 * nothing. */
int64_t needed_models_bytes(const NeededModels *needed, const char *models_dir);

#endif
