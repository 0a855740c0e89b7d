/* Single pictures: reads one (jpg, jpeg, png, bmp) as a frame, makes one (png, jpg) of a frame.
 *
 * Re-entrant; nothing is kept between calls. Memory: the file's bytes and the picture.
 */
#ifndef RUNBATCH_MEDIA_STILL_H
#define RUNBATCH_MEDIA_STILL_H

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>

#include "base/error.h"
#include "media/frame_pool.h"
#include "media/reader.h"

/* `frame` is unreferenced before and owns its buffers after; its format is one frame_view supports.
 * `orientation` is what the EXIF data asks for. ERROR_INPUT with a reason when the file is not a picture. */
Status still_read(const char *path, AVFrame *frame, Orientation *orientation, Error *err);

/* The same for a file's bytes; `name` is the file's in errors. The buffers come from `pool`, which may be
 * NULL. */
Status still_decode(const AVPacket *packet, const char *name, FramePool *pool, AVFrame *frame, Error *err);

typedef enum StillKind {
    STILL_PNG,
    STILL_JPG, /* 8 bits, BT.601, full range, the chroma layout of the frame as far as JPEG has it */
} StillKind;

/* What a frame of `format` has to be converted to, to become a picture of that kind. PNG keeps all: 8 or 16
 * bits, RGB or grey. */
enum AVPixelFormat still_format(StillKind kind, enum AVPixelFormat format);

/* Makes a file of a picture of a format that still_format gives; spoils the picture. `scale`: JPEG's 1 (best)
 * to 31, as in -q:v of the ffmpeg program. `packet` is blank before. */
Status still_encode(AVFrame *picture, StillKind kind, int scale, AVPacket *packet, Error *err);

#endif
