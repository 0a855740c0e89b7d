#include "memory/processes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "memory/meminfo.h"
#include "memory/sensor_file.h"

/* A chain of parents that is longer is taken for a circle: numbers are used again while we read. */
enum { MOST_ANCESTORS = 256 };

/* ---- the scan ---- */

static bool read_entry(const char *root, pid_t pid, int64_t page_bytes, ProcessEntry *entry)
{
    enum { PARENT_FIELD = 4, RSS_FIELD = 24 };
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    if (!sensor_process_path(path, root, pid, "stat") || sensor_read(path, text) != 0) {
        return false;
    }
    const char *parent = sensor_stat_field(text, PARENT_FIELD);
    const char *rss = sensor_stat_field(text, RSS_FIELD);
    const int64_t pages = rss != NULL ? sensor_first_number(rss) : -1;
    if (pages < 0 || pages > INT64_MAX / page_bytes) {
        return false;
    }
    *entry = (ProcessEntry){
        .pid = pid, .parent = (pid_t)sensor_first_number(parent), .rss_bytes = pages * page_bytes};
    return true;
}

static void add_entry(ProcessTable *table, const ProcessEntry *entry)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity > 0 ? 2 * table->capacity : 512;
        table->entries = memory_resize(table->entries, table->capacity, sizeof *table->entries);
    }
    table->entries[table->count++] = *entry;
}

static int compare_pids(const void *a, const void *b)
{
    const pid_t left = ((const ProcessEntry *)a)->pid;
    const pid_t right = ((const ProcessEntry *)b)->pid;
    return (left > right) - (left < right);
}

/* 0: it is no process's folder. */
static pid_t pid_of(const char *name)
{
    char *end = NULL;
    const long pid = strtol(name, &end, 10);
    return name[0] >= '1' && name[0] <= '9' && *end == '\0' && pid <= INT32_MAX ? (pid_t)pid : 0;
}

void processes_scan(ProcessTable *table, const char *root, int64_t limit_ms, int64_t (*now_ms)(void))
{
    char path[SENSOR_PATH_BYTES];
    int64_t (*const now)(void) = now_ms != NULL ? now_ms : clock_now_ms;
    const int64_t deadline_ms = now() + limit_ms;
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    *table = (ProcessTable){.root = root};
    DIR *folder = sensor_path(path, root, "/proc") ? opendir(path) : NULL;
    const struct dirent *file = NULL;
    while (folder != NULL && (file = readdir(folder)) != NULL) {
        ProcessEntry entry;
        const pid_t pid = pid_of(file->d_name);
        if (pid > 0 && (table->count == PROCESSES_MAX || now() >= deadline_ms)) {
            break;
        }
        if (pid > 0 && read_entry(root, pid, page_bytes, &entry)) {
            add_entry(table, &entry);
        }
    }
    table->whole = folder != NULL && file == NULL;
    if (folder != NULL) {
        (void)closedir(folder);
    }
    if (table->count > 0) {
        qsort(table->entries, table->count, sizeof *table->entries, compare_pids);
    }
}

void processes_free(ProcessTable *table)
{
    memory_free(table->entries);
    *table = (ProcessTable){0};
}

bool processes_is_below(const ProcessTable *table, pid_t pid, pid_t ancestor)
{
    for (int i = 0; i < MOST_ANCESTORS && pid > 0 && table->count > 0; i++) {
        const ProcessEntry key = {.pid = pid};
        const ProcessEntry *entry =
            bsearch(&key, table->entries, table->count, sizeof *table->entries, compare_pids);
        if (pid == ancestor || entry == NULL) {
            return pid == ancestor;
        }
        pid = entry->parent;
    }
    return false;
}

/* ---- a tree ---- */

static int64_t read_pss(const char *root, pid_t pid)
{
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    const bool read = sensor_process_path(path, root, pid, "smaps_rollup") && sensor_read(path, text) == 0;
    return read ? sensor_number(text, "Pss:") : -1;
}

