/* One runbatch per output folder, and the tidying up that only the holder may do. */
#ifndef RUNBATCH_BATCH_LOCK_H
#define RUNBATCH_BATCH_LOCK_H

#include <stdbool.h>

#include "base/error.h"

typedef struct Lock {
    int fd; /* -1: not held */
} Lock;

/* Makes `state_dir` and takes `state_dir`/lock, with this process's number inside. ERROR_ENVIRONMENT that
 * names the holder when there is one. The kernel gives the lock back when the process ends, however it ends.
 */
Status lock_take(Lock *lock, const char *state_dir, Error *err);
void lock_release(Lock *lock);

/* Whether somebody holds it now, and the number of that process (0 where it is not told); looks only, so that
 * the state folder may be missing, or belong to somebody else. */
bool lock_is_held(const char *state_dir, long *holder);

/* Whether the file name is one that a plan gives to an unfinished output:
 * ".<name>.<video extension>" NAMING_TEMPORARY_SUFFIX. */
bool lock_is_temporary_name(const char *name);

/* Removes unfinished outputs that a killed run left in the folder; how many. Only with the lock held. */
int lock_remove_stale(const char *output_dir);

#endif
