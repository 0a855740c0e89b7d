#include "memory/estimate.h"

/* Frames in the pool with which every stage has one and the rest is serial. */
static int64_t working_budget(const MemoryTask *task, int threads)
{
    enum { STAGES = 2 };
    return memory_frame_bytes(task) * (STAGES + threads);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

WorkerShape memory_least_shape(const MemoryTask *task)
{
    return (WorkerShape){.execution_threads = 1,
                         .decoder_threads = 1,
                         .encoder_threads = 1,
                         .frame_budget_bytes = memory_frame_bytes(task)};
}

static bool fits(const MemoryTask *task, int64_t budget_bytes, const WorkerShape *shape)
{
    return memory_needed(task, shape).total_bytes <= budget_bytes;
}

/* What can be given up, dearest first. */
typedef enum Step {
    STEP_STAGES, /* every stage has a frame */
    STEP_ENCODER_THREADS,
    STEP_DECODER_THREADS,
    STEP_EXECUTION_THREADS,
    STEP_POOL,
    STEP_COUNT,
} Step;

/* The shape with `level` of what the step is about, at most what is asked; false: it is that already. */
static bool raise_to(const MemoryTask *task, const WorkerShape *asked, Step step, int level,
                     WorkerShape *shape)
{
    enum { POOL_LEVELS = 8 };
    const int64_t working =
        smaller(asked->frame_budget_bytes, working_budget(task, shape->execution_threads));
    switch (step) {
    case STEP_STAGES:
        shape->frame_budget_bytes = working;
        return level == 1;
    case STEP_ENCODER_THREADS:
        shape->encoder_threads = level;
        return level <= asked->encoder_threads;
    case STEP_DECODER_THREADS:
        shape->decoder_threads = level;
        return level <= asked->decoder_threads;
    case STEP_EXECUTION_THREADS:
        shape->execution_threads = level;
        shape->frame_budget_bytes = smaller(asked->frame_budget_bytes, working_budget(task, level));
        return level <= asked->execution_threads;
    default:
        shape->frame_budget_bytes =
            working + (asked->frame_budget_bytes - working) / POOL_LEVELS * smaller(level, POOL_LEVELS);
        shape->frame_budget_bytes =
            level == POOL_LEVELS ? asked->frame_budget_bytes : shape->frame_budget_bytes;
        return level <= POOL_LEVELS;
    }
}

MemoryFit memory_shape(const MemoryTask *task, int64_t budget_bytes, WorkerShape *shape)
{
    if (budget_bytes <= 0 || fits(task, budget_bytes, shape)) {
        return MEMORY_FITS_AS_ASKED;
    }
    const WorkerShape asked = *shape;
    *shape = memory_least_shape(task);
    shape->frame_budget_bytes = smaller(shape->frame_budget_bytes, asked.frame_budget_bytes);
    if (!fits(task, budget_bytes, shape)) {
        return MEMORY_FITS_NOT;
    }
    for (Step step = STEP_STAGES; step < STEP_COUNT; step++) {
        WorkerShape more = *shape;
        for (int level = 1; raise_to(task, &asked, step, level, &more) && fits(task, budget_bytes, &more);
             level++) {
            *shape = more;
        }
    }
    return MEMORY_FITS_WITH_LESS;
}
