/* What the job's files share. Private to them. */
#ifndef RUNBATCH_WORKER_JOB_INTERNAL_H
#define RUNBATCH_WORKER_JOB_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "media/frame_pool.h"
#include "pipeline/pipeline.h"
#include "worker/doubt_notes.h"
#include "worker/face_work.h"
#include "worker/frame_store.h"
#include "worker/job.h"
#include "worker/job_shape.h"
#include "worker/provenance.h"

typedef struct Job {
    const JobConfig *config;
    JobControl *control;
    FileState input_before;
    FramePool *pool;
    Reader *reader;
    MediaInfo info;    /* the reader's, which may be opened anew */
    MediaInfo made;    /* the same of what is made: perhaps larger */
    WorkerShape shape; /* zero until the input is open for the first time */
    Writer *writer;
    FaceWork *faces;     /* NULL: frames pass unchanged */
    bool resumed;        /* chunks of an earlier run are used: */
    WriterResume resume; /* zero otherwise */
    AVFrame *first;      /* read already to prove that it is the one to go on with; empty otherwise */
    int64_t pts_before;  /* of the frame before the next; AV_NOPTS_VALUE: there is none */
    ChunkCounts counts;  /* of the video so far, earlier runs' included */
    FrameFiles *files;   /* NULL: frames stay in memory */
    AVFrame *picture;    /* what a frame's file says */
    Provenance provenance;
    DoubtNotes doubts;      /* the in-order thread's */
    atomic_int threads_now; /* of the any-order threads */
    int64_t settled_bytes;  /* the resident set at the first chunk's end, or after memory was given back */
    PipelineStats pipeline;
    WriterSummary written;
} Job;

/* In this order. STATUS_STOPPED too. */
Status job_open_input(Job *job, Error *err);
Status job_pass_gate(Job *job, Error *err);
Status job_open_faces(Job *job, Error *err);
Status job_open_output(Job *job, Error *err);
Status job_open_frames(Job *job, Error *err); /* behind job_go_on */

/* Parts of these, for those who begin anew. */
Status job_open_reader(Job *job, Error *err);
Status job_open_writer(Job *job, Error *err);

/* Whether the output tells that its faces were changed. */
bool job_is_marked(const Job *job);

/* The next frame to be worked on; `check`: of one that begins a chunk, how it is known. `context`: the Job.
 */
Status job_read_frame(void *context, AVFrame *frame, uint64_t *check, Error *err);

/* At a chunk's end. Where memory has grown, what the allocator and the models keep for later goes back. */
void job_settle_memory(Job *job);

/* Whether every read of the input worked. */
Status job_check_reads(const Job *job, Error *err);

/* Brings the reader to the frame that the writer wants next (then in job->first) and the face tracker to the
 * state it had there. */
Status job_go_on(Job *job, Error *err);

#endif
