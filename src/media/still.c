#include "media/still.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/files.h"
#include "media/convert.h"
#include "media/frame_view.h"
#include "media/input.h"
#include "media/orientation.h"

enum { LARGEST_DIMENSION = 16384 };
static const int64_t largest_file = 256LL << 20;
static const char what[] = "cannot read the picture";
static const char what_else[] = "cannot make a picture file";

/* By content: names lie. */
static enum AVCodecID picture_codec(const unsigned char *data, int64_t size)
{
    static const struct {
        const char *magic;
        size_t count;
        enum AVCodecID codec;
    } kinds[] = {
        {"\xFF\xD8\xFF", 3, AV_CODEC_ID_MJPEG},
        {"\x89PNG\r\n\x1A\n", 8, AV_CODEC_ID_PNG},
        {"BM", 2, AV_CODEC_ID_BMP},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (size > (int64_t)kinds[i].count && memcmp(data, kinds[i].magic, kinds[i].count) == 0) {
            return kinds[i].codec;
        }
    }
    return AV_CODEC_ID_NONE;
}

static Status read_bytes(const char *path, AVPacket *packet, Error *err)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return error_set_errno(err, ERROR_INPUT, what, path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_INPUT, what, path,
                         S_ISDIR(status.st_mode) ? "this is a folder" : "this is not a regular file");
    }
    char *data = NULL;
    int64_t size = 0;
    Error reason = {0};
    if (file_read(path, largest_file, &data, &size, &reason) != STATUS_OK) {
        return error_set(err, ERROR_INPUT, what, path, reason.why);
    }
    Status result = STATUS_OK;
    if (size == 0) {
        result = error_set(err, ERROR_INPUT, what, path, "the file is empty");
    } else if (av_new_packet(packet, (int)size) < 0) {
        result = error_set(err, ERROR_MEMORY, what, path, "out of memory");
    } else {
        memcpy(packet->data, data, (size_t)size);
    }
    memory_free(data);
    return result;
}

/* Whether a JPEG lacks its end marker: the decoder fills what is missing with grey or green and does not say
 * so. Looked for behind the header only, whose EXIF block can hold a whole small picture. */
static bool is_cut_off(enum AVCodecID codec, const AVPacket *packet)
{
    enum { START_OF_SCAN = 0xDA, END_OF_IMAGE = 0xD9 };
    if (codec != AV_CODEC_ID_MJPEG) {
        return false;
    }
    const unsigned char *data = packet->data;
    int64_t at = 2;
    while (at + 4 <= packet->size && data[at] == 0xFF && data[at + 1] != START_OF_SCAN) {
        /* a segment tells its length; 0xFF alone is padding */
        at += data[at + 1] == 0xFF ? 1 : 2 + (data[at + 2] << 8 | data[at + 3]);
    }
    for (; at + 2 <= packet->size; at++) {
        if (data[at] == 0xFF && data[at + 1] == END_OF_IMAGE) {
            return false;
        }
    }
    return true;
}

static bool is_damaged(const AVFrame *frame)
{
    return frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

static Status decode_picture(const char *path, const AVPacket *packet, FramePool *pool, AVFrame *frame,
                             Error *err)
{
    const enum AVCodecID id = picture_codec(packet->data, packet->size);
    const AVCodec *codec = id != AV_CODEC_ID_NONE ? avcodec_find_decoder(id) : NULL;
    if (codec == NULL) {
        (void)error_set(err, ERROR_INPUT, what, path, "its content is not a picture of a known kind");
        error_advise(err, "give a jpg, png or bmp picture");
        return STATUS_FAILED;
    }
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    if (decoder == NULL) {
        return error_set(err, ERROR_MEMORY, what, path, "out of memory");
    }
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_BUFFER | AV_EF_CRCCHECK;
    decoder->max_pixels = (int64_t)LARGEST_DIMENSION * LARGEST_DIMENSION;
    if (pool != NULL) {
        frame_pool_attach(pool, decoder);
    }
    int result = avcodec_open2(decoder, codec, NULL);
    if (result >= 0) {
        result = avcodec_send_packet(decoder, packet);
    }
    if (result >= 0) {
        (void)avcodec_send_packet(decoder, NULL);
        result = avcodec_receive_frame(decoder, frame);
    }
    avcodec_free_context(&decoder);
    if (result == AVERROR(ENOMEM)) {
        return media_error(err, ERROR_INPUT, what, path, result);
    }
    if (result < 0 || is_damaged(frame) || is_cut_off(id, packet)) {
        return error_set(err, ERROR_INPUT, what, path, "the picture is damaged or cut off");
    }
    if (frame->width > LARGEST_DIMENSION || frame->height > LARGEST_DIMENSION) {
        return error_setf(err, ERROR_INPUT, what, path, "%dx%d is larger than %d pixels a side", frame->width,
                          frame->height, LARGEST_DIMENSION);
    }
    return STATUS_OK;
}

static Orientation picture_orientation(const AVFrame *frame)
{
    const AVFrameSideData *matrix = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (matrix != NULL && matrix->size >= 9 * sizeof(int32_t)) {
        int32_t values[9];
        memcpy(values, matrix->data, sizeof values);
        return orientation_from_matrix(values);
    }
    const AVDictionaryEntry *exif = av_dict_get(frame->metadata, "Orientation", NULL, 0);
    return orientation_from_exif(exif != NULL ? (int)strtol(exif->value, NULL, 10) : 1);
}

/* The other byte order, of formats of one plane of words. */
static void swap_bytes(AVFrame *frame)
{
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    const int bytes = av_image_get_linesize(format, frame->width, 0);
    for (int y = 0; y < frame->height; y++) {
        uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int i = 0; i + 1 < bytes; i += 2) {
            const uint8_t first = row[i];
            row[i] = row[i + 1];
            row[i + 1] = first;
        }
    }
    frame->format = av_pix_fmt_swap_endianness(format);
}

