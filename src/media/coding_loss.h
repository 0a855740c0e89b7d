/* How coarsely a frame was coded, as far as its decoder tells: H.264's mean quantiser of its luma, 0 (fine)
 * to
 * 51. Kept in AVFrame.quality, which travels with the frame's other properties. Private to the reader but for
 * coding_quantiser.
 */
#ifndef RUNBATCH_MEDIA_CODING_LOSS_H
#define RUNBATCH_MEDIA_CODING_LOSS_H

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>

/* Before the decoder is opened. */
void coding_loss_ask(AVCodecContext *decoder);
/* Of a frame from that decoder: takes what it told, 20 bytes a macroblock, for the one number. */
void coding_loss_note(AVFrame *frame);

/* -1: not known. */
float coding_quantiser(const AVFrame *frame);

#endif
