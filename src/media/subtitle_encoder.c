#include "media/subtitle_encoder.h"

#include <libavcodec/avcodec.h>
#include <string.h>

#include "base/alloc.h"
#include "media/container.h"

enum { TEXT_MAX_BYTES = 1 << 16 };

struct SubtitleEncoder {
    AVCodecContext *decoder;
    AVCodecContext *encoder;
    AVRational time_base;
    uint8_t *buffer;
};

const AVCodecContext *subtitle_encoder_context(const SubtitleEncoder *encoder)
{
    return encoder->encoder;
}

static AVCodecContext *open_decoder(const AVStream *input)
{
    const AVCodecDescriptor *desc = avcodec_descriptor_get(input->codecpar->codec_id);
    const AVCodec *codec = avcodec_find_decoder(input->codecpar->codec_id);
    if (desc == NULL || (desc->props & AV_CODEC_PROP_TEXT_SUB) == 0 || codec == NULL) {
        return NULL;
    }
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    if (decoder == NULL || avcodec_parameters_to_context(decoder, input->codecpar) < 0) {
        avcodec_free_context(&decoder);
        return NULL;
    }
    decoder->pkt_timebase = input->time_base;
    if (avcodec_open2(decoder, codec, NULL) < 0) {
        avcodec_free_context(&decoder);
    }
    return decoder;
}

static AVCodecContext *try_encoder(const char *name, const AVCodecContext *decoder,
                                   const AVOutputFormat *container)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (codec == NULL || avformat_query_codec(container, codec->id, FF_COMPLIANCE_EXPERIMENTAL) != 1) {
        return NULL;
    }
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (context == NULL) {
        return NULL;
    }
    context->time_base = (AVRational){1, 1000};
    if (decoder->subtitle_header != NULL && decoder->subtitle_header_size > 0) {
        context->subtitle_header = av_mallocz((size_t)decoder->subtitle_header_size + 1);
        if (context->subtitle_header != NULL) {
            memcpy(context->subtitle_header, decoder->subtitle_header, (size_t)decoder->subtitle_header_size);
            context->subtitle_header_size = decoder->subtitle_header_size;
        }
    }
    AVCodecParameters *par = avcodec_parameters_alloc();
    const bool fits = avcodec_open2(context, codec, NULL) >= 0 && par != NULL &&
                      avcodec_parameters_from_context(par, context) >= 0 &&
                      container_accepts(container, par, (AVRational){1, 1000});
    avcodec_parameters_free(&par);
    if (!fits) {
        avcodec_free_context(&context);
    }
    return context;
}

SubtitleEncoder *subtitle_encoder_new(const AVStream *input, const AVOutputFormat *container)
{
    static const char *const names[] = {"mov_text", "srt", "webvtt"};
    AVCodecContext *decoder = open_decoder(input);
    AVCodecContext *context = NULL;
    for (size_t i = 0; decoder != NULL && context == NULL && i < sizeof names / sizeof names[0]; i++) {
        context = try_encoder(names[i], decoder, container);
    }
    if (context == NULL) {
        avcodec_free_context(&decoder);
        return NULL;
    }
    SubtitleEncoder *encoder = memory_alloc(1, sizeof *encoder);
    encoder->decoder = decoder;
    encoder->encoder = context;
    encoder->time_base = input->time_base;
    encoder->buffer = memory_alloc(TEXT_MAX_BYTES, 1);
    return encoder;
}

void subtitle_encoder_free(SubtitleEncoder **encoder)
{
    if (*encoder == NULL) {
        return;
    }
    avcodec_free_context(&(*encoder)->decoder);
    avcodec_free_context(&(*encoder)->encoder);
    memory_free((*encoder)->buffer);
    memory_free(*encoder);
    *encoder = NULL;
}

bool subtitle_encoder_convert(SubtitleEncoder *encoder, AVPacket *packet, AVPacket *out)
{
    AVSubtitle subtitle = {0};
    int got = 0;
    if (avcodec_decode_subtitle2(encoder->decoder, &subtitle, &got, packet) < 0 || got == 0) {
        return false;
    }
    int size = 0;
    const int64_t start =
        av_rescale_q(subtitle.start_display_time, (AVRational){1, 1000}, encoder->time_base);
    int64_t duration = packet->duration;
    if (subtitle.num_rects > 0) {
        if (duration <= 0 && subtitle.end_display_time != UINT32_MAX) {
            duration = av_rescale_q((int64_t)subtitle.end_display_time - subtitle.start_display_time,
                                    (AVRational){1, 1000}, encoder->time_base);
        }
        /* Encoders want the times in the pts alone. */
        subtitle.end_display_time -= FFMIN(subtitle.start_display_time, subtitle.end_display_time);
        subtitle.start_display_time = 0;
        size = avcodec_encode_subtitle(encoder->encoder, encoder->buffer, TEXT_MAX_BYTES, &subtitle);
    }
    avsubtitle_free(&subtitle);
    if (size <= 0 || av_new_packet(out, size) < 0) {
        return false;
    }
    memcpy(out->data, encoder->buffer, (size_t)size);
    out->pts = packet->pts != AV_NOPTS_VALUE ? packet->pts + start : AV_NOPTS_VALUE;
    out->dts = out->pts;
    out->duration = duration;
    out->flags |= AV_PKT_FLAG_KEY;
    return true;
}
