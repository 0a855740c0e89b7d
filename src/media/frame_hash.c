#include "media/frame_hash.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdbool.h>
#include <xxhash.h>

uint64_t frame_hash(const AVFrame *frame)
{
    const enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const int planes = av_pix_fmt_count_planes(format);
    uint64_t hash = 0;
    for (int plane = 0; plane < planes; plane++) {
        const int bytes = av_image_get_linesize(format, frame->width, plane);
        const bool chroma = plane == 1 || plane == 2;
        const int rows = chroma ? AV_CEIL_RSHIFT(frame->height, desc->log2_chroma_h) : frame->height;
        for (int row = 0; bytes > 0 && row < rows; row++) {
            const uint8_t *line = frame->data[plane] + (ptrdiff_t)row * frame->linesize[plane];
            hash = XXH3_64bits_withSeed(line, (size_t)bytes, hash);
        }
    }
    return hash != 0 ? hash : 1;
}
