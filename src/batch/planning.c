#include "batch/planning.h"

int64_t planning_budget(const Settings *settings, const MemoryReading *reading)
{
    return settings_share_bytes(&settings->max_total_memory, reading->least_limit_bytes);
}

PlannerMachine planning_machine(const Settings *settings, const MemoryReading *reading, int64_t ours_bytes)
{
    const int64_t others_bytes = reading->used_bytes - ours_bytes;
    return (PlannerMachine){
        .total_bytes = reading->total_bytes,
        .limit_bytes = reading->least_limit_bytes,
        .others_bytes = others_bytes > 0 ? others_bytes : 0,
        .budget_bytes = planning_budget(settings, reading),
        .high_percent = settings->memory_high,
        .cores = machine_cores(),
        .disk_bytes = -1,
        .jobs = (int)settings->jobs,
    };
}
