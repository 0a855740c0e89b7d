/* What a video is, found out by its header and first packets alone: fast enough for a thousand files.
 *
 * Opens and reads as the job does, with the same reader, so that what a job could not work on is refused here
 * in the same words. Called in a sandboxed child of the probe worker, and by the job for what it has opened.
 * Worst-case memory: the reader's, with one decoder thread.
 */
#ifndef RUNBATCH_MEDIA_LOOK_H
#define RUNBATCH_MEDIA_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Plain data: what is told between processes and kept in the store. Texts have no control characters. */
typedef struct MediaLook {
    char container[64];    /* demuxer name, "mov,mp4,m4a,3gp,3g2,mj2" */
    char codec[32];        /* "h264" */
    char pixel_format[32]; /* of the frames that are worked on, "yuv420p10le" */
    int bit_depth;
    int chroma_width_shift; /* log2 of how much coarser chroma is: 1 and 1 for 4:2:0 */
    int chroma_height_shift;
    int width; /* stored, before rotation */
    int height;
    int rotation;         /* degrees clockwise that a player turns it: 0, 90, 180, 270 */
    int reordered_frames; /* that the decoder holds back to give them in order; 0 none or unknown */
    int reference_frames; /* that the decoder must keep, as far as the header tells; 0 unknown */
    double frame_rate;    /* the average; 0 unknown */
    double duration_s;    /* of the video stream; 0 unknown */
    int64_t frames;       /* an estimate from the header or duration x rate; 0 unknown */
    int audio_streams;
    int subtitle_streams;
    bool cut_off; /* a job would fail at its end; media_look refuses it */
} MediaLook;

struct MediaInfo;

/* From what a reader found. */
void media_look_from(MediaLook *look, const struct MediaInfo *info);

/* ERROR_INPUT as from reader_open, and where the file is cut off: a job would fail at its end. On failure
 * `look` is empty. */
Status media_look(const char *path, MediaLook *look, Error *err);

#endif
