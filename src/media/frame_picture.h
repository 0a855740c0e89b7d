/* A frame to its picture file and back. Any thread, one at a time for each number. Private to src/media. */
#ifndef RUNBATCH_MEDIA_FRAME_PICTURE_H
#define RUNBATCH_MEDIA_FRAME_PICTURE_H

#include <libavutil/frame.h>
#include <stdint.h>

#include "base/error.h"
#include "media/frame_folder.h"
#include "media/frame_pool.h"
#include "media/still.h"

typedef struct FramePictures {
    FrameFolder folder;
    FramePool *pool;
    StillKind kind;
    int scale; /* see still_encode */
} FramePictures;

/* Puts the frame's picture in place of the file that was there; `bytes` is how large it became. */
Status frame_picture_save(const FramePictures *pictures, int64_t number, const AVFrame *frame, int64_t *bytes,
                          Error *err);

/* Reads a file into `frame` (unreferenced before), with the format, size and properties of `like`.
 * ERROR_ENVIRONMENT with the file's name when it is no picture of that size. */
Status frame_picture_load(const FramePictures *pictures, int64_t number, const AVFrame *like, AVFrame *frame,
                          int64_t *bytes, Error *err);

#endif
