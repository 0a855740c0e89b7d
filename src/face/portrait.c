#include "face/portrait.h"

#include "face/models.h"
#include "media/frame_view.h"
#include "media/picture.h"

Status portrait_make(const AVFrame *frame, const Mesh *mesh, Orientation orientation, AVRational sar,
                     int size, AVPacket *picture, Error *err)
{
    enum { SCALE = 4 };
    const float scale = (float)MESH_CROP_SIZE / (float)size;
    const Affine to_crop = {.a = scale, .c = (scale - 1) / 2, .e = scale, .f = (scale - 1) / 2};
    const Affine crop = models_crop_from_mesh(mesh, orientation.mirrored, sar);
    const Affine to_frame = affine_multiply(&crop, &to_crop);
    Image rgb = {0};
    Status status = frame_view_warp(frame, &to_frame, size, size, -1, &rgb, err);
    if (status == STATUS_OK) {
        status = picture_encode(&rgb, STILL_JPG, SCALE, picture, err);
    }
    image_free(&rgb);
    return status;
}
