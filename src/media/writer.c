#include "media/writer.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "media/chunk_clock.h"
#include "media/compat.h"
#include "media/container.h"
#include "media/encoder.h"
#include "media/frame_rate.h"
#include "media/input.h"
#include "media/reader_info.h"
#include "media/side_streams.h"

struct Writer {
    char *path;
    AVRational source_base;
    AVRational source_rate;
    const atomic_bool *stop;
    atomic_bool stop_at_chunk;
    ChunkClock clock;
    FrameRateConverter rate; /* rate.rate 0/1: frames keep their pts */
    AVFormatContext *muxer;
    AVStream *stream;
    Encoder *encoder;
    SideStreams *side;
    AVPacket *packet;
    bool started;
    bool finished;
    int64_t shift;    /* added to pts so that the first is not negative; source_base */
    int64_t end;      /* of the last frame, in the encoder's time base */
    int64_t last_dts; /* in the muxer's time base, like: */
    int64_t lead;     /* added to all, see side_streams_lead_ms */
    WriterSummary summary;
};

static Status fail(const Writer *writer, const char *what, int averror, Error *err)
{
    return media_error(err, ERROR_ENCODER, what, writer->path, averror);
}

/* ---- opening ---- */

static Status choose_container(Writer *writer, const char *final_name, Error *err)
{
    const AVOutputFormat *container = av_guess_format(NULL, final_name, NULL);
    if (container == NULL || container->video_codec == AV_CODEC_ID_NONE ||
        (container->flags & (AVFMT_NOFILE | AVFMT_NEEDNUMBER)) != 0) {
        (void)error_setf(err, ERROR_ENCODER, "cannot write the output", final_name,
                         "\"%s\" is no extension of a video container", path_extension(final_name));
        error_advise(err, "use .mp4, .mov, .mkv, .webm or .avi");
        return STATUS_FAILED;
    }
    const int result = avformat_alloc_output_context2(&writer->muxer, container, NULL, NULL);
    if (result < 0) {
        return fail(writer, "cannot write the output", result, err);
    }
    writer->muxer->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    return STATUS_OK;
}

/* AVI has no timestamps: it gets a constant rate even where nobody asked. (AVFMT_VARIABLE_FPS does not tell:
 * mp4 lacks it too.) */
static AVRational wanted_rate(const Writer *writer, const WriterConfig *config)
{
    if (config->output_fps.num > 0 && config->output_fps.den > 0) {
        return config->output_fps;
    }
    if (strcmp(writer->muxer->oformat->name, "avi") == 0 && config->source->frame_rate.num > 0) {
        log_info("%s holds constant rates only: frames are placed at %d/%d a second",
                 writer->muxer->oformat->name, config->source->frame_rate.num,
                 config->source->frame_rate.den);
        return config->source->frame_rate;
    }
    return (AVRational){0, 1};
}

static Status open_encoder(Writer *writer, const WriterConfig *config, Error *err)
{
    const AVRational rate = wanted_rate(writer, config);
    writer->source_base = config->source->time_base;
    writer->source_rate = config->source->frame_rate;
    frame_rate_init(&writer->rate, config->source->time_base, rate);
    const bool constant = rate.num > 0;
    const AVOutputFormat *container = writer->muxer->oformat;
    const EncoderConfig encoder = {
        .name = config->encoder,
        .quality = config->quality,
        .preset = config->preset,
        .threads = config->threads,
        .source = config->source,
        .time_base = constant ? av_inv_q(rate) : config->source->time_base,
        .frame_rate = constant ? rate : config->source->frame_rate,
        .grid_rate = constant ? rate : config->source->grid_rate,
        .global_header = (container->flags & AVFMT_GLOBALHEADER) != 0,
        .no_reordering = strcmp(container->name, "avi") == 0,
    };
    writer->summary.time_base = encoder.time_base;
    return encoder_open(&writer->encoder, &encoder, err);
}

