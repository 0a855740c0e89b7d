/* Processes of ours whose supervisor is gone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory/processes.h"
#include "memory/sensor_file.h"

static bool is_named(const char *root, pid_t pid, const char *const *names)
{
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    if (!sensor_process_path(path, root, pid, "comm") || sensor_read(path, text) != 0) {
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    for (; *names != NULL; names++) {
        if (strcmp(text, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* What it runs; false where that cannot be known. A program that was replaced meanwhile keeps its name. */
static bool read_program(const char *root, pid_t pid, char program[SENSOR_PATH_BYTES])
{
    static const char deleted[] = " (deleted)";
    char path[SENSOR_PATH_BYTES];
    const ssize_t length =
        sensor_process_path(path, root, pid, "exe") ? readlink(path, program, SENSOR_PATH_BYTES - 1) : -1;
    program[length > 0 ? length : 0] = '\0';
    if (length > (ssize_t)sizeof deleted && strcmp(program + length - (sizeof deleted - 1), deleted) == 0) {
        program[length - (ssize_t)(sizeof deleted - 1)] = '\0';
    }
    return length > 0;
}

/* Whether the parent is a supervisor. One that belongs to somebody else may be, unless it is init; in a
 * container the supervisor may itself be process 1. */
static bool is_looked_after(const char *root, const ProcessEntry *entry, const char *program)
{
    char own[SENSOR_PATH_BYTES];
    char parent[SENSOR_PATH_BYTES];
    if (entry->parent <= 0 || !read_program(root, entry->parent, parent)) {
        return entry->parent > 1;
    }
    return strcmp(parent, program) == 0 || (read_program(root, entry->pid, own) && strcmp(parent, own) == 0);
}

static int64_t age_of(const char *root, pid_t pid)
{
    char path[SENSOR_PATH_BYTES];
    char text[SENSOR_TEXT_BYTES];
    const long ticks = sysconf(_SC_CLK_TCK);
    const int64_t began = sensor_process_birth(root, pid);
    if (ticks <= 0 || began < 0 || !sensor_path(path, root, "/proc/uptime") || sensor_read(path, text) != 0) {
        return -1;
    }
    const int64_t uptime = sensor_first_number(text);
    return uptime >= began / ticks ? uptime - began / ticks : -1;
}

size_t processes_find_orphans(const ProcessTable *table, const char *const *names, const char *program,
                              ProcessOrphan *orphans, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count && count < room; i++) {
        const ProcessEntry *entry = &table->entries[i];
        ProcessOrphan *orphan = &orphans[count];
        if (is_named(table->root, entry->pid, names) && !is_looked_after(table->root, entry, program) &&
            processes_describe(table->root, entry->pid, &orphan->holder)) {
            orphan->age_s = age_of(table->root, entry->pid);
            count++;
        }
    }
    return count;
}
