/* Brings frames into another pixel format or size, with the right matrix and range, or onto a larger canvas.
 *
 * For frames whose format frame_view or the encoder cannot take, and for streams that change in mid-file. One
 * thread. Memory: libswscale's line buffers and the frame it fills. Private to src/media.
 */
#ifndef RUNBATCH_MEDIA_CONVERT_H
#define RUNBATCH_MEDIA_CONVERT_H

#include <libavutil/frame.h>

#include "base/error.h"
#include "media/frame_pool.h"

typedef struct FrameShape {
    enum AVPixelFormat format;
    int width;
    int height;
    /* Of YUV and grey targets; unspecified: as the source, or the usual one where the source is RGB. */
    enum AVColorSpace matrix;
    enum AVColorRange range;
} FrameShape;

typedef struct Converter Converter;

/* `pool` (may be NULL) gives the frames' buffers and must outlive the converter. */
Converter *converter_new(FramePool *pool);
void converter_free(Converter **converter);

/* Fills `target` (unreferenced before) with the converted picture and the source's properties; colour tags
 * are those of the new picture. */
Status converter_run(Converter *converter, const AVFrame *source, const FrameShape *shape, AVFrame *target,
                     Error *err);

/* Copies `source` onto a canvas of width x height (not smaller, same format), repeating the last column and
 * row. `target` owns buffers of that size. */
void frame_copy_padded(const AVFrame *source, AVFrame *target);

/* BT.601 for up to 576 lines, BT.709 above: what a player takes where the stream does not say. */
enum AVColorSpace default_matrix(int height);

/* The format without its deprecated full-range twin (yuvj420p: yuv420p). */
enum AVPixelFormat plain_format(enum AVPixelFormat format);

/* The format itself where frame_view works on it, else the nearest one that it does. */
enum AVPixelFormat supported_format(enum AVPixelFormat format);

/* The member of `list` (closed by AV_PIX_FMT_NONE) that loses least; transparency is not kept. */
enum AVPixelFormat nearest_format(const enum AVPixelFormat *list, enum AVPixelFormat format);

#endif
