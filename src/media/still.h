/* Reads one picture (jpg, jpeg, png, bmp) as a frame, with the orientation its EXIF data asks for. */
#ifndef RUNBATCH_MEDIA_STILL_H
#define RUNBATCH_MEDIA_STILL_H

#include <libavutil/frame.h>

#include "base/error.h"
#include "media/reader.h"

/* `frame` is unreferenced before and owns its buffers after; its format is one frame_view supports.
 * ERROR_INPUT with a reason when the file is not a picture. */
Status still_read(const char *path, AVFrame *frame, Orientation *orientation, Error *err);

#endif
