/* The one source of video frame buffers, with a budget in bytes.
 *
 * Two kinds of use:
 *  - The decoder takes its buffers here (frame_pool_attach). It never waits: how many it holds is bounded by
 * the codec (reference frames and threads).
 *  - Every frame on its way through the pipeline holds a reservation of one frame's bytes. The reader
 * reserves before it hands a frame on and waits while the budget is used up; that wait is the pipeline's
 * back-pressure. The reservation also covers the private copy a frame needs before it is changed
 * (frame_pool_make_writable), because by then the decoder's own buffer is the decoder's business. So memory
 * is at most: decoder's frames + budget, whatever the length of the video. When nothing is reserved one
 * reservation always succeeds, even over budget, so the pipeline cannot stand still (told by
 * frame_pool_stats).
 *
 * Buffers are recycled by size; those of a size no longer asked for are freed. Thread-safe. The pool may be
 * freed while frames are still out: the last one frees it. It must not be freed while a decoder that it was
 * attached to still decodes.
 */
#ifndef RUNBATCH_MEDIA_FRAME_POOL_H
#define RUNBATCH_MEDIA_FRAME_POOL_H

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct FramePool FramePool;

FramePool *frame_pool_new(int64_t budget_bytes);
void frame_pool_free(FramePool **pool);

/* Sets the decoder's get_buffer2 and opaque. Before avcodec_open2. */
void frame_pool_attach(FramePool *pool, AVCodecContext *decoder);

/* Bytes of one picture of this shape as the pool allocates it (padding included); 0 for an impossible one. */
int64_t frame_pool_frame_bytes(enum AVPixelFormat format, int width, int height);

/* Waits until `bytes` fit (or nothing is reserved) and reserves them. STATUS_STOPPED after frame_pool_stop.
 */
Status frame_pool_reserve(FramePool *pool, int64_t bytes);
/* The same, but gives up with STATUS_AGAIN after `wait_ms`. */
Status frame_pool_reserve_within(FramePool *pool, int64_t bytes, int wait_ms);
void frame_pool_release(FramePool *pool, int64_t bytes);
/* Wakes every waiter for good. */
void frame_pool_stop(FramePool *pool);
/* Changes the budget while running (the governor shrinks and grows it). */
void frame_pool_set_budget(FramePool *pool, int64_t budget_bytes);

/* A frame with its own buffers from the pool; contents undefined. ERROR_MEMORY when there is none. */
Status frame_pool_new_frame(FramePool *pool, enum AVPixelFormat format, int width, int height, AVFrame *frame,
                            Error *err);
/* Gives `frame` its own copy from the pool unless it is the sole owner already. Properties are kept. */
Status frame_pool_make_writable(FramePool *pool, AVFrame *frame, Error *err);

typedef struct FramePoolStats {
    int64_t budget_bytes;
    int64_t reserved_bytes;
    int64_t peak_reserved_bytes;
    int64_t allocated_bytes; /* all buffers of the pool, decoder's included, free ones included */
    int64_t peak_allocated_bytes;
    int64_t over_budget; /* reservations granted only because nothing else was reserved */
    int64_t waits;
} FramePoolStats;

FramePoolStats frame_pool_stats(FramePool *pool);

#endif
