/* Sensors: the machine's memory and the resident set of a process.
 *
 * Readers take the folder that stands for /proc, so that tests use recorded trees. Fixed buffers, no
 * allocation, one open and one read each. Any thread.
 */
#ifndef RUNBATCH_MEMORY_MEMINFO_H
#define RUNBATCH_MEMORY_MEMINFO_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct MemoryReading {
    int64_t total_bytes;     /* 0: not read */
    int64_t available_bytes; /* what programs can still get without swapping */
    int64_t used_bytes;      /* total - available */
} MemoryReading;

typedef struct ProcessMemory {
    int64_t rss_bytes;      /* VmRSS */
    int64_t peak_rss_bytes; /* VmHWM */
} ProcessMemory;

/* Reads `proc_root`/meminfo. A kernel without MemAvailable (before 3.14) gets free + buffers + cached. */
Status memory_read(const char *proc_root, MemoryReading *reading, Error *err);

/* Reads `proc_root`/PID/status; pid 0 means "self". Fails quietly-usefully (ERROR_ENVIRONMENT) when the
 * process is gone; a zombie has no memory: zeros. */
Status memory_read_process(const char *proc_root, pid_t pid, ProcessMemory *memory, Error *err);

/* 0..100; 0 when nothing was read. */
double memory_used_percent(const MemoryReading *reading);

#endif
