#include "media/convert.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

#include "base/alloc.h"
#include "media/frame_view.h"

struct Converter {
    FramePool *pool;
    struct SwsContext *scaler;
};

Converter *converter_new(FramePool *pool)
{
    Converter *converter = memory_alloc(1, sizeof *converter);
    converter->pool = pool;
    return converter;
}

void converter_free(Converter **converter)
{
    if (*converter == NULL) {
        return;
    }
    sws_freeContext((*converter)->scaler);
    memory_free(*converter);
    *converter = NULL;
}

enum AVColorSpace default_matrix(int height)
{
    return height <= 576 ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
}

enum AVPixelFormat plain_format(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    default:
        return format;
    }
}

enum AVPixelFormat nearest_format(const enum AVPixelFormat *list, enum AVPixelFormat format)
{
    int loss = 0;
    return avcodec_find_best_pix_fmt_of_list(list, plain_format(format), 0, &loss);
}

enum AVPixelFormat supported_format(enum AVPixelFormat format)
{
    static const enum AVPixelFormat candidates[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,   AV_PIX_FMT_YUV420P10,
        AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P12,
        AV_PIX_FMT_YUV444P12, AV_PIX_FMT_YUV420P16, AV_PIX_FMT_YUV422P16, AV_PIX_FMT_YUV444P16,
        AV_PIX_FMT_GRAY8,     AV_PIX_FMT_GRAY10,    AV_PIX_FMT_GRAY12,    AV_PIX_FMT_GRAY16,
        AV_PIX_FMT_GBRP,      AV_PIX_FMT_GBRP10,    AV_PIX_FMT_GBRP12,    AV_PIX_FMT_GBRP16,
        AV_PIX_FMT_RGB24,     AV_PIX_FMT_NONE,
    };
    if (frame_view_supports(format)) {
        return format;
    }
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    if (desc != NULL && (desc->flags & AV_PIX_FMT_FLAG_PAL) != 0) {
        return AV_PIX_FMT_RGB24; /* libswscale looks the colours up only for packed RGB */
    }
    enum AVPixelFormat usable[sizeof candidates / sizeof candidates[0]];
    size_t count = 0;
    for (size_t i = 0; candidates[i] != AV_PIX_FMT_NONE; i++) {
        if (frame_view_supports(candidates[i])) {
            usable[count++] = candidates[i];
        }
    }
    usable[count] = AV_PIX_FMT_NONE;
    return nearest_format(usable, format);
}

