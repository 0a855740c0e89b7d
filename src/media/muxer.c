#include "media/muxer.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "media/compat.h"
#include "media/container.h"
#include "media/input.h"
#include "media/paced_file.h"
#include "media/reader_info.h"
#include "media/side_streams.h"

enum { BUFFER = 256 * 1024 };

struct Muxer {
    MuxerConfig config; /* what it points to is there until it has begun */
    char *path;
    PacedFile *file;
    AVFormatContext *format;
    AVStream *stream;
    SideStreams *side;
    AVRational time_base; /* of the packets that come */
    AVRational constant_rate;
    int64_t last_dts; /* in the stream's time base, like: */
    int64_t lead;     /* added to all, see side_streams_lead_ms */
};

static Status fail(const Muxer *muxer, const char *what, int averror, Error *err)
{
    return media_error(err, ERROR_ENCODER, what, muxer->path, averror);
}

/* ---- opening ---- */

static Status choose_container(Muxer *muxer, Error *err)
{
    const char *final_name = muxer->config.final_name;
    const AVOutputFormat *container = av_guess_format(NULL, final_name, NULL);
    if (container == NULL || container->video_codec == AV_CODEC_ID_NONE ||
        (container->flags & (AVFMT_NOFILE | AVFMT_NEEDNUMBER)) != 0) {
        (void)error_setf(err, ERROR_ENCODER, "cannot write the output", final_name,
                         "\"%s\" is no extension of a video container", path_extension(final_name));
        error_advise(err, "use .mp4, .mov, .mkv, .webm or .avi");
        return STATUS_FAILED;
    }
    const int result = avformat_alloc_output_context2(&muxer->format, container, NULL, NULL);
    if (result < 0) {
        return fail(muxer, "cannot write the output", result, err);
    }
    muxer->format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    return STATUS_OK;
}

static Status add_video(Muxer *muxer, const AVCodecContext *context, Error *err)
{
    muxer->stream = avformat_new_stream(muxer->format, NULL);
    if (muxer->stream == NULL || avcodec_parameters_from_context(muxer->stream->codecpar, context) < 0) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", muxer->path, "out of memory");
    }
    AVStream *stream = muxer->stream;
    stream->time_base = muxer->time_base;
    stream->sample_aspect_ratio = muxer->config.source->sample_aspect_ratio;
    stream->disposition = AV_DISPOSITION_DEFAULT;
    if (context->codec_id == AV_CODEC_ID_HEVC && container_is_iso(muxer->format->oformat)) {
        /* The name Apple's players ask for; others take both. */
        stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    }
    if (avformat_query_codec(muxer->format->oformat, context->codec_id, FF_COMPLIANCE_EXPERIMENTAL) == 0) {
        (void)error_setf(err, ERROR_ENCODER, "cannot write the output", muxer->path,
                         "%s cannot hold what %s makes", muxer->format->oformat->name, context->codec->name);
        error_advise(err, "choose another encoder or another extension");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

static bool add_side_data(AVStream *stream, enum AVPacketSideDataType type, const void *data, size_t size)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    AVPacketSideData *side = av_packet_side_data_new(&stream->codecpar->coded_side_data,
                                                     &stream->codecpar->nb_coded_side_data, type, size, 0);
    uint8_t *target = side != NULL ? side->data : NULL;
#else
    uint8_t *target = av_stream_new_side_data(stream, type, size);
#endif
    if (target != NULL) {
        memcpy(target, data, size);
    }
    return target != NULL;
}

/* What the container says about the picture that the encoder does not. */
static Status describe_video(Muxer *muxer, Error *err)
{
    const MediaInfo *source = muxer->config.source;
    AVStream *stream = muxer->stream;
    bool ok = true;
    if (source->has_display_matrix) {
        ok &= add_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, source->display_matrix,
                            sizeof source->display_matrix);
    }
    if (source->has_mastering) {
        ok &= add_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &source->mastering,
                            sizeof source->mastering);
    }
    if (source->has_light) {
        ok &= add_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &source->light, sizeof source->light);
    }
    if (!container_is_iso(muxer->format->oformat) &&
        (source->orientation.quarter_turns != 0 || source->orientation.mirrored)) {
        log_warn("%s cannot say that the picture is to be turned; players will show it as it is stored",
                 muxer->format->oformat->name);
    }
    const AVStream *in = muxer->side != NULL ? side_streams_video(muxer->side) : NULL;
    if (in != NULL) {
        static const enum AVPacketSideDataType kinds[] = {AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            size_t size = 0;
            const uint8_t *data = stream_side_data(in, kinds[i], &size);
            ok &= data == NULL || add_side_data(stream, kinds[i], data, size);
        }
        stream->disposition = in->disposition;
        container_copy_tags(&stream->metadata, in->metadata);
    }
    if (muxer->constant_rate.num > 0) {
        stream->avg_frame_rate = stream->r_frame_rate = muxer->constant_rate;
    } else if (in != NULL && av_cmp_q(in->avg_frame_rate, in->r_frame_rate) == 0) {
        stream->avg_frame_rate = stream->r_frame_rate = in->avg_frame_rate;
    }
    return ok ? STATUS_OK
              : error_set(err, ERROR_MEMORY, "cannot write the output", muxer->path, "out of memory");
}

