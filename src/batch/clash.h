/* Two inputs on one output name, outputs on something that must not be replaced: found before anything runs.
 */
#ifndef RUNBATCH_BATCH_CLASH_H
#define RUNBATCH_BATCH_CLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct ClashEntry {
    const char *video; /* the input's name */
    char *output;      /* its name; NULL: it has none (then it cannot clash) */
    bool selected;     /* by the range */
    const char *other; /* filled: a video that would get the same; NULL: none */
} ClashEntry;

/* Fails with ERROR_USAGE, naming both of the first ones, when two entries have one output name and at least
 * one of them is selected: also a video outside of the range must not take another's name, or the next range
 * would skip it as done. Pure. */
Status clash_of_names(ClashEntry *entries, size_t count, Error *err);

/* Which file a path leads to; inode 0: none. */
typedef struct FileId {
    dev_t device;
    ino_t inode;
} FileId;

FileId file_id(const char *path);

/* Fails when what stands at `output` is a folder (ERROR_ENVIRONMENT) or one of the `count` inputs, also by
 * another path (ERROR_USAGE). */
Status clash_on_disk(const char *output, const FileId *inputs, size_t count, Error *err);

#endif
