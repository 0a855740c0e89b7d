/* face_enhancer without a model: what blur, noise and compression took from the luma of a face is brought
 * back as far as it can be told (face/fineness.h), in place, at the frame's own pixels and bit depth. A face
 * that needs nothing keeps every bit. After a swap the face is made as sharp and as grainy as the picture
 * around it.
 *
 * Any thread, each with its own number. Memory: classical_enhancer_column_bytes.
 */
#ifndef RUNBATCH_FACE_CLASSICAL_ENHANCER_H
#define RUNBATCH_FACE_CLASSICAL_ENHANCER_H

#include "face/processor.h"

typedef struct ClassicalEnhancer ClassicalEnhancer;

extern const int64_t classical_enhancer_column_bytes; /* of each thread, for each column of the face */

ClassicalEnhancer *classical_enhancer_new(int threads, bool after_swap, FaceMask *mask);
void classical_enhancer_free(ClassicalEnhancer **enhancer);

Status classical_enhancer_process(ClassicalEnhancer *enhancer, int thread, AVFrame *frame,
                                  const FrameFaces *faces, Error *err);

#endif
