/* What keeps a worker that a hostile video has taken over from anything but its own video.
 *
 * Entered once in a worker's life, before it opens what is not ours, by its only thread (threads started
 * later are inside too). Left only by the process's end. Layers, each of which holds without the others:
 * no new privileges and no capabilities but those over files; limits on files, threads and core dumps; not
 * to be traced or dumped; Landlock (which files, no TCP, no signals to others); a seccomp filter (which
 * system calls). docs/architecture.md has the list of what is allowed and why.
 *
 * Memory: a few KB while it is entered.
 */
#ifndef RUNBATCH_WORKER_SANDBOX_H
#define RUNBATCH_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* The layers that a kernel may lack. */
typedef enum SandboxPart {
    SANDBOX_LANDLOCK,
    SANDBOX_SECCOMP,
    SANDBOX_PART_COUNT,
} SandboxPart;

typedef struct SandboxFeatures {
    int landlock_abi;              /* 0: not available */
    int error[SANDBOX_PART_COUNT]; /* the errno that says why not; 0: available */
} SandboxFeatures;

/* What this kernel has. Changes nothing. */
SandboxFeatures sandbox_features(void);

/* One line for people, in their language: "Landlock: available (version 7)", or what is missing, why, and
 * what that means. Returns whether it is available. */
bool sandbox_describe(const SandboxFeatures *features, SandboxPart part, char *line, size_t size);

typedef struct SandboxConfig {
    bool strict;                     /* fail where a layer is missing, instead of saying so in the log */
    const SandboxFeatures *features; /* NULL: what sandbox_features tells; for tests: fewer layers */
    /* Files and whole folders, as they are when it is entered; what is not there is left out. The system's
     * libraries and what it tells of itself are added. */
    TextList read;       /* links are followed */
    TextList write;      /* files, to be written over; folders, for what is made beneath; not by links */
    uint64_t most_bytes; /* of memory that it may take (RLIMIT_DATA); 0: as it was */
    bool gpu;            /* NVIDIA's devices and what their driver needs */
} SandboxConfig;

/* Fails with the first layer that is missing, as sandbox_enter does when it is `strict`. */
Status sandbox_require_all(const SandboxFeatures *features, Error *err);

/* ERROR_ENVIRONMENT, with the layer that is missing and what to do: only when `strict`. */
Status sandbox_enter(const SandboxConfig *config, Error *err);

#endif
