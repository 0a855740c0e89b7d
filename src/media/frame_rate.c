#include "media/frame_rate.h"

#include <libavutil/mathematics.h>

enum { HELD_MAX_S = 600 };

void frame_rate_init(FrameRateConverter *converter, AVRational time_base, AVRational rate)
{
    *converter = (FrameRateConverter){.time_base = time_base, .rate = rate};
}

void frame_rate_continue(FrameRateConverter *converter, int64_t next)
{
    converter->next = next;
    converter->started = true;
}

FrameSlots frame_rate_take(FrameRateConverter *converter, int64_t pts, int64_t duration)
{
    const AVRational slot = av_inv_q(converter->rate);
    const int64_t begin = av_rescale_q_rnd(pts, converter->time_base, slot, AV_ROUND_NEAR_INF);
    int64_t end = av_rescale_q_rnd(pts + duration, converter->time_base, slot, AV_ROUND_NEAR_INF);
    if (begin == INT64_MIN || end == INT64_MIN) {
        return (FrameSlots){.first = converter->next, .count = 0}; /* beyond what 64 bits hold */
    }
    if (!converter->started) {
        converter->started = true;
        converter->next = begin;
        /* The first frame is always shown. */
        end = end > begin ? end : begin + 1;
    }
    const int64_t most = av_rescale_q(HELD_MAX_S, (AVRational){1, 1}, slot);
    FrameSlots slots = {.first = converter->next, .count = 0};
    if (end > converter->next) {
        slots.count = end - converter->next;
        converter->next = end;
    }
    if (slots.count > most) {
        slots.count = most;
    }
    return slots;
}
