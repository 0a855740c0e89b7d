/* What the governor's files share: governor.c (states, the pause, when something is done), governor_choice.c
 * (whom it is done to). */
#ifndef RUNBATCH_MEMORY_GOVERNOR_INTERNAL_H
#define RUNBATCH_MEMORY_GOVERNOR_INTERNAL_H

#include "memory/governor.h"

/* One step's view of things. */
typedef struct GovernorView {
    const GovernorInput *input;
    const GovernorSettings *settings;
    GovernorState now[GOVERNOR_RESOURCES]; /* by this reading alone */
    GovernorReason reason[GOVERNOR_RESOURCES];
    double percent[GOVERNOR_RESOURCES];
    bool known[GOVERNOR_RESOURCES];
} GovernorView;

/* 0 to the total. */
int64_t governor_used(const GovernorReading *reading);

/* Whom an action is for; NULL: nobody. The rules are those of governor_step. */
const GovernorWorker *governor_to_end(const GovernorInput *input, GovernorCause cause);
const GovernorWorker *governor_to_requeue(const GovernorInput *input, GovernorResource resource);
const GovernorWorker *governor_to_shrink(const GovernorInput *input, GovernorResource resource);
const GovernorWorker *governor_to_grow(const GovernorView *view);

#endif