static Status add_video(Writer *writer, const WriterConfig *config, Error *err)
{
    const AVCodecContext *context = encoder_context(writer->encoder);
    writer->stream = avformat_new_stream(writer->muxer, NULL);
    if (writer->stream == NULL || avcodec_parameters_from_context(writer->stream->codecpar, context) < 0) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", writer->path, "out of memory");
    }
    AVStream *stream = writer->stream;
    stream->time_base = writer->summary.time_base;
    stream->sample_aspect_ratio = config->source->sample_aspect_ratio;
    stream->disposition = AV_DISPOSITION_DEFAULT;
    if (context->codec_id == AV_CODEC_ID_HEVC && container_is_iso(writer->muxer->oformat)) {
        /* The name Apple's players ask for; others take both. */
        stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    }
    if (avformat_query_codec(writer->muxer->oformat, context->codec_id, FF_COMPLIANCE_EXPERIMENTAL) == 0) {
        (void)error_setf(err, ERROR_ENCODER, "cannot write the output", writer->path,
                         "%s cannot hold what %s makes", writer->muxer->oformat->name, config->encoder);
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
static Status describe_video(Writer *writer, const WriterConfig *config, Error *err)
{
    const MediaInfo *source = config->source;
    AVStream *stream = writer->stream;
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
    if (!container_is_iso(writer->muxer->oformat) &&
        (source->orientation.quarter_turns != 0 || source->orientation.mirrored)) {
        log_warn("%s cannot say that the picture is to be turned; players will show it as it is stored",
                 writer->muxer->oformat->name);
    }
    const AVStream *in = writer->side != NULL ? side_streams_video(writer->side) : NULL;
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
    if (writer->rate.rate.num > 0) {
        stream->avg_frame_rate = stream->r_frame_rate = writer->rate.rate;
    } else if (in != NULL && av_cmp_q(in->avg_frame_rate, in->r_frame_rate) == 0) {
        stream->avg_frame_rate = stream->r_frame_rate = in->avg_frame_rate;
    }
    return ok ? STATUS_OK
              : error_set(err, ERROR_MEMORY, "cannot write the output", writer->path, "out of memory");
}

static Status open_side_streams(Writer *writer, const WriterConfig *config, Error *err)
{
    if (config->input_path == NULL) {
        return STATUS_OK;
    }
    if (side_streams_open(&writer->side, config->input_path, writer->muxer, config->skip_audio, err) !=
        STATUS_OK) {
        return STATUS_FAILED;
    }
    const AVFormatContext *input = side_streams_input(writer->side);
    container_copy_tags(&writer->muxer->metadata, input->metadata);
    if (!container_copy_chapters(writer->muxer, input, 0)) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", writer->path, "out of memory");
    }
    return STATUS_OK;
}

