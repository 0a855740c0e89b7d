/* face_debugger: draws what the program knows of faces into the video. */
#ifndef RUNBATCH_FACE_DEBUGGER_H
#define RUNBATCH_FACE_DEBUGGER_H

#include "face/processor.h"

extern const ProcessorKind debugger_kind;

#endif
