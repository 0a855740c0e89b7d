/* Rewrites text subtitles into the text codec a container takes (mov_text, SubRip, WebVTT). One thread.
 * Private to src/media. */
#ifndef RUNBATCH_MEDIA_SUBTITLE_ENCODER_H
#define RUNBATCH_MEDIA_SUBTITLE_ENCODER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>

typedef struct SubtitleEncoder SubtitleEncoder;

/* NULL where the stream is no text or the container takes none. */
SubtitleEncoder *subtitle_encoder_new(const AVStream *input, const AVOutputFormat *container);
void subtitle_encoder_free(SubtitleEncoder **encoder);

const AVCodecContext *subtitle_encoder_context(const SubtitleEncoder *encoder);

/* Fills `out` (its own time base is the input stream's). False when the packet holds nothing to show. */
bool subtitle_encoder_convert(SubtitleEncoder *encoder, AVPacket *packet, AVPacket *out);

#endif
