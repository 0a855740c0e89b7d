/* A video's unfinished files, made before its worker starts: the temporary output and the work folder.
 *
 * A volume that is not there for a moment is ERROR_DISK: that is tried again, and is no video's fault.
 *
 * The worker opens the output for writing and never replaces it; it may be confined to just these two.
 */
#ifndef RUNBATCH_BATCH_UNFINISHED_H
#define RUNBATCH_BATCH_UNFINISHED_H

#include "base/error.h"
#include "batch/clash.h"
#include "batch/plan.h"

/* An empty file in place of whatever lies there; `id` tells it from any other. */
Status unfinished_make_output(const char *path, FileId *id, Error *err);

/* <state folder>/work/<name>, kept where it is there already; the state folder too, if somebody removed it.
 * What lies there and is no folder, or a link to one, is ERROR_ENVIRONMENT. */
Status unfinished_make_folder(const char *state_dir, const char *path, Error *err);

/* Gives the checked file its name. ERROR_INTERNAL when it is not the one that was made. */
Status unfinished_publish(const PlanItem *item, const FileId *id, Error *err);

#endif
