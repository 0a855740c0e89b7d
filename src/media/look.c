#include "media/look.h"

#include <libavutil/pixdesc.h>

#include "base/text.h"
#include "media/reader.h"

void media_look_from(MediaLook *look, const MediaInfo *info)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(info->format);
    const char *format = av_get_pix_fmt_name(info->format);
    *look = (MediaLook){
        .bit_depth = info->bit_depth,
        .chroma_width_shift = desc != NULL ? desc->log2_chroma_w : 1,
        .chroma_height_shift = desc != NULL ? desc->log2_chroma_h : 1,
        .width = info->width,
        .height = info->height,
        .rotation = 90 * info->orientation.quarter_turns,
        .reordered_frames = info->reordered_frames,
        .reference_frames = info->reference_frames,
        .frame_rate = info->frame_rate.num > 0 && info->frame_rate.den > 0 ? av_q2d(info->frame_rate) : 0.0,
        .duration_s = info->duration_s > 0 ? info->duration_s : 0.0,
        .frames = info->frame_count > 0 ? info->frame_count : 0,
        .audio_streams = info->audio_streams,
        .subtitle_streams = info->subtitle_streams,
        .cut_off = info->cut_off,
    };
    text_copy(look->container, sizeof look->container, info->container);
    text_copy(look->codec, sizeof look->codec, info->codec);
    text_copy(look->pixel_format, sizeof look->pixel_format, format != NULL ? format : "");
}

Status media_look(const char *path, MediaLook *look, Error *err)
{
    const ReaderConfig config = {.path = path, .threads = 1, .header_only = true};
    Reader *reader = NULL;
    *look = (MediaLook){0};
    if (reader_open(&reader, &config, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Status status = STATUS_OK;
    if (reader_info(reader)->cut_off) {
        (void)error_set(err, ERROR_INPUT, "cannot read the whole video", path, "the file is cut off");
        error_advise(err, "copy it again");
        status = STATUS_FAILED;
    } else {
        media_look_from(look, reader_info(reader));
    }
    reader_free(&reader);
    return status;
}
