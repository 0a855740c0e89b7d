/* The sandbox with what one task needs: a worker's video, or a question about one output.
 *
 * Entered by a worker's main thread before it starts others and before it opens a file that is not ours;
 * asked by the supervisor before a batch. */
#ifndef RUNBATCH_WORKER_SANDBOX_JOB_H
#define RUNBATCH_WORKER_SANDBOX_JOB_H

#include "options/settings.h"
#include "worker/message.h"
#include "worker/sandbox.h"

/* Before a batch: whether the machine has what --sandbox `how` asks for. Adds a line to `missing` for each
 * layer that it lacks and that "auto" does without; with "strict" that is ERROR_ENVIRONMENT. `features`:
 * NULL: what sandbox_features tells. */
Status sandbox_check(const char *how, const SandboxFeatures *features, TextList *missing, Error *err);

/* As settings->sandbox says. The job's temporary file and folder must be there.
 * ERROR_ENVIRONMENT when it is "strict" and the kernel lacks a layer. */
Status sandbox_enter_for_job(const Message *job, const Settings *settings, Error *err);

/* Reads `input` and `output`, writes nothing. `how`: "strict", "auto", "off". */
Status sandbox_enter_for_probe(const char *how, const char *input, const char *output, Error *err);

/* Reads these pictures and the models, writes nothing. `how` as above; `models_dir` may be NULL. */
Status sandbox_enter_for_pictures(const char *how, const TextList *pictures, const char *models_dir,
                                  Error *err);

#endif
