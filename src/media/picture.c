#include "media/picture.h"

#include <math.h>

#include "media/frame_view.h"

static AVFrame *new_frame(enum AVPixelFormat format, enum AVColorSpace space, const Image *rgb)
{
    AVFrame *frame = av_frame_alloc();
    if (frame != NULL) {
        frame->format = format;
        frame->width = rgb->width;
        frame->height = rgb->height;
        frame->colorspace = space;
        frame->color_range = AVCOL_RANGE_JPEG;
        if (av_frame_get_buffer(frame, 0) < 0) {
            av_frame_free(&frame);
        }
    }
    return frame;
}

static void pack(const Image *rgb, AVFrame *frame)
{
    for (int y = 0; y < rgb->height; y++) {
        uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = 0; x < rgb->width; x++) {
            for (int i = 0; i < 3; i++) {
                const float value = rgb->plane[i][y * rgb->stride + x];
                row[3 * x + i] = (uint8_t)lrintf(fminf(fmaxf(value, 0.0F), 255.0F));
            }
        }
    }
}

Status picture_encode(const Image *rgb, StillKind kind, int scale, AVPacket *packet, Error *err)
{
    AVFrame *packed = new_frame(AV_PIX_FMT_RGB24, AVCOL_SPC_RGB, rgb);
    AVFrame *jpeg = kind == STILL_JPG ? new_frame(AV_PIX_FMT_YUVJ420P, AVCOL_SPC_BT470BG, rgb)
                                      : NULL; /* JFIF's: BT.601 */
    Status status = STATUS_OK;
    if (packed == NULL || (kind == STILL_JPG && jpeg == NULL)) {
        status = error_set(err, ERROR_MEMORY, "cannot make a picture", NULL, "out of memory");
    } else {
        pack(rgb, packed);
    }
    if (status == STATUS_OK && jpeg != NULL) {
        status = frame_view_convert(packed, jpeg, err);
    }
    if (status == STATUS_OK) {
        status = still_encode(jpeg != NULL ? jpeg : packed, kind, scale, packet, err);
    }
    av_frame_free(&packed);
    av_frame_free(&jpeg);
    return status;
}
