#include "ui/promise.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "report/i18n.h"
#include "ui/status_page.h"

/* A worker needs so long to end once its chunk is on disk. */
static const double ending_s = 1.0;

const char *request_name(RequestKind kind)
{
    static const char *const names[] = {"none", "pause", "continue", "cancel"};
    return names[kind];
}

static Promise promise(bool asks, const char *text)
{
    Promise made = {.asks = asks, .within_s = -1};
    text_copy(made.text, sizeof made.text, text);
    return made;
}

/* Nothing to do, for a state that says so itself. */
static Promise refusal(const VideoView *video)
{
    Promise made = promise(false, "");
    (void)snprintf(made.text, sizeof made.text, _("%s: nothing changes"), video_state_word(video->state));
    return made;
}

static bool is_open(VideoState state)
{
    return state == VIDEO_QUEUED || state == VIDEO_RUNNING || state == VIDEO_WAITING ||
           state == VIDEO_PAUSED || state == VIDEO_STOPPED;
}

static Promise promise_pause(const VideoView *video, double chunk_seconds)
{
    const double left_s = video_view_chunk_left_s(video, chunk_seconds);
    if (!is_open(video->state) || video->state == VIDEO_PAUSED) {
        return refusal(video);
    }
    if (video->state != VIDEO_RUNNING) {
        return promise(true, _("is not begun until runbatch continue"));
    }
    if (left_s < 0) {
        return promise(true, _("pauses at the end of its chunk"));
    }
    Promise made = promise(true, "");
    made.within_s = ceil(left_s + ending_s);
    (void)snprintf(made.text, sizeof made.text, _("pauses at the end of its chunk, within about %.0f s"),
                   made.within_s);
    return made;
}

static Promise promise_continue(const Snapshot *snapshot, const VideoView *video)
{
    const bool held_back = snapshot->run_state == RUN_PAUSED && is_open(video->state);
    if (video->state == VIDEO_PAUSED && video->chunk_frames > 0) {
        Promise made = promise(true, "");
        (void)snprintf(made.text, sizeof made.text, _("goes on at frame %lld"),
                       (long long)video->chunk_frames);
        return made;
    }
    /* one that runs may have been asked to pause a moment ago */
    return held_back || video->state == VIDEO_PAUSED || video->state == VIDEO_RUNNING
               ? promise(true, _("goes on"))
               : refusal(video);
}

static Promise promise_cancel(const Snapshot *snapshot, const VideoView *video)
{
    const bool failed = video->state == VIDEO_FAILED || video->state == VIDEO_SET_ASIDE;
    if (!is_open(video->state) && (!failed || snapshot_is_live(snapshot))) {
        return refusal(video);
    }
    return promise(true, video->state == VIDEO_RUNNING
                             ? _("is given up at once, what there is of it is removed")
                             : _("is given up, what there is of it is removed"));
}

Promise promise_of(const Snapshot *snapshot, const VideoView *video, RequestKind kind, double chunk_seconds)
{
    switch (kind) {
    case REQUEST_PAUSE:
        return promise_pause(video, chunk_seconds);
    case REQUEST_CONTINUE:
        return promise_continue(snapshot, video);
    default:
        return promise_cancel(snapshot, video);
    }
}

Promise promise_of_all(const Snapshot *snapshot, RequestKind kind)
{
    switch (kind) {
    case REQUEST_PAUSE:
        return snapshot->run_state == RUN_PAUSED
                   ? promise(false, _("The batch is paused: nothing changes"))
                   : promise(true, _("The batch pauses, nothing is begun until runbatch continue"));
    case REQUEST_CONTINUE:
        return promise(true, _("The batch goes on"));
    default:
        return promise(true, _("The batch is given up: finished outputs stay, all else is removed"));
    }
}
