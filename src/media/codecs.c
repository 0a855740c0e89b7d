#include "media/codecs.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "media/encoder.h"
#include "media/input.h"

CodecsLibrary codecs_library(int index)
{
    static const struct {
        const char *name;
        unsigned (*version)(void);
    } libraries[CODECS_LIBRARIES] = {
        {"libavformat", avformat_version},     {"libavcodec", avcodec_version},
        {"libavutil", avutil_version},         {"libswscale", swscale_version},
        {"libswresample", swresample_version},
    };
    const unsigned version = libraries[index].version();
    return (CodecsLibrary){libraries[index].name, (int)AV_VERSION_MAJOR(version),
                           (int)AV_VERSION_MINOR(version), (int)AV_VERSION_MICRO(version)};
}

const char *codecs_release(void)
{
    return av_version_info();
}

bool codecs_demuxer(int index, char name[CODECS_NAME_BYTES], bool *there)
{
    const char *names = input_demuxers();
    for (int i = 0; i < index && names[0] != '\0'; i++) {
        names += strcspn(names, ",");
        names += strspn(names, ",");
    }
    (void)snprintf(name, CODECS_NAME_BYTES, "%.*s", (int)strcspn(names, ","), names);
    *there = name[0] != '\0' && av_find_input_format(name) != NULL;
    return name[0] != '\0';
}

/* FFmpeg's own decoder of AV1 only hands the work to a graphics card. */
static bool decodes(enum AVCodecID id)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    return codec != NULL && !(id == AV_CODEC_ID_AV1 && strcmp(codec->name, "av1") == 0);
}

bool codecs_decoder(int index, char name[CODECS_NAME_BYTES], bool *there)
{
    static const enum AVCodecID usual[] = {
        AV_CODEC_ID_H264,       AV_CODEC_ID_HEVC,    AV_CODEC_ID_VP8,   AV_CODEC_ID_VP9,
        AV_CODEC_ID_AV1,        AV_CODEC_ID_MPEG4,   AV_CODEC_ID_MJPEG, AV_CODEC_ID_MPEG2VIDEO,
        AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_PRORES,  AV_CODEC_ID_DNXHD, AV_CODEC_ID_WMV1,
        AV_CODEC_ID_WMV2,       AV_CODEC_ID_WMV3,    AV_CODEC_ID_VC1,   AV_CODEC_ID_MSMPEG4V2,
        AV_CODEC_ID_MSMPEG4V3,  AV_CODEC_ID_H263,    AV_CODEC_ID_FLV1,  AV_CODEC_ID_THEORA,
        AV_CODEC_ID_SVQ3,       AV_CODEC_ID_CINEPAK, AV_CODEC_ID_FFV1,  AV_CODEC_ID_RAWVIDEO,
    };
    if (index < 0 || index >= (int)(sizeof usual / sizeof usual[0])) {
        return false;
    }
    text_copy(name, CODECS_NAME_BYTES, avcodec_get_name(usual[index]));
    *there = decodes(usual[index]);
    return true;
}

Status codecs_try_encoder(const char *name, Error *err)
{
    enum { WIDTH = 640, HEIGHT = 360, RATE = 25, QUALITY = 18 };
    const MediaInfo source = {.width = WIDTH, .height = HEIGHT, .format = AV_PIX_FMT_YUV420P, .bit_depth = 8};
    const EncoderConfig config = {
        .name = name,
        .quality = QUALITY,
        .threads = 1,
        .source = &source,
        .time_base = {1, RATE},
        .frame_rate = {RATE, 1},
        .grid_rate = {RATE, 1},
    };
    Encoder *encoder = NULL;
    const Status status = encoder_open(&encoder, &config, err);
    encoder_free(&encoder);
    return status;
}
