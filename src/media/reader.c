#include "media/reader.h"

#include <libavutil/cpu.h>
#include <libavutil/pixdesc.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "media/coding_loss.h"
#include "media/compat.h"
#include "media/input.h"
#include "media/reader_info.h"
#include "media/reader_internal.h"

enum {
    DEFAULT_MAX_DIMENSION = 16384,
    ERRORS_IN_ROW_MAX = 256, /* of a demuxer or decoder that does not get on */
};

/* Formats whose outermost structure tells nothing: here a file that ends early shows only in that no stream
 * reaches the duration of the header. */
static bool ends_too_early(const Reader *reader)
{
    const AVFormatContext *format = reader->format;
    if (reader->check.wholeness != WHOLENESS_UNKNOWN || format->duration <= 0 ||
        format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM) {
        return false;
    }
    const int64_t first = timeline_usable(format->start_time);
    const int64_t start = first != AV_NOPTS_VALUE ? first : 0;
    const int64_t slack = FFMAX(AV_TIME_BASE, format->duration / 20);
    return !reader->has_furthest || reader->furthest_us - start < format->duration - slack;
}

static void note_packet(Reader *reader, const AVPacket *packet)
{
    const int64_t time = timeline_usable(packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
    if (time != AV_NOPTS_VALUE) {
        const AVRational time_base = reader->format->streams[packet->stream_index]->time_base;
        const int64_t end = timeline_usable(
            av_rescale_q(time + timeline_usable_length(packet->duration), time_base, AV_TIME_BASE_Q));
        if (end != AV_NOPTS_VALUE && (!reader->has_furthest || end > reader->furthest_us)) {
            reader->furthest_us = end;
            reader->has_furthest = true;
        }
    }
}

void reader_demux(Reader *reader)
{
    while (!reader->demuxed) {
        const int result = av_read_frame(reader->format, reader->packet);
        if (result >= 0) {
            reader->errors_in_row = 0;
            note_packet(reader, reader->packet);
            if (reader->packet->stream_index == reader->stream->index) {
                return;
            }
            av_packet_unref(reader->packet);
        } else if (result == AVERROR_EOF) {
            reader->demuxed = true;
        } else if (result != AVERROR(EAGAIN)) {
            reader->damage.corrupt_packets++;
            if (result != AVERROR_INVALIDDATA || ++reader->errors_in_row > ERRORS_IN_ROW_MAX) {
                reader->demuxed = true;
                reader->damage.truncated = true;
            }
        } else if (++reader->errors_in_row > ERRORS_IN_ROW_MAX) {
            reader->demuxed = true;
        }
    }
    const int error = reader->format->pb != NULL ? reader->format->pb->error : 0;
    if (error < 0 || ends_too_early(reader)) {
        reader->damage.truncated = true;
    }
    reader->damage.read_errno = input_read_errno(reader->format);
}

Status reader_send(Reader *reader, Error *err)
{
    int result = 0;
    if (!reader->demuxed) {
        result = avcodec_send_packet(reader->decoder, reader->packet);
        av_packet_unref(reader->packet);
    } else {
        reader->draining = true;
        result = avcodec_send_packet(reader->decoder, NULL);
    }
    if (result == AVERROR(ENOMEM)) {
        return media_error(err, ERROR_INPUT, "cannot decode the video", reader->path, result);
    }
    if (result < 0 && result != AVERROR_EOF) {
        reader->damage.corrupt_packets++;
    }
    return STATUS_OK;
}

Status reader_decode(Reader *reader, Error *err)
{
    int errors = 0;
    for (;;) {
        const int result = avcodec_receive_frame(reader->decoder, reader->decoded);
        if (result >= 0) {
            coding_loss_note(reader->decoded);
            return STATUS_OK;
        }
        if (result == AVERROR_EOF) {
            return STATUS_EOF;
        }
        if (result == AVERROR(ENOMEM)) {
            return media_error(err, ERROR_INPUT, "cannot decode the video", reader->path, result);
        }
        if (result == AVERROR(EAGAIN)) {
            if (reader->draining) {
                return STATUS_EOF;
            }
            reader_demux(reader);
            if (reader_send(reader, err) != STATUS_OK) {
                return STATUS_FAILED;
            }
            errors = 0; /* a long damaged stretch is got over packet by packet */
            continue;
        }
        reader->damage.corrupt_packets++;
        if (++errors > ERRORS_IN_ROW_MAX) {
            return reader->draining
                       ? STATUS_EOF
                       : media_error(err, ERROR_INPUT, "cannot decode the video", reader->path, result);
        }
    }
}

static bool has_shape(const AVFrame *frame, const FrameShape *shape)
{
    return frame->format == shape->format && frame->width == shape->width && frame->height == shape->height;
}

Status reader_reshape(Reader *reader, Error *err)
{
    AVFrame *frame = reader->decoded;
    if (!reader->change_logged && !has_shape(frame, &reader->stored)) {
        reader->change_logged = true;
        log_warn("the stream changes from %dx%d to %dx%d (%s) in mid-file; it is scaled to the first size",
                 reader->shape.width, reader->shape.height, frame->width, frame->height,
                 av_get_pix_fmt_name((enum AVPixelFormat)frame->format));
    }
    if (has_shape(frame, &reader->shape)) {
        return STATUS_OK;
    }
    AVFrame *converted = av_frame_alloc();
    if (converted == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot convert a frame", reader->path, "out of memory");
    }
    const Status status = converter_run(reader->converter, frame, &reader->shape, converted, err);
    if (status == STATUS_OK) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, converted);
    }
    av_frame_free(&converted);
    return status;
}

