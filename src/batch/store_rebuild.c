#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "batch/naming.h"
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

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The regular files of a folder; -1 when it cannot be read. */
static int64_t folder_bytes(const char *path, double *newest_s)
{
    DIR *listing = opendir(path);
    if (listing == NULL) {
        return -1;
    }
    int64_t bytes = 0;
    for (const struct dirent *entry = NULL; (entry = readdir(listing)) != NULL;) {
        struct stat status;
        if (fstatat(dirfd(listing), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            bytes += status.st_size;
            *newest_s = (double)status.st_mtim.tv_sec > *newest_s ? (double)status.st_mtim.tv_sec : *newest_s;
        }
    }
    (void)closedir(listing);
    return bytes;
}

/* STATUS_AGAIN: it has a row. */
static Status find_row(Store *store, const char *output, Error *err)
{
    VideoRow row;
    const Status status = store_video_find(store, output, &row, err);
    video_row_free(&row);
    return status == STATUS_OK ? STATUS_AGAIN : status == STATUS_AGAIN ? STATUS_OK : status;
}

static Status add_video(Store *store, const char *name, const char *folder, StoreRebuilt *rebuilt, Error *err)
{
    Status status = find_row(store, name, err);
    if (status != STATUS_OK) {
        return status == STATUS_AGAIN ? STATUS_OK : status;
    }
    Recipe recipe;
    const bool known = recipe_note_read(folder, &recipe) == STATUS_OK;
    double newest_s = 0;
    const int64_t bytes = folder_bytes(folder, &newest_s);
    VideoRow row = {.output = text_duplicate(name),
                    .input = text_duplicate(""), /* the next run that plans this output knows it */
                    .work = text_duplicate(name),
                    .state = VIDEO_STOPPED,
                    .input_bytes = -1,
                    .changed_s = newest_s,
                    .recipe = recipe.json};
    text_copy(row.key, sizeof row.key, recipe.key);
    (void)phrase_make(row.note, sizeof row.note, N_("left by an earlier run that is not known"));
    status = store_video_save(store, &row, err);
    if (status == STATUS_OK) {
        rebuilt->videos++;
        rebuilt->without += !known;
        rebuilt->bytes += bytes > 0 ? bytes : 0;
    }
    video_row_free(&row); /* the recipe too */
    return status;
}

static Status add_videos(Store *store, const char *state_dir, StoreRebuilt *rebuilt, Error *err)
{
    char *work = path_join(state_dir, "work");
    DIR *listing = NULL;
    Status status = open_listing(work, &listing, err);
    for (const struct dirent *entry = NULL;
         status == STATUS_OK && listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat kind;
        if (is_dots(entry->d_name)) {
            continue;
        }
        if (!store_is_name(entry->d_name) ||
            fstatat(dirfd(listing), entry->d_name, &kind, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(kind.st_mode)) {
            rebuilt->not_ours++;
            continue;
        }
        char *folder = path_join(work, entry->d_name);
        status = add_video(store, entry->d_name, folder, rebuilt, err);
        memory_free(folder);
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    memory_free(work);
    return status;
}

static Status count_outputs(Store *store, const char *output_dir, StoreRebuilt *rebuilt, Error *err)
{
    DIR *listing = NULL;
    Status status = open_listing(output_dir, &listing, err);
    for (const struct dirent *entry = NULL;
         status == STATUS_OK && listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat kind;
        if (!store_is_name(entry->d_name) || !naming_is_container(path_extension(entry->d_name)) ||
            fstatat(dirfd(listing), entry->d_name, &kind, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(kind.st_mode)) {
            continue;
        }
        status = find_row(store, entry->d_name, err);
        rebuilt->outputs += status == STATUS_OK;
        status = status == STATUS_AGAIN ? STATUS_OK : status;
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return status;
}

Status store_rebuild(Store *store, const char *output_dir, const char *state_dir, StoreRebuilt *rebuilt,
                     Error *err)
{
    *rebuilt = (StoreRebuilt){0};
    store_begin(store);
    Status status = count_outputs(store, output_dir, rebuilt, err);
    if (status == STATUS_OK) {
        status = add_videos(store, state_dir, rebuilt, err);
    }
    const Status committed = store_commit(store, true, err);
    return status == STATUS_OK ? committed : status;
}
