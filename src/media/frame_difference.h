/* How far pictures are from what they were: measured sample by sample, in codes of their own bit depth. */
#ifndef RUNBATCH_MEDIA_FRAME_DIFFERENCE_H
#define RUNBATCH_MEDIA_FRAME_DIFFERENCE_H

#include <libavutil/frame.h>
#include <stdint.h>

#include "base/text.h"

/* Zero-initialise. */
typedef struct FrameDifference {
    int frames;
    int64_t samples;
    int64_t differing;
    int most;     /* the largest difference */
    int peak;     /* the largest code */
    double sum;   /* of the differences with their signs: a shift of the colours shows here */
    double total; /* of their amounts */
    double squares;
} FrameDifference;

/* Both of the same format and size. Transparency does not count. */
void frame_difference_add(FrameDifference *difference, const AVFrame *was, const AVFrame *is);

/* In dB; INFINITY where nothing differs. */
double frame_difference_psnr(const FrameDifference *difference);

/* "bit for bit", or how many samples differ and by how much. */
void frame_difference_tell(const FrameDifference *difference, Text *text);

#endif
