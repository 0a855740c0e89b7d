#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/cleaner_internal.h"

static const double fresh_log_s = 600.0; /* may be a running video's */

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
        const bool old = logs[i].age_s > CLEANER_DAYS * CLEAN_DAY_S ||
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
    clean_list_add(context, &(CleanItem){.kind = CLEAN_LOG,
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

void cleaner_find_old_logs(const char *state_dir, double wall_s, CleanList *list)
{
    each_old_log(state_dir, wall_s, list_log, list);
}

/* ---- stores that were set aside ---- */

/* Calls back for every file of one that was set aside before `before_s`. */
static void each_store(const char *state_dir, double before_s,
                       void (*visit)(void *context, int folder, const char *name), void *context)
{
    const int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    for (const struct dirent *entry = NULL; listing != NULL && (entry = readdir(listing)) != NULL;) {
        struct stat status;
        double aside_s = 0;
        if (store_is_aside(entry->d_name, &aside_s) && aside_s < before_s &&
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
            visit(context, fd, entry->d_name);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

typedef struct StoreSearch {
    const char *state_dir;
    CleanList *list;
} StoreSearch;

static void list_store(void *context, int folder, const char *name)
{
    const StoreSearch *search = context;
    (void)folder;
    char *path = path_join(search->state_dir, name);
    const int64_t bytes = file_size(path);
    clean_list_add(
        search->list,
        &(CleanItem){
            .kind = CLEAN_STORE, .path = path, .bytes = bytes > 0 ? bytes : 0, .files = 1, .why = "damaged"});
}

void cleaner_find_stores(const char *state_dir, CleanList *list)
{
    StoreSearch search = {state_dir, list};
    each_store(state_dir, HUGE_VAL, list_store, &search);
}

static void remove_store(void *context, int folder, const char *name)
{
    (void)context;
    (void)unlinkat(folder, name, 0);
}

void cleaner_remove_old_stores(const char *state_dir, double wall_s)
{
    each_store(state_dir, wall_s - CLEANER_DAYS * CLEAN_DAY_S, remove_store, NULL);
}
