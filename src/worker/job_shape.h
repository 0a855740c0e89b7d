/* From settings and a video to what the worker must be like, and what of memory that takes.
 *
 * Joins memory/estimate.h with the options and with what is known of a video; also for plans, which know a
 * video from its probe. Pure but for the sizes of the user's model files; any thread.
 */
#ifndef RUNBATCH_WORKER_JOB_SHAPE_H
#define RUNBATCH_WORKER_JOB_SHAPE_H

#include "base/error.h"
#include "media/look.h"
#include "memory/estimate.h"
#include "options/settings.h"

/* Its strings are those of `settings` and `look`. A format that is not known yet counts as 4:2:0. */
MemoryTask job_memory_task(const Settings *settings, const MediaLook *look);

/* As the options ask, with no limit of memory. `processors`: how many cores there are. */
WorkerShape job_shape_asked(const Settings *settings, const MemoryTask *task, int processors);

/* The largest shape up to the asked one that works within `budget_bytes` (0: no limit). ERROR_USAGE that
 * tells the least that would do, with its parts, and, as advice, the option. */
Status job_shape_choose(const Settings *settings, const MemoryTask *task, int processors,
                        int64_t budget_bytes, WorkerShape *shape, Error *err);

/* "0.62 GB: decoder 0.21, encoder 0.25, models 0.11, frames 0.05", in the user's language; decimal, rounded
 * up. Parts that are nothing in this unit are left out. Returns `buffer`. */
const char *job_memory_text(const MemoryEstimate *estimate, char *buffer, size_t size);

#endif
