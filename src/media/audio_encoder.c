#include "media/audio_encoder.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>

#include "base/alloc.h"
#include "base/log.h"
#include "media/container.h"
#include "media/input.h"
#include "media/timeline.h"

enum {
    BIT_RATE_PER_CHANNEL = 96000,
    FRAME_SAMPLES_DEFAULT = 1024, /* for encoders that take any number */
    GAP_SHARE_OF_SECOND = 20,     /* 50 ms */
    SILENCE_MAX_S = 3600,         /* a longer gap is a broken timestamp */
};

static const char what[] = "cannot encode the audio again";

struct AudioEncoder {
    AVCodecContext *decoder;
    AVCodecContext *encoder;
    SwrContext *resampler;
    AVChannelLayout in_layout; /* what the resampler is set up for */
    int in_rate;
    enum AVSampleFormat in_format;
    AVAudioFifo *fifo;
    AVFrame *decoded;
    AVFrame *converted;
    AVFrame *frame;
    AVPacket *packet;
    int64_t next; /* of the first sample in the fifo, in 1 / sample rate */
    bool started;
    AudioPacketSink sink;
    void *sink_context;
};

const AVCodecContext *audio_encoder_context(const AudioEncoder *encoder)
{
    return encoder->encoder;
}

static int choose_rate(const AVCodec *codec, int rate)
{
    int best = 0;
    for (const int *p = codec->supported_samplerates; p != NULL && *p != 0; p++) {
        if (best == 0 || FFABS(*p - rate) < FFABS(best - rate)) {
            best = *p;
        }
    }
    return best != 0 ? best : rate;
}

static bool choose_layout(const AVCodec *codec, const AVChannelLayout *wanted, AVChannelLayout *layout)
{
    for (const AVChannelLayout *p = codec->ch_layouts; p != NULL && p->nb_channels != 0; p++) {
        if (av_channel_layout_compare(p, wanted) == 0) {
            return av_channel_layout_copy(layout, wanted) >= 0;
        }
    }
    if (codec->ch_layouts == NULL && wanted->order == AV_CHANNEL_ORDER_NATIVE) {
        return av_channel_layout_copy(layout, wanted) >= 0;
    }
    av_channel_layout_default(layout,
                              wanted->nb_channels > 2 && wanted->nb_channels != 6 ? 2 : wanted->nb_channels);
    return true;
}

static AVCodecContext *try_encoder(const char *name, const AVCodecParameters *input,
                                   const AVOutputFormat *container)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    AVCodecContext *context = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (context == NULL || !choose_layout(codec, &input->ch_layout, &context->ch_layout)) {
        avcodec_free_context(&context);
        return NULL;
    }
    context->sample_rate = choose_rate(codec, input->sample_rate);
    context->sample_fmt = codec->sample_fmts != NULL ? codec->sample_fmts[0] : AV_SAMPLE_FMT_FLTP;
    context->time_base = (AVRational){1, context->sample_rate};
    context->bit_rate = (int64_t)BIT_RATE_PER_CHANNEL * context->ch_layout.nb_channels;
    if ((container->flags & AVFMT_GLOBALHEADER) != 0) {
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
    AVCodecParameters *par = avcodec_parameters_alloc();
    const bool fits = avcodec_open2(context, codec, NULL) >= 0 && par != NULL &&
                      avcodec_parameters_from_context(par, context) >= 0 &&
                      container_accepts(container, par, context->time_base);
    avcodec_parameters_free(&par);
    if (!fits) {
        avcodec_free_context(&context);
    }
    return context;
}

static Status open_all(AudioEncoder *encoder, const AVStream *input, const AVOutputFormat *container,
                       Error *err)
{
    static const char *const names[] = {"aac", "libopus", "libvorbis", "libmp3lame"};
    const AVCodec *codec = avcodec_find_decoder(input->codecpar->codec_id);
    if (codec == NULL || input->codecpar->sample_rate <= 0 || input->codecpar->ch_layout.nb_channels <= 0) {
        return error_set(err, ERROR_INPUT, what, NULL, "it cannot be decoded");
    }
    encoder->decoder = avcodec_alloc_context3(codec);
    if (encoder->decoder == NULL || avcodec_parameters_to_context(encoder->decoder, input->codecpar) < 0) {
        return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
    }
    encoder->decoder->pkt_timebase = input->time_base;
    encoder->decoder->thread_count = 1;
    if (avcodec_open2(encoder->decoder, codec, NULL) < 0) {
        return error_set(err, ERROR_INPUT, what, NULL, "it cannot be decoded");
    }
    for (size_t i = 0; encoder->encoder == NULL && i < sizeof names / sizeof names[0]; i++) {
        encoder->encoder = try_encoder(names[i], input->codecpar, container);
    }
    if (encoder->encoder == NULL) {
        return error_set(err, ERROR_ENCODER, what, NULL, "no encoder for what the container takes");
    }
    encoder->fifo = av_audio_fifo_alloc(encoder->encoder->sample_fmt, encoder->encoder->ch_layout.nb_channels,
                                        FRAME_SAMPLES_DEFAULT * 4);
    encoder->decoded = av_frame_alloc();
    encoder->converted = av_frame_alloc();
    encoder->frame = av_frame_alloc();
    encoder->packet = av_packet_alloc();
    if (encoder->fifo == NULL || encoder->decoded == NULL || encoder->converted == NULL ||
        encoder->frame == NULL || encoder->packet == NULL) {
        return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
    }
    return STATUS_OK;
}

