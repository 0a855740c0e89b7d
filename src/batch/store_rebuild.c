#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "batch/store_internal.h"
#include "report/i18n.h"
#include "report/phrase.h"

static const char what[] = "cannot look for what an earlier run left";

/* NULL with STATUS_OK: there is no such folder. */
static Status open_listing(const char *path, DIR **listing, Error *err)
{
    *listing = opendir(path);
    if (*listing == NULL && errno != ENOENT) {
        return error_set_errno(err, ERROR_ENVIRONMENT, what, path, errno);
    }
    return STATUS_OK;
}

/* When the latest of a folder's files was written. */
static double newest_s(const char *path)
{
    DIR *listing = opendir(path);
    double newest = 0;
    for (const struct dirent *entry = NULL; listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat status;
        if (fstatat(dirfd(listing), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && (double)status.st_mtim.tv_sec > newest) {
            newest = (double)status.st_mtim.tv_sec;
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return newest;
}

/* STATUS_AGAIN: it has a row. */
static Status find_row(Store *store, const char *output, Error *err)
{
    VideoRow row;
    const Status status = store_video_find(store, output, &row, err);
    video_row_free(&row);
    return status == STATUS_OK ? STATUS_AGAIN : status == STATUS_AGAIN ? STATUS_OK : status;
}

static Status add_video(Store *store, const char *name, const char *folder, int *videos, Error *err)
{
    Status status = find_row(store, name, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    Recipe recipe;
    (void)recipe_note_read(folder, &recipe); /* without, its chunks can only be thrown away */
    VideoRow row = {.output = text_duplicate(name),
                    .input = text_duplicate(""), /* the next run that plans this output knows it */
                    .work = text_duplicate(name),
                    .state = VIDEO_STOPPED,
                    .input_bytes = -1,
                    .changed_s = newest_s(folder),
                    .recipe = recipe.json};
    text_copy(row.key, sizeof row.key, recipe.key);
    (void)phrase_make(row.note, sizeof row.note, N_("left by an earlier run that is not known"));
    status = store_video_save(store, &row, err);
    *videos += status == STATUS_OK;
    video_row_free(&row); /* the recipe too */
    return status;
}

static Status add_videos(Store *store, const char *state_dir, int *videos, Error *err)
{
    char *work = path_join(state_dir, "work");
    DIR *listing = NULL;
    Status status = open_listing(work, &listing, err);
    for (const struct dirent *entry = NULL;
         status == STATUS_OK && listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat kind;
        if (store_is_name(entry->d_name) &&
            fstatat(dirfd(listing), entry->d_name, &kind, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(kind.st_mode)) {
            char *folder = path_join(work, entry->d_name);
            status = add_video(store, entry->d_name, folder, videos, err);
            memory_free(folder);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    memory_free(work);
    return status;
}

Status store_rebuild(Store *store, const char *state_dir, int *videos, Error *err)
{
    *videos = 0;
    store_begin(store);
    const Status status = add_videos(store, state_dir, videos, err);
    const Status committed = store_commit(store, true, err);
    return status == STATUS_OK ? committed : status;
}
