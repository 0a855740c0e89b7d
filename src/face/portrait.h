/* A small picture of a face, upright, as a JPEG: for contact sheets. Any thread. */
#ifndef RUNBATCH_FACE_PORTRAIT_H
#define RUNBATCH_FACE_PORTRAIT_H

#include <libavcodec/avcodec.h>

#include "face/face.h"

/* `size` pixels a side, the head with a margin, eyes level. `picture` is blank before. */
Status portrait_make(const AVFrame *frame, const Mesh *mesh, Orientation orientation, AVRational sar,
                     int size, AVPacket *picture, Error *err);

#endif
