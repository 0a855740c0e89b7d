/* Shared by the two halves of a session: loading (session.c) and running (session_run.c). */
#ifndef RUNBATCH_INFER_SESSION_INTERNAL_H
#define RUNBATCH_INFER_SESSION_INTERNAL_H

#include "infer/runtime.h"

struct Session {
    const Runtime *runtime;
    OrtSession *ort;
    char *path;
    bool on_cpu; /* all of it: it uses the arena that all sessions share */
    ModelPorts ports;
};

/* Numbers too small for a normal float make some models several times slower. ONNX Runtime switches them off
 * for its own threads, but part of the work is done by the caller's. Gives what to restore. */
unsigned int session_denormals_off(void);
void session_denormals_restore(unsigned int before);

#endif
