/* The ONNX Runtime library of this process: its function table, one environment, its providers. Inside infer/
 * only.
 *
 * Made on first use, by whichever thread comes first, and kept until the process ends (a library that is torn
 * down while its threads still sleep crashes at exit). Its log lines go to log_debug.
 */
#ifndef RUNBATCH_INFER_RUNTIME_H
#define RUNBATCH_INFER_RUNTIME_H

#include <onnxruntime_c_api.h>

#include "base/error.h"
#include "infer/session.h"

typedef struct Runtime {
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *cpu;  /* describes the caller's memory */
    char version[32];    /* "1.30.0" */
    char providers[160]; /* "cpu, cuda" */
} Runtime;

/* ERROR_ENVIRONMENT when the library at hand is too old for this program. */
Status runtime_get(const Runtime **runtime, Error *err);

/* ERROR_MEMORY or ERROR_VIDEO_MEMORY where ONNX Runtime's message tells of want of memory, otherwise
 * `class_`. Pure. */
ErrorClass runtime_error_class(const char *message, ErrorClass class_);

/* Frees `status` and makes an Error of it, of runtime_error_class; STATUS_OK when it is NULL. */
Status runtime_check(const Runtime *runtime, OrtStatus *status, ErrorClass class_, const char *what,
                     const char *file, Error *err);

/* Adds the provider to the options of a session to be made. ERROR_ENVIRONMENT when the library does not have
 * it or cannot start it (no driver, no device), naming those it has. */
Status runtime_add_provider(const Runtime *runtime, OrtSessionOptions *options, Provider provider,
                            Error *err);

#endif
