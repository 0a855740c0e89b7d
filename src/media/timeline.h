/* Makes a stream's timestamps strictly increasing without touching those that already are.
 *
 * Collisions are moved by a tick where ticks are fine; where one tick is about a frame the second of the two
 * is given up, because moving it would push every later one. A jump back by more than a second (joined
 * recordings, a clock that was reset) shifts all that follows. Pure; private to src/media.
 */
#ifndef RUNBATCH_MEDIA_TIMELINE_H
#define RUNBATCH_MEDIA_TIMELINE_H

#include <libavutil/rational.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Timeline {
    AVRational time_base;
    int64_t last;     /* valid when `started` */
    int64_t duration; /* of the last one */
    int64_t offset;   /* added to what comes */
    bool started;
} Timeline;

/* A time that can be added to others without overflow (up to 2^60 ticks either way) as it is, AV_NOPTS_VALUE
 * for any other. For all times that come from a file. */
int64_t timeline_usable(int64_t time);

/* The same for lengths: 0 for what cannot be used. */
int64_t timeline_usable_length(int64_t length);

/* `*pts` may be AV_NOPTS_VALUE: then it follows the last one. `duration` <= 0: unknown. False: to be
 * dropped. */
bool timeline_place(Timeline *timeline, int64_t *pts, int64_t duration);

#endif
