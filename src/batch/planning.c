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

int64_t planning_card(const Settings *settings, const GpuReading *card)
{
    const int64_t most = settings->max_video_memory_bytes;
    return most > 0 && most < card->total_bytes ? most : card->total_bytes;
}

void planning_add_card(PlannerMachine *machine, const Settings *settings, const GpuReading *card,
                       int64_t ours_bytes)
{
    const int64_t others_bytes = card->used_bytes - ours_bytes;
    machine->video_total_bytes = planning_card(settings, card);
    machine->video_others_bytes = others_bytes > 0 ? others_bytes : 0;
}
