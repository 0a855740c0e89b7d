/* Control groups: in which one a process is, and what it and every group above it may use, use, and lost.
 *
 * The one reader of these files, for versions 1 and 2, in containers too. Sources: cgroups(7) and
 * proc_pid_mountinfo(5); Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of Linux. That
 * there is no group, or no memory controller, is a state, not an error. Paths and names are untrusted:
 * bounded, and nothing is written. A CgroupPlace is 12 KiB, a reading of all levels 6 KiB; no allocation but
 * the C library's buffer while a file of lines is open. Any thread; a CgroupPlace belongs to one.
 */
#ifndef RUNBATCH_MEMORY_CGROUP_H
#define RUNBATCH_MEMORY_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory/pressure.h"

/* Docker in a Kubernetes pod in a systemd slice is 8 deep; of more than this the outermost are not read. */
enum { CGROUP_LEVELS = 64, CGROUP_PATH_BYTES = 4096 };

typedef struct CgroupPlace {
    int version;                    /* of the hierarchy with the memory controller; 0: there is none */
    char path[CGROUP_PATH_BYTES];   /* as the process's /proc/PID/cgroup tells it */
    char folder[CGROUP_PATH_BYTES]; /* where the group's files are, with the root */
    size_t top;                     /* length of the hierarchy's mount point in `folder` */
    char above[CGROUP_PATH_BYTES];  /* what part of the hierarchy is mounted there; empty: all that is visible
                                     */
} CgroupPlace;

/* -1: no limit, or not told. */
typedef struct CgroupLevel {
    size_t folder_length; /* of `folder`: this level's folder */
    int64_t max_bytes;    /* over it the kernel ends processes: memory.max, memory.limit_in_bytes */
    int64_t high_bytes;   /* over it the kernel all but stops them: memory.high */
    int64_t limit_bytes;  /* the smaller of the two */
    /* Only of the process's own group and of those with a limit: */
    int64_t used_bytes;        /* with the groups below; file contents that are cached count */
    int64_t reclaimable_bytes; /* the part of it that the kernel takes back by itself */
    int64_t anonymous_bytes;   /* the part of it that programs allocated */
    int64_t swap_limit_bytes;
    int64_t swap_used_bytes;
    int64_t oom_kills; /* with the groups below in version 2, without them in version 1 (Linux 4.13) */
} CgroupLevel;

/* Finds the group of `pid` (0: this process). `root` stands for "/". False, and version 0: there is none.
 * Where the process's group lies outside what is mounted here, the mount's top stands for it. */
bool cgroup_find(const char *root, pid_t pid, CgroupPlace *place);

/* The same if it has moved meanwhile or was not found before; otherwise one small file is read. */
bool cgroup_find_again(const char *root, pid_t pid, CgroupPlace *place);

/* Reads the process's group and those above it, in this order; how many. */
size_t cgroup_read(const CgroupPlace *place, CgroupLevel levels[CGROUP_LEVELS]);

/* What can still be used below the level's limit: limit - used + reclaimable, 0..limit; -1: it has no limit.
 */
int64_t cgroup_available(const CgroupLevel *level);

/* Unknown in version 1. */
void cgroup_pressure(const CgroupPlace *place, const CgroupLevel *level, Pressure *pressure);

/* "/docker/4f2a", as /proc/PID/cgroup would tell it; "/" for the topmost of a container. Control characters
 * are replaced. */
void cgroup_name(const CgroupPlace *place, const CgroupLevel *level, char *name, size_t size);

/* The kernel's count for the process's own group alone; -1 unknown. */
int64_t cgroup_oom_kills(const CgroupPlace *place);

#endif
