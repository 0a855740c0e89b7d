#include "media/timeline.h"

#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>

bool timeline_place(Timeline *timeline, int64_t *pts, int64_t duration)
{
    const int64_t step = timeline->duration > 0 ? timeline->duration : 1;
    int64_t place = 0;
    if (*pts == AV_NOPTS_VALUE) {
        place = timeline->started ? timeline->last + step : 0;
    } else {
        place = *pts + timeline->offset;
    }
    if (timeline->started && place <= timeline->last) {
        const int64_t back = timeline->last - place;
        if (av_compare_ts(back, timeline->time_base, 1, (AVRational){1, 1}) > 0) {
            timeline->offset += back + step;
            place = timeline->last + step;
        } else if (step >= 4) {
            place = timeline->last + 1;
        } else {
            return false;
        }
    }
    timeline->started = true;
    timeline->last = place;
    if (duration > 0) {
        timeline->duration = duration;
    }
    *pts = place;
    return true;
}
