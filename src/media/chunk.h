/* A piece of an encoded video in a file of its own: begins with a key frame that needs nothing before it, and
 * tells where the next one begins.
 *
 * What the parts that deal with chunks tell each other; the files themselves are private to src/media
 * (media/chunk_file.h). Layout and reasons: docs/architecture.md. A file under its final name,
 * chunk-NNNNNN.rbc, is complete, synced and checksummed; one under chunk-NNNNNN.part is being written, or was
 * when its process died.
 */
#ifndef RUNBATCH_MEDIA_CHUNK_H
#define RUNBATCH_MEDIA_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    CHUNK_KEY_SIZE = 33,      /* 32 hexadecimal digits and the closing zero */
    CHUNK_CHECKSUM_SIZE = 33, /* the same */
};

/* A frame of the input, at which a chunk begins. */
typedef struct ChunkPoint {
    int64_t frame;  /* number, from 0 */
    int64_t pts;    /* in the input's time base */
    int64_t slot;   /* of a constant output rate: the first slot not filled; 0 otherwise */
    uint64_t check; /* XXH3 of the decoded picture, before anything was changed; 0 not known */
} ChunkPoint;

/* What a result counts, summed over the frames of a chunk. */
typedef struct ChunkCounts {
    int64_t frames; /* of the input */
    int64_t with_face;
    int64_t changed;
    int64_t isolated_gaps;
    int64_t scene_cuts;
    int64_t dropped; /* by a constant output rate */
    int64_t repeated;
} ChunkCounts;

void chunk_counts_add(ChunkCounts *sum, const ChunkCounts *more);

typedef struct ChunkInfo {
    int index; /* from 0 */
    bool reused;
    bool last; /* the video ends with it */
    ChunkPoint begin;
    ChunkPoint next; /* unless last */
    ChunkCounts counts;
    int64_t packets;                    /* encoded frames, >= 1 */
    int64_t bytes;                      /* of the file */
    char checksum[CHUNK_CHECKSUM_SIZE]; /* XXH3-128 of all that stands before it in the file */
} ChunkInfo;

/* Removes the folder's chunks from `first` on, unfinished ones (of any number) too. Other files stay. A
 * folder that is not there has none. ERROR_ENVIRONMENT when one cannot be removed. */
Status chunk_folder_clear(const char *folder, int first, Error *err);

#endif
