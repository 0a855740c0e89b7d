/* A worker's job for `runbatch preview`: some moments of a video before and after, in one picture.
 *
 * The same code changes the frames as in a job: each moment is sought, the faces are followed from a second
 * before it (face_tracker_warm_up_s), and the frame goes through the processors. Memory: models, decoder, and
 * the picture, at most some 100 MB.
 */
#ifndef RUNBATCH_WORKER_PREVIEW_JOB_H
#define RUNBATCH_WORKER_PREVIEW_JOB_H

#include "worker/job.h"

/* What --at says: seconds, [h:]mm:ss, or frame:N. One of the two is set, the other negative. False: it is
 * nothing of that. */
bool preview_read_time(const char *text, double *seconds, int64_t *frame);

/* The settings that are shown: as they are, or what --compare makes of them; the caller frees them. */
enum { PREVIEW_VARIANTS = 2 };
Status preview_variants(const Settings *settings, Settings variant[PREVIEW_VARIANTS], int *count, Error *err);

/* Writes the picture as config->temporary, in the kind that config->output's name asks for. `result`: frames
 * are moments, frames_changed those with a face that was changed. ERROR_USAGE for a moment behind the end. */
Status preview_job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err);

#endif
