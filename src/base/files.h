/* Paths and files: what is published is complete, what is written is on disk. Any thread may call. */
#ifndef RUNBATCH_BASE_FILES_H
#define RUNBATCH_BASE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "folder/name" in new memory that the caller frees; an empty folder or "." gives just the name. */
char *path_join(const char *folder, const char *name);
/* The same with the working folder before it where it is relative; links and dots stay. In new memory that
 * the caller frees. */
char *path_absolute(const char *path);
/* The part behind the last '/', never NULL; points into `path`. */
const char *path_name(const char *path);
/* The folder of `path` ("." where it has none) in new memory that the caller frees. */
char *path_folder(const char *path);
/* The name without folder and without its last extension, in new memory that the caller frees. ".x" keeps its
 * dot. */
char *path_stem(const char *path);
/* The extension with its dot, or "" ; points into `path`. */
const char *path_extension(const char *path);

/* The path itself, or the nearest folder above it, that is there ("." or "/" at last), in new memory that the
 * caller frees. */
char *path_nearest(const char *path);

bool file_exists(const char *path);
bool file_is_folder(const char *path);
/* Whether both names lead to one file or folder that is there. */
bool file_is_same(const char *path, const char *other);

/* Which file it is, and whether it was written since. */
typedef struct FileState {
    int64_t device;
    int64_t inode;
    int64_t bytes;
    int64_t changed_s;
    int64_t changed_ns;
} FileState;

/* False, with errno, where it cannot be looked at. */
bool file_state(const char *path, FileState *state);
bool file_state_same(const FileState *a, const FileState *b);

/* Bytes, or -1 when there is no such regular file. */
int64_t file_size(const char *path);

/* mkdir -p, with the names of new folders on the disk. */
Status folder_make(const char *path, Error *err);
/* Proves that a file can be made in the folder by making and removing one. */
Status folder_check_writable(const char *path, Error *err);

/* fsyncs the file, renames it over `target` and fsyncs the folder. On failure `source` is left where it is.
 */
Status file_publish(const char *source, const char *target, Error *err);

/* Reads a whole file of at most `limit` bytes into new memory (zero-terminated) that the caller frees. */
Status file_read(const char *path, int64_t limit, char **data, int64_t *size, Error *err);

#endif
