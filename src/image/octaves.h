/* What is fine in a picture, told by its size.
 *
 * A plane is smoothed with the binomial kernel 1 4 6 4 1, then again with that kernel spread by 2, and by 4
 * (the "à trous" way, Starck and Murtagh 1994). What one smoothing takes away is an octave: of details about
 * 1, 2 and 4 pixels wide. The plane is the sum of its octaves and the last smoothing. Any thread, each with
 * its own Octaves. Memory: 5 floats a pixel.
 */
#ifndef RUNBATCH_IMAGE_OCTAVES_H
#define RUNBATCH_IMAGE_OCTAVES_H

#include "image/image.h"

enum {
    OCTAVES_MOST = 3,
    OCTAVES_REACH = 14, /* pixels around a place that count for it, with all three */
};

/* plane[0] is to be filled with the picture, plane[1..3] are its smoothings, plane[4] is scratch; all have
 * one size and stride. */
typedef struct Octaves {
    int width;
    int height;
    ptrdiff_t stride;
    float *plane[OCTAVES_MOST + 2];
    /* private */
    Image memory[2];
} Octaves;

/* Zero-initialised or in use; contents are undefined after. ERROR_MEMORY. */
Status octaves_resize(Octaves *octaves, int width, int height, Error *err);
void octaves_free(Octaves *octaves);

/* Fills plane[from + 1] .. plane[to] from plane[from]; beyond the edges the outermost pixels repeat. */
void octaves_smooth(Octaves *octaves, int from, int to);

/* plane[3] = mean of the first octave's squares over 5 x 5 pixels, at the edges over what there is. Needs
 * plane[1]; overwrites the last smoothing. */
void octaves_energy(Octaves *octaves);

#endif
