/* Processors of the user's own: shared objects behind the public header runbatch/processor.h, named by their
 * path in --frame-processor. Trusted code, run in the worker. */
#ifndef RUNBATCH_FACE_PLUGIN_H
#define RUNBATCH_FACE_PLUGIN_H

#include "face/processor.h"

/* Whether a processor's name is a shared object's path: it has a '/' in it. */
bool plugin_is_path(const char *name);

/* Loads it, looks whether it is one, and lets it go again: its constructors run. ERROR_USAGE. */
Status plugin_check(const char *path, Error *err);

/* Opens what ProcessorConfig.name names. */
extern const ProcessorKind plugin_kind;

#endif
