/* Finds out what a forecast goes by: what the inputs are, which outputs are complete, what earlier runs took,
 * what there is of memory, cores and disk.
 *
 * Needs nobody's leave: where the output folder is free its lock is held for the moment in which the store is
 * brought up to date, and for the one in which new looks are saved; where a batch works there, or nothing can
 * be written, it goes on without. One thread. Memory: some 300 bytes a video, and an Error for each that
 * cannot be read.
 */
#ifndef RUNBATCH_BATCH_SURVEY_H
#define RUNBATCH_BATCH_SURVEY_H

#include "batch/forecast.h"

typedef struct Survey {
    ForecastFacts facts; /* its arrays are the next two */
    ProbeAnswer *answers;
    InputLook *looks;
    PastMemory past;
    int looked;     /* inputs that can be read and that the store did not know */
    TextList notes; /* what users should be told: the store was damaged and is made anew */
} Survey;

/* `plan` and `settings` must outlive it; `hooks` may be NULL. ERROR_ENVIRONMENT: the store cannot be read, no
 * worker can be started. Must be freed in all cases. */
Status survey_make(const Settings *settings, const Plan *plan, const BatchHooks *hooks, Survey *survey,
                   Error *err);
void survey_free(Survey *survey);

#endif