static Status open_side_streams(Muxer *muxer, Error *err)
{
    const MuxerConfig *config = &muxer->config;
    if (config->input_path == NULL) {
        return STATUS_OK;
    }
    if (side_streams_open(&muxer->side, config->input_path, muxer->format, config->skip_audio, err) !=
        STATUS_OK) {
        return STATUS_FAILED;
    }
    const AVFormatContext *input = side_streams_input(muxer->side);
    container_copy_tags(&muxer->format->metadata, input->metadata);
    if (!container_copy_chapters(muxer->format, input, 0)) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", muxer->path, "out of memory");
    }
    return STATUS_OK;
}

static bool has_cover(const Muxer *muxer)
{
    bool cover = false;
    for (unsigned i = 0; i < muxer->format->nb_streams; i++) {
        cover |= (muxer->format->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    }
    return cover;
}

/* mp4 writes the beginning of a late stream in units of the movie's time scale. */
static void set_iso_options(Muxer *muxer, bool special_tags, AVDictionary **options)
{
    enum { STREAMS_MAX = 64 };
    int64_t starts[STREAMS_MAX];
    AVRational bases[STREAMS_MAX];
    int count = 0;
    const AVStream *video = muxer->side != NULL ? side_streams_video(muxer->side) : NULL;
    if (video != NULL) {
        starts[count] = video->start_time;
        bases[count++] = video->time_base;
    }
    for (unsigned i = 0; muxer->side != NULL && i < muxer->format->nb_streams && count < STREAMS_MAX; i++) {
        starts[count] = side_streams_start(muxer->side, i, &bases[count]);
        count += starts[count] != AV_NOPTS_VALUE;
    }
    (void)av_dict_set_int(options, "movie_timescale", container_movie_timescale(starts, bases, count), 0);
    /* The muxer writes either tags of any name or a cover picture; usual tags are written with both. */
    if (special_tags && !has_cover(muxer)) {
        (void)av_dict_set(options, "movflags", "+use_metadata_tags", 0);
    }
}

/* ---- the file ---- */

#if LIBAVFORMAT_VERSION_MAJOR >= 61
static int write_bytes(void *file, const uint8_t *bytes, int size)
#else
static int write_bytes(void *file, uint8_t *bytes, int size)
#endif
{
    const int code = paced_file_write(file, bytes, (size_t)size);
    return code == 0 ? size : AVERROR(code);
}

static int64_t seek_bytes(void *file, int64_t offset, int whence)
{
    return (whence & AVSEEK_SIZE) != 0 ? paced_file_size(file)
                                       : paced_file_seek(file, offset, whence & ~AVSEEK_FORCE);
}

static Status open_file(Muxer *muxer, Error *err)
{
    if (paced_file_reuse(&muxer->file, muxer->path, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    unsigned char *buffer = av_malloc(BUFFER);
    if (buffer != NULL) {
        muxer->format->pb = avio_alloc_context(buffer, BUFFER, 1, muxer->file, NULL, write_bytes, seek_bytes);
    }
    if (muxer->format->pb == NULL) {
        av_free(buffer);
        return error_set(err, ERROR_MEMORY, "cannot write the output", muxer->path, "out of memory");
    }
    muxer->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    return STATUS_OK;
}

static int close_file(Muxer *muxer)
{
    if (muxer->format != NULL && muxer->format->pb != NULL) {
        av_freep(&muxer->format->pb->buffer);
        avio_context_free(&muxer->format->pb);
    }
    return AVERROR(paced_file_close(&muxer->file));
}

static Status write_header(Muxer *muxer, Error *err)
{
    const bool special_tags = container_add_tags(&muxer->format->metadata, muxer->config.metadata);
    AVDictionary *options = NULL;
    if (container_is_iso(muxer->format->oformat)) {
        set_iso_options(muxer, special_tags, &options);
    }
    if (open_file(muxer, err) != STATUS_OK) {
        av_dict_free(&options);
        return STATUS_FAILED;
    }
    int result = avformat_write_header(muxer->format, &options);
    av_dict_free(&options);
    avio_flush(muxer->format->pb); /* a full disk is told before hours of work */
    const int io = muxer->format->pb->error;
    if (result < 0 || io < 0) {
        return fail(muxer, "cannot write the output's header", io < 0 ? io : result, err);
    }
    if (muxer->side != NULL) {
        muxer->lead =
            av_rescale_q(side_streams_lead_ms(muxer->side), (AVRational){1, 1000}, muxer->stream->time_base);
    }
    return STATUS_OK;
}

Status muxer_open(Muxer **muxer, const MuxerConfig *config, Error *err)
{
    *muxer = memory_alloc(1, sizeof **muxer);
    (*muxer)->path = text_duplicate(config->path);
    (*muxer)->config = *config;
    (*muxer)->last_dts = AV_NOPTS_VALUE;
    const Status status = choose_container(*muxer, err);
    if (status != STATUS_OK) {
        muxer_free(muxer);
    }
    return status;
}

const AVOutputFormat *muxer_container(const Muxer *muxer)
{
    return muxer->format->oformat;
}

Status muxer_begin(Muxer *muxer, const AVCodecContext *encoder, AVRational time_base,
                   AVRational constant_rate, Error *err)
{
    muxer->time_base = time_base;
    muxer->constant_rate = constant_rate;
    Status status = add_video(muxer, encoder, err);
    if (status == STATUS_OK && (status = open_side_streams(muxer, err)) == STATUS_OK &&
        (status = describe_video(muxer, err)) == STATUS_OK) {
        status = write_header(muxer, err);
    }
    muxer->config = (MuxerConfig){0};
    if (status != STATUS_OK) {
        muxer_abandon(muxer);
    }
    return status;
}

void muxer_abandon(Muxer *muxer)
{
    if (muxer->file != NULL && paced_file_is_new(muxer->file)) {
        (void)unlink(muxer->path);
    }
}

void muxer_shift(Muxer *muxer, int64_t shift, AVRational time_base)
{
    if (shift != 0 && muxer->side != NULL) {
        side_streams_shift(muxer->side, shift, time_base);
    }
}

void muxer_free(Muxer **muxer)
{
    Muxer *m = *muxer;
    if (m == NULL) {
        return;
    }
    side_streams_free(&m->side);
    (void)close_file(m);
    avformat_free_context(m->format);
    memory_free(m->path);
    memory_free(m);
    *muxer = NULL;
}

/* ---- packets ---- */

Status muxer_packet(Muxer *muxer, AVPacket *packet, Error *err)
{
    if (muxer->side != NULL &&
        side_streams_pull(muxer->side, packet->dts, muxer->time_base, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    av_packet_rescale_ts(packet, muxer->time_base, muxer->stream->time_base);
    packet->pts += muxer->lead;
    packet->dts += muxer->lead;
    /* A base coarser than the source's (Matroska's 1 ms) can bring neighbours together. */
    const bool strict = (muxer->format->oformat->flags & AVFMT_TS_NONSTRICT) == 0;
    if (muxer->last_dts != AV_NOPTS_VALUE && packet->dts < muxer->last_dts + strict) {
        packet->dts = muxer->last_dts + strict;
        packet->pts = FFMAX(packet->pts, packet->dts);
    }
    muxer->last_dts = packet->dts;
    packet->stream_index = muxer->stream->index;
    const int result = av_write_frame(muxer->format, packet);
    const int io = muxer->format->pb->error;
    if (result < 0 || io < 0) {
        return fail(muxer, "cannot write the output", io < 0 ? io : result, err);
    }
    return STATUS_OK;
}

static Status end_file(Muxer *muxer, MuxerSummary *summary, Error *err)
{
    AVIOContext *pb = muxer->format->pb;
    int result = av_write_trailer(muxer->format);
    avio_flush(pb);
    const int io = pb->error;
    const int64_t size = paced_file_size(muxer->file);
    const int closed = close_file(muxer);
    if (io < 0) {
        result = io;
    } else if (result >= 0) {
        result = closed;
    }
    summary->size_bytes = size > 0 ? size : 0;
    return result < 0 ? fail(muxer, "cannot finish the output", result, err) : STATUS_OK;
}

Status muxer_finish(Muxer *muxer, MuxerSummary *summary, Error *err)
{
    *summary = (MuxerSummary){0};
    if (muxer->side != NULL) {
        if (side_streams_pull(muxer->side, INT64_MAX, AV_TIME_BASE_Q, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        const SideStreamsSummary side = side_streams_summary(muxer->side);
        summary->audio_streams = side.audio_streams;
        summary->audio_reencoded = side.audio_reencoded;
        summary->streams_left_out = side.left_out;
    }
    return end_file(muxer, summary, err);
}
