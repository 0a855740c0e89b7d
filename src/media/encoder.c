#include "media/encoder.h"

#include <libavutil/pixdesc.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "media/compat.h"
#include "media/convert.h"
#include "media/encoder_options.h"
#include "media/input.h"
#include "media/timeline.h"
#include "media/writer.h"

static const char what[] = "cannot encode the video";

/* Frames in and behind the encoder are remembered this long: more than look-ahead, threads and reordering. */
enum { MOMENTS = 2048 };

typedef struct Moment {
    int64_t grid; /* the time the encoder is told */
    int64_t pts;  /* the real one */
    int64_t duration;
} Moment;

struct Encoder {
    char *name;
    AVCodecContext *context;
    FrameShape shape; /* of what the encoder is given */
    int width;        /* of what it is given before padding */
    int height;
    Converter *converter;
    AVFrame *input;
    AVFrame *converted;
    AVFrame *padded;
    AVRational time_base; /* of the real pts */
    bool on_grid;
    int delay; /* frames */
    int64_t first_pts;
    int64_t last_grid;
    int64_t begun;    /* the number of the first frame that this encoder got */
    int64_t sent;     /* frames, with those of encoders before, as are: */
    int64_t received; /* packets */
    Moment *moments;  /* of the last MOMENTS frames, by their number modulo MOMENTS */
};

bool writer_has_encoder(const char *name)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    return codec != NULL && codec->type == AVMEDIA_TYPE_VIDEO;
}

const AVCodecContext *encoder_context(const Encoder *encoder)
{
    return encoder->context;
}

static enum AVPixelFormat choose_format(const AVCodec *codec, enum AVPixelFormat format)
{
    const enum AVPixelFormat *list = encoder_pixel_formats(codec);
    if (list == NULL) {
        return format;
    }
    bool has_plain = false;
    for (const enum AVPixelFormat *p = list; *p != AV_PIX_FMT_NONE; p++) {
        if (*p == format) {
            return format;
        }
        has_plain |= *p == plain_format(format);
    }
    /* The same samples under the name without range; the range goes into the tags. */
    if (has_plain) {
        return plain_format(format);
    }
    const enum AVPixelFormat nearest = nearest_format(list, format);
    log_warn("%s cannot encode %s: converted to %s", codec->name, av_get_pix_fmt_name(format),
             av_get_pix_fmt_name(nearest));
    return nearest;
}

