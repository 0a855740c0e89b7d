/* What a swapper's model takes of the source face: a picture of it, or its embedding, each as its kind wants
 * it (KnownModel.source). Made once a worker; then immutable. The models that the embedding needs are loaded
 * for as long as that takes and no longer. */
#ifndef RUNBATCH_FACE_SWAP_SOURCE_H
#define RUNBATCH_FACE_SWAP_SOURCE_H

#include "face/processor.h"
#include "infer/known_model.h"

typedef struct SwapSource {
    Tensor tensor; /* of the model's second input; the data is owned */
} SwapSource;

/* Takes the largest face of that picture. */
Status swap_source_open(SwapSource *source, const KnownModel *swapper, const ProcessorConfig *config,
                        const char *path, Error *err);
void swap_source_free(SwapSource *source);

#endif
