/* Where chunks begin: at the first frame that reaches the next multiple of their length from the video's
 * origin. Pure, so that a run that goes on decides as the one before. Private to src/media. */
#ifndef RUNBATCH_MEDIA_CHUNK_CLOCK_H
#define RUNBATCH_MEDIA_CHUNK_CLOCK_H

#include <libavutil/rational.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ChunkClock {
    AVRational time_base; /* of all pts */
    int64_t origin;
    int64_t length_ms; /* 0: there are no chunks */
} ChunkClock;

ChunkClock chunk_clock(AVRational time_base, int64_t origin, double seconds);

/* False where `pts_before` is AV_NOPTS_VALUE. */
bool chunk_clock_begins(const ChunkClock *clock, int64_t pts, int64_t pts_before);

/* Seconds from the last multiple to `pts`, from 0 to the length. */
double chunk_clock_phase(const ChunkClock *clock, int64_t pts);

#endif
