#include "media/verify.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "media/input.h"
#include "media/reader.h"
#include "media/reader_info.h"
#include "media/timeline.h"

static const char what[] = "the finished file does not pass its check";

/* What reading every packet of a file tells. */
typedef struct Survey {
    int64_t frames;
    int64_t first_pts;
    int64_t last_pts;
    int64_t end_pts;
    bool end_known; /* the last frame has a duration */
    int64_t last_key_pts;
    int64_t last_key_dts;
    int64_t last_dts;
    int64_t disordered;     /* packets that are not decoded later than the one before */
    int64_t after_last_key; /* video packets from the last key frame on */
    bool corrupt;
    int audio_streams; /* that hold anything: muxers differ in whether they keep an empty track */
} Survey;

/* A decoder and what it had to say. */
typedef struct Trial {
    AVCodecContext *decoder;
    AVFrame *frame;
    int64_t frames;
    int64_t errors;
    int64_t last_pts;
    int64_t disordered; /* frames that are not later than the one before */
} Trial;

static Status trial_open(Trial *trial, const char *path, const AVStream *stream, int threads, Error *err)
{
    *trial = (Trial){.frame = av_frame_alloc(), .last_pts = INT64_MIN};
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    trial->decoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (trial->decoder == NULL || trial->frame == NULL ||
        avcodec_parameters_to_context(trial->decoder, stream->codecpar) < 0) {
        return error_set(err, ERROR_VERIFY, what, path, "there is no decoder for it");
    }
    trial->decoder->pkt_timebase = stream->time_base;
    trial->decoder->thread_count = threads;
    trial->decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (avcodec_open2(trial->decoder, codec, NULL) < 0) {
        return error_set(err, ERROR_VERIFY, what, path, "its decoder does not open");
    }
    return STATUS_OK;
}

static void trial_close(Trial *trial)
{
    avcodec_free_context(&trial->decoder);
    av_frame_free(&trial->frame);
}

/* NULL: the end. */
static void trial_packet(Trial *trial, const AVPacket *packet)
{
    AVFrame *frame = trial->frame;
    trial->errors += avcodec_send_packet(trial->decoder, packet) < 0;
    int code = 0;
    while ((code = avcodec_receive_frame(trial->decoder, frame)) >= 0) {
        const int64_t pts = frame->pts != AV_NOPTS_VALUE ? frame->pts : frame->best_effort_timestamp;
        trial->frames++;
        trial->errors += frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
        trial->disordered += pts != AV_NOPTS_VALUE && pts <= trial->last_pts;
        trial->last_pts = pts != AV_NOPTS_VALUE ? pts : trial->last_pts;
        av_frame_unref(frame);
    }
    trial->errors += code != AVERROR(EAGAIN) && code != AVERROR_EOF;
}

