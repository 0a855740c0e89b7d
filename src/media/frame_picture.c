#include "media/frame_picture.h"

#include <stdio.h>

#include "base/alloc.h"
#include "media/frame_view.h"

static Status out_of_memory(Error *err)
{
    return error_set(err, ERROR_MEMORY, "cannot use frame files", NULL, "out of memory");
}

static Status save_picture(const FramePictures *pictures, const AVFrame *frame, AVFrame *picture,
                           AVPacket *content, Error *err)
{
    const StillKind kind = pictures->kind;
    const enum AVPixelFormat format = still_format(kind, (enum AVPixelFormat)frame->format);
    if (frame_pool_new_frame(pictures->pool, format, frame->width, frame->height, picture, err) !=
        STATUS_OK) {
        return STATUS_FAILED;
    }
    picture->colorspace = kind == STILL_PNG ? AVCOL_SPC_RGB : AVCOL_SPC_BT470BG; /* JFIF's: BT.601 */
    picture->color_range = AVCOL_RANGE_JPEG;
    if (frame_view_convert(frame, picture, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    return still_encode(picture, kind, pictures->scale, content, err);
}

Status frame_picture_save(const FramePictures *pictures, int64_t number, const AVFrame *frame, int64_t *bytes,
                          Error *err)
{
    AVFrame *picture = av_frame_alloc();
    AVPacket *content = av_packet_alloc();
    Status status = picture != NULL && content != NULL ? save_picture(pictures, frame, picture, content, err)
                                                       : out_of_memory(err);
    if (status == STATUS_OK) {
        *bytes = content->size;
        status = frame_folder_write(&pictures->folder, number, content, err);
    }
    av_packet_free(&content);
    av_frame_free(&picture);
    return status;
}

static Status refuse(const FramePictures *pictures, int64_t number, const char *why, Error *err)
{
    char *path = frame_folder_file(&pictures->folder, number);
    (void)error_set(err, ERROR_ENVIRONMENT, "cannot use a frame file", path, why);
    error_advise(err, "its chunk's frame files are made anew in the next run");
    memory_free(path);
    return STATUS_FAILED;
}

static Status load_picture(const FramePictures *pictures, int64_t number, const AVPacket *content,
                           const AVFrame *like, AVFrame *picture, AVFrame *frame, Error *err)
{
    Error reason = {0};
    if (still_decode(content, pictures->folder.path, pictures->pool, picture, &reason) != STATUS_OK) {
        return reason.class_ == ERROR_MEMORY ? out_of_memory(err) : refuse(pictures, number, reason.why, err);
    }
    if (picture->width != like->width || picture->height != like->height) {
        char why[96];
        (void)snprintf(why, sizeof why, "it is %dx%d now, the video's frames are %dx%d", picture->width,
                       picture->height, like->width, like->height);
        return refuse(pictures, number, why, err);
    }
    if (frame_pool_new_frame(pictures->pool, (enum AVPixelFormat)like->format, like->width, like->height,
                             frame, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (av_frame_copy_props(frame, like) < 0) {
        return out_of_memory(err);
    }
    return frame_view_convert(picture, frame, err);
}

Status frame_picture_load(const FramePictures *pictures, int64_t number, const AVFrame *like, AVFrame *frame,
                          int64_t *bytes, Error *err)
{
    AVFrame *picture = av_frame_alloc();
    AVPacket *content = av_packet_alloc();
    Status status = picture != NULL && content != NULL
                        ? frame_folder_read(&pictures->folder, number, content, err)
                        : out_of_memory(err);
    if (status == STATUS_OK) {
        *bytes = content->size;
        status = load_picture(pictures, number, content, like, picture, frame, err);
    }
    av_packet_free(&content);
    av_frame_free(&picture);
    return status;
}
