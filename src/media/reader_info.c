#include "media/reader_info.h"

#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "base/text.h"
#include "media/compat.h"
#include "media/convert.h"
#include "media/orientation.h"
#include "media/timeline.h"

const uint8_t *stream_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *size)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData *data = av_packet_side_data_get(stream->codecpar->coded_side_data,
                                                           stream->codecpar->nb_coded_side_data, type);
    *size = data != NULL ? data->size : 0;
    return data != NULL ? data->data : NULL;
#else
    *size = 0;
    return av_stream_get_side_data(stream, type, size);
#endif
}

static int64_t start_of(const AVStream *stream)
{
    const int64_t start = timeline_usable(stream->start_time);
    return start != AV_NOPTS_VALUE ? start : 0;
}

bool reader_info_is_iso(const AVFormatContext *format)
{
    return strstr(format->iformat->name, "mp4") != NULL;
}

int64_t reader_info_stream_end(const AVFormatContext *format, const AVStream *stream)
{
    const int64_t length = timeline_usable_length(stream->duration);
    if (reader_info_is_iso(format)) {
        return length > 0 ? length + start_of(stream) : AV_NOPTS_VALUE;
    }
    const AVDictionaryEntry *tag = av_dict_get(stream->metadata, "DURATION", NULL, AV_DICT_IGNORE_SUFFIX);
    int64_t end_us = 0;
    if (tag != NULL && av_parse_time(&end_us, tag->value, 1) >= 0 && end_us > 0) {
        return timeline_usable(av_rescale_q(end_us, AV_TIME_BASE_Q, stream->time_base));
    }
    return AV_NOPTS_VALUE;
}

double reader_info_duration(const AVFormatContext *format, const AVStream *stream)
{
    const int64_t end = reader_info_stream_end(format, stream);
    if (end != AV_NOPTS_VALUE && end > start_of(stream)) {
        return (double)(end - start_of(stream)) * av_q2d(stream->time_base);
    }
    const int64_t length = timeline_usable_length(stream->duration);
    if (length > 0) {
        return (double)length * av_q2d(stream->time_base);
    }
    return format->duration > 0 ? (double)format->duration / AV_TIME_BASE : 0;
}

/* No container holds a frame in less, its index entry included. A header that tells of more frames is wrong,
 * as of recordings that were cut off or never stopped: then neither their number nor the duration is known.
 */
enum { FRAME_BYTES_LEAST = 16 };

static int depth_of(enum AVPixelFormat format)
{
    enum { USUAL = 8 };
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    return desc != NULL ? desc->comp[0].depth : USUAL;
}

/* H.264, table A-1: macroblocks that the decoded picture buffer of a level holds. */
static int h264_buffer_frames(const AVCodecParameters *par)
{
    static const struct {
        int level;
        int64_t macroblocks;
    } levels[] = {{10, 396},    {11, 900},    {12, 2376},   {13, 2376},   {20, 2376},
                  {21, 4752},   {22, 8100},   {30, 8100},   {31, 18000},  {32, 20480},
                  {40, 32768},  {41, 32768},  {42, 34816},  {50, 110400}, {51, 184320},
                  {52, 184320}, {60, 696320}, {61, 696320}, {62, 696320}};
    const int64_t frame = (int64_t)((par->width + 15) / 16) * ((par->height + 15) / 16);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (levels[i].level >= par->level && par->level > 0) {
            return (int)av_clip64(levels[i].macroblocks / FFMAX(frame, 1), 1, 16);
        }
    }
    return 0;
}

static int reference_frames(const AVCodecParameters *par)
{
    return par->codec_id == AV_CODEC_ID_H264 ? h264_buffer_frames(par) : 0;
}

