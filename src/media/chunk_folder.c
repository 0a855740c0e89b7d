#include "media/chunk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a file of that name is ours; its number in `index`. */
static bool is_chunk_name(const char *name, int *index, bool *finished)
{
    enum { PREFIX = 6, DIGITS_MIN = 6, DIGITS_MAX = 9 };
    if (strncmp(name, "chunk-", PREFIX) != 0) {
        return false;
    }
    const size_t digits = strspn(name + PREFIX, "0123456789");
    const char *extension = name + PREFIX + digits;
    *finished = strcmp(extension, ".rbc") == 0;
    if (digits < DIGITS_MIN || digits > DIGITS_MAX || (!*finished && strcmp(extension, ".part") != 0)) {
        return false;
    }
    *index = (int)strtol(name + PREFIX, NULL, 10);
    return true;
}

Status chunk_folder_clear(const char *folder, int first, Error *err)
{
    static const char what[] = "cannot remove an old chunk";
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return errno == ENOENT ? STATUS_OK : error_set_errno(err, ERROR_ENVIRONMENT, what, folder, errno);
    }
    Status status = STATUS_OK;
    const struct dirent *entry = NULL;
    while (status == STATUS_OK && (errno = 0, entry = readdir(listing)) != NULL) {
        int index = 0;
        bool finished = false;
        if (is_chunk_name(entry->d_name, &index, &finished) && (!finished || index >= first) &&
            unlinkat(dirfd(listing), entry->d_name, 0) != 0 && errno != ENOENT) {
            status = error_set_errno(err, ERROR_ENVIRONMENT, what, folder, errno);
        }
    }
    if (status == STATUS_OK && errno != 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, what, folder, errno);
    }
    (void)closedir(listing);
    return status;
}

void chunk_counts_add(ChunkCounts *sum, const ChunkCounts *more)
{
    sum->frames += more->frames;
    sum->with_face += more->with_face;
    sum->changed += more->changed;
    sum->isolated_gaps += more->isolated_gaps;
    sum->scene_cuts += more->scene_cuts;
    sum->dropped += more->dropped;
    sum->repeated += more->repeated;
}
