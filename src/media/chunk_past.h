/* The chunks of an earlier run, taken up one after the other for as long as each is whole, of this video, and
 * goes on where the one before ended. One thread. Memory: one packet. Private to src/media. */
#ifndef RUNBATCH_MEDIA_CHUNK_PAST_H
#define RUNBATCH_MEDIA_CHUNK_PAST_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/chunk_file.h"
#include "media/encoder.h"

/* What those taken up hold. Zero-initialise. */
typedef struct ChunkPast {
    int chunks;
    bool complete; /* the last one of the video is there */
    ChunkPoint next;
    ChunkCounts counts;
    EncoderPast pictures;
    int64_t end;   /* of the last picture, in the time base of the packets */
    int64_t shift; /* see ChunkStream */
} ChunkPast;

typedef struct ChunkPastConfig {
    const char *folder;
    const ChunkStream *stream; /* what they must be like, but for the shift and notes in the extradata */
    const Encoder *encoder;
    int64_t origin; /* pts of the input's first frame */
    /* Gets the packets of a chunk whose checksum is right, in order. May change them. */
    Status (*sink)(void *context, AVPacket *packet, Error *err);
    void *context;
} ChunkPastConfig;

/* The next chunk. STATUS_EOF: there is none that can be used (the log says why). `past` counts a chunk
 * before the sink gets its first packet. */
Status chunk_past_take(ChunkPast *past, const ChunkPastConfig *config, ChunkInfo *info, Error *err);

#endif
