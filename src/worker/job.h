/* One video from its input to a checked file under its temporary name: joins reader, faces, pipeline, writer.
 *
 * What an earlier run left in the folder for chunks is gone on with: chunks that are whole are put into the
 * output, the reader seeks the first frame behind them, the faces are followed from a second before it
 * (worker/job_resume.c). job_run runs on one thread of the worker and starts the pipeline's; JobControl is
 * how the others stop it and see how far it is. Worst-case memory: the models, the decoder's and encoder's
 * own frames, and the frame budget: what memory_estimate tells.
 */
#ifndef RUNBATCH_WORKER_JOB_H
#define RUNBATCH_WORKER_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "media/chunk.h"
#include "media/frame_pool.h"
#include "media/reader.h"
#include "media/writer.h"
#include "memory/estimate.h"
#include "options/settings.h"
#include "report/statistics.h"

typedef struct JobConfig {
    const Settings *settings;
    const char *input;
    const char *output;    /* its extension chooses the container */
    const char *temporary; /* written here; the caller's to make and to remove */
    const char *folder;   /* for chunks, there already; what it holds when the job ends is for the next run */
    const char *key;      /* what the output is made from: chunks of another key are not used */
    int64_t memory_bytes; /* that the whole worker may take; 0: no limit */
    const char *source;   /* NULL when no processor needs one */
    int shared;           /* file for what is told of the video's faces (face/followed.h); 0: none */
    const char *people;   /* the file of those whom a face map names; may be NULL */
} JobConfig;

typedef enum JobPhase {
    JOB_OPENING, /* and finding the place to go on */
    JOB_RUNNING,
    JOB_FINISHING, /* all frames are written */
} JobPhase;

/* Begin with JOB_CONTROL_INIT. */
typedef struct JobControl {
    atomic_bool stop;           /* at once */
    atomic_llong frames_done;   /* of the input, in the output; those of earlier runs included */
    atomic_llong frames_reused; /* of them: of earlier runs */
    atomic_llong work;          /* grows with all that gets on: frames read over, written, checked */
    /* Called once, on the job's thread, when the input is open. May be NULL. */
    void (*opened)(void *context, const MediaInfo *info, const WorkerShape *shape,
                   const MemoryEstimate *estimate);
    /* Called when a chunk is on the disk, and first for each one of an earlier run that is used again; on any
     * thread, one call at a time. Indices begin again at 0 when those of an earlier run turn out to be of
     * no use after all. May be NULL. */
    void (*chunk)(void *context, const ChunkInfo *chunk);
    void *context;
    pthread_mutex_t lock;
    /* protected by lock */
    JobPhase phase;
    Writer *writer;       /* while running */
    int64_t frames_total; /* an estimate; 0 unknown */
    double frame_rate;    /* of the video; 0 not known */
    int percent;          /* its share, see job_set_share; 0: all */
    FramePool *pool;      /* while running, as the next three */
    int64_t budget_bytes; /* of the whole share */
    int threads;
    atomic_int *threads_now;
} JobControl;

#define JOB_CONTROL_INIT                                                                                     \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                                    \
    }

/* STATUS_OK: the file under the temporary name is complete and checked. On STATUS_STOPPED and STATUS_FAILED
 * it is of no use, but finished chunks are. */
Status job_run(const JobConfig *config, JobControl *control, VideoResult *result, Error *err);

/* From any thread: asks it to end with the current chunk (or, behind the last frame, with the video). False:
 * at `fps`, its speed of late, that takes longer than `grace_ms`, or there is nothing worth waiting for; set
 * `stop` then. The grace is the caller's to watch. */
bool job_stop_at_chunk(JobControl *control, int64_t grace_ms, double fps);

/* From any thread, at any time: it works with that share of its threads and of its frame budget, 1 to 100
 * percent, at least one thread and one frame. What is free then is given back. */
void job_set_share(JobControl *control, int percent);

/* Whether the rest of a chunk takes at most `grace_ms`. `frame_rate` of the video, 0: not known. Pure. */
bool job_is_near(double done_s, double length_s, double frame_rate, double fps, int64_t grace_ms);

#endif
