/* What each encoder calls quality, preset and threads. Private to src/media. */
#ifndef RUNBATCH_MEDIA_ENCODER_OPTIONS_H
#define RUNBATCH_MEDIA_ENCODER_OPTIONS_H

#include <libavcodec/avcodec.h>

#include "media/encoder.h"

/* Sets the fields of `context` and adds to `options` (for avcodec_open2). ERROR_ENCODER for a preset the
 * encoder does not know. */
Status encoder_options(const EncoderConfig *config, AVCodecContext *context, AVDictionary **options,
                       Error *err);

/* Whether pictures must have whole chroma samples on each side. */
bool encoder_needs_even_size(const char *name);

/* "libx264, libx265, libvpx-vp9": those of ours that this FFmpeg has. */
const char *encoder_list_available(char *buffer, size_t size);

#endif
