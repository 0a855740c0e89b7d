/* How much memory is left for this process, by whatever limits it first: the machine or one of the control
 * groups that it is in. The one reading that the batch decides by.
 *
 * `root` stands for "/". A Machine is 12 KiB and a reading takes up to 60 KiB of stack; no allocation that
 * stays, no open files. Takes some 0.2 ms. A Machine belongs to one thread; nothing needs to be closed.
 */
#ifndef RUNBATCH_MEMORY_MACHINE_H
#define RUNBATCH_MEMORY_MACHINE_H

#include <stdint.h>

#include "base/error.h"
#include "memory/cgroup.h"
#include "memory/meminfo.h"
#include "memory/pressure.h"

typedef struct Machine {
    const char *root;
    CgroupPlace place;
} Machine;

enum { MACHINE_GROUP_BYTES = 256 };

typedef struct MemoryReading {
    /* Against the limit with the least available: */
    int64_t total_bytes;     /* the limit; 0: not read */
    int64_t available_bytes; /* what programs can still get without swapping or being ended */
    int64_t used_bytes;      /* total - available */
    /* Whose limit that is: the name of a control group, as cgroup_name gives it; empty: the machine. */
    char group[MACHINE_GROUP_BYTES];
    /* The smallest limit of all, however much of it is left: in the long run nobody gets more. */
    int64_t least_limit_bytes;
    int64_t swap_total_bytes; /* the least that the machine and the groups have left, and its limit */
    int64_t swap_free_bytes;
    int64_t machine_total_bytes; /* whatever the groups say */
    int64_t machine_available_bytes;
    Pressure pressure;       /* of the machine */
    Pressure group_pressure; /* of the group with the least available; where none has a limit, of our own */
} MemoryReading;

/* `root` must outlive the machine. */
void machine_open(Machine *machine, const char *root);

/* Fails only if the machine's memory cannot be read; groups that cannot be read do not limit. */
Status machine_read(Machine *machine, MemoryReading *reading, Error *err);

/* How many processors this process may use; at least 1. */
int machine_cores(void);

/* 0..100; 0 when nothing was read. */
double memory_used_percent(const MemoryReading *reading);

#endif
