#include "media/frame_difference.h"

#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"

static void read_row(const AVFrame *frame, const AVPixFmtDescriptor *desc, int component, int y, int width,
                     uint16_t *codes)
{
    const uint8_t *planes[4] = {frame->data[0], frame->data[1], frame->data[2], frame->data[3]};
    av_read_image_line2(codes, planes, frame->linesize, desc, 0, y, component, width, 0, sizeof *codes);
}

static void add_row(FrameDifference *difference, const uint16_t *was, const uint16_t *is, int width)
{
    for (int x = 0; x < width; x++) {
        const int change = (int)is[x] - (int)was[x];
        const double amount = abs(change);
        difference->differing += change != 0;
        difference->most = abs(change) > difference->most ? abs(change) : difference->most;
        difference->sum += change;
        difference->total += amount;
        difference->squares += amount * amount;
    }
    difference->samples += width;
}

void frame_difference_add(FrameDifference *difference, const AVFrame *was, const AVFrame *is)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)was->format);
    const int components = desc->nb_components < 3 ? 1 : 3;
    uint16_t *rows[2];
    for (int i = 0; i < 2; i++) {
        rows[i] = memory_alloc((size_t)was->width, sizeof *rows[i]);
    }
    for (int c = 0; c < components; c++) {
        const bool chroma = c > 0 && (desc->flags & AV_PIX_FMT_FLAG_RGB) == 0;
        const int width = AV_CEIL_RSHIFT(was->width, chroma ? desc->log2_chroma_w : 0);
        const int height = AV_CEIL_RSHIFT(was->height, chroma ? desc->log2_chroma_h : 0);
        for (int y = 0; y < height; y++) {
            read_row(was, desc, c, y, width, rows[0]);
            read_row(is, desc, c, y, width, rows[1]);
            add_row(difference, rows[0], rows[1], width);
        }
    }
    difference->frames++;
    difference->peak = (1 << desc->comp[0].depth) - 1;
    memory_free(rows[0]);
    memory_free(rows[1]);
}

double frame_difference_psnr(const FrameDifference *difference)
{
    const double peak = difference->peak;
    return difference->squares > 0
               ? 10 * log10(peak * peak * (double)difference->samples / difference->squares)
               : INFINITY;
}

void frame_difference_tell(const FrameDifference *difference, Text *text)
{
    if (difference->differing == 0) {
        text_append(text, "bit for bit");
        return;
    }
    const double samples = (double)difference->samples;
    text_appendf(text,
                 "%.3g %% of the samples off by up to %d of %d levels, by %.2g on average; shift of the mean "
                 "%+.2g levels, PSNR %.1f dB",
                 100.0 * (double)difference->differing / samples, difference->most, difference->peak,
                 difference->total / samples, difference->sum / samples, frame_difference_psnr(difference));
}
