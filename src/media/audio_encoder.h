/* Decodes one audio stream and encodes it again, for containers that cannot hold its codec.
 *
 * Keeps the stream's place in time: gaps of more than 50 ms become silence, overlaps are cut. One thread.
 * Memory: one encoder frame of samples. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_AUDIO_ENCODER_H
#define RUNBATCH_MEDIA_AUDIO_ENCODER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/error.h"

typedef struct AudioEncoder AudioEncoder;

/* Takes an encoded packet, in the encoder context's time base; the packet stays the caller's. */
typedef Status (*AudioPacketSink)(void *context, AVPacket *packet, Error *err);

/* Encodes `input` as AAC or, where `container` does not take it, as Opus, Vorbis or MP3. */
Status audio_encoder_open(AudioEncoder **encoder, const AVStream *input, const AVOutputFormat *container,
                          Error *err);
void audio_encoder_free(AudioEncoder **encoder);

const AVCodecContext *audio_encoder_context(const AudioEncoder *encoder);

/* Feeds a packet of the input stream (NULL at the end) and gives what comes out to `sink`. Packets that do
 * not decode are skipped. */
Status audio_encoder_send(AudioEncoder *encoder, const AVPacket *packet, AudioPacketSink sink, void *context,
                          Error *err);

#endif