static Status make_supported(AVFrame *frame, Error *err)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if ((desc->flags & AV_PIX_FMT_FLAG_BE) != 0 && av_frame_is_writable(frame)) {
        swap_bytes(frame);
    }
    const enum AVPixelFormat format = supported_format((enum AVPixelFormat)frame->format);
    if (format == (enum AVPixelFormat)frame->format) {
        return STATUS_OK;
    }
    const FrameShape shape = {.format = format,
                              .width = frame->width,
                              .height = frame->height,
                              .matrix = AVCOL_SPC_UNSPECIFIED,
                              .range = AVCOL_RANGE_UNSPECIFIED};
    Converter *converter = converter_new(NULL);
    AVFrame *converted = av_frame_alloc();
    Status status = converted == NULL ? error_set(err, ERROR_MEMORY, what, NULL, "out of memory") : STATUS_OK;
    if (status == STATUS_OK) {
        status = converter_run(converter, frame, &shape, converted, err);
    }
    if (status == STATUS_OK) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, converted);
    }
    av_frame_free(&converted);
    converter_free(&converter);
    return status;
}

Status still_decode(const AVPacket *packet, const char *name, FramePool *pool, AVFrame *frame, Error *err)
{
    Status status = decode_picture(name, packet, pool, frame, err);
    if (status == STATUS_OK) {
        status = make_supported(frame, err);
    }
    if (status != STATUS_OK) {
        av_frame_unref(frame);
    }
    return status;
}

Status still_read(const char *path, AVFrame *frame, Orientation *orientation, Error *err)
{
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL) {
        return error_set(err, ERROR_MEMORY, what, path, "out of memory");
    }
    Status status = read_bytes(path, packet, err);
    if (status == STATUS_OK) {
        status = still_decode(packet, path, NULL, frame, err);
    }
    if (status == STATUS_OK) {
        *orientation = picture_orientation(frame);
    }
    av_packet_free(&packet);
    return status;
}

/* ---- writing ---- */

enum AVPixelFormat still_format(StillKind kind, enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const bool grey = desc->nb_components < 3;
    if (kind == STILL_PNG) {
        const bool deep = desc->comp[0].depth > 8;
        return grey ? (deep ? AV_PIX_FMT_GRAY16LE : AV_PIX_FMT_GRAY8)
                    : (deep ? AV_PIX_FMT_RGB48LE : AV_PIX_FMT_RGB24);
    }
    if (grey || (desc->log2_chroma_w > 0 && desc->log2_chroma_h > 0)) {
        return AV_PIX_FMT_YUVJ420P;
    }
    return desc->log2_chroma_w > 0 ? AV_PIX_FMT_YUVJ422P : AV_PIX_FMT_YUVJ444P;
}

/* Fast before small: the files are read again soon. Of PNG's ways to foretell a sample from its neighbours
 * the one above is as good as any on real pictures, and the fastest. */
static void set_encoder(AVCodecContext *encoder, StillKind kind, int scale, AVDictionary **options)
{
    encoder->thread_count = 1;
    if (kind == STILL_PNG) {
        encoder->compression_level = 1;
        (void)av_dict_set(options, "pred", "up", 0);
    } else {
        encoder->flags |= AV_CODEC_FLAG_QSCALE;
        encoder->global_quality = FF_QP2LAMBDA * scale;
        encoder->qmin = 1;
        encoder->color_range = AVCOL_RANGE_JPEG;
        encoder->sample_aspect_ratio = (AVRational){1, 1}; /* with it comes the JFIF header */
    }
}

Status still_encode(AVFrame *picture, StillKind kind, int scale, AVPacket *packet, Error *err)
{
    if (av_pix_fmt_swap_endianness((enum AVPixelFormat)picture->format) != AV_PIX_FMT_NONE) {
        swap_bytes(picture); /* PNG is big-endian */
    }
    const AVCodec *codec = avcodec_find_encoder(kind == STILL_PNG ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
    if (codec == NULL) {
        return error_set(err, ERROR_ENVIRONMENT, what_else, NULL, "this FFmpeg has no encoder for it");
    }
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    if (encoder == NULL) {
        return error_set(err, ERROR_MEMORY, what_else, NULL, "out of memory");
    }
    encoder->width = picture->width;
    encoder->height = picture->height;
    encoder->pix_fmt = (enum AVPixelFormat)picture->format;
    encoder->time_base = (AVRational){1, 1};
    AVDictionary *options = NULL;
    set_encoder(encoder, kind, scale, &options);
    picture->quality = encoder->global_quality;
    picture->pts = 0;
    int result = avcodec_open2(encoder, codec, &options);
    if (result >= 0) {
        result = avcodec_send_frame(encoder, picture);
    }
    if (result >= 0) {
        (void)avcodec_send_frame(encoder, NULL);
        result = avcodec_receive_packet(encoder, packet);
    }
    av_dict_free(&options);
    avcodec_free_context(&encoder);
    return result >= 0 ? STATUS_OK : media_error(err, ERROR_INTERNAL, what_else, NULL, result);
}
