/* What the inputs of a plan are: from the store where the files are the same as when they were looked at
 * last, otherwise asked of probe workers, several at once.
 *
 * A file that ends its worker, or hangs it, costs itself and nothing else. The supervisor's process opens
 * none of them. One thread. Memory: an InputLook per video, an Error for each that cannot be read.
 */
#ifndef RUNBATCH_BATCH_INPUTS_H
#define RUNBATCH_BATCH_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/plan.h"
#include "batch/store.h"
#include "batch/supervisor.h"
#include "media/look.h"

typedef struct InputLook {
    bool known;
    bool stored;  /* by the store, as it is */
    int64_t size; /* of the file when it was looked at; -1: there was none */
    int64_t mtime_ns;
    MediaLook look;
    Error *error; /* why it cannot be read; NULL when known. Owned */
} InputLook;

/* What the store knows of the video at `path`, as long as that file is the one that was looked at: what
 * scheduling may go by before its worker has started. STATUS_AGAIN: nothing. `store` may be NULL. */
Status input_known(Store *store, const char *path, MediaLook *look, Error *err);

/* Fills `looks`, one per item of the plan, each known or with its error. `store` (any mode) and `hooks` may
 * be NULL. STATUS_FAILED when no worker can be started or the store cannot be read; what is filled must be
 * freed in all cases. */
Status inputs_look(const Settings *settings, const Plan *plan, Store *store, const BatchHooks *hooks,
                   InputLook *looks, Error *err);

/* Saves those that the store does not have, in one transaction. Why a file could not be read is not saved: it
 * may go without the file's change (a permission, a disk). */
Status inputs_save(Store *store, const Plan *plan, InputLook *looks, Error *err);

void inputs_free(InputLook *looks, size_t count);

#endif