int64_t reader_decoded_time(const Reader *reader)
{
    const AVFrame *frame = reader->decoded;
    return frame->pts != AV_NOPTS_VALUE ? frame->pts : frame->best_effort_timestamp;
}

bool reader_place(Reader *reader)
{
    AVFrame *frame = reader->decoded;
    if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
        reader->damage.corrupt_packets++;
    }
    int64_t pts = reader_decoded_time(reader);
    reader->guessed |= timeline_usable(frame->pts) == AV_NOPTS_VALUE;
    int64_t duration = timeline_usable_length(frame_duration(frame));
    if (duration <= 0 && reader->info.frame_rate.num > 0) {
        duration = av_rescale_q(1, av_inv_q(reader->info.frame_rate), reader->info.time_base);
    }
    if (!timeline_place(&reader->timeline, &pts, duration)) {
        log_debug("a frame with the same time as the one before it is left out");
        return false;
    }
    frame->pts = pts;
    frame_set_duration(frame, duration);
    return true;
}

/* The next frame with its place in time, in reader->decoded. */
static Status next_placed(Reader *reader, Error *err)
{
    for (;;) {
        const Status status = reader_decode(reader, err);
        if (status != STATUS_OK || reader_place(reader)) {
            return status;
        }
        av_frame_unref(reader->decoded);
    }
}