static bool has_cover(const Writer *writer)
{
    bool cover = false;
    for (unsigned i = 0; i < writer->muxer->nb_streams; i++) {
        cover |= (writer->muxer->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    }
    return cover;
}

/* mp4 writes the beginning of a late stream in units of the movie's time scale. */
static void set_iso_options(Writer *writer, bool special_tags, AVDictionary **options)
{
    enum { STREAMS_MAX = 64 };
    int64_t starts[STREAMS_MAX];
    AVRational bases[STREAMS_MAX];
    int count = 0;
    const AVStream *video = writer->side != NULL ? side_streams_video(writer->side) : NULL;
    if (video != NULL) {
        starts[count] = video->start_time;
        bases[count++] = video->time_base;
    }
    for (unsigned i = 0; writer->side != NULL && i < writer->muxer->nb_streams && count < STREAMS_MAX; i++) {
        starts[count] = side_streams_start(writer->side, i, &bases[count]);
        count += starts[count] != AV_NOPTS_VALUE;
    }
    (void)av_dict_set_int(options, "movie_timescale", container_movie_timescale(starts, bases, count), 0);
    /* The muxer writes either tags of any name or a cover picture; usual tags are written with both. */
    if (special_tags && !has_cover(writer)) {
        (void)av_dict_set(options, "movflags", "+use_metadata_tags", 0);
    }
}

static Status write_header(Writer *writer, const WriterConfig *config, Error *err)
{
    const bool special_tags = container_add_tags(&writer->muxer->metadata, config->metadata);
    AVDictionary *options = NULL;
    if (container_is_iso(writer->muxer->oformat)) {
        set_iso_options(writer, special_tags, &options);
    }
    char *url = text_format("file:%s", writer->path);
    int result = avio_open2(&writer->muxer->pb, url, AVIO_FLAG_WRITE, NULL, NULL);
    memory_free(url);
    if (result < 0) {
        av_dict_free(&options);
        const int code = AVUNERROR(result);
        return code > 0
                   ? error_set_errno(err, ERROR_ENVIRONMENT, "cannot write the output", writer->path, code)
                   : fail(writer, "cannot write the output", result, err);
    }
    result = avformat_write_header(writer->muxer, &options);
    av_dict_free(&options);
    avio_flush(writer->muxer->pb); /* a full disk is told before hours of work */
    const int io = writer->muxer->pb->error;
    if (result < 0 || io < 0) {
        return fail(writer, "cannot write the output's header", io < 0 ? io : result, err);
    }
    if (writer->side != NULL) {
        writer->lead = av_rescale_q(side_streams_lead_ms(writer->side), (AVRational){1, 1000},
                                    writer->stream->time_base);
    }
    return STATUS_OK;
}

static Status open_all(Writer *writer, const WriterConfig *config, Error *err)
{
    writer->packet = av_packet_alloc();
    if (writer->packet == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", config->path, "out of memory");
    }
    if (choose_container(writer, config->final_name, err) != STATUS_OK ||
        open_encoder(writer, config, err) != STATUS_OK || add_video(writer, config, err) != STATUS_OK ||
        open_side_streams(writer, config, err) != STATUS_OK ||
        describe_video(writer, config, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return write_header(writer, config, err);
}

static void remove_output(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        (void)unlink(path);
    }
}

Status writer_open(Writer **writer, const WriterConfig *config, Error *err)
{
    *writer = memory_alloc(1, sizeof **writer);
    (*writer)->path = text_duplicate(config->path);
    (*writer)->last_dts = AV_NOPTS_VALUE;
    (*writer)->stop = config->stop;
    if (config->chunks.folder != NULL) {
        (*writer)->clock =
            chunk_clock(config->source->time_base, config->chunks.source_origin, config->chunks.seconds);
    }
    const Status status = open_all(*writer, config, err);
    if (status != STATUS_OK) {
        const bool created = (*writer)->muxer != NULL && (*writer)->muxer->pb != NULL;
        writer_free(writer);
        if (created) {
            remove_output(config->path);
        }
    }
    return status;
}

void writer_free(Writer **writer)
{
    Writer *w = *writer;
    if (w == NULL) {
        return;
    }
    side_streams_free(&w->side);
    encoder_free(&w->encoder);
    av_packet_free(&w->packet);
    if (w->muxer != NULL) {
        (void)avio_closep(&w->muxer->pb);
        avformat_free_context(w->muxer);
    }
    memory_free(w->path);
    memory_free(w);
    *writer = NULL;
}

/* ---- writing ---- */

static Status mux(Writer *writer, Error *err)
{
    AVPacket *packet = writer->packet;
    const AVRational base = writer->summary.time_base;
    if (writer->side != NULL && side_streams_pull(writer->side, packet->dts, base, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    av_packet_rescale_ts(packet, base, writer->stream->time_base);
    packet->pts += writer->lead;
    packet->dts += writer->lead;
    /* A base coarser than the source's (Matroska's 1 ms) can bring neighbours together. */
    const bool strict = (writer->muxer->oformat->flags & AVFMT_TS_NONSTRICT) == 0;
    if (writer->last_dts != AV_NOPTS_VALUE && packet->dts < writer->last_dts + strict) {
        packet->dts = writer->last_dts + strict;
        packet->pts = FFMAX(packet->pts, packet->dts);
    }
    writer->last_dts = packet->dts;
    packet->stream_index = writer->stream->index;
    const int result = av_write_frame(writer->muxer, packet);
    const int io = writer->muxer->pb->error;
    if (result < 0 || io < 0) {
        return fail(writer, "cannot write the output", io < 0 ? io : result, err);
    }
    return STATUS_OK;
}

static Status drain(Writer *writer, Error *err)
{
    for (;;) {
        Status status = encoder_receive(writer->encoder, writer->packet, err);
        if (status == STATUS_AGAIN || status == STATUS_EOF) {
            return STATUS_OK;
        }
        if (status == STATUS_OK) {
            status = mux(writer, err);
            av_packet_unref(writer->packet);
        }
        if (status != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
}

static Status encode(Writer *writer, const AVFrame *frame, int64_t pts, int64_t duration, Error *err)
{
    if (encoder_send(writer->encoder, frame, pts, duration, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    WriterSummary *summary = &writer->summary;
    summary->first_pts = summary->frames == 0 ? pts : summary->first_pts;
    summary->last_pts = pts;
    summary->frames++;
    writer->end = pts + duration;
    return drain(writer, err);
}

static int64_t duration_of(const Writer *writer, const AVFrame *frame)
{
    int64_t duration = frame_duration(frame);
    if (duration <= 0 && writer->source_rate.num > 0 && writer->source_rate.den > 0) {
        duration = av_rescale_q(1, av_inv_q(writer->source_rate), writer->source_base);
    }
    return FFMAX(duration, 1);
}

Status writer_frame(Writer *writer, const AVFrame *frame, const ChunkCounts *counts, uint64_t check,
                    Error *err)
{
    (void)counts;
    (void)check;
    if (!writer->started) {
        writer->started = true;
        /* Players show nothing before zero: everything moves together. */
        writer->shift = frame->pts < 0 ? -frame->pts : 0;
        if (writer->shift > 0 && writer->side != NULL) {
            side_streams_shift(writer->side, writer->shift, writer->source_base);
        }
    }
    const int64_t pts = frame->pts + writer->shift;
    const int64_t duration = duration_of(writer, frame);
    if (writer->rate.rate.num == 0) {
        return encode(writer, frame, pts, duration, err);
    }
    const FrameSlots slots = frame_rate_take(&writer->rate, pts, duration);
    writer->summary.frames_dropped += slots.count == 0;
    for (int64_t i = 0; i < slots.count; i++) {
        if (i > 0 && writer->stop != NULL && atomic_load(writer->stop)) {
            return STATUS_STOPPED;
        }
        if (encode(writer, frame, slots.first + i, 1, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        writer->summary.frames_repeated += i > 0;
    }
    return STATUS_OK;
}

bool writer_resume(const Writer *writer, WriterResume *resume)
{
    (void)writer;
    *resume = (WriterResume){0};
    return false;
}

bool writer_begins_chunk(const Writer *writer, int64_t pts, int64_t pts_before)
{
    return chunk_clock_begins(&writer->clock, pts, pts_before);
}

void writer_stop_at_chunk(Writer *writer)
{
    atomic_store(&writer->stop_at_chunk, true);
}

void writer_chunk_progress(const Writer *writer, double *done_s, double *length_s)
{
    (void)writer;
    *done_s = 0;
    *length_s = 0;
}

/* ---- finishing ---- */

static Status close_file(Writer *writer, Error *err)
{
    int result = av_write_trailer(writer->muxer);
    avio_flush(writer->muxer->pb);
    const int io = writer->muxer->pb->error;
    const int64_t size = avio_size(writer->muxer->pb);
    const int closed = avio_closep(&writer->muxer->pb);
    if (io < 0) {
        result = io;
    } else if (result >= 0) {
        result = closed;
    }
    writer->summary.size_bytes = size > 0 ? size : 0;
    return result < 0 ? fail(writer, "cannot finish the output", result, err) : STATUS_OK;
}

Status writer_finish(Writer *writer, WriterSummary *summary, Error *err)
{
    if (writer->finished) {
        return error_set(err, ERROR_INTERNAL, "cannot finish the output", writer->path, "it is finished");
    }
    writer->finished = true;
    if (encoder_send(writer->encoder, NULL, 0, 0, err) != STATUS_OK || drain(writer, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (writer->side != NULL) {
        if (side_streams_pull(writer->side, INT64_MAX, AV_TIME_BASE_Q, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        const SideStreamsSummary side = side_streams_summary(writer->side);
        writer->summary.audio_streams = side.audio_streams;
        writer->summary.audio_reencoded = side.audio_reencoded;
        writer->summary.streams_left_out = side.left_out;
    }
    if (close_file(writer, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    writer->summary.duration_s =
        (double)(writer->end - writer->summary.first_pts) * av_q2d(writer->summary.time_base);
    *summary = writer->summary;
    return STATUS_OK;
}