void reader_info_from_stream(MediaInfo *info, AVFormatContext *format, AVStream *stream)
{
    text_copy(info->container, sizeof info->container, format->iformat->name);
    text_copy(info->codec, sizeof info->codec, avcodec_get_name(stream->codecpar->codec_id));
    info->width = stream->codecpar->width;
    info->height = stream->codecpar->height;
    info->format = (enum AVPixelFormat)stream->codecpar->format;
    info->bit_depth = depth_of(info->format);
    info->reordered_frames = stream->codecpar->video_delay;
    info->reference_frames = reference_frames(stream->codecpar);
    info->time_base = stream->time_base;
    info->frame_rate = stream->avg_frame_rate;
    if (info->frame_rate.num <= 0 || info->frame_rate.den <= 0) {
        info->frame_rate = av_guess_frame_rate(format, stream, NULL);
    }
    if (info->frame_rate.num <= 0 || info->frame_rate.den <= 0) {
        info->frame_rate = (AVRational){0, 1};
    }
    enum { RATE_MAX = 240 };
    const AVRational grid = stream->r_frame_rate;
    const bool plausible = grid.num > 0 && grid.den > 0 && av_cmp_q(grid, info->frame_rate) >= 0 &&
                           av_cmp_q(grid, (AVRational){RATE_MAX, 1}) <= 0;
    info->grid_rate = plausible ? grid : info->frame_rate;
    info->field_order = stream->codecpar->field_order;
    info->duration_s = reader_info_duration(format, stream);
    info->frame_count = stream->nb_frames;
    const double estimate = info->duration_s * av_q2d(info->frame_rate) + 0.5;
    /* An edit list can show fewer frames than the track holds. */
    if (estimate >= 1 && estimate < 1e15 &&
        (info->frame_count <= 0 || info->frame_count > (int64_t)estimate + 1)) {
        info->frame_count = (int64_t)estimate + (info->frame_count > 0);
    }
    info->size_bytes = format->pb != NULL ? avio_size(format->pb) : 0;
    if (info->size_bytes > 0 && info->frame_count > info->size_bytes / FRAME_BYTES_LEAST) {
        info->frame_count = 0;
        info->duration_s = 0;
    }
    for (unsigned i = 0; i < format->nb_streams; i++) {
        info->audio_streams += format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        info->subtitle_streams += format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE;
    }
    size_t size = 0;
    const uint8_t *matrix = stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (matrix != NULL && size >= sizeof info->display_matrix) {
        memcpy(info->display_matrix, matrix, sizeof info->display_matrix);
        info->has_display_matrix = true;
        info->orientation = orientation_from_matrix(info->display_matrix);
    }
}

static void take_hdr(MediaInfo *info, const AVStream *stream, const AVFrame *frame)
{
    size_t size = 0;
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    const uint8_t *data =
        side != NULL ? side->data : stream_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &size);
    size = side != NULL ? side->size : size;
    if (data != NULL && size >= sizeof info->mastering) {
        memcpy(&info->mastering, data, sizeof info->mastering);
        info->has_mastering = true;
    }
    side = av_frame_get_side_data(frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    data = side != NULL ? side->data : stream_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &size);
    size = side != NULL ? side->size : size;
    if (data != NULL && size >= sizeof info->light) {
        memcpy(&info->light, data, sizeof info->light);
        info->has_light = true;
    }
}

void reader_info_from_frame(MediaInfo *info, AVFormatContext *format, AVStream *stream, AVFrame *frame)
{
    info->width = frame->width;
    info->height = frame->height;
    info->format = (enum AVPixelFormat)frame->format;
    info->bit_depth = depth_of(info->format);
    info->sample_aspect_ratio = av_guess_sample_aspect_ratio(format, stream, frame);
    if (info->sample_aspect_ratio.num <= 0 || info->sample_aspect_ratio.den <= 0) {
        info->sample_aspect_ratio = (AVRational){0, 1};
    }
    info->color_range = frame->color_range;
    info->color_space = frame->colorspace;
    info->color_primaries = frame->color_primaries;
    info->color_transfer = frame->color_trc;
    info->chroma_location = frame->chroma_location;
    if (frame_is_interlaced(frame) && info->field_order <= AV_FIELD_PROGRESSIVE) {
        info->field_order = frame_is_top_field_first(frame) ? AV_FIELD_TT : AV_FIELD_BB;
    } else if (!frame_is_interlaced(frame)) {
        info->field_order = AV_FIELD_PROGRESSIVE;
    }
    take_hdr(info, stream, frame);
}

void media_info_enlarge(MediaInfo *info, int factor)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(info->format);
    const bool rgb = desc != NULL && (desc->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    if (factor > 1 && !rgb && info->color_space == AVCOL_SPC_UNSPECIFIED) {
        info->color_space = default_matrix(info->height);
    }
    info->width *= factor;
    info->height *= factor;
}