void processes_read_tree(const ProcessTable *table, pid_t pid, ProcessTree *tree)
{
    *tree = (ProcessTree){.pss_known = true};
    for (size_t i = 0; i < table->count; i++) {
        const pid_t member = table->entries[i].pid;
        ProcessMemory memory;
        if (!processes_is_below(table, member, pid) ||
            meminfo_read_process(table->root, member, &memory, NULL) != STATUS_OK) {
            continue;
        }
        /* a zombie has no memory, and nobody can tell its share */
        const int64_t pss = memory.rss_bytes > 0 ? read_pss(table->root, member) : 0;
        tree->processes++;
        tree->rss_bytes += memory.rss_bytes;
        tree->peak_rss_bytes += memory.peak_rss_bytes;
        tree->pss_bytes += pss >= 0 ? pss : memory.rss_bytes;
        tree->pss_known = tree->pss_known && pss >= 0;
    }
    tree->pss_known = tree->pss_known && tree->processes > 0;
}

/* ---- the biggest ---- */

/* The kernel's own user data base could ask a server and take seconds. */
static void name_user(const char *root, int64_t uid, char user[PROCESSES_USER_BYTES])
{
    char path[SENSOR_PATH_BYTES];
    char line[1024];
    FILE *file = sensor_path(path, root, "/etc/passwd") ? fopen(path, "re") : NULL;
    (void)snprintf(user, PROCESSES_USER_BYTES, "%lld", (long long)uid);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *name_end = strchr(line, ':');
        const char *number = name_end != NULL ? strchr(name_end + 1, ':') : NULL;
        if (number != NULL && sensor_first_number(number + 1) == uid) {
            *name_end = '\0';
            text_copy(user, PROCESSES_USER_BYTES, line);
            text_strip_control(user);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* From the text of its status. */
static void read_name(const char *text, char name[PROCESSES_NAME_BYTES])
{
    name[0] = '\0';
    if (text_starts_with(text, "Name:\t")) {
        const char *word = text + strlen("Name:\t");
        (void)snprintf(name, PROCESSES_NAME_BYTES, "%.*s", (int)strcspn(word, "\n"), word);
        text_strip_control(name);
    }
}

void processes_name(const char *root, pid_t pid, char name[PROCESSES_NAME_BYTES])
{
    char text[SENSOR_TEXT_BYTES];
    (void)snprintf(name, PROCESSES_NAME_BYTES, "?");
    if (sensor_read_status(root, pid, text) == 0) {
        read_name(text, name);
    }
}

bool processes_describe(const char *root, pid_t pid, ProcessHolder *holder)
{
    char text[SENSOR_TEXT_BYTES];
    if (sensor_read_status(root, pid, text) != 0) {
        return false;
    }
    *holder = (ProcessHolder){.pid = pid, .rss_bytes = sensor_number(text, "VmRSS:")};
    read_name(text, holder->name);
    name_user(root, sensor_number(text, "Uid:"), holder->user);
    return holder->rss_bytes > 0;
}

static int compare_sizes(const void *a, const void *b)
{
    const ProcessHolder *left = a;
    const ProcessHolder *right = b;
    return left->rss_bytes != right->rss_bytes ? (left->rss_bytes < right->rss_bytes ? 1 : -1)
                                               : (left->pid > right->pid) - (left->pid < right->pid);
}

size_t processes_find_holders(const ProcessTable *table, pid_t supervisor, ProcessHolder *holders,
                              size_t room)
{
    /* the `room` biggest, in order */
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const ProcessEntry *entry = &table->entries[i];
        size_t place = count;
        while (place > 0 && holders[place - 1].rss_bytes < entry->rss_bytes) {
            place--;
        }
        if (place == room || entry->rss_bytes == 0) {
            continue;
        }
        count += count < room ? 1 : 0;
        memmove(&holders[place + 1], &holders[place], (count - place - 1) * sizeof *holders);
        holders[place] = (ProcessHolder){.pid = entry->pid, .rss_bytes = entry->rss_bytes};
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        ProcessHolder holder;
        if (processes_describe(table->root, holders[i].pid, &holder)) {
            holder.ours = supervisor > 0 && processes_is_below(table, holder.pid, supervisor);
            holders[kept++] = holder;
        }
    }
    if (kept > 0) {
        qsort(holders, kept, sizeof *holders, compare_sizes);
    }
    return kept;
}
