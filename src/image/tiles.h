/* A picture cut into overlapping tiles of one size, so that what is worked on at a time is bounded.
 *
 * The middles of the tiles cover each pixel once; around its middle a tile shows `overlap` pixels more, which
 * may lie outside the picture. Along each side of the picture the tiles are as even as they can be. Pure.
 */
#ifndef RUNBATCH_IMAGE_TILES_H
#define RUNBATCH_IMAGE_TILES_H

#include "image/image.h"

typedef struct Tiling {
    int width; /* of the picture */
    int height;
    int overlap; /* on each side of a tile */
    int columns;
    int rows;
    int middle_width; /* even; at the right and lower border a middle may be cut */
    int middle_height;
} Tiling;

/* Tiles of at most `side` pixels a side; `side` - 2 `overlap` is at least 2. */
Tiling tiling_of(int width, int height, int side, int overlap);

/* The middle of tile `number`, 0 .. columns * rows - 1, inside the picture. */
Rect tiling_middle(const Tiling *tiling, int number);
/* All that the tile shows, perhaps beyond the picture; the same size for all. */
Rect tiling_whole(const Tiling *tiling, int number);

#endif
