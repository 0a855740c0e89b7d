/* A fingerprint of a decoded picture, by which it is known again in another run. Pure. */
#ifndef RUNBATCH_MEDIA_FRAME_HASH_H
#define RUNBATCH_MEDIA_FRAME_HASH_H

#include <libavutil/frame.h>
#include <stdint.h>

/* XXH3 (64 bit) of the visible samples, row after row and plane after plane, each row's seed being the hash
 * of what came before it; never 0, which stands for "not known". For formats that the reader gives. */
uint64_t frame_hash(const AVFrame *frame);

#endif
