/* Whether a limit is held to here: a child tries to go over it. A few milliseconds and 16 MiB each; the
 * kernel's log tells of the child that its control group ended ("runbatch-proof"). For src/memory/limiter.c;
 * the calling process must have one thread.
 */
#ifndef RUNBATCH_MEMORY_LIMIT_PROOF_H
#define RUNBATCH_MEMORY_LIMIT_PROOF_H

#include <stdbool.h>

#include "memory/group.h"

/* The limit of the group that is handed to limit_proof_group. */
enum { LIMIT_PROOF_BYTES = 8 << 20 };

/* A child in the group touches twice its limit: whether the kernel ended it for that. */
bool limit_proof_group(const Group *group);

/* A child asks for more than its RLIMIT_DATA, which it got before the limit: whether it is refused (for mmap
 * since Linux 4.7). */
bool limit_proof_data(void);

/* Whether what a child has taken can be seen from here. `root` stands for "/". */
bool limit_proof_watch(const char *root);

#endif
