/* A frame processor of your own: docs/processors.md.
 *
 * Build a shared object that defines `runbatch_processor`, and name it by its path:
 *
 *     runbatch --frame-processor ./mine.so
 *
 * It runs inside the worker that has the video, behind the worker's sandbox, and is trusted: what it does
 * wrong the worker does wrong. It includes nothing but this header and needs no library of runbatch's. All
 * memory that it is shown is the worker's and is gone when the call returns. C17; no thread rule but those
 * below.
 */
#ifndef RUNBATCH_PROCESSOR_H
#define RUNBATCH_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A shared object of another number is refused. */
#define RUNBATCH_PROCESSOR_VERSION 1

/* Points of a face's mesh (MediaPipe's topology). */
#define RUNBATCH_MESH_POINTS 468

typedef struct RunbatchFace {
    int track;      /* the same number for the same face within a shot */
    int selected;   /* 1: to be changed, as the user chose */
    float score;    /* 0..1: that there is a face */
    float opacity;  /* 0..1: how much of a change is to be shown; fades where it is in doubt */
    float yaw;      /* radians; positive: turned to the picture's right */
    const float *x; /* RUNBATCH_MESH_POINTS places in pixels of the frame as it is stored; pixel (0, 0) is
                       centred on */
    const float *y; /* (0, 0) */
} RunbatchFace;

typedef struct RunbatchFrame {
    const char *format; /* as FFmpeg names it: "yuv420p", "yuv420p10le", "rgb24" */
    int width;          /* as stored: a video that is shown rotated is not rotated here */
    int height;
    uint8_t *data[4]; /* of each plane; NULL: there is none. To be changed in place */
    int linesize[4];  /* bytes from one row of a plane to the next */
    int64_t pts;      /* in units of time_num / time_den seconds */
    int time_num;
    int time_den;
    int face_count;
    const RunbatchFace *faces;
} RunbatchFrame;

typedef struct RunbatchProcessor {
    int version;      /* RUNBATCH_PROCESSOR_VERSION */
    const char *help; /* one line */
    int every_frame;  /* 1: it is shown every frame; 0: those with a face that is selected */
    /* Once a worker, before any other call. `threads`: how many will call `process`. 0 on success; anything
     * else fails the video with the text in `error` (of `size` bytes). *state is yours. */
    int (*open)(void **state, int threads, char *error, size_t size);
    /* From several threads at once, in any order of frames; no two calls with the same `thread`
     * (0..threads-1) run at once. As `open`. */
    int (*process)(void *state, int thread, const RunbatchFrame *frame, char *error, size_t size);
    /* After all other calls. May be NULL. */
    void (*close)(void *state);
} RunbatchProcessor;

/* What the shared object defines. */
__attribute__((visibility("default"))) extern const RunbatchProcessor runbatch_processor;

#ifdef __cplusplus
}
#endif

#endif
