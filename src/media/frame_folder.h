/* The folder that frame files lie in: names, whole files or none, no links.
 *
 * All is reached by the folder's descriptor, so it does not matter what becomes of its path. Files are
 * numbered from 0, their names count from 1. Any thread, one at a time for each number; open, clean and close
 * are for the owner. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_FRAME_FOLDER_H
#define RUNBATCH_MEDIA_FRAME_FOLDER_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct FrameFolder {
    char *path;
    const char *extension; /* "png"; not owned */
    int fd;                /* -1: not open */
} FrameFolder;

/* Makes the folder where it is missing, for nobody else's eyes unless it is `shared`. */
Status frame_folder_make(const char *path, bool shared, Error *err);
/* A link, or a folder of another user, is ERROR_ENVIRONMENT. */
Status frame_folder_open(FrameFolder *folder, const char *path, const char *extension, Error *err);
/* Removes frame files (whole or not, of any kind) from number `first` on, at most `most`; what is not one is
 * left. `done` (may be NULL): no more can be removed. */
Status frame_folder_clean(const FrameFolder *folder, int64_t first, int most, bool *done, Error *err);
/* Removes the folder itself if it is empty. Copes with one that is not open. */
void frame_folder_close(FrameFolder *folder);

/* Puts the file in place of what was there. ERROR_SPACE when the volume is full. */
Status frame_folder_write(const FrameFolder *folder, int64_t number, const AVPacket *content, Error *err);
/* `content` is blank before. ERROR_ENVIRONMENT when it cannot be read. */
Status frame_folder_read(const FrameFolder *folder, int64_t number, AVPacket *content, Error *err);
void frame_folder_remove(const FrameFolder *folder, int64_t number);

/* The file's path in new memory that the caller frees. */
char *frame_folder_file(const FrameFolder *folder, int64_t number);

#endif
