/* The two layers that the kernel checks, each in its own file. sandbox.c only. */
#ifndef RUNBATCH_WORKER_SANDBOX_INTERNAL_H
#define RUNBATCH_WORKER_SANDBOX_INTERNAL_H

#include "worker/sandbox.h"

/* The kernel's version of Landlock, or -errno. */
int landlock_version(void);
/* 0, or the errno that says why the calling thread, and those it starts, are not confined. No new privileges
 * must be set. Of `abi` and the kernel's version the smaller counts. */
int landlock_enter(const SandboxConfig *config, int abi);

/* 0, or the errno that says why the kernel cannot filter system calls. */
int seccomp_missing(void);
/* 0, or the errno that says why the filter is not there. All threads get it. */
int seccomp_enter(bool gpu);

#endif
