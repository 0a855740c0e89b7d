/* A picture in RGB as a file: for contact sheets and previews. Any thread. Memory: twice the picture at 8
 * bits. */
#ifndef RUNBATCH_MEDIA_PICTURE_H
#define RUNBATCH_MEDIA_PICTURE_H

#include "image/image.h"
#include "media/still.h"

/* Values are clipped to 0..255. `scale` as in still_encode; `packet` is blank before. */
Status picture_encode(const Image *rgb, StillKind kind, int scale, AVPacket *packet, Error *err);

#endif
