/* The chunks of a video while it is encoded: which frame of the input begins one, and with which packet the
 * file changes.
 *
 * Several may be in the encoder at a time: it is not drained between them. A file changes when the key frame
 * that begins the next chunk comes out; if the encoder made none, or still holds frames from before it, the
 * two are one chunk. One thread. Memory: some 150 bytes a chunk that is in the encoder. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_CHUNK_TRACK_H
#define RUNBATCH_MEDIA_CHUNK_TRACK_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/chunk_file.h"
#include "media/writer.h"

typedef struct ChunkTrack ChunkTrack;

/* `stream` is read when a file begins and must stay. The first file gets the number `index`. */
ChunkTrack *chunk_track_new(const WriterChunks *chunks, const ChunkStream *stream, int index);
/* Removes the chunk that is not finished. */
void chunk_track_free(ChunkTrack **track);

/* The frame at `point` comes. It begins a chunk where `begins`, or where it is the first, unless the current
 * chunk has no picture yet. */
void chunk_track_frame(ChunkTrack *track, const ChunkPoint *point, bool begins);

/* Of the chunk of the latest frame, to be added to. */
ChunkCounts *chunk_track_counts(ChunkTrack *track);

/* Whether the next picture is the first of its chunk: it must become a key frame. */
bool chunk_track_wants_key(const ChunkTrack *track);

/* A picture of that pts goes to the encoder. */
void chunk_track_sent(ChunkTrack *track, int64_t pts);

/* Whether a chunk before the latest frame's is not finished yet. */
bool chunk_track_waits(const ChunkTrack *track);

/* Packets as they come out of the encoder. */
Status chunk_track_packet(ChunkTrack *track, const AVPacket *packet, Error *err);

/* After the last packet: what is there is the last chunk. */
Status chunk_track_finish(ChunkTrack *track, Error *err);

#endif
