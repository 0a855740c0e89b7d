/* Changing a part of a frame a band of rows at a time: bounded memory, whatever the part's size.
 *
 * One FrameBands a thread. Memory: three pictures of three planes, FRAME_BAND rows high, as wide as the part.
 */
#ifndef RUNBATCH_MEDIA_FRAME_BANDS_H
#define RUNBATCH_MEDIA_FRAME_BANDS_H

#include "media/frame_view.h"

enum { FRAME_BAND = 32 }; /* rows worked on at a time; a multiple of every chroma height */

typedef struct FrameBands {
    Image target[2]; /* of this band and of the next one */
    Image delta;
} FrameBands;

/* Fills `delta`, which has the size of `band`, with what is to be added to it; `target` is what the frame
 * shows there before any change. */
typedef Status (*BandDifference)(void *context, Rect band, const Image *target, Image *delta, Error *err);

/* Changes `area` (inside the writable frame) by what `difference` tells of each of its bands, in order. */
Status frame_bands_change(FrameBands *bands, AVFrame *frame, Rect area, BandDifference difference,
                          void *context, Error *err);
void frame_bands_free(FrameBands *bands);

#endif
