/* --dry-run: what a batch would do, video by video, as lines or as one JSON object a line. */
#ifndef RUNBATCH_CMD_DRY_RUN_H
#define RUNBATCH_CMD_DRY_RUN_H

#include "batch/plan.h"
#include "batch/supervisor.h"

/* Asks which outputs are complete (answers: one per item) and prints. Gives the exit code. */
int dry_run(const Settings *settings, const Plan *plan);

/* Appends what dry_run prints. Pure. */
void dry_run_text(const Plan *plan, const ProbeAnswer *answers, Text *page);
void dry_run_json(const Plan *plan, const ProbeAnswer *answers, Text *page);

#endif
