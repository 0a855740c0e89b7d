/* The list of known models (models/catalogue.ini) and where their files lie.
 *
 * --models-dir is the only folder when it is given; otherwise, in this order: $RUNBATCH_MODELS,
 * $XDG_DATA_HOME/runbatch/models (or ~/.local/share), the folder fixed at build time (-Dmodels_dir), the
 * installed one. One thread.
 */
#ifndef RUNBATCH_INFER_CATALOGUE_H
#define RUNBATCH_INFER_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* What the list says of a model, as far as the program needs it; made from it when the program is built. */
typedef struct CatalogueModel {
    const char *name;
    const char *role; /* "detector", … */
    const char *file;
    int64_t bytes;      /* of the file */
    const char *sha256; /* of the file, 64 hexadecimal digits */
    const char *package;
    const char *licence;
} CatalogueModel;

extern const CatalogueModel catalogue_models[];
extern const size_t catalogue_model_count;

/* The path of a model's file ("facemesh.onnx") in new memory that the caller frees. `models_dir` may be NULL.
 * When it is in none of the folders: ERROR_MODEL that names the file, the folders, and scripts/setup.sh as
 * what to do; so does a `models_dir` that cannot be read. */
Status catalogue_find(const char *models_dir, const char *file, char **path, Error *err);

/* Adds those folders, whether they are there or not. `models_dir` may be NULL. */
void catalogue_folders(const char *models_dir, TextList *folders);

#endif
