#include "options/preset.h"

#include <string.h>

/* x264's and x265's own names (x264 --fullhelp, x265 --preset), which stand for speeds of vp9 too. */
static const char *const speeds[] = {"ultrafast", "superfast", "veryfast", "faster",  "fast", "medium",
                                     "slow",      "slower",    "veryslow", "placebo", NULL};
/* libvpx's cpu-used. */
static const char *const levels[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", NULL};
/* ffmpeg -h encoder=h264_nvenc */
static const char *const nvenc[] = {"p1",      "p2",   "p3",     "p4",       "p5",         "p6", "p7",
                                    "default", "slow", "medium", "fast",     "hp",         "hq", "bd",
                                    "ll",      "llhq", "llhp",   "lossless", "losslesshp", NULL};

static const struct {
    const char *encoder;
    const char *const *presets[2];
} known[] = {
    {"libx264", {speeds, NULL}},   {"libx265", {speeds, NULL}},   {"libvpx-vp9", {speeds, levels}},
    {"h264_nvenc", {nvenc, NULL}}, {"hevc_nvenc", {nvenc, NULL}},
};

static bool has(const char *const *list, const char *name, Text *names)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
        text_appendf(names, "%s%s", names->length > 0 ? ", " : "", *list);
    }
    return false;
}

Status preset_check(const Settings *settings, Error *err)
{
    const char *preset = settings->output_video_preset;
    Status status = STATUS_OK;
    for (size_t i = 0; preset != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].encoder, settings->output_video_encoder) != 0) {
            continue;
        }
        Text names = {0};
        if (!has(known[i].presets[0], preset, &names) && !has(known[i].presets[1], preset, &names)) {
            status =
                error_setf(err, ERROR_USAGE, "--output-video-preset", NULL,
                           "'%.60s' is not known to %s; known: %s", preset, known[i].encoder, names.data);
        }
        text_free(&names);
    }
    return status;
}
