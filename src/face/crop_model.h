/* A model that turns a square picture of a face into another of the same size: swappers and enhancers.
 *
 * Shared by all threads; each has tensors of its own. Memory: the model, and 6 floats a pixel of its picture
 * for each thread, beside what the runtime takes while it runs (crop_model_bytes).
 */
#ifndef RUNBATCH_FACE_CROP_MODEL_H
#define RUNBATCH_FACE_CROP_MODEL_H

#include "face/processor.h"

typedef struct CropModel CropModel;

Status crop_model_open(CropModel **model, const KnownModel *known, const ProcessorConfig *config, Error *err);
void crop_model_free(CropModel **model);

/* `rgb` has the model's size and is changed in place. `second` is the model's second input; NULL: it has
 * none. */
Status crop_model_run(const CropModel *model, int thread, const Tensor *second, Image *rgb, Error *err);

/* An estimate of what each thread takes. */
int64_t crop_model_bytes(const KnownModel *known);

/* The known model of that role with that name; NULL: there is none, and `err` tells which there are, for
 * --`option`. `built_in` is the name of the way without a model, or NULL. */
const KnownModel *crop_model_named(const char *name, ModelRole role, const char *what, const char *option,
                                   const char *built_in, Error *err);

#endif
