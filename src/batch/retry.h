/* What becomes of a video whose attempt failed: the ladder. Pure.
 *
 *   memory, video memory   when memory is back or after 30 s, with half the threads and the smallest frame
 *                          budget; then alone; then failed
 *   memory, its own limit  at once, with half the threads and the smallest frame budget; then with one
 *                          thread; then failed: how much others have makes no difference
 *   crash, timeout, kill   at once; then alone; the third time set aside
 *   disk, environment      at once; then after 30 s; then failed (environment only where the work had begun)
 *   encoder                alone, because others may hold the device; then failed
 *   verify, internal       at once; then failed
 *   space                  as often as it takes, each time when there is space
 *   input, model, usage    failed
 *
 * Every new attempt goes on from the last chunk. Chunks gained since the last failure are progress: counting
 * begins anew, what was reduced stays so. So a video has at most RETRY_MOST_TRIES attempts without progress
 * (those that lacked space do not count) and in all ends. What the user asked of the picture never changes.
 */
#ifndef RUNBATCH_BATCH_RETRY_H
#define RUNBATCH_BATCH_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { RETRY_MOST_TRIES = 9, RETRY_WAIT_MS = 30000, RETRY_SPACE_LONGEST_MS = 60000 };

typedef enum RetryAction {
    RETRY_NONE = 0,
    RETRY_AGAIN,       /* at once */
    RETRY_LATER,       /* after wait_ms */
    RETRY_WITH_MEMORY, /* when memory is back, at the latest after wait_ms */
    RETRY_WITH_LESS,   /* at once, with less memory */
    RETRY_WITH_SPACE,  /* when there is space, at the earliest after wait_ms */
    RETRY_FAIL,
    RETRY_SET_ASIDE, /* it ended its worker too often */
} RetryAction;

/* What counts together. */
typedef enum RetryKind {
    RETRY_KIND_NEVER = 0,
    RETRY_KIND_MEMORY,
    RETRY_KIND_DEATH,
    RETRY_KIND_DISK,
    RETRY_KIND_ENCODER,
    RETRY_KIND_DOUBT, /* verify, internal */
    RETRY_KIND_SPACE,
    RETRY_KIND_COUNT,
} RetryKind;

/* A video's ladder. Zero-initialise but for `threads`. */
typedef struct Retry {
    int failures[RETRY_KIND_COUNT]; /* since the last progress */
    int chunks;                     /* on disk at the last failure */
    int threads;                    /* for the next attempt; at least 1 */
    bool smallest_budget;           /* for the next attempt: frames one at a time */
    bool alone;                     /* runs while nothing else does */
} Retry;

typedef struct RetryFailure {
    ErrorClass class_;
    int chunks;     /* on disk now, those of earlier attempts included */
    bool began;     /* frames were written, or there are chunks */
    bool own_limit; /* of class memory: the worker's, and not what the machine has */
} RetryFailure;

typedef struct RetryDecision {
    RetryAction action;
    int64_t wait_ms;
} RetryDecision;

/* Takes a failure into account. */
RetryDecision retry_decide(Retry *retry, const RetryFailure *failure);

/* "again, from chunk 3, alone", "set aside", …: a phrase (report/phrase.h). `size` >= 256. Returns `buffer`.
 */
const char *retry_text(const Retry *retry, const RetryDecision *decision, char *buffer, size_t size);

/* Whether there is clearly more memory than when a worker died for want of it: a tenth of all memory more. Or
 * there was enough all the time, half of it: then what it lacked was its own limit's, and waiting is no use.
 */
bool retry_memory_is_back(int64_t available_at_death, int64_t available_now, int64_t total);

#endif
