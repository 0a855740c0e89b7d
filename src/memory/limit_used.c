#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "memory/limiter.h"
#include "memory/sensor_file.h"

/* Walks down from one process, which costs little enough to be done ten times a second; a scan of all
 * processes (processes.h) does not. A worker with more children than this is not one of ours. */
enum { MOST_PROCESSES = 64 };

typedef struct Tree {
    const char *root;
    pid_t processes[MOST_PROCESSES];
    size_t count;
} Tree;

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

static int64_t used_alone(const char *root, pid_t pid)
{
    char text[SENSOR_TEXT_BYTES];
    if (sensor_read_status(root, pid, text) != 0) {
        return 0;
    }
    return at_least_zero(sensor_number(text, "RssAnon:")) + at_least_zero(sensor_number(text, "RssShmem:")) +
           at_least_zero(sensor_number(text, "VmSwap:"));
}

/* "12 345 ": the children that a thread started. */
static void add_children(Tree *tree, const char *path)
{
    char text[SENSOR_TEXT_BYTES];
    char *end = text;
    if (sensor_read(path, text) != 0) {
        return;
    }
    for (const char *at = text; tree->count < MOST_PROCESSES; at = end) {
        const long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0) {
            return;
        }
        tree->processes[tree->count++] = (pid_t)pid;
    }
}

/* Each thread's children are told apart (proc(5), CONFIG_PROC_CHILDREN). */
static void add_children_of(Tree *tree, pid_t pid)
{
    char path[SENSOR_PATH_BYTES];
    const struct dirent *entry = NULL;
    DIR *folder = sensor_process_path(path, tree->root, pid, "task") ? opendir(path) : NULL;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' &&
            sensor_path(path, tree->root, "/proc/%ld/task/%s/children", (long)pid, entry->d_name)) {
            add_children(tree, path);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

int64_t limit_used(const char *root, pid_t pid)
{
    Tree tree = {.root = root, .processes = {pid}, .count = 1};
    int64_t sum = 0;
    for (size_t i = 0; i < tree.count; i++) {
        sum += used_alone(root, tree.processes[i]);
        add_children_of(&tree, tree.processes[i]);
    }
    return sum;
}
