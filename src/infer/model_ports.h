/* A model's inputs and outputs as its file tells them, without loading it: a few pages are read, whatever its
 * size. So a wrong model is told before anything runs, by whoever asks.
 */
#ifndef RUNBATCH_INFER_MODEL_PORTS_H
#define RUNBATCH_INFER_MODEL_PORTS_H

#include "infer/ports.h"

/* STATUS_AGAIN: the file does not tell all of it (shapes that the runtime works out, other types than
 * tensors): it has to be loaded. ERROR_MODEL: it is no model, damaged, cut off, or has types that nothing
 * here can give it. */
Status model_ports_read(const char *path, ModelPorts *ports, Error *err);

/* The same of an open file; `path` is for messages only. */
Status model_ports_read_fd(int fd, const char *path, ModelPorts *ports, Error *err);

#endif
