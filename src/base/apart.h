/* Does a piece of work in a child process, whose answer is a text: a file that makes a library crash, a disk
 * or a driver that hangs end the child and nothing else. The child dies with its parent.
 *
 * Used by a process with one thread (it forks). Memory: the answer, at most APART_BYTES.
 */
#ifndef RUNBATCH_BASE_APART_H
#define RUNBATCH_BASE_APART_H

#include "base/text.h"

enum { APART_BYTES = 4 * 1024 * 1024 };

/* How the child ended. */
typedef enum ApartEnding {
    APART_GOOD = 0,
    APART_NO_CHILD, /* errno tells why */
    APART_LATE,
    APART_DIED,
    APART_NONSENSE, /* more than APART_BYTES */
} ApartEnding;

/* `work` appends to the child's answer; it comes back in `answer`. *wait_status, of a child that ended, is as
 * waitpid gives it. */
ApartEnding apart_ask(void (*work)(const void *context, Text *answer), const void *context, int limit_ms,
                      Text *answer, int *wait_status);

#endif
