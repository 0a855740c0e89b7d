#include "face/portrait.h"

#include <math.h>

#include "face/models.h"
#include "media/frame_view.h"
#include "media/still.h"

static Status out_of_memory(Error *err)
{
    return error_set(err, ERROR_MEMORY, "cannot make a picture of a face", NULL, "out of memory");
}

static AVFrame *new_frame(enum AVPixelFormat format, enum AVColorSpace space, int size)
{
    AVFrame *frame = av_frame_alloc();
    if (frame != NULL) {
        frame->format = format;
        frame->width = size;
        frame->height = size;
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

static Status encode(const Image *rgb, AVPacket *picture, Error *err)
{
    enum { SCALE = 4 };
    AVFrame *packed = new_frame(AV_PIX_FMT_RGB24, AVCOL_SPC_RGB, rgb->width);
    AVFrame *jpeg = new_frame(AV_PIX_FMT_YUVJ420P, AVCOL_SPC_BT470BG, rgb->width); /* JFIF's: BT.601 */
    Status status = STATUS_FAILED;
    if (packed == NULL || jpeg == NULL) {
        status = out_of_memory(err);
    } else {
        pack(rgb, packed);
        status = frame_view_convert(packed, jpeg, err);
    }
    if (status == STATUS_OK) {
        status = still_encode(jpeg, STILL_JPG, SCALE, picture, err);
    }
    av_frame_free(&packed);
    av_frame_free(&jpeg);
    return status;
}

Status portrait_make(const AVFrame *frame, const Mesh *mesh, Orientation orientation, AVRational sar,
                     int size, AVPacket *picture, Error *err)
{
    const float scale = (float)MESH_CROP_SIZE / (float)size;
    const Affine to_crop = {.a = scale, .c = (scale - 1) / 2, .e = scale, .f = (scale - 1) / 2};
    const Affine crop = models_crop_from_mesh(mesh, orientation.mirrored, sar);
    const Affine to_frame = affine_multiply(&crop, &to_crop);
    Image rgb = {0};
    Status status = frame_view_warp(frame, &to_frame, size, size, -1, &rgb, err);
    if (status == STATUS_OK) {
        status = encode(&rgb, picture, err);
    }
    image_free(&rgb);
    return status;
}
