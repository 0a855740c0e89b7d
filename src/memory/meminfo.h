/* What the kernel tells of the whole machine's memory, and of one process in its status.
 *
 * `root` stands for "/" (so that tests read recorded machines). Fixed buffers of 20 KiB on the stack, no
 * allocation, one open and one read each. Any thread. Who wants to know how much memory is left asks
 * memory/machine.h, which knows the control groups' limits too.
 */
#ifndef RUNBATCH_MEMORY_MEMINFO_H
#define RUNBATCH_MEMORY_MEMINFO_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct MemInfo {
    int64_t total_bytes;
    int64_t available_bytes; /* what programs can still get without swapping; at most the total */
    int64_t swap_total_bytes;
    int64_t swap_free_bytes;
} MemInfo;

typedef struct ProcessMemory {
    int64_t rss_bytes;      /* VmRSS */
    int64_t peak_rss_bytes; /* VmHWM */
} ProcessMemory;

/* Reads /proc/meminfo. A kernel without MemAvailable (before 3.14) gets free + buffers + cached. */
Status meminfo_read(const char *root, MemInfo *info, Error *err);

/* How many processes the kernel ended because memory ran out, by any limit (oom_kill in /proc/vmstat, Linux
 * 4.13); -1 unknown. */
int64_t meminfo_oom_kills(const char *root);

/* Reads /proc/PID/status; pid 0 means "self". Fails (ERROR_ENVIRONMENT) when the process is gone; a zombie
 * has no memory: zeros. */
Status meminfo_read_process(const char *root, pid_t pid, ProcessMemory *memory, Error *err);

#endif
