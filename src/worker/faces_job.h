/* A worker's job for `runbatch faces`: notes who is where in a video (worker/analysis.h), and nothing else.
 */
#ifndef RUNBATCH_WORKER_FACES_JOB_H
#define RUNBATCH_WORKER_FACES_JOB_H

#include "worker/job.h"

/* The record is in config->folder then. Of `config` its settings, input, folder and key count; of `control`
 * the stop, and what tells how far it is. */
Status faces_job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err);

#endif
