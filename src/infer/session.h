/* One loaded model, ready to run: the only code that knows ONNX Runtime.
 *
 * A Session is immutable after session_open and may be run by several threads at once. Spinning is off: idle
 * threads sleep. All sessions share one arena that grows by just what is asked for, so memory stays flat and
 * is the same from run to run. Float tensors for the caller; a model's half and double ones are copied.
 * Worst-case memory: the weights, plus the model's largest activations and those copies per running thread.
 */
#ifndef RUNBATCH_INFER_SESSION_H
#define RUNBATCH_INFER_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "infer/ports.h"

/* A dense float tensor over the caller's memory. */
typedef struct Tensor {
    float *data;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
} Tensor;

typedef enum Provider {
    PROVIDER_NONE = 0,
    PROVIDER_CPU,
    PROVIDER_CUDA,
    PROVIDER_TENSORRT,
} Provider;

typedef struct SessionConfig {
    const char *path;
    Provider provider;
    int threads; /* inside one run; 0 means 1 */
} SessionConfig;

typedef struct Session Session;

/* ERROR_MODEL when the file is missing, damaged or not a model; ERROR_ENVIRONMENT when the provider is not
 * there. */
Status session_open(Session **session, const SessionConfig *config, Error *err);
void session_free(Session **session);

int session_input_count(const Session *session);
int session_output_count(const Session *session);
const Port *session_input(const Session *session, int index);
const Port *session_output(const Session *session, int index);
/* -1 when there is none of that name. */
int session_find_output(const Session *session, const char *name);

/* Checks the model against a recipe and puts its inputs and outputs in the recipe's order (ports_fit). To be
 * called before the session is shared. */
Status session_fit_ports(Session *session, const Port *inputs, int input_count, const Port *outputs,
                         int output_count, Error *err);

/* Runs once. `inputs` are in the session's order; `outputs[i]` names memory of exactly the size of output i
 * (a free dimension is taken from outputs[i].shape). An output with data NULL is computed but not kept. */
Status session_run(const Session *session, const Tensor *inputs, int input_count, const Tensor *outputs,
                   int output_count, Error *err);

/* What the sessions' arena holds and does not use is given back at the end of the next session_run on the
 * CPU. From any thread. */
void session_shrink_arena(void);

/* Keeps ONNX Runtime from telling its makers about this machine: builds since 1.27 do unless they are told
 * not to before their first use, by the environment. Call it first in main, while there is one thread;
 * opening a session does it too.
 */
void session_forbid_telemetry(void);

/* "1.30.0"; and the providers this library offers, "cpu, cuda". Static memory. */
const char *session_runtime_version(void);
const char *session_provider_list(void);
/* Where the library lies, without links, and where TensorRT keeps the engines it builds (which takes minutes;
 * made when it is missing). New memory that the caller frees; NULL when there is no such folder. */
char *session_library_folder(void);
char *session_engine_folder(void);
/* "cpu" → PROVIDER_CPU; PROVIDER_NONE when unknown. */
Provider provider_from_name(const char *name);

#endif
