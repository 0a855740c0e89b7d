/* The machine as the planner (memory/planner.h) must see it: for the batch and for plans. Pure but for the
 * number of processors; any thread.
 */
#ifndef RUNBATCH_BATCH_PLANNING_H
#define RUNBATCH_BATCH_PLANNING_H

#include <stdint.h>

#include "memory/gpu.h"
#include "memory/machine.h"
#include "memory/planner.h"
#include "options/settings.h"

/* What all of ours may use together, by --max-total-memory; 0: no limit but the machine's. A share is one of
 * the smallest limit, so that it stays the same whichever limit has the least left. */
int64_t planning_budget(const Settings *settings, const MemoryReading *reading);

/* `ours_bytes`: of what is used, what workers of this batch have. Disk and graphics card are not told. */
PlannerMachine planning_machine(const Settings *settings, const MemoryReading *reading, int64_t ours_bytes);

/* What there is of a graphics card: its memory, or --max-video-memory where that is less; 0: not read. */
int64_t planning_card(const Settings *settings, const GpuReading *card);

/* The card too; `ours_bytes` as above, of what is used there. */
void planning_add_card(PlannerMachine *machine, const Settings *settings, const GpuReading *card,
                       int64_t ours_bytes);

#endif
