/* Opens a media file for demuxing, with reasons a user understands when it does not. Private to src/media. */
#ifndef RUNBATCH_MEDIA_INPUT_H
#define RUNBATCH_MEDIA_INPUT_H

#include <libavformat/avformat.h>

#include "base/error.h"
#include "media/container_check.h"

/* "mov,matroska,…": the names of the demuxers that inputs are opened with. */
const char *input_demuxers(void);

/* Opens with our list of demuxers only, which get no file but this one, and probes the streams. The caller
 * closes it with avformat_close_input. `check` may be NULL. ERROR_INPUT on failure; ERROR_DISK where a read
 * failed, ERROR_MEMORY when out of it. */
Status input_open(const char *path, AVFormatContext **format, ContainerCheck *check, Error *err);

/* The same; `interrupt` (may be NULL) is asked before each read of the file, from the probing on, and may end
 * it. */
Status input_open_watched(const char *path, const AVIOInterruptCB *interrupt, AVFormatContext **format,
                          ContainerCheck *check, Error *err);

/* errno of a read of the file that failed, so that it seemed to end; 0: none did, or it is not open. */
int input_read_errno(const AVFormatContext *format);

/* The video stream to work on, or -1: no cover pictures; a default one before others, then the largest. */
int input_video_stream(const AVFormatContext *format);

/* error_set with FFmpeg's text for an AVERROR code; errno codes keep their class (space, memory; EIO of what
 * is written is the environment's). */
Status media_error(Error *err, ErrorClass class_, const char *what, const char *file, int averror);

#endif
