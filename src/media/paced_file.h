/* A file whose pages go to the disk as it grows, so that syncing it at the end is short and stalls nothing.
 * One thread. Private to src/media. */
#ifndef RUNBATCH_MEDIA_PACED_FILE_H
#define RUNBATCH_MEDIA_PACED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct PacedFile PacedFile;

/* Makes a new file; fails where there is one. */
Status paced_file_make(PacedFile **file, const char *path, Error *err);
/* Empties the file that is there (the same inode stays); makes it where there is none. */
Status paced_file_reuse(PacedFile **file, const char *path, Error *err);
/* Whether it was not there before. */
bool paced_file_is_new(const PacedFile *file);

/* Writes all of it where the position is. 0 or an errno value. */
int paced_file_write(PacedFile *file, const void *data, size_t size);
/* lseek: the position, or a negated errno value. */
int64_t paced_file_seek(PacedFile *file, int64_t offset, int whence);
/* Bytes, or a negated errno value. */
int64_t paced_file_size(const PacedFile *file);
/* fsync. 0 or an errno value. */
int paced_file_sync(PacedFile *file);
/* Closes and frees; 0 or an errno value. Copes with NULL. */
int paced_file_close(PacedFile **file);

#endif
