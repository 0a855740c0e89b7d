/* Control groups of our own, one for each worker: made below the group this process is in, limited, read,
 * removed. Nobody else's process is ever moved, and no other group's settings are changed.
 *
 * Version 1: always below our own group. Version 2 allows a group either processes or groups with controllers
 * (the rule against "internal processes" of cgroup-v2.rst), so: where the memory controller is on for groups
 * below already, or where this process is alone in its group. Then it moves itself into one below, and back
 * at the end. A login shell's group is shared and cannot be used; `systemd-run --user --scope -p
 * Delegate=yes` and containers give one that can.
 *
 * What counts in a group is what its processes allocated and the file contents they were the first to read.
 * Of the latter the kernel takes back as much as it needs before it ends a process, so reading and writing
 * large files does not bring a worker over its limit. Files on a tmpfs are memory that cannot be taken back
 * and do count.
 *
 * The supervisor's thread only. A GroupHome is 16 KiB.
 */
#ifndef RUNBATCH_MEMORY_GROUP_H
#define RUNBATCH_MEMORY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/cgroup.h"

/* Why no groups can be made. */
typedef enum GroupObstacle {
    GROUP_NO_OBSTACLE = 0,
    GROUP_NOT_WANTED,    /* by the caller */
    GROUP_NO_CONTROLLER, /* none that controls memory is visible here */
    GROUP_SHARED,        /* version 2: others' processes are in our group */
    GROUP_REFUSED,       /* by the system: GroupHome.number */
    GROUP_NOT_HELD,      /* a limit was set, and not held to (told by limiter.h) */
} GroupObstacle;

/* mkdir and rmdir, which make and remove a group's files too; for tests, who have to do that themselves. 0 or
 * an errno. */
typedef struct GroupCalls {
    int (*make)(const char *folder);
    int (*remove)(const char *folder);
} GroupCalls;

/* Where workers' groups are made. */
typedef struct GroupHome {
    const char *root;
    GroupCalls calls;
    CgroupPlace place;
    char prefix[64]; /* of the names of our groups: with our number and birth */
    char *seat;      /* version 2: the group that this process moved into; NULL: it did not */
    GroupObstacle obstacle;
    int number; /* errno */
} GroupHome;

typedef struct Group {
    char *folder; /* NULL: none */
    int version;
    int procs; /* its cgroup.procs, open for writing: who writes "0" is in it; for group_join */
} Group;

/* `root` stands for "/" and must outlive it. `calls` NULL: the system's. False: see obstacle; closing is
 * harmless. Groups of processes that are gone are removed. */
bool group_home_open(GroupHome *home, const char *root, const GroupCalls *calls);
/* Removes what is left of ours and moves back. */
void group_home_close(GroupHome *home);

/* Makes the group `name` with that limit, which includes swap (version 1) or forbids it (version 2). 0, or an
 * errno and no group. */
int group_make(const GroupHome *home, const char *name, int64_t limit_bytes, Group *group);
/* Moves a process into it; what that has already taken counts where it was. The kernel lets the caller wait
 * for some 10 ms, not the process. 0 or an errno. */
int group_join(const Group *group, pid_t pid);
/* Removes it. What still has a process stays, until group_home_close or a later group_home_open. */
void group_remove(const GroupHome *home, Group *group);

/* The folders of groups that processes of ours which are gone left, anywhere in the hierarchy that can be
 * seen, without a process in them; how many, at most `room`. Looks only. New memory that the caller frees. */
size_t group_find_left(const char *root, char **folders, size_t room);
/* Whether it has the name of a group of a process of ours that is gone. */
bool group_is_of_the_dead(const char *root, const char *name);

/* How many of its processes the kernel ended for want of memory, by this limit or another; -1 unknown. */
int64_t group_oom_kills(const Group *group);
/* Whether its own limit was reached: in version 1 also when taking back file contents was enough. */
bool group_was_full(const Group *group);

#endif
