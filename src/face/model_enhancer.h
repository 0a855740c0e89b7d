/* face_enhancer by a restoration model of the user's: GFPGAN, CodeFormer, RestoreFormer++, GPEN. */
#ifndef RUNBATCH_FACE_MODEL_ENHANCER_H
#define RUNBATCH_FACE_MODEL_ENHANCER_H

#include "face/processor.h"

typedef struct ModelEnhancer ModelEnhancer;

Status model_enhancer_open(ModelEnhancer **enhancer, const KnownModel *model, const ProcessorConfig *config,
                           Error *err);
void model_enhancer_free(ModelEnhancer **enhancer);

Status model_enhancer_process(ModelEnhancer *enhancer, int thread, AVFrame *frame, const FrameFaces *faces,
                              Error *err);

void model_enhancer_needs(const KnownModel *model, ProcessorNeeds *needs);

#endif
