/* One output file: the container that its name asks for, the encoded video, and the input's other streams
 * with its tags and chapters.
 *
 * Packets of the video come in the order of decoding; the other streams are pulled along. One thread. Private
 * to src/media. Worst-case memory: the container's index.
 */
#ifndef RUNBATCH_MEDIA_MUXER_H
#define RUNBATCH_MEDIA_MUXER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "media/reader.h"

typedef struct MuxerConfig {
    const char *path; /* these as in WriterConfig */
    const char *final_name;
    const char *input_path; /* NULL: there are no other streams */
    const MediaInfo *source;
    bool skip_audio;
    const char *const (*metadata)[2];
} MuxerConfig;

typedef struct MuxerSummary {
    int64_t size_bytes;
    int audio_streams;
    int audio_reencoded;
    int streams_left_out;
} MuxerSummary;

typedef struct Muxer Muxer;

/* Chooses the container; writes nothing. What the config points to must stay until muxer_begin. */
Status muxer_open(Muxer **muxer, const MuxerConfig *config, Error *err);

const AVOutputFormat *muxer_container(const Muxer *muxer);

/* Opens the file and writes its header. `time_base` is the packets'; `constant_rate` 0/1 where it varies. On
 * failure a file that was not there before is gone again. */
Status muxer_begin(Muxer *muxer, const AVCodecContext *encoder, AVRational time_base,
                   AVRational constant_rate, Error *err);

/* Moves the other streams by this much, as the video's packets are. Before the first packet. */
void muxer_shift(Muxer *muxer, int64_t shift, AVRational time_base);

/* Writes one packet of the video and what is due of the other streams; changes the packet's times. */
Status muxer_packet(Muxer *muxer, AVPacket *packet, Error *err);

/* Writes the rest of the other streams and the trailer, closes the file. */
Status muxer_finish(Muxer *muxer, MuxerSummary *summary, Error *err);

/* Removes the file where it was not there before muxer_begin. */
void muxer_abandon(Muxer *muxer);

/* Copes with half-built and unfinished ones; does not remove the file. */
void muxer_free(Muxer **muxer);

#endif
