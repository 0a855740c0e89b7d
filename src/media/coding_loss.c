#include "media/coding_loss.h"

#include <libavutil/pixdesc.h>
#include <libavutil/video_enc_params.h>
#include <math.h>

void coding_loss_ask(AVCodecContext *decoder)
{
    if (decoder->codec_id == AV_CODEC_ID_H264) {
        decoder->export_side_data |= AV_CODEC_EXPORT_DATA_VIDEO_ENC_PARAMS;
    }
}

/* As if of 8 bits: for every bit more the same loss has a number that is larger by 6 (H.264, 7.4.2.1.1,
 * QpBdOffset). */
static double mean_quantiser(AVVideoEncParams *params, int bit_depth)
{
    double sum = 0;
    for (unsigned i = 0; i < params->nb_blocks; i++) {
        sum += av_video_enc_params_block(params, i)->delta_qp;
    }
    return params->qp + (params->nb_blocks > 0 ? sum / params->nb_blocks : 0) - 6.0 * (bit_depth - 8);
}

/* In FF_QP2LAMBDA's unit, as the field has it; 0 is what frames have of which nothing is told. */
void coding_loss_note(AVFrame *frame)
{
    const AVFrameSideData *data = av_frame_get_side_data(frame, AV_FRAME_DATA_VIDEO_ENC_PARAMS);
    frame->quality = 0;
    if (data == NULL) {
        return;
    }
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    AVVideoEncParams *params = (AVVideoEncParams *)(void *)data->data;
    if (params->type == AV_VIDEO_ENC_PARAMS_H264) {
        frame->quality =
            1 + (int)lrint(fmax(mean_quantiser(params, format != NULL ? format->comp[0].depth : 8), 0) *
                           FF_QP2LAMBDA);
    }
    av_frame_remove_side_data(frame, AV_FRAME_DATA_VIDEO_ENC_PARAMS);
}

float coding_quantiser(const AVFrame *frame)
{
    return frame->quality > 0 ? (float)(frame->quality - 1) / FF_QP2LAMBDA : -1;
}
