/* What a worker will take of memory, before it starts; and what a worker must be like to fit into a budget.
 *
 * What is estimated is the peak of its resident set (VmHWM): its own pages and the mapped pages of program
 * and libraries that it touched. That is what users see, what the watch on the resident set compares, and
 * more than what a control group or RLIMIT_DATA cannot take back (mapped pages of files can be dropped, but a
 * worker whose code is dropped crawls). Not in it: the page cache of the files it reads and writes, which the
 * kernel drops by itself.
 *
 * The estimate is a sum of constants, each times an amount that follows from the task and the shape
 * (memory_amounts); the constants stand in one table in estimate.c and come from bench/calibrate.py. Pure: no
 * clock, no files, no allocation; any thread.
 */
#ifndef RUNBATCH_MEMORY_ESTIMATE_H
#define RUNBATCH_MEMORY_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

/* All that a worker's memory depends on and that does not change the picture, beyond what an encoder itself
 * does differently with fewer threads. (Without x264's sync-lookahead pictures differ: it stays.) */
typedef struct WorkerShape {
    int execution_threads;      /* frames changed at the same time; at least 1 */
    int decoder_threads;        /* at least 1 */
    int encoder_threads;        /* at least 1 */
    int64_t frame_budget_bytes; /* of the frame pool, for frames between reader and writer */
} WorkerShape;

/* What is to be done. Zeros where something is not known are taken for what is usual. */
typedef struct MemoryTask {
    const char *decoder; /* FFmpeg's name of the video's codec, "h264" */
    int width;
    int height;
    int bit_depth;
    int chroma_width_shift; /* log2 of how much coarser chroma is: 1 and 1 for 4:2:0 */
    int chroma_height_shift;
    int enlarge;          /* what is made is that many times wider and higher; 0: 1 */
    int reference_frames; /* that the decoder keeps */
    int64_t frames;       /* in the video */
    int audio_streams;
    const char *encoder;       /* "libx264" */
    const char *preset;        /* NULL: the encoder's own */
    bool faces;                /* whether they are looked for at all */
    int64_t own_model_bytes;   /* of the user's models that are loaded beside the default ones */
    int64_t own_loading_bytes; /* that these take more while they are loaded, before the first frame */
    int64_t own_thread_bytes;  /* of the processors for each execution thread, beside the default's */
} MemoryTask;

typedef enum MemoryPart {
    MEMORY_PROGRAM = 0, /* itself and its libraries */
    MEMORY_DECODER,     /* its threads, and the frames that it keeps */
    MEMORY_ENCODER,     /* its threads, and the frames that it keeps and looks ahead at */
    MEMORY_MODELS,      /* and what they need while they run */
    MEMORY_FRAMES,      /* the frame pool */
    MEMORY_CONTAINERS,  /* indices (120 bytes a frame), chunks, sound */
    MEMORY_RESERVE,     /* what a peak may be above an estimate; only where a limit must be kept */
    MEMORY_PART_COUNT,
} MemoryPart;

typedef struct MemoryEstimate {
    int64_t total_bytes; /* the sum of all parts */
    int64_t part_bytes[MEMORY_PART_COUNT];
} MemoryEstimate;

/* "program", "decoder", …, "reserve": stable, used in JSON. */
const char *memory_part_name(MemoryPart part);

MemoryEstimate memory_estimate(const MemoryTask *task, const WorkerShape *shape);

/* The least limit under which that shape works: the estimate and a reserve of MEMORY_RESERVE_PERCENT. */
enum { MEMORY_RESERVE_PERCENT = 5 };
MemoryEstimate memory_needed(const MemoryTask *task, const WorkerShape *shape);

/* Bytes of one frame on its way as the pool keeps it, padding included, with the larger one that takes its
 * place where there is such; 0 for an impossible one. */
int64_t memory_frame_bytes(const MemoryTask *task);

/* The frame pool's budget in bytes that keeps so many threads busy and no more: one frame at the reader, the
 * tracker and the writer each, one waiting between each two of them, and for each of the `threads` one being
 * changed and one that waits for its turn in the order. As asked, where `asked_bytes` > 0. */
int64_t memory_frame_budget(int64_t asked_bytes, int64_t frame_bytes, int64_t threads);

/* ---- into a budget ---- */

typedef enum MemoryFit {
    MEMORY_FITS_AS_ASKED = 0,
    MEMORY_FITS_WITH_LESS,
    MEMORY_FITS_NOT, /* not even the least; `shape` is the least */
} MemoryFit;

/* Makes `shape`, as asked, the largest that `budget_bytes` (0: no limit) holds by memory_needed. What costs
 * least speed is given up first: frames that wait in the pool, execution threads, decoder threads,
 * encoder threads; at last frames go one at a time. */
MemoryFit memory_shape(const MemoryTask *task, int64_t budget_bytes, WorkerShape *shape);

/* The smallest shape of all. */
WorkerShape memory_least_shape(const MemoryTask *task);

/* ---- from history ---- */

/* An earlier video of the same codec, class of size (memory_size_class), encoder, preset and processors. */
typedef struct MemoryPast {
    int64_t estimate_bytes; /* as memory_estimate gave it for what the worker then was */
    int64_t peak_bytes;     /* as it was */
} MemoryPast;

/* Videos of one class take much the same: powers of four of the number of pixels, from 0. */
int memory_size_class(int width, int height);

/* The factor for estimates of that kind of video: the median of how far the last ones (at most
 * MEMORY_PAST_MOST of `past`, which is in the order of time) were off, and of two medians the larger; from
 * 0.75 to 1.5, 1 where there are fewer than three. */
enum { MEMORY_PAST_MOST = 9, MEMORY_PAST_LEAST = 3 };
double memory_correction(const MemoryPast *past, int count);

/* All parts times the factor. */
MemoryEstimate memory_corrected(const MemoryEstimate *estimate, double factor);

/* ---- for bench/calibrate ---- */

enum { MEMORY_CONSTANTS = 40 }; /* at most */

/* Constants by number, from 0; NULL: no more. `bytes` is the constant. */
const char *memory_constant(int number, MemoryPart *part, double *bytes);
/* What each constant is multiplied by. */
void memory_amounts(const MemoryTask *task, const WorkerShape *shape, double amounts[MEMORY_CONSTANTS]);

#endif
