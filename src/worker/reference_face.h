/* The face that --no-many-faces compares with: the one at a position of one frame. */
#ifndef RUNBATCH_WORKER_REFERENCE_FACE_H
#define RUNBATCH_WORKER_REFERENCE_FACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "face/face.h"

typedef struct ReferenceFaceConfig {
    const FaceModels *models; /* with the embedder */
    const char *input;
    int decoder_threads;
    int64_t frame_number; /* from 0 */
    FaceOrder order;
    int64_t position; /* from 0, counted in that order; past the last: the last */
    const atomic_bool *stop;
    atomic_llong *work; /* grows with every frame read */
} ReferenceFaceConfig;

/* Decodes up to that frame by a reader of its own. STATUS_STOPPED; ERROR_INPUT when there is no such frame or
 * no face in it. */
Status reference_face_find(const ReferenceFaceConfig *config, float embedding[EMBEDDING_SIZE], Error *err);

#endif
