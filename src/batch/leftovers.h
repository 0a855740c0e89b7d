/* What `clean` would remove now. */
#ifndef RUNBATCH_BATCH_LEFTOVERS_H
#define RUNBATCH_BATCH_LEFTOVERS_H

#include <stdbool.h>

#include "base/error.h"
#include "batch/cleaner.h"

/* Lists it; where `held`, somebody works in the folder, who alone may remove work folders, frame files and
 * unfinished outputs: then only logs and damaged stores. Free it with clean_list_free, on failure too. */
Status leftovers_find(const char *output_dir, const char *state_dir, bool held, CleanList *list, Error *err);

#endif
