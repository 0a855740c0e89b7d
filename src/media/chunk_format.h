/* The bytes of a chunk file that its writer and its reader agree on. All numbers are little-endian. Private
 * to src/media/chunk_*.c. */
#ifndef RUNBATCH_MEDIA_CHUNK_FORMAT_H
#define RUNBATCH_MEDIA_CHUNK_FORMAT_H

#include <libavutil/intreadwrite.h>
#include <stdint.h>

#include "media/chunk.h"
#include "media/chunk_file.h"

#define CHUNK_MAGIC "RBCHUNK\n"

enum {
    CHUNK_VERSION = 1,
    CHUNK_MAGIC_SIZE = 8,
    CHUNK_DIGEST_SIZE = 16,
    CHUNK_POINT_SIZE = 4 * 8,
    CHUNK_COUNTS_SIZE = 7 * 8,
    /* magic, version, libavcodec, index, width, height, delay, time base, extradata's size; key, names;
       shift, begin */
    CHUNK_HEADER_SIZE = CHUNK_MAGIC_SIZE + 9 * 4 + 32 + 2 * CHUNK_NAME_SIZE + 8 + CHUNK_POINT_SIZE,
    CHUNK_PACKET_TAG = 0x544B4350, /* "PCKT": tag, size, flags, pieces of side data; pts, dts, duration */
    CHUNK_PACKET_SIZE = 4 * 4 + 3 * 8,
    CHUNK_SIDE_SIZE = 2 * 4,    /* kind, size */
    CHUNK_END_TAG = 0x444E4543, /* "CEND": tag, last; packets, next, counts; the digest follows */
    CHUNK_END_SIZE = 2 * 4 + 8 + CHUNK_POINT_SIZE + CHUNK_COUNTS_SIZE,
    CHUNK_SIDE_MAX = 16,
    CHUNK_DELAY_MAX = 16,
    CHUNK_DIMENSION_MAX = 1 << 16,
    CHUNK_FILE_MAX_INDEX = 999999,
};

/* Far from overflow: of what is counted, added up over all chunks; of times, with what is added to them. */
#define CHUNK_COUNT_MAX (INT64_C(1) << 40)
#define CHUNK_TIME_MAX (INT64_C(1) << 62)

static inline uint8_t *chunk_put32(uint8_t *at, uint32_t value)
{
    AV_WL32(at, value);
    return at + 4;
}

static inline uint8_t *chunk_put64(uint8_t *at, int64_t value)
{
    AV_WL64(at, (uint64_t)value);
    return at + 8;
}

static inline uint32_t chunk_get32(const uint8_t **at)
{
    const uint32_t value = AV_RL32(*at);
    *at += 4;
    return value;
}

static inline int64_t chunk_get64(const uint8_t **at)
{
    const int64_t value = (int64_t)AV_RL64(*at);
    *at += 8;
    return value;
}

#endif
