#include "media/verify.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "media/input.h"
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
    int64_t after_last_key; /* video packets from the last key frame on */
    bool corrupt;
    int audio_streams; /* that hold anything: muxers differ in whether they keep an empty track */
} Survey;

static Status survey(AVFormatContext *format, int video, Survey *result)
{
    *result = (Survey){.first_pts = INT64_MAX,
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
    while ((code = av_read_frame(format, packet)) >= 0) {
        result->corrupt |= (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
        const unsigned index = (unsigned)packet->stream_index;
        if (index < streams && !seen[index]) {
            seen[index] = true;
            result->audio_streams += format->streams[index]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        }
        if (packet->stream_index == video) {
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
            result->after_last_key++;
            if ((packet->flags & AV_PKT_FLAG_KEY) != 0) {
                result->last_key_pts = pts;
                result->last_key_dts = packet->dts;
                result->after_last_key = 1;
            }
        }
        av_packet_unref(packet);
    }
    result->corrupt |= code != AVERROR_EOF || (format->pb != NULL && format->pb->error < 0);
    av_packet_free(&packet);
    memory_free(seen);
    return STATUS_OK;
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

/* Decodes from the last key frame to the end; counts frames and errors. */
static void decode_tail(AVFormatContext *format, const AVStream *stream, const Survey *found,
                        AVCodecContext *decoder, int64_t *frames, int64_t *errors)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    const int64_t target = found->last_key_dts != AV_NOPTS_VALUE ? found->last_key_dts : found->last_key_pts;
    bool more = packet != NULL && frame != NULL &&
                av_seek_frame(format, stream->index, found->last_key_pts, AVSEEK_FLAG_BACKWARD) >= 0;
    *errors += !more;
    while (more) {
        more = av_read_frame(format, packet) >= 0;
        const int64_t dts = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
        if (more && (packet->stream_index != stream->index || dts < target)) {
            av_packet_unref(packet);
            continue;
        }
        *errors += avcodec_send_packet(decoder, more ? packet : NULL) < 0;
        av_packet_unref(packet);
        int code = 0;
        while ((code = avcodec_receive_frame(decoder, frame)) >= 0) {
            (*frames)++;
            *errors += frame->decode_error_flags != 0;
            av_frame_unref(frame);
        }
        *errors += code != AVERROR(EAGAIN) && code != AVERROR_EOF;
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
}

static Status check_tail(const char *path, AVFormatContext *format, const AVStream *stream,
                         const Survey *found, Error *err)
{
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *decoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (decoder == NULL || avcodec_parameters_to_context(decoder, stream->codecpar) < 0) {
        avcodec_free_context(&decoder);
        return error_set(err, ERROR_VERIFY, what, path, "there is no decoder for it");
    }
    decoder->pkt_timebase = stream->time_base;
    decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    int64_t frames = 0;
    int64_t errors = 0;
    if (avcodec_open2(decoder, codec, NULL) < 0) {
        errors++;
    } else {
        decode_tail(format, stream, found, decoder, &frames, &errors);
    }
    avcodec_free_context(&decoder);
    if (errors > 0 || frames == 0) {
        return error_setf(err, ERROR_VERIFY, what, path,
                          "its end does not decode: %lld frames of %lld, %lld errors", (long long)frames,
                          (long long)found->after_last_key, (long long)errors);
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

Status verify_output(const char *path, const VerifyExpectation *expected, Error *err)
{
    AVFormatContext *format = NULL;
    ContainerCheck check = {0};
    Error reason = {0};
    if (input_open(path, &format, &check, &reason) != STATUS_OK) {
        return error_setf(err, reason.class_ == ERROR_MEMORY ? ERROR_MEMORY : ERROR_VERIFY, what, path,
                          "it does not open: %s", reason.why);
    }
    Status status = STATUS_OK;
    Survey found = {0};
    const int video = input_video_stream(format);
    if (check.wholeness == WHOLENESS_CUT) {
        status = error_set(err, ERROR_VERIFY, what, path, "it is shorter than its own header says");
    } else if (check.wholeness == WHOLENESS_UNKNOWN && check.kind != CONTAINER_OTHER) {
        status = error_set(err, ERROR_VERIFY, what, path, "its trailer is missing");
    } else if (video < 0) {
        status = error_set(err, ERROR_VERIFY, what, path, "it has no video stream");
    } else if (survey(format, video, &found) != STATUS_OK) {
        status = error_set(err, ERROR_MEMORY, what, path, "out of memory");
    } else if (found.corrupt) {
        status = error_set(err, ERROR_VERIFY, what, path, "it cannot be read to its end");
    } else {
        status = check_numbers(path, format, format->streams[video], &found, expected, err);
    }
    if (status == STATUS_OK) {
        status = check_tail(path, format, format->streams[video], &found, err);
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
    return survey(format, video, &found) == STATUS_OK
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
