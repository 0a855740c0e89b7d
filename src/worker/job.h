/* One video from its input to a checked file under its temporary name: joins reader, faces, pipeline, writer.
 *
 * job_run runs on one thread of the worker and starts the pipeline's; JobControl is how the others stop it
 * and see how far it is. Worst-case memory: the models, the decoder's and encoder's own frames, and the frame
 * budget (job_frame_budget).
 */
#ifndef RUNBATCH_WORKER_JOB_H
#define RUNBATCH_WORKER_JOB_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "media/reader.h"
#include "options/settings.h"
#include "report/statistics.h"

typedef struct JobConfig {
    const Settings *settings;
    const char *input;
    const char *output;    /* its extension chooses the container */
    const char *temporary; /* written here */
    const char *source;    /* NULL when no processor needs one */
} JobConfig;

typedef struct JobControl {
    atomic_bool stop;
    atomic_llong frames_done;
    /* Called once, on the job's thread, when the input is open. May be NULL. */
    void (*opened)(void *context, const MediaInfo *info);
    void *context;
} JobControl;

/* STATUS_OK: the file under the temporary name is complete and checked. STATUS_STOPPED, STATUS_FAILED: it is
 * removed. */
Status job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err);

/* The frame pool's budget in bytes. As asked (`asked_bytes` > 0), otherwise the least that keeps every thread
 * busy: one frame at the reader, the tracker and the writer each, one waiting between each two of them, and
 * for each of the `threads` one being changed and one that waits for its turn in the order. */
int64_t job_frame_budget(int64_t asked_bytes, int64_t frame_bytes, int64_t threads);

#endif
