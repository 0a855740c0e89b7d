#include "media/chunk_clock.h"

#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>
#include <math.h>

ChunkClock chunk_clock(AVRational time_base, int64_t origin, double seconds)
{
    return (ChunkClock){
        .time_base = time_base, .origin = origin, .length_ms = FFMAX(llround(seconds * 1000), 1)};
}

/* The number of the multiple at or before `pts`. */
static int64_t period(const ChunkClock *clock, int64_t pts)
{
    const AVRational length = {(int)clock->length_ms, 1000};
    return av_rescale_q_rnd(pts - clock->origin, clock->time_base, length, AV_ROUND_DOWN);
}

bool chunk_clock_begins(const ChunkClock *clock, int64_t pts, int64_t pts_before)
{
    return clock->length_ms > 0 && pts_before != AV_NOPTS_VALUE &&
           period(clock, pts) > period(clock, pts_before);
}

double chunk_clock_phase(const ChunkClock *clock, int64_t pts)
{
    if (clock->length_ms <= 0) {
        return 0;
    }
    const double length_s = (double)clock->length_ms / 1000;
    const double time_s = (double)(pts - clock->origin) * av_q2d(clock->time_base);
    return FFMIN(FFMAX(time_s - (double)period(clock, pts) * length_s, 0), length_s);
}
