/* The processor `face_swapper`: by the built-in method (swapper.h), or by a model of the user's
 * (model_swapper.h). */
#ifndef RUNBATCH_FACE_FACE_SWAPPER_H
#define RUNBATCH_FACE_FACE_SWAPPER_H

#include "face/processor.h"

extern const ProcessorKind face_swapper_kind;

#endif
