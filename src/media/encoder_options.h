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

/* Of an opened encoder: by how many frames its packets are out of order at most. */
int encoder_reordering(const EncoderConfig *config, const AVCodecContext *context);

/* Whether two pieces of extradata mean the same to a decoder: notes about the encoder (its threads, the
 * machine's processor) do not count. */
bool encoder_same_header(enum AVCodecID codec, const uint8_t *a, size_t a_size, const uint8_t *b,
                         size_t b_size);

/* "libx264, libx265, libvpx-vp9": those of ours that this FFmpeg has. */
const char *encoder_list_available(char *buffer, size_t size);

#endif
