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

static const double day_s = 86400.0;
static const double fresh_log_s = 600.0; /* may be a running video's */

const char *clean_kind_name(CleanKind kind)
{
    static const char *const names[] = {"none", "work", "unfinished", "log"};
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

static void add_item(CleanList *list, const CleanItem *item)
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
    case VIDEO_FAILED:
        if (row->error.class_ == ERROR_INPUT && row->work == NULL) {
            return "cannot be made"; /* as the run that failed has found */
        }
        break;
    default:
        break;
    }
    const bool old = row->changed_s > 0 && wall_s - row->changed_s > CLEANER_DAYS * day_s;
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
    CleanList *list;
} Search;

static void find_work(const Search *search, const VideoRow *row)
{
    const char *why = cleaner_reason(row, search->wall_s);
    CleanWalk walk = {.budget = CLEAN_NO_LIMIT};
    if (why != NULL && cleaner_walk(search->work, row->output, &walk)) {
        add_item(search->list, &(CleanItem){.kind = CLEAN_WORK,
                                            .path = text_format("%s/work/%s", search->state_dir, row->output),
                                            .output = text_duplicate(row->output),
                                            .bytes = walk.bytes,
                                            .files = walk.files,
                                            .foreign = walk.foreign > 0,
                                            .why = why});
    }
}

static void find_unfinished(const Search *search, const VideoRow *row)
{
    char *name = text_format(".%s" NAMING_TEMPORARY_SUFFIX, row->output);
    struct stat status;
    if (lock_is_temporary_name(name) && fstatat(search->output, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode)) {
        add_item(search->list, &(CleanItem){.kind = CLEAN_UNFINISHED,
                                            .path = path_join(search->output_dir, name),
                                            .output = text_duplicate(row->output),
                                            .bytes = status.st_size,
                                            .files = 1,
                                            .why = "unfinished"});
    }
    memory_free(name);
}

static bool visit_video(void *context, const VideoRow *row)
{
    const Search *search = context;
    find_work(search, row);
    find_unfinished(search, row);
    return true;
}

/* ---- logs ---- */

typedef struct LogFile {
    char *name;
    int64_t bytes;
    double age_s;
} LogFile;

static int by_age(const void *left, const void *right)
{
    const LogFile *a = left;
    const LogFile *b = right;
    return a->age_s < b->age_s ? -1 : a->age_s > b->age_s ? 1 : strcmp(a->name, b->name);
}

/* The logs, youngest first. */
static size_t list_logs(const char *folder, double wall_s, LogFile **logs)
{
    size_t count = 0;
    *logs = NULL;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    for (const struct dirent *entry = NULL; listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat status;
        if (text_ends_with_nocase(entry->d_name, ".log") &&
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
            *logs = memory_resize(*logs, count + 1, sizeof **logs);
            (*logs)[count++] = (LogFile){text_duplicate(entry->d_name), status.st_size,
                                         wall_s - (double)status.st_mtim.tv_sec};
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    if (count > 0) {
        qsort(*logs, count, sizeof **logs, by_age);
    }
    return count;
}

/* Calls back for every log that is too old, or with which all are too large. */
static void each_old_log(const char *state_dir, double wall_s,
                         void (*visit)(void *context, const char *folder, const LogFile *log), void *context)
{
    char *folder = path_join(state_dir, "logs");
    LogFile *logs = NULL;
    const size_t count = list_logs(folder, wall_s, &logs);
    int64_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const bool old = logs[i].age_s > CLEANER_DAYS * day_s ||
                         (kept + logs[i].bytes > CLEANER_LOG_BYTES && logs[i].age_s > fresh_log_s);
        if (old) {
            visit(context, folder, &logs[i]);
        } else {
            kept += logs[i].bytes;
        }
        memory_free(logs[i].name);
    }
    memory_free(logs);
    memory_free(folder);
}

static void list_log(void *context, const char *folder, const LogFile *log)
{
    add_item(context, &(CleanItem){.kind = CLEAN_LOG,
                                   .path = path_join(folder, log->name),
                                   .bytes = log->bytes,
                                   .files = 1,
                                   .why = "old"});
}

static void queue_log(void *context, const char *folder, const LogFile *log)
{
    (void)folder;
    text_list_add(context, log->name);
}

void cleaner_add_old_logs(Cleaner *cleaner, double wall_s)
{
    each_old_log(cleaner->state_dir, wall_s, queue_log, &cleaner->logs);
}

/* ---- both ---- */

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
        status = store_each_video(store, visit_video, &search, err);
    }
    if (search.work >= 0) {
        (void)close(search.work);
    }
    if (search.output >= 0) {
        (void)close(search.output);
    }
    each_old_log(state_dir, wall_s, list_log, list);
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

Status cleaner_remove(const char *state_dir, const CleanItem *item, Error *err)
{
    if (item->kind != CLEAN_WORK) {
        return remove_file(item->path, err);
    }
    CleanWalk walk = {.remove = true, .budget = CLEAN_NO_LIMIT};
    const int work = cleaner_open_work(state_dir);
    (void)cleaner_walk(work, item->output, &walk);
    if (work >= 0) {
        (void)close(work);
    }
    return walk.failure == 0
               ? STATUS_OK
               : error_set_errno(err, ERROR_ENVIRONMENT, "cannot remove all of it", item->path, walk.failure);
}
