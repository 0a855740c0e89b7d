#include "ui/advice.h"

#include <stdio.h>

#include "base/text.h"
#include "report/i18n.h"

/* What removes the cause of a failure. */
static const char *remedy(const Error *error)
{
    switch (error->class_) {
    case ERROR_INPUT:
        return N_("the video is damaged or has nothing to work on: copy it again");
    case ERROR_MODEL:
        return N_("a model is missing or damaged: run scripts/setup.sh");
    case ERROR_ENVIRONMENT:
        return N_("see to the permissions and folders that the reason names");
    case ERROR_SPACE:
        return N_("make space on the volume");
    case ERROR_DISK:
        return N_("look after the disk: it does not read or write what it should");
    case ERROR_MEMORY:
        return N_("close other programs, or use fewer --jobs and --execution-threads");
    case ERROR_VIDEO_MEMORY:
        return N_("close what else uses the graphics card, or choose --execution-provider cpu");
    case ERROR_ENCODER:
        return N_("choose another --output-video-encoder");
    default:
        return N_("look at its log");
    }
}

static void advise_failed(const VideoView *video, char *buffer, size_t size)
{
    const Error *error = &video->row.error;
    const char *cause = error->todo[0] != '\0' ? error->todo : _(remedy(error));
    (void)snprintf(buffer, size, _("%s; then runbatch resume tries it again"), cause);
}

static void advise_waiting(const Snapshot *snapshot, const VideoView *video, char *buffer, size_t size)
{
    if (!snapshot_is_live(snapshot)) {
        text_copy(buffer, size, _("runbatch resume tries it again"));
    } else if (video->row.error.class_ == ERROR_SPACE) {
        text_copy(buffer, size, _("make space on the volume: it goes on by itself"));
    } else {
        text_copy(buffer, size, _("nothing: it is tried again by itself"));
    }
}

static void advise_unfinished(const VideoView *video, char *buffer, size_t size)
{
    if (video->chunks_end) {
        text_copy(buffer, size,
                  _("runbatch resume: all its chunks are there, only the output is put together"));
    } else if (video->chunks > 0) {
        (void)snprintf(buffer, size, _("runbatch resume goes on at frame %lld"),
                       (long long)video->chunk_frames);
    } else {
        text_copy(buffer, size, _("runbatch resume begins it"));
    }
}

const char *advice_text(const Snapshot *snapshot, const VideoView *video, char *buffer, size_t size)
{
    const bool live = snapshot_is_live(snapshot);
    buffer[0] = '\0';
    switch (video->state) {
    case VIDEO_WAITING:
        advise_waiting(snapshot, video, buffer, size);
        break;
    case VIDEO_PAUSED:
        if (live) {
            (void)snprintf(buffer, size, _("runbatch continue %s"), video->row.output);
        } else {
            advise_unfinished(video, buffer, size);
        }
        break;
    case VIDEO_STOPPED:
    case VIDEO_QUEUED:
        if (!live) {
            advise_unfinished(video, buffer, size);
        }
        break;
    case VIDEO_FAILED:
        advise_failed(video, buffer, size);
        break;
    case VIDEO_SET_ASIDE:
        text_copy(
            buffer, size,
            _("it ended its worker again and again: look at its log; runbatch resume tries it once more"));
        break;
    case VIDEO_REFUSED:
        text_copy(buffer, size, _("it is not worked on; see --content-gate-threshold"));
        break;
    case VIDEO_CANCELLED:
        text_copy(buffer, size, _("runbatch resume makes it after all, from the beginning"));
        break;
    default:
        break;
    }
    return buffer;
}
