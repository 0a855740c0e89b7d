/* The models that a run with some settings loads: for recipes, estimates of memory, doctor. Pure but for
 * needed_models_memory, which looks for files. */
#ifndef RUNBATCH_WORKER_NEEDED_MODELS_H
#define RUNBATCH_WORKER_NEEDED_MODELS_H

#include "face/processor.h"
#include "options/settings.h"

enum { NEEDED_MODELS_MOST = 32 };

typedef struct NeededModels {
    ProcessorModel models[NEEDED_MODELS_MOST]; /* each once, in the order in which they are opened */
    int count;
    int64_t thread_bytes; /* of the processors, for each thread */
    int64_t column_bytes; /* and for each column of the frame */
    int64_t once_bytes;   /* of what finds the faces, beside the default's */
} NeededModels;

/* What the settings ask of the processors; `source` may be NULL. Strings are those of the arguments. */
ProcessorOptions processor_options(const Settings *settings, const char *source);

/* What finds and compares the faces; the same. `threads` is 1: a pipeline's own threads fill the machine. */
FaceModelsConfig face_models_config(const Settings *settings);

/* How many times wider and higher the outputs are. */
int output_factor(const Settings *settings);

/* ERROR_USAGE for settings that no run can have. */
Status needed_models(const Settings *settings, NeededModels *needed, Error *err);
/* Whether a batch can begin: those, and ERROR_MODEL for a model of the user's that is nowhere, or
 * is plainly another one. */
Status needed_models_check(const Settings *settings, Error *err);
bool needed_models_has(const NeededModels *needed, const KnownModel *model);

/* What the user's own models take of memory, by the sizes of their files; those that are missing count
 * nothing. */
typedef struct OwnModelsMemory {
    int64_t bytes; /* that stay */
    int64_t
        loading_bytes; /* for a moment beside these, while the models are opened: each is there twice then */
} OwnModelsMemory;

OwnModelsMemory needed_models_memory(const NeededModels *needed, const char *models_dir);

#endif
