#include "memory/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "memory/sensor_file.h"

#define NAME_PREFIX "runbatch-"
/* A new worker has its own files at the lowest numbers. */
enum { LEAST_FD = 10, FOLDER_MODE = 0755 };
/* The kernel takes from the limit in steps of 64 pages. */
enum { NEARLY_BYTES = 64 * 4096 };

static int make_folder(const char *folder)
{
    return mkdir(folder, FOLDER_MODE) == 0 ? 0 : errno;
}

static int remove_folder(const char *folder)
{
    return rmdir(folder) == 0 ? 0 : errno;
}

/* ---- files of a group ---- */

/* 0 or an errno. Never makes a file. */
static int put(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    int number = fd < 0 ? errno : 0;
    memory_free(path);
    if (fd >= 0) {
        number = write(fd, text, strlen(text)) < 0 ? errno : 0;
        (void)close(fd);
    }
    return number;
}

static void get(const char *folder, const char *name, char text[SENSOR_TEXT_BYTES])
{
    char *path = path_join(folder, name);
    (void)sensor_read(path, text);
    memory_free(path);
}

static int64_t get_number(const char *folder, const char *name)
{
    char text[SENSOR_TEXT_BYTES];
    get(folder, name, text);
    return sensor_first_number(text);
}

/* Whether a file of controllers ("cpu memory pids") has the memory's. */
static bool controls_memory(const char *folder, const char *name)
{
    char text[SENSOR_TEXT_BYTES];
    char *save = NULL;
    get(folder, name, text);
    for (const char *word = strtok_r(text, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save)) {
        if (strcmp(word, "memory") == 0) {
            return true;
        }
    }
    return false;
}

/* ---- whose a group is ---- */

/* "runbatch-1234-56789-3": whether process 1234, which began then, still runs. False for other names. */
bool group_is_of_the_dead(const char *root, const char *name)
{
    long pid = 0;
    long long birth = 0;
    int length = 0;
    return text_starts_with(name, NAME_PREFIX) &&
           sscanf(name, NAME_PREFIX "%9ld-%18lld-%n", &pid, &birth, &length) == 2 && length > 0 && pid > 0 &&
           sensor_process_birth(root, (pid_t)pid) != birth;
}

