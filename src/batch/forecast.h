/* What a batch is going to take: of each video its memory, disk and time, how many go at once and why, and
 * whether all will go. Pure: all that is known is handed in.
 *
 * Memory: a ForecastVideo per video.
 */
#ifndef RUNBATCH_BATCH_FORECAST_H
#define RUNBATCH_BATCH_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch/inputs.h"
#include "batch/pace.h"
#include "batch/past_memory.h"
#include "batch/plan.h"
#include "batch/space.h"
#include "batch/supervisor.h"
#include "memory/estimate.h"
#include "memory/planner.h"

typedef enum ForecastState {
    FORECAST_NEW = 0,
    FORECAST_AGAIN,      /* an output is there, and will be made anew */
    FORECAST_RESUMABLE,  /* it goes on behind chunks of an earlier run */
    FORECAST_DONE,       /* its output is complete */
    FORECAST_CLASH,      /* its output would have another's name: no batch begins */
    FORECAST_UNREADABLE, /* it will fail */
    FORECAST_TOO_LARGE,  /* likewise: it cannot work within --max-memory, or the limit that counts */
    FORECAST_STATES,
} ForecastState;

/* "new", "again", "resumable", "done", "clash", "unreadable", "too_large": stable, used in JSON. */
const char *forecast_state_name(ForecastState state);

typedef struct ForecastVideo {
    ForecastState state;
    MemoryEstimate memory; /* of its worker at its peak; zeros where it is not to be made */
    double memory_factor;  /* by which earlier videos corrected that; 1: they did not */
    Error *refused;        /* FORECAST_TOO_LARGE: the least that would do. Owned */
    int64_t output_bytes;  /* of the finished output */
    SpaceNeed need;        /* while it is made: what it has yet to write */
    double seconds;        /* as one of those that run at once; 0 done, or not known */
} ForecastVideo;

/* What is known. Arrays have one entry per item of the plan. */
typedef struct ForecastFacts {
    const Settings *settings;
    const Plan *plan;
    const ProbeAnswer *answers;
    const InputLook *looks;
    Pace pace;
    PastMemory *past; /* NULL: nothing is known */
    SpaceHistory history;
    SpaceVolume volumes[SPACE_PLACES];
    PlannerMachine machine; /* disk_bytes is filled here */
} ForecastFacts;

typedef struct Forecast {
    ForecastVideo *videos;
    size_t count;
    int states[FORECAST_STATES];
    int to_make;          /* new, again, resumable */
    int64_t frames;       /* of those, as far as known; without what chunks hold */
    int64_t output_bytes; /* of those */
    SpaceNeed need;       /* of the whole batch: all outputs, and what those at once have beside them */
    SpaceVerdict space;
    double seconds; /* of the whole batch */
    int untimed;    /* of those to make: whose time is not known */
    PlannerJobs jobs;
    bool all_go; /* nothing clashes, all can be read, and there is space */
} Forecast;

/* `forecast` must be freed. */
void forecast_make(const ForecastFacts *facts, Forecast *forecast);
void forecast_free(Forecast *forecast);

#endif