static bool is_rgb(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    return desc != NULL && (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

/* The matrix and range a picture has, with what is not said filled in. */
static void picture_colors(const AVFrame *frame, enum AVColorSpace *matrix, enum AVColorRange *range)
{
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    *matrix = frame->colorspace;
    *range = frame->color_range;
    if (is_rgb(format)) {
        *matrix = AVCOL_SPC_RGB;
        *range = AVCOL_RANGE_JPEG;
        return;
    }
    if (*matrix == AVCOL_SPC_UNSPECIFIED || *matrix == AVCOL_SPC_RGB) {
        *matrix = default_matrix(frame->height);
    }
    if (plain_format(format) != format) {
        *range = AVCOL_RANGE_JPEG;
    } else if (*range == AVCOL_RANGE_UNSPECIFIED) {
        *range = AVCOL_RANGE_MPEG;
    }
}

/* The matrix and range the converted picture gets. */
static void target_colors(const AVFrame *source, const FrameShape *shape, enum AVColorSpace source_matrix,
                          enum AVColorRange source_range, enum AVColorSpace *matrix, enum AVColorRange *range)
{
    *matrix = shape->matrix;
    *range = shape->range;
    if (is_rgb(shape->format)) {
        *matrix = AVCOL_SPC_RGB;
        *range = AVCOL_RANGE_JPEG;
        return;
    }
    if (*matrix == AVCOL_SPC_UNSPECIFIED || *matrix == AVCOL_SPC_RGB) {
        *matrix = source_matrix != AVCOL_SPC_RGB ? source_matrix : default_matrix(source->height);
    }
    if (*range == AVCOL_RANGE_UNSPECIFIED) {
        *range = source_matrix != AVCOL_SPC_RGB ? source_range : AVCOL_RANGE_MPEG;
    }
    if (plain_format(shape->format) != shape->format) {
        *range = AVCOL_RANGE_JPEG;
    }
}

static Status new_frame(const Converter *converter, const FrameShape *shape, AVFrame *target, Error *err)
{
    if (converter->pool != NULL) {
        return frame_pool_new_frame(converter->pool, shape->format, shape->width, shape->height, target, err);
    }
    target->format = shape->format;
    target->width = shape->width;
    target->height = shape->height;
    if (av_frame_get_buffer(target, 0) < 0) {
        return error_set(err, ERROR_MEMORY, "cannot convert a frame", NULL, "out of memory");
    }
    return STATUS_OK;
}

/* swscale counts matrices by the numbers of AVColorSpace. */
static const int *coefficients(enum AVColorSpace matrix)
{
    return sws_getCoefficients(matrix == AVCOL_SPC_RGB ? (int)AVCOL_SPC_BT709 : (int)matrix);
}

Status converter_run(Converter *converter, const AVFrame *source, const FrameShape *shape, AVFrame *target,
                     Error *err)
{
    const enum AVPixelFormat from = plain_format((enum AVPixelFormat)source->format);
    const enum AVPixelFormat to = plain_format(shape->format);
    enum AVColorSpace source_matrix = AVCOL_SPC_UNSPECIFIED;
    enum AVColorRange source_range = AVCOL_RANGE_UNSPECIFIED;
    picture_colors(source, &source_matrix, &source_range);

    enum AVColorSpace matrix = AVCOL_SPC_UNSPECIFIED;
    enum AVColorRange range = AVCOL_RANGE_UNSPECIFIED;
    target_colors(source, shape, source_matrix, source_range, &matrix, &range);
    converter->scaler = sws_getCachedContext(
        converter->scaler, source->width, source->height, from, shape->width, shape->height, to,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (converter->scaler == NULL) {
        return error_setf(err, ERROR_INPUT, "cannot convert a frame", NULL, "no way from %s to %s",
                          av_get_pix_fmt_name(from), av_get_pix_fmt_name(to));
    }
    (void)sws_setColorspaceDetails(converter->scaler, coefficients(is_rgb(from) ? matrix : source_matrix),
                                   source_range == AVCOL_RANGE_JPEG,
                                   coefficients(is_rgb(to) ? source_matrix : matrix),
                                   range == AVCOL_RANGE_JPEG, 0, 1 << 16, 1 << 16);
    if (new_frame(converter, shape, target, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (av_frame_copy_props(target, source) < 0) {
        return error_set(err, ERROR_MEMORY, "cannot convert a frame", NULL, "out of memory");
    }
    target->crop_left = target->crop_right = target->crop_top = target->crop_bottom = 0;
    /* What the stream did not say stays unsaid where the picture is of the same kind. */
    if (is_rgb(from) != is_rgb(to) || source->colorspace != AVCOL_SPC_UNSPECIFIED ||
        shape->matrix != AVCOL_SPC_UNSPECIFIED) {
        target->colorspace = matrix;
    }
    if (is_rgb(from) != is_rgb(to) || source->color_range != AVCOL_RANGE_UNSPECIFIED ||
        range == AVCOL_RANGE_JPEG) {
        target->color_range = range;
    }
    if (sws_scale(converter->scaler, (const uint8_t *const *)source->data, source->linesize, 0,
                  source->height, target->data, target->linesize) < 0) {
        return error_set(err, ERROR_INPUT, "cannot convert a frame", NULL, "libswscale refused it");
    }
    return STATUS_OK;
}

/* Bytes from one sample to the next in a plane. */
static int plane_step(const AVPixFmtDescriptor *desc, int plane)
{
    for (int c = 0; c < desc->nb_components; c++) {
        if (desc->comp[c].plane == plane) {
            return desc->comp[c].step;
        }
    }
    return 1;
}

static void copy_padded_plane(const uint8_t *source, ptrdiff_t source_stride, size_t source_bytes,
                              int source_rows, uint8_t *target, ptrdiff_t target_stride, size_t target_bytes,
                              int target_rows, size_t step)
{
    for (int y = 0; y < target_rows; y++) {
        const uint8_t *from = source + source_stride * (y < source_rows ? y : source_rows - 1);
        uint8_t *to = target + target_stride * y;
        memcpy(to, from, source_bytes);
        for (size_t x = source_bytes; x + step <= target_bytes; x += step) {
            memcpy(to + x, from + source_bytes - step, step);
        }
    }
}

void frame_copy_padded(const AVFrame *source, AVFrame *target)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)source->format);
    const int planes = av_pix_fmt_count_planes((enum AVPixelFormat)source->format);
    for (int p = 0; p < planes; p++) {
        const int shift_x = p == 1 || p == 2 ? desc->log2_chroma_w : 0;
        const int shift_y = p == 1 || p == 2 ? desc->log2_chroma_h : 0;
        const int step = plane_step(desc, p);
        copy_padded_plane(source->data[p], source->linesize[p],
                          (size_t)AV_CEIL_RSHIFT(source->width, shift_x) * (size_t)step,
                          AV_CEIL_RSHIFT(source->height, shift_y), target->data[p], target->linesize[p],
                          (size_t)AV_CEIL_RSHIFT(target->width, shift_x) * (size_t)step,
                          AV_CEIL_RSHIFT(target->height, shift_y), (size_t)step);
    }
}
