#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/cleaner_internal.h"
#include "batch/lock.h"
#include "batch/naming.h"
#include "options/json_text.h"
#include "worker/frame_store.h"

const char *clean_kind_name(CleanKind kind)
{
    static const char *const names[] = {"none", "work", "parts", "frames", "unfinished", "log", "store"};
    return names[kind];
}

void clean_list_free(CleanList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->items[i].path);
        memory_free(list->items[i].output);
    }
    memory_free(list->items);
    *list = (CleanList){0};
}

void clean_list_add(CleanList *list, const CleanItem *item)
{
    list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = *item;
    list->bytes += item->bytes;
}

/* ---- work folders ---- */

static bool is_empty_folder(const char *path)
{
    DIR *listing = opendir(path);
    bool empty = true;
    for (const struct dirent *entry = NULL; listing != NULL && empty && (entry = readdir(listing)) != NULL;) {
        empty = entry->d_name[0] == '.';
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return empty;
}

static bool input_is_gone(const char *input)
{
    struct stat status;
    if (input[0] != '/' || stat(input, &status) == 0 || errno != ENOENT) {
        return false;
    }
    char *folder = path_folder(input);
    const bool gone = !is_empty_folder(folder);
    memory_free(folder);
    return gone;
}

const char *cleaner_reason(const VideoRow *row, double wall_s)
{
    switch (row->state) {
    case VIDEO_DONE:
        return "finished";
    case VIDEO_CANCELLED:
        return "cancelled";
    case VIDEO_REFUSED:
        return "refused";
    case VIDEO_FAILED:
        if (row->error.class_ == ERROR_INPUT && row->work == NULL) {
            return "cannot be made"; /* as the run that failed has found */
        }
        break;
    default:
        break;
    }
    const bool old = row->changed_s > 0 && wall_s - row->changed_s > CLEANER_DAYS * CLEAN_DAY_S;
    return old || input_is_gone(row->input) ? "abandoned" : NULL;
}

static CleanWalk look_into(const char *state_dir, const char *output)
{
    CleanWalk walk = {.budget = CLEAN_NO_LIMIT};
    const int work = cleaner_open_work(state_dir);
    (void)cleaner_walk(work, output, &walk);
    if (work >= 0) {
        (void)close(work);
    }
    return walk;
}

bool cleaner_has_chunks(const char *state_dir, const char *output)
{
    return look_into(state_dir, output).chunks > 0;
}

int64_t cleaner_work_bytes(const char *state_dir, const char *output, int *files)
{
    const CleanWalk walk = look_into(state_dir, output);
    if (files != NULL) {
        *files = walk.files;
    }
    return walk.bytes;
}

typedef struct Search {
    const char *output_dir;
    const char *state_dir;
    int work;   /* -1: there is none */
    int output; /* the output folder */
    double wall_s;
    TextList temp_dirs; /* of all runs */
    CleanList *list;
} Search;

static const char unfinished[] = "unfinished";

/* All of it, where it is over or nothing whole is in it; otherwise what no worker goes on from. */
static void find_work(const Search *search, const VideoRow *row)
{
    const char *why = cleaner_reason(row, search->wall_s);
    CleanWalk all = {.budget = CLEAN_NO_LIMIT};
    CleanWalk lost = {.scope = CLEAN_SCOPE_LOST, .budget = CLEAN_NO_LIMIT};
    if (!cleaner_walk(search->work, row->output, &all) || !cleaner_walk(search->work, row->output, &lost)) {
        return;
    }
    const bool stays = why == NULL && all.chunks > 0;
    const CleanWalk *walk = stays ? &lost : &all;
    if (!stays || lost.files > 0) {
        clean_list_add(search->list,
                       &(CleanItem){.kind = stays ? CLEAN_PARTS : CLEAN_WORK,
                                    .path = text_format("%s/work/%s", search->state_dir, row->output),
                                    .output = text_duplicate(row->output),
                                    .bytes = walk->bytes,
                                    .files = walk->files,
                                    .foreign = all.foreign > 0,
                                    .why = why != NULL ? why : unfinished});
    }
}

/* A run's, if it is none of those that are known. */
static bool add_temp_dir(void *context, const RunRow *run)
{
    TextList *folders = context;
    json_t *options = run->options != NULL ? json_loads(run->options, 0, NULL) : NULL;
    char *folder = json_to_text(json_object_get(options, "temp-dir"));
    bool is_new = folder != NULL;
    for (size_t i = 0; i < folders->count && is_new; i++) {
        is_new = strcmp(folders->items[i], folder) != 0;
    }
    if (is_new) {
        text_list_add(folders, folder);
    }
    memory_free(folder);
    json_decref(options);
    return true;
}

static void find_frames(const Search *search, const VideoRow *row)
{
    char *output = path_join(search->output_dir, row->output);
    for (size_t i = 0; i < search->temp_dirs.count; i++) {
        char *folder = frame_store_temp_folder(search->temp_dirs.items[i], output);
        CleanWalk walk = {.budget = CLEAN_NO_LIMIT};
        if (cleaner_walk_frames(folder, &walk)) {
            clean_list_add(search->list, &(CleanItem){.kind = CLEAN_FRAMES,
                                                      .path = text_duplicate(folder),
                                                      .output = text_duplicate(row->output),
                                                      .bytes = walk.bytes,
                                                      .files = walk.files,
                                                      .foreign = walk.foreign > 0,
                                                      .why = unfinished});
        }
        memory_free(folder);
    }
    memory_free(output);
}

static void find_unfinished(const Search *search, const VideoRow *row)
{
    char *name = text_format(".%s" NAMING_TEMPORARY_SUFFIX, row->output);
    struct stat status;
    if (lock_is_temporary_name(name) && fstatat(search->output, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode)) {
        clean_list_add(search->list, &(CleanItem){.kind = CLEAN_UNFINISHED,
                                                  .path = path_join(search->output_dir, name),
                                                  .output = text_duplicate(row->output),
                                                  .bytes = status.st_size,
                                                  .files = 1,
                                                  .why = unfinished});
    }
    memory_free(name);
}

static bool visit_video(void *context, const VideoRow *row)
{
    const Search *search = context;
    find_work(search, row);
    find_frames(search, row);
    find_unfinished(search, row);
    return true;
}

/* ---- all ---- */

Status cleaner_find(const char *output_dir, const char *state_dir, Store *store, double wall_s,
                    CleanList *list, Error *err)
{
    *list = (CleanList){0};
    Search search = {.output_dir = output_dir,
                     .state_dir = state_dir,
                     .work = cleaner_open_work(state_dir),
                     .output = open(output_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                     .wall_s = wall_s,
                     .list = list};
    Status status = STATUS_OK;
    if (store != NULL && search.output >= 0) {
        status = store_each_run(store, add_temp_dir, &search.temp_dirs, err);
    }
    if (store != NULL && search.output >= 0 && status == STATUS_OK) {
        status = store_each_video(store, visit_video, &search, err);
    }
    text_list_free(&search.temp_dirs);
    if (search.work >= 0) {
        (void)close(search.work);
    }
    if (search.output >= 0) {
        (void)close(search.output);
    }
    cleaner_find_old_logs(state_dir, wall_s, list);
    cleaner_find_stores(state_dir, list);
    return status;
}

static Status remove_file(const char *path, Error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) || unlink(path) == 0 || errno == ENOENT) {
        return STATUS_OK;
    }
    return error_set_errno(err, ERROR_ENVIRONMENT, "cannot remove it", path, errno);
}

/* Of a folder: what there is of ours in it. */
static void walk_item(const char *state_dir, const CleanItem *item, CleanWalk *walk)
{
    if (item->kind == CLEAN_FRAMES) {
        (void)cleaner_walk_frames(item->path, walk);
        return;
    }
    const int work = cleaner_open_work(state_dir);
    (void)cleaner_walk(work, item->output, walk);
    if (work >= 0) {
        (void)close(work);
    }
}

Status cleaner_remove(const char *state_dir, const CleanItem *item, Error *err)
{
    const bool folder = item->kind == CLEAN_WORK || item->kind == CLEAN_PARTS || item->kind == CLEAN_FRAMES;
    if (!folder) {
        return remove_file(item->path, err);
    }
    CleanWalk walk = {.remove = true,
                      .scope = item->kind == CLEAN_PARTS ? CLEAN_SCOPE_LOST : CLEAN_SCOPE_ALL,
                      .budget = CLEAN_NO_LIMIT};
    walk_item(state_dir, item, &walk);
    cleaner_drop_empty(state_dir);
    return walk.failure == 0
               ? STATUS_OK
               : error_set_errno(err, ERROR_ENVIRONMENT, "cannot remove all of it", item->path, walk.failure);
}