static void note_video(Survey *result, const AVPacket *packet)
{
    const int64_t pts = timeline_usable(packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
    const int64_t duration = timeline_usable_length(packet->duration);
    result->frames++;
    if (pts != AV_NOPTS_VALUE) {
        result->first_pts = FFMIN(result->first_pts, pts);
        result->last_pts = FFMAX(result->last_pts, pts);
        if (pts + duration >= result->end_pts) {
            result->end_pts = pts + duration;
            result->end_known = duration > 0;
        }
    }
    if (packet->dts != AV_NOPTS_VALUE) {
        result->disordered += packet->dts <= result->last_dts;
        result->last_dts = packet->dts;
    }
    result->after_last_key++;
    if ((packet->flags & AV_PKT_FLAG_KEY) != 0) {
        result->last_key_pts = pts;
        result->last_key_dts = packet->dts;
        result->after_last_key = 1;
    }
}

static bool is_stopped(const VerifyWatch *watch)
{
    if (watch != NULL && watch->work != NULL) {
        atomic_fetch_add(watch->work, 1);
    }
    return watch != NULL && watch->stop != NULL && atomic_load(watch->stop);
}

/* Reads every packet, and decodes those of the video if there is a `trial`. STATUS_FAILED: no memory. */
static Status survey(AVFormatContext *format, int video, Trial *trial, const VerifyWatch *watch,
                     Survey *result)
{
    *result = (Survey){.last_dts = INT64_MIN,
                       .first_pts = INT64_MAX,
                       .last_pts = INT64_MIN,
                       .end_pts = INT64_MIN,
                       .last_key_pts = AV_NOPTS_VALUE,
                       .last_key_dts = AV_NOPTS_VALUE};
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL) {
        return STATUS_FAILED;
    }
    bool *seen = memory_alloc(format->nb_streams, sizeof *seen);
    const unsigned streams = format->nb_streams; /* some demuxers add more while they read */
    int code = 0;
    bool stopped = false;
    while (!(stopped = is_stopped(watch)) && (code = av_read_frame(format, packet)) >= 0) {
        result->corrupt |= (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
        const unsigned index = (unsigned)packet->stream_index;
        if (index < streams && !seen[index]) {
            seen[index] = true;
            result->audio_streams += format->streams[index]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        }
        if (packet->stream_index == video) {
            note_video(result, packet);
            if (trial != NULL) {
                trial_packet(trial, packet);
            }
        }
        av_packet_unref(packet);
    }
    if (trial != NULL && !stopped) {
        trial_packet(trial, NULL);
    }
    result->corrupt |= code != AVERROR_EOF || (format->pb != NULL && format->pb->error < 0);
    av_packet_free(&packet);
    memory_free(seen);
    return stopped ? STATUS_STOPPED : STATUS_OK;
}

/* Seconds of video by its packets; Matroska tells the last one's duration in the header only. */
static double survey_duration(const Survey *found, const AVFormatContext *format, const AVStream *stream)
{
    int64_t end = found->end_pts;
    const int64_t header = reader_info_stream_end(format, stream);
    if (!found->end_known && header != AV_NOPTS_VALUE && header > end) {
        end = header;
    }
    return found->first_pts <= end ? (double)(end - found->first_pts) * av_q2d(stream->time_base) : 0;
}

/* mp4's demuxer tells distances in decoding order as durations, to the track's end for the last: with
 * reordered frames the one shown last can seem longer than it is, and only its beginning is certain. */
static bool lasts(const Survey *found, const AVFormatContext *format, const AVStream *stream, double duration,
                  double expected, double tolerance)
{
    if (fabs(duration - expected) <= tolerance) {
        return true;
    }
    const double last = (double)(found->last_pts - found->first_pts) * av_q2d(stream->time_base);
    return reader_info_is_iso(format) && stream->codecpar->video_delay > 0 && expected > last &&
           expected <= duration;
}

/* Decodes from the last key frame to the end. */
static void decode_tail(AVFormatContext *format, const AVStream *stream, const Survey *found, Trial *trial)
{
    AVPacket *packet = av_packet_alloc();
    const int64_t target = found->last_key_dts != AV_NOPTS_VALUE ? found->last_key_dts : found->last_key_pts;
    bool more = packet != NULL &&
                av_seek_frame(format, stream->index, found->last_key_pts, AVSEEK_FLAG_BACKWARD) >= 0;
    trial->errors += !more;
    while (more) {
        more = av_read_frame(format, packet) >= 0;
        const int64_t dts = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
        if (!more || (packet->stream_index == stream->index && dts >= target)) {
            trial_packet(trial, more ? packet : NULL);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static Status check_tail(const char *path, AVFormatContext *format, const AVStream *stream,
                         const Survey *found, Error *err)
{
    Trial trial = {0};
    Status status = trial_open(&trial, path, stream, 1, err);
    if (status == STATUS_OK) {
        decode_tail(format, stream, found, &trial);
        if (trial.errors > 0 || trial.frames == 0) {
            status = error_setf(
                err, ERROR_VERIFY, what, path, "its end does not decode: %lld frames of %lld, %lld errors",
                (long long)trial.frames, (long long)found->after_last_key, (long long)trial.errors);
        }
    }
    trial_close(&trial);
    return status;
}

/* What decoding all of it told. */
static Status check_whole(const char *path, const AVFormatContext *format, const Survey *found,
                          const Trial *trial, Error *err)
{
    if (trial->errors > 0 || trial->frames != found->frames) {
        return error_setf(err, ERROR_VERIFY, what, path, "%lld of its %lld frames decode, with %lld errors",
                          (long long)trial->frames, (long long)found->frames, (long long)trial->errors);
    }
    /* Matroska keeps no decoding times, and its ticks may be longer than a frame. */
    if (strstr(format->iformat->name, "matroska") == NULL &&
        (found->disordered > 0 || trial->disordered > 0)) {
        return error_setf(err, ERROR_VERIFY, what, path,
                          "the times of %lld packets and %lld frames do not rise",
                          (long long)found->disordered, (long long)trial->disordered);
    }
    return STATUS_OK;
}

static Status check_numbers(const char *path, const AVFormatContext *format, const AVStream *stream,
                            const Survey *found, const VerifyExpectation *expected, Error *err)
{
    if (found->frames == 0 || found->last_key_pts == AV_NOPTS_VALUE) {
        return error_set(err, ERROR_VERIFY, what, path, "it holds no frames");
    }
    if (expected->frames > 0 && found->frames != expected->frames) {
        return error_setf(err, ERROR_VERIFY, what, path, "it holds %lld frames instead of %lld",
                          (long long)found->frames, (long long)expected->frames);
    }
    const double duration = survey_duration(found, format, stream);
    if (expected->duration_s >= 0 &&
        !lasts(found, format, stream, duration, expected->duration_s, expected->tolerance_s + 0.002)) {
        return error_setf(err, ERROR_VERIFY, what, path, "it lasts %.3f s instead of %.3f s", duration,
                          expected->duration_s);
    }
    if (found->audio_streams != expected->audio_streams) {
        return error_setf(err, ERROR_VERIFY, what, path, "it has %d audio streams instead of %d",
                          found->audio_streams, expected->audio_streams);
    }
    return STATUS_OK;
}

static Status check_streams(const char *path, AVFormatContext *format, int video,
                            const VerifyExpectation *expected, const VerifyWatch *watch, Error *err)
{
    const int threads = expected->threads > 0 ? expected->threads : FFMIN(av_cpu_count(), READER_THREADS_MAX);
    const AVStream *stream = format->streams[video];
    Trial whole = {0};
    Trial *trial = expected->whole ? &whole : NULL;
    Status status = trial != NULL ? trial_open(trial, path, stream, threads, err) : STATUS_OK;
    Survey found = {0};
    if (status == STATUS_OK) {
        status = survey(format, video, trial, watch, &found);
        if (status == STATUS_FAILED) {
            (void)error_set(err, ERROR_MEMORY, what, path, "out of memory");
        }
    }
    if (status == STATUS_OK && found.corrupt) {
        status = error_set(err, ERROR_VERIFY, what, path, "it cannot be read to its end");
    }
    if (status == STATUS_OK) {
        status = check_numbers(path, format, stream, &found, expected, err);
    }
    if (status == STATUS_OK) {
        status = trial != NULL ? check_whole(path, format, &found, trial, err)
                               : check_tail(path, format, stream, &found, err);
    }
    trial_close(&whole);
    return status;
}

Status verify_output(const char *path, const VerifyExpectation *expected, const VerifyWatch *watch,
                     Error *err)
{
    AVFormatContext *format = NULL;
    ContainerCheck check = {0};
    Error reason = {0};
    if (input_open(path, &format, &check, &reason) != STATUS_OK) {
        return error_setf(err, reason.class_ == ERROR_INPUT ? ERROR_VERIFY : reason.class_, what, path,
                          "it does not open: %s", reason.why);
    }
    Status status = STATUS_OK;
    const int video = input_video_stream(format);
    if (check.wholeness == WHOLENESS_CUT) {
        status = error_set(err, ERROR_VERIFY, what, path, "it is shorter than its own header says");
    } else if (check.wholeness == WHOLENESS_UNKNOWN && check.kind != CONTAINER_OTHER) {
        status = error_set(err, ERROR_VERIFY, what, path, "its trailer is missing");
    } else if (video < 0) {
        status = error_set(err, ERROR_VERIFY, what, path, "it has no video stream");
    } else {
        status = check_streams(path, format, video, expected, watch, err);
    }
    avformat_close_input(&format);
    return status;
}

/* Whether two durations are those of the same video. */
static bool agree(double a, double b)
{
    return fabs(a - b) <= fmax(0.5, 0.01 * fmax(a, b));
}

/* Seconds of the video stream by its packets. */
static double measured_duration(AVFormatContext *format, int video)
{
    Survey found = {0};
    return survey(format, video, NULL, NULL, &found) == STATUS_OK
               ? survey_duration(&found, format, format->streams[video])
               : 0;
}

static bool compare(AVFormatContext *input, int input_video, AVFormatContext *output, char *why,
                    size_t why_size)
{
    const int output_video = input_video_stream(output);
    if (output_video < 0) {
        text_copy(why, why_size, "it has no video stream");
        return false;
    }
    double wanted = reader_info_duration(input, input->streams[input_video]);
    double has = reader_info_duration(output, output->streams[output_video]);
    if (!agree(wanted, has)) {
        /* Headers may speak of the longest stream; the packets know. */
        wanted = measured_duration(input, input_video);
        has = measured_duration(output, output_video);
    }
    if (!agree(wanted, has)) {
        (void)snprintf(why, why_size, "it lasts %.1f s instead of %.1f s", has, wanted);
        return false;
    }
    return true;
}

Status verify_is_complete(const char *input, const char *output, bool *complete, char *why, size_t why_size,
                          Error *err)
{
    *complete = false;
    text_copy(why, why_size, "");
    AVFormatContext *in = NULL;
    AVFormatContext *out = NULL;
    ContainerCheck check = {0};
    if (input_open(input, &in, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const int video = input_video_stream(in);
    if (video < 0) {
        avformat_close_input(&in);
        return error_set(err, ERROR_INPUT, "cannot use the video", input, "no video stream");
    }
    Error reason = {0};
    if (input_open(output, &out, &check, &reason) != STATUS_OK) {
        text_copy(why, why_size, reason.why);
    } else if (check.wholeness == WHOLENESS_CUT) {
        text_copy(why, why_size, "it is cut off");
    } else {
        *complete = compare(in, video, out, why, why_size);
    }
    avformat_close_input(&in);
    avformat_close_input(&out);
    return STATUS_OK;
}
