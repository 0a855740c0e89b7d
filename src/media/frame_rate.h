/* Constant frame rate by dropping and repeating: which slots of the new rate a frame fills.
 *
 * A frame shown from pts to pts + duration fills the slots k whose time k / rate, rounded to the nearest
 * slot, lies within. Rational arithmetic; no drift. Every slot from the first frame's to the last one's is
 * filled once. Pure; private to src/media.
 */
#ifndef RUNBATCH_MEDIA_FRAME_RATE_H
#define RUNBATCH_MEDIA_FRAME_RATE_H

#include <libavutil/rational.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct FrameRateConverter {
    AVRational time_base; /* of the frames */
    AVRational rate;      /* slots a second; 0/1: off */
    int64_t next;         /* the first slot not filled */
    bool started;
} FrameRateConverter;

typedef struct FrameSlots {
    int64_t first;
    int64_t count; /* 0: the frame is dropped */
} FrameSlots;

void frame_rate_init(FrameRateConverter *converter, AVRational time_base, AVRational rate);

/* Goes on where a converter of the same rate had `next` as the first slot not filled. */
void frame_rate_continue(FrameRateConverter *converter, int64_t next);

/* `duration` >= 1. A frame shown for more than ten minutes leaves the rest of its slots
 * empty: it stays on the screen. One at a time that 64 bits do not hold is dropped. */
FrameSlots frame_rate_take(FrameRateConverter *converter, int64_t pts, int64_t duration);

#endif
