/* Progress as lines of text, and the estimate of what is left: pure, from what was told. */
#ifndef RUNBATCH_UI_PROGRESS_H
#define RUNBATCH_UI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "report/event.h"

/* How the whole batch stands. Bytes of input measure work: they are known before a video is opened. */
typedef struct BatchProgress {
    int videos;
    int settled; /* done, skipped or failed */
    int failed;
    int64_t bytes_to_do; /* of the videos that are, or may still be, worked on */
    double bytes_done;   /* of them; a running video counts by its share of frames */
    double elapsed_s;
    /* When the first frame was done, and how much of bytes_done was done then: opening the models does not
     * count as slow work. */
    bool has_begun;
    double begun_s;
    double begun_bytes;
} BatchProgress;

/* 0..1; -1 when the number of frames is unknown. */
double progress_share(const VideoReport *video);

/* Seconds; -1 before there is at least a second of work to judge by. */
double progress_eta(const BatchProgress *batch);

/* "clip.mp4 [####------] frame 120 of 300  24.0 fps  ETA 0:08  812.0 MB": at most `width` columns; what does
 * not fit is left out, the memory first, the name last. With `colour`, the bar is coloured. */
void progress_video_line(Text *text, const VideoReport *video, int width, bool colour);

/* "Batch: 3 of 10, 1 failed [###-------] 31 %  2:05  ETA 4:12" */
void progress_batch_line(Text *text, const BatchProgress *batch, int width, bool colour);

/* "[####------]", `width` columns (3 at least). `share` 0..1. */
void progress_bar(Text *text, double share, int width, bool colour);

/* The columns of a line without its colour sequences. */
int progress_line_width(const char *line);

#endif
