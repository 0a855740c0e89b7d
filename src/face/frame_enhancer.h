/* The whole frame through a model that makes it larger and finer (Real-ESRGAN's kind), in overlapping tiles.
 *
 * The frame in hand is replaced by one that is larger by the model's factor, so it must be the last
 * processor. Memory of a thread, beside the model: a tile before and after, and what the model needs for a
 * tile, whatever the frame's size; and the larger frame.
 */
#ifndef RUNBATCH_FACE_FRAME_ENHANCER_H
#define RUNBATCH_FACE_FRAME_ENHANCER_H

#include "face/processor.h"

extern const ProcessorKind frame_enhancer_kind;

/* How many times larger its model makes a frame; 1 for what is no such model. */
int frame_enhancer_factor(const char *model);

/* Pixels a side of a tile: as asked, or, for 0, the largest of some sizes with which `threads` tiles take at
 * most a quarter of `memory_bytes` (0: no limit). */
enum { TILE_LEAST = 48, TILE_MOST = 1024 };
int frame_enhancer_tile(int asked, const char *model);

#endif