/* Those of the dead and, at the end, ours. The kernel keeps those that have processes. */
static void sweep(const GroupHome *home, bool ours)
{
    const struct dirent *entry = NULL;
    DIR *folder = opendir(home->place.folder);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (group_is_of_the_dead(home->root, entry->d_name) ||
            (ours && text_starts_with(entry->d_name, home->prefix))) {
            char *path = path_join(home->place.folder, entry->d_name);
            (void)home->calls.remove(path);
            memory_free(path);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* ---- the home ---- */

static bool hinder(GroupHome *home, GroupObstacle obstacle, int number)
{
    home->obstacle = obstacle;
    home->number = number;
    return false;
}

/* Whether this process is the only one in its group. Processes of another name space count as 0. */
static bool is_alone(const GroupHome *home)
{
    char text[SENSOR_TEXT_BYTES];
    char own[32];
    get(home->place.folder, "cgroup.procs", text);
    (void)snprintf(own, sizeof own, "%ld\n", (long)getpid());
    return strcmp(text, own) == 0;
}

static void move_back(GroupHome *home)
{
    /* first the controller: a group that has it on for others takes no process */
    (void)put(home->place.folder, "cgroup.subtree_control", "-memory");
    (void)put(home->place.folder, "cgroup.procs", "0");
    (void)home->calls.remove(home->seat);
    memory_free(home->seat);
    home->seat = NULL;
}

/* Into a group below, so that ours may have groups with limits. */
static bool take_a_seat(GroupHome *home)
{
    home->seat = text_format("%s/%sself", home->place.folder, home->prefix);
    int number = home->calls.make(home->seat);
    if (number != 0) {
        memory_free(home->seat);
        home->seat = NULL;
        return hinder(home, GROUP_REFUSED, number);
    }
    number = put(home->seat, "cgroup.procs", "0");
    number = number == 0 ? put(home->place.folder, "cgroup.subtree_control", "+memory") : number;
    if (number != 0) {
        move_back(home);
        return hinder(home, GROUP_REFUSED, number);
    }
    return true;
}

static bool prepare(GroupHome *home)
{
    const char *folder = home->place.folder;
    if (home->place.version == 1) {
        /* before Linux 5.11: groups below would not be held to the limits above */
        return get_number(folder, "memory.use_hierarchy") != 0 || hinder(home, GROUP_REFUSED, EOPNOTSUPP);
    }
    if (controls_memory(folder, "cgroup.subtree_control")) {
        return true;
    }
    if (!controls_memory(folder, "cgroup.controllers")) {
        return hinder(home, GROUP_NO_CONTROLLER, 0);
    }
    return is_alone(home) ? take_a_seat(home) : hinder(home, GROUP_SHARED, 0);
}

bool group_home_open(GroupHome *home, const char *root, const GroupCalls *calls)
{
    static const GroupCalls system_calls = {make_folder, remove_folder};
    *home = (GroupHome){.root = root, .calls = calls != NULL ? *calls : system_calls};
    if (!cgroup_find(root, 0, &home->place)) {
        return hinder(home, GROUP_NO_CONTROLLER, 0);
    }
    (void)snprintf(home->prefix, sizeof home->prefix, NAME_PREFIX "%ld-%lld-", (long)getpid(),
                   (long long)sensor_process_birth(root, getpid()));
    sweep(home, false);
    return prepare(home);
}

void group_home_close(GroupHome *home)
{
    if (home->place.version != 0) {
        sweep(home, true);
    }
    if (home->seat != NULL) {
        move_back(home);
    }
}

/* ---- a group ---- */

/* What is not there on older kernels, or without swap, may fail: the looks at the worker see swap too. */
static int put_limit(const char *folder, int version, int64_t bytes)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%lld", (long long)bytes);
    const int failed = put(folder, version == 1 ? "memory.limit_in_bytes" : "memory.max", number);
    if (failed == 0 && version == 1) {
        (void)put(folder, "memory.memsw.limit_in_bytes", number);
    } else if (failed == 0) {
        (void)put(folder, "memory.swap.max", "0");
        (void)put(folder, "memory.oom.group", "1"); /* a worker and its children end together */
    }
    return failed;
}

int group_make(const GroupHome *home, const char *name, int64_t limit_bytes, Group *group)
{
    *group = (Group){.version = home->place.version, .procs = -1};
    group->folder = text_format("%s/%s%s", home->place.folder, home->prefix, name);
    int number = home->calls.make(group->folder);
    if (number != 0) {
        memory_free(group->folder);
        group->folder = NULL;
        return number;
    }
    number = put_limit(group->folder, group->version, limit_bytes);
    if (number == 0) {
        char *path = path_join(group->folder, "cgroup.procs");
        const int fd = open(path, O_WRONLY | O_CLOEXEC);
        group->procs = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, LEAST_FD) : -1;
        number = group->procs < 0 ? errno : 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        memory_free(path);
    }
    if (number != 0) {
        group_remove(home, group);
    }
    return number;
}

int group_join(const Group *group, pid_t pid)
{
    return dprintf(group->procs, "%ld", (long)pid) > 0 ? 0 : errno;
}

void group_remove(const GroupHome *home, Group *group)
{
    if (group->folder == NULL) {
        return;
    }
    if (group->procs >= 0) {
        (void)close(group->procs);
    }
    (void)home->calls.remove(group->folder);
    memory_free(group->folder);
    *group = (Group){.procs = -1};
}

int64_t group_oom_kills(const Group *group)
{
    if (group->folder == NULL) {
        return -1;
    }
    CgroupPlace place = {.version = group->version};
    text_copy(place.folder, sizeof place.folder, group->folder);
    return cgroup_oom_kills(&place);
}

bool group_was_full(const Group *group)
{
    char text[SENSOR_TEXT_BYTES];
    if (group->folder == NULL) {
        return false;
    }
    if (group->version == 1) {
        /* memory.failcnt is no longer counted by newer kernels */
        const int64_t most = get_number(group->folder, "memory.max_usage_in_bytes");
        const int64_t limit_bytes = get_number(group->folder, "memory.limit_in_bytes");
        return most >= 0 && limit_bytes >= 0 && limit_bytes - most < NEARLY_BYTES;
    }
    get(group->folder, "memory.events", text);
    return sensor_number(text, "oom ") > 0;
}