static void set_shape(Encoder *encoder, const EncoderConfig *config, const AVCodec *codec)
{
    const MediaInfo *source = config->source;
    FrameShape *shape = &encoder->shape;
    shape->format = choose_format(codec, source->format);
    encoder->width = shape->width = source->width;
    encoder->height = shape->height = source->height;
    shape->matrix = source->color_space;
    shape->range = source->color_range;
    const AVPixFmtDescriptor *from = av_pix_fmt_desc_get(source->format);
    const AVPixFmtDescriptor *to = av_pix_fmt_desc_get(shape->format);
    const bool from_rgb = (from->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    const bool to_rgb = (to->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    if (from_rgb && !to_rgb) {
        shape->matrix = default_matrix(source->height);
        shape->range = AVCOL_RANGE_MPEG;
    } else if (to_rgb) {
        shape->matrix = AVCOL_SPC_RGB;
    }
    if (plain_format(source->format) != source->format) {
        shape->range = AVCOL_RANGE_JPEG;
    }
    if (encoder_needs_even_size(config->name)) {
        shape->width = FFALIGN(source->width, 1 << to->log2_chroma_w);
        shape->height = FFALIGN(source->height, 1 << to->log2_chroma_h);
    }
    if (shape->width != source->width || shape->height != source->height) {
        log_info("%s needs whole chroma samples: %dx%d is made %dx%d by repeating the edge", config->name,
                 source->width, source->height, shape->width, shape->height);
    }
}

static void set_fields(AVCodecContext *context, const EncoderConfig *config, const FrameShape *shape,
                       bool on_grid)
{
    const MediaInfo *source = config->source;
    context->width = shape->width;
    context->height = shape->height;
    context->pix_fmt = shape->format;
    context->time_base = on_grid ? av_inv_q(config->grid_rate) : config->time_base;
    context->framerate = config->frame_rate;
    context->sample_aspect_ratio = source->sample_aspect_ratio;
    context->colorspace = shape->matrix;
    context->color_range = shape->range;
    context->color_primaries = source->color_primaries;
    context->color_trc = source->color_transfer;
    context->chroma_sample_location = source->chroma_location;
    context->field_order = source->field_order;
    const bool interlaced = source->field_order > AV_FIELD_PROGRESSIVE;
    if (interlaced && shape->height % 4 == 0) {
        context->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
    } else {
        context->field_order = AV_FIELD_PROGRESSIVE;
    }
    if (config->global_header) {
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
}

static Status open_codec(Encoder *encoder, const EncoderConfig *config, Error *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(config->name);
    char list[128];
    if (codec == NULL || codec->type != AVMEDIA_TYPE_VIDEO) {
        (void)error_setf(err, ERROR_ENCODER, what, NULL, "this FFmpeg has no encoder %s", config->name);
        error_advise(err, "encoders here: %s", encoder_list_available(list, sizeof list));
        return STATUS_FAILED;
    }
    set_shape(encoder, config, codec);
    encoder->context = avcodec_alloc_context3(codec);
    encoder->converter = converter_new(NULL);
    encoder->input = av_frame_alloc();
    encoder->converted = av_frame_alloc();
    encoder->padded = av_frame_alloc();
    if (encoder->context == NULL || encoder->input == NULL || encoder->converted == NULL ||
        encoder->padded == NULL) {
        return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
    }
    encoder->time_base = config->time_base;
    encoder->on_grid = config->grid_rate.num > 0 && config->grid_rate.den > 0;
    encoder->moments = memory_alloc(MOMENTS, sizeof *encoder->moments);
    set_fields(encoder->context, config, &encoder->shape, encoder->on_grid);
    AVDictionary *options = NULL;
    Status status = encoder_options(config, encoder->context, &options, err);
    if (status == STATUS_OK) {
        const int result = avcodec_open2(encoder->context, codec, &options);
        if (result == AVERROR(ENOMEM)) {
            status = media_error(err, ERROR_ENCODER, what, NULL, result);
        } else if (result < 0) {
            (void)error_setf(err, ERROR_ENCODER, what, NULL, "%s does not open: %s", config->name,
                             strstr(config->name, "_nvenc") != NULL
                                 ? "no usable NVIDIA encoder or driver on this machine"
                                 : av_err2str(result));
            error_advise(err, "encoders here: %s", encoder_list_available(list, sizeof list));
            status = STATUS_FAILED;
        }
    }
    av_dict_free(&options);
    encoder->delay = encoder_reordering(config, encoder->context);
    return status;
}

Status encoder_open(Encoder **encoder, const EncoderConfig *config, Error *err)
{
    *encoder = memory_alloc(1, sizeof **encoder);
    (*encoder)->name = text_duplicate(config->name);
    const Status status = open_codec(*encoder, config, err);
    if (status != STATUS_OK) {
        encoder_free(encoder);
    }
    return status;
}

void encoder_free(Encoder **encoder)
{
    Encoder *e = *encoder;
    if (e == NULL) {
        return;
    }
    avcodec_free_context(&e->context);
    av_frame_free(&e->input);
    av_frame_free(&e->converted);
    av_frame_free(&e->padded);
    converter_free(&e->converter);
    memory_free(e->moments);
    memory_free(e->name);
    memory_free(e);
    *encoder = NULL;
}

static int64_t remember(Encoder *encoder, int64_t pts, int64_t duration)
{
    int64_t grid = pts;
    if (encoder->on_grid) {
        grid = timeline_usable(av_rescale_q(pts, encoder->time_base, encoder->context->time_base));
        grid = grid != AV_NOPTS_VALUE ? grid : 0;
        grid = encoder->sent > encoder->begun ? FFMAX(grid, encoder->last_grid + 1) : grid;
    }
    encoder->first_pts = encoder->sent > 0 ? encoder->first_pts : pts;
    encoder->moments[encoder->sent++ % MOMENTS] = (Moment){grid, pts, duration};
    encoder->last_grid = grid;
    return grid;
}

/* The moment of the frame that the encoder was given at that time, NULL when there is none. */
static const Moment *find_moment(const Encoder *encoder, int64_t grid)
{
    int64_t low = FFMAX(encoder->sent - MOMENTS, encoder->begun);
    int64_t high = encoder->sent; /* moments before `low` are earlier, those from `high` on are not */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (encoder->moments[middle % MOMENTS].grid < grid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const Moment *moment = &encoder->moments[low % MOMENTS];
    return low < encoder->sent && moment->grid == grid ? moment : NULL;
}

/* Those of the first packets lie before the first frame, a frame of the usual length apart. */
static int64_t next_dts(Encoder *encoder)
{
    const int64_t number = encoder->received++;
    if (number >= encoder->delay) {
        return encoder->moments[(number - encoder->delay) % MOMENTS].pts;
    }
    const int64_t back = encoder->delay - number;
    const AVRational rate = encoder->context->framerate;
    const AVRational frame = encoder->on_grid               ? encoder->context->time_base
                             : rate.num > 0 && rate.den > 0 ? av_inv_q(rate)
                                                            : encoder->time_base;
    return encoder->first_pts - FFMAX(back, av_rescale_q(back, frame, encoder->time_base));
}

static Status restore_times(Encoder *encoder, AVPacket *packet, Error *err)
{
    const Moment *moment = find_moment(encoder, packet->pts);
    if (moment == NULL) {
        return error_setf(err, ERROR_INTERNAL, what, NULL, "%s gave back a time that it never got",
                          encoder->name);
    }
    const int64_t dts = next_dts(encoder);
    packet->pts = moment->pts;
    packet->dts = FFMIN(dts, packet->pts);
    packet->duration = moment->duration;
    return STATUS_OK;
}

int encoder_delay(const Encoder *encoder)
{
    return encoder->delay;
}

void encoder_continue(Encoder *encoder, const EncoderPast *past)
{
    encoder->begun = encoder->sent = encoder->received = past->frames;
    encoder->first_pts = past->first_pts;
    for (int back = 1; back <= ENCODER_DELAY_MAX && back <= past->frames; back++) {
        encoder->moments[(past->frames - back) % MOMENTS].pts = past->pts[back - 1];
    }
}

bool encoder_continues(const Encoder *encoder, const uint8_t *extradata, size_t size)
{
    const AVCodecContext *context = encoder->context;
    return encoder_same_header(context->codec_id, extradata, size, context->extradata,
                               (size_t)FFMAX(context->extradata_size, 0));
}

/* Side data that still holds after encoding; the rest (motion vectors, another encoder's notes, Dolby
 * Vision's instructions for the old bits) would be wrong. */
static void keep_side_data(AVFrame *frame)
{
    for (int i = frame->nb_side_data - 1; i >= 0; i--) {
        switch (frame->side_data[i]->type) {
        case AV_FRAME_DATA_A53_CC:
        case AV_FRAME_DATA_AFD:
        case AV_FRAME_DATA_S12M_TIMECODE:
        case AV_FRAME_DATA_MASTERING_DISPLAY_METADATA:
        case AV_FRAME_DATA_CONTENT_LIGHT_LEVEL:
        case AV_FRAME_DATA_DYNAMIC_HDR_PLUS:
            break;
        default:
            av_frame_remove_side_data(frame, frame->side_data[i]->type);
            i = FFMIN(i, frame->nb_side_data);
            break;
        }
    }
}

static Status pad(Encoder *encoder, const AVFrame **frame, Error *err)
{
    AVFrame *padded = encoder->padded;
    if (padded->buf[0] == NULL || !av_frame_is_writable(padded)) {
        av_frame_unref(padded);
        padded->format = (*frame)->format;
        padded->width = encoder->shape.width;
        padded->height = encoder->shape.height;
        if (av_frame_get_buffer(padded, 0) < 0) {
            return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
        }
    }
    frame_copy_padded(*frame, padded);
    if (av_frame_copy_props(padded, *frame) < 0) {
        return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
    }
    padded->crop_left = padded->crop_right = padded->crop_top = padded->crop_bottom = 0;
    *frame = padded;
    return STATUS_OK;
}

/* Makes encoder->input: a new reference to the picture as the encoder takes it. */
static Status prepare(Encoder *encoder, const AVFrame *frame, Error *err)
{
    const AVFrame *picture = frame;
    if (plain_format((enum AVPixelFormat)frame->format) != plain_format(encoder->shape.format) ||
        frame->width != encoder->width || frame->height != encoder->height) {
        FrameShape shape = encoder->shape;
        shape.width = encoder->width;
        shape.height = encoder->height;
        av_frame_unref(encoder->converted);
        if (converter_run(encoder->converter, frame, &shape, encoder->converted, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        picture = encoder->converted;
    }
    if (encoder->width != encoder->shape.width || encoder->height != encoder->shape.height) {
        if (pad(encoder, &picture, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    av_frame_unref(encoder->input);
    if (av_frame_ref(encoder->input, picture) < 0) {
        return error_set(err, ERROR_MEMORY, what, NULL, "out of memory");
    }
    AVFrame *input = encoder->input;
    input->format = encoder->shape.format;
    input->colorspace = encoder->context->colorspace;
    input->color_range = encoder->context->color_range;
    input->repeat_pict = 0;
    input->opaque = NULL;
    frame_clear_key(input);
    keep_side_data(input);
    return STATUS_OK;
}

Status encoder_send(Encoder *encoder, const AVFrame *frame, int64_t pts, int64_t duration, bool key,
                    Error *err)
{
    AVFrame *input = NULL;
    if (frame != NULL) {
        if (prepare(encoder, frame, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        input = encoder->input;
        input->pts = remember(encoder, pts, duration);
        input->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        frame_set_duration(input, 1);
    }
    const int result = avcodec_send_frame(encoder->context, input);
    av_frame_unref(encoder->input);
    if (result < 0) {
        return media_error(err, ERROR_ENCODER, what, NULL, result);
    }
    return STATUS_OK;
}

Status encoder_receive(Encoder *encoder, AVPacket *packet, Error *err)
{
    const int result = avcodec_receive_packet(encoder->context, packet);
    if (result == AVERROR(EAGAIN)) {
        return STATUS_AGAIN;
    }
    if (result == AVERROR_EOF) {
        return STATUS_EOF;
    }
    if (result < 0) {
        return media_error(err, ERROR_ENCODER, what, NULL, result);
    }
    return restore_times(encoder, packet, err);
}
