/* The threads between reader and writer.
 *
 *   reader ─► [queue] ─► in-order stage ─► [queue] ─► N any-order threads ─► reorder ─► writer
 *   1 thread             1 thread (tracker)           (processors)                      1 thread
 *
 * Every frame in flight holds a reservation of the FramePool from the reader to the writer; queues are
 * bounded in items and finishable from both ends; every wait has a stop path. The stages are given as
 * functions, so that the pipeline is tested without media files. Frames reach the sink in the order of the
 * source, each exactly once.
 *
 * The first failure of any stage stops all; its Error is the one returned. Memory: the pool's budget, plus
 * the side data of the frames in flight.
 */
#ifndef RUNBATCH_PIPELINE_PIPELINE_H
#define RUNBATCH_PIPELINE_PIPELINE_H

#include <libavutil/frame.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "media/frame_pool.h"

typedef struct PipelineStages {
    void *context;
    /* Bytes of side data that travel with each frame from `source` to `sink`; zeroed for each frame. */
    size_t side_bytes;
    /* Gives the next frame (STATUS_EOF at the end; STATUS_AGAIN: not yet, it is asked again at once). Reader
     * thread. */
    Status (*source)(void *context, AVFrame *frame, void *side, Error *err);
    /* Looks at a frame, fills its side data, and says whether any_order has to change it. In-order thread. */
    Status (*in_order)(void *context, const AVFrame *frame, void *side, bool *change, Error *err);
    /* Changes a writable frame; thread is 0..threads-1. Only for frames in_order asked to change. */
    Status (*any_order)(void *context, int thread, AVFrame *frame, const void *side, Error *err);
    /* Takes a frame in source order; it stays the pipeline's. Writer thread. */
    Status (*sink)(void *context, const AVFrame *frame, const void *side, Error *err);
} PipelineStages;

typedef struct PipelineConfig {
    PipelineStages stages;
    FramePool *pool;
    int enlarge; /* any_order may put a frame that many times wider and higher in its place; 0 and 1: none */
    int threads; /* N >= 1 */
    /* How many of them change frames now, at least 1; the others rest. May change at any time; NULL: all. */
    const atomic_int *threads_now;
    /* Polled by every stage; true ends the run with STATUS_STOPPED. May be NULL. */
    const atomic_bool *stop;
    /* Counts frames that left the sink, for progress; may be NULL. */
    atomic_llong *frames_done;
} PipelineConfig;

/* Busy and waiting time of each kind of stage, for the statistics ("which stage is the limit"). */
typedef struct PipelineStats {
    int64_t frames;
    int64_t frames_changed;
    int64_t frames_copied; /* for make_writable */
    double busy_s[4];      /* source, in_order, any_order (sum over threads), sink */
    int max_in_flight;
} PipelineStats;

/* Frames between source and sink at the same time, whatever the pool's budget holds. */
int pipeline_frames_most(int threads);

/* Runs to the end, the first failure, or stop. STATUS_OK, STATUS_STOPPED or STATUS_FAILED. */
Status pipeline_run(const PipelineConfig *config, PipelineStats *stats, Error *err);

#endif
