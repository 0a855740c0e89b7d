/* Faces swapped by a user's model: each face's crop, aligned as the model wants it, goes through it together
 * with the source; what comes out is pasted back (paste.h).
 *
 * One ModelSwapper a worker, shared by its threads. Memory: the model and what it needs while it runs, and
 * for each thread scratch of model_swapper_thread_bytes.
 */
#ifndef RUNBATCH_FACE_MODEL_SWAPPER_H
#define RUNBATCH_FACE_MODEL_SWAPPER_H

#include "face/processor.h"

typedef struct ModelSwapper ModelSwapper;

/* `options` of the config: the source's picture, and pixel_boost. */
Status model_swapper_open(ModelSwapper **swapper, const KnownModel *model, const ProcessorConfig *config,
                          Error *err);
void model_swapper_free(ModelSwapper **swapper);
Status model_swapper_process(ModelSwapper *swapper, int thread, AVFrame *frame, const FrameFaces *faces,
                             Error *err);

/* The models that it loads, and its scratch memory. */
void model_swapper_needs(const KnownModel *model, const ProcessorOptions *options, ProcessorNeeds *needs);

#endif
