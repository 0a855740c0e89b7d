/* Where models' files lie.
 *
 * --models-dir is the only folder when it is given; otherwise, in this order: $RUNBATCH_MODELS,
 * $XDG_DATA_HOME/runbatch/models (or ~/.local/share), the folder fixed at build time (-Dmodels_dir), the
 * installed one, then where other programs keep theirs: ~/.insightface/models, and roop's models/ in the
 * working folder. One thread.
 */
#ifndef RUNBATCH_INFER_CATALOGUE_H
#define RUNBATCH_INFER_CATALOGUE_H

#include "base/error.h"
#include "base/text.h"

/* The path of a model's file ("facemesh.onnx") in new memory that the caller frees. `models_dir` may be NULL.
 * When it is in none of the folders: ERROR_MODEL that names the file, the folders, and scripts/setup.sh as
 * what to do; so does a `models_dir` that cannot be read. */
Status catalogue_find(const char *models_dir, const char *file, char **path, Error *err);

/* Adds those folders, whether they are there or not, each with the folders in it that are there (buffalo_l/).
 * `models_dir` may be NULL. */
void catalogue_folders(const char *models_dir, TextList *folders);

/* ERROR_MODEL for a `models_dir` that is named and cannot be read. */
Status catalogue_check_folder(const char *models_dir, Error *err);

/* $XDG_DATA_HOME/runbatch/models or its stand-in, where a user's own models belong; NULL when there is no
 * home. New memory that the caller frees. */
char *catalogue_user_folder(void);

#endif