Status audio_encoder_open(AudioEncoder **encoder, const AVStream *input, const AVOutputFormat *container,
                          Error *err)
{
    *encoder = memory_alloc(1, sizeof **encoder);
    const Status status = open_all(*encoder, input, container, err);
    if (status != STATUS_OK) {
        audio_encoder_free(encoder);
    }
    return status;
}

void audio_encoder_free(AudioEncoder **encoder)
{
    AudioEncoder *e = *encoder;
    if (e == NULL) {
        return;
    }
    avcodec_free_context(&e->decoder);
    avcodec_free_context(&e->encoder);
    swr_free(&e->resampler);
    av_channel_layout_uninit(&e->in_layout);
    if (e->fifo != NULL) {
        av_audio_fifo_free(e->fifo);
    }
    av_frame_free(&e->decoded);
    av_frame_free(&e->converted);
    av_frame_free(&e->frame);
    av_packet_free(&e->packet);
    memory_free(e);
    *encoder = NULL;
}

static Status fail_memory(Error *err)
{
    return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
}

static Status drain_encoder(AudioEncoder *encoder, Error *err)
{
    for (;;) {
        const int result = avcodec_receive_packet(encoder->encoder, encoder->packet);
        if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) {
            return STATUS_OK;
        }
        if (result < 0) {
            return media_error(err, ERROR_ENCODER, what, NULL, result);
        }
        const Status status = encoder->sink(encoder->sink_context, encoder->packet, err);
        av_packet_unref(encoder->packet);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static Status encode_samples(AudioEncoder *encoder, int count, Error *err)
{
    AVFrame *frame = encoder->frame;
    av_frame_unref(frame);
    frame->nb_samples = count;
    frame->format = encoder->encoder->sample_fmt;
    frame->sample_rate = encoder->encoder->sample_rate;
    if (av_channel_layout_copy(&frame->ch_layout, &encoder->encoder->ch_layout) < 0 ||
        av_frame_get_buffer(frame, 0) < 0) {
        return fail_memory(err);
    }
    if (av_audio_fifo_read(encoder->fifo, (void **)frame->extended_data, count) < count) {
        return error_set(err, ERROR_INTERNAL, what, NULL, "samples are missing");
    }
    frame->pts = encoder->next;
    encoder->next += count;
    const int result = avcodec_send_frame(encoder->encoder, frame);
    if (result < 0) {
        return media_error(err, ERROR_ENCODER, what, NULL, result);
    }
    return drain_encoder(encoder, err);
}

/* Encodes the whole frames in the fifo; at the end also the rest. */
static Status encode_fifo(AudioEncoder *encoder, bool last, Error *err)
{
    const int size = encoder->encoder->frame_size > 0 ? encoder->encoder->frame_size : FRAME_SAMPLES_DEFAULT;
    int ready = av_audio_fifo_size(encoder->fifo);
    while (ready >= size || (last && ready > 0)) {
        if (encode_samples(encoder, FFMIN(ready, size), err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        ready = av_audio_fifo_size(encoder->fifo);
    }
    return STATUS_OK;
}

/* Resamples `input` (NULL: what the resampler still holds) into the fifo. */
static Status resample(AudioEncoder *encoder, const AVFrame *input, Error *err)
{
    AVFrame *out = encoder->converted;
    av_frame_unref(out);
    const int room = swr_get_out_samples(encoder->resampler, input != NULL ? input->nb_samples : 0);
    if (room <= 0) {
        return STATUS_OK;
    }
    out->nb_samples = room;
    out->format = encoder->encoder->sample_fmt;
    out->sample_rate = encoder->encoder->sample_rate;
    if (av_channel_layout_copy(&out->ch_layout, &encoder->encoder->ch_layout) < 0 ||
        av_frame_get_buffer(out, 0) < 0) {
        return fail_memory(err);
    }
    const int count = swr_convert(encoder->resampler, out->extended_data, room,
                                  input != NULL ? (const uint8_t **)input->extended_data : NULL,
                                  input != NULL ? input->nb_samples : 0);
    if (count < 0) {
        return media_error(err, ERROR_ENCODER, what, NULL, count);
    }
    if (av_audio_fifo_write(encoder->fifo, (void **)out->extended_data, count) < count) {
        return fail_memory(err);
    }
    return STATUS_OK;
}

static Status set_up_resampler(AudioEncoder *encoder, const AVFrame *frame, Error *err)
{
    if (encoder->resampler != NULL && encoder->in_rate == frame->sample_rate &&
        encoder->in_format == (enum AVSampleFormat)frame->format &&
        av_channel_layout_compare(&encoder->in_layout, &frame->ch_layout) == 0) {
        return STATUS_OK;
    }
    if (encoder->resampler != NULL && resample(encoder, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    swr_free(&encoder->resampler);
    encoder->in_rate = frame->sample_rate;
    encoder->in_format = (enum AVSampleFormat)frame->format;
    if (av_channel_layout_copy(&encoder->in_layout, &frame->ch_layout) < 0 ||
        swr_alloc_set_opts2(&encoder->resampler, &encoder->encoder->ch_layout, encoder->encoder->sample_fmt,
                            encoder->encoder->sample_rate, &encoder->in_layout, encoder->in_format,
                            frame->sample_rate, 0, NULL) < 0) {
        return fail_memory(err);
    }
    const int result = swr_init(encoder->resampler);
    return result < 0 ? media_error(err, ERROR_ENCODER, what, NULL, result) : STATUS_OK;
}

static Status add_silence(AudioEncoder *encoder, int64_t count, Error *err)
{
    const AVCodecContext *context = encoder->encoder;
    AVFrame *out = encoder->converted;
    av_frame_unref(out);
    out->nb_samples = FRAME_SAMPLES_DEFAULT;
    out->format = context->sample_fmt;
    out->sample_rate = context->sample_rate;
    if (av_channel_layout_copy(&out->ch_layout, &context->ch_layout) < 0 || av_frame_get_buffer(out, 0) < 0) {
        return fail_memory(err);
    }
    (void)av_samples_set_silence(out->extended_data, 0, out->nb_samples, context->ch_layout.nb_channels,
                                 context->sample_fmt);
    while (count > 0) {
        const int piece = (int)FFMIN(count, FRAME_SAMPLES_DEFAULT);
        if (av_audio_fifo_write(encoder->fifo, (void **)out->extended_data, piece) < piece) {
            return fail_memory(err);
        }
        if (encode_fifo(encoder, false, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        count -= piece;
    }
    return STATUS_OK;
}

/* Puts one decoded frame behind what came before, closing gaps and cutting overlaps. */
static Status take_frame(AudioEncoder *encoder, Error *err)
{
    const AVFrame *frame = encoder->decoded;
    const int rate = encoder->encoder->sample_rate;
    if (frame->ch_layout.nb_channels <= 0 || frame->sample_rate <= 0 ||
        set_up_resampler(encoder, frame, err) != STATUS_OK) {
        return error_is_set(err) ? STATUS_FAILED : STATUS_OK;
    }
    int64_t skip = 0;
    if (frame->pts != AV_NOPTS_VALUE) {
        const int64_t here =
            timeline_usable(av_rescale_q(frame->pts, encoder->decoder->pkt_timebase, (AVRational){1, rate}));
        const int64_t expected =
            encoder->next + av_audio_fifo_size(encoder->fifo) + swr_get_delay(encoder->resampler, rate);
        const int64_t gap = here != AV_NOPTS_VALUE ? here - expected : 0;
        if (!encoder->started) {
            encoder->next = here != AV_NOPTS_VALUE ? here : 0;
            encoder->started = true;
        } else if (gap > rate / GAP_SHARE_OF_SECOND && gap < (int64_t)SILENCE_MAX_S * rate) {
            if (add_silence(encoder, gap, err) != STATUS_OK) {
                return STATUS_FAILED;
            }
        } else if (-gap > rate / GAP_SHARE_OF_SECOND) {
            skip = -gap;
        }
    }
    encoder->started = true;
    if (skip >= av_rescale(frame->nb_samples, rate, frame->sample_rate)) {
        return STATUS_OK;
    }
    if (skip > 0) {
        (void)swr_drop_output(encoder->resampler, (int)skip);
    }
    if (resample(encoder, frame, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return encode_fifo(encoder, false, err);
}

static Status finish(AudioEncoder *encoder, Error *err)
{
    if (encoder->resampler != NULL && resample(encoder, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (encode_fifo(encoder, true, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const int result = avcodec_send_frame(encoder->encoder, NULL);
    if (result < 0 && result != AVERROR_EOF) {
        return media_error(err, ERROR_ENCODER, what, NULL, result);
    }
    return drain_encoder(encoder, err);
}

Status audio_encoder_send(AudioEncoder *encoder, const AVPacket *packet, AudioPacketSink sink, void *context,
                          Error *err)
{
    encoder->sink = sink;
    encoder->sink_context = context;
    const int sent = avcodec_send_packet(encoder->decoder, packet);
    if (sent < 0 && sent != AVERROR_EOF) {
        log_debug("a packet of audio does not decode and is skipped");
    }
    while (avcodec_receive_frame(encoder->decoder, encoder->decoded) >= 0) {
        const Status status = take_frame(encoder, err);
        av_frame_unref(encoder->decoded);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return packet == NULL ? finish(encoder, err) : STATUS_OK;
}
