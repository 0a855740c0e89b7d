/* The processor face_enhancer: makes faces clearer. */
#ifndef RUNBATCH_FACE_FACE_ENHANCER_H
#define RUNBATCH_FACE_FACE_ENHANCER_H

#include "face/processor.h"

extern const ProcessorKind face_enhancer_kind;

#endif
