/* `runbatch doctor`: whether a batch with these settings would run here, and as well as it could.
 *
 * Looks at the machine, the libraries, the models and the folders; changes nothing, but for a file of its own
 * that it makes in the output folder and removes, and control groups for the proof of limits. What may hang
 * or crash is done in child processes within a limit on time (apart.h), what opens a picture in one that is
 * locked into a sandbox besides. Used by a process with one thread. Memory: the checks; in a child for a
 * moment what a worker takes for a picture.
 */
#ifndef RUNBATCH_DOCTOR_DOCTOR_H
#define RUNBATCH_DOCTOR_DOCTOR_H

#include "doctor/checkup.h"
#include "options/settings.h"

/* All must outlive the call. */
typedef struct DoctorConfig {
    const Settings *settings;
    const char *root;        /* stands for "/" where the kernel is asked */
    const char *gpu_library; /* NULL: the driver's, as in memory/gpu.h */
    int limit_ms;            /* for a group of checks; 0: 20 s */
} DoctorConfig;

/* Adds all checks, group by group. */
void doctor_examine(const DoctorConfig *config, Checkup *checkup);

#endif
