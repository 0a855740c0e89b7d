#include "memory/machine.h"

#include <sched.h>
#include <unistd.h>

void machine_open(Machine *machine, const char *root)
{
    *machine = (Machine){.root = root};
}

static void take_swap(MemoryReading *reading, const CgroupLevel *level)
{
    if (level->swap_limit_bytes < 0) {
        return;
    }
    const int64_t used = level->swap_used_bytes > 0 ? level->swap_used_bytes : 0;
    const int64_t free = level->swap_limit_bytes > used ? level->swap_limit_bytes - used : 0;
    if (free < reading->swap_free_bytes) {
        reading->swap_total_bytes = level->swap_limit_bytes;
        reading->swap_free_bytes = free;
    }
}

/* A limit of 0 (memory.high may be that) is one that is reached, and 0 says that none was read. */
static int64_t at_least_one(int64_t limit_bytes)
{
    return limit_bytes > 0 ? limit_bytes : 1;
}

static void take_limit(MemoryReading *reading, const CgroupLevel *level)
{
    if (level->limit_bytes >= 0 && level->limit_bytes < reading->least_limit_bytes) {
        reading->least_limit_bytes = at_least_one(level->limit_bytes);
    }
}

/* Puts in place of the machine's the limit of the group that has less left than all others. */
static void take_groups(const CgroupPlace *place, MemoryReading *reading)
{
    CgroupLevel levels[CGROUP_LEVELS];
    const size_t count = cgroup_read(place, levels);
    const CgroupLevel *tightest = NULL;
    for (size_t i = 0; i < count; i++) {
        const int64_t available = cgroup_available(&levels[i]);
        take_swap(reading, &levels[i]);
        take_limit(reading, &levels[i]);
        if (available >= 0 && (tightest == NULL || available < cgroup_available(tightest))) {
            tightest = &levels[i];
        }
    }
    if (count > 0) {
        cgroup_pressure(place, tightest != NULL ? tightest : &levels[0], &reading->group_pressure);
    }
    if (tightest != NULL && cgroup_available(tightest) < reading->available_bytes) {
        reading->total_bytes = at_least_one(tightest->limit_bytes);
        reading->available_bytes = cgroup_available(tightest);
        cgroup_name(place, tightest, reading->group, sizeof reading->group);
    }
}

Status machine_read(Machine *machine, MemoryReading *reading, Error *err)
{
    MemInfo info;
    *reading = (MemoryReading){0};
    if (meminfo_read(machine->root, &info, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    *reading = (MemoryReading){.total_bytes = info.total_bytes,
                               .available_bytes = info.available_bytes,
                               .least_limit_bytes = info.total_bytes,
                               .swap_total_bytes = info.swap_total_bytes,
                               .swap_free_bytes = info.swap_free_bytes,
                               .machine_total_bytes = info.total_bytes,
                               .machine_available_bytes = info.available_bytes};
    pressure_read_machine(machine->root, &reading->pressure);
    if (cgroup_find_again(machine->root, 0, &machine->place)) {
        take_groups(&machine->place, reading);
    }
    reading->used_bytes = reading->total_bytes - reading->available_bytes;
    return STATUS_OK;
}

int machine_cores(void)
{
    cpu_set_t set;
    /* a machine of more than 1024 does not fit into the set */
    const long cores =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

double memory_used_percent(const MemoryReading *reading)
{
    return reading->total_bytes > 0 ? 100.0 * (double)reading->used_bytes / (double)reading->total_bytes
                                    : 0.0;
}
