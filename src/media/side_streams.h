/* Carries the input's other streams into the output: audio, subtitles, attachments.
 *
 * Opens the input a second time, without its video, and hands packets to the muxer as the video's clock
 * advances: nothing queues but one packet. Codecs the container cannot hold are encoded again (audio), turned
 * into the container's own text (subtitles), or left out with a line in the log. Used by the writer alone, on
 * its thread. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_SIDE_STREAMS_H
#define RUNBATCH_MEDIA_SIDE_STREAMS_H

#include <libavformat/avformat.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct SideStreams SideStreams;

typedef struct SideStreamsSummary {
    int audio_streams;
    int audio_reencoded;
    int left_out;
} SideStreamsSummary;

/* Adds streams to `muxer` (before its header is written), which must outlive the SideStreams. */
Status side_streams_open(SideStreams **side, const char *path, AVFormatContext *muxer, bool skip_audio,
                         Error *err);
void side_streams_free(SideStreams **side);

/* The second open of the input, for its tags and chapters, and its video stream. */
const AVFormatContext *side_streams_input(const SideStreams *side);
const AVStream *side_streams_video(const SideStreams *side);

/* Moves everything by this much from now on. */
void side_streams_shift(SideStreams *side, int64_t shift, AVRational time_base);

/* By how much the output begins later than the input, for what prepares the audio's decoder; already part of
 * what side_streams_pull writes, to be added to the video by the writer. 0 but for Matroska with older
 * FFmpeg. */
int64_t side_streams_lead_ms(const SideStreams *side);

/* Writes all packets that are due up to the time `until`; INT64_MAX: all there are. A packet the muxer
 * refuses is left out; that the output cannot be written or the input not be read to its end is an error. */
Status side_streams_pull(SideStreams *side, int64_t until, AVRational time_base, Error *err);

SideStreamsSummary side_streams_summary(const SideStreams *side);

/* The input time of the beginning of a stream in the output, by the output's stream index; AV_NOPTS_VALUE
 * when unknown or not carried. */
int64_t side_streams_start(const SideStreams *side, unsigned output_index, AVRational *time_base);

#endif
