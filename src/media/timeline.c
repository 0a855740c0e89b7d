#include "media/timeline.h"

#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>

static const int64_t usable_max = INT64_C(1) << 60;
static const int64_t place_max = INT64_C(1) << 61; /* leaves room for what follows a late one */

int64_t timeline_usable(int64_t time)
{
    return time >= -usable_max && time <= usable_max ? time : AV_NOPTS_VALUE;
}

int64_t timeline_usable_length(int64_t length)
{
    return length > 0 && length <= usable_max ? length : 0;
}

bool timeline_place(Timeline *timeline, int64_t *pts, int64_t duration)
{
    const int64_t step = timeline->duration > 0 ? timeline->duration : 1;
    const int64_t time = timeline_usable(*pts);
    int64_t offset = timeline->offset;
    int64_t place = 0;
    if (time == AV_NOPTS_VALUE) {
        place = timeline->started ? timeline->last + step : 0;
    } else {
        place = time + offset;
    }
    if (timeline->started && place <= timeline->last) {
        const int64_t back = timeline->last - place;
        if (av_compare_ts(back, timeline->time_base, 1, (AVRational){1, 1}) > 0) {
            offset += back + step;
            place = timeline->last + step;
        } else if (step >= 4) {
            place = timeline->last + 1;
        } else {
            return false;
        }
    }
    if (place > place_max) {
        return false;
    }
    timeline->started = true;
    timeline->offset = offset;
    timeline->last = place;
    if (timeline_usable_length(duration) > 0) {
        timeline->duration = duration;
    }
    *pts = place;
    return true;
}
