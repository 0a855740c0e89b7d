/* Fills a MediaInfo from what the demuxer and the first frame tell. Private to src/media. */
#ifndef RUNBATCH_MEDIA_READER_INFO_H
#define RUNBATCH_MEDIA_READER_INFO_H

#include "media/reader.h"

/* The container's part: everything that does not depend on the decoder. */
void reader_info_from_stream(MediaInfo *info, AVFormatContext *format, AVStream *stream);

/* The frame's part: shape, colours, fields, HDR metadata. */
void reader_info_from_frame(MediaInfo *info, AVFormatContext *format, AVStream *stream, AVFrame *frame);

/* The mp4 and mov family, whose tables tell every frame's length. */
bool reader_info_is_iso(const AVFormatContext *format);

/* Where the stream itself ends, in its time base, from the track of mp4 and mov or Matroska's DURATION tag;
 * AV_NOPTS_VALUE when unknown: other headers tell the longest stream's length for all. */
int64_t reader_info_stream_end(const AVFormatContext *format, const AVStream *stream);

/* Seconds from the stream's start to its end; falls back to the container's duration; 0 unknown. */
double reader_info_duration(const AVFormatContext *format, const AVStream *stream);

/* Side data of a stream (AV_PKT_DATA_…), NULL when there is none. */
const uint8_t *stream_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *size);

#endif