static Status open_decoder(Reader *reader, const ReaderConfig *config, Error *err)
{
    int threads = config->threads > 0 ? config->threads : FFMIN(av_cpu_count(), READER_THREADS_MAX);
    reader_info_from_stream(&reader->info, reader->format, reader->stream);
    if (config->before_decoder != NULL &&
        config->before_decoder(config->context, &reader->info, &threads, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const AVCodecParameters *par = reader->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (codec == NULL) {
        return error_setf(err, ERROR_INPUT, "cannot decode the video", reader->path,
                          "there is no decoder for its codec (%s)", avcodec_get_name(par->codec_id));
    }
    reader->decoder = avcodec_alloc_context3(codec);
    if (reader->decoder == NULL || avcodec_parameters_to_context(reader->decoder, par) < 0) {
        return error_set(err, ERROR_MEMORY, "cannot decode the video", reader->path, "out of memory");
    }
    AVCodecContext *decoder = reader->decoder;
    decoder->pkt_timebase = reader->stream->time_base;
    decoder->thread_count = threads;
    decoder->max_pixels = (int64_t)reader->max_dimension * reader->max_dimension;
    if (config->pool != NULL) {
        frame_pool_attach(config->pool, decoder);
    }
    coding_loss_ask(decoder);
    const int result = avcodec_open2(decoder, codec, NULL);
    if (result < 0) {
        return media_error(err, ERROR_INPUT, "cannot decode the video", reader->path, result);
    }
    return STATUS_OK;
}

static Status check_stream(Reader *reader, Error *err)
{
    static const char what[] = "cannot use the video";
    const int index = input_video_stream(reader->format);
    if (index < 0) {
        bool audio = false;
        for (unsigned i = 0; i < reader->format->nb_streams; i++) {
            audio |= reader->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        }
        return error_set(err, ERROR_INPUT, what, reader->path,
                         audio ? "no video stream (audio only)" : "no video stream");
    }
    reader->stream = reader->format->streams[index];
    const AVCodecParameters *par = reader->stream->codecpar;
    if (par->width <= 0 || par->height <= 0) {
        return error_set(err, ERROR_INPUT, what, reader->path,
                         reader->check.wholeness == WHOLENESS_CUT
                             ? "the file is cut off before the first frame"
                             : "the video stream does not tell its size");
    }
    if (par->width > reader->max_dimension || par->height > reader->max_dimension) {
        return error_setf(err, ERROR_INPUT, what, reader->path,
                          "%dx%d is larger than the limit of %d pixels a side", par->width, par->height,
                          reader->max_dimension);
    }
    for (unsigned i = 0; i < reader->format->nb_streams; i++) {
        /* Where the end of the file has to be judged by its streams, all are looked at. */
        if ((int)i != index && reader->check.wholeness != WHOLENESS_UNKNOWN) {
            reader->format->streams[i]->discard = AVDISCARD_ALL;
        }
    }
    return STATUS_OK;
}

/* Decodes the first frame: only then the shape and the colours are known for certain. */
static Status take_first_frame(Reader *reader, Error *err)
{
    reader->timeline.time_base = reader->info.time_base;
    const Status status = next_placed(reader, err);
    if (status == STATUS_EOF) {
        return error_set(err, ERROR_INPUT, "cannot decode the video", reader->path,
                         reader->damage.truncated ? "the file is cut off before the first frame"
                                                  : "not one frame could be decoded");
    }
    if (status != STATUS_OK) {
        return status;
    }
    AVFrame *frame = reader->decoded;
    const enum AVPixelFormat stored = (enum AVPixelFormat)frame->format;
    reader->stored = (FrameShape){.format = stored,
                                  .width = frame->width,
                                  .height = frame->height,
                                  .matrix = AVCOL_SPC_UNSPECIFIED,
                                  .range = AVCOL_RANGE_UNSPECIFIED};
    reader->shape = reader->stored;
    reader->shape.format = supported_format(stored);
    if (frame->width > reader->max_dimension || frame->height > reader->max_dimension) {
        return error_setf(err, ERROR_INPUT, "cannot use the video", reader->path,
                          "%dx%d is larger than the limit of %d pixels a side", frame->width, frame->height,
                          reader->max_dimension);
    }
    if (reader->shape.format != stored) {
        log_info("frames of format %s are worked on as %s", av_get_pix_fmt_name(stored),
                 av_get_pix_fmt_name(reader->shape.format));
    }
    if (reader_reshape(reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    reader_info_from_frame(&reader->info, reader->format, reader->stream, frame);
    reader->shape.matrix = reader->info.color_space;
    reader->shape.range = reader->info.color_range;
    reader->info.first_pts = frame->pts;
    av_frame_move_ref(reader->held, frame);
    reader->has_held = true;
    return STATUS_OK;
}

/* Going on is coming further in the file: a demuxer that goes round in circles does not. */
static int watch_reading(void *context)
{
    Reader *reader = context;
    const AVIOContext *file = reader->format != NULL ? reader->format->pb : NULL;
    if (file != NULL && reader->work != NULL && file->pos > reader->furthest_byte) {
        reader->furthest_byte = file->pos;
        atomic_fetch_add(reader->work, 1);
    }
    return reader->stop != NULL && atomic_load(reader->stop);
}

static Status open_all(Reader *reader, const ReaderConfig *config, Error *err)
{
    const AVIOInterruptCB watch = {.callback = watch_reading, .opaque = reader};
    if (input_open_watched(config->path, &watch, &reader->format, &reader->check, err) != STATUS_OK ||
        check_stream(reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    reader->damage.truncated = reader->check.wholeness == WHOLENESS_CUT;
    reader->packet = av_packet_alloc();
    reader->decoded = av_frame_alloc();
    reader->held = av_frame_alloc();
    reader->converter = converter_new(config->pool);
    if (reader->packet == NULL || reader->decoded == NULL || reader->held == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot open the video", config->path, "out of memory");
    }
    if (open_decoder(reader, config, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    reader->info.cut_off = reader->damage.truncated;
    return config->header_only ? STATUS_OK : take_first_frame(reader, err);
}

Status reader_open(Reader **reader, const ReaderConfig *config, Error *err)
{
    *reader = memory_alloc(1, sizeof **reader);
    (*reader)->path = text_duplicate(config->path);
    (*reader)->max_dimension = config->max_dimension > 0 ? config->max_dimension : DEFAULT_MAX_DIMENSION;
    const Status status = open_all(*reader, config, err);
    if (status != STATUS_OK) {
        const int failed_read = input_read_errno((*reader)->format);
        if (failed_read != 0 && err != NULL && err->class_ == ERROR_INPUT) {
            error_clear(err); /* what it complains of is only that the file seems to end */
            (void)error_set_errno(err, ERROR_DISK, "cannot open the video", config->path, failed_read);
        }
        reader_free(reader);
    }
    return status;
}

void reader_free(Reader **reader)
{
    Reader *r = *reader;
    if (r == NULL) {
        return;
    }
    av_frame_free(&r->held);
    av_frame_free(&r->decoded);
    av_packet_free(&r->packet);
    avcodec_free_context(&r->decoder);
    avformat_close_input(&r->format);
    converter_free(&r->converter);
    memory_free(r->path);
    memory_free(r);
    *reader = NULL;
}

void reader_watch(Reader *reader, const atomic_bool *stop, atomic_llong *work)
{
    reader->stop = stop;
    reader->work = work;
}

const MediaInfo *reader_info(const Reader *reader)
{
    return &reader->info;
}

ReaderDamage reader_damage(const Reader *reader)
{
    return reader->damage;
}

bool reader_is_plain(const Reader *reader)
{
    return !reader->guessed && reader->timeline.offset == 0 && reader->damage.corrupt_packets == 0 &&
           !reader->damage.truncated;
}

/* The last frame lasts to the stream's end where the container knows that. Matroska's tag is the word of some
 * muxer, so it is believed for a few frames only. */
static void stretch_last(Reader *reader)
{
    enum { FRAMES_MAX = 4 };
    if (reader->check.wholeness != WHOLENESS_WHOLE || reader->timeline.offset != 0) {
        return;
    }
    const int64_t end = reader_info_stream_end(reader->format, reader->stream);
    if (end == AV_NOPTS_VALUE || end <= reader->held->pts) {
        return;
    }
    int64_t length = end - reader->held->pts;
    if (!reader_info_is_iso(reader->format)) {
        const int64_t nominal = FFMAX(reader->timeline.duration, 1);
        length = FFMIN(length, nominal <= INT64_MAX / FRAMES_MAX ? nominal * FRAMES_MAX : nominal);
    }
    frame_set_duration(reader->held, length);
}

Status reader_next(Reader *reader, AVFrame *frame, Error *err)
{
    if (!reader->has_held) {
        return STATUS_EOF;
    }
    const Status status = next_placed(reader, err);
    if (status == STATUS_FAILED) {
        return status;
    }
    if (status == STATUS_EOF) {
        stretch_last(reader);
        av_frame_move_ref(frame, reader->held);
        reader->has_held = false;
        return STATUS_OK;
    }
    if (reader_reshape(reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    frame_set_duration(reader->held, reader->decoded->pts - reader->held->pts);
    av_frame_move_ref(frame, reader->held);
    av_frame_move_ref(reader->held, reader->decoded);
    return STATUS_OK;
}
