/* Does a piece of work in a child process: what it finds comes back, whatever becomes of it.
 *
 * A disk that hangs, a driver that does, a file that makes a library crash end the child and nothing else; a
 * line says so. The child dies with its parent. Used by a process with one thread (it forks).
 * Memory: what the child finds (base/apart.h).
 */
#ifndef RUNBATCH_DOCTOR_APART_H
#define RUNBATCH_DOCTOR_APART_H

#include "doctor/checkup.h"

/* Adds what `work` adds to `found` in the child. Where it is not done in `limit_ms`, or dies, the one check
 * "unfinished" of the group, an error, is added instead. */
void apart_do(void (*work)(const void *context, Checkup *found), const void *context, CheckGroup group,
              int limit_ms, Checkup *checkup);

#endif
